"""What must hold of a projection at every moment: of its mirror, its read model and its feed."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import groupby, pairwise
from typing import Any

import orjson

from rosterline.db.tables.sis import TABLES
from rosterline.oneroster.stamps import format_stamp
from rosterline.oneroster.v1p2 import with_base
from rosterline.oneroster.vocabulary import ACTIVE, ALL_COLLECTIONS, COLLECTIONS, ROSTER, Entity
from rosterline.projector.draft import Draft
from rosterline.projector.sending import OWN_COLUMNS
from rosterline.projector.store import TABLE
from tests.support.projection import BASE_URL, Chain, Event, RecordKey, fresh_load

DOWNWARD = {"children", "agents"}
ENTITY_OF_TYPE = {entity.single: entity.value for entity in Entity}


async def mirror_differences(chain: Chain) -> list[str]:
    """Tables of the mirror that do not hold exactly the SIS's rows."""
    found: list[str] = []
    for table in TABLES:
        query = "SELECT whole::text FROM {}.{} AS whole ORDER BY 1"
        sis = await chain.sis.fetch(query.format("sis", table))
        mirror = await chain.store.reader.fetch(query.format("mirror", table))
        if [row[0] for row in sis] != [row[0] for row in mirror]:
            odd = {row[0] for row in sis} ^ {row[0] for row in mirror}
            found.append(f"{table}: {sorted(odd)[:4]}")
    return found


async def load_differences(chain: Chain) -> list[str]:
    """Records that are not as a first load of the same mirror would have made them."""
    expected = await fresh_load(chain.store.reader, chain.store.projection.day)
    stored = {
        key: text for key, text in (await chain.store.stored()).items() if Entity(key[1]) in ROSTER
    }
    found: list[str] = []
    for key, draft in expected.items():
        document = stored.get(key)
        if document is None:
            found.append(f"{key} is missing")
            continue
        stamp = orjson.loads(document)[Entity(key[1]).single]["dateLastModified"]
        wanted = f'{{"{draft.entity.single}":{with_base(draft.stamped(stamp), BASE_URL)}}}'
        if document != wanted:
            found.append(f"{key} is {document} and should be {wanted}")
    found += await column_differences(chain, expected)
    found += [
        f"{key} should be no more"
        for key, document in stored.items()
        if key not in expected and orjson.loads(document)[Entity(key[1]).single]["status"] == ACTIVE
    ]
    return found


async def column_differences(chain: Chain, expected: dict[RecordKey, Draft]) -> list[str]:
    """Records whose columns are not as their drafts say."""
    found: list[str] = []
    for collection in COLLECTIONS:
        rows = await chain.store.reader.fetch(f"SELECT * FROM {TABLE[collection]}")
        for row in rows:
            key = (collection.version.value, collection.entity.value, row["sourced_id"])
            draft = expected.get(key)
            if draft is None:
                continue
            values = {**draft.columns, "schools": draft.schools, "digest": draft.digest}
            if collection.entity is Entity.USERS:
                stamp = format_stamp(row["date_last_modified"])
                values["alternative"] = draft.alternative_stamped(stamp)
            stored = {name: frozen(row[name]) for name in values}
            if stored != values:
                found.append(f"{key} has the columns {stored} and should have {values}")
            assert values.keys() >= OWN_COLUMNS[collection.entity].keys()
    return found


Standing = set[tuple[str, str, str]]
STANDING = """
SELECT unnest(coalesce(schools, (SELECT array_agg(sourced_id) FROM v1p2.orgs
    WHERE type = 'school'))), sourced_id FROM {table}
"""


async def departure_differences(chain: Chain, once: Standing) -> list[str]:
    """What has left a school without a tombstone there, or has one while it stands there.

    `once` is where records have stood at the moments that were looked at; it grows.
    """
    query = "SELECT collection, school, sourced_id FROM rosterline.departed"
    departed = {tuple(row) for row in await chain.store.reader.fetch(query)}
    now: Standing = set()
    for collection in ALL_COLLECTIONS:
        table = TABLE[collection]
        query = STANDING.format(table=table)
        now |= {(table, school, key) for school, key in await chain.store.reader.fetch(query)}
    found = [f"{each} left without a tombstone" for each in once - now - departed]
    found += [f"{each} stands there and has a tombstone" for each in now & departed]
    once |= now
    return found


