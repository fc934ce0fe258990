"""Facts → each record that could come of them, with its verdict and the reason. Pure.

The verdicts are those of the functions with which the projector builds records, so that what is
told here cannot differ from what is stored.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rosterline.oneroster.vocabulary import Collection, Entity, Status, Version
from rosterline.projector.facts import (
    Context,
    CourseFacts,
    PersonFacts,
    RosterFacts,
    SectionFacts,
    StaffFacts,
)
from rosterline.projector.rules import reasons
from rosterline.projector.rules.courses import build_class, build_course
from rosterline.projector.rules.demographics import build_demographics
from rosterline.projector.rules.enrollments import (
    build_roster_enrollment,
    build_staff_enrollment,
    roster_sourced_id,
    roster_status,
    staff_sourced_id,
    staff_status,
)
from rosterline.projector.rules.orgs import build_district, build_school
from rosterline.projector.rules.roles import Claim, claims_by_role, find_claims, settle
from rosterline.projector.rules.schools import (
    Reach,
    Schools,
    reach_of,
    reach_of_demographics,
    reach_of_roster,
    reach_of_staff,
    reach_of_user,
    reach_of_user_v1p1,
)
from rosterline.projector.rules.sessions import (
    build_grading_period,
    build_school_year,
    build_term,
    grading_period_sourced_id,
    school_year_sourced_id,
)
from rosterline.projector.rules.users import build_user
from rosterline.projector.rules.v1p1_carried import (
    demographics_in_v1p1,
    roster_in_v1p1,
    staff_in_v1p1,
)
from rosterline.projector.rules.v1p1_users import KINDS, build_users_v1p1, user_sourced_id
from rosterline.projector.rules.verdict import KeptOut, SourceRow, Standing, Verdict
from rosterline.projector.rules.visibility import student_status

SESSIONS = Entity.ACADEMIC_SESSIONS
USERS = Collection(Version.V1P2, Entity.USERS)
USERS_V1P1 = Collection(Version.V1P1, Entity.USERS)
DEMOGRAPHICS = Collection(Version.V1P2, Entity.DEMOGRAPHICS)
DEMOGRAPHICS_V1P1 = Collection(Version.V1P1, Entity.DEMOGRAPHICS)
ENROLLMENTS = Collection(Version.V1P2, Entity.ENROLLMENTS)
ENROLLMENTS_V1P1 = Collection(Version.V1P1, Entity.ENROLLMENTS)

NOTHING = frozenset(
    reasons.no_capacity(0, capacity).rule
    for capacity in ("user", *(kind.role for kind in KINDS.values()))
)
"""The rules of those whom no row at all makes a user, a student, a teacher …"""


@dataclass(frozen=True, slots=True)
class Visible:
    """Why a record without dates of its own is there: nothing keeps its row out."""

    table: str
    key: int | str
    rule: str = "visible"

    @property
    def because(self) -> str:
        """Why the record is there."""
        return f"nothing keeps {self.table} {self.key} out"

    @property
    def rows(self) -> tuple[SourceRow, ...]:
        """The row that decided."""
        return ((self.table, self.key),)


Reason = Standing | KeptOut | Visible


@dataclass(frozen=True, slots=True)
class Finding:
    """A record that could be, what the rules say of it, and why.

    `schools` are those in whose scope it stands.
    """

    collection: Collection
    sourced_id: str
    verdict: Verdict
    reason: Reason
    schools: Schools = ()

    @property
    def status(self) -> Status | None:
        """The record's status; None if it is kept out."""
        return None if isinstance(self.verdict, KeptOut) else self.verdict.status


def find_person(context: Context, facts: PersonFacts) -> list[Finding]:
    """The users and demographics of both versions; of roles that no row gives, only if all are."""
    found = list(_all_of_person(context, facts))
    telling = [each for each in found if each.reason.rule not in NOTHING]
    return telling or found


def _all_of_person(context: Context, facts: PersonFacts) -> Iterator[Finding]:
    row = facts.person
    user = build_user(context, facts)
    reach = reach_of_user(context, facts, user)
    yield _finding((USERS, row.person_guid), user, find_claims(context, facts), reach)
    older = build_users_v1p1(context, facts)
    claims = claims_by_role(context, facts)
    for role in KINDS:
        sourced_id = user_sourced_id(role, row.person_id)
        verdict = older[sourced_id]
        reach = reach_of_user_v1p1(context, facts, verdict)
        yield _finding((USERS_V1P1, sourced_id), verdict, settle(claims[role]), reach)
    demographics = build_demographics(context, facts)
    standing = student_status(context, facts)
    reach = reach_of_demographics(context, facts, demographics)
    yield _finding((DEMOGRAPHICS, row.person_guid), demographics, standing, reach)
    verdict = demographics_in_v1p1(demographics, facts)
    sourced_id = user_sourced_id("student", row.person_id)
    yield _finding((DEMOGRAPHICS_V1P1, sourced_id), verdict, standing, reach)


