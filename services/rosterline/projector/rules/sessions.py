"""School years, terms and grading periods as academic sessions (DESIGN §4, Terms).

The SIS has no grading periods of its own: each term stands for one as well, with a derived id.
"""

from rosterline.oneroster.v1p2 import AcademicSession, Reference, reference
from rosterline.oneroster.vocabulary import ACTIVE, Entity, SessionType
from rosterline.projector.facts import Context, Term
from rosterline.projector.rules.verdict import Verdict
from rosterline.projector.rules.visibility import school_year_kept_out, term_kept_out


def school_year_sourced_id(school_year_id: int) -> str:
    """`sy<id>`: terms already hold the bare numbers among the academic sessions."""
    return f"sy{school_year_id}"


def grading_period_sourced_id(term_id: int) -> str:
    """`gp<term id>`: the grading period that a term stands for."""
    return f"gp{term_id}"


def build_school_year(context: Context, school_year_id: int) -> Verdict:
    """Seed 000, School Year Dates: blank dates are "January 1st" and "December 31"."""
    kept_out = school_year_kept_out(context, school_year_id)
    if kept_out is not None:
        return kept_out
    year = context.reference.school_years[school_year_id]
    single_year = year.start_year == year.end_year
    return AcademicSession(
        sourced_id=school_year_sourced_id(school_year_id),
        status=ACTIVE,
        title=str(year.end_year) if single_year else f"{year.start_year}-{year.end_year}",
        start_date=year.first_day.isoformat(),
        end_date=year.last_day.isoformat(),
        type="schoolYear",
        children=_terms_of_year(context, school_year_id),
        school_year=str(year.end_year),
    )


def _terms_of_year(context: Context, school_year_id: int) -> tuple[Reference, ...] | None:
    calendars = context.reference.calendars
    term_ids = sorted(
        term.term_id
        for term in context.reference.terms.values()
        if term_kept_out(context, term.term_id) is None
        and calendars[term.calendar_id].school_year_id == school_year_id
    )
    return tuple(reference(Entity.ACADEMIC_SESSIONS, str(term_id)) for term_id in term_ids) or None


def build_term(context: Context, term_id: int) -> Verdict:
    """Seed 001, Terms: "Terms, Grading Periods, and Academic Sessions [...] all correspond"."""
    kept_out = term_kept_out(context, term_id)
    if kept_out is not None:
        return kept_out
    term = context.reference.terms[term_id]
    year_id = context.reference.calendars[term.calendar_id].school_year_id
    grading_period = reference(Entity.ACADEMIC_SESSIONS, grading_period_sourced_id(term_id))
    return _session(
        context,
        term,
        sourced_id=str(term_id),
        session_type="term",
        parent_id=school_year_sourced_id(year_id),
        children=(grading_period,),
    )


def build_grading_period(context: Context, term_id: int) -> Verdict:
    """DESIGN §4, Terms: "each term also has a `gradingPeriod` child (its own derived id)"."""
    kept_out = term_kept_out(context, term_id)
    if kept_out is not None:
        return kept_out
    return _session(
        context,
        context.reference.terms[term_id],
        sourced_id=grading_period_sourced_id(term_id),
        session_type="gradingPeriod",
        parent_id=str(term_id),
    )


def _session(
    context: Context,
    term: Term,
    *,
    sourced_id: str,
    session_type: SessionType,
    parent_id: str,
    children: tuple[Reference, ...] | None = None,
) -> AcademicSession:
    calendar = context.reference.calendars[term.calendar_id]
    year = context.reference.school_years[calendar.school_year_id]
    return AcademicSession(
        sourced_id=sourced_id,
        status=ACTIVE,
        title=term.name,
        start_date=term.start_date.isoformat(),
        end_date=term.end_date.isoformat(),
        type=session_type,
        parent=reference(Entity.ACADEMIC_SESSIONS, parent_id),
        children=children,
        school_year=str(year.end_year),
    )
