"""Explain against the read model of a whole generated district: it tells what the API has."""

import re
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from datetime import date

import asyncpg
import pytest

from rosterline.api.operations import ROSTERING_V1P2 as ENDPOINTS
from rosterline.api.reading.sql import record_statement
from rosterline.api.viewing.viewers import Viewer
from rosterline.oneroster.vocabulary import COLLECTIONS, TO_BE_DELETED, Entity
from rosterline.projector.explain.explainer import explain
from rosterline.projector.explain.model import NUMBERS, Explanation, Kind, RecordName
from rosterline.projector.explain.report import report
from rosterline.projector.explain.subjects import (
    InvalidQuestionError,
    NothingFoundError,
    Question,
)
from rosterline.projector.store import TABLE
from rosterline.sample.generate import generate
from tests.support.projection import TODAY, Chain, open_chain
from tests.support.servers import Databases

STUDENTS = 250
# After the load, so that there are records which are kept out now and were there before.
TROUBLE = f"""
UPDATE sis.enrollment SET no_show = true WHERE enrollment_id % 23 = 0;
UPDATE sis.enrollment SET lms_exclude = true WHERE enrollment_id % 29 = 0;
UPDATE sis.enrollment SET end_date = DATE '{TODAY}' - 1 WHERE enrollment_id % 7 = 0;
UPDATE sis.district_assignment SET end_date = DATE '{TODAY}' WHERE assignment_id % 5 = 0;
UPDATE sis.district_assignment SET lms_exclude = true WHERE assignment_id % 11 = 0;
UPDATE sis.relationship SET portal = false WHERE relationship_id % 6 = 0;
UPDATE sis.relationship SET end_date = DATE '{TODAY}' - 1 WHERE relationship_id % 13 = 0;
UPDATE sis.roster SET end_date = DATE '{TODAY}' - 1 WHERE roster_id % 9 = 0;
UPDATE sis.section_staff SET role = 'staff' WHERE section_staff_id % 8 = 0;
UPDATE sis.calendar SET lms_exclude = true
    WHERE calendar_id = (SELECT max(calendar_id) FROM sis.calendar);
DELETE FROM sis.user_account WHERE user_account_id % 10 = 0;
DELETE FROM sis.roster WHERE roster_id % 31 = 0
"""
Found = dict[tuple[str, str, str], str]


@pytest.fixture
async def chain(databases: Databases) -> AsyncIterator[Chain]:
    """A district with records of every fate."""
    await generate(
        databases.sis_dsn, students=STUDENTS, seed=7, progress=lambda *_: None, today=TODAY
    )
    async with open_chain(databases) as opened:
        await opened.load()
        for statement in TROUBLE.split(";"):
            await opened.sis.execute(statement)
        await opened.sync()
        yield opened


async def ask(chain: Chain, kind: Kind, subject: object, **more: object) -> Explanation:
    """What explain answers."""
    question = Question(kind, str(subject), **more)  # type: ignore[arg-type]  # by name
    return await explain(chain.store.reader, question, date(1999, 1, 1))


async def read_statuses(connection: asyncpg.Connection) -> Found:
    """The status of every record in the read model."""
    found: Found = {}
    for collection in COLLECTIONS:
        for sourced_id, status in await connection.fetch(
            f"SELECT sourced_id, status FROM {TABLE[collection]}"
        ):
            found[NUMBERS[collection.version], collection.entity.value, sourced_id] = status
    return found


def name_of(record: RecordName) -> tuple[str, str, str]:
    """A record's key among the statuses."""
    return record.version, record.entity.value, record.sourced_id


def differences(
    stored: Found, explanation: Explanation, names: Iterable[tuple[str, str, str]]
) -> list[str]:
    """Where an explanation says another thing of these records than the read model holds."""
    found = []
    told: Found = {name_of(each): each.status for each in explanation.records}
    kept_out = {name_of(each): each for each in explanation.kept_out}
    for name in {*names, *told, *kept_out}:
        status = stored.get(name)
        if name in told and status != told[name]:
            found.append(f"{name} is {status} and told to be {told[name]}")
        if name not in told and status not in (None, TO_BE_DELETED):
            found.append(f"{name} is {status} and told to be kept out, or not told")
        if name in kept_out and kept_out[name].stored != status:
            found.append(f"{name} is {status}, and explain found {kept_out[name].stored}")
    if any(each.stored != each.status for each in explanation.records):
        found.append(f"{explanation.kind} {explanation.id} tells of other statuses")
    return found


