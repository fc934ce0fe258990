"""How many students go to which school and grade: pure, and exact to the student."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from random import Random
from typing import NamedTuple

STUDENTS_PER_ZONE = 4500
STUDENTS_PER_ELEMENTARY = 430
# Below this, a zone's youngest go to one school.
STUDENTS_FOR_TWO_ELEMENTARIES = 30
STUDENTS_FOR_AN_ALTERNATIVE_SCHOOL = 40
ONE_IN_ALTERNATIVE_SCHOOL = 250


class Level(StrEnum):
    """Kinds of school, as in their names."""

    ELEMENTARY = "Elementary School"
    MIDDLE = "Middle School"
    HIGH = "High School"
    ALTERNATIVE = "Alternative Learning Center"


class Grade(NamedTuple):
    """A grade with its codes, the age at which children begin it, and its size beside others."""

    name: str
    state_code: str | None
    nces: str | None
    age: int
    weight: float
    lms_exclude: bool = False


PRE_KINDERGARTEN = Grade("PK", "PK", "PK", 4, 0.25, lms_exclude=True)
TRANSITION = Grade("18-21", "TR", None, 18, 0.12)
UNGRADED = Grade("UN", None, "UG", 15, 1.0)
ELEMENTARY_GRADES = (
    Grade("K", "KG", "KG", 5, 0.98),
    *(Grade(str(n), f"{n:02}", f"{n:02}", n + 5, 1.0) for n in range(1, 6)),
)
MIDDLE_GRADES = tuple(Grade(str(n), f"{n:02}", f"{n:02}", n + 5, 1.0) for n in range(6, 9))
HIGH_GRADES = tuple(
    Grade(str(n), f"{n:02}", f"{n:02}", n + 5, weight)
    for n, weight in ((9, 1.06), (10, 1.0), (11, 0.95), (12, 0.92))
)
GRADES: dict[Level, tuple[Grade, ...]] = {
    Level.ELEMENTARY: ELEMENTARY_GRADES,
    Level.MIDDLE: MIDDLE_GRADES,
    Level.HIGH: (*HIGH_GRADES, TRANSITION),
    Level.ALTERNATIVE: (UNGRADED,),
}
PLACES = (
    "Riverbend", "Cedar Grove", "Lincoln", "Fairview", "Maple Ridge", "Lakeside", "Washington",
    "Oak Hollow", "Sunnyside", "Roosevelt", "Pine Bluff", "Harriet Tubman", "Stonebridge",
    "César Chávez", "Willow Creek", "Jefferson", "Meadowlark", "Rosa Parks", "Eagle Point",
    "Franklin", "Briarwood", "Sacagawea", "Clearwater", "Garfield", "Hidden Valley", "Madison",
    "Prairie View", "Sojourner Truth", "Summit", "Orchard Park", "Whitman", "St. Clair",
    "Juniper", "Thurgood Marshall", "Bayview", "Monroe", "Foxglove", "Duniway", "Harvest Moon",
    "Grant", "Silver Falls", "Ellen Ochoa", "Timberline", "Beaumont", "Copper Canyon", "Kennedy",
    "Heron Lake", "Chief Joseph", "Walnut Hill", "Irvington", "Blue Heron", "Marie Curie",
    "Sandpiper", "Laurelhurst", "Big Sky", "O'Malley", "Crescent", "Woodlawn", "Golden Gate",
    "Cottonwood",
)  # fmt: skip
QUARTERS = ("", "North ", "South ", "East ", "West ", "Upper ", "Lower ", "New ", "Old ")


@dataclass(slots=True)
class SchoolPlan:
    """A school, and its number of students by grade."""

    name: str
    level: Level
    seats: dict[Grade, int] = field(default_factory=dict)


def apportion(total: int, weights: Sequence[float]) -> list[int]:
    """Whole numbers in proportion to the weights whose sum is `total` (largest remainders)."""
    shares = [total * weight / sum(weights) for weight in weights]
    parts = [int(share) for share in shares]
    by_remainder = sorted(range(len(parts)), key=lambda i: parts[i] - shares[i])
    for i in by_remainder[: total - sum(parts)]:
        parts[i] += 1
    return parts


def place_names() -> Iterator[str]:
    """Names for schools, never twice the same."""
    for quarter in QUARTERS:
        for place in PLACES:
            yield f"{quarter}{place}"
    for number in count(1):
        yield f"District {number}"


def plan_zones(students: int, rng: Random) -> Iterator[list[SchoolPlan]]:
    """The district's attendance zones: elementary schools that feed a middle and a high school."""
    alternative = (
        max(2, students // ONE_IN_ALTERNATIVE_SCHOOL)
        if students >= STUDENTS_FOR_AN_ALTERNATIVE_SCHOOL
        else 0
    )
    zones = max(1, round(students / STUDENTS_PER_ZONE))
    secondary, elementary = place_names(), place_names()
    for number, size in enumerate(apportion(students - alternative, [1.0] * zones)):
        schools = plan_zone(size, rng, next(secondary), elementary)
        if number == 0 and alternative:
            schools.append(SchoolPlan("Second Chance", Level.ALTERNATIVE, {UNGRADED: alternative}))
        yield schools


def plan_zone(size: int, rng: Random, name: str, elementary: Iterator[str]) -> list[SchoolPlan]:
    """One zone's schools, elementary schools first."""
    grades = (PRE_KINDERGARTEN, *ELEMENTARY_GRADES, *MIDDLE_GRADES, *HIGH_GRADES, TRANSITION)
    sizes = dict(zip(grades, apportion(size, [grade.weight for grade in grades]), strict=True))
    young = sum(sizes[grade] for grade in ELEMENTARY_GRADES)
    least = 2 if young >= STUDENTS_FOR_TWO_ELEMENTARIES else 1
    number = max(least, round(young / STUDENTS_PER_ELEMENTARY))
    schools = [SchoolPlan(next(elementary), Level.ELEMENTARY) for _ in range(number)]
    weights = [0.8 + 0.4 * rng.random() for _ in schools]
    for grade in ELEMENTARY_GRADES:
        parts = apportion(sizes[grade], weights)
        for school, seats in zip(schools, parts, strict=True):
            school.seats[grade] = seats
    schools[0].seats[PRE_KINDERGARTEN] = sizes[PRE_KINDERGARTEN]
    middle = SchoolPlan(name, Level.MIDDLE, {grade: sizes[grade] for grade in MIDDLE_GRADES})
    high = SchoolPlan(name, Level.HIGH, {grade: sizes[grade] for grade in GRADES[Level.HIGH]})
    return [*schools, middle, high]
