"""Rows of the SIS as an explanation shows them: the columns that rules look at, and a verdict.

Pure. What a person is called, when born, or how to be reached decides nothing and is not shown.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from rosterline.projector.explain.findings import Reason, Visible
from rosterline.projector.explain.model import ExplainedRow
from rosterline.projector.facts import (
    Account,
    Assignment,
    Context,
    CourseFacts,
    Membership,
    PersonFacts,
    RosterFacts,
    SectionFacts,
    StaffFacts,
    Tie,
)
from rosterline.projector.rules.enrollments import roster_status, staff_status
from rosterline.projector.rules.roles import find_claims
from rosterline.projector.rules.values import present
from rosterline.projector.rules.verdict import KeptOut, SourceRow, Standing
from rosterline.projector.rules.visibility import (
    calendar_kept_out,
    course_kept_out,
    district_kept_out,
    grade_level_kept_out,
    membership_status,
    school_kept_out,
    school_year_kept_out,
    section_kept_out,
    term_kept_out,
    tie_kept_out,
    tie_status,
)

KeyT = TypeVar("KeyT", int, str)
RowT = TypeVar("RowT")

SMALL_TABLES = {
    "grade_level": ("calendar_id", "lms_exclude"),
    "term": ("calendar_id", "start_date", "end_date"),
    "calendar": ("school_guid", "school_year_id", "start_date", "end_date", "lms_exclude"),
    "school_year": ("start_year", "end_year", "start_date", "end_date", "active"),
    "school": ("district_guid", "lms_exclude"),
    "district": ("lms_exclude",),
}
MEMBERSHIP = (
    "calendar_id",
    "grade_level_id",
    "service_type",
    "start_date",
    "end_date",
    "no_show",
    "lms_exclude",
)
ASSIGNMENT = ("school_guid", "start_date", "end_date", "teacher", "other_roles", "lms_exclude")
TIE = ("person_id", "guardian", "portal", "start_date", "end_date")


def explained(
    row: SourceRow, facts: object, columns: Iterable[str], reason: Reason
) -> ExplainedRow:
    """A row with these of its columns."""
    table, key = row
    return ExplainedRow(
        table=table,
        key=key,
        columns={name: getattr(facts, name) for name in columns},
        counts=not isinstance(reason, KeptOut),
        status=reason.status if isinstance(reason, Standing) else None,
        rule=reason.rule,
        because=reason.because,
        remedy=reason.remedy if isinstance(reason, KeptOut) else None,
    )


def rows_of_person(context: Context, facts: PersonFacts) -> Iterator[ExplainedRow]:
    """All rows that could make the person something, and what these stand in."""
    yield from own_rows(context, facts)
    for tie in facts.students:
        yield tie_row(tie, tie_status(context, tie))
        for membership in tie.memberships:
            yield membership_row(context, membership)
    for tie in facts.related:
        kept_out = tie_kept_out(context, tie)
        yield tie_row(tie, kept_out or Visible("relationship", tie.relationship_id))
    surroundings = Surroundings(context)
    for tie in facts.students:
        surroundings.add_memberships(tie.memberships)
    surroundings.add_person(facts)
    yield from surroundings.rows()


def own_rows(context: Context, facts: PersonFacts) -> Iterator[ExplainedRow]:
    """Accounts, enrollments and assignments, in order of their keys."""
    for account in sorted(facts.accounts, key=lambda row: row.user_account_id):
        yield account_row(account)
    for membership in sorted(facts.memberships, key=lambda row: row.enrollment_id):
        yield membership_row(context, membership)
    for assignment in sorted(facts.assignments, key=lambda row: row.assignment_id):
        yield assignment_row(context, facts, assignment)


def account_row(account: Account) -> ExplainedRow:
    """A login: OneRoster 1.1 needs its username, which is not shown."""
    row = ("user_account", account.user_account_id)
    shown = explained(row, account, ("disabled",), Visible(*row))
    named = present(account.username) is not None
    return shown.model_copy(update={"columns": {**shown.columns, "has_username": named}})


def membership_row(context: Context, membership: Membership) -> ExplainedRow:
    """A student's enrollment."""
    row = ("enrollment", membership.enrollment_id)
    return explained(row, membership, MEMBERSHIP, membership_status(context, membership))


def assignment_row(context: Context, facts: PersonFacts, assignment: Assignment) -> ExplainedRow:
    """A district assignment: what it would make of the person by itself."""
    alone = replace(facts, memberships=(), assignments=(assignment,), students=())
    claims = find_claims(context, alone)
    reason = claims if isinstance(claims, KeptOut) else claims[0].standing
    return explained(
        ("district_assignment", assignment.assignment_id), assignment, ASSIGNMENT, reason
    )


