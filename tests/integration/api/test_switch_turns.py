"""G3, G5: what a connection sees of a switch that is turned while it reads."""

import asyncio

import asyncpg
import pytest

from rosterline.api.access import connections
from rosterline.api.viewing.switches import Switches, Turns
from rosterline.config.settings import Settings
from rosterline.oneroster.stamps import format_stamp
from rosterline.oneroster.v1p2 import ROSTERING_PATH
from tests.support.families import (
    AGENTS,
    OTHERS,
    WAYS,
    Hall,
    Way,
    delta,
    gather,
    ids,
    one,
    person,
    turn,
)
from tests.support.pollers import (
    LargestStampPoller,
    Poller,
    RequestTimePoller,
    active,
    poll_until,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

USERS = f"{ROSTERING_PATH}/users"


@pytest.mark.parametrize("kind", [LargestStampPoller, RequestTimePoller])
async def test_g3_a_poller_learns_of_turned_switches_while_others_write(
    hall: Hall, needing: Settings, kind: type[Poller]
) -> None:
    polled = await hall.vendor("polled")
    writer = await asyncpg.connect(needing.dsn)
    hall.plain.read_model.is_live = True
    poller = kind(polled.http, "users", 3)
    stop = asyncio.Event()
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        tasks.create_task(poll_until(poller, stop))
        for number, turns in enumerate(
            (
                {"secondary_email": True},
                {"gradebook_sync": True},
                {"gradebook_sync": False},
                {"gradebook_sync": True, "secondary_email": False},
                {"secondary_email": True},
            )
        ):
            writing = tasks.create_task(
                hall.plain.read_model.write(
                    person("s2", "student", name=f"Name {number}"),
                    person(f"g{number + 2}", "guardian"),
                )
            )
            await connections.turn(writer, "polled", Turns(**turns), needing)
            await writing
        stop.set()
    await writer.close()
    whole = await gather(polled, "/users", WAYS["whole by links"])
    assert whole.records["s1"]["email"] == "s1@second.test"
    assert AGENTS | {"g6"} <= set(whole.records)
    assert active(poller.records) == whole.records


@pytest.mark.parametrize("kind", [LargestStampPoller, RequestTimePoller])
async def test_g5_a_poller_ends_without_the_agents_that_a_switch_hides(
    hall: Hall, needing: Settings, kind: type[Poller]
) -> None:
    polled = await hall.vendor("polled", Switches(gradebook_sync=True))
    poller = kind(polled.http, "users", 2)
    await poller.poll()
    assert set(active(poller.records)) >= AGENTS
    await turn(polled, needing, gradebook_sync=False)
    await poller.poll()
    assert set(active(poller.records)) == OTHERS
    assert (
        active(poller.records) == (await gather(polled, "/users", WAYS["whole by links"])).records
    )
    await turn(polled, needing, gradebook_sync=True)
    await poller.poll()
    assert set(active(poller.records)) == OTHERS | AGENTS


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
async def test_g5_hidden_agents_are_tombstones_as_last_seen_and_come_back(
    hall: Hall, needing: Settings, way: Way
) -> None:
    flipped = await hall.vendor("flipped", Switches(gradebook_sync=True))
    usual = await gather(hall.plain, "/users", WAYS["delta by links"])
    before = format_stamp(hall.plain.read_model.last_stamp)
    moment = await turn(flipped, needing, gradebook_sync=False)
    seen = await gather(flipped, "/users", way)
    tombstones = AGENTS | {"g0", "s0"} if way.is_delta else set()
    assert (set(seen.records), seen.total) == (OTHERS | tombstones, len(OTHERS | tombstones))
    assert {record["dateLastModified"] for record in seen.records.values()} == {moment}
    for key in AGENTS | {"g0"}:
        dead = {**usual.records[key], "status": "tobedeleted", "dateLastModified": moment}
        assert await one(flipped, key) == dead
        assert not way.is_delta or seen.records[key] == dead
    assert set(await delta(flipped, "/users", before)) == OTHERS | AGENTS | {"g0", "s0"}
    assert await delta(flipped, "/users", moment) == {}
    assert await delta(hall.plain, "/users", before) == {}

    back = await turn(flipped, needing, gradebook_sync=True)
    seen = await gather(flipped, "/users", way)
    assert set(seen.records) == OTHERS | AGENTS | ({"g0", "s0"} if way.is_delta else set())
    assert seen.total == len(seen.records)
    for key, record in seen.records.items():
        assert record == {**usual.records[key], "dateLastModified": back}
        assert await one(flipped, key) == record
    assert set(await delta(flipped, "/users", moment)) == OTHERS | AGENTS | {"g0", "s0"}


async def test_tombstones_of_a_turned_switch_come_in_lists_where_they_are_wanted(
    hall: Hall, needing: Settings
) -> None:
    flipped = await hall.vendor("flipped", Switches(gradebook_sync=True, tombstones=True))
    await turn(flipped, needing, gradebook_sync=False)
    assert await ids(flipped) == OTHERS | AGENTS | {"g0", "s0"}
    assert await ids(flipped, "/teachers") == {"t1", "t2"}


async def test_g5_a_guardian_deleted_before_the_switch_was_turned_stays_a_tombstone(
    hall: Hall, needing: Settings
) -> None:
    flipped = await hall.vendor("flipped", Switches(gradebook_sync=True))
    poller = LargestStampPoller(flipped.http, "users", 2)
    await poller.poll()
    await hall.plain.read_model.write(person("g1", "guardian", status="tobedeleted"))
    await turn(flipped, needing, gradebook_sync=False)
    await poller.poll()
    assert set(active(poller.records)) == OTHERS


async def test_a_hidden_guardian_who_becomes_a_teacher_is_seen_as_a_teacher(
    hall: Hall, needing: Settings
) -> None:
    flipped = await hall.vendor("flipped", Switches(gradebook_sync=True))
    moment = await turn(flipped, needing, gradebook_sync=False)
    hall.plain.read_model.is_live = True
    await hall.plain.read_model.write(person("g1", "teacher", "guardian"))
    (seen,) = (await delta(flipped, "/users", moment)).values()
    assert (seen["sourcedId"], seen["status"]) == ("g1", "active")
    assert [role["role"] for role in seen["roles"]] == ["teacher"]
    assert await one(flipped, "g1") == seen
    assert "g1" in await ids(flipped, "/teachers")
    whole = await gather(flipped, "/users", WAYS["delta by links"])
    assert (whole.order.count("g1"), whole.records["g1"]) == (1, seen)
    assert whole.total == len(whole.order)


async def test_a_second_turn_restamps_the_tombstones_of_the_first(
    hall: Hall, needing: Settings
) -> None:
    flipped = await hall.vendor("flipped", Switches(gradebook_sync=True))
    await turn(flipped, needing, gradebook_sync=False)
    moment = await turn(flipped, needing, secondary_email=True)
    dead = await one(flipped, "g1")
    assert dead is not None
    assert (dead["status"], dead["dateLastModified"]) == ("tobedeleted", moment)
    seen = await gather(flipped, "/users", WAYS["delta by stamp by links"])
    assert {record["dateLastModified"] for record in seen.records.values()} == {moment}
    assert seen.records["t1"]["email"] == "t1@second.test"


ORDERS = [
    {},
    {"sort": "sourcedId", "orderBy": "desc"},
    {"sort": "dateLastModified"},
    {"filter": "dateLastModified>'1970-01-01'"},
]


@pytest.mark.parametrize("parameters", ORDERS)
@pytest.mark.parametrize("by_links", [True, False])
@pytest.mark.parametrize(
    ("turns", "there"),
    [({"secondary_email": True}, OTHERS | AGENTS), ({"gradebook_sync": False}, OTHERS)],
)
async def test_g3_a_walk_begun_before_a_turn_goes_on_without_losing_a_record(
    hall: Hall,
    needing: Settings,
    *,
    turns: dict[str, bool],
    there: set[str],
    by_links: bool,
    parameters: dict[str, str],
) -> None:
    walker = await hall.vendor("walker", Switches(gradebook_sync=True))
    poller = LargestStampPoller(walker.http, "users", 2)
    page = await poller.get(USERS, {"limit": 2, **parameters})
    watermark = page.headers["Rosterline-Watermark"]
    await turn(walker, needing, **turns)
    offset = 2
    while page.json()["users"]:
        if by_links and "next" not in page.links:
            break
        page = await (
            poller.get(page.links["next"]["url"])
            if by_links
            else poller.get(USERS, {"limit": 2, "offset": offset, **parameters})
        )
        offset += 2
        assert all(each["dateLastModified"] <= watermark for each in page.json()["users"])
    # A walk by stamps shows what holds at its watermark; the delta brings the rest.
    if "dateLastModified" not in str(parameters):
        assert there <= set(poller.records)
    await poller.poll()
    whole = await gather(walker, "/users", WAYS["whole by links"])
    assert set(whole.records) == there
    assert active(poller.records) == whole.records
