"""Live changes are ordinary office work: valid, varied, described without personal data."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import date
from random import Random

import asyncpg
import psycopg
import pytest

from rosterline.db.pools import open_connection
from rosterline.db.tables.sis import TABLES
from rosterline.sample.changes import (
    WORK,
    NothingToChangeError,
    Work,
    in_random_order,
    one_change,
    run_changes,
)
from rosterline.sample.generate import generate
from rosterline.sample.registrar import Registrar
from tests.support.servers import Databases

TODAY = date(2025, 10, 15)
DATES_OUT_OF_ORDER = """
    SELECT count(*) FROM (
        SELECT start_date, end_date FROM sis.enrollment
        UNION ALL SELECT start_date, end_date FROM sis.roster
        UNION ALL SELECT start_date, end_date FROM sis.section_staff
    ) span WHERE start_date > end_date
"""
TWICE_IN_A_SECTION = """
    SELECT count(*) FROM (
        SELECT FROM sis.roster WHERE end_date IS NULL
        GROUP BY section_id, person_id HAVING count(*) > 1
    ) twice
"""
TWO_PRIMARY_TEACHERS = """
    SELECT count(*) FROM (
        SELECT FROM sis.section_staff WHERE end_date IS NULL AND role = 'primary'
        GROUP BY section_id HAVING count(*) > 1
    ) twice
"""


@pytest.fixture
async def sis_dsn(databases: Databases) -> str:
    """A SIS with a small district."""
    await generate(databases.sis_dsn, students=300, seed=3, progress=lambda *_: None, today=TODAY)
    return databases.sis_dsn


@pytest.fixture
async def connection(sis_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to it."""
    async with open_connection(sis_dsn, "test") as opened:
        yield opened


async def contents(connection: asyncpg.Connection) -> list[str | None]:
    """A hash of each table's rows."""
    return [
        await connection.fetchval(
            f"SELECT md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM sis.{table} t"
        )
        for table in TABLES
    ]


@pytest.mark.parametrize("work", WORK, ids=lambda work: work.__name__)
async def test_each_piece_of_work_changes_rows_just_when_it_says_so(
    connection: asyncpg.Connection, work: Work
) -> None:
    rng = Random(1)
    before, done = await contents(connection), None
    for _ in range(200):
        async with connection.transaction():
            done = await work(Registrar(connection, rng, TODAY))
        if done:
            break
        assert await contents(connection) == before
    assert done
    assert await contents(connection) != before


async def test_many_changes_leave_the_sis_in_order(connection: asyncpg.Connection) -> None:
    twice = await connection.fetchval(TWICE_IN_A_SECTION)
    rng = Random(5)
    texts = [await one_change(connection, rng, today=TODAY) for _ in range(400)]
    assert await connection.fetchval(DATES_OUT_OF_ORDER) == 0
    assert await connection.fetchval(TWICE_IN_A_SECTION) <= twice
    assert await connection.fetchval(TWO_PRIMARY_TEACHERS) == 0
    assert {text.split()[0] for text in texts} >= {
        "enrolled", "withdrew", "moved", "renamed", "changed", "gave", "deleted", "hid", "did",
    }  # fmt: skip


async def test_descriptions_hold_no_personal_data(connection: asyncpg.Connection) -> None:
    rng = Random(6)
    texts = " ".join([await one_change(connection, rng, today=TODAY) for _ in range(200)])
    people = await connection.fetch("SELECT family_name, email FROM sis.person")
    schools = await connection.fetch("SELECT name FROM sis.school")
    for school in schools:
        texts = texts.replace(school["name"], "")
    words = set(texts.split())
    assert words.isdisjoint(person["family_name"] for person in people)
    assert "@" not in texts


async def test_the_same_seed_does_the_same_to_the_same_district(databases: Databases) -> None:
    runs = []
    for _ in range(2):
        async with open_connection(databases.sis_dsn, "test") as connection:
            await connection.execute(f"TRUNCATE {', '.join(f'sis.{table}' for table in TABLES)}")
            await generate(
                databases.sis_dsn, students=200, seed=3, progress=lambda *_: None, today=TODAY
            )
            rng = Random(9)
            runs.append([await one_change(connection, rng, today=TODAY) for _ in range(30)])
    assert runs[0] == runs[1]


async def test_a_district_of_one_student_can_be_changed(databases: Databases) -> None:
    await generate(databases.sis_dsn, students=1, seed=1, progress=lambda *_: None, today=TODAY)
    async with open_connection(databases.sis_dsn, "test") as connection:
        rng = Random(2)
        assert all([await one_change(connection, rng, today=TODAY) for _ in range(100)])


async def test_an_empty_sis_is_refused_with_the_remedy(databases: Databases) -> None:
    async with open_connection(databases.sis_dsn, "test") as connection:
        with pytest.raises(NothingToChangeError, match="rosterline generate"):
            await one_change(connection, Random(1))


def test_all_work_has_its_turn_and_frequent_work_more_often() -> None:
    rng = Random(4)
    firsts = [in_random_order(rng, WORK)[0] for _ in range(5000)]
    shares = {work: firsts.count(work) / 5000 for work in WORK}
    total = sum(WORK.values())
    for work, weight in WORK.items():
        assert abs(shares[work] - weight / total) < 0.03, work.__name__