def tie_row(tie: Tie, reason: Reason) -> ExplainedRow:
    """A relationship; its `person_id` is the other person's."""
    return explained(("relationship", tie.relationship_id), tie, TIE, reason)


def roster_row(context: Context, roster: RosterFacts) -> ExplainedRow:
    """A student's place in a class."""
    shown = explained(
        ("roster", roster.roster_id),
        roster,
        ("start_date", "end_date"),
        roster_status(context, roster),
    )
    return _placed(shown, roster)


def staff_row(context: Context, staff: StaffFacts) -> ExplainedRow:
    """A teacher's place in a class."""
    shown = explained(
        ("section_staff", staff.section_staff_id),
        staff,
        ("role", "start_date", "end_date"),
        staff_status(context, staff),
    )
    return _placed(shown, staff)


def _placed(shown: ExplainedRow, place: RosterFacts | StaffFacts) -> ExplainedRow:
    references = {
        "section_id": place.section.section_id,
        "person_id": place.person.person.person_id,
    }
    return shown.model_copy(update={"columns": {**references, **shown.columns}})


def section_row(context: Context, section: SectionFacts) -> ExplainedRow:
    """A section with its terms."""
    row = ("section", section.section_id)
    shown = explained(row, section, (), section_kept_out(context, section) or Visible(*row))
    term_ids = tuple(dict.fromkeys(term_id for term_id, _ in section.terms))
    columns = {"course_id": section.course.course_id, "term_ids": term_ids}
    return shown.model_copy(update={"columns": columns})


def course_row(context: Context, course: CourseFacts) -> ExplainedRow:
    """A course."""
    row = ("course", course.course_id)
    reason = course_kept_out(context, course) or Visible(*row)
    return explained(row, course, ("calendar_id",), reason)


@dataclass
class Surroundings:
    """The rows of the small tables in which others stand: each once, with its own verdict."""

    context: Context
    grade_levels: set[int] = field(default_factory=set)
    terms: set[int] = field(default_factory=set)
    calendars: set[int] = field(default_factory=set)
    schools: set[str] = field(default_factory=set)
    districts: set[str] = field(default_factory=set)

    def add_person(self, facts: PersonFacts) -> None:
        """What a person's own rows refer to, and the calendars of a staff member's schools."""
        self.add_memberships(facts.memberships)
        for assignment in facts.assignments:
            self.add_school(assignment.school_guid)

    def add_memberships(self, memberships: Iterable[Membership]) -> None:
        """What enrollments refer to."""
        for row in memberships:
            self.grade_levels.add(row.grade_level_id)
            self.calendars.add(row.calendar_id)

    def add_section(self, section: SectionFacts) -> None:
        """What a section refers to."""
        self.calendars.add(section.course.calendar_id)
        self.terms |= {term_id for term_id, _ in section.terms}

    def add_school(self, school_guid: str) -> None:
        """A school with its calendars: one of them must be seen."""
        self.schools.add(school_guid)
        self.calendars |= {
            row.calendar_id
            for row in self.context.reference.calendars.values()
            if row.school_guid == school_guid
        }

    def rows(self) -> Iterator[ExplainedRow]:
        """From the nearest to the farthest; a row that is not there is no row."""
        tables = self.context.reference
        terms = known(tables.terms, self.terms)
        calendars = known(
            tables.calendars, self.calendars | {row.calendar_id for row in terms.values()}
        )
        years = known(tables.school_years, {row.school_year_id for row in calendars.values()})
        schools = known(
            tables.schools, self.schools | {row.school_guid for row in calendars.values()}
        )
        districts = known(
            tables.districts, self.districts | {row.district_guid for row in schools.values()}
        )
        grade_levels = known(tables.grade_levels, self.grade_levels)
        yield from self._shown("grade_level", grade_levels, grade_level_kept_out)
        yield from self._shown("term", terms, term_kept_out)
        yield from self._shown("calendar", calendars, calendar_kept_out)
        yield from self._shown("school_year", years, school_year_kept_out)
        yield from self._shown("school", schools, school_kept_out)
        yield from self._shown("district", districts, district_kept_out)

    def _shown(
        self,
        table: str,
        rows: Mapping[KeyT, object],
        kept_out: Callable[[Context, KeyT], KeptOut | None],
    ) -> Iterator[ExplainedRow]:
        for key, facts in rows.items():
            reason = kept_out(self.context, key) or Visible(table, key)
            yield explained((table, key), facts, SMALL_TABLES[table], reason)


def known(table: Mapping[KeyT, RowT], keys: set[KeyT]) -> dict[KeyT, RowT]:
    """The rows with these keys that are there, in order."""
    return {key: table[key] for key in sorted(keys) if key in table}
