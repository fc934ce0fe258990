"""The decoder against bytes that a real PostgreSQL 18 sent: tests/data/pgoutput/session.hex."""

from typing import Any

from rosterline.capture.pgoutput import LogicalMessage
from rosterline.events.source import Change, Operation, Values
from tests.integration.capture.recording import read_file, shapes

LONG = "long " * 500


def change(
    table: str, op: Operation, key: Values, row: Values | None = None, *unchanged: str
) -> Change:
    """A change as it must be read."""
    return Change(table=table, op=op, key=key, row=row, unchanged=unchanged)


def transaction(*changes: Any) -> list[Any]:
    """A transaction as it must be read."""
    return ["begin", *changes, "commit"]


EXPECTED = [
    *transaction(
        change("note", "insert", {"id": "1"}, {"id": "1", "title": "Ægir", "body": LONG}),
        change("note", "insert", {"id": "2"}, {"id": "2", "title": None, "body": ""}),
    ),
    *transaction(
        change(
            "pair",
            "insert",
            {"name": "a", "number": "7"},
            {"number": "7", "name": "a", "mood": "calm"},
        )
    ),
    *transaction(change("note", "update", {"id": "1"}, {"id": "1", "title": "Rán"}, "body")),
    *transaction(change("note", "update", {"id": "1"}, {"id": "11", "title": "Rán"}, "body")),
    *transaction(
        change(
            "pair",
            "update",
            {"name": "a", "number": "7"},
            {"number": "8", "name": "a", "mood": None},
        ),
        change("note", "delete", {"id": "2"}),
    ),
    *transaction(change("whole", "insert", {"id": "1"}, {"id": "1", "title": "one", "body": LONG})),
    *transaction(
        change("whole", "update", {"id": "1"}, {"id": "1", "title": "two"}, "body"),
        change("whole", "update", {"id": "1"}, {"id": "2", "title": "two"}, "body"),
    ),
    *transaction(change("whole", "delete", {"id": "2"})),
    *transaction(LogicalMessage(True, "rosterline", b"told with the commit")),
    LogicalMessage(False, "rosterline", b"told at once"),
    *transaction(),
    *transaction(
        change("note", "insert", {"id": "3"}, {"id": "3", "title": "a", "body": "b"}),
        change("note", "insert", {"id": "4"}, {"id": "4", "title": "c", "body": "d"}),
    ),
    *transaction(
        change(
            "note",
            "update",
            {"id": "3"},
            {"id": "3", "title": "a", "body": "b", "seen": "t"},
        )
    ),
    *transaction(change("note", "truncate", {}), change("pair", "truncate", {})),
    *transaction(LogicalMessage(True, "rosterline", b"that is all")),
]


def test_a_real_servers_bytes_are_read_as_what_was_done() -> None:
    assert shapes(read_file()) == EXPECTED


def test_the_recording_holds_every_kind_of_message_that_the_decoder_knows() -> None:
    kinds = {message[:1] for message in read_file()}
    # An origin names a server that this one subscribes to; a single server has none.
    assert kinds == {bytes([kind]) for kind in b"BCIUDTRYM"}
