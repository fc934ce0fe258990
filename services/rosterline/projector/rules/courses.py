"""Courses, and sections as OneRoster classes."""

from rosterline.oneroster.v1p2 import Class, Course, reference
from rosterline.oneroster.vocabulary import ACTIVE, Entity
from rosterline.projector.facts import Context, CourseFacts, SectionFacts, Term
from rosterline.projector.rules.sessions import school_year_sourced_id
from rosterline.projector.rules.values import present
from rosterline.projector.rules.verdict import Verdict
from rosterline.projector.rules.visibility import (
    course_kept_out,
    section_kept_out,
    term_kept_out,
)


def build_course(context: Context, course: CourseFacts) -> Verdict:
    """DESIGN §4, Classes: "Courses: `title` = course name"; the org is the calendar's school."""
    kept_out = course_kept_out(context, course)
    if kept_out is not None:
        return kept_out
    calendar = context.reference.calendars[course.calendar_id]
    return Course(
        sourced_id=str(course.course_id),
        status=ACTIVE,
        title=course.name,
        school_year=reference(
            Entity.ACADEMIC_SESSIONS, school_year_sourced_id(calendar.school_year_id)
        ),
        course_code=present(course.number) or str(course.course_id),
        subjects=_subjects(course),
        org=reference(Entity.ORGS, calendar.school_guid),
    )


def build_class(context: Context, section: SectionFacts) -> Verdict:
    """Seed 001, Classes: title is "CourseNumber_space_SectionNumber", classCode the teacher's."""
    kept_out = section_kept_out(context, section)
    if kept_out is not None:
        return kept_out
    course = section.course
    meetings = _visible_meetings(context, section)
    term_ids = dict.fromkeys(term.term_id for term, _ in meetings)
    periods = dict.fromkeys(period for _, period in meetings if present(period))
    return Class(
        sourced_id=str(section.section_id),
        status=ACTIVE,
        title=f"{course.number} {section.number}".strip(),
        class_code=present(section.teacher_display_name),
        class_type="homeroom" if section.homeroom else "scheduled",
        location=present(section.room),
        subjects=_subjects(course),
        course=reference(Entity.COURSES, str(course.course_id)),
        school=reference(Entity.ORGS, context.reference.calendars[course.calendar_id].school_guid),
        terms=tuple(reference(Entity.ACADEMIC_SESSIONS, str(term_id)) for term_id in term_ids),
        periods=tuple(periods) or None,
    )


def _visible_meetings(context: Context, section: SectionFacts) -> list[tuple[Term, str]]:
    meetings = [
        (context.reference.terms[term_id], period)
        for term_id, period in section.terms
        if term_kept_out(context, term_id) is None
    ]
    return sorted(meetings, key=_in_time)


def _in_time(meeting: tuple[Term, str]) -> tuple[object, ...]:
    term, period = meeting
    return (term.start_date, term.seq, term.term_id, period)


def _subjects(course: CourseFacts) -> tuple[str, ...] | None:
    subject = present(course.subject)
    return None if subject is None else (subject,)