async def test_every_person_is_explained_as_the_read_model_has_it(chain: Chain) -> None:
    stored = await read_statuses(chain.store.reader)
    faults: list[str] = []
    fates: set[tuple[str | None, str]] = set()
    for person_id, guid in await chain.sis.fetch(
        "SELECT person_id, person_guid::text FROM sis.person ORDER BY person_id"
    ):
        explanation = await ask(chain, "person", person_id)
        names = [
            *(("1.1", "users", f"{letter}{person_id}") for letter in "stagr"),
            ("1.1", "demographics", f"s{person_id}"),
            ("1.2", "users", guid),
            ("1.2", "demographics", guid),
        ]
        faults += differences(stored, explanation, names)
        fates |= {(each.status, each.rule) for each in explanation.records}
        fates |= {(each.stored, each.rule) for each in explanation.kept_out}
    assert faults == []
    assert {
        ("active", "current"),
        ("tobedeleted", "ended"),
        ("tobedeleted", "student ended"),
        ("tobedeleted", "no show"),
        ("tobedeleted", "lms exclude"),
        ("tobedeleted", "no username"),
        (None, "no portal"),
    } <= fates


async def test_every_place_in_a_class_is_explained_as_the_read_model_has_it(chain: Chain) -> None:
    stored = await read_statuses(chain.store.reader)
    faults, told = [], set()
    ids = [
        row[0]
        for row in await chain.sis.fetch(
            "SELECT 'r' || roster_id FROM sis.roster "
            "UNION ALL SELECT 't' || section_staff_id FROM sis.section_staff"
        )
    ]
    for sourced_id in ids:
        explanation = await ask(chain, "enrollment", sourced_id)
        names = [(number, "enrollments", sourced_id) for number in NUMBERS.values()]
        faults += differences(stored, explanation, names)
        told |= {each.rule for each in explanation.records}
        told |= {each.rule for each in explanation.kept_out}
    assert faults == []
    assert {"current", "ended", "user ended", "no show", "not a teacher of the section"} <= told


async def test_classes_courses_and_orgs_are_explained_as_the_read_model_has_them(
    chain: Chain,
) -> None:
    stored = await read_statuses(chain.store.reader)
    subjects: tuple[tuple[Kind, Entity, str], ...] = (
        ("section", Entity.CLASSES, "SELECT section_id FROM sis.section"),
        ("course", Entity.COURSES, "SELECT course_id FROM sis.course"),
        ("school", Entity.ORGS, "SELECT school_guid FROM sis.school"),
        ("school", Entity.ORGS, "SELECT district_guid FROM sis.district"),
    )
    faults, kept_out = [], set()
    for kind, entity, query in subjects:
        for (key,) in await chain.sis.fetch(query):
            explanation = await ask(chain, kind, key)
            names = [(number, entity.value, str(key)) for number in NUMBERS.values()]
            faults += differences(stored, explanation, names)
            kept_out |= {(kind, each.rule) for each in explanation.kept_out}
    assert faults == []
    assert {("section", "lms exclude"), ("course", "lms exclude")} <= kept_out


async def test_the_places_of_a_class_and_of_a_person_are_counted(chain: Chain) -> None:
    stored = await read_statuses(chain.store.reader)
    section_id = await chain.sis.fetchval(
        "SELECT section_id FROM sis.roster GROUP BY section_id ORDER BY count(*) DESC LIMIT 1"
    )
    rows = await chain.sis.fetch(
        "SELECT 'r' || roster_id AS id, person_id FROM sis.roster WHERE section_id = $1", section_id
    )
    explanation = await ask(chain, "section", section_id)
    active = sum(stored.get(("1.2", "enrollments", row["id"])) == "active" for row in rows)
    students = [
        each for each in explanation.places if (each.version, each.role) == ("1.2", "student")
    ]
    assert sum(each.count for each in students) == len(rows)
    assert sum(each.count for each in students if each.status == "active") == active > 0
    person = await ask(chain, "person", rows[0]["person_id"])
    held = await chain.sis.fetchval(
        "SELECT count(*) FROM sis.roster WHERE person_id = $1", rows[0]["person_id"]
    )
    assert sum(each.count for each in person.places if each.version == "1.2") == held


