"""Rows of the SIS as an explanation shows them: the columns that rules look at, and a verdict.

Pure. What a person is called, when born, or how to be reached decides nothing and is not shown.
"""

from collections.abc import Iterator
from dataclasses import replace

from rosterline.projector.explain.findings import Reason, Visible
from rosterline.projector.explain.model import ExplainedRow, Value
from rosterline.projector.explain.surroundings import Surroundings, explained
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
from rosterline.projector.rules.verdict import KeptOut
from rosterline.projector.rules.visibility import (
    course_kept_out,
    membership_status,
    section_kept_out,
    tie_kept_out,
    tie_status,
)

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
    columns: dict[str, Value] = {"course_id": section.course.course_id, "term_ids": term_ids}
    return shown.model_copy(update={"columns": columns})


def course_row(context: Context, course: CourseFacts) -> ExplainedRow:
    """A course."""
    row = ("course", course.course_id)
    reason = course_kept_out(context, course) or Visible(*row)
    return explained(row, course, ("calendar_id",), reason)
