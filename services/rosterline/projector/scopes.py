"""Which OneRoster records a changed row may concern: as narrow as is cheap, never too narrow. Pure.

A scope names rows of the mirror whose records are to be rebuilt. The deep ones spread to what
depends on them (a school to its calendars, a calendar to its courses …), which `spread` looks up.
Rebuilding a record that has not changed costs time and nothing else.
"""

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Any

from rosterline.projector.documents import TouchedDocuments
from rosterline.projector.rules.values import present

Image = Mapping[str, Any]
Key = int | str


DEMOGRAPHIC_COLUMNS = (
    "birth_date",
    "sex",
    "american_indian_or_alaska_native",
    "asian",
    "black_or_african_american",
    "native_hawaiian_or_other_pacific_islander",
    "white",
    "hispanic_or_latino_ethnicity",
    "country_of_birth_code",
    "state_of_birth",
    "city_of_birth",
)
USER_COLUMNS = (
    "given_name",
    "middle_name",
    "family_name",
    "preferred_given_name",
    "suffix",
    "student_number",
    "state_id",
    "staff_number",
    "email",
    "secondary_email",
    "other_phone",
    "cell_phone",
    "pronouns",
)


class Scope(StrEnum):
    """Rows whose records are rebuilt; a `…_DEEP` scope includes all that depends on the row."""

    DISTRICT_DEEP = "district_deep"
    SCHOOL_DEEP = "school_deep"
    SCHOOL_YEAR_DEEP = "school_year_deep"
    CALENDAR_DEEP = "calendar_deep"
    GRADE_LEVEL_DEEP = "grade_level_deep"
    TERM_DEEP = "term_deep"
    COURSE_DEEP = "course_deep"
    COURSE_CLASSES = "course_classes"
    SECTION_DEEP = "section_deep"
    PERSON_DEEP = "person_deep"
    ORG = "org"
    SCHOOL_YEAR = "school_year"
    TERM = "term"
    COURSE = "course"
    SECTION = "section"
    PERSON = "person"
    DEMOGRAPHICS = "demographics"
    PERSON_GUID = "person_guid"
    ROSTER = "roster"
    SECTION_STAFF = "section_staff"


class Touched:
    """Rows to rebuild, each with the number of the transaction that touched it.

    `documents` are those of written records. `conflict` is the number of the first transaction that
    touches what an earlier one did: the two must not be written with one stamp.
    """

    def __init__(self) -> None:
        self.rows: dict[Scope, dict[Key, int]] = {scope: {} for scope in Scope}
        self.left: dict[tuple[Scope, Key], int] = {}
        self.conflict: int | None = None
        self.documents = TouchedDocuments()

    def add(self, scope: Scope, key: Key, transaction: int) -> None:
        """Note a row."""
        known = self.rows[scope].setdefault(key, transaction)
        if known != transaction:
            self.clash(max(known, transaction))

    def leave(self, scope: Scope, key: Key, transaction: int) -> None:
        """Note that a row no longer belongs to the key, so that spreading cannot find it there."""
        self.left[scope, key] = max(transaction, self.left.get((scope, key), 0))

    def look(self, scope: Scope, key: Key, transaction: int) -> None:
        """Note that what belongs to the key is looked up, after all transactions of the batch."""
        if self.left.get((scope, key), 0) > transaction:
            self.clash(self.left[scope, key])

    def merge(self, later: "Touched") -> None:
        """Add what a later part of the same transaction touched."""
        for scope, rows in later.rows.items():
            self.rows[scope].update(rows)
        self.documents.merge(later.documents)

    def clash(self, later: int) -> None:
        """Note that a transaction must not be written together with an earlier one."""
        self.conflict = later if self.conflict is None else min(self.conflict, later)


Found = Iterator[tuple[Scope, Key]]


def changed(old: Image | None, new: Image | None, *columns: str) -> bool:
    """Whether the row came, went, or changed in one of the columns."""
    if old is None or new is None:
        return True
    return any(old[column] != new[column] for column in columns)


