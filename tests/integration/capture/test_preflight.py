"""The pre-flight check on a real server: what it finds, and that its remedies are cures."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import psycopg
import pytest
from typing_extensions import override

from rosterline.capture.preflight import Problem, inspect
from rosterline.capture.service import PreflightError, serve_sis
from rosterline.db.migrate import migrate_sis
from rosterline.db.tables import sis as tables
from rosterline.launch.embedded import EmbeddedNats, EmbeddedPostgres
from tests.integration.capture.scenes import open_scene
from tests.support.running import running, settings_for
from tests.support.servers import SIS_PUBLICATION, Databases, fresh_databases

SQL = re.compile(r"\b(ALTER|CREATE|DROP|GRANT)\b.*")
ROLE = "CREATE ROLE some_reader; GRANT USAGE ON SCHEMA sis TO some_reader"
READER = f"{ROLE}; GRANT SELECT ON ALL TABLES IN SCHEMA sis TO some_reader"
AS_READER = "SET LOCAL ROLE some_reader"
ALL_TABLES = f"DROP PUBLICATION {SIS_PUBLICATION}; CREATE PUBLICATION {SIS_PUBLICATION}"
FOREIGN = "CREATE TABLE public.foreign_list (n int); INSERT INTO public.foreign_list VALUES (1)"


@dataclass(frozen=True)
class Case:
    """What is done to a SIS, and what must be found; `of` is a word of the only problem."""

    done: str
    of: str
    severity: str = "error"
    role: str = "RESET ROLE"
    breaks: str = ""
    fixable: bool = True


CASES = {
    "no publication": Case(f"DROP PUBLICATION {SIS_PUBLICATION}", "does not exist"),
    "a table that is not published": Case(
        f"ALTER PUBLICATION {SIS_PUBLICATION} DROP TABLE sis.roster", "lacks table sis.roster"
    ),
    "a column list": Case(
        f"ALTER PUBLICATION {SIS_PUBLICATION} DROP TABLE sis.roster;"
        f"ALTER PUBLICATION {SIS_PUBLICATION} ADD TABLE sis.roster (roster_id, section_id)",
        "only a part of table sis.roster",
    ),
    "a row filter": Case(
        f"ALTER PUBLICATION {SIS_PUBLICATION} DROP TABLE sis.term;"
        f"ALTER PUBLICATION {SIS_PUBLICATION} ADD TABLE sis.term WHERE (term_id > 5)",
        "only a part of table sis.term",
    ),
    "some kinds of changes": Case(
        f"ALTER PUBLICATION {SIS_PUBLICATION} SET (publish = 'insert, update')", "leaves out"
    ),
    "our table without identity": Case(
        "ALTER TABLE sis.term REPLICA IDENTITY NOTHING",
        "UPDATE and DELETE on sis.term fail",
        breaks="UPDATE sis.term SET name = name",
    ),
    "a foreign table without identity": Case(
        f"ALTER PUBLICATION {SIS_PUBLICATION} ADD TABLE public.foreign_list",
        "UPDATE and DELETE on public.foreign_list fail",
        breaks="UPDATE public.foreign_list SET n = 2",
    ),
    "a foreign table with a deferrable key": Case(
        f"ALTER TABLE public.foreign_list ADD PRIMARY KEY (n) DEFERRABLE;"
        f"ALTER PUBLICATION {SIS_PUBLICATION} ADD TABLE public.foreign_list",
        "UPDATE and DELETE on public.foreign_list fail",
        breaks="UPDATE public.foreign_list SET n = 2",
    ),
    "all tables, one without identity": Case(
        f"{ALL_TABLES} FOR ALL TABLES",
        "UPDATE and DELETE on public.foreign_list fail",
        breaks="UPDATE public.foreign_list SET n = 2",
    ),
    "a whole schema, one table without identity": Case(
        f"{ALL_TABLES} FOR TABLES IN SCHEMA sis, public",
        "UPDATE and DELETE on public.foreign_list fail",
        breaks="UPDATE public.foreign_list SET n = 2",
    ),
    "an identity that is not the key": Case(
        "ALTER TABLE sis.term ALTER name SET NOT NULL;"
        "CREATE UNIQUE INDEX by_name ON sis.term (name);"
        "ALTER TABLE sis.term REPLICA IDENTITY USING INDEX by_name",
        "which rows are deleted",
    ),
    "a whole row as identity": Case(
        "ALTER TABLE sis.person REPLICA IDENTITY FULL", "more WAL", severity="warning"
    ),
    "a role that may not replicate": Case(READER, "may not replicate", role=AS_READER),
    "a role that may not read a table": Case(
        f"{READER}; REVOKE SELECT ON sis.person FROM some_reader;"
        "ALTER ROLE some_reader REPLICATION",
        "table sis.person may not be read",
        role=AS_READER,
    ),
    "a table that is not there": Case(
        "DROP TABLE sis.section_staff", "sis.section_staff does not exist", fixable=False
    ),
    "a table without a key": Case(
        "ALTER TABLE sis.section_staff DROP CONSTRAINT section_staff_pkey;"
        "ALTER TABLE sis.section_staff REPLICA IDENTITY FULL",
        "has no primary key",
        fixable=False,
    ),
}


@pytest.fixture(scope="module")
def one_pair(postgres_server: EmbeddedPostgres) -> Iterator[Databases]:
    """Databases for all tests of this module: what they do is rolled back."""
    with fresh_databases(postgres_server) as made:
        with psycopg.connect(made.sis_dsn, autocommit=True) as admin:
            admin.execute(FOREIGN)
        yield made


@pytest.fixture
async def sis(one_pair: Databases) -> AsyncIterator[asyncpg.Connection]:
    """The owner's connection."""
    connection = await asyncpg.connect(one_pair.sis_dsn)
    yield connection
    await connection.close()


