"""Roster and section staff rows as OneRoster enrollments of students and teachers in classes.

A first load calls these a million times. The models' own constructors are used nevertheless: they
validate in compiled code and are twice as fast here as pydantic's `model_construct`.
"""

from rosterline.oneroster.v1p2 import Enrollment, reference
from rosterline.oneroster.vocabulary import Entity, boolean_text
from rosterline.projector.facts import Context, RosterFacts, StaffFacts
from rosterline.projector.rules import reasons
from rosterline.projector.rules.places import student_standing_at, teacher_standing_at
from rosterline.projector.rules.values import day_text
from rosterline.projector.rules.verdict import KeptOut, Standing, Verdict
from rosterline.projector.rules.visibility import place_standing, section_kept_out, staff_kept_out


def roster_sourced_id(roster_id: int) -> str:
    """`r<id>`: rosters and section staff are numbered apart from each other."""
    return f"r{roster_id}"


def staff_sourced_id(section_staff_id: int) -> str:
    """`t<id>`, for teacher."""
    return f"t{section_staff_id}"


def roster_status(context: Context, roster: RosterFacts) -> Standing | KeptOut:
    """Seed 001, Users Associated with a Class: the class, the student and the own dates decide."""
    kept_out = section_kept_out(context, roster.section)
    if kept_out is not None:
        return reasons.referred("class", kept_out)
    user = student_standing_at(context, roster.person, roster.section)
    if isinstance(user, KeptOut):
        return user
    end_date, today = roster.end_date, context.today
    return place_standing(user, "roster", roster.roster_id, end_date=end_date, today=today)


def staff_status(context: Context, staff: StaffFacts) -> Standing | KeptOut:
    """Seed 000, Section Staff History: the class, the teacher and the own dates decide."""
    kept_out = staff_kept_out(context, staff)
    if kept_out is not None:
        return kept_out
    user = teacher_standing_at(context, staff.person, staff.section)
    if isinstance(user, KeptOut):
        return user
    key, end_date, today = staff.section_staff_id, staff.end_date, context.today
    return place_standing(user, "section_staff", key, end_date=end_date, today=today)


def build_roster_enrollment(context: Context, roster: RosterFacts) -> Verdict:
    """Seed 001, Users Associated with a Class: ended records "return with [...] 'tobedeleted'"."""
    standing = roster_status(context, roster)
    if isinstance(standing, KeptOut):
        return standing
    section = roster.section
    school_guid = context.reference.calendars[section.course.calendar_id].school_guid
    return Enrollment(
        sourced_id=roster_sourced_id(roster.roster_id),
        status=standing.status,
        user=reference(Entity.USERS, roster.person.person.person_guid),
        class_=reference(Entity.CLASSES, str(section.section_id)),
        school=reference(Entity.ORGS, school_guid),
        role="student",
        begin_date=day_text(roster.start_date),
        end_date=day_text(roster.end_date),
    )


def build_staff_enrollment(context: Context, staff: StaffFacts) -> Verdict:
    """Seed 000, Teachers: Primary Teacher is "primary: true", Teacher is "primary: false"."""
    standing = staff_status(context, staff)
    if isinstance(standing, KeptOut):
        return standing
    section = staff.section
    school_guid = context.reference.calendars[section.course.calendar_id].school_guid
    return Enrollment(
        sourced_id=staff_sourced_id(staff.section_staff_id),
        status=standing.status,
        user=reference(Entity.USERS, staff.person.person.person_guid),
        class_=reference(Entity.CLASSES, str(section.section_id)),
        school=reference(Entity.ORGS, school_guid),
        role="teacher",
        primary=boolean_text(staff.role == "primary"),
        begin_date=day_text(staff.start_date),
        end_date=day_text(staff.end_date),
    )
