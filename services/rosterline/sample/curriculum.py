"""What each grade is taught, in which period and half of the year: pure data."""

from dataclasses import dataclass
from enum import Enum

from rosterline.sample.plan import (
    HIGH_GRADES,
    MIDDLE_GRADES,
    PRE_KINDERGARTEN,
    TRANSITION,
    UNGRADED,
    Grade,
)

HOMEROOM = 0
"""The period of homerooms, which stays where it is while the others rotate."""


class Span(Enum):
    """When in the year; the value is the halves."""

    YEAR = (0, 1)
    FIRST_HALF = (0,)
    SECOND_HALF = (1,)


@dataclass(frozen=True, slots=True)
class Slot:
    """One class of a grade's day. Sections of a slot take turns with its titles."""

    department: str
    titles: tuple[str, ...]
    period: int
    span: Span = Span.YEAR
    by_home_teacher: bool = False
    rotates: bool = True

    @property
    def is_homeroom(self) -> bool:
        """Whether it is the homeroom."""
        return self.period == HOMEROOM


def day(*slots: tuple[str, str] | tuple[str, str, Span], home: int = 0) -> tuple[Slot, ...]:
    """A homeroom and the slots, each in a period of its own but for two halves of a year.

    Titles are divided by `|`; the first `home` slots are the home teacher's.
    """
    made = [Slot("Homeroom", ("Homeroom {grade}",), HOMEROOM, Span.YEAR, home > 0, False)]
    period = HOMEROOM
    for number, (department, titles, *span) in enumerate(slots):
        when = span[0] if span else Span.YEAR
        period += when is not Span.SECOND_HALF
        by_home = number < home
        made.append(Slot(department, tuple(titles.split("|")), period, when, by_home))
    return tuple(made)


FIRST, SECOND = Span.FIRST_HALF, Span.SECOND_HALF
NINTH, TENTH, ELEVENTH, TWELFTH = HIGH_GRADES
ELEMENTARY_DAY = day(
    ("English Language Arts", "Reading {grade}"),
    ("English Language Arts", "Writing {grade}"),
    ("Mathematics", "Mathematics {grade}"),
    ("Science", "Science {grade}"),
    ("Social Studies", "Social Studies {grade}"),
    ("Arts", "Art {grade}"),
    ("Music", "Music {grade}"),
    ("Physical Education", "Physical Education {grade}"),
    ("Library", "Library {grade}"),
    home=5,
)
MIDDLE_DAY = day(
    ("English Language Arts", "English Language Arts {grade}|Advanced Language Arts {grade}"),
    ("Mathematics", "Mathematics {grade}|Accelerated Mathematics {grade}"),
    ("Science", "Integrated Science {grade}"),
    ("Social Studies", "Social Studies {grade}"),
    ("Physical Education", "Physical Education {grade}"),
    ("Arts", "Art {grade}|Ceramics {grade}", FIRST),
    ("Music", "Band {grade}|Choir {grade}|Strings {grade}", SECOND),
    ("Technology", "Coding {grade}|Robotics {grade}", FIRST),
    ("Arts", "Drama {grade}|Yearbook {grade}", SECOND),
)
SPECIAL_DAYS: dict[Grade, tuple[Slot, ...]] = {
    PRE_KINDERGARTEN: day(
        ("Early Learning", "Play and Language {grade}"),
        ("Early Learning", "Numbers and Shapes {grade}"),
        ("Music", "Music and Movement {grade}"),
        home=2,
    ),
    NINTH: day(
        ("English Language Arts", "English 9|Honors English 9"),
        ("Mathematics", "Algebra I|Geometry|Foundations of Algebra"),
        ("Science", "Physical Science|Biology"),
        ("Social Studies", "World Geography|Honors World Geography"),
        ("World Languages", "Spanish I|French I|Japanese I|American Sign Language I"),
        ("Arts", "Drawing I|Theatre I", FIRST),
        ("Technology", "Computer Science Principles|Digital Media", SECOND),
        ("Physical Education", "Fitness for Life", FIRST),
        ("Health", "Health 9", SECOND),
    ),
    TENTH: day(
        ("English Language Arts", "English 10|Honors English 10"),
        ("Mathematics", "Geometry|Algebra II"),
        ("Science", "Biology|Chemistry"),
        ("Social Studies", "World History|AP World History"),
        ("World Languages", "Spanish II|French II|Japanese II|American Sign Language II"),
        ("Music", "Concert Band|Concert Choir|Orchestra", FIRST),
        ("Career and Technical", "Woodworking|Culinary Arts|Automotive Basics", SECOND),
        ("Physical Education", "Team Sports|Yoga and Wellness", FIRST),
        ("Health", "Health 10", SECOND),
    ),
    ELEVENTH: day(
        ("English Language Arts", "English 11|AP English Language"),
        ("Mathematics", "Algebra II|Pre-Calculus|Statistics"),
        ("Science", "Chemistry|Physics|AP Biology"),
        ("Social Studies", "U.S. History|AP U.S. History"),
        ("World Languages", "Spanish III|French III|Heritage Spanish"),
        ("Career and Technical", "Engineering I|Health Careers|Business Basics", FIRST),
        ("Arts", "Photography|Painting II", SECOND),
        ("Technology", "AP Computer Science A|Web Design", FIRST),
        ("Physical Education", "Strength Training", SECOND),
    ),
    TWELFTH: day(
        ("English Language Arts", "English 12|AP English Literature"),
        ("Mathematics", "Calculus|Financial Algebra|AP Statistics"),
        ("Science", "Environmental Science|Physics|Anatomy"),
        ("Social Studies", "Government and Economics|AP Government"),
        ("Career and Technical", "Internship|Teaching Assistant|Construction II"),
        ("Social Studies", "Psychology|Ethnic Studies", FIRST),
        ("English Language Arts", "Creative Writing|Journalism", SECOND),
        ("Arts", "Sculpture|Film Studies", FIRST),
        ("Health", "Personal Finance and Wellness", SECOND),
    ),
    TRANSITION: day(
        ("Special Education", "Life Skills"),
        ("Special Education", "Community Access"),
        ("Career and Technical", "Supported Work Experience"),
    ),
    UNGRADED: day(
        ("English Language Arts", "Credit Recovery English"),
        ("Mathematics", "Credit Recovery Mathematics"),
        ("Career and Technical", "Career Exploration"),
    ),
}
EVENING_DAY = (
    Slot("Career and Technical", ("Evening Welding", "Evening Culinary Arts"), 8, rotates=False),
    Slot("English Language Arts", ("Evening English",), 9, rotates=False),
)


def day_of(grade: Grade) -> tuple[Slot, ...]:
    """The classes of a grade."""
    if grade in SPECIAL_DAYS:
        return SPECIAL_DAYS[grade]
    return MIDDLE_DAY if grade in MIDDLE_GRADES else ELEMENTARY_DAY
