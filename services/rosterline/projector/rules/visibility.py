"""What may be seen at all: the active year, LMS exclude, no show and dates, decided here and once.

`…_kept_out` answers the reason why a row may not be seen, or None. `…_status` answers the status
that a row gives its person, and why, or the reason why it gives none. All other rules build on
these.
"""

from collections.abc import Callable, Iterable
from datetime import date
from functools import wraps
from typing import TypeVar

from rosterline.oneroster.vocabulary import ACTIVE, TO_BE_DELETED
from rosterline.projector.facts import (
    Assignment,
    Calendar,
    Context,
    CourseFacts,
    Membership,
    PersonFacts,
    SchoolYear,
    SectionFacts,
    StaffFacts,
    Tie,
)
from rosterline.projector.rules import reasons
from rosterline.projector.rules.verdict import (
    CURRENT,
    ENDED,
    ENDED_WITH_CALENDAR,
    STUDENT_ENDED,
    USER_ENDED,
    KeptOut,
    Standing,
)

K = TypeVar("K")
T = TypeVar("T")
TEACHING = frozenset({"primary", "teacher"})


def remembered(rule: Callable[[Context, K], T]) -> Callable[[Context, K], T]:
    """A rule that looks at the small tables only: asked a million times, concluded once."""

    @wraps(rule)
    def answer(context: Context, key: K) -> T:
        known: dict[K, T] = context.reference.memory.setdefault(rule.__name__, {})
        if key not in known:
            known[key] = rule(context, key)
        return known[key]

    return answer


def district_kept_out(context: Context, district_guid: str) -> KeptOut | None:
    """DESIGN §4: `lms_exclude` on the district keeps the record out."""
    district = context.reference.districts.get(district_guid)
    if district is None:
        return reasons.no_such_row("district", district_guid)
    return reasons.lms_exclude("district", district_guid) if district.lms_exclude else None


def school_kept_out(context: Context, school_guid: str) -> KeptOut | None:
    """DESIGN §4: `lms_exclude` on the school or its district keeps the record out."""
    school = context.reference.schools.get(school_guid)
    if school is None:
        return reasons.no_such_row("school", school_guid)
    if school.lms_exclude:
        return reasons.lms_exclude("school", school_guid)
    return district_kept_out(context, school.district_guid)


def school_year_kept_out(context: Context, school_year_id: int) -> KeptOut | None:
    """Seed 000: "OneRoster data is scoped to the active school year"."""
    year = context.reference.school_years.get(school_year_id)
    if year is None:
        return reasons.no_such_row("school_year", school_year_id)
    return None if year.active else reasons.inactive_year(school_year_id)


@remembered
def calendar_kept_out(context: Context, calendar_id: int) -> KeptOut | None:
    """DESIGN §4: a calendar of the active year, not excluded, of a school that may be seen."""
    calendar = context.reference.calendars.get(calendar_id)
    if calendar is None:
        return reasons.no_such_row("calendar", calendar_id)
    if calendar.lms_exclude:
        return reasons.lms_exclude("calendar", calendar_id)
    return school_year_kept_out(context, calendar.school_year_id) or school_kept_out(
        context, calendar.school_guid
    )


def grade_level_kept_out(context: Context, grade_level_id: int) -> KeptOut | None:
    """Seed 001: LMS Exclude "is also not marked for the student's Grade Level"."""
    grade_level = context.reference.grade_levels.get(grade_level_id)
    if grade_level is None:
        return reasons.no_such_row("grade_level", grade_level_id)
    return reasons.lms_exclude("grade_level", grade_level_id) if grade_level.lms_exclude else None


def term_kept_out(context: Context, term_id: int) -> KeptOut | None:
    """A term may be seen as far as its calendar may."""
    term = context.reference.terms.get(term_id)
    if term is None:
        return reasons.no_such_row("term", term_id)
    return calendar_kept_out(context, term.calendar_id)


def course_kept_out(context: Context, course: CourseFacts) -> KeptOut | None:
    """A course may be seen as far as its calendar may."""
    return calendar_kept_out(context, course.calendar_id)


def section_kept_out(context: Context, section: SectionFacts) -> KeptOut | None:
    """A section may be seen as far as its course may, if it meets in a visible term."""
    kept_out = course_kept_out(context, section.course)
    if kept_out is not None:
        return reasons.referred("course", kept_out)
    for term_id, _ in section.terms:
        if term_kept_out(context, term_id) is None:
            return None
    return reasons.no_term(section.section_id)


def is_over(end_date: date | None, today: date) -> bool:
    """Seed 001: "an End Date prior to today"; the end date itself is the last day."""
    return end_date is not None and end_date < today


def is_within(year: SchoolYear, start_date: date | None, end_date: date | None) -> bool:
    """Seed 000: dates within the school year, read as: at least one day in common with it."""
    return (start_date is None or start_date <= year.last_day) and (
        end_date is None or end_date >= year.first_day
    )


def membership_status(context: Context, membership: Membership) -> Standing | KeptOut:
    """Seed 000, Students: `tobedeleted` if the end date is past and is not the calendar's own."""
    if membership.lms_exclude:
        return reasons.lms_exclude("enrollment", membership.enrollment_id)
    if membership.no_show:
        return reasons.no_show(membership.enrollment_id)
    kept_out = calendar_kept_out(context, membership.calendar_id) or grade_level_kept_out(
        context, membership.grade_level_id
    )
    if kept_out is not None:
        return kept_out
    calendar = context.reference.calendars[membership.calendar_id]
    year = context.reference.school_years[calendar.school_year_id]
    if not is_within(year, membership.start_date, membership.end_date):
        return reasons.outside_year("enrollment", membership.enrollment_id, year.school_year_id)
    return _membership_standing(context, membership, calendar)


