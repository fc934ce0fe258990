"""Made-up records of every collection, full of what queries stumble over, and their rows."""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from asyncpg.pool import PoolConnectionProxy

from rosterline.api.query.fields import fields_of
from rosterline.api.query.shapes import SHAPES, Kind, Shape
from rosterline.api.viewing.visibility import TABLES
from rosterline.oneroster.stamps import format_stamp
from rosterline.oneroster.vocabulary import Collection, Entity
from tests.support.api import stamp
from tests.support.matching import Document, flattened, read_document

# Few, so that filters meet records; some differ in case, some order differently by locale.
IDS = ["a", "A", "b/1", "Zz", "zZ", "x@y.z", "é"]
TEXTS = [
    "",
    "ab",
    "AB",
    "aB c",
    "O'Hara",
    'the "\\ reader"',
    "a,b",
    "İstanbul",
    "istanbul",
    "ΣΑΣ",
    "σας",
    "Straße",
    "漢字",
    "𝄞",
    "Zoë",
    "ZOË",
    "85",
    "true",
    "%_",
    "x\n\ty",
    "b" * 254 + "aa",
    "b" * 254 + "ab",
]
# The words of roles in lower case, as records write them: columns say who has them.
WORDS = ["student", "teacher", "schoolYear", "fully graded", "ext:reading", "active"]
DATES = ["2026-08-15", "2026-08-16", "2025-12-31", "2026-08-15T00:00:00.000Z"]
MOMENTS = [
    "2026-08-15",
    "2026-08-15T00:00:00.000Z",
    "2026-08-15T02:00:00.000+02:00",
    "2026-08-15T08:15:00.123Z",
    "2026-08-15T08:15:00.123456Z",
    "2026-08-15T08:15:00",
    "2026-08-15T08:15Z",
    "2026-02-30T08:15:00Z",
    "soon",
    "infinity",
    "",
]
NUMBERS: list[Any] = [0, 85, 85.5, -3, 100, 1e22, "85", "many", 0.1]
OPEN: list[Any] = [*TEXTS, 85, 85.5, True, False, None, [], ["ab", "AB", 7, None, {"x": 1}], {}]
VALUES: Mapping[Kind, Sequence[Any]] = {
    Kind.ID: IDS,
    Kind.ADDRESS: [f"~/ims/oneroster/rostering/v1p2/orgs/{each}" for each in IDS],
    Kind.ENUM: WORDS,
    Kind.TEXT: TEXTS,
    Kind.DATE: DATES,
    Kind.MOMENT: MOMENTS,
    Kind.NUMBER: NUMBERS,
    Kind.BOOLEAN: ["true", "false"],
}
METADATA_NAMES = ["metadata.x", "metadata.x.y", "metadata.ext-id", "metadata.x.0", "metadata.q.r.s"]


@dataclass(frozen=True)
class Made:
    """A record; `other` is the one that connections with the secondary email see."""

    text: str
    moment: datetime
    other: str | None = None

    @property
    def document(self) -> Document:
        """What it says."""
        return read_document(self.text)


def make_records(collection: Collection, seed: int, count: int) -> list[Made]:
    """Records with ids in an order that is not theirs."""
    dice = random.Random(seed)
    return [_make_record(collection, f"{dice.choice('aBz-é')}{n}", dice) for n in range(count)]


def _make_record(collection: Collection, sourced_id: str, dice: random.Random) -> Made:
    moment = stamp(dice.randrange(5))
    shape = SHAPES[collection.version][collection.entity]
    record = {
        "sourcedId": sourced_id,
        "status": dice.choice(["active", "active", "tobedeleted"]),
        "dateLastModified": format_stamp(moment),
        **_make_object(shape, dice),
    }
    if dice.random() < 0.7:
        record["metadata"] = _make_open(dice, depth=3)
    if "type" in shape:
        record["type"] = dice.choice(WORDS)
    other = None
    if collection.entity is Entity.USERS and dice.random() < 0.4:
        other = _text({**record, "email": dice.choice(TEXTS)})
    return Made(_text(record), moment, other)


def _text(record: object) -> str:
    """Compact, as the projector writes it."""
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


def _make_object(shape: Mapping[str, Shape], dice: random.Random) -> dict[str, Any]:
    return {name: _make(each, dice) for name, each in shape.items() if dice.random() < 0.7}


def _make(shape: Shape, dice: random.Random) -> Any:
    if isinstance(shape, Kind):
        return dice.choice(VALUES[shape])
    if isinstance(shape, Mapping):
        return _make_object(shape, dice)
    return [_make(shape[0], dice) for _ in range(dice.randrange(4))]


def _make_open(dice: random.Random, depth: int) -> Any:
    if depth == 0 or dice.random() < 0.3:
        return dice.choice(OPEN)
    names = ["x", "y", "ext-id", "q", "r", "s", "0"]
    return {name: _make_open(dice, depth - 1) for name in names if dice.random() < 0.5}


ODD: Sequence[Any] = [
    *(None, True, 0, -1.5, 1e300, "", "x", "2026-08-15", "true", [], {}, [[]], [None], ["x", 1]),
    *([{}], [{"sourcedId": 1}], {"sourcedId": ["a"]}, [[{"role": "student"}]]),
]


def make_odd_records(collection: Collection, seed: int, count: int) -> list[Made]:
    """Records in which anything may stand anywhere."""
    dice = random.Random(seed)
    shape = SHAPES[collection.version][collection.entity]
    records = []
    for number in range(count):
        record = {
            "sourcedId": f"o{number}",
            "status": "active",
            "dateLastModified": format_stamp(stamp(0)),
            **{name: dice.choice(ODD) for name in (*shape, "metadata")},
        }
        records.append(Made(_text(record), stamp(0)))
    return records


async def store(
    connection: PoolConnectionProxy, collection: Collection, records: Sequence[Made]
) -> None:
    """These records and no others, with the columns that the projector would give them."""
    await connection.execute(f"TRUNCATE {TABLES[collection]}")
    for record in records:
        columns = columns_of(collection, record)
        places = ", ".join(f"${place + 1}" for place in range(len(columns)))
        await connection.execute(
            f"INSERT INTO {TABLES[collection]} ({', '.join(columns)}) VALUES ({places})",
            *columns.values(),
        )


def columns_of(collection: Collection, record: Made) -> dict[str, object]:
    """The row of a record."""
    document = record.document
    columns: dict[str, object] = {"document": record.text, "digest": b"", "sequence": 0}
    for field in fields_of(collection).values():
        if field.column is not None:
            found = list(flattened(document, field.path))
            columns[field.column] = found if field.is_list else next(iter(found), None)
    if collection.entity in {Entity.ORGS, Entity.ACADEMIC_SESSIONS}:
        columns["type"] = columns["type"] or ""
    columns["date_last_modified"] = record.moment
    if collection.entity is Entity.USERS:
        roles = {*flattened(document, ("roles", "role")), *flattened(document, ("role",))}
        columns |= {
            "is_student": "student" in roles,
            "is_teacher": "teacher" in roles,
            "is_agent": False,
            "alternative": record.other,
            "alternative_email": record.other and read_document(record.other)["email"],
        }
    return columns
