"""The hot queries stay on their indexes: a page or a delta never reads the whole table."""

from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest
import pytest_asyncio

from rosterline.api.endpoints import Endpoint
from rosterline.api.operations import ROSTERING_V1P2 as ENDPOINTS
from rosterline.api.operations import V1P1
from rosterline.api.query.fields import find_field
from rosterline.api.query.filters import Filter, parse_filter
from rosterline.api.query.parsing import Query
from rosterline.api.query.rules import QueryRules
from rosterline.api.reading.sql import KnownTotal, page_statement
from rosterline.api.reading.walks import Continuation, Position
from rosterline.api.viewing.viewers import Viewer
from rosterline.launch.embedded import EmbeddedPostgres
from rosterline.oneroster.vocabulary import Collection, Entity, Version
from tests.support.api import START, stamp
from tests.support.servers import Databases, fresh_databases

ROWS = 20_000
STANDARD = QueryRules()
ENDPOINT = {row.operation_id: row for row in ENDPOINTS}
USERS = Collection(Version.V1P2, Entity.USERS)


def read(text: str, collection: Collection = USERS, rules: QueryRules = STANDARD) -> Filter:
    """A filter."""
    return parse_filter(text, collection, rules)


ROW = {
    "common": "sourced_id, status, date_last_modified, document, digest, sequence",
    "values": "'x' || n, 'active', timestamptz '2026-09-01', '{}', '', n",
}
NEWEST = read("dateLastModified>'2026-09-01T08:00:19.990Z'")
BY_STAMP = find_field(USERS, "dateLastModified")
KNOWN = KnownTotal(stamp(ROWS), ROWS)
MIDDLE = Position(stamp(ROWS), ROWS, None, "u10000")


@pytest.fixture
async def connection(databases: Databases) -> AsyncIterator[asyncpg.Connection]:
    """A table of users, every tenth a teacher, the first agents, each with a stamp of its own."""
    opened = await asyncpg.connect(databases.dsn)
    await opened.execute(
        "INSERT INTO v1p2.users (sourced_id, status, date_last_modified, document, digest, "
        "sequence, is_student, is_teacher, is_agent, username, email, alternative_email, "
        "identifier, family_name) SELECT 'u' || to_char(n, 'FM00000'), 'active', "
        "$1::timestamptz + n * interval '1 ms', repeat('x', 500), '', n, "
        "n % 10 > 0, n % 10 = 0, n < 2000, 'Name' || n, n || '@Example.org', "
        "CASE WHEN n % 3 = 0 THEN n || '@home.example' END, 'ID' || n, 'Family' || n % 5000 "
        "FROM generate_series(1, $2::int) AS n",
        START,
        ROWS,
    )
    await opened.execute(
        "INSERT INTO rosterline.withdrawn "
        "SELECT app, 'v1p2.users', sourced_id, $1, document FROM v1p2.users, "
        "(VALUES ('*'), ('acme')) AS apps (app) WHERE sourced_id < 'u02000'",
        START,
    )
    await opened.execute("ANALYZE v1p2.users, rosterline.withdrawn")
    yield opened
    await opened.close()


@pytest.mark.parametrize(
    ("operation_id", "query", "continuation", "index"),
    [
        ("getAllUsers", Query(), None, "users_active"),
        ("getAllUsers", Query(), Continuation(MIDDLE, by_offset=False), "users_active"),
        ("getAllUsers", Query(), Continuation(MIDDLE, by_offset=True), "users_by_stamp"),
        ("getAllUsers", Query(filter=NEWEST), None, "users_by_stamp"),
        ("getAllTeachers", Query(), None, "users_teachers"),
    ],
)
async def test_a_page_costs_what_it_shows(
    connection: asyncpg.Connection,
    operation_id: str,
    *,
    query: Query,
    continuation: Continuation | None,
    index: str,
) -> None:
    # As a count is remembered, its part of the plan must not run.
    statement = page_statement(
        ENDPOINT[operation_id],
        query,
        continuation,
        viewer=Viewer("acme"),
        known=KNOWN,
    )
    plan = await connection.fetch(
        f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {statement.text}", *statement.parameters
    )
    ran = [str(line[0]) for line in plan if "never executed" not in str(line[0])]
    text = "\n".join(ran)
    assert index in text
    assert "Seq Scan on users" not in text


SWITCHED = Viewer("acme", secondary_email=True, switched_at=stamp(5_000))
HIDDEN = replace(SWITCHED, sees_agents=False)
NEW = Viewer("acme", sees_agents=False)
PLAIN = Viewer("acme")
OLDER = read("dateLastModified>'2026-09-01T08:00:04.990Z'")