def _finding(
    record: tuple[Collection, str],
    verdict: Verdict,
    found: list[Claim] | Standing | KeptOut | None,
    reach: Reach,
) -> Finding:
    collection, sourced_id = record
    if isinstance(verdict, KeptOut):
        return Finding(collection, sourced_id, verdict, verdict)
    standing = found[0].standing if isinstance(found, list) else found
    if standing is None or isinstance(standing, KeptOut):
        raise AssertionError(f"{sourced_id}: a record without a standing")
    return Finding(collection, sourced_id, verdict, standing, reach.schools or ())


def find_roster(context: Context, roster: RosterFacts) -> Iterator[Finding]:
    """A student's class enrollment in both versions."""
    sourced_id = roster_sourced_id(roster.roster_id)
    verdict, standing = build_roster_enrollment(context, roster), roster_status(context, roster)
    reach = reach_of_roster(context, roster, verdict)
    yield _finding((ENROLLMENTS, sourced_id), verdict, standing, reach)
    older = roster_in_v1p1(verdict, roster.person)
    yield _finding((ENROLLMENTS_V1P1, sourced_id), older, standing, reach)


def find_staff(context: Context, staff: StaffFacts) -> Iterator[Finding]:
    """A teacher's class enrollment in both versions."""
    sourced_id = staff_sourced_id(staff.section_staff_id)
    verdict, standing = build_staff_enrollment(context, staff), staff_status(context, staff)
    reach = reach_of_staff(context, staff, verdict)
    yield _finding((ENROLLMENTS, sourced_id), verdict, standing, reach)
    older = staff_in_v1p1(verdict, staff.person)
    yield _finding((ENROLLMENTS_V1P1, sourced_id), older, standing, reach)


def find_org(context: Context, guid: str) -> Iterator[Finding]:
    """A school or district, alike in both versions."""
    is_district = guid in context.reference.districts
    verdict = (build_district if is_district else build_school)(context, guid)
    table = "district" if is_district else "school"
    yield from _in_both(context, (Entity.ORGS, guid), verdict, Visible(table, guid))


def find_course(context: Context, course: CourseFacts) -> Iterator[Finding]:
    """A course, alike in both versions."""
    key = course.course_id
    verdict = build_course(context, course)
    yield from _in_both(context, (Entity.COURSES, str(key)), verdict, Visible("course", key))


def find_class(context: Context, section: SectionFacts) -> Iterator[Finding]:
    """A class, alike in both versions."""
    key = section.section_id
    verdict = build_class(context, section)
    yield from _in_both(context, (Entity.CLASSES, str(key)), verdict, Visible("section", key))


def find_sessions(
    context: Context, school_year_ids: Iterable[int], term_ids: Iterable[int]
) -> Iterator[Finding]:
    """School years, terms and their grading periods, alike in both versions."""
    for key in school_year_ids:
        verdict = build_school_year(context, key)
        sourced_id = school_year_sourced_id(key)
        yield from _in_both(context, (SESSIONS, sourced_id), verdict, Visible("school_year", key))
    for key in term_ids:
        visible = Visible("term", key)
        yield from _in_both(context, (SESSIONS, str(key)), build_term(context, key), visible)
        record = (SESSIONS, grading_period_sourced_id(key))
        yield from _in_both(context, record, build_grading_period(context, key), visible)


def find_nothing(table: str, key: int | str, places: list[tuple[Collection, str]]) -> list[Finding]:
    """What could have been made of a row that is not there."""
    gone = reasons.no_such_row(table, key)
    return [Finding(collection, sourced_id, gone, gone) for collection, sourced_id in places]


def _in_both(
    context: Context, record: tuple[Entity, str], verdict: Verdict, visible: Visible
) -> Iterator[Finding]:
    entity, sourced_id = record
    reason = verdict if isinstance(verdict, KeptOut) else visible
    schools = reach_of(context, verdict).schools or ()
    for version in Version:
        yield Finding(Collection(version, entity), sourced_id, verdict, reason, schools)
