"""Relationship endpoints: members, unknown parents, and parents without members."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from rosterline.api.dialects import EDTECH_V1P2
from rosterline.api.endpoints import Endpoint, Service
from rosterline.api.operations import V1P2
from rosterline.launch.embedded import EmbeddedPostgres
from tests.support.api import (
    ONE_OF_EACH,
    PARENTS,
    Served,
    class_,
    course,
    enrollment,
    org,
    serving,
    session,
    user,
    with_parents,
)
from tests.support.servers import fresh_databases

pytestmark = pytest.mark.asyncio(loop_scope="module")
RELATED = [row for row in V1P2 if row.relation and row.service is Service.ROSTERING]
MEMBERS = {
    "getStudentsForClass": {"student-1"},
    "getTeachersForClass": {"teacher-1"},
    "getClassesForCourse": {"class-1"},
    "getClassesForSchool": {"class-1"},
    "getEnrollmentsForClassInSchool": {"enrollment-1", "enrollment-2"},
    "getStudentsForClassInSchool": {"student-1"},
    "getTeachersForClassInSchool": {"teacher-1"},
    "getCoursesForSchool": {"course-1", "course-2"},
    "getEnrollmentsForSchool": {"enrollment-1", "enrollment-2"},
    "getStudentsForSchool": {"student-1", "student-2", "student-3"},
    "getTeachersForSchool": {"teacher-1", "teacher-2"},
    "getTermsForSchool": {"term-1"},
    "getClassesForStudent": {"class-1"},
    "getClassesForTeacher": {"class-1"},
    "getClassesForTerm": {"class-1"},
    "getGradingPeriodsForTerm": {"period-1"},
    "getClassesForUser": {"class-1"},
}
# Parents that are there and have no members.
LONELY = {
    "{classSourcedId}": "class-2",
    "{courseSourcedId}": "course-2",
    "{schoolSourcedId}": "school-3",
    "{studentSourcedId}": "student-2",
    "{teacherSourcedId}": "teacher-2",
    "{termSourcedId}": "term-2",
    "{userSourcedId}": "student-2",
}
WRONG_KIND = {
    "{schoolSourcedId}": "district-1",
    "{studentSourcedId}": "teacher-1",
    "{teacherSourcedId}": "student-1",
    "{termSourcedId}": "year-1",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(postgres_server: EmbeddedPostgres) -> AsyncIterator[Served]:
    with fresh_databases(postgres_server) as databases:
        async with serving(databases.dsn) as served:
            await served.read_model.write(
                *ONE_OF_EACH,
                org("school-2"),
                org("school-3"),
                session("term-2"),
                course("course-2"),
                class_("class-2", course_id="course-3", term_id="term-3", school_id="school-2"),
                user("student-2"),
                user("teacher-2", "teacher"),
                # Has left the class: no member any more.
                user("student-3"),
                enrollment("enrollment-3", user="student-3", status="tobedeleted"),
            )
            await served.authorize()
            yield served


def ids(body: dict[str, list[dict[str, str]]]) -> set[str]:
    """The ids of the records of an answer."""
    (records,) = body.values()
    return {record["sourcedId"] for record in records}


@pytest.mark.parametrize("endpoint", RELATED, ids=lambda row: row.operation_id)
async def test_members_are_those_of_the_parents(served: Served, endpoint: Endpoint) -> None:
    answer = await served.get(with_parents(endpoint.path))
    assert (answer.status_code, set(answer.json())) == (200, {endpoint.entity.value})
    assert ids(answer.json()) == MEMBERS[endpoint.operation_id]
    assert answer.headers["X-Total-Count"] == str(len(MEMBERS[endpoint.operation_id]))


@pytest.mark.parametrize("endpoint", RELATED, ids=lambda row: row.operation_id)
async def test_a_known_parent_without_members_has_an_empty_list(
    served: Served, endpoint: Endpoint
) -> None:
    is_in_school = "{schoolSourcedId}/classes/" in endpoint.path
    parents = LONELY | ({"{schoolSourcedId}": "school-2"} if is_in_school else {})
    answer = await served.get(with_parents(endpoint.path, parents))
    assert (answer.status_code, answer.json()) == (200, {endpoint.entity.value: []})


@pytest.mark.parametrize("endpoint", RELATED, ids=lambda row: row.operation_id)
async def test_an_unknown_parent_is_a_404_that_names_it(served: Served, endpoint: Endpoint) -> None:
    for name in PARENTS:
        if name in endpoint.path:
            path = with_parents(endpoint.path.replace(name, "nobody"))
            answer = await served.get(path)
            assert answer.status_code == 404
            assert "'nobody'" in answer.json()["imsx_description"]


@pytest.mark.parametrize("name", WRONG_KIND)
async def test_a_parent_of_another_kind_is_unknown(served: Served, name: str) -> None:
    rows = [row for row in RELATED if name in row.path]
    assert rows
    for row in rows:
        answer = await served.get(with_parents(row.path.replace(name, WRONG_KIND[name])))
        assert answer.status_code == 404, row.path


async def test_a_class_of_another_school_is_unknown_below_a_school(served: Served) -> None:
    for last in ("students", "teachers", "enrollments"):
        answer = await served.get(f"/schools/school-2/classes/class-1/{last}")
        assert answer.status_code == 404
        assert (await served.get(f"/schools/school-2/classes/class-2/{last}")).status_code == 200


async def test_members_are_filtered_sorted_and_paged_like_any_collection(served: Served) -> None:
    path = "/schools/school-1/students"
    first = await served.get(path, limit=2, sort="sourcedId", orderBy="desc")
    assert [row["sourcedId"] for row in first.json()["users"]] == ["student-3", "student-2"]
    assert first.headers["X-Total-Count"] == "3"
    link = next(part for part in first.headers["Link"].split(", ") if 'rel="next"' in part)
    second = await served.http.get(link[1 : link.index(">")])
    assert [row["sourcedId"] for row in second.json()["users"]] == ["student-1"]
    found = await served.get(path, filter="sourcedId='student-2'")
    assert ids(found.json()) == {"student-2"}


async def test_an_id_with_a_slash_is_found_when_it_is_encoded(served: Served) -> None:
    await served.read_model.write(
        class_("a/b@c"), enrollment("enrollment-4", user="student-2", class_id="a/b@c")
    )
    assert (await served.get("/classes/a%2Fb%40c")).json()["class"]["sourcedId"] == "a/b@c"
    answer = await served.get("/classes/a%2Fb%40c/students")
    assert ids(answer.json()) == {"student-2"}
    assert EDTECH_V1P2.path(RELATED[0]).startswith("/ims/oneroster/rostering/v1p2/")
    await served.read_model.write(class_("a/b@c", status="tobedeleted"))