def _membership_standing(context: Context, membership: Membership, calendar: Calendar) -> Standing:
    key, end_date = membership.enrollment_id, membership.end_date
    if not is_over(end_date, context.today):
        return Standing(ACTIVE, CURRENT, "enrollment", key)
    at = (end_date, calendar.calendar_id)
    if end_date == calendar.end_date:
        return Standing(ACTIVE, ENDED_WITH_CALENDAR, "enrollment", key, *at)
    return Standing(TO_BE_DELETED, ENDED, "enrollment", key, *at)


def assignment_status(context: Context, assignment: Assignment) -> Standing | KeptOut:
    """Seed 000, Non-Teacher Staff: "no End Date or an End Date in the future", so today is over."""
    if assignment.lms_exclude:
        return reasons.lms_exclude("district_assignment", assignment.assignment_id)
    kept_out = school_kept_out(context, assignment.school_guid)
    if kept_out is not None:
        return kept_out
    year = _active_year_of_school(context, assignment.school_guid)
    if year is None:
        return reasons.no_calendar(assignment.school_guid)
    if not is_within(year, assignment.start_date, assignment.end_date):
        return reasons.outside_year(
            "district_assignment", assignment.assignment_id, year.school_year_id
        )
    key, end_date = assignment.assignment_id, assignment.end_date
    if end_date is not None and end_date <= context.today:
        return Standing(TO_BE_DELETED, ENDED, "district_assignment", key, end_date)
    return Standing(ACTIVE, CURRENT, "district_assignment", key)


@remembered
def _active_year_of_school(context: Context, school_guid: str) -> SchoolYear | None:
    """Seed 000: "a Calendar in the active year"; whether it is excluded concerns students only."""
    for calendar in context.reference.calendars.values():
        is_current = school_year_kept_out(context, calendar.school_year_id) is None
        if calendar.school_guid == school_guid and is_current:
            return context.reference.school_years[calendar.school_year_id]
    return None


def staff_kept_out(context: Context, staff: StaffFacts) -> KeptOut | None:
    """Seed 000, Section Staff History: teachers only, and "Dates fall within the Active year"."""
    if staff.role not in TEACHING:
        return reasons.not_teaching(staff.section_staff_id)
    kept_out = section_kept_out(context, staff.section)
    if kept_out is not None:
        return reasons.referred("class", kept_out)
    calendar = context.reference.calendars[staff.section.course.calendar_id]
    year = context.reference.school_years[calendar.school_year_id]
    if is_within(year, staff.start_date, staff.end_date):
        return None
    return reasons.outside_year("section_staff", staff.section_staff_id, year.school_year_id)


def tie_kept_out(context: Context, tie: Tie) -> KeptOut | None:
    """Seed 000, Guardians, Relatives: "marked as Portal. The relationship must also be active"."""
    if not tie.portal:
        return reasons.no_portal(tie.relationship_id)
    has_started = tie.start_date is None or tie.start_date <= context.today
    if has_started and not is_over(tie.end_date, context.today):
        return None
    return reasons.inactive_relationship(tie.relationship_id)


def tie_status(context: Context, tie: Tie) -> Standing | KeptOut:
    """What a tie to a student gives the guardian or relative: the student's own status."""
    kept_out = tie_kept_out(context, tie)
    if kept_out is not None:
        return kept_out
    student = strongest(membership_status(context, row) for row in tie.memberships)
    if student is None:
        return reasons.no_student(tie.relationship_id)
    if isinstance(student, KeptOut):
        return reasons.referred("student", student)
    rule = CURRENT if student.status == ACTIVE else STUDENT_ENDED
    return Standing(student.status, rule, "relationship", tie.relationship_id, through=student)


def student_status(context: Context, facts: PersonFacts) -> Standing | KeptOut:
    """DESIGN §4, Students: several enrollments make one user; a current one makes it active."""
    found = strongest(membership_status(context, row) for row in facts.memberships)
    return reasons.no_capacity(facts.person.person_id, "student") if found is None else found


def teacher_status(context: Context, facts: PersonFacts) -> Standing | KeptOut:
    """DESIGN §4, Teachers: "a district assignment with `teacher`"."""
    found = strongest(assignment_status(context, row) for row in facts.assignments if row.teacher)
    return reasons.no_capacity(facts.person.person_id, "teacher") if found is None else found


def place_standing(
    user: Standing, table: str, key: int, *, end_date: date | None, today: date
) -> Standing:
    """Seed 001, Users Associated with a Class: its own end, or else the user's, ends a place."""
    if is_over(end_date, today):
        return Standing(TO_BE_DELETED, ENDED, table, key, end_date, through=user)
    rule = CURRENT if user.status == ACTIVE else USER_ENDED
    return Standing(user.status, rule, table, key, through=user)


def strongest(found: Iterable[Standing | KeptOut]) -> Standing | KeptOut | None:
    """`active` before `tobedeleted` before all the reasons together; None if nothing is found."""
    kept_out: list[KeptOut] = []
    ended: list[Standing] = []
    for standing in found:
        if isinstance(standing, KeptOut):
            kept_out.append(standing)
        elif standing.status == ACTIVE:
            return standing
        else:
            ended.append(standing)
    if ended:
        return max(ended, key=_last_to_end)
    return reasons.several(kept_out) if kept_out else None


def _last_to_end(standing: Standing) -> tuple[date, int]:
    return standing.end_date or date.min, standing.key
