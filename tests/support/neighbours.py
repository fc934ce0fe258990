"""Districts that are alike to a connection with limits, and differ in all that it may not see.

`own` is the part that is alike: a school, whose people also have places at its neighbours'. What a
stranger tells stands nowhere else in the district, and two strangers have nothing in common.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import asyncpg

from rosterline.oneroster import v1p1
from rosterline.oneroster.v1p2 import Org, Role, User, reference
from rosterline.oneroster.vocabulary import Entity, UserRole, Version
from tests.support import api
from tests.support.api import ReadModel, Stored
from tests.support.written import WrittenModel
from tests.support.written_documents import LINE_ITEM, ONE_OF_EACH_WRITTEN, RESULT, ref

HERE = "5b1f1c52-8a3e-4c1d-9d6e-2f7a0b9c4d10"
SHARED = ("student-2", "teacher-2")
AGENT = "agent-1"


@dataclass(frozen=True, slots=True)
class Stranger:
    """What may not be seen: some schools with people and classes, and guardians of students here.

    `tag` is in every id and text of theirs.
    """

    tag: str
    schools: int = 0
    people: int = 0
    guardians: int = 0

    @property
    def school_ids(self) -> list[str]:
        """The schools."""
        return [f"school-{self.tag}-{number}" for number in range(self.schools)]

    @property
    def guardian_ids(self) -> list[str]:
        """Guardians of students here, and nothing else."""
        return [f"guardian-{self.tag}-{number}" for number in range(self.guardians)]

    @property
    def words(self) -> list[str]:
        """Ids and values that stand nowhere else."""
        tag = self.tag
        return [
            *self.school_ids,
            *self.guardian_ids,
            *(f"{kind}-{tag}-0" for kind in ("class", "course", "student", "teacher")),
            *(f"enrollment-{tag}-0", f"line-item-{tag}", f"result-{tag}", f"name {tag}"),
            *(
                f"Given{tag}",
                f"Family{tag}",
                f"{tag}0@example.org",
                f"user{tag}0",
                f"id{tag}0",
                tag,
            ),
        ]


def person(
    sourced_id: str,
    places: Sequence[tuple[UserRole, str]],
    schools: Sequence[str],
    *,
    tag: str = "own",
    agents: Sequence[str] = (),
) -> Iterator[Stored]:
    """A user of both versions, in 1.1 in the first of its roles."""
    number = sourced_id.rpartition("-")[2]
    values = {
        "sourcedId": sourced_id,
        "status": "active",
        "enabledUser": "true",
        "username": f"user{tag}{number}",
        "givenName": f"Given{tag}",
        "familyName": f"Family{tag}",
        "identifier": f"id{tag}{number}",
        "email": f"{tag}{number}@example.org",
    }
    roles = [
        Role.model_validate(
            {
                "roleType": "primary" if place == 0 else "secondary",
                "role": role,
                "org": reference(Entity.ORGS, org_id),
                "beginDate": "2026-08-15",
            }
        )
        for place, (role, org_id) in enumerate(places)
    ]
    newer = User.model_validate(
        {
            **values,
            "roles": roles,
            "primaryOrg": reference(Entity.ORGS, places[-1][1]),
            "agents": [reference(Entity.USERS, each) for each in agents] or None,
        }
    )
    older = v1p1.User.model_validate(
        {
            **values,
            "role": places[0][0],
            "orgs": [v1p1.reference(Entity.ORGS, org_id) for _, org_id in places],
            "agents": [v1p1.reference(Entity.USERS, each) for each in agents] or None,
        }
    )
    yield Stored(Entity.USERS, newer, tuple(schools))
    yield Stored(Entity.USERS, older, tuple(schools), version=Version.V1P1)


def both(*records: Stored) -> Iterator[Stored]:
    """Records that are alike in both versions."""
    for each in records:
        yield each
        yield replace(each, version=Version.V1P1)


def own(stranger: Stranger) -> list[Stored]:
    """The part that is alike, with what the stranger adds to it and nobody here may see."""
    everywhere = (HERE, *stranger.school_ids)
    pupil: list[tuple[UserRole, str]] = [("student", each) for each in everywhere]
    coach: list[tuple[UserRole, str]] = [("teacher", each) for each in reversed(everywhere)]
    parent: list[tuple[UserRole, str]] = [("guardian", each) for each in everywhere]
    guardians = stranger.guardian_ids
    return [
        *both(district(everywhere)),
        *standing_in(everywhere, *sessions(stranger), api.demographics("student-2")),
        *standing_in(
            (HERE,),
            api.org(HERE),
            api.course("course-1"),
            api.course("course-2"),
            api.class_("class-1"),
            api.class_("class-2", course_id="course-2"),
            api.enrollment("enrollment-1"),
            api.enrollment("enrollment-2", "teacher", user="teacher-1"),
            api.enrollment("enrollment-3", user="student-2", class_id="class-2"),
            api.enrollment("enrollment-4", status="tobedeleted", user="student-2"),
            api.demographics("student-1"),
        ),
        *person("student-1", [("student", HERE)], [HERE], agents=[*guardians, AGENT]),
        *person("student-2", pupil, everywhere, agents=[AGENT, *guardians]),
        *person("teacher-1", [("teacher", HERE)], [HERE]),
        *person("teacher-2", coach, everywhere),
        *person(AGENT, parent, everywhere),
    ]


def district(schools: Sequence[str]) -> Stored:
    """The district with its schools as children."""
    record = Org.model_validate(
        {
            "sourcedId": "district-1",
            "status": "active",
            "name": "District",
            "type": "district",
            "identifier": "d",
            "children": [reference(Entity.ORGS, each) for each in schools],
        }
    )
    return Stored(Entity.ORGS, record, tuple(schools))


def sessions(stranger: Stranger) -> tuple[Stored, ...]:
    """A year with the terms of all schools, the term here and its grading period."""
    terms = ["term-1", *(f"term-{stranger.tag}-{place}" for place in range(stranger.schools))]
    year = api.session("year-1", "schoolYear")
    children = tuple(reference(Entity.ACADEMIC_SESSIONS, each) for each in terms)
    record = year.record.model_copy(update={"children": children})
    term, period = api.session("term-1"), api.session("period-1", "gradingPeriod")
    return replace(year, record=record), term, period


def strange(stranger: Stranger) -> list[Stored]:
    """What only the stranger has."""
    found: list[Stored] = []
    for sourced_id in stranger.guardian_ids:
        # Whoever sees agents at all sees these.
        found += person(sourced_id, [("guardian", HERE)], [HERE], tag=stranger.tag)
    for place in range(stranger.schools):
        found += another_school(stranger, place)
    return found


def another_school(stranger: Stranger, place: int) -> Iterator[Stored]:
    """A school with a course, a class, a term and people, one of whom belongs here too."""
    tag, school = stranger.tag, stranger.school_ids[place]
    course_id, class_id = f"course-{tag}-{place}", f"class-{tag}-{place}"
    yield from standing_in(
        (school,),
        api.org(school),
        api.session(f"term-{tag}-{place}"),
        api.course(course_id),
        api.class_(class_id, course_id=course_id, school_id=school),
        api.enrollment(f"enrollment-{tag}-{place}", user="student-2", class_id=class_id),
    )
    for number in range(stranger.people):
        role: UserRole = "teacher" if number % 3 == 2 else "student"
        sourced_id = f"{role}-{tag}-{place * stranger.people + number}"
        yield from person(sourced_id, [(role, school)], [school], tag=tag)
        yield from standing_in(
            (school,),
            api.demographics(sourced_id),
            api.enrollment(f"e-{sourced_id}", user=sourced_id, class_id=class_id),
        )


def standing_in(schools: Sequence[str], *records: Stored) -> Iterator[Stored]:
    """These records of both versions at these schools, the first of which they name."""
    school = reference(Entity.ORGS, schools[0])
    for each in records:
        names = [name for name in ("school", "org") if hasattr(each.record, name)]
        record = each.record.model_copy(update=dict.fromkeys(names, school))
        yield from both(replace(each, record=record, schools=tuple(schools)))


async def settle(connection: asyncpg.Connection, stranger: Stranger) -> None:
    """Both parts, in as many transactions whoever the stranger is."""
    read_model = ReadModel(connection)
    await read_model.write(*own(stranger))
    await read_model.write(*strange(stranger))
    written = WrittenModel(read_model)
    here = {"school": ref(HERE)}
    await written.write(
        *(each.but(**here) if "school" in each.body else each for each in ONE_OF_EACH_WRITTEN)
    )
    tag = stranger.tag
    documents = []
    for place, school in enumerate(stranger.school_ids):
        there = {"class": ref(f"class-{tag}-{place}"), "school": ref(school)}
        line_item = LINE_ITEM.but(sourcedId=f"line-item-{tag}", title=f"name {tag}", **there)
        result = RESULT.but(
            sourcedId=f"result-{tag}",
            **{"class": there["class"], "lineItem": ref(line_item.sourced_id)},
            student=ref("student-2"),
        )
        documents += [line_item, result] if place == 0 else []
    await written.write(*documents)
    await read_model.become_ready()
