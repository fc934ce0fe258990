"""The schools in whose scope a record stands, for connections that are limited to schools.

Within a scope lists are cut to what stands there as well. So who lists others says where those
stand: a document that would be cut otherwise than before is another document.
"""

from collections.abc import Iterable
from typing import NamedTuple

from rosterline.oneroster import v1p1, v1p2
from rosterline.oneroster.v1p2 import AcademicSession, Class, Course, Enrollment, Org
from rosterline.oneroster.vocabulary import ACTIVE, Status
from rosterline.projector.facts import (
    Context,
    Membership,
    PersonFacts,
    RosterFacts,
    StaffFacts,
    Tie,
)
from rosterline.projector.rules.places import is_student_at, is_teacher_at
from rosterline.projector.rules.roles import AGENTS, agent_role
from rosterline.projector.rules.verdict import KeptOut, Verdict
from rosterline.projector.rules.visibility import membership_status, tie_status

Schools = tuple[str, ...]


class Reach(NamedTuple):
    """The schools of a record, in order; None stands for every scope, whatever its schools.

    `listed` are the records in its lists, each with its own schools.
    """

    schools: Schools | None
    listed: tuple[tuple[str, Schools], ...] = ()


EVERYWHERE = Reach(None)
NOWHERE = Reach(())


def reach_of(context: Context, verdict: Verdict) -> Reach:
    """Of an org, academic session, course or class: a district stands at each of its schools."""
    match verdict:
        case Org(type="school"):
            return Reach((verdict.sourced_id,))
        case Org():
            return Reach(tuple(sorted(child.sourced_id for child in verdict.children or ())))
        case AcademicSession():
            return _reach_of_session(context, verdict)
        case Course():
            return Reach((verdict.org.sourced_id,))
        case Class():
            return Reach((verdict.school.sourced_id,))
        case _:
            return NOWHERE


def reach_of_user(context: Context, person: PersonFacts, verdict: Verdict) -> Reach:
    """Seed 001: "Only students and staff are associated with schools"; others by their students."""
    if not isinstance(verdict, v1p2.User):
        return NOWHERE
    own = {role.org.sourced_id for role in verdict.roles if role.role not in AGENTS}
    return _with_students(context, own, person.students, verdict.status)


def reach_of_user_v1p1(context: Context, person: PersonFacts, verdict: Verdict) -> Reach:
    """Likewise of one role alone, by the students whom the user lists."""
    if not isinstance(verdict, v1p1.User):
        return NOWHERE
    if verdict.role not in AGENTS:
        return Reach(tuple(sorted(org.sourced_id for org in verdict.orgs)))
    ties = (tie for tie in person.students if tie.has_username and agent_role(tie) == verdict.role)
    return _with_students(context, set(), ties, verdict.status)


def reach_of_demographics(context: Context, person: PersonFacts, verdict: Verdict) -> Reach:
    """Demographics belong to the student, so to the schools where that is one."""
    if isinstance(verdict, KeptOut):
        return NOWHERE
    return Reach(schools_of_student(context, person.memberships))


def reach_of_roster(context: Context, roster: RosterFacts, verdict: Verdict) -> Reach:
    """A place in a class belongs to the class's school if its student does.

    Who comes to the class from another school is no business of a vendor of this one.
    """
    if not isinstance(verdict, Enrollment) or not is_student_at(
        context, roster.person, roster.section
    ):
        return NOWHERE
    return Reach((verdict.school.sourced_id,))


def reach_of_staff(context: Context, staff: StaffFacts, verdict: Verdict) -> Reach:
    """Likewise, if its teacher does."""
    if not isinstance(verdict, Enrollment) or not is_teacher_at(
        context, staff.person, staff.section
    ):
        return NOWHERE
    return Reach((verdict.school.sourced_id,))


def schools_of_student(context: Context, memberships: Iterable[Membership]) -> Schools:
    """The schools of current memberships, or else of ended ones: those that the student shows."""
    current: set[str] = set()
    ended: set[str] = set()
    for membership in memberships:
        standing = membership_status(context, membership)
        if not isinstance(standing, KeptOut):
            school = context.reference.calendars[membership.calendar_id].school_guid
            (current if standing.status == ACTIVE else ended).add(school)
    return tuple(sorted(current or ended))


def _with_students(context: Context, own: set[str], ties: Iterable[Tie], status: Status) -> Reach:
    """A user's own schools, and those of the students who give the user its status.

    So whose last student at a school has left goes from there, and whose students have all left
    keeps their schools. Students who have left are still listed.
    """
    schools = set(own)
    listed: dict[str, Schools] = {}
    for tie in ties:
        standing = tie_status(context, tie)
        if isinstance(standing, KeptOut):
            continue
        listed[tie.person_guid] = schools_of_student(context, tie.memberships)
        if standing.status == status:
            schools.update(listed[tie.person_guid])
    return Reach(tuple(sorted(schools)), tuple(sorted(listed.items())))


def _reach_of_session(context: Context, session: AcademicSession) -> Reach:
    """A term's is its calendar's school; a school year has those of the terms that it lists."""
    if session.type == "schoolYear":
        terms = [child.sourced_id for child in session.children or ()]
        schools = {term: _school_of_term(context, term) for term in terms}
        listed = tuple((term, (school,)) for term, school in sorted(schools.items()))
        return Reach(tuple(sorted({*schools.values()})), listed)
    above = session.parent if session.type == "gradingPeriod" else None
    return Reach((_school_of_term(context, above.sourced_id if above else session.sourced_id),))


def _school_of_term(context: Context, term_id: str) -> str:
    term = context.reference.terms[int(term_id)]
    return context.reference.calendars[term.calendar_id].school_guid
