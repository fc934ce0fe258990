"""What became of pushed scores: verdicts, records, events and blank results, compared with what was
acknowledged (G7).
"""

from collections import Counter
from random import Random
from typing import Any

import orjson
from nats.aio.client import Client

from rosterline.bus.topology import verdict_stream
from rosterline.events.commands import FINAL, NUMBER_HEADER, State
from rosterline.ingest.minutes import minute_of
from tests.support.ledger import connected, last_told, state_of_read_model, state_of_stream
from tests.support.senders import HttpSender, NatsSender, Sender, Tree
from tests.support.streams import last_sequence, read_all

RESULTS = "v1p2.assessmentResults"
DECIDED = """
SELECT count(*) FROM rosterline.command WHERE app = $1 AND command_id = ANY($2::text[])
    AND state = ANY($3::text[])
"""
SHOWN = """
SELECT (SELECT coalesce(max(revision), 0) FROM records.document) <= cursor.revision
FROM rosterline.cursor WHERE stream = 'RECORDS'
"""
NUMBERED = "SELECT coalesce(max(number), 0) FROM rosterline.command WHERE app = $1"
TOLD = "SELECT last_sequence FROM rosterline.clock"


async def are_told(client: Client, dsn: str, app: str, senders: list[NatsSender]) -> bool:
    """Whether every command that the stream took has its verdict, and its record and event."""
    sent = [command for sender in senders for command in sender.commands]
    async with connected(dsn) as connection:
        decided = await connection.fetchval(DECIDED, app, sent, [str(state) for state in FINAL])
        if decided < len(sent) or not await connection.fetchval(SHOWN):
            return False
        if await last_told(client) < await connection.fetchval(TOLD):
            return False
        numbered = await connection.fetchval(NUMBERED, app)
    return bool(await last_sequence(client, verdict_stream(app)) == numbered)


async def check_verdicts(client: Client, app: str, senders: list[NatsSender]) -> None:
    """Each command over NATS has one verdict in the connection's stream, numbered without gaps."""
    told = await read_all(client, verdict_stream(app))
    numbers = [int(headers[NUMBER_HEADER]) for _, headers, _ in told]
    assert numbers == list(range(1, len(numbers) + 1))
    verdicts = [orjson.loads(data) for _, _, data in told]
    sent = Counter(command for sender in senders for command in sender.commands)
    assert Counter(verdict["command"] for verdict in verdicts) == sent
    assert {verdict["state"] for verdict in verdicts} <= {
        State.STORED,
        State.REJECTED,
        State.MIXED,
    }
    refused = {
        rejection["sourcedId"] for verdict in verdicts for rejection in verdict["rejections"]
    }
    assert refused == {each for sender in senders for each in sender.refused}


async def check_scores(client: Client, dsn: str, base_url: str, senders: list[Sender]) -> None:
    """What was stored is what was sent last, in the read model and as the feed tells it."""
    model = await state_of_read_model(dsn, base_url)
    stream = await state_of_stream(client)
    assert stream[RESULTS] == model[RESULTS]
    held = {
        sourced_id: record["score"]
        for sourced_id, record in model[RESULTS].items()
        if "score" in record
    }
    assert held == {
        sourced_id: score for sender in senders for sourced_id, score in sender.scores.items()
    }


def blank_keys(tree: Tree, senders: list[Sender]) -> set[tuple[str, str, Any]]:
    """The ancestors' results that must have been made: line item, student, minute."""
    return {
        (ancestor, student, minute)
        for sender in senders
        for sourced_id, (leaf, student, minute) in sender.keys.items()
        if sourced_id in sender.scores
        for ancestor in tree.ancestors(leaf)
    }


async def check_blanks(dsn: str, base_url: str, tree: Tree, senders: list[Sender]) -> None:
    """Each ancestor has one blank result for a student and minute, and nothing else was made."""
    records = (await state_of_read_model(dsn, base_url))[RESULTS].values()
    made = Counter(
        (
            record["assessmentLineItem"]["sourcedId"],
            record["student"]["sourcedId"],
            minute_of(record["scoreDate"]),
        )
        for record in records
        if "score" not in record
    )
    assert set(made) == blank_keys(tree, senders)
    assert set(made.values()) <= {1}


def senders_of(
    tree: Tree, students: list[str], seed: int
) -> tuple[list[NatsSender], list[HttpSender]]:
    """Two senders over NATS and one over HTTP."""
    names = range(3)
    rngs = [Random(f"{seed} {name}") for name in names]
    return (
        [NatsSender(name, tree, students, rngs[name]) for name in names[:2]],
        [HttpSender(2, tree, students, rngs[2])],
    )
