"""Messages of stream INGEST as commands: what is understood, what is refused, what is none."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rosterline.events.commands import CommandOperation
from rosterline.ingest.command import Arrival, Command, Entry, Malformed
from rosterline.ingest.entries import MOST_LINES, MOST_NESTING, depth_of
from rosterline.ingest.intake import Intake, NoCommandError, NoSenderError
from rosterline.oneroster.vocabulary import Entity

NOW = datetime(2026, 10, 1, 8, tzinfo=UTC)
INTAKE = Intake("district", "stream made on monday", timedelta(hours=1))
PUT = "ingest.district.vendor.assessmentResults.put"
BATCH = "ingest.district.vendor.batch"
BODY = b'{"assessmentResult": {"sourcedId": "a", "score": 1}}'
VISIBLE = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=128)


def arrival(subject: str = PUT, data: bytes = BODY, **headers: str) -> Arrival:
    """A message; `headers` with _ for -."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Arrival(7, subject, named, data, NOW)


def read(subject: str = PUT, data: bytes = BODY, **headers: str) -> Command:
    """The command that the message is."""
    return INTAKE.read(arrival(subject, data, **headers))


def refusals(command: Command) -> dict[int, str]:
    """The texts with which lines are refused."""
    for line in command.lines:
        assert isinstance(line, Entry) or (line.refused.status, line.refused.code_minor) == (
            422,
            "invaliddata",
        )
    return {
        line.number: line.refused.description
        for line in command.lines
        if isinstance(line, Malformed)
    }


def test_a_put_is_one_line() -> None:
    command = read(Rosterline_Command="17")
    assert (command.app, command.command_id, command.received) == ("vendor", "17", NOW)
    assert command.lines == (
        Entry(
            1,
            CommandOperation.PUT,
            Entity.ASSESSMENT_RESULTS,
            "a",
            {"sourcedId": "a", "score": 1},
        ),
    )
    assert (command.wait, command.is_atomic, command.answer) == (timedelta(0), False, None)
    assert command.is_told


def test_a_deletion_names_the_record_alone() -> None:
    command = read("ingest.district.vendor.categories.delete", b'{"sourcedId": "a"}')
    assert command.lines == (Entry(1, CommandOperation.DELETE, Entity.CATEGORIES, "a"),)


def test_a_batch_has_a_line_for_each_and_blank_ones_count() -> None:
    data = b'\n{"delete": "results/a/b"}\r\n\n' + BODY + b"\n"
    lines = read(BATCH, data).lines
    assert [(line.number, line.key) for line in lines if isinstance(line, Entry)] == [
        (2, (Entity.RESULTS, "a/b")),
        (4, (Entity.ASSESSMENT_RESULTS, "a")),
    ]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[1]", "member assessmentResult is the record"),
        (b'{"assessmentLineItem": {"sourcedId": "a"}}', "member assessmentResult is the record"),
        (b'{"assessmentResult": [1]}', "member assessmentResult is the record"),
        (b'{"assessmentResult": {}}', "sourcedId is required"),
        (b'{"assessmentResult": {"sourcedId": 1}}', "sourcedId is required"),
        (b'{"assessmentResult": {"sourcedId": ""}}', "sourcedId is required"),
        (b'{"assessmentResult": {"sourcedId": "a\\nb"}}', "no control characters"),
        (b'{"assessmentResult": {"sourcedId": "\\u0000"}}', "no control characters"),
        (b'{"assessmentResult": {"sourcedId": "' + b"a" * 256 + b'"}}', "1 to 255 characters"),
        (b'{"assessmentResult": {"sourcedId": "a", "x": ' + b"[" * 40 + b"]" * 40 + b"}}", "deep"),
        (b'{"assessmentResult": {"x": "' + b"a" * 64_000 + b'"}}', "64000 bytes"),
    ],
)
def test_a_malformed_put_is_a_refused_line(data: bytes, text: str) -> None:
    (found,) = refusals(read(PUT, data)).values()
    assert text in found


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b"nonsense", "not JSON"),
        (b"{}", "one member"),
        (b'{"result": {"sourcedId": "a"}, "delete": "results/b"}', "one member"),
        (b'{"user": {"sourcedId": "a"}}', "must be one of category, scoreScale"),
        (b'{"delete": "users/a"}', "collections are categories, scoreScales"),
        (b'{"delete": {"sourcedId": "a"}}', "<collection>/<sourcedId>"),
        (b'{"delete": "results"}', "sourcedId is required"),
        (b'{"result": {}}', "sourcedId is required"),
    ],
)
def test_a_malformed_line_is_refused_by_its_number_and_the_others_stand(
    line: bytes, text: str
) -> None:
    command = read(BATCH, b"\n".join([BODY, line, BODY]))
    assert text in refusals(command)[2]
    assert list(refusals(command)) == [2]
    assert len(command.lines) == 3


@pytest.mark.parametrize("count", [0, MOST_LINES, MOST_LINES + 1])
def test_a_batch_has_some_lines_and_not_too_many(count: int) -> None:
    command = read(BATCH, b"\n".join([BODY] * count))
    assert (len(command.lines) == count) is (count == MOST_LINES)
    assert bool(refusals(command)) is (count != MOST_LINES)


