"""What a vendor gets: active records, tombstones, pages, headers, errors."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from rosterline.api.errors import CodeMinor
from rosterline.config.settings import Settings
from rosterline.launch.embedded import EmbeddedPostgres
from rosterline.oneroster.stamps import format_stamp
from rosterline.oneroster.v1p2 import ROSTERING_PATH
from tests.support.api import (
    BASE_URL,
    ONE_OF_EACH,
    Served,
    class_,
    course,
    enrollment,
    org,
    renewed,
    serving,
    shuffled,
    user,
)
from tests.support.servers import Databases, fresh_databases

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hall(postgres_server: EmbeddedPostgres) -> AsyncIterator[tuple[Served, Settings]]:
    with fresh_databases(postgres_server) as databases:
        async with serving(databases.dsn) as served:
            await served.authorize()
            yield served, Settings(dsn=databases.dsn, public_url=BASE_URL)


@pytest_asyncio.fixture(loop_scope="module")
async def served(hall: tuple[Served, Settings]) -> AsyncIterator[Served]:
    served = await renewed(*hall)
    async with served.http:
        yield served


async def ids(served: Served, path: str, **parameters: str | int) -> list[str]:
    answer = await served.get(path, **parameters)
    assert answer.status_code == 200, answer.text
    (records,) = answer.json().values()
    return [record["sourcedId"] for record in records]


def code(body: dict[str, dict[str, list[dict[str, str]]]]) -> str:
    (field,) = body["imsx_CodeMinor"]["imsx_codeMinorField"]
    return field["imsx_codeMinorFieldValue"]


async def test_views_show_their_part_of_a_collection(served: Served) -> None:
    await served.read_model.write(*ONE_OF_EACH)
    assert await ids(served, "/users") == ["student-1", "teacher-1"]
    assert await ids(served, "/students") == ["student-1"]
    assert await ids(served, "/teachers") == ["teacher-1"]
    assert await ids(served, "/schools") == ["school-1"]
    assert await ids(served, "/terms") == ["term-1"]
    assert await ids(served, "/gradingPeriods") == ["period-1"]
    assert await ids(served, "/academicSessions") == ["period-1", "term-1", "year-1"]


@pytest.mark.parametrize(
    "path", ["/students/teacher-1", "/teachers/student-1", "/schools/district-1", "/terms/year-1"]
)
async def test_a_record_outside_the_view_is_unknown(served: Served, path: str) -> None:
    await served.read_model.write(*ONE_OF_EACH)
    answer = await served.get(path)
    assert answer.status_code == 404
    assert code(answer.json()) == CodeMinor.UNKNOWN_OBJECT


async def test_deleted_records_come_by_id_and_when_a_filter_asks_for_them(served: Served) -> None:
    await served.read_model.write(user("a"), user("b", status="tobedeleted"))
    assert await ids(served, "/users") == ["a"]
    assert await ids(served, "/users", filter="sourcedId='b'") == []
    assert await ids(served, "/users", filter="status='tobedeleted'") == ["b"]
    assert await ids(served, "/users", filter="dateLastModified>'2026-01-01'") == ["a", "b"]
    tombstone = await served.get("/users/b")
    assert (tombstone.status_code, tombstone.json()["user"]["status"]) == (200, "tobedeleted")


async def test_a_page_of_one_record_is_what_its_own_address_answers(served: Served) -> None:
    await served.read_model.write(*ONE_OF_EACH)
    (listed,) = (await served.get("/students")).json()["users"]
    single = (await served.get("/students/student-1")).json()
    assert single == {"user": listed}
    href = listed["roles"][0]["org"]["href"]
    assert href == f"{BASE_URL}{ROSTERING_PATH}/orgs/school-1"
    assert (await served.http.get(href)).json()["org"]["sourcedId"] == "school-1"


async def test_an_id_with_a_slash_is_found_by_its_encoded_address(served: Served) -> None:
    await served.read_model.write(course("math/7@east"))
    answer = await served.http.get(f"{ROSTERING_PATH}/courses/math%2F7@east")
    assert answer.json()["course"]["sourcedId"] == "math/7@east"


@pytest.mark.parametrize("sourced_id", ["%00", "x" * 300, "a/b", "%FF", "%F0%9F%98%80"])
async def test_an_impossible_id_is_unknown(served: Served, sourced_id: str) -> None:
    answer = await served.http.get(f"{ROSTERING_PATH}/users/{sourced_id}")
    assert answer.status_code == 404


async def test_pages_are_in_the_order_of_code_points_and_never_cut(served: Served) -> None:
    await served.read_model.write(*(user(key) for key in shuffled(1, 250)))
    whole = [f"u{number:05d}" for number in range(250)]
    assert await ids(served, "/users") == whole[:100]
    assert await ids(served, "/users", limit=10_000) == whole
    assert await ids(served, "/users", limit=100, offset=200) == whole[200:]
    assert await ids(served, "/users", limit=100, offset=300) == []


async def test_links_lead_through_the_collection_and_end(served: Served) -> None:
    await served.read_model.write(*(user(key) for key in shuffled(2, 25)))
    page = await served.get("/users", limit=10)
    seen = [page]
    while "next" in page.links:
        assert page.links["next"]["url"].startswith(BASE_URL)
        page = await served.http.get(page.links["next"]["url"])
        seen.append(page)
    assert [len(page.json()["users"]) for page in seen] == [10, 10, 5]
    assert {page.headers["X-Total-Count"] for page in seen} == {"25"}
    assert "prev" not in seen[0].links
    assert "prev" in seen[2].links


async def test_no_next_leads_from_a_full_last_page(served: Served) -> None:
    await served.read_model.write(*(user(key) for key in shuffled(3, 20)))
    assert "next" in (await served.get("/users", limit=10)).links
    assert "next" not in (await served.get("/users", limit=10, offset=10)).links


async def test_a_delta_pages_by_the_stamp_when_asked_to(served: Served) -> None:
    for key in ("c", "a", "b"):
        await served.read_model.write(user(key))
    after = "dateLastModified>'2026-09-01'"
    newest = await ids(served, "/users", filter=after, sort="dateLastModified", orderBy="desc")
    assert newest == ["b", "a", "c"]


async def test_the_watermark_is_the_clocks_last_stamp(served: Served) -> None:
    await served.read_model.write(user("a"))
    moment = await served.read_model.write(course("c"))
    for path in ("/users", "/users/a"):
        answer = await served.get(path)
        assert answer.headers["Rosterline-Watermark"] == format_stamp(moment)


async def test_no_page_of_a_walk_shows_a_stamp_above_its_watermark(served: Served) -> None:
    await served.read_model.write(user("a"), user("b"), user("c"))
    first = await served.get("/users", limit=1)
    await served.read_model.write(user("b", name="Renamed"))
    second = await served.http.get(first.links["next"]["url"])
    (record,) = second.json()["users"]
    assert record["givenName"] == "Renamed"
    assert record["dateLastModified"] == first.headers["Rosterline-Watermark"]
    assert second.headers["Rosterline-Watermark"] == first.headers["Rosterline-Watermark"]
    after = f"dateLastModified>'{record['dateLastModified']}'"
    (changed,) = (await served.get("/users", filter=after)).json()["users"]
    assert changed["dateLastModified"] == format_stamp(served.read_model.last_stamp)


async def test_a_client_that_counts_loses_nothing_when_records_vanish_before_it(
    served: Served,
) -> None:
    await served.read_model.write(*(user(key) for key in "abcdef"))
    assert await ids(served, "/users", limit=2) == ["a", "b"]
    await served.read_model.write(user("a", status="tobedeleted"))
    assert await ids(served, "/users", limit=2, offset=2) == ["c", "d"]
    assert await ids(served, "/users", limit=2, offset=2) == ["c", "d"]


async def total(served: Served, path: str, **parameters: str | int) -> int:
    return int((await served.get(path, **parameters)).headers["X-Total-Count"])


async def test_a_total_is_counted_anew_when_a_record_was_written(served: Served) -> None:
    totals = [await total(served, "/users")]
    for key in "abc":
        await served.read_model.write(user(key))
        totals += [await total(served, "/users") for _ in range(2)]
    await served.read_model.write(user("b", status="tobedeleted"))
    totals.append(await total(served, "/users"))
    totals.append(await total(served, "/users", filter="status='tobedeleted'"))
    assert totals == [0, 1, 1, 2, 2, 3, 3, 2, 1]


async def test_a_total_of_members_is_counted_anew_when_only_their_relation_changed(
    served: Served,
) -> None:
    await served.read_model.write(*ONE_OF_EACH)
    path = "/classes/class-1/students"
    totals = [await total(served, path)]
    await served.read_model.write(enrollment("enrollment-1", status="tobedeleted"))
    totals.append(await total(served, path))
    await served.read_model.write(enrollment("enrollment-1"))
    totals.append(await total(served, path))
    assert totals == [1, 0, 1]


async def test_a_cursor_serves_no_other_query(served: Served) -> None:
    await served.read_model.write(*(user(key) for key in "abc"))
    first = await served.get("/users", limit=1)
    wrong = first.links["next"]["url"].replace("/users?", "/students?")
    answer = await served.http.get(wrong)
    assert (answer.status_code, code(answer.json())) == (400, CodeMinor.INVALID_DATA)


async def test_fields_choose_members_in_lists_and_singles(served: Served) -> None:
    await served.read_model.write(enrollment("e"), class_("c"), org("o"))
    listed = await served.get("/enrollments", fields="sourcedId,class")
    (record,) = listed.json()["enrollments"]
    assert list(record) == ["sourcedId", "class"]
    assert (await served.get("/classes/c", fields="title")).json() == {"class": {"title": "MA1 01"}}
    assert (await served.get("/orgs", fields="metadata")).json() == {"orgs": [{}]}


@pytest.mark.parametrize(
    "query",
    [
        "filter=status='active'+AND+dateLastModified>='2026-01-01'",
        "filter=status%3D%27active%27%20AND%20dateLastModified%3E%3D%272026-01-01%27",
        "filter=dateLastModified>'2026-09-01T09:30:00+02:00'+OR+status='active'",
    ],
)
async def test_raw_and_encoded_filters_are_understood(served: Served, query: str) -> None:
    await served.read_model.write(user("a"))
    answer = await served.http.get(f"{ROSTERING_PATH}/users?{query}")
    assert [record["sourcedId"] for record in answer.json()["users"]] == ["a"]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"filter": "shoeSize='4'"}, CodeMinor.INVALID_FILTER_FIELD),
        ({"filter": "status='a\0'"}, CodeMinor.INVALID_FILTER_FIELD),
        ({"fields": "shoeSize"}, CodeMinor.INVALID_SELECTION_FIELD),
        ({"limit": "0"}, CodeMinor.INVALID_DATA),
        ({"offset": "-1"}, CodeMinor.INVALID_DATA),
        ({"cursor": "made-up"}, CodeMinor.INVALID_DATA),
    ],
)
async def test_a_faulty_query_is_refused_with_its_code(
    served: Served, parameters: dict[str, str], expected: CodeMinor
) -> None:
    answer = await served.get("/users", **parameters)
    assert (answer.status_code, code(answer.json())) == (400, expected)


async def test_an_unknown_path_and_method_answer_in_oneroster_too(served: Served) -> None:
    unknown = await served.get("/shoes")
    assert (unknown.status_code, code(unknown.json())) == (404, CodeMinor.UNKNOWN_OBJECT)
    refused = await served.http.delete(f"{ROSTERING_PATH}/users/a")
    assert refused.status_code == 405
    assert refused.json()["imsx_codeMajor"] == "unsupported"
    assert "GET" in refused.headers["Allow"]


async def test_an_unexpected_failure_shows_nothing_of_its_cause(databases: Databases) -> None:
    async with serving(databases.dsn) as served:
        await served.authorize()
        await served.connection.execute("ALTER TABLE v1p2.users RENAME COLUMN document TO other")
        answer = await served.get("/users")
    assert (answer.status_code, code(answer.json())) == (500, CodeMinor.INTERNAL_SERVER_ERROR)
    assert "document" not in answer.text