def frozen(value: object) -> object:
    """A list of the database as drafts have it."""
    return tuple(value) if isinstance(value, list) else value


def replay(events: list[Event]) -> dict[RecordKey, str]:
    """What a subscriber holds who took all events, deletions with their tombstones."""
    return {event.key: event.data for event in events}


def references(version: str, value: Any, member: str = "") -> Iterator[tuple[RecordKey, bool]]:
    """The records that a document refers to, and whether they are above it."""
    if isinstance(value, list):
        for each in value:
            yield from references(version, each, member)
    elif isinstance(value, dict):
        if "href" in value:
            yield (
                (version, ENTITY_OF_TYPE[value["type"]], value["sourcedId"]),
                member not in DOWNWARD,
            )
        for name, each in value.items():
            yield from references(version, each, name)


def feed_faults(events: list[Event]) -> list[str]:
    """What is wrong with the events, from the first one on."""
    return [*sequence_faults(events), *transaction_faults(events), *order_faults(events)]


def sequence_faults(events: list[Event]) -> list[str]:
    """Numbers without gaps, ids of their own, stamps that never go back, and headers that agree."""
    found: list[str] = []
    if [event.sequence for event in events] != list(range(1, len(events) + 1)):
        found.append("the sequence has gaps")
    if len({event.headers["ce-id"] for event in events}) != len(events):
        found.append("an id occurs twice")
    for earlier, later in pairwise(events):
        if earlier.headers["ce-time"] > later.headers["ce-time"]:
            found.append(f"the stamp goes back at {later.sequence}")
    for event in events:
        record = orjson.loads(event.data)[Entity(event.entity).single]
        if record["dateLastModified"] != event.headers["ce-time"]:
            found.append(f"{event.sequence} has another time than its record")
        if (record["status"] == ACTIVE) == (event.operation == "deleted"):
            found.append(f"{event.sequence} is {event.operation} but {record['status']}")
    return found


def transaction_faults(events: list[Event]) -> list[str]:
    """Each transaction stands together, counted from 1, with `last` at its end and there only."""
    found: list[str] = []
    seen: set[tuple[str, str]] = set()
    for name, group in groupby(
        events, lambda event: (event.headers["ce-transactionid"], event.headers["ce-time"])
    ):
        whole = list(group)
        if name in seen:
            found.append(f"transaction {name} is interrupted")
        seen.add(name)
        numbers = [int(event.headers["ce-transactionindex"]) for event in whole]
        last = [event.headers["ce-transactionlast"] == "true" for event in whole]
        if numbers != list(range(1, len(whole) + 1)) or last != [False] * (len(whole) - 1) + [True]:
            found.append(f"transaction {name} is numbered {numbers} {last}")
    return found


def order_faults(events: list[Event]) -> list[str]:
    """Parents come before what refers to them and go after it; at each end all is whole."""
    found: list[str] = []
    alive: set[RecordKey] = set()
    known: set[RecordKey] = set()
    refers: dict[RecordKey, set[RecordKey]] = {}
    referred: dict[RecordKey, set[RecordKey]] = defaultdict(set)
    later: list[tuple[Event, RecordKey]] = []
    for event in events:
        known.add(event.key)
        for above in refers.pop(event.key, set()):
            referred[above].discard(event.key)
        if event.operation == "deleted":
            alive.discard(event.key)
            if referred[event.key]:
                found.append(f"{event.key} goes before {sorted(referred[event.key])[:3]}")
        else:
            alive.add(event.key)
            pointed = list(references(event.version, orjson.loads(event.data)))
            refers[event.key] = {key for key, upward in pointed if upward}
            for key, upward in pointed:
                if upward:
                    referred[key].add(event.key)
                if upward and key not in alive:
                    found.append(f"{event.sequence} {event.key} comes before {key}")
                if not upward:
                    later.append((event, key))
        if event.headers["ce-transactionlast"] == "true":
            found += [f"{one.key} lists {key} in vain" for one, key in later if key not in known]
            later = []
    return found
