"""The body of a write → the command that says the same to ingest. Pure.

Here is checked what only the address can tell: that the body is the JSON it asks for, and names the
same records. What a record must be, the rules of ingest say.
"""

from codecs import BOM_UTF8
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from rosterline.api.endpoints import Endpoint, Shape
from rosterline.api.errors import ApiError, invalid, too_large, unknown_object
from rosterline.api.limits import MOST_BODY_BYTES, MOST_ID_LENGTH, is_id
from rosterline.events.commands import CommandOperation

Members = dict[str, Any]
MOST_TOLD = 20
# As many lines as ingest takes in one message.
MOST_RECORDS = 1000
OPERATIONS = {
    "PUT": CommandOperation.PUT,
    "POST": CommandOperation.PUT,
    "PATCH": CommandOperation.PATCH,
    "DELETE": CommandOperation.DELETE,
}


class Pair(NamedTuple):
    """The id that a writer gave, and the one that the record has."""

    supplied: str
    allocated: str


@dataclass(frozen=True, slots=True)
class Command:
    """What is published: without `operation` it is a batch, of which all is stored or nothing.

    `pairs` are those of records whose ids were allocated.
    """

    collection: str
    operation: CommandOperation | None
    data: bytes
    pairs: tuple[Pair, ...] = ()


def build_command(
    endpoint: Endpoint, ids: Sequence[str], body: bytes, new_id: Callable[[], str]
) -> Command:
    """The command of a write; raises ApiError 422 for a body that is none of this endpoint's.

    `ids` are those of the address; `new_id` makes version 4 UUIDs.
    """
    if endpoint.shape is Shape.COLLECTION:
        return _several(endpoint, ids, body, new_id)
    operation = OPERATIONS[endpoint.method]
    if endpoint.method == "DELETE":
        _require_id(ids[-1], unknown_object)
        return Command(endpoint.entity, operation, orjson.dumps({"sourcedId": ids[-1]}))
    record = _record(read_json(body), endpoint.key)
    pairs: tuple[Pair, ...] = ()
    own_id = _own_id(record)
    sourced_id = ids[-1] if ids else own_id or new_id()
    _require_id(sourced_id, unknown_object if endpoint.method == "PATCH" else invalid)
    if ids and record.get("sourcedId") not in (None, sourced_id):
        raise invalid(
            f"The body's sourcedId {_shown(record['sourcedId'])} is not that of the address, "
            f"{_shown(sourced_id)}"
        )
    data = orjson.dumps({endpoint.key: {**record, "sourcedId": sourced_id}})
    pairs = () if ids else (Pair(own_id or sourced_id, sourced_id),)
    return Command(endpoint.entity, operation, data, pairs)


def read_json(body: bytes) -> Any:  # noqa: ANN401 - any JSON
    """The JSON of a body; raises ApiError 422 that says where it is none."""
    body = body.removeprefix(BOM_UTF8)
    if not body.strip():
        raise invalid("The body is empty: JSON is needed")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise invalid(f"The body is no JSON: {error}") from None


def _several(
    endpoint: Endpoint, ids: Sequence[str], body: bytes, new_id: Callable[[], str]
) -> Command:
    records = _records(read_json(body), endpoint.key)
    if len(records) > MOST_RECORDS:
        raise too_large(
            f"{endpoint.key} has {len(records)} records: send at most {MOST_RECORDS} at a time, or "
            "many records as POST /ingest/batch, which may have any length"
        )
    parents = {
        member: sourced_id
        for member, sourced_id in zip(endpoint.given, ids, strict=True)
        if member is not None
    }
    problems: list[str] = []
    supplied: set[str] = set()
    lines: list[bytes] = []
    pairs: list[Pair] = []
    for number, record in enumerate(records):
        place = f"{endpoint.key}[{number}]"
        problems += [f"{place}: {each}" for each in _disagreements(record, parents, supplied)]
        allocated = new_id()
        pairs.append(Pair(_own_id(record) or allocated, allocated))
        absent = {name for name in parents if record.get(name) is None}
        references = {name: {"sourcedId": parents[name]} for name in absent}
        whole = {**record, **references, "sourcedId": allocated}
        lines.append(orjson.dumps({endpoint.entity.single: whole}))
    if problems:
        raise invalid(joined(problems))
    data = b"\n".join(lines)
    if len(data) > MOST_BODY_BYTES:
        raise _excess()
    return Command(endpoint.entity, None, data, tuple(pairs))


def joined(texts: Sequence[str]) -> str:
    """What is wrong in several places, as one text of bounded length."""
    told = "; ".join(texts[:MOST_TOLD])
    rest = len(texts) - MOST_TOLD
    return f"{told}; and {rest} more" if rest > 0 else told


def _disagreements(record: Members, parents: dict[str, str], supplied: set[str]) -> list[str]:
    """What in one of several records does not go with the address or the records before it."""
    found = []
    sourced_id = _own_id(record)
    if sourced_id is None and record.get("sourcedId") is not None:
        found.append("sourcedId must be a text that is not empty")
    elif sourced_id is not None and sourced_id in supplied:
        found.append(f"sourcedId {_shown(sourced_id)} was given before")
    supplied |= {sourced_id} if sourced_id else set()
    for member, parent in parents.items():
        reference = record.get(member)
        named = reference.get("sourcedId") if isinstance(reference, dict) else None
        if reference is not None and named != parent:
            found.append(f"{member} is not that of the address, {_shown(parent)}")
    return found


def _record(body: object, key: str) -> Members:
    wanted = f'The body must be {{"{key}": {{…}}}}'
    if not isinstance(body, dict):
        raise invalid(f"{wanted}; it is no object")
    if key not in body:
        raise invalid(f"{wanted}; {key} is missing")
    if not isinstance(body[key], dict):
        raise invalid(f"{wanted}; {key} is no object")
    record: Members = body[key]
    if record.get("sourcedId") is not None and not isinstance(record["sourcedId"], str):
        raise invalid("sourcedId must be a text")
    return record


def _records(body: object, key: str) -> list[Members]:
    wanted = f'The body must be {{"{key}": [{{…}}, …]}}'
    if not isinstance(body, dict):
        raise invalid(f"{wanted}; it is no object")
    if key not in body:
        raise invalid(f"{wanted}; {key} is missing")
    records = body[key]
    if not isinstance(records, list) or not records:
        raise invalid(f"{wanted}; {key} is no list of one record or more")
    wrong = [f"{key}[{n}] is no object" for n, each in enumerate(records) if type(each) is not dict]
    if wrong:
        raise invalid(joined(wrong))
    return records


def _own_id(record: Members) -> str | None:
    """The id that a record came with."""
    sourced_id = record.get("sourcedId")
    return sourced_id if isinstance(sourced_id, str) and sourced_id else None


def _require_id(sourced_id: str, error: Callable[[str], ApiError]) -> None:
    if not is_id(sourced_id):
        raise error(
            f"{_shown(sourced_id)} is no sourcedId: it has 1 to {MOST_ID_LENGTH} characters, and "
            "none of them is U+0000"
        )


def _shown(sourced_id: object) -> str:
    return repr(str(sourced_id)[:60])


def _excess() -> ApiError:
    return too_large(
        f"The records are larger than {MOST_BODY_BYTES} bytes together: send fewer at a time"
    )
