"""An assessment system's program against `rosterline up`, with nothing but what it was handed."""

import json
import stat
import sys
from pathlib import Path

import pytest

from tests.support.processes import run_command, run_program, running

pytestmark = pytest.mark.e2e

# As the documents show it.
PROGRAM = """
import asyncio, sys
import nats

async def main(url, client_id, client_secret):
    client = await nats.connect(
        url,
        user=client_id,
        password=client_secret,
        inbox_prefix=f"_INBOX_{client_id}".encode(),
        max_reconnect_attempts=-1,
    )
    jetstream = client.jetstream(domain="rosterline")
    ack = await jetstream.publish(
        "ingest.district.acme.assessmentLineItems.put",
        b'{"assessmentLineItem": {}}',
        headers={"Rosterline-Command": "first"},
    )
    print(ack.stream, ack.seq)
    verdicts = await jetstream.pull_subscribe_bind("verdicts", "VERDICT_acme")
    [message] = await verdicts.fetch(1, timeout=20)
    print(message.subject, message.data.decode())
    await message.ack()
    await client.close()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_vendor_sends_over_nats_and_reads_its_verdict(folder: Path) -> None:
    async with running(folder):
        added = await run_command(
            *("connection", "add", "acme", "--scopes", "assessment.createput"),
            *("--data", str(folder), "--json"),
        )
        credentials = json.loads(added.out)
        reader = await run_command("connection", "add", "reader", "--data", str(folder), "--json")
        checked = await run_command("check", "--data", str(folder))
        nats = credentials["nats"]
        told = await run_program(
            *(sys.executable, "-c", PROGRAM, nats["url"]),
            *(credentials["client_id"], credentials["client_secret"]),
        )
    assert told.err == ""
    kept, verdict = told.out.splitlines()
    assert kept == "INGEST 1"
    assert verdict.startswith("verdict.acme.rejected ")
    assert json.loads(verdict.split(" ", 1)[1])["command"] == "first"
    assert nats["inbox_prefix"] == f"_INBOX_{credentials['client_id']}"
    assert "nats" not in json.loads(reader.out)
    assert "admitted by the API as issuer A" in " ".join(checked.out.split())
    assert stat.S_IMODE((folder / "nats.issuer").stat().st_mode) == 0o600
