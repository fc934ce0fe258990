"""The columns by which queries ask say what the document says, of every record of a district."""

from typing import Any

import orjson
import pytest

from rosterline.oneroster.vocabulary import COLLECTIONS, Collection, Entity, Version
from rosterline.projector.sending import OWN_COLUMNS
from rosterline.projector.store import TABLE
from tests.support.projection import Chain

REFERENCES = {
    "parent_id": "parent",
    "org_id": "org",
    "course_id": "course",
    "school_id": "school",
    "user_id": "user",
    "class_id": "class",
}
MEMBERS = {
    "type": "type",
    "role": "role",
    "username": "username",
    "email": "email",
    "identifier": "identifier",
    "family_name": "familyName",
}


def told(document: dict[str, Any], alternative: dict[str, Any] | None) -> dict[str, Any]:
    """What a document says, under the names of columns."""
    reference = {name: document.get(member) or {} for name, member in REFERENCES.items()}
    places = [(role["role"], role["org"]["sourcedId"]) for role in document.get("roles", ())] or [
        (document.get("role"), org["sourcedId"]) for org in document.get("orgs", ())
    ]
    held = {role for role, _ in places}
    return {
        **{name: document.get(member) for name, member in MEMBERS.items()},
        **{name: each.get("sourcedId") for name, each in reference.items()},
        "term_ids": [term["sourcedId"] for term in document.get("terms", ())],
        "places": [f"{role}@{org}" for role, org in places],
        "is_student": "student" in held,
        "is_teacher": "teacher" in held,
        "is_agent": held <= {"guardian", "relative"},
        "alternative_email": None if alternative is None else alternative["email"],
    }


@pytest.mark.parametrize("collection", COLLECTIONS, ids=".".join)
async def test_every_column_says_what_the_document_says(
    chain: Chain, collection: Collection
) -> None:
    await chain.sis.execute(
        "UPDATE sis.person SET secondary_email = 'other@second.test', email = NULL "
        "WHERE person_id % 2 = 0"
    )
    await chain.sync()
    rows = await chain.store.reader.fetch(f"SELECT * FROM {TABLE[collection]}")
    assert rows
    for row in map(dict, rows):
        other = row.get("alternative")
        expected = told(
            orjson.loads(row["document"]), None if other is None else orjson.loads(other)
        )
        for name in OWN_COLUMNS[collection.entity]:
            assert row[name] == expected[name], (row["sourced_id"], name)
        assert row["schools"] == sorted(set(row["schools"]))
    if collection == (Version.V1P2, Entity.USERS):
        assert {row["alternative_email"] for row in rows} > {None, "other@second.test"}


async def test_the_scopes_of_a_district_are_its_schools(chain: Chain) -> None:
    reader = chain.store.reader
    everywhere = await reader.fetch("SELECT sourced_id FROM v1p2.orgs WHERE type = 'school'")
    schools = sorted(row["sourced_id"] for row in everywhere)
    assert len(schools) > 1
    for version in Version:
        orgs = await reader.fetch(f"SELECT sourced_id, type, schools FROM {version.value}.orgs")
        for row in orgs:
            assert row["schools"] == ([row["sourced_id"]] if row["type"] == "school" else schools)
    for collection in COLLECTIONS:
        rows = await reader.fetch(f"SELECT schools FROM {TABLE[collection]}")
        assert all({*row["schools"]} <= {*schools} for row in rows)
        if collection.entity not in {Entity.ENROLLMENTS, Entity.USERS}:
            assert all(row["schools"] for row in rows), collection
