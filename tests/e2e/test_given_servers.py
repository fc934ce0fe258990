"""`rosterline up` and the other commands on servers that were given by address."""

from pathlib import Path

import psycopg
import pytest

from rosterline.launch.children import free_port
from rosterline.launch.embedded import EmbeddedNats, EmbeddedPostgres
from tests.support.processes import END_SECONDS, run_command, running
from tests.support.servers import Databases

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]


@pytest.fixture
def addresses(databases: Databases, nats_server: EmbeddedNats) -> dict[str, str]:
    """An environment that names the test's servers; slots go with the databases."""
    return {
        "ROSTERLINE_SIS_DSN": databases.sis_dsn,
        "ROSTERLINE_DSN": databases.dsn,
        "ROSTERLINE_NATS_URL": nats_server.url,
        "ROSTERLINE_SLOT_PREFIX": "given",
    }


async def test_up_uses_the_servers_that_were_given(folder: Path, addresses: dict[str, str]) -> None:
    async with running(folder, environment=addresses) as instance:
        endpoints = instance.endpoints
        assert endpoints["sis_dsn"] == addresses["ROSTERLINE_SIS_DSN"]
        assert endpoints["dsn"] == addresses["ROSTERLINE_DSN"]
        assert endpoints["nats"] == addresses["ROSTERLINE_NATS_URL"]
        assert set(endpoints["pids"]) == {
            "capture-sis",
            "capture-records",
            "projector",
            "ingest",
            "api",
        }
        assert instance.is_ready()
        code, seconds = await instance.end()
    assert code == 0
    assert seconds < END_SECONDS
    assert not (folder / "postgres").exists()
    assert not (folder / "jetstream").exists()


async def test_one_given_server_is_used_beside_embedded_ones(
    folder: Path, addresses: dict[str, str]
) -> None:
    sis_only = {
        name: value
        for name, value in addresses.items()
        if name in {"ROSTERLINE_SIS_DSN", "ROSTERLINE_SLOT_PREFIX"}
    }
    async with running(folder, environment=sis_only) as instance:
        endpoints = instance.endpoints
        assert endpoints["sis_dsn"] == addresses["ROSTERLINE_SIS_DSN"]
        assert endpoints["dsn"] != addresses["ROSTERLINE_DSN"]
        assert {"postgres", "nats"} <= set(endpoints["pids"])


@pytest.mark.parametrize(
    ("variable", "scheme"),
    [
        ("ROSTERLINE_SIS_DSN", "postgresql://someone:secret@"),
        ("ROSTERLINE_DSN", "postgresql://someone:secret@"),
        ("ROSTERLINE_NATS_URL", "nats://someone:secret@"),
    ],
)
async def test_a_server_that_does_not_answer_is_named_without_its_password(
    folder: Path, addresses: dict[str, str], variable: str, scheme: str
) -> None:
    nowhere = f"{scheme}127.0.0.1:{free_port()}/{'sis' if 'DSN' in variable else ''}"
    outcome = await run_command(
        "up", "--data", str(folder), "--port", "0", environment=addresses | {variable: nowhere}
    )
    assert outcome.code == 1
    assert outcome.out == ""
    last = outcome.err.splitlines()[-1]
    assert last.startswith("rosterline: ")
    assert "cannot be" in last
    assert "secret" not in outcome.err


async def test_a_database_without_logical_wal_is_refused_with_the_remedy(
    folder: Path, nats_server: EmbeddedNats, tmp_path: Path
) -> None:
    tmp_path.chmod(0o755)
    server = EmbeddedPostgres(tmp_path / "replica", options={"wal_level": "replica"})
    server.start()
    try:
        environment = {
            "ROSTERLINE_SIS_DSN": server.dsn("postgres"),
            "ROSTERLINE_DSN": server.dsn("postgres"),
            "ROSTERLINE_NATS_URL": nats_server.url,
        }
        outcome = await run_command("up", "--data", str(folder), environment=environment)
        checked = await run_command("check", environment=environment)
    finally:
        server.stop()
    assert outcome.code == 1
    assert "wal_level is replica" in outcome.err
    assert "ALTER SYSTEM SET wal_level = 'logical'" in outcome.err
    assert checked.code == 1
    assert "wal_level is replica" in checked.out


async def test_check_finds_nothing_wrong_with_fit_servers(addresses: dict[str, str]) -> None:
    migrated = await run_command("migrate", environment=addresses)
    assert (migrated.code, migrated.err) == (0, "")
    outcome = await run_command("check", environment=addresses)
    assert outcome.code == 0, outcome.out
    assert "PostgreSQL 18" in outcome.out
    assert "NATS 2.15" in outcome.out


async def test_check_says_what_to_do_about_a_database_that_was_not_migrated(
    addresses: dict[str, str], databases: Databases
) -> None:
    with psycopg.connect(databases.sis_dsn, autocommit=True) as sis:
        sis.execute("DROP SCHEMA sis CASCADE")
    outcome = await run_command("check", environment=addresses)
    assert outcome.code == 1
    assert "table sis.person does not exist" in outcome.out
    assert "rosterline migrate" in outcome.out


async def test_the_role_of_the_deployment_guide_suffices_for_capture_and_cannot_write(
    folder: Path, addresses: dict[str, str], databases: Databases
) -> None:
    statements = (ROOT / "deploy/postgres/capture-role.sql").read_text()
    with psycopg.connect(databases.sis_dsn, autocommit=True) as owner:
        owner.execute(statements.replace(":'password'", "'secret'").encode())
        try:
            address = databases.sis_dsn.partition("@")[2]
            capture = f"postgresql://rosterline_capture:secret@{address}"
            environment = addresses | {"ROSTERLINE_SIS_CAPTURE_DSN": capture}
            async with running(folder, environment=environment) as instance:
                assert instance.states["capture-sis"]["restarts"] == 0
            with (
                psycopg.connect(capture) as session,
                pytest.raises(psycopg.errors.InsufficientPrivilege),
            ):
                session.execute("UPDATE sis.district SET name = 'x'")
        finally:
            owner.execute("DROP OWNED BY rosterline_capture")
            owner.execute("DROP ROLE rosterline_capture")
