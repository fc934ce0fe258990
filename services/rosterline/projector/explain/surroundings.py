"""The small tables' rows in which others stand, and how any row of the SIS is shown. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

from rosterline.projector.explain.findings import Reason, Visible
from rosterline.projector.explain.model import ExplainedRow, Value
from rosterline.projector.facts import Context, Membership, PersonFacts, SectionFacts
from rosterline.projector.rules.verdict import KeptOut, SourceRow, Standing
from rosterline.projector.rules.visibility import (
    calendar_kept_out,
    district_kept_out,
    grade_level_kept_out,
    school_kept_out,
    school_year_kept_out,
    term_kept_out,
)

KeyT = TypeVar("KeyT", int, str)
RowT = TypeVar("RowT")

SMALL_TABLES = {
    "grade_level": ("calendar_id", "lms_exclude"),
    "term": ("calendar_id", "start_date", "end_date"),
    "calendar": ("school_guid", "school_year_id", "start_date", "end_date", "lms_exclude"),
    "school_year": ("start_year", "end_year", "start_date", "end_date", "active"),
    "school": ("district_guid", "lms_exclude"),
    "district": ("lms_exclude",),
}


def explained(
    row: SourceRow, facts: object, columns: Iterable[str], reason: Reason
) -> ExplainedRow:
    """A row with these of its columns."""
    table, key = row
    return ExplainedRow(
        table=table,
        key=key,
        columns={name: to_value(getattr(facts, name)) for name in columns},
        counts=not isinstance(reason, KeptOut),
        status=reason.status if isinstance(reason, Standing) else None,
        rule=reason.rule,
        because=reason.because,
        remedy=reason.remedy if isinstance(reason, KeptOut) else None,
    )


def to_value(value: Value | date) -> Value:
    """What a column holds, as JSON has it."""
    return value.isoformat() if isinstance(value, date) else value


@dataclass
class Surroundings:
    """The rows of the small tables in which others stand: each once, with its own verdict."""

    context: Context
    grade_levels: set[int] = field(default_factory=set)
    terms: set[int] = field(default_factory=set)
    calendars: set[int] = field(default_factory=set)
    schools: set[str] = field(default_factory=set)
    districts: set[str] = field(default_factory=set)

    def add_person(self, facts: PersonFacts) -> None:
        """What a person's own rows refer to, and the calendars of a staff member's schools."""
        self.add_memberships(facts.memberships)
        for assignment in facts.assignments:
            self.add_school(assignment.school_guid)

    def add_memberships(self, memberships: Iterable[Membership]) -> None:
        """What enrollments refer to."""
        for row in memberships:
            self.grade_levels.add(row.grade_level_id)
            self.calendars.add(row.calendar_id)

    def add_section(self, section: SectionFacts) -> None:
        """What a section refers to."""
        self.calendars.add(section.course.calendar_id)
        self.terms |= {term_id for term_id, _ in section.terms}

    def add_school(self, school_guid: str) -> None:
        """A school with its calendars: one of them must be seen."""
        self.schools.add(school_guid)
        self.calendars |= {
            row.calendar_id
            for row in self.context.reference.calendars.values()
            if row.school_guid == school_guid
        }

    def rows(self) -> Iterator[ExplainedRow]:
        """From the nearest to the farthest; a row that is not there is no row."""
        tables = self.context.reference
        terms = known(tables.terms, self.terms)
        calendars = known(
            tables.calendars, self.calendars | {row.calendar_id for row in terms.values()}
        )
        years = known(tables.school_years, {row.school_year_id for row in calendars.values()})
        schools = known(
            tables.schools, self.schools | {row.school_guid for row in calendars.values()}
        )
        districts = known(
            tables.districts, self.districts | {row.district_guid for row in schools.values()}
        )
        grade_levels = known(tables.grade_levels, self.grade_levels)
        yield from self._shown("grade_level", grade_levels, grade_level_kept_out)
        yield from self._shown("term", terms, term_kept_out)
        yield from self._shown("calendar", calendars, calendar_kept_out)
        yield from self._shown("school_year", years, school_year_kept_out)
        yield from self._shown("school", schools, school_kept_out)
        yield from self._shown("district", districts, district_kept_out)

    def _shown(
        self,
        table: str,
        rows: Mapping[KeyT, object],
        kept_out: Callable[[Context, KeyT], KeptOut | None],
    ) -> Iterator[ExplainedRow]:
        for key, facts in rows.items():
            reason = kept_out(self.context, key) or Visible(table, key)
            yield explained((table, key), facts, SMALL_TABLES[table], reason)


def known(table: Mapping[KeyT, RowT], keys: set[KeyT]) -> dict[KeyT, RowT]:
    """The rows with these keys that are there, in order."""
    return {key: table[key] for key in sorted(keys) if key in table}
