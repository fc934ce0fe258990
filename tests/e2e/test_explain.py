"""`rosterline explain` and `rosterline report` as a person at a district calls them."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import asyncpg
import pytest

from rosterline.sample.generate import generate
from tests.support.processes import Outcome, run_command
from tests.support.projection import TODAY, open_chain
from tests.support.servers import Databases

pytestmark = pytest.mark.e2e


@dataclass(frozen=True)
class District:
    """A loaded district, reached by the command through its address."""

    environment: Mapping[str, str]
    connection: asyncpg.Connection

    async def call(self, *arguments: str) -> Outcome:
        """Run the command."""
        return await run_command(*arguments, environment=self.environment)

    async def find(self, query: str) -> str:
        """One value of the Rosterline database, as text."""
        return str(await self.connection.fetchval(query))


@pytest.fixture
async def district(databases: Databases) -> AsyncIterator[District]:
    """A small district after its first load."""
    await generate(databases.sis_dsn, students=40, seed=3, progress=lambda *_: None, today=TODAY)
    async with open_chain(databases) as chain:
        await chain.load()
        yield District({"ROSTERLINE_DSN": databases.dsn}, chain.store.reader)


async def test_a_person_is_explained_in_words_and_as_json(district: District) -> None:
    person_id = await district.find("SELECT min(person_id) FROM mirror.enrollment")
    told = await district.call("explain", "person", person_id)
    assert (told.code, told.err) == (0, "")
    assert f"person {person_id} (found by person_id), as of {TODAY}" in told.out
    assert "enrollment" in told.out
    given = await district.call("explain", "person", f"S{person_id}", "--json")
    answer = json.loads(given.out)
    assert (answer["kind"], answer["id"], answer["date"]) == ("person", person_id, str(TODAY))
    assert answer["records"] or answer["kept_out"]


@pytest.mark.parametrize(
    ("kind", "query"),
    [
        ("section", "SELECT max(section_id) FROM mirror.section"),
        ("course", "SELECT max(course_id) FROM mirror.course"),
        ("school", "SELECT upper(min(school_guid::text)) FROM mirror.school"),
        ("enrollment", "SELECT 'R' || max(roster_id) FROM mirror.roster"),
        ("enrollment", "SELECT 't' || max(section_staff_id) FROM mirror.section_staff"),
    ],
)
async def test_classes_and_their_parts_are_explained(
    district: District, kind: str, query: str
) -> None:
    subject = await district.find(query)
    told = await district.call("explain", kind, subject)
    assert (told.code, told.err) == (0, "")
    assert told.out.startswith(f"{kind} {subject.lower()} (found by ")
    assert "Rows of the SIS" in told.out


async def test_a_day_and_a_connection_can_be_asked_for(district: District) -> None:
    await district.call("connection", "add", "acme", "--version", "1.1")
    person_id = await district.find("SELECT min(person_id) FROM mirror.enrollment")
    arguments = ("explain", "person", person_id, "--date", "2025-09-09", "--connection", "acme")
    answer = json.loads((await district.call(*arguments, "--json")).out)
    assert answer["date"] == "2025-09-09"
    assert answer["connection"]["app"] == "acme"
    assert {each["version"] for each in answer["records"] + answer["kept_out"]} == {"1.1"}
    told = await district.call(*arguments)
    assert (told.code, "for connection acme" in told.out) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["person", "987654321"], 1, "no person '987654321' has arrived: give a person_id"),
        (["section", "algebra"], 2, "'algebra' is no section: give a section_id"),
        (["enrollment", "81"], 2, "ask for r81 or t81"),
        (["person", "1", "--connection", "nobody"], 1, "connection 'nobody' is unknown"),
        (["person", "1", "--date", "yesterday"], 2, "'yesterday' is no day"),
        (["teacher", "1"], 2, "teacher"),
    ],
)
async def test_what_cannot_be_explained_is_one_clear_line(
    databases: Databases, arguments: list[str], code: int, says: str
) -> None:
    outcome = await run_command(
        "explain", *arguments, environment={"ROSTERLINE_DSN": databases.dsn}
    )
    assert outcome.code == code
    assert says in outcome.err
    assert "Traceback" not in outcome.err
    assert outcome.out == ""


async def test_a_report_counts_the_district(district: District) -> None:
    counted = json.loads((await district.call("report", "--json")).out)
    groups = {each["group"]: each for each in counted["groups"]}
    people = await district.find("SELECT count(DISTINCT person_id) FROM mirror.enrollment")
    assert groups["students"]["total"] == int(people)
    active = await district.find("SELECT count(*) FROM v1p2.enrollments WHERE status = 'active'")
    assert groups["class enrollments"]["active"] == int(active)
    told = await district.call("report")
    assert told.code == 0
    assert f"As of {TODAY}" in told.out
    for cause in groups["students"]["causes"]:
        assert cause["remedy"] in told.out


async def test_a_wrong_time_zone_is_named(databases: Databases) -> None:
    environment = {"ROSTERLINE_DSN": databases.dsn, "ROSTERLINE_TIME_ZONE": "Mars/Olympus"}
    outcome = await run_command("report", environment=environment)
    assert outcome.code == 2
    assert outcome.err.startswith("rosterline: ROSTERLINE_TIME_ZONE: 'Mars/Olympus'")
