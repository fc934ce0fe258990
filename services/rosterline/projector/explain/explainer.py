"""Answers a question from the mirror and the read model, both as they are at one moment.

It reads in a transaction of its own that cannot write.
"""

from dataclasses import dataclass
from datetime import date

import asyncpg

from rosterline.oneroster.vocabulary import Collection, Entity, Version
from rosterline.projector.explain.compose import Circumstances, compose
from rosterline.projector.explain.dossiers import (
    Dossier,
    open_course,
    open_org,
    open_person,
    open_place,
    open_section,
)
from rosterline.projector.explain.findings import (
    DEMOGRAPHICS,
    DEMOGRAPHICS_V1P1,
    USERS,
    USERS_V1P1,
    find_nothing,
)
from rosterline.projector.explain.gathering import gather_all_places, gather_place
from rosterline.projector.explain.model import Explanation
from rosterline.projector.explain.store import (
    fetch_connection,
    fetch_is_loading,
    fetch_person_ids,
    fetch_statuses,
)
from rosterline.projector.explain.subjects import (
    InvalidQuestionError,
    NothingFoundError,
    Question,
    Sought,
    nothing_found,
    read_guid,
    read_number,
    read_person,
    read_place,
)
from rosterline.projector.explain.vendor import ConnectionFacts
from rosterline.projector.facts import Context, Switches
from rosterline.projector.gather import (
    gather_courses,
    gather_people,
    gather_reference,
    gather_sections,
)
from rosterline.projector.holds import fetch_waiting
from rosterline.projector.rules.v1p1_users import user_sourced_id, user_sourced_ids
from rosterline.projector.store import fetch_clock

PLACE_TABLES = {"r": "roster", "t": "section_staff"}


@dataclass(frozen=True, slots=True)
class Answer:
    """The subject that was meant, the column that named it, and what is known of it."""

    subject_id: str
    found_by: str
    dossier: Dossier


