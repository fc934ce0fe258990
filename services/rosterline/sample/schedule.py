"""Rows of courses, sections, rosters and section staff: a timetable without clashes for a calendar.

A grade is divided into groups whose periods are shifted against each other, so that teachers have
something to do all day; each group is divided anew into sections for every class.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import count
from math import ceil

from rosterline.sample.curriculum import HOMEROOM, Slot, day_of
from rosterline.sample.draft import Draft
from rosterline.sample.enrollments import NINTH, Pupil, Roll
from rosterline.sample.plan import Grade, Level
from rosterline.sample.rows import CourseRow, RosterRow, SectionRow, SectionStaffRow, SectionTermRow
from rosterline.sample.schools import Calendar, School
from rosterline.sample.staff import Faculty, Teacher, add_departed_teacher
from rosterline.sample.years import DAY

LARGEST_HOMEROOM = 26
LARGEST_SECTION = 29
STUDENTS_PER_GROUP = 50


def divided(members: list[Pupil], parts: int) -> list[list[Pupil]]:
    """The members in so many lists of nearly equal size."""
    edges = [len(members) * i // parts for i in range(parts + 1)]
    return [members[edges[i] : edges[i + 1]] for i in range(parts)]


@dataclass(slots=True)
class Course:
    """A stored course, and the numbers of its next sections."""

    course_id: int
    section_numbers: Iterator[int] = field(default_factory=lambda: count(1))


@dataclass(frozen=True, slots=True)
class Hour:
    """A slot of one group's day."""

    grade: Grade
    slot: Slot
    period: int
    home_teacher: Teacher | None

    @property
    def label(self) -> str:
        """The period as the timetable shows it."""
        return "HR" if self.period == HOMEROOM else str(self.period)


