"""The events' schemas are golden files, and what is really emitted keeps to them."""

import re
from collections import Counter
from random import Random
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator, FormatChecker

from rosterline.events.catalogue import FOLDER, event_schemas, schema_text
from rosterline.events.change import SECONDARY_EMAIL
from rosterline.oneroster.vocabulary import ALL_COLLECTIONS, Collection, Entity, Version
from rosterline.sample.generate import generate
from tests.integration.projector.mutation import Mutator
from tests.support.gradebooks import find_place, put
from tests.support.projection import TODAY, Event, open_chain
from tests.support.servers import Databases
from tests.support.written_documents import ONE_OF_EACH_WRITTEN

REWRITE = "run `python -m rosterline.events.catalogue`, and mind who reads the events"
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
ATTRIBUTES = {
    "ce-specversion": r"1\.0",
    "ce-id": r"[0-9a-z-]+-\d+",
    "ce-type": r"rosterline\.v1p[12]\.[a-zA-Z]+\.(created|updated|deleted)",
    "ce-source": r"urn:rosterline:district",
    "ce-subject": r"[0-9A-Za-z./@_-]{1,255}",
    "ce-time": STAMP.pattern,
    "ce-sequence": r"\d{20}",
    "ce-partitionkey": r"[0-9A-Za-z./@_-]{1,255}",
    "ce-transactionid": r"[!-~]+",
    "ce-transactionindex": r"[1-9]\d*",
    "ce-transactionlast": r"true|false",
    "ce-dataschema": r"urn:rosterline:schema:v1p[12]:[a-zA-Z]+:1",
    "content-type": r"application/json",
}
VALIDATORS: dict[str, Any] = {
    name: Draft202012Validator(schema, format_checker=FormatChecker())
    for name, schema in event_schemas()
}


@pytest.mark.parametrize("name", VALIDATORS)
def test_a_schema_is_as_its_golden_file_says(name: str) -> None:
    schema = dict(event_schemas())[name]
    assert (FOLDER / name).read_text() == schema_text(schema), REWRITE


def test_there_is_a_golden_file_for_each_event_and_no_other() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(VALIDATORS), REWRITE


@pytest.mark.parametrize("name", VALIDATORS)
def test_a_schema_is_a_valid_schema(name: str) -> None:
    problems = Draft202012Validator(Draft202012Validator.META_SCHEMA).iter_errors(
        VALIDATORS[name].schema
    )
    assert list(problems) == []


@pytest.mark.parametrize("collection", ALL_COLLECTIONS, ids=".".join)
def test_a_schema_knows_no_null_and_demands_the_stamp(collection: Collection) -> None:
    version, entity = collection
    text = (FOLDER / f"{version.value}.{entity.single}.json").read_text()
    assert '"null"' not in text
    definitions = orjson.loads(text)["$defs"]
    record = next(one for one in definitions.values() if "status" in one["properties"])
    assert {"sourcedId", "status", "dateLastModified"} <= set(record["required"])


async def emit(databases: Databases) -> tuple[list[Event], list[str]]:
    """The events of a district's first load and of many changes, and the messages behind them."""
    await generate(databases.sis_dsn, students=25, seed=3, progress=lambda *_: None, today=TODAY)
    async with open_chain(databases, part_rows=10) as chain:
        await chain.load()
        mutator = Mutator(chain.sis, Random(5), TODAY)
        for _ in range(60):
            await mutator.transaction()
        await chain.sync()
        place = await find_place(chain.store.reader)
        await put(chain.store.reader, *map(place.at, ONE_OF_EACH_WRITTEN))
        await chain.sync_records()
        messages = [received.message.model_dump_json() for received in chain.source.history]
        return chain.store.events, messages


async def test_every_event_and_message_keeps_to_its_schema(databases: Databases) -> None:
    events, messages = await emit(databases)
    counts = Counter(
        (Collection(Version(event.version), Entity(event.entity)), event.operation)
        for event in events
    )
    assert {collection for collection, _ in counts} == set(ALL_COLLECTIONS)
    assert {operation for _, operation in counts} == {"created", "updated", "deleted"}
    for event in events:
        check_data(event)
        check_attributes(event)
    for message in messages:
        VALIDATORS["source.json"].validate(orjson.loads(message))


def check_data(event: Event) -> None:
    """The data is one record, valid by the schema that the event names."""
    validator = VALIDATORS[f"{event.version}.{Entity(event.entity).single}.json"]
    data = orjson.loads(event.data)
    validator.validate(data)
    assert validator.schema["$id"] == event.headers["ce-dataschema"]
    (record,) = data.values()
    assert STAMP.fullmatch(record["dateLastModified"])
    assert record["sourcedId"] == event.headers["ce-subject"]


def check_attributes(event: Event) -> None:
    """All CloudEvents attributes are there, well-formed, and say the same as the subject."""
    assert set(event.headers) - {SECONDARY_EMAIL} == set(ATTRIBUTES)
    for name, pattern in ATTRIBUTES.items():
        assert re.fullmatch(pattern, event.headers[name]), name
        attribute = name.removeprefix("ce-").replace("content-type", "datacontenttype")
        assert re.fullmatch(r"[a-z0-9]{1,20}", attribute)
    kind = f"{event.version}.{event.entity}.{event.operation}"
    assert event.headers["ce-type"] == f"rosterline.{kind}"
    assert event.subject == f"oneroster.district.{kind}"
    assert event.headers["ce-partitionkey"] == event.headers["ce-subject"]