async def problems(connection: asyncpg.Connection) -> list[Problem]:
    """What the check says of the SIS."""
    return await inspect(connection, "sis", tables.TABLES, SIS_PUBLICATION)


def remedy_sql(problem: Problem) -> str:
    """The SQL in a remedy."""
    found = SQL.search(problem.remedy)
    assert found, problem.remedy
    return found.group()


@asynccontextmanager
async def spoiled(connection: asyncpg.Connection, done: str) -> AsyncIterator[None]:
    """The SIS after something was done to it, for the length of the block."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(done)
        yield
    finally:
        await transaction.rollback()


async def test_a_migrated_sis_has_no_problems(sis: asyncpg.Connection) -> None:
    assert await problems(sis) == []


@pytest.mark.parametrize("name", CASES)
async def test_g6_a_problem_is_named_and_its_remedy_cures_it(
    sis: asyncpg.Connection, name: str
) -> None:
    case = CASES[name]
    async with spoiled(sis, case.done):
        await sis.execute(case.role)
        found = await problems(sis)
        about = [problem for problem in found if case.of in problem.what]
        assert [problem.severity for problem in about] == [case.severity], found
        assert [problem.remedy for problem in about] != [""]
        if not case.fixable:
            return
        assert found == about, "something else was found as well"
        await sis.execute("RESET ROLE")
        await sis.execute(remedy_sql(about[0]))
        await sis.execute(case.role)
        assert await problems(sis) == []


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.breaks])
async def test_g6_what_is_said_to_break_the_sis_does_and_the_remedy_mends_it(
    sis: asyncpg.Connection, name: str
) -> None:
    case = CASES[name]
    async with spoiled(sis, case.done):
        with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError, match="replica identity"):
            async with sis.transaction():
                await sis.execute(case.breaks)
        (problem,) = await problems(sis)
        await sis.execute(remedy_sql(problem))
        await sis.execute(case.breaks)
        assert await problems(sis) == []


async def test_a_role_without_any_right_is_told_of_each(sis: asyncpg.Connection) -> None:
    async with spoiled(sis, "CREATE ROLE some_reader"):
        await sis.execute(AS_READER)
        found = await problems(sis)
        await sis.execute("RESET ROLE")
        for problem in found:
            await sis.execute(remedy_sql(problem))
        await sis.execute(AS_READER)
        assert await problems(sis) == []
    assert {problem.severity for problem in found} == {"error"}
    for table in tables.TABLES:
        assert any(f"table sis.{table} may not be read" in problem.what for problem in found)


async def test_a_table_in_a_schema_that_the_role_may_not_use_is_no_trouble(
    sis: asyncpg.Connection,
) -> None:
    done = (
        f"{READER}; ALTER ROLE some_reader REPLICATION; CREATE SCHEMA private;"
        "CREATE TABLE private.list (n int PRIMARY KEY);"
        f"ALTER PUBLICATION {SIS_PUBLICATION} ADD TABLE private.list"
    )
    async with spoiled(sis, done):
        await sis.execute(AS_READER)
        assert await problems(sis) == []


async def test_a_slot_of_another_database_is_named_with_it(
    sis: asyncpg.Connection, one_pair: Databases
) -> None:
    other = await asyncpg.connect(one_pair.dsn)
    try:
        await other.execute(
            "SELECT pg_create_logical_replication_slot($1, 'pgoutput', true)", SIS_PUBLICATION
        )
        (problem,) = await problems(sis)
    finally:
        await other.close()
    assert one_pair.dsn.rpartition("/")[2] in problem.what
    assert "ROSTERLINE_SLOT_PREFIX" in problem.remedy


async def test_capture_refuses_to_start_on_an_error_and_says_all_of_it(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    async with open_scene(databases, nats_server) as scene:
        await scene.sis.execute(f"ALTER PUBLICATION {SIS_PUBLICATION} DROP TABLE sis.term")
        await scene.sis.execute(f"ALTER PUBLICATION {SIS_PUBLICATION} DROP TABLE sis.roster")
        with pytest.raises(PreflightError) as refusal:
            async with running(serve_sis, scene.settings) as service:
                await service
        assert not await scene.sis.fetch(
            "SELECT 1 FROM pg_replication_slots WHERE database = current_database()"
        )
    for table in ("sis.term", "sis.roster"):
        assert f"lacks table {table}" in str(refusal.value)
        assert f"ALTER PUBLICATION {SIS_PUBLICATION} ADD TABLE {table}" in str(refusal.value)


class PlainPostgres(EmbeddedPostgres):
    """A server that was not set up for Rosterline."""

    OURS = ("wal_level", "max_slot_wal_keep_size", "max_replication_slots")

    @override
    def configuration(self) -> dict[str, str]:
        ours = super().configuration()
        return {name: value for name, value in ours.items() if name not in self.OURS}


async def test_g6_a_server_as_it_comes_is_told_what_to_set(
    tmp_path: Path, nats_server: EmbeddedNats
) -> None:
    tmp_path.chmod(0o755)
    server = PlainPostgres(tmp_path / "plain")
    server.start()
    try:
        dsn = server.dsn("postgres")
        migrate_sis(dsn, SIS_PUBLICATION)
        found = await asked(dsn)
        assert [(problem.severity, problem.what) for problem in found] == [
            ("error", "wal_level is replica, so changes cannot be read from the WAL"),
            (
                "warning",
                "the WAL that a slot keeps is not bounded: a stopped capture could fill the disk",
            ),
        ]
        settings = settings_for(Databases(dsn, dsn), nats_server)
        with pytest.raises(PreflightError, match="wal_level"):
            async with running(serve_sis, settings) as service:
                await service
        await carried_out(dsn, [remedy_sql(problem) for problem in found])
        server.stop()
        server.start()
        assert await asked(dsn) == []
        await carried_out(dsn, ["ALTER SYSTEM SET idle_replication_slot_timeout = '5min'"])
        (idle,) = await asked(dsn)
        assert idle.severity == "warning"
        assert "idle" in idle.what
        await carried_out(dsn, [remedy_sql(idle)])
        assert await asked(dsn) == []
        await carried_out(
            dsn,
            [
                f"SELECT pg_create_physical_replication_slot('one_of_ten_{number}')"
                for number in range(10)
            ],
        )
        (full,) = await asked(dsn)
        assert full.what == "all replication slots are in use"
    finally:
        server.stop()


async def asked(dsn: str) -> list[Problem]:
    """What the check says of a SIS."""
    connection = await asyncpg.connect(dsn)
    try:
        return await problems(connection)
    finally:
        await connection.close()


async def carried_out(dsn: str, statements: list[str]) -> None:
    """Execute statements one by one, and let the server read its configuration."""
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
        await connection.execute("SELECT pg_reload_conf()")
    finally:
        await connection.close()