@pytest.mark.parametrize(
    ("query", "continuation", "index"),
    [
        (Query(filter=NEWEST), None, "users_by_stamp"),
        (Query(filter=NEWEST, sort=BY_STAMP), None, "by_stamp"),
        (Query(), None, "users_active"),
        (Query(), Continuation(MIDDLE, by_offset=False), "users_active"),
        (Query(), Continuation(MIDDLE, by_offset=True), "users_by_stamp"),
    ],
)
@pytest.mark.parametrize("viewer", [SWITCHED, HIDDEN, NEW], ids=["switched", "hidden", "new"])
async def test_a_page_costs_a_switched_connection_what_it_shows(
    connection: asyncpg.Connection,
    viewer: Viewer,
    *,
    query: Query,
    continuation: Continuation | None,
    index: str,
) -> None:
    text = await explain(connection, viewer, query, continuation, KNOWN)
    assert index in text
    assert "Seq Scan on users" not in text
    # What only tombstones of the switch's own stamp, or older ones, would ask for.
    assert "'acme'::text) AND (collection" not in text
    assert "GREATEST" not in text


@pytest.mark.parametrize("viewer", [Viewer("acme"), SWITCHED, NEW], ids=["all", "switched", "new"])
async def test_an_offset_skips_without_a_look_at_the_records(
    connection: asyncpg.Connection, viewer: Viewer
) -> None:
    await connection.execute("VACUUM v1p2.users")
    query = Query(limit=10, offset=15_000)
    text = await explain(connection, viewer, query, None, KNOWN)
    skipping = "Index Only Scan using users_active" if viewer.sees_agents else "users_active"
    assert skipping in text
    assert "Seq Scan on users" not in text


async def test_a_total_that_is_counted_anew_looks_at_no_record(
    connection: asyncpg.Connection,
) -> None:
    await connection.execute("VACUUM v1p2.users")
    text = await explain(connection, Viewer("acme"), Query(), None, None)
    assert "Index Only Scan using users_active" in text
    assert "Seq Scan on users" not in text


@pytest.mark.parametrize("viewer", [Viewer("acme"), SWITCHED, NEW], ids=["all", "switched", "new"])
async def test_a_total_stays_known_while_others_write(
    connection: asyncpg.Connection, viewer: Viewer
) -> None:
    await connection.execute(
        "UPDATE rosterline.clock SET last_stamp = last_stamp + interval '1 year'"
    )
    text = await explain(connection, viewer, Query(limit=10, offset=5), None, KNOWN)
    assert "Limit" in text
    assert "rows=20000" not in text
    assert "rows=18001" not in text


async def test_a_delta_of_all_users_walks_through_the_ids(connection: asyncpg.Connection) -> None:
    query = Query(filter=OLDER)
    for viewer in (SWITCHED, HIDDEN):
        text = await explain(connection, viewer, query, None, KNOWN)
        assert "users_pkey" in text
        assert "Seq Scan on users" not in text


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def roster(postgres_server: EmbeddedPostgres) -> AsyncIterator[asyncpg.Connection]:
    """Users with addresses of their own, in 400 classes of 20 schools, ten enrollments each."""
    with fresh_databases(postgres_server) as databases:
        opened = await asyncpg.connect(databases.dsn)
        await opened.execute(
            "INSERT INTO v1p2.users (is_student, is_teacher, is_agent, username, email, "
            "alternative_email, identifier, family_name, {common}) "
            "SELECT n % 50 > 0, n % 50 = 0, false, 'Name' || n, "
            "n || '@Example.org', CASE WHEN n % 3 = 0 THEN n || '@home.example' END, 'ID' || n, "
            "'Family' || n % 5000, {values} FROM generate_series(1, 20000) AS n".format(**ROW)
        )
        await opened.execute(
            "INSERT INTO v1p2.enrollments (user_id, class_id, school_id, role, {common}) "
            "SELECT 'u' || n / 10, 'c' || n % 400, 's' || n % 20, 'student', {values} "
            "FROM generate_series(1, 200000) AS n".format(**ROW)
        )
        await opened.execute(
            "INSERT INTO v1p2.classes (course_id, school_id, term_ids, {common}) "
            "SELECT 'k' || n % 100, 's' || n % 200, ARRAY['t' || n % 100], {values} "
            "FROM generate_series(1, 20000) AS n".format(**ROW)
        )
        await opened.execute("INSERT INTO v1p1.users SELECT * FROM v1p2.users")
        await opened.execute("ANALYZE v1p1.users, v1p2.users, v1p2.enrollments, v1p2.classes")
        yield opened
        await opened.close()


