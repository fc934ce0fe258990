"""`rosterline ingest dead-letters`, `redrive` and `drop`, on servers of one's own."""

import json

import asyncpg
import pytest

from rosterline.bus.topology import INGEST, ensure_streams
from rosterline.events.commands import COMMAND_HEADER
from rosterline.launch.embedded import EmbeddedNats
from tests.support.processes import run_command
from tests.support.servers import Databases
from tests.support.streams import client_of, read_all

pytestmark = pytest.mark.e2e

LETTER = """
INSERT INTO rosterline.dead_letter
    (app, command_id, subject, headers, data, received_at, reason, revision)
VALUES ('vendor', $1, 'ingest.district.vendor.batch',
    '{"Rosterline-Wait": "5"}', 'secret', now(),
    'KeyError at write_documents', 3)
RETURNING letter_id
"""


async def test_an_operator_sends_again_what_was_put_aside_or_drops_it(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    environment = {
        "ROSTERLINE_SIS_DSN": databases.sis_dsn,
        "ROSTERLINE_DSN": databases.dsn,
        "ROSTERLINE_NATS_URL": nats_server.url,
    }
    empty = await run_command("ingest", "dead-letters", environment=environment)
    assert (empty.code, empty.out.strip()) == (0, "no message was put aside")
    connection = await asyncpg.connect(databases.dsn)
    first, second = [await connection.fetchval(LETTER, name) for name in ("one", "two")]
    async with client_of(nats_server.url) as client:
        await ensure_streams(client.jetstream(), [INGEST])
        sent = await run_command("ingest", "redrive", str(first), environment=environment)
        assert (sent.code, sent.out.strip()) == (0, "sent again: 1")
        ((subject, headers, data),) = await read_all(client, INGEST)
    assert (subject, data) == ("ingest.district.vendor.batch", b"secret")
    assert headers["Rosterline-Redriven"] == str(first)
    assert headers["Rosterline-Wait"] == "5"
    assert headers[COMMAND_HEADER] == "one"
    dropped = await run_command("ingest", "drop", str(second), environment=environment)
    assert (dropped.code, dropped.out.strip()) == (0, "dropped: vendor's command two")
    listed = await run_command("ingest", "dead-letters", "--json", environment=environment)
    (letter,) = json.loads(listed.out)
    assert (letter["letter"], letter["command"], letter["connection"]) == (first, "one", "vendor")
    assert letter["reason"] == "KeyError at write_documents"
    assert letter["sentAgain"] is not None
    shown = await run_command("ingest", "dead-letters", environment=environment)
    assert "KeyError at write_documents" in shown.out
    assert "secret" not in shown.out + listed.out
    await connection.close()


async def test_a_letter_that_is_not_there_is_said_so(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    environment = {"ROSTERLINE_DSN": databases.dsn, "ROSTERLINE_NATS_URL": nats_server.url}
    for command in ("redrive", "drop"):
        outcome = await run_command("ingest", command, "9", environment=environment)
        assert outcome.code == 1
        assert "there is no dead letter 9; see `rosterline ingest dead-letters`" in outcome.err
    for wrong in (["redrive"], ["redrive", "1", "--all"]):
        outcome = await run_command("ingest", *wrong, environment=environment)
        assert outcome.code == 2
        assert "name one dead letter, or say --all" in outcome.err
