"""Small generated districts full of special cases, and all records that the rules make of one.

Dates are drawn from the edges that the rules know; ids are drawn from few, one of which does not
exist. Both sides of a relationship are built from the same row, as the projector does.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from random import Random
from typing import Any, TypeVar

from hypothesis import strategies as st

from rosterline.oneroster import v1p1
from rosterline.oneroster.v1p2 import AcademicSession, Class, Course, Org, Record
from rosterline.projector.facts import (
    Account,
    Assignment,
    Context,
    CourseFacts,
    District,
    Membership,
    PersonFacts,
    Reference,
    RosterFacts,
    School,
    SectionFacts,
    StaffFacts,
    Tie,
)
from rosterline.projector.rules.courses import build_class, build_course
from rosterline.projector.rules.demographics import build_demographics
from rosterline.projector.rules.enrollments import build_roster_enrollment, build_staff_enrollment
from rosterline.projector.rules.orgs import build_district, build_school
from rosterline.projector.rules.schools import (
    Reach,
    reach_of,
    reach_of_demographics,
    reach_of_roster,
    reach_of_staff,
    reach_of_user,
    reach_of_user_v1p1,
)
from rosterline.projector.rules.sessions import build_grading_period, build_school_year, build_term
from rosterline.projector.rules.users import build_user
from rosterline.projector.rules.v1p1_carried import (
    demographics_in_v1p1,
    roster_in_v1p1,
    staff_in_v1p1,
)
from rosterline.projector.rules.v1p1_users import build_users_v1p1
from rosterline.projector.rules.values import present
from rosterline.projector.rules.verdict import KeptOut, Verdict
from tests.support import facts
from tests.support.facts import FIRST_DAY, LAST_DAY, TODAY, guid

RowT = TypeVar("RowT")
Records = dict[tuple[str, str], Record]
Reaches = dict[tuple[str, str], Reach]
Judged = tuple[Verdict, Reach]
CARRIED = (Org, AcademicSession, Course, Class)
DAYS = tuple(
    edge + timedelta(days=days) for edge in (FIRST_DAY, TODAY, LAST_DAY) for days in (-1, 0, 1)
)
MISSING = 999
DISTRICTS = (guid(1),)
SCHOOLS = (guid(11), guid(12), guid(13))
CALENDARS = (100, 101, 102)
GRADES = (7, 8)
TERMS = (201, 202)
SECTIONS = 3
PEOPLE = 5


@dataclass(frozen=True)
class Relationship:
    """A row of `relationship`, of which each of the two people sees one side."""

    student: int
    related: int
    tie: Tie


@dataclass(frozen=True)
class MiniDistrict:
    """The rows of a district; people and sections are referred to by position.

    `people` hold no ties, `rosters` and `staff` neither section nor person: see `everyone`.
    """

    reference: Reference
    sections: tuple[SectionFacts, ...]
    people: tuple[PersonFacts, ...]
    relationships: tuple[Relationship, ...]
    rosters: tuple[tuple[RosterFacts, int, int], ...]
    staff: tuple[tuple[StaffFacts, int, int], ...]

    def everyone(self) -> list[PersonFacts]:
        """The people with their sides of the relationships."""
        return [
            replace(each, related=tuple(self._related(at)), students=tuple(self._students(at)))
            for at, each in enumerate(self.people)
        ]

    def placed_rosters(self) -> list[RosterFacts]:
        """The roster rows with their sections and people."""
        everyone = self.everyone()
        return [
            replace(row, section=self.sections[section], person=everyone[person])
            for row, section, person in self.rosters
        ]

    def placed_staff(self) -> list[StaffFacts]:
        """The section staff rows with their sections and people."""
        everyone = self.everyone()
        return [
            replace(row, section=self.sections[section], person=everyone[person])
            for row, section, person in self.staff
        ]

    def _related(self, position: int) -> Iterator[Tie]:
        for row in self.relationships:
            if row.student == position:
                yield replace(row.tie, **_other(self.people[row.related]))

    def _students(self, position: int) -> Iterator[Tie]:
        for row in self.relationships:
            if row.related == position:
                student = self.people[row.student]
                yield replace(row.tie, **_other(student), memberships=student.memberships)


def _other(facts_of_other: PersonFacts) -> dict[str, Any]:
    return {
        "person_id": facts_of_other.person.person_id,
        "person_guid": facts_of_other.person.person_guid,
        "has_username": any(present(row.username) for row in facts_of_other.accounts),
    }


def verdicts(context: Context, district: MiniDistrict) -> Iterator[Verdict]:
    """What every rule answers about every row."""
    return (verdict for verdict, _ in judged(context, district))


def judged(context: Context, district: MiniDistrict) -> Iterator[Judged]:
    """What every rule answers about every row, each with its reach."""
    tables, everyone = district.reference, district.everyone()
    courses: list[CourseFacts] = [section.course for section in district.sections]
    simple: tuple[tuple[Callable[[Context, Any], Verdict], Iterable[Any]], ...] = (
        (build_district, tables.districts),
        (build_school, tables.schools),
        (build_school_year, tables.school_years),
        (build_term, tables.terms),
        (build_grading_period, tables.terms),
        (build_course, courses),
        (build_class, district.sections),
    )
    for build, rows in simple:
        for row in rows:
            verdict = build(context, row)
            yield verdict, reach_of(context, verdict)
    of_a_person = ((build_user, reach_of_user), (build_demographics, reach_of_demographics))
    for build, reach in of_a_person:
        for person in everyone:
            verdict = build(context, person)
            yield verdict, reach(context, person, verdict)
    for roster in district.placed_rosters():
        verdict = build_roster_enrollment(context, roster)
        yield verdict, reach_of_roster(context, roster, verdict)
    for staff in district.placed_staff():
        verdict = build_staff_enrollment(context, staff)
        yield verdict, reach_of_staff(context, staff, verdict)


def verdicts_v1p1(context: Context, district: MiniDistrict) -> Iterator[Verdict]:
    """What the rules of OneRoster 1.1 answer; what they carry over as text is read back."""
    return (verdict for verdict, _ in judged_v1p1(context, district))


def judged_v1p1(context: Context, district: MiniDistrict) -> Iterator[Judged]:
    """Likewise, each with its reach."""
    for verdict, reach in judged(context, district):
        if isinstance(verdict, CARRIED):
            text = verdict.model_dump_json(by_alias=True, exclude_none=True)
            yield type(verdict).model_validate_json(v1p1.in_v1p1(text)), reach
    for person in district.everyone():
        for verdict in build_users_v1p1(context, person).values():
            yield verdict, reach_of_user_v1p1(context, person, verdict)
        verdict = demographics_in_v1p1(build_demographics(context, person), person)
        yield verdict, reach_of_demographics(context, person, verdict)
    for roster in district.placed_rosters():
        verdict = roster_in_v1p1(build_roster_enrollment(context, roster), roster.person)
        yield verdict, reach_of_roster(context, roster, verdict)
    for staff in district.placed_staff():
        verdict = staff_in_v1p1(build_staff_enrollment(context, staff), staff.person)
        yield verdict, reach_of_staff(context, staff, verdict)


def build_records(district: MiniDistrict, today: date = TODAY) -> Records:
    """All records of the district in version 1.2, by model and sourcedId."""
    return _records(verdicts(Context(district.reference, today), district))


def build_records_v1p1(district: MiniDistrict, today: date = TODAY) -> Records:
    """All records of the district in version 1.1, by model and sourcedId."""
    return _records(verdicts_v1p1(Context(district.reference, today), district))


def build_reaches(district: MiniDistrict, today: date = TODAY) -> Reaches:
    """Where all records of version 1.2 stand, by model and sourcedId."""
    return _reaches(judged(Context(district.reference, today), district))


def build_reaches_v1p1(district: MiniDistrict, today: date = TODAY) -> Reaches:
    """Where all records of version 1.1 stand, by model and sourcedId."""
    return _reaches(judged_v1p1(Context(district.reference, today), district))


def _reaches(found: Iterable[Judged]) -> Reaches:
    return {
        (type(record).__name__, record.sourced_id): reach
        for record, reach in found
        if not isinstance(record, KeptOut)
    }


def _records(found: Iterable[Verdict]) -> Records:
    return {
        (type(record).__name__, record.sourced_id): record
        for record in found
        if not isinstance(record, KeptOut)
    }


def shuffled(district: MiniDistrict, random: Random) -> MiniDistrict:
    """The same rows, arrived in another order."""

    def mixed(rows: tuple[RowT, ...]) -> tuple[RowT, ...]:
        return tuple(random.sample(rows, len(rows)))

    tables: dict[str, Any] = {
        name: dict(mixed(tuple(getattr(district.reference, name).items())))
        for name in (each.name for each in fields(Reference) if each.init)
    }
    return replace(
        district,
        reference=Reference(**tables),
        sections=tuple(replace(each, terms=mixed(each.terms)) for each in district.sections),
        people=tuple(
            replace(
                each,
                accounts=mixed(each.accounts),
                memberships=mixed(each.memberships),
                assignments=mixed(each.assignments),
            )
            for each in district.people
        ),
        relationships=mixed(district.relationships),
    )


def _mostly(usual: Iterable[RowT], rare: RowT) -> st.SearchStrategy[RowT]:
    common = tuple(usual)
    return st.sampled_from((*common * (12 // len(common)), rare))


def _distinct(rows: st.SearchStrategy[RowT], key: str) -> st.SearchStrategy[tuple[RowT, ...]]:
    return st.lists(rows, max_size=3, unique_by=lambda row: getattr(row, key)).map(tuple)


def _several(rows: st.SearchStrategy[RowT], least: int) -> st.SearchStrategy[tuple[RowT, ...]]:
    return st.lists(rows, min_size=least, max_size=least + 3).map(tuple)


def _table(keys: Iterable[Any], rows: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[Any, Any]]:
    """A row for each key, which is put into the row's first column."""
    fixed = tuple(keys)

    def keyed(made: tuple[Any, ...]) -> dict[Any, Any]:
        return {
            key: replace(row, **{row.__slots__[0]: key})
            for key, row in zip(fixed, made, strict=True)
        }

    return st.tuples(*[rows] * len(fixed)).map(keyed)