SECONDARY = Viewer("acme", secondary_email=True)
LIMITED = Viewer("acme", schools=("s7",))
CAMPUS = QueryRules(folds_case=True)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("operation_id", "text", "viewer", "rules", "indexes"),
    [
        ("getAllEnrollments", "class.sourcedId='c7'", NEW, STANDARD, ["by_class_id"]),
        ("getAllEnrollments", "class.sourcedId='c7'", NEW, CAMPUS, ["by_class_id"]),
        ("getAllEnrollments", "user.sourcedId='u77'", NEW, STANDARD, ["by_user_id"]),
        ("getAllEnrollments", "user.sourcedId='u77'", NEW, CAMPUS, ["by_user_id"]),
        (
            "getAllEnrollments",
            "user.sourcedId='u77' AND class.sourcedId='c7' AND role='student'",
            NEW,
            STANDARD,
            ["by_user_id"],
        ),
        ("getAllEnrollments", "school.sourcedId='s7'", NEW, STANDARD, ["by_school_id"]),
        ("getAllUsers", "email='77@example.ORG'", PLAIN, STANDARD, ["users_by_email"]),
        ("getAllUsers", "email='77@example.org'", PLAIN, CAMPUS, ["users_by_email"]),
        ("getAllStudents", "email='77@example.org'", PLAIN, STANDARD, ["users_by_email"]),
        (
            "getAllUsers",
            "email='78@home.example'",
            SECONDARY,
            STANDARD,
            ["users_by_email", "users_by_alternative_email"],
        ),
        ("getAllUsers", "email='77@example.org'", NEW, STANDARD, ["users_by_email"]),
        ("getAllUsers", "username='NAME77'", PLAIN, STANDARD, ["users_by_username"]),
        ("getAllUsers", "identifier='id77'", PLAIN, STANDARD, ["users_by_identifier"]),
        ("getAllUsers", "familyName='family77'", PLAIN, STANDARD, ["users_by_family_name"]),
        ("getAllUsers", "roles.role='teacher'", PLAIN, STANDARD, ["users_teachers"]),
        ("getAllUsers", "roles.role='Teacher'", PLAIN, CAMPUS, ["users_teachers"]),
        ("getAllUsers", "roles.role='teacher'", NEW, STANDARD, ["users_teachers"]),
        ("getAllUsers", "roles.role='teacher'", LIMITED, STANDARD, ["users_by_"]),
        ("getAllClasses", "school.sourcedId='s7'", PLAIN, STANDARD, ["classes_by_school_id"]),
        ("getAllClasses", "course.sourcedId='k7'", PLAIN, STANDARD, ["classes_by_course_id"]),
        ("getAllClasses", "terms.sourcedId='t7'", PLAIN, STANDARD, ["classes_by_term_ids"]),
        ("getAllClasses", "terms.sourcedId~'t7,t8'", PLAIN, STANDARD, ["classes_by_term_ids"]),
    ],
)
async def test_what_clients_ask_by_is_found_through_its_index(
    roster: asyncpg.Connection,
    operation_id: str,
    text: str,
    viewer: Viewer,
    *,
    rules: QueryRules,
    indexes: list[str],
) -> None:
    endpoint = ENDPOINT[operation_id]
    query = Query(filter=read(text, endpoint.collection, rules))
    plan = await explain(roster, viewer, query, None, None, endpoint=endpoint)
    assert [index for index in indexes if index not in plan] == []
    assert "Seq Scan on" not in plan.replace("Seq Scan on clock", "")


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("viewer", [PLAIN, NEW], ids=["all", "hidden"])
@pytest.mark.parametrize(("word", "rules"), [("teacher", STANDARD), ("TEACHER", CAMPUS)])
async def test_the_roles_of_1_1_are_found_through_their_indexes(
    roster: asyncpg.Connection, viewer: Viewer, word: str, rules: QueryRules
) -> None:
    endpoint = next(row for row in V1P1 if row.operation_id == "getAllUsers")
    query = Query(filter=read(f"role='{word}'", endpoint.collection, rules))
    plan = await explain(roster, viewer, query, None, None, endpoint=endpoint)
    assert "users_teachers" in plan
    assert "Seq Scan on users" not in plan


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("tombstones", [False, True])
@pytest.mark.parametrize(
    "query",
    [
        Query(offset=500),
        Query(sort=find_field(USERS, "givenName")),
        Query(filter=read("givenName='Nobody'")),
        Query(filter=read("roles.role='student'")),
    ],
)
async def test_of_documents_that_are_cut_only_those_are_that_are_sent(
    roster: asyncpg.Connection, query: Query, *, tombstones: bool
) -> None:
    viewer = replace(LIMITED, tombstones=tombstones)
    statement = page_statement(ENDPOINT["getAllUsers"], query, None, viewer=viewer, known=None)
    plan = await roster.fetch(
        f"EXPLAIN (VERBOSE, COSTS OFF) {statement.text}", *statement.parameters
    )
    cutting = [str(line[0]) for line in plan if "narrowed(" in str(line[0])]
    (sent,) = [line for line in cutting if "departed" not in line]
    assert "string_agg(" in sent


async def explain(
    connection: asyncpg.Connection,
    viewer: Viewer,
    query: Query,
    continuation: Continuation | None,
    known: KnownTotal | None,
    *,
    endpoint: Endpoint = ENDPOINT["getAllUsers"],
) -> str:
    """The parts of a page's plan that ran."""
    statement = page_statement(endpoint, query, continuation, viewer=viewer, known=known)
    plan = await connection.fetch(
        f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {statement.text}", *statement.parameters
    )
    return "\n".join(str(line[0]) for line in plan if "never executed" not in str(line[0]))
