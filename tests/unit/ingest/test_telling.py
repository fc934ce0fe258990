"""Verdicts as they are sent, and messages as they are taken together."""

from datetime import UTC, datetime, timedelta

import orjson
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from rosterline.events.commands import CommandOperation, Rejection, State, Verdict
from rosterline.ingest.command import Arrival, Command, Entry, Malformed
from rosterline.ingest.deliveries import Delivery, delivered, units
from rosterline.ingest.entries import MOST_LINES
from rosterline.ingest.intake import Intake
from rosterline.ingest.lines import Refused, Stored
from rosterline.ingest.telling import as_json, telling_of
from rosterline.ingest.verdicts import Decided, judged, kept_of, refuse_all
from rosterline.oneroster.vocabulary import Entity

NOW = datetime(2026, 10, 1, 8, tzinfo=UTC)
INTAKE = Intake("district", "stream", timedelta(0))
REFUSED = Refused(404, "unknownobject", "There is none.")


def command_of(lines: int, sequence: int = 1, letter_id: int | None = None) -> Command:
    """A command of so many lines."""
    entries = tuple(
        Entry(number, CommandOperation.DELETE, Entity.RESULTS, f"result-{number}")
        for number in range(1, lines + 1)
    )
    return Command(sequence, "vendor", f"command-{sequence}", NOW, entries, letter_id=letter_id)


def delivery(sequence: int, lines: int, letter_id: int | None = None) -> Delivery:
    """A message with a command; none for no lines."""
    arrival = Arrival(sequence, "ingest.district.vendor.batch", {}, b"", NOW)
    command = command_of(lines, sequence, letter_id) if lines else None
    return Delivery(arrival, command, Msg(_client=Client()).ack)


def sequences(*deliveries: Delivery) -> list[list[int]]:
    """The runs in which they are worked off."""
    return [[one.sequence for one in unit] for unit in units(deliveries)]


def test_a_verdict_says_what_became_of_each_line() -> None:
    before = kept_of(command_of(3)).verdict
    decided: Decided = {
        3: ((Entity.RESULTS, "result-3"), REFUSED),
        1: ((Entity.RESULTS, "result-1"), Stored(204, changed=True)),
        2: (None, REFUSED),
    }
    verdict = judged(before, decided, waiting=False, revision=7, now="now")
    assert orjson.loads(as_json(verdict, 10_000)) == {
        "command": "command-1",
        "app": "vendor",
        "state": "mixed",
        "lines": 3,
        "stored": 1,
        "rejections": [
            {
                "line": 2,
                "collection": None,
                "sourcedId": None,
                "status": 404,
                "codeMinor": "unknownobject",
                "description": "There is none.",
            },
            {
                "line": 3,
                "collection": "results",
                "sourcedId": "result-3",
                "status": 404,
                "codeMinor": "unknownobject",
                "description": "There is none.",
            },
        ],
        "status": None,
        "revision": 7,
        "decidedAt": "now",
    }


@pytest.mark.parametrize(
    ("outcome", "state", "status", "revision"),
    [
        (Stored(201, changed=True), State.STORED, 201, 7),
        (Stored(200, changed=False), State.STORED, 200, 7),
        (REFUSED, State.REJECTED, 404, None),
    ],
)
def test_a_command_of_one_line_has_its_status(
    outcome: Stored | Refused, state: State, status: int, revision: int | None
) -> None:
    before = kept_of(command_of(1)).verdict
    verdict = judged(before, {1: (None, outcome)}, waiting=False, revision=7, now="now")
    assert (verdict.state, verdict.status, verdict.revision) == (state, status, revision)


def test_what_was_decided_before_counts_when_the_rest_is_decided() -> None:
    before = kept_of(command_of(2)).verdict
    first = {1: (None, Stored(201, changed=True))}
    waiting = judged(before, first, waiting=True, revision=3, now="then")
    assert (waiting.state, waiting.stored, waiting.decided_at) == (State.WAITING, 1, "")
    last = judged(waiting, {2: (None, REFUSED)}, waiting=False, revision=9, now="now")
    assert (last.state, last.stored, last.revision) == (State.MIXED, 1, 3)


def test_all_lines_may_be_refused_alike() -> None:
    command = Command(1, "vendor", "c", NOW, (*command_of(1).lines, Malformed(4, REFUSED)))
    assert refuse_all(command, REFUSED) == {
        1: ((Entity.RESULTS, "result-1"), REFUSED),
        4: (None, REFUSED),
    }


@pytest.mark.parametrize("most_bytes", [400, 5000, 1_000_000])
def test_a_verdict_that_nats_would_not_take_loses_rejections_and_not_its_sums(
    most_bytes: int,
) -> None:
    rejections = tuple(
        Rejection(line=line, status=422, code_minor="invaliddata", description="x" * 500)
        for line in range(1, 101)
    )
    verdict = kept_of(command_of(100)).verdict.model_copy(
        update={"state": State.REJECTED, "rejections": rejections, "lines": 100}
    )
    data = as_json(verdict, most_bytes)
    sent = Verdict.model_validate_json(data)
    assert len(data) <= most_bytes
    assert sent.rejections == rejections[: len(sent.rejections)]
    assert (len(sent.rejections) == 100) is (most_bytes == 1_000_000)
    assert sent.model_copy(update={"rejections": rejections}) == verdict


def test_a_told_verdict_has_its_state_in_the_subject() -> None:
    kept = kept_of(command_of(1))
    told = telling_of(kept, 10_000)
    assert told.subject == "verdict.vendor.waiting"


def test_messages_are_taken_together_up_to_a_number_of_lines() -> None:
    half = MOST_LINES // 2
    found = sequences(
        delivery(1, half),
        delivery(2, half),
        delivery(3, 1),
        delivery(4, MOST_LINES),
        delivery(5, 1),
    )
    assert found == [[1, 2], [3], [4], [5]]


def test_what_is_sent_again_or_cannot_be_read_is_by_itself() -> None:
    found = sequences(
        delivery(1, 1), delivery(2, 1, letter_id=4), delivery(3, 1), delivery(4, 0), delivery(5, 1)
    )
    assert found == [[1], [2], [3], [4], [5]]
    assert sequences() == []


def test_what_cannot_be_read_is_delivered_without_a_command() -> None:
    reply = "$JS.ACK.INGEST.ingest.1.7.7.1790841600000000000.0"
    message = Msg(_client=Client(), subject="ingest.elsewhere.x.batch", reply=reply, data=b"{}")
    found = delivered(message, INTAKE)
    assert (found.sequence, found.command) == (7, None)
