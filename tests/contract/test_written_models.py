"""What is made of written documents is valid by 1EdTech's own schemas, which are closed."""

import json
import re
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from jsonschema import Draft4Validator, FormatChecker

from rosterline.oneroster.record import UNSTAMPED
from rosterline.oneroster.v1p2 import (
    GRADEBOOK_PATH,
    MODELS,
    RESOURCES_PATH,
    SERVICE_PATHS,
    with_base,
)
from rosterline.oneroster.vocabulary import WRITTEN, Entity, Version
from rosterline.projector.rules.written import build_written
from tests.support.facts import built
from tests.support.official import read_official
from tests.support.written_documents import FACTS, ONE_OF_EACH_WRITTEN, Document
from tests.support.written_strategies import documents

STAMP = "2026-11-21T08:15:00.123Z"
BASE_URL = "https://roster.example.org"
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
MOMENTS = ("dateLastModified", "assignDate", "dueDate")
RECORDS = [document for document in ONE_OF_EACH_WRITTEN if document.entity]
Node = dict[str, Any]


@cache
def schemas() -> dict[Entity, Node]:
    """1EdTech's schema of one record of each entity."""
    files = {
        GRADEBOOK_PATH: read_official("onerosterv1p2gradebookservice_openapi3_v1p0.json"),
        RESOURCES_PATH: read_official("onerosterv1p2resourcesservice_openapi3_v1p0.json"),
    }
    return {
        entity: {
            **(file := files[SERVICE_PATHS.get(entity, GRADEBOOK_PATH)])["components"]["schemas"][
                f"{entity.single[0].upper()}{entity.single[1:]}DType"
            ],
            "components": file["components"],
        }
        for entity in WRITTEN[Version.V1P2]
    }


def sent(document: Document) -> Node:
    """The document as a GET answers it."""
    entity = Entity(document.collection)
    verdict = build_written(entity, document.sourced_id, document.body, FACTS)
    text = built(verdict, MODELS[entity]).model_dump_json(by_alias=True, exclude_none=True)
    members: Node = json.loads(with_base(text.replace(UNSTAMPED, STAMP, 1), BASE_URL))
    return members


def check(document: Document) -> Node:
    """Validate the document as it is sent."""
    members = sent(document)
    Draft4Validator(
        schemas()[Entity(document.collection)], format_checker=FormatChecker()
    ).validate(members)
    for name in MOMENTS:
        assert name not in members or MOMENT.fullmatch(members[name])
    return members


@pytest.mark.parametrize(
    "document", RECORDS, ids=[f"{one.collection}-{one.sourced_id[-2:]}" for one in RECORDS]
)
def test_one_of_each_is_valid(document: Document) -> None:
    check(document)


def test_there_is_one_of_each() -> None:
    assert {document.entity for document in RECORDS} == set(WRITTEN[Version.V1P2])


@settings(max_examples=200)
@given(document=documents())
def test_a_document_with_the_standards_members_is_valid(document: Document) -> None:
    check(document)


@pytest.mark.parametrize("entity", WRITTEN[Version.V1P2])
def test_our_models_have_the_members_of_1edtechs(entity: Entity) -> None:
    fields = MODELS[entity].model_fields.values()
    assert {field.alias for field in fields} == set(schemas()[entity]["properties"])
    ours = {field.alias for field in fields if field.is_required()}
    assert ours | {"dateLastModified"} == set(schemas()[entity]["required"])


def test_members_beyond_the_standard_are_all_that_is_not_valid() -> None:
    for document in RECORDS:
        validator = Draft4Validator(schemas()[Entity(document.collection)])
        (problem,) = validator.iter_errors(sent(document.but(ours="x")))
        assert problem.validator == "additionalProperties"
        assert "'ours' was unexpected" in problem.message
