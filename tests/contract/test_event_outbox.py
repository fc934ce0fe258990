"""What the projector writes into the WAL is what capture reads there, whatever it holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rosterline.events.change import ChangeEvent, Operation, parse_outbox
from rosterline.oneroster.vocabulary import Entity, Version

# PostgreSQL holds no NUL, and UTF-8 no lone surrogates.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
OPERATIONS: tuple[Operation, ...] = ("created", "updated", "deleted")


@given(TEXT, TEXT, st.sampled_from(Entity), st.sampled_from(OPERATIONS), st.integers(1, 2**62))
def test_an_event_survives_the_outbox(
    sourced_id: str, data: str, entity: Entity, operation: Operation, sequence: int
) -> None:
    event = ChangeEvent(
        epoch="e",
        sequence=sequence,
        district="d",
        version=Version.V1P2,
        entity=entity,
        operation=operation,
        sourced_id=sourced_id,
        time="2025-10-15T00:00:00.000Z",
        transaction="1-0/1",
        index=1,
        last=True,
        data=data,
    )
    subject, headers, body = parse_outbox(event.outbox_text().encode())
    assert (subject, headers, body) == (event.subject, event.headers(), data.encode())


@given(st.integers(1, 2**62), st.integers(1, 2**62))
def test_sequences_sort_as_texts_and_ids_tell_events_apart(one: int, other: int) -> None:
    first, second = event_of(one), event_of(other)
    assert (first.headers()["ce-sequence"] < second.headers()["ce-sequence"]) == (one < other)
    assert (first.id == second.id) == (one == other)


def event_of(sequence: int) -> ChangeEvent:
    """An event with this number."""
    return ChangeEvent(
        epoch="e",
        sequence=sequence,
        district="d",
        version=Version.V1P2,
        entity=Entity.USERS,
        operation="created",
        sourced_id="1",
        time="2025-10-15T00:00:00.000Z",
        transaction="1-0/1",
        index=1,
        last=False,
        data="{}",
    )


def test_a_subject_holds_no_id() -> None:
    assert event_of(7).subject == "oneroster.d.v1p2.users.created"


@pytest.mark.parametrize("content", [b"", b"no line end", b"not json\n{}", b'["one"]\n{}'])
def test_a_message_that_is_no_event_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - several kinds of it, by design
        parse_outbox(content)