async def test_what_the_sis_no_longer_has_is_told_as_long_as_its_tombstone_stays(
    chain: Chain,
) -> None:
    gone = await chain.store.reader.fetchval(
        "SELECT sourced_id FROM v1p2.enrollments WHERE sourced_id LIKE 'r%' AND NOT EXISTS "
        "(SELECT FROM mirror.roster WHERE 'r' || roster_id = sourced_id) LIMIT 1"
    )
    explanation = await ask(chain, "enrollment", gone)
    assert explanation.records == ()
    assert {(each.rule, each.stored) for each in explanation.kept_out} == {
        ("no such row", "tobedeleted")
    }


async def test_a_person_is_found_by_every_id(chain: Chain) -> None:
    row = await chain.sis.fetchrow(
        "SELECT person_id, person_guid::text AS guid, student_number FROM sis.person "
        "WHERE student_number IS NOT NULL ORDER BY person_id LIMIT 1"
    )
    assert row is not None
    forms = {
        str(row["person_id"]): "person_id",
        row["guid"].upper(): "person_guid",
        f"s{row['person_id']}": "sourced_id",
        row["student_number"]: "student_number",
    }
    for form, found_by in forms.items():
        explanation = await ask(chain, "person", form)
        assert (explanation.id, explanation.found_by) == (str(row["person_id"]), found_by)


async def test_another_day_gives_other_answers(chain: Chain) -> None:
    enrollment = await chain.sis.fetchrow(
        "SELECT person_id, end_date FROM sis.enrollment WHERE enrollment_id % 7 = 0 "
        "AND end_date = $1::date - 1 AND NOT no_show AND NOT lms_exclude "
        "AND person_id IN (SELECT person_id FROM sis.enrollment GROUP BY 1 HAVING count(*) = 1) "
        "LIMIT 1",
        TODAY,
    )
    assert enrollment is not None
    before = await ask(chain, "person", enrollment["person_id"], day=enrollment["end_date"])
    now = await ask(chain, "person", enrollment["person_id"])
    statuses = [
        {each.status for each in explanation.records if each.entity is Entity.DEMOGRAPHICS}
        for explanation in (before, now)
    ]
    assert statuses == [{"active"}, {"tobedeleted"}]
    assert (before.date, now.date) == (enrollment["end_date"], TODAY)


async def add_connection(chain: Chain, app: str, **columns: object) -> None:
    """A vendor's connection with these switches."""
    row = {
        "app": app,
        "client_id": app,
        "secret_hash": "",
        "version": "1.2",
        "scopes": ["roster.readonly"],
    } | columns
    names, places = ", ".join(row), ", ".join(f"${number + 1}" for number in range(len(row)))
    await chain.store.reader.execute(
        f"INSERT INTO rosterline.connection ({names}) VALUES ({places})", *row.values()
    )


async def test_a_connection_hides_and_alters_what_its_switches_say(chain: Chain) -> None:
    await add_connection(chain, "plain", sees_agents=False, secondary_email=True)
    await add_connection(chain, "older", version="1.1")
    related = await chain.store.reader.fetchrow(
        "SELECT student_person_id, person_id FROM mirror.relationship "
        "JOIN mirror.person ON person_id = related_person_id "
        "JOIN v1p2.users ON sourced_id = person_guid::text AND status = 'active' AND is_agent "
        "WHERE portal AND end_date IS NULL LIMIT 1"
    )
    assert related is not None
    guardian = await ask(chain, "person", related["person_id"], app="plain")
    assert guardian.connection is not None
    assert {each.version for each in guardian.records} == {"1.2"}
    assert [(each.entity, each.rule) for each in guardian.connection.not_shown] == [
        (Entity.USERS, "guardians and relatives hidden")
    ]
    student = await ask(chain, "person", related["student_person_id"], app="plain")
    assert student.connection is not None
    assert "guardians and relatives hidden" in {each.rule for each in student.connection.altered}
    assert {each.rule for each in student.connection.not_shown} == {"scope missing"}
    older = await ask(chain, "person", related["person_id"], app="older")
    assert older.connection is not None
    assert {each.version for each in (*older.records, *older.kept_out)} == {"1.1"}
    assert older.connection.not_shown == ()