def values(old: Image | None, new: Image | None, column: str) -> Iterator[Key]:
    """The column's value before and after, each once."""
    found = {image[column] for image in (old, new) if image is not None}
    yield from (value for value in found if value is not None)


def each(scope: Scope, old: Image | None, new: Image | None, column: str) -> Found:
    """The scope for the column's values before and after."""
    return ((scope, value) for value in values(old, new, column))


def district_scopes(old: Image | None, new: Image | None) -> Found:
    """A district concerns its org, and through its exclusion everything."""
    yield from each(Scope.ORG, old, new, "district_guid")
    if changed(old, new, "lms_exclude"):
        yield from each(Scope.DISTRICT_DEEP, old, new, "district_guid")


def school_scopes(old: Image | None, new: Image | None) -> Found:
    """A school concerns its org, its district's list of schools, and all its records."""
    yield from each(Scope.ORG, old, new, "school_guid")
    if changed(old, new, "lms_exclude", "district_guid"):
        yield from each(Scope.ORG, old, new, "district_guid")
        yield from each(Scope.SCHOOL_DEEP, old, new, "school_guid")


def school_year_scopes(old: Image | None, new: Image | None) -> Found:
    """A school year decides what is current."""
    yield from each(Scope.SCHOOL_YEAR_DEEP, old, new, "school_year_id")


def calendar_scopes(old: Image | None, new: Image | None) -> Found:
    """A calendar holds terms, courses and memberships, and makes its school's staff current."""
    if changed(old, new, "school_guid", "school_year_id", "start_date", "end_date", "lms_exclude"):
        yield from each(Scope.CALENDAR_DEEP, old, new, "calendar_id")
        yield from each(Scope.SCHOOL_YEAR, old, new, "school_year_id")
    if changed(old, new, "school_guid", "school_year_id", "lms_exclude"):
        yield from each(Scope.SCHOOL_DEEP, old, new, "school_guid")


def grade_level_scopes(old: Image | None, new: Image | None) -> Found:
    """A grade level shows in its students' grades, and may exclude them."""
    yield from each(Scope.GRADE_LEVEL_DEEP, old, new, "grade_level_id")


def term_scopes(old: Image | None, new: Image | None) -> Found:
    """A term concerns its sessions; coming or going, also classes and the school year's list."""
    yield from each(Scope.TERM, old, new, "term_id")
    if changed(old, new, "calendar_id", "start_date", "end_date", "seq"):
        yield from each(Scope.TERM_DEEP, old, new, "term_id")


def person_scopes(old: Image | None, new: Image | None) -> Found:
    """A person concerns the user and demographics; under a new GUID, also all that refers to it."""
    if changed(old, new, *USER_COLUMNS):
        yield from each(Scope.PERSON, old, new, "person_id")
    if changed(old, new, *DEMOGRAPHIC_COLUMNS):
        yield from each(Scope.DEMOGRAPHICS, old, new, "person_id")
    if changed(old, new, "person_guid"):
        yield from each(Scope.PERSON_DEEP, old, new, "person_id")
        yield from each(Scope.PERSON_GUID, old, new, "person_guid")


def user_account_scopes(old: Image | None, new: Image | None) -> Found:
    """An account concerns its person, and in 1.1 a username decides over all that refers to one."""
    named = [image is not None and bool(present(image["username"])) for image in (old, new)]
    yield from each(Scope.PERSON, old, new, "person_id")
    if changed(old, new, "person_id") or named[0] != named[1]:
        yield from each(Scope.PERSON_DEEP, old, new, "person_id")


def enrollment_scopes(old: Image | None, new: Image | None) -> Found:
    """A membership decides whether its student, the guardians and the class places are visible."""
    yield from each(Scope.PERSON_DEEP, old, new, "person_id")


def assignment_scopes(old: Image | None, new: Image | None) -> Found:
    """An assignment decides whether its staff member and the class places are visible."""
    yield from each(Scope.PERSON_DEEP, old, new, "person_id")


