"""`rosterline tail`: every event, in order, whatever happens to NATS meanwhile."""

import asyncio
import json
import os
import signal
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.processes import COMMAND, END_SECONDS, clean_environment, running, until

pytestmark = pytest.mark.e2e


@asynccontextmanager
async def tailing(folder: Path, *arguments: str) -> AsyncIterator[asyncio.StreamReader]:
    """What `rosterline tail` prints."""
    process = await asyncio.create_subprocess_exec(
        COMMAND,
        "tail",
        "--data",
        str(folder),
        *arguments,
        env=clean_environment(),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        yield process.stdout
    finally:
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(END_SECONDS):
            assert await process.wait() == 0


async def read_until(stream: asyncio.StreamReader, sourced_id: str) -> list[dict[str, Any]]:
    """Events up to the first one of the record."""
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(60):
        while not found or found[-1].get("subject") != sourced_id:
            found.append(json.loads(await stream.readline()))
    return found


def add_district(dsn: str) -> str:
    """A change of the SIS that makes one org; returns its sourcedId."""
    guid = str(uuid.uuid4())
    with psycopg.connect(dsn) as sis:
        sis.execute("INSERT INTO sis.district VALUES (%s, 'District', '1', false)", [guid])
    return guid


async def test_tail_prints_cloudevents_from_the_sequence_asked_for(folder: Path) -> None:
    async with running(folder) as instance:
        guids = [add_district(instance.endpoints["sis_dsn"]) for _ in range(3)]
        async with tailing(folder, "--from", "1", "--json") as stream:
            events = await read_until(stream, guids[-1])
        async with tailing(folder, "--from", "1", "--json", "--version", "1.1") as stream:
            older = await read_until(stream, guids[-1])
        both = sorted(event["streamsequence"] for event in (*events, *older))
        assert both == list(range(1, len(both) + 1))
        assert {event["type"].split(".")[1] for event in older} == {"v1p1"}
        created = {
            event["subject"]: event for event in events if event["type"].endswith("orgs.created")
        }
        assert set(created) == set(guids)
        event = created[guids[0]]
        assert event["data"]["org"]["sourcedId"] == guids[0]
        assert event["specversion"] == "1.0"
        second = created[guids[1]]["streamsequence"]
        async with tailing(folder, "--from", str(second)) as stream:
            line = (await stream.readline()).decode()
        assert line.split()[1:4] == ["created", "orgs", guids[1]]
        assert line.split()[4] == created[guids[1]]["id"]


async def test_tail_skips_and_repeats_nothing_when_nats_is_killed(folder: Path) -> None:
    async with running(folder) as instance:
        sis = instance.endpoints["sis_dsn"]
        first = add_district(sis)
        async with tailing(folder, "--from", "1", "--json") as stream:
            events = await read_until(stream, first)
            for _ in range(3):
                server = instance.endpoints["pids"]["nats"]
                os.kill(server, signal.SIGKILL)
                last = add_district(sis)
                await until(
                    lambda dead=server: instance.endpoints["pids"].get("nats", dead) != dead  # type: ignore[misc]  # a default binds the loop's value
                )
                events += await read_until(stream, last)
        sequences = [event["streamsequence"] for event in events]
        # Each change is told in both versions, one after the other.
        assert sequences == list(range(1, 2 * len(events), 2))
