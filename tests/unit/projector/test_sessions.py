"""School years, terms and grading periods as academic sessions."""

from dataclasses import replace
from datetime import date

from rosterline.oneroster.v1p2 import AcademicSession
from rosterline.projector.rules.sessions import (
    build_grading_period,
    build_school_year,
    build_term,
    grading_period_sourced_id,
    school_year_sourced_id,
)
from tests.support import facts
from tests.support.facts import FALL, LAST_YEAR, SPRING, YEAR, built, kept_out_by

TABLES = facts.reference_tables()
ROW = TABLES.school_years[YEAR]


def test_the_active_school_year_holds_the_terms_of_all_its_calendars() -> None:
    elsewhere = facts.term(term_id=150, calendar_id=facts.OTHER_CALENDAR)
    context = facts.context(facts.reference_tables(terms=[elsewhere]))
    year = built(build_school_year(context, YEAR), AcademicSession)
    assert (year.sourced_id, year.type, year.title) == ("sy27", "schoolYear", "2026-2027")
    assert (year.start_date, year.end_date) == ("2026-08-17", "2027-06-11")
    assert year.school_year == "2027"
    assert [child.sourced_id for child in year.children or ()] == ["150", "201", "202"]


def test_terms_of_excluded_calendars_and_other_years_are_no_children() -> None:
    old = facts.calendar(calendar_id=facts.OLD_CALENDAR, school_year_id=LAST_YEAR)
    tables = facts.reference_tables(
        calendars=[facts.calendar(lms_exclude=True), old],
        terms=[facts.term(term_id=90, calendar_id=facts.OLD_CALENDAR)],
    )
    year = built(build_school_year(facts.context(tables), YEAR), AcademicSession)
    assert year.children is None


def test_a_school_year_holds_its_own_terms_only() -> None:
    other = facts.calendar(calendar_id=facts.OLD_CALENDAR, school_year_id=LAST_YEAR)
    both = facts.reference_tables(
        school_years=[replace(TABLES.school_years[LAST_YEAR], active=True)],
        calendars=[other],
        terms=[facts.term(term_id=90, calendar_id=facts.OLD_CALENDAR)],
    )
    year = built(build_school_year(facts.context(both), LAST_YEAR), AcademicSession)
    assert [child.sourced_id for child in year.children or ()] == ["90"]


def test_a_year_without_dates_lasts_from_january_to_december() -> None:
    tables = facts.reference_tables(school_years=[replace(ROW, start_date=None, end_date=None)])
    year = built(build_school_year(facts.context(tables), YEAR), AcademicSession)
    assert (year.start_date, year.end_date) == ("2026-01-01", "2027-12-31")


def test_a_year_within_one_calendar_year_is_named_once() -> None:
    tables = facts.reference_tables(school_years=[replace(ROW, start_year=2027)])
    year = built(build_school_year(facts.context(tables), YEAR), AcademicSession)
    assert year.title == "2027"


def test_a_term_stands_between_its_year_and_its_grading_period() -> None:
    term = built(build_term(facts.context(), FALL), AcademicSession)
    assert (term.sourced_id, term.type, term.title) == ("201", "term", "Fall")
    assert (term.start_date, term.end_date, term.school_year) == (
        "2026-08-17",
        "2026-12-18",
        "2027",
    )
    assert term.parent is not None
    assert term.parent.sourced_id == school_year_sourced_id(YEAR)
    assert [child.sourced_id for child in term.children or ()] == [grading_period_sourced_id(FALL)]


def test_a_grading_period_is_its_terms_child_with_the_same_dates() -> None:
    period = built(build_grading_period(facts.context(), SPRING), AcademicSession)
    assert (period.sourced_id, period.type, period.title) == ("gp202", "gradingPeriod", "Spring")
    assert (period.start_date, period.end_date) == ("2027-01-04", "2027-06-11")
    assert period.parent is not None
    assert period.parent.sourced_id == "202"
    assert period.children is None


def test_sessions_of_another_year_are_kept_out() -> None:
    old = facts.calendar(calendar_id=facts.OLD_CALENDAR, school_year_id=LAST_YEAR)
    term = facts.term(term_id=90, calendar_id=facts.OLD_CALENDAR, start_date=date(2025, 8, 18))
    context = facts.context(facts.reference_tables(calendars=[old], terms=[term]))
    assert kept_out_by(build_school_year(context, LAST_YEAR)) == "inactive year"
    assert kept_out_by(build_term(context, 90)) == "inactive year"
    assert kept_out_by(build_grading_period(context, 90)) == "inactive year"


def test_sessions_that_do_not_exist_are_kept_out() -> None:
    context = facts.context()
    verdicts = [build(context, 99) for build in (build_school_year, build_term)]
    verdicts.append(build_grading_period(context, 99))
    verdicts.append(build_term(facts.context(facts.without(TABLES, "calendars", 100)), FALL))
    assert {kept_out_by(verdict) for verdict in verdicts} == {"no such row"}