@dataclass(slots=True)
class Timetable:
    """A calendar's courses and sections in the making; `aides` help in classes."""

    draft: Draft
    school: School
    calendar: Calendar
    faculty: Faculty
    aides: Iterator[int]
    courses: dict[str, Course] = field(default_factory=dict)

    @property
    def is_this_year(self) -> bool:
        """Whether special cases of the current year occur."""
        return self.calendar is not self.school.last_year

    @property
    def usual_start(self) -> date | None:
        """The start date on rosters and staff, if the school writes one."""
        return self.calendar.first_day if self.school.fills_in_dates else None

    def fill(self, roll: Roll, slots: tuple[Slot, ...] | None = None) -> None:
        """Give everybody on the roll the classes of the grade, or the given ones."""
        for grade, pupils in roll.grades.items():
            classes = slots or day_of(grade)
            periods = max(slot.period for slot in classes)
            for number, group in enumerate(self.groups(pupils)):
                guests = roll.guests if grade is NINTH and number == 0 else []
                home_teacher = self.home_teacher(classes)
                for slot in classes:
                    period = self.period(slot, number, periods)
                    invited = guests if slot.department == "Mathematics" else []
                    self.add_class(Hour(grade, slot, period, home_teacher), group + invited)

    def groups(self, pupils: list[Pupil]) -> list[list[Pupil]]:
        """Homerooms in elementary schools, elsewhere one group for each shift of the periods."""
        shuffled = self.draft.rng.sample(pupils, len(pupils))
        if self.school.level is Level.ELEMENTARY:
            return divided(shuffled, ceil(len(pupils) / LARGEST_HOMEROOM))
        return divided(shuffled, min(7, max(1, len(pupils) // STUDENTS_PER_GROUP)))

    def home_teacher(self, classes: tuple[Slot, ...]) -> Teacher | None:
        """The teacher who has one group for most of the day, where there is such a one."""
        if not any(slot.by_home_teacher for slot in classes):
            return None
        teacher = self.faculty.hire("Homeroom")
        self.faculty.everyone.append(teacher)
        return teacher

    @staticmethod
    def period(slot: Slot, group: int, periods: int) -> int:
        """The slot's period in a group's day."""
        return (slot.period - 1 + group) % periods + 1 if slot.rotates else slot.period

    def add_class(self, hour: Hour, pupils: list[Pupil]) -> None:
        """Sections of a slot for all its pupils."""
        if hour.home_teacher is None:
            pupils = self.draft.rng.sample(pupils, len(pupils))
        parts = divided(pupils, ceil(len(pupils) / LARGEST_SECTION))
        if self.is_this_year:
            parts = self.with_changes(parts)
        for number, members in enumerate(parts):
            titles = hour.slot.titles
            title = titles[(number + hour.period) % len(titles)].format(grade=hour.grade.name)
            self.add_section(hour, title, members)

    def with_changes(self, parts: list[list[Pupil]]) -> list[list[Pupil]]:
        """The sections after some pupils dropped the class or moved to the next section."""
        draft, first_day = self.draft, self.calendar.first_day
        changed: list[list[Pupil]] = [[] for _ in parts]
        for number, members in enumerate(parts):
            here, there = changed[number], changed[number - 1]
            for pupil in members:
                stays = pupil.start is None and pupil.end is None
                dropped = stays and draft.is_case("dropped")
                moved = stays and not dropped and len(parts) > 1 and draft.is_case("moved")
                day = draft.past_day(first_day) if dropped or moved else None
                here.append(pupil if day is None else Pupil(pupil.person_id, None, day))
                if moved and day is not None:
                    there.append(Pupil(pupil.person_id, day + DAY, None))
        return changed

    def add_section(self, hour: Hour, title: str, members: list[Pupil]) -> None:
        """A section with its terms, staff and rosters."""
        draft, slot = self.draft, hour.slot
        course = self.course(hour, title)
        section_id = next(draft.ids.section)
        if slot.by_home_teacher and hour.home_teacher is not None:
            teacher = hour.home_teacher
        else:
            department = "English Language Arts" if slot.is_homeroom else slot.department
            teacher = self.faculty.teacher(department, hour.period, slot.span.value)
        draft.batch.section.append(
            SectionRow(
                section_id,
                course.course_id,
                f"{next(course.section_numbers):03}",
                None if draft.is_case("no display name") else teacher.display_name,
                None if draft.is_case("no room") else teacher.room,
                slot.is_homeroom,
            )
        )
        half = len(self.calendar.term_ids) // 2
        for part in slot.span.value:
            for term_id in self.calendar.term_ids[part * half : (part + 1) * half]:
                draft.batch.section_term.append(SectionTermRow(section_id, term_id, hour.label))
        self.add_staff(section_id, hour, teacher)
        self.add_rosters(section_id, members)

    def course(self, hour: Hour, title: str) -> Course:
        """The calendar's course of that title, made at its first section."""
        if title not in self.courses:
            slot, course_id = hour.slot, next(self.draft.ids.course)
            initials = "".join(word[0] for word in slot.department.split() if word != "and")
            number = f"{initials}{hour.grade.name[:2]:0>2}{len(self.courses) + 1:02}"
            subject = None if slot.is_homeroom else slot.department
            self.draft.batch.course.append(
                CourseRow(course_id, self.calendar.calendar_id, number, title, subject)
            )
            self.courses[title] = Course(course_id)
        return self.courses[title]

    def add_staff(self, section_id: int, hour: Hour, teacher: Teacher) -> None:
        """The section's teacher, and the others who have a part in it."""
        draft, start = self.draft, self.usual_start
        if not self.is_this_year:
            self.add_part(section_id, teacher.person_id, "primary", start, self.calendar.last_day)
            return
        if draft.is_case("not yet staffed"):
            return
        left = draft.past_day(self.calendar.first_day)
        if left is not None and draft.is_case("teacher replaced"):
            former = add_departed_teacher(draft, self.school, left)
            self.add_part(section_id, former, "primary", None, left)
            start = left + DAY
        self.add_part(section_id, teacher.person_id, "primary", start)
        if draft.is_case("co-teacher"):
            colleague = self.faculty.teacher("Special Education", hour.period, hour.slot.span.value)
            self.add_part(section_id, colleague.person_id, "teacher", self.usual_start)
        if draft.is_case("aide"):
            self.add_part(section_id, next(self.aides), "staff", self.usual_start)

    def add_part(
        self,
        section_id: int,
        person_id: int,
        role: str,
        start: date | None,
        end: date | None = None,
    ) -> None:
        """A row of `section_staff`."""
        self.draft.batch.section_staff.append(
            SectionStaffRow(
                next(self.draft.ids.section_staff), section_id, person_id, role, start, end
            )
        )

    def add_rosters(self, section_id: int, members: list[Pupil]) -> None:
        """The section's pupils, each in the dates known of that pupil."""
        usual, ids, rows = self.usual_start, self.draft.ids.roster, self.draft.batch.roster
        for pupil in members:
            start = pupil.start or usual
            if pupil.end is not None and start is not None:
                start = min(start, pupil.end)
            rows.append(RosterRow(next(ids), section_id, pupil.person_id, start, pupil.end))