@pytest.mark.parametrize(
    "subject",
    [
        "ingest.district.vendor.assessmentResults.post",
        "ingest.district.vendor.users.put",
        "ingest.district.vendor.put",
        "ingest.district.vendor.batch.put.more",
    ],
)
def test_a_subject_that_asks_for_nothing_known_is_answered(subject: str) -> None:
    assert "The subject must end in" in refusals(read(subject))[1]


@pytest.mark.parametrize(
    "subject", ["ingest.elsewhere.vendor.results.put", "ingest.district.vendor", "other.district.x"]
)
def test_a_subject_that_names_no_connection_is_no_command(subject: str) -> None:
    with pytest.raises(NoSenderError, match="no connection"):
        read(subject)


@pytest.mark.parametrize(
    "data",
    [
        b'{"stream": "INGEST", "seq": 5}',
        b'{"stream": "SIS", "seq": 5, "duplicate": true}',
        b'{"type": "io.nats.jetstream.api.v1.stream_info_response", "error": {"code": 404}}',
    ],
)
def test_an_answer_of_the_servers_is_no_command(data: bytes) -> None:
    for subject in (PUT, BATCH):
        with pytest.raises(NoCommandError, match="answer of the server"):
            read(subject, data)


def test_word_about_a_request_is_no_command() -> None:
    with pytest.raises(NoCommandError, match="answer of the server"):
        read(PUT, b"", Status="404")


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ({"Rosterline_Wait": "soon"}, "Rosterline-Wait must be a whole number"),
        ({"Rosterline_Wait": "-1"}, "Rosterline-Wait must be a whole number"),
        ({"Rosterline_Atomic": "yes"}, "Rosterline-Atomic must be true or false"),
        ({"Rosterline_Atomic": "true", "Rosterline_Wait": "5"}, "does not go with"),
        ({"Rosterline_Answer": "A.>"}, "small letters and digits"),
        ({"Rosterline_First_Line": "x"}, "Rosterline-First-Line must be a whole number"),
        ({"Rosterline_Command": "a b"}, "Rosterline-Command must have"),
        ({"Rosterline_Command": "a" * 129}, "Rosterline-Command must have"),
        ({"Rosterline_Batch": "a\0b"}, "Rosterline-Batch must have"),
        ({"Rosterline_Batch": "a" * 60_000}, "Rosterline-Batch must have"),
    ],
)
def test_a_malformed_header_is_answered(headers: dict[str, str], text: str) -> None:
    command = read(PUT, BODY, **headers)
    assert text in refusals(command)[1]
    assert command.batch_id is None


def test_who_waits_is_answered_also_of_what_is_malformed() -> None:
    command = read(PUT, b"nonsense", Rosterline_Answer="me", Rosterline_Wait="x")
    assert (command.answer, command.is_told) == ("me", False)


def test_headers_say_how_a_command_is_to_be_taken() -> None:
    command = read(
        Rosterline_Wait="60",
        Rosterline_Answer="none",
        Rosterline_Batch="b",
        Rosterline_First_Line="501",
    )
    assert (command.wait, command.answer, command.is_told) == (timedelta(minutes=1), None, False)
    assert (command.batch_id, command.first_line) == ("b", 501)
    assert read(Rosterline_Atomic="true").is_atomic


def test_nobody_waits_longer_than_the_installation_lets_them() -> None:
    assert read(Rosterline_Wait="999999").wait == timedelta(hours=1)


def test_without_a_name_a_command_is_named_by_its_place() -> None:
    named = read().command_id
    assert named == read().command_id
    others = [
        Intake("district", "stream made on tuesday", timedelta(0)).read(arrival()),
        INTAKE.read(Arrival(8, PUT, {}, BODY, NOW)),
    ]
    assert len({named, *(other.command_id for other in others)}) == 3
    assert uuid.UUID(named).version == 5


@given(VISIBLE)
def test_every_visible_name_names_the_command(name: str) -> None:
    assert read(Rosterline_Command=name).command_id == name


def nested(depth: int) -> Any:
    """Lists in each other."""
    value: Any = []
    for _ in range(depth - 1):
        value = [value]
    return value


@pytest.mark.parametrize("depth", [1, MOST_NESTING - 2, MOST_NESTING - 1])
def test_depth_counts_lists_and_objects_in_each_other(depth: int) -> None:
    assert depth_of(nested(depth)) == depth
    body = orjson.dumps({"assessmentResult": {"sourcedId": "a", "x": nested(depth)}})
    assert bool(refusals(read(PUT, body))) is (depth + 2 > MOST_NESTING)


@given(st.binary(max_size=200), st.sampled_from([PUT, BATCH, "ingest.district.v.results.delete"]))
def test_whatever_is_sent_is_a_command_or_none(data: bytes, subject: str) -> None:
    try:
        command = read(subject, data)
    except NoCommandError:
        return
    assert command.lines
