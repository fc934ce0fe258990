"""A generated district through the real projector, with a gradebook, before the API.

What relationship endpoints need is looked up in it: parents with members of every kind, and
beside them parents that have none.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import asyncpg
import httpx

from rosterline.api.access import connections
from rosterline.api.access.connections import NewConnection
from rosterline.api.dialects import APP_NAME, Dialect
from rosterline.api.endpoints import NUMBERS, Endpoint
from rosterline.oneroster.scopes import ADMIN, KNOWN, short_name
from rosterline.oneroster.vocabulary import Version
from rosterline.sample.generate import generate
from tests.support import api, written_documents
from tests.support.api import Served, serving
from tests.support.projection import TODAY, open_chain
from tests.support.servers import Databases
from tests.support.written import WrittenModel
from tests.support.written_documents import Document, ref

STUDENTS = 60
# A class with a student and a teacher, and with a term that has grading periods.
FULL_CLASS = """
SELECT class.sourced_id AS class, class.course_id AS course, class.school_id AS school,
    school.document::json ->> 'identifier' AS estab,
    pupil.person_guid::text AS student, 's' || pupil.person_id AS older_student,
    coach.person_guid::text AS teacher, 't' || coach.person_id AS older_teacher,
    period.parent_id AS term, period.sourced_id AS period
FROM v1p2.classes AS class
JOIN v1p2.orgs AS school ON school.sourced_id = class.school_id
JOIN v1p2.enrollments AS taken ON taken.class_id = class.sourced_id
    AND taken.role = 'student' AND taken.status = 'active'
JOIN v1p2.enrollments AS taught ON taught.class_id = class.sourced_id
    AND taught.role = 'teacher' AND taught.status = 'active'
JOIN mirror.person AS pupil ON pupil.person_guid::text = taken.user_id
JOIN mirror.person AS coach ON coach.person_guid::text = taught.user_id
JOIN v1p2.academic_sessions AS period
    ON period.type = 'gradingPeriod' AND period.parent_id = ANY(class.term_ids)
WHERE class.status = 'active'
ORDER BY class.sourced_id, student, teacher, period LIMIT 1
"""
LONELY = {
    "class": "class-2",
    "course": "course-2",
    "school": "school-3",
    "student": "student-2",
    "teacher": "teacher-2",
    "term": "term-2",
    "user": "student-2",
    "lineItem": "line-item-2",
}


@dataclass(frozen=True, slots=True)
class District:
    """The application, a connection of each version with all scopes, and ids of parents."""

    served: Served
    vendors: Mapping[Version, NewConnection]
    tokens: Mapping[Version, str]
    row: asyncpg.Record

    def parents(self, version: Version) -> dict[str, str]:
        """Parents with members, by the names of the endpoint table without `SourcedId`."""
        names = ("class", "course", "school", "student", "teacher", "term")
        found = {name: self.row[name] for name in names} | {"lineItem": "line-item-1"}
        if version is Version.V1P1:
            found |= {name: self.row[f"older_{name}"] for name in ("student", "teacher")}
        return found | {"user": found["student"]}

    def lonely(self, endpoint: Endpoint) -> dict[str, str]:
        """Parents of which the last has no members, and is the first's."""
        if "/schools/{schoolSourcedId}/classes/{" in endpoint.path:
            return LONELY | {"school": "school-2"}
        if endpoint.path.count("{") > 1:
            return LONELY | {"class": self.row["class"]}
        return LONELY

    async def get(
        self,
        dialect: Dialect,
        path: str,
        *,
        token: str | None = None,
        tag: str | None = None,
        **query: str,
    ) -> httpx.Response:
        """GET of a path from the root, whose application is the connection's."""
        version = dialect.version
        bearer = self.tokens[version] if token is None else token
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        headers |= {"If-None-Match": tag} if tag else {}
        address = path.replace(APP_NAME, self.vendors[version].app)
        return await self.served.http.get(address, params=query, headers=headers)

    async def token(self, version: Version, scope: str) -> str:
        """A new connection's token, with this scope only."""
        name = f"only-{short_name(scope).replace('.', '-')}"
        vendor = await connections.add(
            self.served.connection, name, NUMBERS[version], scopes=[scope]
        )
        return await token_of(self.served, vendor)

    async def address(
        self, dialect: Dialect, endpoint: Endpoint, *, token: str | None = None
    ) -> str:
        """The endpoint's address, with ids of records that are there."""
        path = filled(dialect.path(endpoint), self.parents(dialect.version))
        if not path.endswith("/{sourcedId}"):
            return path
        collection = path.removesuffix("/{sourcedId}")
        (records,) = (await self.get(dialect, collection, token=token, limit="1")).json().values()
        return f"{collection}/{records[0]['sourcedId']}"


def filled(path: str, parents: Mapping[str, str]) -> str:
    """A path of the endpoint table with the ids of parents."""
    for name, sourced_id in parents.items():
        path = path.replace(f"{{{name}SourcedId}}", sourced_id)
    return path


@asynccontextmanager
async def whole_district(databases: Databases) -> AsyncIterator[District]:
    """A district of a few schools, with parents that have no members."""
    await generate(
        databases.sis_dsn, students=STUDENTS, seed=8, progress=lambda *_: None, today=TODAY
    )
    async with open_chain(databases) as chain:
        await chain.load()
    async with serving(databases.dsn) as served:
        row = await served.connection.fetchrow(FULL_CLASS)
        assert row is not None, "no class has a student, a teacher and a grading period"
        served.read_model.is_live = True
        await served.read_model.write(*lonely_parents())
        await WrittenModel(served.read_model).write(*gradebook(dict(row)))
        vendors = {version: await all_seeing(served, version) for version in Version}
        tokens = {version: await token_of(served, made) for version, made in vendors.items()}
        yield District(served, vendors, tokens, row)


async def all_seeing(served: Served, version: Version) -> NewConnection:
    """A connection with every scope of its version."""
    number = NUMBERS[version]
    scopes = [scope for scope in KNOWN[number] if scope != ADMIN]
    return await connections.add(served.connection, f"all-{version}", number, scopes=scopes)


async def token_of(served: Served, vendor: NewConnection) -> str:
    """A connection's token."""
    answer = await replace(served, vendor=vendor).ask_token({})
    token: str = answer.json()["access_token"]
    return token


def lonely_parents() -> Sequence[api.Stored]:
    """One of each kind that has no members; `class-2` is the class of `school-2`."""
    return (
        api.org("school-2"),
        api.org("school-3"),
        api.session("term-2"),
        api.course("course-2"),
        api.class_("class-2", course_id="course-3", term_id="term-3", school_id="school-2"),
        api.user("student-2"),
        api.user("teacher-2", "teacher"),
    )


def gradebook(row: Mapping[str, Any]) -> list[Document]:
    """One of each written document, about a class and a student of the district."""
    places = {
        "class": ref(row["class"]),
        "course": ref(row["course"]),
        "school": ref(row["school"]),
        "student": ref(row["student"]),
        "user": ref(row["student"]),
        "academicSession": ref(row["term"]),
        "gradingPeriod": ref(row["period"]),
    }
    found = [
        one.but(**{name: place for name, place in places.items() if name in one.body})
        for one in written_documents.ONE_OF_EACH_WRITTEN
    ]
    (line_item,) = [one for one in found if one.collection == "lineItems"]
    return [*found, line_item.but(sourcedId="line-item-2")]