async def explain(connection: asyncpg.Connection, question: Question, today: date) -> Explanation:
    """The answer as of the day asked for, else the day for which the projector has evaluated.

    `today` is the day where neither is. Raises InvalidQuestionError or NothingFoundError.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        clock = await fetch_clock(connection)
        vendor = await find_connection(connection, question.app)
        context = Context(
            await gather_reference(connection),
            question.day or clock.evaluated_on or today,
            clock.switches or Switches(),
        )
        answer = await find_answer(connection, context, question)
        stored = await fetch_statuses(connection, answer.dossier.findings)
        if answer.dossier.is_gone and not stored:
            raise nothing_found(question.kind, question.id)
        is_loading = await fetch_is_loading(connection)
        is_held = bool(await fetch_waiting(connection))
    circumstances = Circumstances(
        question,
        answer.subject_id,
        answer.found_by,
        is_loading=is_loading,
        is_held=is_held,
        connection=vendor,
    )
    return compose(context, answer.dossier, stored, circumstances)


async def find_connection(
    connection: asyncpg.Connection, app: str | None
) -> ConnectionFacts | None:
    """The connection that was named; raises NothingFoundError."""
    if app is None:
        return None
    vendor = await fetch_connection(connection, app) if "\0" not in app else None
    if vendor is None:
        raise NothingFoundError(
            f"connection {app[:100]!r} is unknown: see `rosterline connection list`"
        )
    return vendor


async def find_answer(
    connection: asyncpg.Connection, context: Context, question: Question
) -> Answer:
    """The subject and all that is known of it."""
    match question.kind:
        case "person":
            return await answer_person(connection, context, question.id)
        case "section":
            return await answer_section(connection, context, question.id)
        case "course":
            return await answer_course(connection, context, question.id)
        case "school":
            return answer_school(context, question.id)
        case "enrollment":
            return await answer_enrollment(connection, context, question.id)


async def answer_person(connection: asyncpg.Connection, context: Context, text: str) -> Answer:
    """A person, or what is left of one."""
    readings = read_person(text)
    for sought in readings:
        person_ids = await fetch_person_ids(connection, sought) if "\0" not in text else []
        if len(person_ids) > 1:
            listed = ", ".join(map(str, person_ids))
            raise InvalidQuestionError(
                f"several people have the {sought.column} {text!r}: ask for one of the person_ids "
                f"{listed}"
            )
        if person_ids:
            people = await gather_people(connection, person_ids)
            facts = people[person_ids[0]]
            places = await gather_all_places(connection, "person_id", person_ids, people)
            dossier = open_person(context, facts, places)
            return Answer(str(person_ids[0]), sought.column, dossier)
    return Answer(text, readings[0].column, gone("person", readings[0].value, lost(readings[0])))


def lost(sought: Sought) -> list[tuple[Collection, str]]:
    """The records that there may have been of a person who is no more."""
    if sought.column == "person_guid":
        return [(USERS, str(sought.value)), (DEMOGRAPHICS, str(sought.value))]
    if isinstance(sought.value, str):
        return []
    ids = user_sourced_ids(sought.value)
    student = user_sourced_id("student", sought.value)
    return [*((USERS_V1P1, each) for each in ids), (DEMOGRAPHICS_V1P1, student)]


def gone(table: str, key: int | str, records: list[tuple[Collection, str]]) -> Dossier:
    """What is known of a row that is not there."""
    return Dossier(tuple(find_nothing(table, key, records)), is_gone=True)


def in_both(entity: Entity, sourced_id: str) -> list[tuple[Collection, str]]:
    """A record in both versions."""
    return [(Collection(version, entity), sourced_id) for version in Version]


async def answer_section(connection: asyncpg.Connection, context: Context, text: str) -> Answer:
    """A section, or what is left of one."""
    key = read_number("section", text)
    section = (await gather_sections(connection, [key])).get(key)
    if section is None:
        dossier = gone("section", key, in_both(Entity.CLASSES, str(key)))
    else:
        places = await gather_all_places(connection, "section_id", [key])
        dossier = open_section(context, section, places)
    return Answer(str(key), "section_id", dossier)


async def answer_course(connection: asyncpg.Connection, context: Context, text: str) -> Answer:
    """A course, or what is left of one."""
    key = read_number("course", text)
    course = (await gather_courses(connection, [key])).get(key)
    if course is None:
        dossier = gone("course", key, in_both(Entity.COURSES, str(key)))
    else:
        dossier = open_course(context, course)
    return Answer(str(key), "course_id", dossier)


def answer_school(context: Context, text: str) -> Answer:
    """A school or district, or what is left of one."""
    tables = context.reference
    guid = read_guid(text)
    if guid is not None and guid in tables.schools:
        return Answer(guid, "school_guid", open_org(context, guid))
    if guid is not None and guid in tables.districts:
        return Answer(guid, "district_guid", open_org(context, guid))
    if guid is not None:
        return Answer(guid, "school_guid", gone("school", guid, in_both(Entity.ORGS, guid)))
    numbered = [row.school_guid for row in tables.schools.values() if row.state_number == text]
    if len(numbered) > 1:
        raise InvalidQuestionError(
            f"several schools have the state number {text!r}: ask for one of the GUIDs "
            f"{', '.join(sorted(numbered))}"
        )
    if not numbered:
        raise nothing_found("school", text)
    return Answer(numbered[0], "state_number", open_org(context, numbered[0]))


async def answer_enrollment(connection: asyncpg.Connection, context: Context, text: str) -> Answer:
    """A place in a class, or what is left of one."""
    letter, key = read_place(text)
    sourced_id = f"{letter}{key}"
    places = await gather_place(connection, letter, key)
    if places:
        dossier = open_place(context, places[0])
    else:
        dossier = gone(PLACE_TABLES[letter], key, in_both(Entity.ENROLLMENTS, sourced_id))
    return Answer(sourced_id, "sourced_id", dossier)