def _number(district: MiniDistrict) -> MiniDistrict:
    """Give the rows ids of their own."""
    return replace(
        district,
        sections=tuple(
            replace(each, section_id=400 + at, course=replace(each.course, course_id=300 + at))
            for at, each in enumerate(district.sections)
        ),
        people=tuple(
            replace(each, person=replace(each.person, person_id=at, person_guid=guid(500 + at)))
            for at, each in enumerate(district.people)
        ),
        relationships=tuple(
            replace(each, tie=replace(each.tie, relationship_id=600 + at))
            for at, each in enumerate(district.relationships)
            if each.student != each.related
        ),
        rosters=tuple(
            (replace(row, roster_id=at), section, person)
            for at, (row, section, person) in enumerate(district.rosters)
        ),
        staff=tuple(
            (replace(row, section_staff_id=at), section, person)
            for at, (row, section, person) in enumerate(district.staff)
        ),
    )


rarely = _mostly([False], rare=True)
starts = st.sampled_from((*[FIRST_DAY] * 12, *DAYS))
ends = st.sampled_from((*[None] * 9, *DAYS))
blanks = st.sampled_from((None, "", " ", "x"))
flags = st.sampled_from((None, False, True))
calendar_ids = _mostly(CALENDARS, MISSING)
section_positions = st.integers(0, SECTIONS - 1)
person_positions = st.integers(0, PEOPLE - 1)

