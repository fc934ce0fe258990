"""How a student or teacher stands at the school of a class, which decides over a place in it.

Seed 000 ties people to schools by enrollments and district assignments. Who has left a school is
gone from its classes, even while a user elsewhere; who never was there (a class across sites)
stands there as the person stands as a whole. Rows of other years say nothing of this one.
"""

from collections.abc import Iterable

from rosterline.projector.facts import (
    Assignment,
    Calendar,
    Context,
    Membership,
    PersonFacts,
    SectionFacts,
)
from rosterline.projector.rules import reasons
from rosterline.projector.rules.verdict import KeptOut, Standing
from rosterline.projector.rules.visibility import (
    assignment_status,
    is_within,
    membership_status,
    strongest,
    student_status,
    teacher_status,
)


def student_standing_at(
    context: Context, person: PersonFacts, section: SectionFacts
) -> Standing | KeptOut:
    """Seed 000, Students: enrollments "fall within the Active year" and have not ended, there."""
    calendar = context.reference.calendars[section.course.calendar_id]
    held = (row for row in person.memberships if _is_membership_at(context, row, calendar))
    standing = _at_school(membership_status(context, row) for row in held)
    return standing or _as_a_whole(student_status(context, person))


def teacher_standing_at(
    context: Context, person: PersonFacts, section: SectionFacts
) -> Standing | KeptOut:
    """Seed 001, Schools: "a District Assignment in the correct school", with the Role Teacher."""
    calendar = context.reference.calendars[section.course.calendar_id]
    held = (row for row in person.assignments if _is_teaching_at(context, row, calendar))
    standing = _at_school(assignment_status(context, row) for row in held)
    return standing or _as_a_whole(teacher_status(context, person))


def is_student_at(context: Context, person: PersonFacts, section: SectionFacts) -> bool:
    """Whether the person belongs to the school of the class as a student, now or once this year."""
    calendar_id = section.course.calendar_id
    calendar = context.reference.calendars[calendar_id]
    for row in person.memberships:
        if row.calendar_id == calendar_id or _is_membership_at(context, row, calendar):
            return True
    return False


def is_teacher_at(context: Context, person: PersonFacts, section: SectionFacts) -> bool:
    """Likewise as a teacher."""
    calendar = context.reference.calendars[section.course.calendar_id]
    return any(_is_teaching_at(context, row, calendar) for row in person.assignments)


def _is_membership_at(context: Context, membership: Membership, calendar: Calendar) -> bool:
    own = context.reference.calendars.get(membership.calendar_id)
    return (
        own is not None
        and own.school_guid == calendar.school_guid
        and own.school_year_id == calendar.school_year_id
    )


def _is_teaching_at(context: Context, assignment: Assignment, calendar: Calendar) -> bool:
    if not assignment.teacher or assignment.school_guid != calendar.school_guid:
        return False
    year = context.reference.school_years[calendar.school_year_id]
    return is_within(year, assignment.start_date, assignment.end_date)


def _at_school(found: Iterable[Standing | KeptOut]) -> Standing | KeptOut | None:
    standing = strongest(found)
    if isinstance(standing, KeptOut):
        return reasons.referred("user at the school", standing)
    return standing


def _as_a_whole(standing: Standing | KeptOut) -> Standing | KeptOut:
    return reasons.referred("user", standing) if isinstance(standing, KeptOut) else standing
