"""The running projector passes midnight in the district's time zone, though no message comes."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial

import pytest
from nats.aio.client import Client

from rosterline.bus.topology import ONEROSTER
from rosterline.capture.service import serve_records, serve_sis
from rosterline.config.settings import Settings
from rosterline.launch.embedded import EmbeddedNats
from rosterline.projector.service import serve
from rosterline.sample.generate import generate
from tests.support.ledger import connected
from tests.support.running import running, settings_for, until
from tests.support.servers import Databases
from tests.support.streams import client_of, read_all

# Fourteen hours ahead of UTC: its days begin at ten in the morning.
KIRITIMATI = "Pacific/Kiritimati"
EVE = date(2025, 10, 15)
LAST_SECOND = datetime(2025, 10, 15, 9, 59, 59, tzinfo=UTC)
END_ROSTERS = """
UPDATE sis.roster SET end_date = $1
WHERE roster_id IN (SELECT substr(sourced_id, 2)::bigint FROM unnest($2::text[]) AS sourced_id)
"""
ACTIVE_ROSTERS = """
SELECT sourced_id FROM v1p2.enrollments
WHERE status = 'active' AND document LIKE '%"role":"student"%' ORDER BY sourced_id LIMIT 6
"""
ENDED = """
SELECT count(*) FROM v1p2.enrollments
WHERE status = 'tobedeleted' AND sourced_id = ANY($1::text[])
"""


@dataclass
class Machine:
    """The clock of the machine, and what runs on it."""

    settings: Settings
    dsn: str
    bus: Client
    time: datetime = LAST_SECOND

    def now(self) -> datetime:
        """The time that the projector is told."""
        return self.time

    async def value(self, query: str, *arguments: object) -> object:
        """One value of the Rosterline database."""
        async with connected(self.dsn) as connection:
            return await connection.fetchval(query, *arguments)

    async def day(self) -> object:
        """The day for which the records hold."""
        return await self.value("SELECT evaluated_on FROM rosterline.clock WHERE ready")

    async def events(self, day: date) -> list[tuple[str, str]]:
        """Operation and record of what a day told in 1.2, once all of it is in the stream."""

        async def all_told() -> list[tuple[str, dict[str, str], bytes]]:
            found = await read_all(self.bus, ONEROSTER)
            last = await self.value("SELECT last_sequence FROM rosterline.clock")
            return found if len(found) == last else []

        return sorted(
            (subject.rpartition(".")[2], headers["ce-subject"])
            for subject, headers, _ in await until(all_told)
            if headers["ce-transactionid"] == f"day-{day}" and ".v1p2." in subject
        )


@pytest.fixture
async def machine(databases: Databases, nats_server: EmbeddedNats) -> AsyncIterator[Machine]:
    """A district whose first load ended a second before midnight; capture goes on."""
    settings = settings_for(databases, nats_server, time_zone=KIRITIMATI)
    await generate(databases.sis_dsn, students=8, seed=7, progress=lambda *_: None, today=EVE)
    async with (
        client_of(nats_server.url) as bus,
        running(serve_sis, settings),
        running(serve_records, settings),
    ):
        made = Machine(settings, databases.dsn, bus)
        async with running(partial(serve, now=made.now), settings):
            await until(made.day)
        yield made


async def end_rosters(machine: Machine, sis_dsn: str, last_day: date) -> list[str]:
    """Let six places in classes end after a day, and the projector know; their ids."""
    async with connected(machine.dsn) as connection:
        chosen = [row[0] for row in await connection.fetch(ACTIVE_ROSTERS)]
    async with connected(sis_dsn) as sis:
        assert await sis.execute(END_ROSTERS, last_day, chosen) == "UPDATE 6"
    known = "SELECT count(*) = 6 FROM mirror.roster WHERE end_date = $1"
    await until(partial(machine.value, known, last_day))
    return chosen


async def test_g3_midnight_in_the_districts_time_zone_ends_what_ended_with_the_day(
    machine: Machine, databases: Databases
) -> None:
    async with running(partial(serve, now=machine.now), machine.settings):
        chosen = await end_rosters(machine, databases.sis_dsn, EVE)
        assert await machine.day() == EVE
        assert await machine.value(ENDED, chosen) == 0
        machine.time += timedelta(seconds=1)
        await until(lambda: is_day(machine, EVE + timedelta(days=1)))
        assert await machine.value(ENDED, chosen) == 6
        told = await machine.events(EVE + timedelta(days=1))
    assert told == [("deleted", sourced_id) for sourced_id in sorted(chosen)]


async def is_day(machine: Machine, day: date) -> bool:
    """Whether the records hold for this day."""
    return await machine.day() == day


async def test_g3_after_days_of_standing_still_it_catches_up_in_one_step(
    machine: Machine, databases: Databases
) -> None:
    later = EVE + timedelta(days=9)
    async with running(partial(serve, now=machine.now), machine.settings):
        chosen = await end_rosters(machine, databases.sis_dsn, EVE + timedelta(days=4))
    machine.time += timedelta(days=9)
    async with running(partial(serve, now=machine.now), machine.settings):
        await until(lambda: is_day(machine, later))
        assert await machine.value(ENDED, chosen) == 6
        told = await machine.events(later)
    assert told == [("deleted", sourced_id) for sourced_id in sorted(chosen)]


async def test_a_day_that_was_begun_and_not_ended_leaves_nothing(
    machine: Machine, databases: Databases
) -> None:
    """Its session ends while it waits for a row: the next one does the day again, as a whole."""
    tomorrow = EVE + timedelta(days=1)
    async with running(partial(serve, now=machine.now), machine.settings):
        chosen = await end_rosters(machine, databases.sis_dsn, EVE)
        async with connected(machine.dsn) as blocker:
            transaction = blocker.transaction()
            await transaction.start()
            lock = "SELECT FROM v1p2.enrollments WHERE sourced_id = $1 FOR UPDATE"
            await blocker.execute(lock, chosen[3])
            machine.time += timedelta(seconds=1)
            waiting = (
                "SELECT pid FROM pg_stat_activity WHERE application_name = 'rosterline projector' "
                "AND datname = current_database() AND wait_event_type = 'Lock'"
            )
            pid = await until(partial(machine.value, waiting))
            assert await machine.value("SELECT pg_terminate_backend($1, 5000)", pid)
            assert (await machine.day(), await machine.value(ENDED, chosen)) == (EVE, 0)
            await transaction.rollback()
        await until(lambda: is_day(machine, tomorrow))
        assert await machine.value(ENDED, chosen) == 6
        told = await machine.events(tomorrow)
    assert told == [("deleted", sourced_id) for sourced_id in sorted(chosen)]
