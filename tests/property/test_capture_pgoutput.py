"""Whatever a transaction says, the decoder reads it back; whatever is no message, it refuses."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rosterline.capture.pgoutput import (
    Begin,
    Commit,
    Decoded,
    DecodeError,
    Decoder,
    LogicalMessage,
)
from rosterline.events.source import Change
from tests.unit.capture import encoder

# PostgreSQL's texts hold any character but the zero one.
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
NAMES = st.text("abcdefgh_", min_size=1, max_size=6)
LSNS = st.integers(0, 2**64 - 1)
MOMENTS = st.datetimes(
    datetime(1970, 1, 1),  # noqa: DTZ001 - Hypothesis adds the zone
    datetime(2200, 1, 1),  # noqa: DTZ001 - Hypothesis adds the zone
    timezones=st.just(UTC),
)
Written = tuple[bytes, list[Decoded]]


@st.composite
def tables(draw: st.DrawFn) -> encoder.Table:
    """A table with a key of one column or several, at the front or scattered."""
    columns = draw(st.lists(NAMES, min_size=1, max_size=6, unique=True))
    identity = draw(st.lists(st.sampled_from(columns), min_size=1, unique=True))
    key = tuple(column for column in columns if column in identity)
    return encoder.Table(draw(st.integers(1, 2**32 - 1)), "sis", draw(NAMES), tuple(columns), key)


def rows(table: encoder.Table, *, toast: bool = False) -> st.SearchStrategy[dict[str, Any]]:
    """A row; key columns are never null, and untouched only where an old image has them."""
    other = st.none() | TEXTS | (st.just(encoder.UNCHANGED) if toast else st.nothing())
    return st.fixed_dictionaries(
        {name: TEXTS if name in table.identity else other for name in table.columns}
    )


def key_of(table: encoder.Table, row: dict[str, Any]) -> dict[str, Any]:
    """The columns of the row's key."""
    return {name: row[name] for name in table.identity}


@st.composite
def changes(draw: st.DrawFn, table: encoder.Table) -> Written:
    """A change of the table, encoded, and what must be read."""
    op = draw(st.sampled_from(["insert", "update", "rekey", "full", "delete", "gone"]))
    row = draw(rows(table, toast=op in {"update", "rekey", "full"}))
    old = draw(rows(table))
    unchanged = tuple(name for name in table.columns if row[name] is encoder.UNCHANGED)
    known = {name: value for name, value in row.items() if name not in unchanged}
    if op == "insert":
        data, key = encoder.insert(table, row), key_of(table, row)
        return data, [Change(table=table.name, op="insert", key=key, row=known)]
    if op in {"delete", "gone"}:
        image, kind = (key_of(table, old), "K") if op == "delete" else (old, "O")
        gone = Change(table=table.name, op="delete", key=key_of(table, old))
        return encoder.delete(table, image, kind), [gone]
    before = {"update": None, "rekey": key_of(table, old), "full": old}[op]
    data = encoder.update(table, row, before, "O" if op == "full" else "K")
    key = key_of(table, row if before is None else old)
    return data, [Change(table=table.name, op="update", key=key, row=known, unchanged=unchanged)]


@st.composite
def transaction_marks(draw: st.DrawFn) -> Written:
    """A transaction's start or end."""
    lsn, moment = draw(LSNS), draw(MOMENTS)
    if draw(st.booleans()):
        xid = draw(st.integers(0, 2**32 - 1))
        return encoder.begin(lsn, moment, xid), [Begin(lsn, moment, xid)]
    end = draw(LSNS)
    return encoder.commit(lsn, end, moment), [Commit(lsn, end)]


@st.composite
def logical_messages(draw: st.DrawFn) -> Written:
    """A logical message."""
    prefix, content, transactional = draw(TEXTS), draw(st.binary(max_size=30)), draw(st.booleans())
    data = encoder.message(prefix, content, transactional=transactional)
    return data, [LogicalMessage(transactional, prefix, content)]


@st.composite
def descriptions(draw: st.DrawFn) -> Written:
    """What says nothing to us."""
    if draw(st.booleans()):
        return encoder.origin(draw(LSNS), draw(TEXTS)), []
    return encoder.type_name(draw(st.integers(0, 2**32 - 1)), draw(TEXTS), draw(TEXTS)), []


@st.composite
def truncations(draw: st.DrawFn, known: list[encoder.Table]) -> Written:
    """Tables emptied together."""
    emptied = draw(st.lists(st.sampled_from(known), min_size=1, max_size=3))
    found: list[Decoded] = [Change(table=table.name, op="truncate", key={}) for table in emptied]
    return encoder.truncate(emptied, draw(st.integers(0, 3))), found


def messages(known: list[encoder.Table]) -> st.SearchStrategy[Written]:
    """Any message of a connection that has described the tables."""
    return st.one_of(
        transaction_marks(),
        logical_messages(),
        descriptions(),
        truncations(known),
        st.sampled_from(known).flatmap(changes),
    )


@st.composite
def sessions(draw: st.DrawFn) -> tuple[list[encoder.Table], list[Written]]:
    """Tables, and the messages of a connection about them."""
    known = draw(st.lists(tables(), min_size=1, max_size=3, unique_by=lambda table: table.oid))
    return known, draw(st.lists(messages(known), max_size=8))


def decoder_of(known: list[encoder.Table]) -> Decoder:
    """A decoder that the tables have been described to, and that takes their keys from there."""
    decoder = Decoder({})
    for table in known:
        decoder.decode(encoder.relation(table))
    return decoder


@given(sessions())
def test_what_is_encoded_is_read_back(session: tuple[list[encoder.Table], list[Written]]) -> None:
    known, written = session
    decoder = decoder_of(known)
    assert [decoder.decode(data) for data, _ in written] == [expected for _, expected in written]


@given(sessions(), st.data())
def test_a_message_that_ends_early_or_late_is_refused(
    session: tuple[list[encoder.Table], list[Written]], data: st.DataObject
) -> None:
    known, written = session
    whole = [encoder.relation(known[0]), *(message for message, _ in written)]
    message = data.draw(st.sampled_from(whole))
    broken = data.draw(
        st.integers(0, len(message) - 1).map(lambda size: message[:size])
        | st.binary(min_size=1, max_size=9).map(lambda rest: message + rest)
    )
    decoder = decoder_of(known)
    try:
        decoder.decode(broken)
    except DecodeError:
        return
    raise AssertionError(f"{broken!r} was taken for a message")


@given(tables(), st.binary(max_size=60), st.sampled_from(b"IUDTBCMROY\0"))
def test_any_bytes_are_a_message_or_refused(table: encoder.Table, rest: bytes, kind: int) -> None:
    decoder = decoder_of([table])
    oid = table.oid.to_bytes(4, "big")
    for garbage in (rest, bytes([kind]) + rest, bytes([kind]) + oid + b"N" + rest):
        try:
            decoded = decoder.decode(garbage)
        except DecodeError:
            continue
        assert garbage[:1] in b"IUDTBCMROY"
        assert len(decoded) <= len(garbage)