async def test_a_connection_of_one_school_does_not_see_the_others(chain: Chain) -> None:
    schools = [row[0] for row in await chain.sis.fetch("SELECT school_guid::text FROM sis.school")]
    await add_connection(chain, "one", schools=[schools[0]])
    seen = await ask(chain, "school", schools[0], app="one")
    hidden = await ask(chain, "school", schools[1], app="one")
    assert seen.connection is not None
    assert hidden.connection is not None
    assert seen.connection.not_shown == ()
    assert {each.rule for each in hidden.connection.not_shown} == {
        "outside the connection's schools"
    }
    inside = await people_of(chain, schools[0])
    for person_id in inside[:5]:
        person = await ask(chain, "person", person_id, app="one")
        assert person.connection is not None
        rules = {each.rule for each in person.connection.not_shown}
        assert "outside the connection's schools" not in rules


async def people_of(chain: Chain, school_guid: str) -> list[int]:
    """People with a current enrollment at a school."""
    return [
        row[0]
        for row in await chain.store.reader.fetch(
            "SELECT person_id FROM mirror.enrollment JOIN mirror.calendar USING (calendar_id) "
            "WHERE school_guid = $1::uuid AND enrollment.end_date IS NULL ORDER BY person_id",
            school_guid,
        )
    ]


@pytest.mark.parametrize(
    ("kind", "subject", "error", "says"),
    [
        ("person", "987654321", NothingFoundError, "give a person_id"),
        ("person", "nobody\0", NothingFoundError, "give a person_id"),
        ("person", "00000000-0000-4000-8000-000000000001", NothingFoundError, "no person"),
        ("section", "algebra", InvalidQuestionError, "give a section_id"),
        ("section", "987654321", NothingFoundError, "no section"),
        ("course", "987654321", NothingFoundError, "no course"),
        ("school", "Plainview", NothingFoundError, "give a School GUID"),
        ("enrollment", "81", InvalidQuestionError, "r81 or t81"),
        ("enrollment", "x81", InvalidQuestionError, "section_staff_id"),
        ("enrollment", "r987654321", NothingFoundError, "no enrollment"),
    ],
)
async def test_what_cannot_be_answered_says_how_to_ask(
    databases: Databases, kind: Kind, subject: str, error: type[Exception], says: str
) -> None:
    connection = await asyncpg.connect(databases.dsn)
    try:
        with pytest.raises(error, match=says):
            await explain(connection, Question(kind, subject), TODAY)
    finally:
        await connection.close()


async def test_an_unknown_connection_is_named(databases: Databases) -> None:
    connection = await asyncpg.connect(databases.dsn)
    try:
        with pytest.raises(NothingFoundError, match="'nobody' is unknown"):
            await explain(connection, Question("person", "1", app="nobody"), TODAY)
    finally:
        await connection.close()


async def test_explain_writes_nothing_and_shows_no_personal_data(chain: Chain) -> None:
    before = await read_statuses(chain.store.reader)
    person = await chain.sis.fetchrow(
        "SELECT person.*, username FROM sis.person JOIN sis.user_account USING (person_id) "
        "WHERE birth_date IS NOT NULL AND student_number IS NOT NULL LIMIT 1"
    )
    assert person is not None
    answer = (await ask(chain, "person", person["person_id"])).model_dump_json()
    for column in ("given_name", "family_name", "birth_date", "student_number", "username"):
        assert f'"{person[column]}"' not in answer
    assert await read_statuses(chain.store.reader) == before


async def test_an_answer_says_what_may_be_missing(chain: Chain) -> None:
    before = await ask(chain, "person", 1)
    assert (before.is_loading, before.is_held) == (False, False)
    await chain.store.reader.execute("UPDATE rosterline.cursor SET loading = true")
    await chain.store.reader.execute(
        "INSERT INTO rosterline.hold (stream, created, sequence, transaction, losses, held_at) "
        "VALUES ('SIS', 'one', 9, '0/9', '[]', now())"
    )
    after = await ask(chain, "person", 1)
    assert (after.is_loading, after.is_held) == (True, True)
    counted = await report(chain.store.reader, TODAY, lambda *_: None)
    assert (counted.is_loading, counted.is_held) == (True, True)


