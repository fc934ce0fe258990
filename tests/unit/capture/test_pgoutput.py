"""Bytes of pgoutput, one kind of message at a time; tests/property tries any bytes at all."""

from datetime import UTC, datetime

import pytest

from rosterline.capture.pgoutput import Begin, Commit, DecodeError, Decoder, LogicalMessage
from rosterline.events.source import Change, Values
from tests.unit.capture import encoder

PERSON = encoder.Table(7, "sis", "person", ("person_id", "name", "note"), ("person_id",))
TERM = encoder.Table(8, "sis", "section_term", ("section_id", "term_id"), ("section_id", "term_id"))
STRANGER = encoder.Table(9, "payroll", "person", ("person_id", "salary"), ("person_id",))
MOMENT = datetime(2025, 9, 1, 12, 30, 15, 123456, tzinfo=UTC)


def prepared(*tables: encoder.Table, schema: str | None = None) -> Decoder:
    """A decoder that the tables have been described to."""
    decoder = Decoder({"person": ("person_id",)}, schema)
    for table in tables or (PERSON, TERM):
        assert decoder.decode(encoder.relation(table)) == []
    return decoder


def test_a_transaction_begins_with_the_position_of_its_commit() -> None:
    begin = prepared().decode(encoder.begin(0x16_B374_D848, MOMENT, 901))
    commit = prepared().decode(encoder.commit(1, 2, MOMENT))
    assert begin == [Begin(0x16_B374_D848, MOMENT, 901)]
    assert commit == [Commit(1, 2)]


def test_an_insert_carries_its_new_key() -> None:
    row = {"person_id": "4", "name": "Ægir", "note": None}
    decoded = prepared().decode(encoder.insert(PERSON, row))
    assert decoded == [Change(table="person", op="insert", key={"person_id": "4"}, row=row)]


def test_an_update_that_keeps_its_key_has_no_old_image() -> None:
    row: Values = {"person_id": "4", "name": "", "note": "new"}
    decoded = prepared().decode(encoder.update(PERSON, row))
    assert decoded == [Change(table="person", op="update", key={"person_id": "4"}, row=row)]


def test_an_update_of_the_key_carries_the_key_before() -> None:
    row = {"person_id": "5", "name": "A", "note": None}
    decoded = prepared().decode(encoder.update(PERSON, row, {"person_id": "4"}))
    assert decoded == [Change(table="person", op="update", key={"person_id": "4"}, row=row)]


def test_an_update_with_a_whole_old_image_carries_the_key_before() -> None:
    row = {"person_id": "5", "name": "A", "note": None}
    old = {"person_id": "4", "name": "B", "note": "old"}
    decoded = prepared().decode(encoder.update(PERSON, row, old, "O"))
    assert decoded == [Change(table="person", op="update", key={"person_id": "4"}, row=row)]


def test_an_untouched_toast_column_is_named_and_not_null() -> None:
    row = {"person_id": "4", "name": "A", "note": encoder.UNCHANGED}
    (decoded,) = prepared().decode(encoder.update(PERSON, row))
    assert isinstance(decoded, Change)
    assert decoded.row == {"person_id": "4", "name": "A"}
    assert decoded.unchanged == ("note",)


def test_a_deletion_carries_nothing_but_the_key() -> None:
    decoded = prepared().decode(encoder.delete(TERM, {"section_id": "1", "term_id": "2"}))
    key: Values = {"section_id": "1", "term_id": "2"}
    assert decoded == [Change(table="section_term", op="delete", key=key, row=None)]


def test_a_truncation_is_one_change_a_table() -> None:
    decoded = prepared().decode(encoder.truncate([PERSON, TERM], options=3))
    assert decoded == [
        Change(table="person", op="truncate", key={}),
        Change(table="section_term", op="truncate", key={}),
    ]


@pytest.mark.parametrize("transactional", [True, False])
def test_a_logical_message_says_whether_its_transaction_carries_it(*, transactional: bool) -> None:
    content = b"\x00\xffany bytes"
    decoded = prepared().decode(encoder.message("rosterline", content, transactional=transactional))
    assert decoded == [LogicalMessage(transactional, "rosterline", content)]


def test_origins_and_types_say_nothing() -> None:
    decoder = prepared()
    assert decoder.decode(encoder.origin(1, "elsewhere")) == []
    assert decoder.decode(encoder.type_name(16400, "sis", "mood")) == []


def test_a_table_of_the_same_name_in_another_schema_is_passed_over() -> None:
    decoder = prepared(PERSON, STRANGER, schema="sis")
    strange = {"person_id": "1", "salary": "9"}
    assert decoder.decode(encoder.insert(STRANGER, strange)) == []
    assert decoder.decode(encoder.update(STRANGER, strange, strange, "O")) == []
    assert decoder.decode(encoder.delete(STRANGER, strange)) == []
    assert decoder.decode(encoder.truncate([STRANGER, PERSON])) == [
        Change(table="person", op="truncate", key={})
    ]


def test_a_table_described_anew_is_read_by_its_new_columns() -> None:
    decoder = prepared()
    wider = encoder.Table(7, "sis", "person", ("person_id", "name", "note", "age"), ("person_id",))
    decoder.decode(encoder.relation(wider))
    row = {"person_id": "4", "name": "A", "note": "b", "age": "9"}
    (decoded,) = decoder.decode(encoder.insert(wider, row))
    assert isinstance(decoded, Change)
    assert decoded.row == row


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"?",
        b"I",
        encoder.insert(encoder.Table(99, "sis", "unknown", ("a",), ("a",)), {"a": "1"}),
        encoder.insert(PERSON, {"person_id": "4"})[:-1],
        encoder.insert(PERSON, {"person_id": "4"}) + b"n",
        encoder.insert(PERSON, {"person_id": "4", "note": "cut"})[:-1],
        encoder.insert(TERM, {"section_id": "1"}).replace(b"\x00\x00\x00\x08", b"\x00\x00\x00\x07"),
        encoder.insert(PERSON, {"person_id": "4"}).replace(b"N", b"Z", 1),
        encoder.delete(PERSON, {"person_id": "4"}, "Z"),
        encoder.insert(PERSON, {"person_id": "4"})[:-2] + b"bn",
        b"B" + b"\x7f" * 20,
        encoder.message("p", b"content")[:-1],
        encoder.begin(1, MOMENT, 2)[:-1],
    ],
)
def test_broken_bytes_are_refused_as_such(data: bytes) -> None:
    with pytest.raises(DecodeError):
        prepared().decode(data)
