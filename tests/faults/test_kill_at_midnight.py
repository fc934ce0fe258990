"""G3, G4: a projector that is killed while a day begins tells that day once and whole."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from rosterline.launch.embedded import EmbeddedNats
from rosterline.sample.generate import generate
from rosterline.telemetry import failpoints
from tests.support.chain import SERVICES, Chain
from tests.support.ledger import connected, is_ready, state_of_read_model, state_of_stream
from tests.support.projection import fresh_load
from tests.support.running import settings_for
from tests.support.servers import Databases
from tests.support.streams import client_of, read_all

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

BASE_URL = "http://rosterline.test"
PROJECTOR = "projector"
DAY = "SELECT evaluated_on FROM rosterline.clock WHERE ready"
# Ends on the day for which the records hold, so that the next day finds them ended.
END_TODAY = (
    "UPDATE sis.roster SET end_date = $1 WHERE roster_id % 3 = 0",
    "UPDATE sis.enrollment SET end_date = $1 WHERE enrollment_id % 4 = 0",
    "UPDATE sis.relationship SET end_date = $1 WHERE relationship_id % 5 = 0",
    "UPDATE sis.section_staff SET end_date = $1 WHERE section_staff_id % 5 = 0",
)
KNOWN = "SELECT count(*) > 0 FROM mirror.section_staff WHERE end_date = $1"
POINTS = [
    f"{failpoints.PROJECTOR_DURING_DAY}:1",
    f"{failpoints.PROJECTOR_DURING_DAY}:4",
    f"{failpoints.PROJECTOR_AFTER_COMMIT}:1",
]


def west_and_east() -> tuple[str, str]:
    """Two zones 24 hours apart: whatever the time is, it is the day after here there.

    Both days begin at once, for the one pair at 12:00 UTC, for the other at 10:00. Before 11:00
    that of the first is more than an hour ahead, from then on that of the second more than an
    hour past; so neither begins while a test runs.
    """
    if datetime.now(UTC).hour < 11:
        return "Etc/GMT+12", "Etc/GMT-12"
    return "Etc/GMT+10", "Etc/GMT-14"


async def value(dsn: str, query: str, *arguments: object) -> object:
    """One value of the Rosterline database."""
    async with connected(dsn) as connection:
        return await connection.fetchval(query, *arguments)


async def live_until_midnight(databases: Databases, chain: Chain) -> date:
    """A loaded district in which much ends today; the day."""
    await generate(databases.sis_dsn, students=25, seed=7, progress=lambda *_: None)
    for service in SERVICES:
        chain.start(service)
    await chain.until(lambda: is_ready(databases.dsn), seconds=60)
    day = await value(databases.dsn, DAY)
    assert isinstance(day, date)
    async with connected(databases.sis_dsn) as sis, sis.transaction():
        for statement in END_TODAY:
            await sis.execute(statement, day)
    await chain.until(lambda: value(databases.dsn, KNOWN, day), seconds=30)
    return day


@pytest.mark.parametrize("point", POINTS)
async def test_g3_g4_a_day_whose_beginning_is_killed_is_told_once_and_whole(
    databases: Databases, nats_server: EmbeddedNats, tmp_path: Path, point: str
) -> None:
    west, east = west_and_east()
    async with Chain(settings_for(databases, nats_server, time_zone=west), tmp_path) as chain:
        before = await live_until_midnight(databases, chain)
    settings = settings_for(databases, nats_server, time_zone=east, load_people=3)
    async with Chain(settings, tmp_path) as chain, client_of(nats_server.url) as client:
        for service in SERVICES:
            chain.start(service, point if service == PROJECTOR else "")

        async def is_whole() -> bool:
            stream = await state_of_stream(client)
            model = await state_of_read_model(databases.dsn, BASE_URL)
            same = stream == {entity: records for entity, records in model.items() if records}
            return same and await value(databases.dsn, DAY) != before

        await chain.until(is_whole, seconds=60)
        assert chain.deaths[PROJECTOR] == [-9], chain.logs()
        day = await value(databases.dsn, DAY)
        assert isinstance(day, date)
        told = [
            (subject.split(".")[2:4], headers)
            for subject, headers, _ in await read_all(client, "ONEROSTER")
            if headers["ce-transactionid"] == f"day-{day}"
        ]
    last = [headers["ce-transactionlast"] for _, headers in told]
    assert last == ["false"] * (len(told) - 1) + ["true"]
    assert len({headers["ce-time"] for _, headers in told}) == 1
    records = [(*place, headers["ce-subject"]) for place, headers in told]
    assert len(records) == len(set(records)) > 20
    await check_statuses(databases.dsn, day)


async def check_statuses(dsn: str, day: date) -> None:
    """Every record has the status that a first load of that day would give it."""
    async with connected(dsn) as connection:
        wanted = await fresh_load(connection, day)
    model = await state_of_read_model(dsn, BASE_URL)
    different = [
        key
        for key, draft in wanted.items()
        if model[f"{key[0]}.{key[1]}"][key[2]]["status"] != draft.status
    ]
    assert different == []
