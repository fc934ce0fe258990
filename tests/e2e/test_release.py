"""`rosterline status`, `release` and `rebuild`, from the operator's side (G10)."""

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.processes import COMMAND, Outcome, clean_environment, run_command, running
from tests.support.running import until
from tests.support.servers import Databases

pytestmark = pytest.mark.e2e

ACTIVE = "SELECT count(*) FROM v1p2.enrollments WHERE status = 'active'"


async def status(folder: Path) -> tuple[int, dict[str, Any]]:
    """What `status --json` says, and its exit code."""
    outcome = await run_command("status", "--data", str(folder), "--json")
    return outcome.code, json.loads(outcome.out)


def ask(dsn: str, query: str) -> int:
    """A number of a database."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


async def test_g10_a_wipe_waits_for_the_operator_who_sees_what_and_how_to_release_it(
    folder: Path,
) -> None:
    async with running(folder) as instance:
        sis, dsn = instance.endpoints["sis_dsn"], instance.endpoints["dsn"]
        data = ("--data", str(folder))
        assert (await run_command("generate", "--students", "40", *data)).code == 0
        await until(lambda: enrolled(dsn, 100))
        before = ask(dsn, ACTIVE)
        with psycopg.connect(sis) as connection:
            connection.execute("DELETE FROM sis.roster")

        async def is_held() -> bool:
            return ask(dsn, "SELECT count(*) FROM rosterline.hold") == 1

        await until(is_held)
        code, found = await status(folder)
        assert code == 1
        (held,) = found["holds"]
        losses = {loss["collection"]: loss for loss in held["losses"]}
        assert losses["v1p2.enrollments"]["active"] == before == ask(dsn, ACTIVE)
        shown = await run_command("status", *data)
        assert shown.code == 1
        assert (
            f"{losses['v1p2.enrollments']['losses']:,} of {before:,} v1p2.enrollments" in shown.out
        )
        assert held["release"] in shown.out
        rebuilt = await run_command("rebuild", *data)
        assert (rebuilt.code, rebuilt.out.strip()) == (0, "rebuilt: nothing differed")
        wrong = await run_command("release", "999", *data)
        assert (wrong.code, str(held["hold_id"]) in wrong.err) == (1, True)
        released = await run_command("release", *data)
        assert (released.code, held["transaction"] in released.out) == (0, True)
        await until(lambda: enrolled(dsn, 0, before - losses["v1p2.enrollments"]["losses"]))
        code, found = await status(folder)
        assert (code, found["holds"]) == (0, [])
        nothing = await run_command("release", *data)
        assert (nothing.code, "nothing is held" in nothing.err) == (1, True)


async def enrolled(dsn: str, least: int, most: int = 1_000_000) -> bool:
    """Whether so many class enrollments are active."""
    return least <= ask(dsn, ACTIVE) <= most


async def test_a_rebuild_corrects_what_was_damaged_and_says_how_much(folder: Path) -> None:
    async with running(folder) as instance:
        dsn, data = instance.endpoints["dsn"], ("--data", str(folder))
        assert (await run_command("generate", "--students", "20", *data)).code == 0
        await until(lambda: enrolled(dsn, 50))
        with psycopg.connect(dsn) as connection:
            connection.execute("UPDATE v1p2.users SET digest = '' WHERE status = 'active'")
        count = ask(dsn, "SELECT count(*) FROM v1p2.users WHERE digest = ''")
        outcome = await run_command("rebuild", *data)
        assert (outcome.code, outcome.out.strip()) == (0, f"rebuilt: {count:,} records differed")
        assert ask(dsn, "SELECT count(*) FROM v1p2.users WHERE digest = ''") == 0


async def asked(environment: dict[str, str], number: signal.Signals | None) -> Outcome:
    """Ask for a rebuild of a database without a projector, and perhaps interrupt it."""
    process = await asyncio.create_subprocess_exec(
        COMMAND,
        "rebuild",
        env=clean_environment(environment),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )

    async def has_asked() -> bool:
        return ask(environment["ROSTERLINE_DSN"], "SELECT count(*) FROM rosterline.request") == 1

    if number is not None:
        await until(has_asked)
        process.send_signal(number)
    async with asyncio.timeout(30):
        out, err = await process.communicate()
    return Outcome(process.returncode or 0, out.decode(), err.decode())


@pytest.mark.parametrize(
    ("number", "said"),
    [(None, "no projector is running"), (signal.SIGINT, "had not begun"), (signal.SIGTERM, "not")],
)
async def test_a_rebuild_that_nobody_does_is_taken_back(
    databases: Databases, number: signal.Signals | None, said: str
) -> None:
    environment = {"ROSTERLINE_DSN": databases.dsn}
    with psycopg.connect(databases.dsn) as connection:
        connection.execute("UPDATE rosterline.clock SET ready = true")
        connection.execute(
            "INSERT INTO rosterline.cursor (stream, created, sequence, position, loading, "
            "applied_at) VALUES ('SIS', 'one', 1, '0/0', false, now())"
        )
    outcome = await asked(environment, number)
    assert outcome.code == 1
    assert said in outcome.err
    assert "Traceback" not in outcome.err
    assert ask(databases.dsn, "SELECT count(*) FROM rosterline.request") == 0


async def test_a_rebuild_during_the_first_load_is_refused(databases: Databases) -> None:
    outcome = await run_command("rebuild", environment={"ROSTERLINE_DSN": databases.dsn})
    assert outcome.code == 1
    assert "being read anew" in outcome.err
    assert ask(databases.dsn, "SELECT count(*) FROM rosterline.request") == 0