def relationship_scopes(old: Image | None, new: Image | None) -> Found:
    """A relationship shows at both of its people."""
    yield from each(Scope.PERSON, old, new, "student_person_id")
    yield from each(Scope.PERSON, old, new, "related_person_id")


def course_scopes(old: Image | None, new: Image | None) -> Found:
    """A course shows in its classes' titles and subjects."""
    yield from each(Scope.COURSE, old, new, "course_id")
    if changed(old, new, "calendar_id"):
        yield from each(Scope.COURSE_DEEP, old, new, "course_id")
    elif changed(old, new, "number", "subject"):
        yield from each(Scope.COURSE_CLASSES, old, new, "course_id")


def section_scopes(old: Image | None, new: Image | None) -> Found:
    """A section concerns its class; under another course, its places too."""
    yield from each(Scope.SECTION, old, new, "section_id")
    if changed(old, new, "course_id"):
        yield from each(Scope.SECTION_DEEP, old, new, "section_id")


def section_term_scopes(old: Image | None, new: Image | None) -> Found:
    """A class without a visible term is kept out, and its places with it."""
    yield from each(Scope.SECTION_DEEP, old, new, "section_id")


def roster_scopes(old: Image | None, new: Image | None) -> Found:
    """A roster row is an enrollment."""
    yield from each(Scope.ROSTER, old, new, "roster_id")


def section_staff_scopes(old: Image | None, new: Image | None) -> Found:
    """A section staff row is an enrollment."""
    yield from each(Scope.SECTION_STAFF, old, new, "section_staff_id")


SCOPES: dict[str, Callable[[Image | None, Image | None], Found]] = {
    "district": district_scopes,
    "school": school_scopes,
    "school_year": school_year_scopes,
    "calendar": calendar_scopes,
    "grade_level": grade_level_scopes,
    "term": term_scopes,
    "person": person_scopes,
    "user_account": user_account_scopes,
    "enrollment": enrollment_scopes,
    "district_assignment": assignment_scopes,
    "relationship": relationship_scopes,
    "course": course_scopes,
    "section": section_scopes,
    "section_term": section_term_scopes,
    "roster": roster_scopes,
    "section_staff": section_staff_scopes,
}

# Columns by which `spread` finds rows that belong to a deeper one.
BELONGS: dict[str, tuple[tuple[str, Scope], ...]] = {
    "school": (("district_guid", Scope.DISTRICT_DEEP),),
    "calendar": (
        ("school_guid", Scope.SCHOOL_DEEP),
        ("school_year_id", Scope.SCHOOL_YEAR_DEEP),
    ),
    "term": (("calendar_id", Scope.CALENDAR_DEEP),),
    "enrollment": (
        ("calendar_id", Scope.CALENDAR_DEEP),
        ("grade_level_id", Scope.GRADE_LEVEL_DEEP),
    ),
    "district_assignment": (("school_guid", Scope.SCHOOL_DEEP),),
    "relationship": (
        ("student_person_id", Scope.PERSON_DEEP),
        ("related_person_id", Scope.PERSON_DEEP),
    ),
    "course": (("calendar_id", Scope.CALENDAR_DEEP),),
    "section": (("course_id", Scope.COURSE_DEEP), ("course_id", Scope.COURSE_CLASSES)),
    "section_term": (("term_id", Scope.TERM_DEEP),),
    "roster": (("section_id", Scope.SECTION_DEEP), ("person_id", Scope.PERSON_DEEP)),
    "section_staff": (("section_id", Scope.SECTION_DEEP), ("person_id", Scope.PERSON_DEEP)),
}


def departures(table: str, old: Image | None, new: Image | None) -> Found:
    """To what the row belonged and no longer belongs."""
    if old is not None:
        for column, scope in BELONGS.get(table, ()):
            if new is None or new[column] != old[column]:
                yield scope, old[column]