class Watch:
    """Collects what was done, and can be waited for."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.more = asyncio.Event()

    def __call__(self, text: str) -> None:
        self.texts.append(text)
        self.more.set()

    async def reach(self, number: int) -> None:
        """Wait for so many changes."""
        async with asyncio.timeout(20):
            while len(self.texts) < number:
                self.more.clear()
                await self.more.wait()


async def test_changes_go_on_at_the_rate_until_stopped(sis_dsn: str) -> None:
    stop, watch = asyncio.Event(), Watch()
    clock = asyncio.get_running_loop().time
    began = clock()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run_changes(sis_dsn, rate=50, seed=1, stop=stop, on_change=watch))
        await watch.reach(25)
        took = clock() - began
        stop.set()
    assert took >= 24 / 50


async def test_changes_go_on_after_the_connection_was_cut(sis_dsn: str) -> None:
    stop, watch = asyncio.Event(), Watch()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run_changes(sis_dsn, rate=100, seed=1, stop=stop, on_change=watch))
        for _ in range(3):
            await watch.reach(len(watch.texts) + 5)
            assert cut_connections(sis_dsn) == 1
            await watch.reach(len(watch.texts) + 5)
        stop.set()


def cut_connections(dsn: str, way: str = "pg_terminate_backend") -> int:
    """End the office's sessions, or what they are doing, on the server; how many there were."""
    with psycopg.connect(dsn, autocommit=True) as admin:
        ended = admin.execute(
            f"SELECT {way}(pid) FROM pg_stat_activity "
            "WHERE application_name = 'rosterline changes' AND datname = current_database()"
        ).fetchall()
    return len(ended)


@pytest.mark.parametrize("way", ["pg_terminate_backend", "pg_cancel_backend"])
async def test_a_change_that_is_cut_in_the_middle_is_followed_by_others(
    sis_dsn: str, connection: asyncpg.Connection, way: str
) -> None:
    stop, watch = asyncio.Event(), Watch()
    async with asyncio.TaskGroup() as tasks:
        async with connection.transaction():
            await connection.execute("LOCK TABLE sis.roster IN SHARE ROW EXCLUSIVE MODE")
            tasks.create_task(run_changes(sis_dsn, rate=500, seed=1, stop=stop, on_change=watch))
            await office_is_blocked(sis_dsn)
            assert cut_connections(sis_dsn, way) == 1
        await watch.reach(len(watch.texts) + 20)
        stop.set()


async def test_a_change_that_loses_a_deadlock_is_followed_by_others(
    sis_dsn: str, connection: asyncpg.Connection
) -> None:
    # The office looks for a deadlock once, so long after it began to wait: by then there is one.
    name = sis_dsn.rpartition("/")[2]
    await connection.execute(f"ALTER DATABASE {name} SET deadlock_timeout = '5s'")
    stop, watch = asyncio.Event(), Watch()
    async with asyncio.TaskGroup() as tasks:
        async with connection.transaction():
            await connection.execute("SET LOCAL deadlock_timeout = '1min'")
            await connection.execute("LOCK TABLE sis.roster IN SHARE ROW EXCLUSIVE MODE")
            tasks.create_task(run_changes(sis_dsn, rate=500, seed=1, stop=stop, on_change=watch))
            await office_is_blocked(sis_dsn)
            await connection.execute("LOCK TABLE sis.school_year IN ACCESS EXCLUSIVE MODE")
        await watch.reach(len(watch.texts) + 20)
        stop.set()


async def office_is_blocked(dsn: str) -> None:
    """Wait until the office waits for a lock of somebody else."""
    pause = asyncio.Event()
    async with open_connection(dsn, "watcher") as watcher, asyncio.timeout(20):
        while not await watcher.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
            "AND application_name = 'rosterline changes' AND datname = current_database()"
        ):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(pause.wait(), 0.01)


async def test_changes_may_begin_again_with_the_generators_seed(sis_dsn: str) -> None:
    for _ in range(2):
        stop, watch = asyncio.Event(), Watch()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(run_changes(sis_dsn, rate=1000, seed=3, stop=stop, on_change=watch))
            await watch.reach(150)
            stop.set()
        assert any(text.startswith("enrolled") for text in watch.texts)


async def test_offices_at_work_side_by_side_do_not_stop_each_other(sis_dsn: str) -> None:
    stop, watch = asyncio.Event(), Watch()
    async with asyncio.TaskGroup() as tasks:
        for seed in range(4):
            tasks.create_task(run_changes(sis_dsn, rate=200, seed=seed, stop=stop, on_change=watch))
        await watch.reach(400)
        stop.set()
    async with open_connection(sis_dsn, "test") as connection:
        assert await connection.fetchval(DATES_OUT_OF_ORDER) == 0


async def test_stopping_ends_the_wait_for_a_server_that_is_away() -> None:
    stop, watch = asyncio.Event(), Watch()
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    asyncio.get_running_loop().call_later(0.3, stop.set)
    async with asyncio.timeout(5):
        await run_changes(nowhere, rate=1, seed=1, stop=stop, on_change=watch)
    assert stop.is_set()
    assert watch.texts == []


async def test_a_rate_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        await run_changes("", rate=0, seed=1, stop=asyncio.Event(), on_change=print)
