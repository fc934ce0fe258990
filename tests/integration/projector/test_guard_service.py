"""G10 in the running projector: what it does and does not do while something is held."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from nats.aio.client import Client

from rosterline.bus.topology import SIS
from rosterline.capture.service import serve_records, serve_sis
from rosterline.config.settings import Settings
from rosterline.db.tables.sis import TABLES
from rosterline.launch.embedded import EmbeddedNats
from rosterline.projector.holds import fetch_waiting, release
from rosterline.projector.requests import Kind, ask, fetch_outcome
from rosterline.projector.service import serve
from rosterline.projector.store import AnotherProjectorError
from rosterline.sample.generate import generate
from tests.support.ledger import connected, differing_tables, is_ready
from tests.support.projection import LEAD_SECONDS, TODAY
from tests.support.running import running, settings_for, until
from tests.support.servers import Databases
from tests.support.streams import client_of, last_sequence

WIPE = "DELETE FROM sis.roster"
HELD = "SELECT count(*) FROM rosterline.hold WHERE released_at IS NULL AND ended_at IS NULL"
ACTIVE = "SELECT count(*) FROM v1p2.enrollments WHERE status = 'active'"
LOADING = "SELECT loading FROM rosterline.cursor WHERE stream = 'SIS'"
# No day ends by itself in a test; what some of them would end could be held.
NOON = datetime.fromisoformat(f"{TODAY}T12:00:00Z")


@dataclass
class Office:
    """A running district, and the clock that its projector goes by."""

    databases: Databases
    settings: Settings
    days: list[int] = field(default_factory=list)
    captures: AsyncExitStack = field(default_factory=AsyncExitStack)
    began: float = field(default_factory=time.monotonic)

    def now(self) -> datetime:
        """The time since the office began at noon, some days later."""
        gone = timedelta(seconds=time.monotonic() - self.began)
        return NOON + gone + timedelta(days=sum(self.days))

    @property
    def project(self) -> Callable[[Settings, asyncio.Event], Coroutine[Any, Any, None]]:
        """The projector with this clock."""
        return partial(serve, now=self.now)

    async def value(self, query: str) -> Any:
        """One value of the Rosterline database."""
        async with connected(self.databases.dsn) as connection:
            return await connection.fetchval(query)

    async def write(self, *statements: str) -> None:
        """Transactions of the SIS."""
        async with connected(self.databases.sis_dsn) as sis:
            for statement in statements:
                await sis.execute(statement)

    async def is_held(self) -> bool:
        """Whether something waits for an operator."""
        return bool(await self.value(HELD) == 1)

    async def is_equal(self) -> bool:
        """Whether all is applied: the mirror is a copy of the SIS, no snapshot under way."""
        if await self.value(HELD) or await self.value(LOADING):
            return False
        return not await differing_tables(self.databases.sis_dsn, self.databases.dsn)

    async def capture(self, *tables: str) -> None:
        """Run capture of the SIS, anew if it runs, and let it send tables anew."""
        await self.captures.aclose()
        service = partial(serve_sis, resnapshot=tables)
        _ = await self.captures.enter_async_context(running(service, self.settings))

    async def let_go(self) -> None:
        """Release what is held."""
        async with connected(self.databases.dsn) as connection:
            (hold,) = await fetch_waiting(connection)
            assert await release(connection, hold.hold_id) is not None


@pytest.fixture
async def office(databases: Databases, nats_server: EmbeddedNats) -> AsyncIterator[Office]:
    """A loaded district whose captures run; of the projector a test decides."""
    settings = settings_for(
        databases, nats_server, guard_records=5, stamp_lead_seconds=LEAD_SECONDS
    )
    await generate(databases.sis_dsn, students=15, seed=2, progress=lambda *_: None, today=TODAY)
    made = Office(databases, settings)
    async with running(serve_records, settings), made.captures:
        await made.capture()
        async with running(made.project, settings):
            await until(lambda: is_ready(databases.dsn))
        yield made


async def test_g10_nothing_behind_a_held_transaction_is_applied_until_its_release(
    office: Office,
) -> None:
    before = await office.value(ACTIVE)
    async with running(office.project, office.settings):
        await office.write(WIPE, "UPDATE sis.district SET name = 'after'")
        await until(office.is_held)
        assert await office.value(ACTIVE) == before
        assert await office.value("SELECT name FROM mirror.district") != "after"
    # Stopped and started, it is still the same hold.
    async with running(office.project, office.settings):
        await office.let_go()
        await until(office.is_equal)
    assert await office.value("SELECT name FROM mirror.district") == "after"
    assert await office.value("SELECT count(*) FROM rosterline.hold") == 1
    assert await office.value("SELECT ended_at > released_at FROM rosterline.hold")


async def test_g10_while_it_holds_it_stays_the_only_one_and_stops_at_once(office: Office) -> None:
    stop = asyncio.Event()
    serving = asyncio.create_task(office.project(office.settings, stop))
    await office.write(WIPE)
    await until(office.is_held)
    with pytest.raises(AnotherProjectorError):
        await serve(office.settings, asyncio.Event())
    stop.set()
    async with asyncio.timeout(15):
        await serving


async def test_g10_a_new_day_and_a_rebuild_go_on_while_something_is_held(office: Office) -> None:
    async with running(office.project, office.settings):
        await office.write(WIPE)
        await until(office.is_held)
        before = await office.value(ACTIVE)
        office.days.append(1)
        tomorrow = office.now().date()

        async def is_tomorrow() -> bool:
            return bool(await office.value("SELECT evaluated_on FROM rosterline.clock") == tomorrow)

        await until(is_tomorrow)
        async with connected(office.databases.dsn) as connection:
            await connection.execute("DELETE FROM v1p2.enrollments WHERE status = 'active'")
            number = await ask(connection, Kind.REBUILD)
            outcome = await until(lambda: fetch_outcome(connection, number))
        assert outcome == {"records": before}
        assert await office.value(ACTIVE) == before
        await office.let_go()
        await until(office.is_equal)
    assert await office.value(ACTIVE) < before


async def test_g10_a_stream_made_anew_ends_the_hold_and_its_snapshot_is_held_instead(
    office: Office, nats_server: EmbeddedNats
) -> None:
    async with running(office.project, office.settings):
        await office.write(WIPE)
        await until(office.is_held)
        first = await office.value("SELECT max(hold_id) FROM rosterline.hold")
        async with client_of(nats_server.url) as client:
            await client.jetstream().delete_stream(SIS)

        async def is_another() -> bool:
            waiting = "SELECT max(hold_id) FROM rosterline.hold WHERE ended_at IS NULL"
            return bool((await office.value(waiting) or 0) > first)

        await office.write("UPDATE sis.district SET name = 'after'")
        await until(is_another)
        assert await office.value(HELD) == 1
        await office.let_go()
        await until(office.is_equal)


async def test_g10_of_a_mistake_that_was_mended_vendors_see_nothing(office: Office) -> None:
    before = await office.value(ACTIVE)
    last = await office.value("SELECT last_sequence FROM rosterline.clock")
    async with running(office.project, office.settings):
        await office.write("CREATE TABLE public.kept AS SELECT * FROM sis.roster", WIPE)
        await until(office.is_held)
        await office.write("INSERT INTO sis.roster SELECT * FROM public.kept")
        await office.capture(*TABLES)

        async def has_ended() -> bool:
            return bool(await office.value("SELECT ended_at FROM rosterline.hold"))

        await until(has_ended)
        await until(office.is_equal)
        await office.write("UPDATE sis.district SET name = 'after'")
        await until(office.is_equal)
    assert await office.value(ACTIVE) == before
    # Only the district, in both versions.
    assert await office.value("SELECT last_sequence FROM rosterline.clock") == last + 2
    assert await office.value("SELECT released_at IS NULL FROM rosterline.hold")


async def test_g10_a_snapshot_of_some_tables_takes_the_place_of_nothing(office: Office) -> None:
    async with running(office.project, office.settings):
        await office.write(WIPE)
        await until(office.is_held)
        async with client_of(office.settings.nats_url) as client:
            end = await last_sequence(client, SIS)
            await office.capture("district", "roster")
            await until(lambda: grown(client, end + 3))
        assert await office.is_held()
        await office.let_go()
        await until(office.is_equal)
    assert await office.value("SELECT count(*) FROM rosterline.hold") == 1


async def grown(client: Client, sequence: int) -> bool:
    """Whether stream SIS is so long."""
    return await last_sequence(client, SIS) >= sequence
