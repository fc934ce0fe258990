"""G8: an event of a written record is byte for byte what GET answers."""

import httpx

from rosterline.config.settings import Settings
from rosterline.oneroster import v1p1, v1p2
from rosterline.oneroster.record import HREF_BASE
from rosterline.oneroster.vocabulary import WRITTEN, Entity, Version
from tests.support import projection
from tests.support.api import Served, serving
from tests.support.gradebooks import find_place, put
from tests.support.projection import Chain, Event
from tests.support.whole_district import all_seeing, token_of
from tests.support.written_documents import ONE_OF_EACH_WRITTEN, RESULT

DISTANCE = len(HREF_BASE)


def address(event: Event) -> str:
    """Where the event's record is read."""
    entity = Entity(event.entity)
    newer = event.version == Version.V1P2
    prefix, _ = v1p2.ADDRESSES[entity] if newer else v1p1.ADDRESSES[entity]
    return prefix[DISTANCE:] + event.key[2]


async def get(served: Served, event: Event, token: str) -> httpx.Response:
    """GET of the event's record."""
    return await served.http.get(address(event), headers={"Authorization": f"Bearer {token}"})


async def test_g8_the_event_of_a_written_record_is_what_a_get_answers(chain: Chain) -> None:
    reader = chain.store.reader
    place = await find_place(reader)
    await put(reader, *map(place.at, ONE_OF_EACH_WRITTEN))
    await chain.sync_records()
    await put(reader, place.at(RESULT).but(score=3), place.at(RESULT.but(sourcedId="r2")))
    await put(reader, place.at(RESULT.but(sourcedId="r2")).but(status="tobedeleted"))
    await chain.sync_records()
    last = {
        event.key: event for event in chain.store.events if event.key[1] in WRITTEN[Version.V1P2]
    }
    settings = Settings(dsn=chain.store.dsn, public_url=projection.BASE_URL)
    async with serving(chain.store.dsn, settings=settings, ready=False) as served:
        tokens = {
            version: await token_of(served, await all_seeing(served, version))
            for version in Version
        }
        different = []
        for event in last.values():
            answer = await get(served, event, tokens[Version(event.version)])
            if answer.content != event.data.encode():
                different.append((event.key, answer.content, event.data))
    assert different == []
    assert {event.operation for event in last.values()} == {"created", "updated", "deleted"}
    assert {key[:2] for key in last} == {
        (version.value, entity.value) for version in Version for entity in WRITTEN[version]
    }