references = st.builds(
    Reference,
    districts=_table(DISTRICTS, st.builds(District, st.just(""), st.just("D"), blanks, rarely)),
    schools=_table(
        SCHOOLS,
        st.builds(School, st.just(""), _mostly(DISTRICTS, guid(2)), st.just("S"), blanks, rarely),
    ),
    school_years=st.just(facts.reference_tables().school_years),
    calendars=_table(
        CALENDARS,
        st.builds(
            facts.calendar,
            school_guid=_mostly(SCHOOLS, guid(MISSING)),
            school_year_id=_mostly([facts.YEAR], facts.LAST_YEAR),
            lms_exclude=rarely,
        ),
    ),
    grade_levels=_table(
        GRADES, st.builds(facts.grade_level, nces_grade=blanks, lms_exclude=rarely)
    ),
    terms=_table(TERMS, st.builds(facts.term, calendar_id=calendar_ids)),
)

memberships = st.builds(
    Membership,
    enrollment_id=st.integers(1, 99),
    calendar_id=calendar_ids,
    grade_level_id=_mostly(GRADES, MISSING),
    service_type=st.sampled_from(("P", "S")),
    start_date=starts,
    end_date=ends,
    no_show=rarely,
    lms_exclude=rarely,
)

assignments = st.builds(
    Assignment,
    assignment_id=st.integers(1, 99),
    school_guid=_mostly(SCHOOLS, guid(MISSING)),
    start_date=starts,
    end_date=ends,
    teacher=st.booleans(),
    other_roles=st.sampled_from(((), ("program",), ("counselor", "program"), ("",))),
    lms_exclude=rarely,
)

people = st.builds(
    PersonFacts,
    st.builds(
        facts.person, student_number=blanks, email=blanks, sex=blanks, asian=flags, white=flags
    ),
    accounts=_distinct(
        st.builds(Account, st.integers(1, 9), st.sampled_from(("", "ada", "bob")), rarely),
        "user_account_id",
    ),
    memberships=_distinct(memberships, "enrollment_id"),
    assignments=_distinct(assignments, "assignment_id"),
)

meetings = st.lists(
    st.tuples(_mostly(TERMS, MISSING), st.sampled_from(("1", "2", ""))),
    min_size=1,
    max_size=4,
    unique=True,
)

sections = st.builds(
    facts.section,
    course=st.builds(facts.course, calendar_id=calendar_ids),
    terms=meetings.map(tuple),
)

relationships = st.builds(
    Relationship,
    person_positions,
    person_positions,
    st.builds(
        facts.tie,
        guardian=st.booleans(),
        portal=_mostly([True], rare=False),
        start_date=starts,
        end_date=ends,
        memberships=st.just(()),
    ),
)

rosters = st.builds(facts.roster, start_date=starts, end_date=ends)
staff_roles = _mostly(("primary", "teacher"), "staff")
staff = st.builds(facts.staff, role=staff_roles, start_date=starts, end_date=ends)

mini_districts = st.builds(
    MiniDistrict,
    references,
    st.tuples(*[sections] * SECTIONS),
    st.tuples(*[people] * PEOPLE),
    _several(relationships, 3),
    _several(st.tuples(rosters, section_positions, person_positions), 3),
    _several(st.tuples(staff, section_positions, person_positions), 1),
).map(_number)
"""A district of a few rows a table, with references that may lead nowhere."""
