"""The lines of a command: what each asks for, or why it cannot be understood. Pure."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import orjson

from rosterline.events.commands import MOST_RECORD_BYTES, CommandOperation
from rosterline.ingest.command import Entry, Malformed
from rosterline.ingest.lines import Refused
from rosterline.oneroster.vocabulary import Entity

MOST_LINES: Final = 1000
MOST_NESTING: Final = 32
INVALID_DATA: Final = "invaliddata"
SOURCED_ID: Final = re.compile(r"[^\x00-\x1f\x7f]{1,255}")
BATCH: Final = "batch"
WRITABLE: Final[Mapping[str, Entity]] = {
    entity.value: entity
    for entity in (
        Entity.CATEGORIES,
        Entity.SCORE_SCALES,
        Entity.LINE_ITEMS,
        Entity.RESULTS,
        Entity.ASSESSMENT_LINE_ITEMS,
        Entity.ASSESSMENT_RESULTS,
    )
}
BY_SINGLE: Final = {entity.single: entity for entity in WRITABLE.values()}
OPERATIONS: Final = {operation.value: operation for operation in CommandOperation}


class MalformedError(Exception):
    """What is sent cannot be understood; the message is for the sender to read."""


def read_lines(tokens: list[str], data: bytes) -> Iterator[Entry | Malformed]:
    """The lines of a command, by what its subject says behind the connection.

    Raises MalformedError for what has no lines; a line that cannot be understood is one.
    """
    if tokens == [BATCH]:
        yield from read_batch(data)
        return
    entity, operation = read_tokens(tokens)
    yield read_line(1, data, lambda body: single_entry(entity, operation, body))


def read_tokens(tokens: list[str]) -> tuple[Entity, CommandOperation]:
    """Collection and operation; raises MalformedError, which says what there is."""
    match tokens:
        case [collection, operation] if collection in WRITABLE and operation in OPERATIONS:
            return WRITABLE[collection], OPERATIONS[operation]
        case _:
            raise MalformedError(
                f"The subject must end in <collection>.<operation> or {BATCH}: collections are "
                f"{', '.join(WRITABLE)}; operations are {', '.join(OPERATIONS)}."
            )


def read_batch(data: bytes) -> Iterator[Entry | Malformed]:
    """The lines of a batch; blank ones are counted and left out."""
    texts = data.split(b"\n")
    filled = [(number, text) for number, text in enumerate(texts, start=1) if text.strip()]
    if not filled:
        raise MalformedError("The batch has no lines.")
    if len(filled) > MOST_LINES:
        raise MalformedError(
            f"The batch has {len(filled)} lines: send at most {MOST_LINES} in one message."
        )
    for number, text in filled:
        yield read_line(number, text, batch_entry)


def read_line(
    number: int, text: bytes, entry: Callable[[Any], tuple[Any, ...]]
) -> Entry | Malformed:
    """One line: `entry` says what its JSON asks for, or raises MalformedError."""
    try:
        return Entry(number, *entry(read_json(text)))
    except MalformedError as error:
        return malformed(number, error)


def malformed(number: int, error: MalformedError) -> Malformed:
    """The line with its answer."""
    return Malformed(number, Refused(422, INVALID_DATA, str(error)))


def read_json(text: bytes) -> Any:  # noqa: ANN401 - any JSON
    """What the text holds; raises MalformedError for what is none, too long or too deep."""
    if len(text) > MOST_RECORD_BYTES:
        raise MalformedError(f"A record may have at most {MOST_RECORD_BYTES} bytes.")
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise MalformedError(f"This is not JSON: {error.msg}.") from None
    # Most records have fewer brackets than may stand in each other.
    if text.count(b"{") + text.count(b"[") > MOST_NESTING and depth_of(value) > MOST_NESTING:
        raise MalformedError(f"JSON may be nested {MOST_NESTING} levels deep.")
    return value


def depth_of(value: Any) -> int:  # noqa: ANN401 - any JSON
    """How many levels of lists and objects stand in each other."""
    level, depth = [value], 0
    while level := [item for item in level if isinstance(item, dict | list)]:
        depth += 1
        level = [
            inner for item in level for inner in (item.values() if isinstance(item, dict) else item)
        ]
    return depth


def single_entry(
    entity: Entity,
    operation: CommandOperation,
    body: Any,  # noqa: ANN401 - any JSON
) -> tuple[Any, ...]:
    """What a command on one record asks for."""
    if operation is not CommandOperation.DELETE:
        return (operation, entity, *read_record(entity, body))
    if not isinstance(body, dict):
        raise MalformedError("A deletion must be a JSON object with the member sourcedId.")
    return operation, entity, read_sourced_id(body.get("sourcedId"))


def batch_entry(body: Any) -> tuple[Any, ...]:  # noqa: ANN401 - any JSON
    """What a line of a batch asks for."""
    if not isinstance(body, dict) or len(body) != 1:
        raise MalformedError("A line must be a JSON object with one member.")
    ((member, value),) = body.items()
    if member in BY_SINGLE:
        entity = BY_SINGLE[member]
        return (CommandOperation.PUT, entity, *read_record(entity, body))
    if member != "delete":
        raise MalformedError(
            f"The member of a line must be one of {', '.join(BY_SINGLE)}, or delete."
        )
    collection, _, sourced_id = value.partition("/") if isinstance(value, str) else ("", "", "")
    if collection not in WRITABLE:
        raise MalformedError(
            f"delete must be <collection>/<sourcedId>; collections are {', '.join(WRITABLE)}."
        )
    return CommandOperation.DELETE, WRITABLE[collection], read_sourced_id(sourced_id)


def read_record(entity: Entity, body: Any) -> tuple[str, dict[str, Any]]:  # noqa: ANN401 - any JSON
    """A record's id and members."""
    record = body.get(entity.single) if isinstance(body, dict) else None
    if not isinstance(record, dict):
        raise MalformedError(
            f"The body must be a JSON object whose member {entity.single} is the record."
        )
    return read_sourced_id(record.get("sourcedId")), record


def read_sourced_id(value: Any) -> str:  # noqa: ANN401 - any JSON
    """An id that can be stored; what else it must be is the rules' affair."""
    if not isinstance(value, str) or SOURCED_ID.fullmatch(value) is None:
        raise MalformedError(
            "sourcedId is required: a text of 1 to 255 characters, no control characters among "
            "them."
        )
    return value