async def test_a_report_counts_what_the_read_model_holds(chain: Chain) -> None:
    seen: list[tuple[str, int, int]] = []
    counted = await report(chain.store.reader, TODAY, lambda *step: seen.append(step), people=100)
    assert counted.date == TODAY
    active = Counter(
        (version, entity)
        for (version, entity, _), status in (await read_statuses(chain.store.reader)).items()
        if status == "active"
    )
    told: Counter[tuple[str, str]] = Counter()
    for each in counted.records:
        if each.status == "active":
            told[each.version, each.entity.value] += each.count
    assert told == active
    people = await chain.sis.fetchval("SELECT count(*) FROM sis.person")
    assert len(seen) > 2
    assert seen[-1] == ("people", people, people)
    for group in counted.groups:
        for cause in group.causes:
            assert not re.search(r"\d", cause.remedy)


@pytest.mark.parametrize(
    "switches",
    [
        {},
        {"secondary_email": True},
        {"sees_agents": False},
        {"sees_agents": False, "secondary_email": True},
    ],
    ids=str,
)
async def test_what_a_connection_is_said_to_see_is_what_the_api_shows_it(
    chain: Chain, switches: dict[str, bool]
) -> None:
    await add_connection(chain, "vendor", **switches)
    viewer = replace(Viewer("vendor"), **switches)  # type: ignore[arg-type]  # flags only
    get_user = next(each for each in ENDPOINTS if each.operation_id == "getUser")
    hidden = altered = 0
    for person_id, guid in await chain.store.reader.fetch(
        "SELECT person_id, person_guid::text FROM mirror.person "
        "JOIN v1p2.users ON sourced_id = person_guid::text AND status = 'active'"
    ):
        statement = record_statement(get_user, viewer, guid)
        shown = await chain.store.reader.fetchrow(statement.text, *statement.parameters)
        stored = await chain.store.reader.fetchval(
            "SELECT document FROM v1p2.users WHERE sourced_id = $1", guid
        )
        told = (await ask(chain, "person", person_id, app="vendor")).connection
        assert told is not None
        is_hidden = any(each.entity == Entity.USERS for each in told.not_shown)
        is_altered = any(each.entity == Entity.USERS for each in told.altered)
        # Who was seen as more than an agent once is there as the tombstone of that.
        document = None if shown is None else bytes(shown["document"]).decode()
        is_gone = document is None or '"status":"tobedeleted"' in document
        assert is_hidden == is_gone, guid
        if not is_gone:
            assert is_altered == (document != stored), guid
        hidden, altered = hidden + is_hidden, altered + is_altered
    assert (hidden > 0) == ("sees_agents" in switches)
    assert (altered > 0) == bool(switches)


@pytest.mark.parametrize("sees_agents", [True, False])
async def test_a_connection_limited_to_a_school_is_said_to_see_what_the_api_shows_it(
    chain: Chain, *, sees_agents: bool
) -> None:
    rows = await chain.store.reader.fetch("SELECT sourced_id FROM v1p2.orgs WHERE type = 'school'")
    get_user = next(each for each in ENDPOINTS if each.operation_id == "getUser")
    counted: Counter[bool] = Counter()
    for (school,) in rows:
        await add_connection(chain, school, schools=[school], sees_agents=sees_agents)
        viewer = Viewer(school, schools=(school,), sees_agents=sees_agents)
        for person_id, guid in await chain.store.reader.fetch(
            "SELECT person_id, sourced_id FROM mirror.person "
            "JOIN v1p2.users ON sourced_id = person_guid::text AND status = 'active'"
        ):
            statement = record_statement(get_user, viewer, guid)
            shown = await chain.store.reader.fetchrow(statement.text, *statement.parameters)
            told = await ask(chain, "person", person_id, app=school)
            assert told.connection is not None
            hidden = any(each.entity == Entity.USERS for each in told.connection.not_shown)
            # Who has left the school is there as the tombstone of that.
            is_gone = shown is None or b'"status":"tobedeleted"' in shown["document"]
            assert hidden == is_gone, guid
            counted[hidden] += 1
    assert min(counted[False], counted[True]) > 100
