"""Roster and section staff rows as OneRoster enrollments of students and teachers in classes.

A first load calls these a million times. The models' own constructors are used nevertheless: they
validate in compiled code and are twice as fast here as pydantic's `model_construct`.
"""

from rosterline.oneroster.v1p2 import Enrollment, reference
from rosterline.oneroster.vocabulary import TO_BE_DELETED, Entity, boolean_text
from rosterline.projector.facts import Context, RosterFacts, StaffFacts
from rosterline.projector.rules import reasons
from rosterline.projector.rules.values import day_text
from rosterline.projector.rules.verdict import KeptOut, Verdict
from rosterline.projector.rules.visibility import (
    is_over,
    section_kept_out,
    staff_kept_out,
    student_status,
    teacher_status,
)


def roster_sourced_id(roster_id: int) -> str:
    """`r<id>`: rosters and section staff are numbered apart from each other."""
    return f"r{roster_id}"


def staff_sourced_id(section_staff_id: int) -> str:
    """`t<id>`, for teacher."""
    return f"t{section_staff_id}"


def build_roster_enrollment(context: Context, roster: RosterFacts) -> Verdict:
    """Seed 001, Users Associated with a Class: ended records "return with [...] 'tobedeleted'"."""
    section = roster.section
    kept_out = section_kept_out(context, section)
    if kept_out is not None:
        return reasons.referred("class", kept_out)
    status = student_status(context, roster.person)
    if isinstance(status, KeptOut):
        return reasons.referred("user", status)
    if is_over(roster.end_date, context.today):
        status = TO_BE_DELETED
    school_guid = context.reference.calendars[section.course.calendar_id].school_guid
    return Enrollment(
        sourced_id=roster_sourced_id(roster.roster_id),
        status=status,
        user=reference(Entity.USERS, roster.person.person.person_guid),
        class_=reference(Entity.CLASSES, str(section.section_id)),
        school=reference(Entity.ORGS, school_guid),
        role="student",
        begin_date=day_text(roster.start_date),
        end_date=day_text(roster.end_date),
    )


def build_staff_enrollment(context: Context, staff: StaffFacts) -> Verdict:
    """Seed 000, Teachers: Primary Teacher is "primary: true", Teacher is "primary: false"."""
    section = staff.section
    kept_out = staff_kept_out(context, staff)
    if kept_out is not None:
        return kept_out
    status = teacher_status(context, staff.person)
    if isinstance(status, KeptOut):
        return reasons.referred("user", status)
    if is_over(staff.end_date, context.today):
        status = TO_BE_DELETED
    school_guid = context.reference.calendars[section.course.calendar_id].school_guid
    return Enrollment(
        sourced_id=staff_sourced_id(staff.section_staff_id),
        status=status,
        user=reference(Entity.USERS, staff.person.person.person_guid),
        class_=reference(Entity.CLASSES, str(section.section_id)),
        school=reference(Entity.ORGS, school_guid),
        role="teacher",
        primary=boolean_text(staff.role == "primary"),
        begin_date=day_text(staff.start_date),
        end_date=day_text(staff.end_date),
    )
