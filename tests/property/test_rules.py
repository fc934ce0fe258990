"""What must hold of all records of any district, whatever its rows are and however they arrived.

Both versions of OneRoster keep the same promises, unless a test names one of them.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from rosterline.oneroster import v1p1, v1p2
from rosterline.oneroster.v1p2 import (
    MODELS,
    AcademicSession,
    Class,
    Enrollment,
    Org,
    Record,
    Reference,
    User,
)
from rosterline.oneroster.vocabulary import Entity
from rosterline.projector.facts import Context
from rosterline.projector.rules.schools import reach_of_user, reach_of_user_v1p1
from rosterline.projector.rules.users import build_user
from rosterline.projector.rules.v1p1_users import KINDS, build_users_v1p1, user_sourced_id
from rosterline.projector.rules.verdict import KeptOut
from tests.support import facts
from tests.support.districts import (
    DAYS,
    MiniDistrict,
    Reaches,
    Records,
    build_reaches,
    build_reaches_v1p1,
    build_records,
    build_records_v1p1,
    mini_districts,
    shuffled,
    verdicts,
    verdicts_v1p1,
)
from tests.support.facts import FIRST_DAY, LAST_DAY, TODAY

Build = Callable[[MiniDistrict, date], Records]
Where = Callable[[MiniDistrict, date], Reaches]
MODEL_NAMES = {entity.single: model.__name__ for entity, model in MODELS.items()}
VERSIONS = {"v1p2": build_records, "v1p1": build_records_v1p1}
WITH_SCHOOLS = {
    "v1p2": (build_records, build_reaches),
    "v1p1": (build_records_v1p1, build_reaches_v1p1),
}
with_schools_in_both_versions = pytest.mark.parametrize(
    "build", WITH_SCHOOLS.values(), ids=WITH_SCHOOLS
)
in_both_versions = pytest.mark.parametrize("build", VERSIONS.values(), ids=VERSIONS)
todays = st.sampled_from(DAYS)


def references_in(model: BaseModel) -> Iterator[Reference]:
    for _, value in model:
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, Reference):
                yield each
            elif isinstance(each, BaseModel):
                yield from references_in(each)


@in_both_versions
@given(mini_districts, todays)
def test_references_resolve_among_what_is_visible(
    build: Build, district: MiniDistrict, today: date
) -> None:
    records = build(district, today)
    for record in records.values():
        for reference in references_in(record):
            assert (MODEL_NAMES[reference.type], reference.sourced_id) in records


@pytest.mark.parametrize(
    ("build", "path"),
    [(build_records, v1p2.ROSTERING_PATH), (build_records_v1p1, v1p1.ROSTERING_PATH)],
)
@given(mini_districts)
def test_references_lead_to_addresses_of_their_own_version(
    build: Callable[[MiniDistrict], Records], path: str, district: MiniDistrict
) -> None:
    collections = {entity.single: entity.value for entity in MODELS}
    for record in build(district).values():
        for reference in references_in(record):
            address = f"~{path}/{collections[reference.type]}/{reference.sourced_id}"
            assert reference.href == address


@given(mini_districts, todays)
def test_a_user_has_one_primary_role_and_its_org(district: MiniDistrict, today: date) -> None:
    for user in build_records(district, today).values():
        if isinstance(user, User):
            primary = [role for role in user.roles if role.role_type == "primary"]
            assert [role.org for role in primary] == [user.primary_org]
            held = [(role.role, role.org.sourced_id) for role in user.roles]
            assert len(held) == len(set(held))


@in_both_versions
@given(mini_districts, todays)
def test_every_record_reads_back_from_its_wire_form(
    build: Build, district: MiniDistrict, today: date
) -> None:
    for record in build(district, today).values():
        text = record.model_dump_json(by_alias=True, exclude_none=True)
        assert type(record).model_validate_json(text) == record
        assert '""' not in text


@given(mini_districts, todays)
def test_each_record_is_of_its_versions_model(district: MiniDistrict, today: date) -> None:
    for module, build in ((v1p2, build_records), (v1p1, build_records_v1p1)):
        kinds = {type(record) for record in build(district, today).values()}
        assert kinds <= set(module.MODELS.values())


@in_both_versions
@given(mini_districts, todays, st.randoms(use_true_random=False))
def test_the_order_of_rows_is_irrelevant(
    build: Build, district: MiniDistrict, today: date, random: Random
) -> None:
    other = shuffled(district, random)
    assert build(other, today) == build(district, today)
    assert reasons_of(other, today) == reasons_of(district, today)


def reasons_of(district: MiniDistrict, today: date) -> list[str]:
    context = Context(district.reference, today)
    found = [*verdicts(context, district), *verdicts_v1p1(context, district)]
    return sorted(str(verdict) for verdict in found if isinstance(verdict, KeptOut))


@in_both_versions
@given(mini_districts, todays)
def test_an_excluded_school_shows_no_more_than_one_that_does_not_exist(
    build: Build, district: MiniDistrict, today: date
) -> None:
    tables = district.reference
    for school_guid, school in tables.schools.items():
        others = {key: row for key, row in tables.schools.items() if key != school_guid}
        excluded = others | {school_guid: replace(school, lms_exclude=True)}
        records = build(replace(district, reference=replace(tables, schools=excluded)), today)
        without = build(replace(district, reference=replace(tables, schools=others)), today)
        assert records == without
        assert not any(school_guid in record.model_dump_json() for record in records.values())


@in_both_versions
@given(mini_districts, todays)
def test_an_excluded_row_shows_no_more_than_one_that_does_not_exist(
    build: Build, district: MiniDistrict, today: date
) -> None:
    marked = replace(
        district,
        people=tuple(
            replace(
                each,
                memberships=tuple(replace(row, no_show=True) for row in each.memberships[:1])
                + each.memberships[1:],
                assignments=tuple(replace(row, lms_exclude=True) for row in each.assignments[:1])
                + each.assignments[1:],
            )
            for each in district.people
        ),
    )
    absent = replace(
        district,
        people=tuple(
            replace(each, memberships=each.memberships[1:], assignments=each.assignments[1:])
            for each in district.people
        ),
    )
    shown, known = build(marked, today), build(absent, today)
    for key in known.keys() | shown.keys():
        # Who is excluded at a school is not taken for one who comes there from another site.
        assert shown.get(key) == known[key] or (key not in shown and key[0] == "Enrollment")


@in_both_versions
@given(mini_districts, todays)
def test_nothing_but_orgs_remains_when_no_year_is_active(
    build: Build, district: MiniDistrict, today: date
) -> None:
    tables = district.reference
    years = {key: replace(row, active=False) for key, row in tables.school_years.items()}
    records = build(replace(district, reference=replace(tables, school_years=years)), today)
    assert {type(record) for record in records.values()} <= {Org}


@in_both_versions
@given(mini_districts, todays)
def test_agents_are_recorded_in_both_directions(
    build: Build, district: MiniDistrict, today: date
) -> None:
    users = {
        sourced_id: {agent.sourced_id for agent in record.agents or ()}
        for (_, sourced_id), record in build(district, today).items()
        if isinstance(record, User | v1p1.User)
    }
    for sourced_id, agents in users.items():
        assert all(sourced_id in users[agent] for agent in agents)


@in_both_versions
@given(mini_districts, todays)
def test_an_active_enrollment_has_an_active_user_and_class(
    build: Build, district: MiniDistrict, today: date
) -> None:
    records = build(district, today)
    for record in list(records.values()):
        if isinstance(record, Enrollment) and record.status == "active":
            user = records["User", record.user.sourced_id]
            class_ = records["Class", record.class_.sourced_id]
            assert isinstance(class_, Class)
            assert (user.status, class_.status) == ("active", "active")
            assert record.role in words_for_roles(user)
            assert record.school == class_.school


def words_for_roles(user: Record) -> set[str]:
    if isinstance(user, v1p1.User):
        return {user.role}
    assert isinstance(user, User)
    return {role.role for role in user.roles}


@given(mini_districts, todays)
def test_the_users_of_1_1_are_the_roles_of_1_2_as_far_as_there_is_a_username(
    district: MiniDistrict, today: date
) -> None:
    people, of_roles = build_records(district, today), build_records_v1p1(district, today)
    for held_by in district.people:
        user = people.get(("User", held_by.person.person_guid))
        held = {
            role: of_roles[key]
            for role in KINDS
            if (key := ("User", user_sourced_id(role, held_by.person.person_id))) in of_roles
        }
        if not isinstance(user, User) or user.username is None:
            assert held == {}
            continue
        statuses = {record.status for record in held.values()}
        assert user.status == min(statuses)
        shown = {role for role, record in held.items() if record.status == user.status}
        assert shown == words_for_roles(user)


def standing(
    build: tuple[Build, Where], district: MiniDistrict, today: date
) -> Iterator[tuple[tuple[str, str], Record, set[str], dict[tuple[str, str], set[str]]]]:
    """Each record with its key, its schools, and the schools of all."""
    records, reaches = build[0](district, today), build[1](district, today)
    schools = {key: {*(reach.schools or ())} for key, reach in reaches.items()}
    assert schools.keys() == records.keys()
    for key, record in records.items():
        yield key, record, schools[key], schools


@with_schools_in_both_versions
@given(mini_districts, todays)
def test_every_record_stands_at_schools_that_are_shown(
    build: tuple[Build, Where], district: MiniDistrict, today: date
) -> None:
    for _, record, schools, everywhere in standing(build, district, today):
        assert all(everywhere["Org", school] == {school} for school in schools)
        reach = build[1](district, today)[type(record).__name__, record.sourced_id]
        assert reach.schools == tuple(sorted(schools))
        if not isinstance(record, Enrollment | User | v1p1.User):
            district_or_year = isinstance(record, Org | AcademicSession)
            assert schools or district_or_year


@with_schools_in_both_versions
@given(mini_districts, todays)
def test_what_an_active_record_needs_stands_at_the_same_schools(
    build: tuple[Build, Where], district: MiniDistrict, today: date
) -> None:
    """Only lists may be cut: a user, class, course, school or parent must be there."""
    for _, record, schools, everywhere in standing(build, district, today):
        for member in ("user", "class_", "school", "course", "org", "parent"):
            above = getattr(record, member, None)
            if record.status == "active" and above is not None:
                assert schools <= everywhere[MODEL_NAMES[above.type], above.sourced_id], member


@given(mini_districts, todays)
def test_who_lists_students_says_where_they_stand_and_stands_there(
    district: MiniDistrict, today: date
) -> None:
    """So that nobody is missing from a current student's agents at the student's schools."""
    records, reaches = build_records(district, today), build_reaches(district, today)
    for key, record in records.items():
        if not isinstance(record, User):
            continue
        agents = {agent.sourced_id for agent in record.agents or ()}
        students = dict(reaches[key].listed)
        assert students.keys() <= agents
        assert ("Demographics", key[1]) in reaches or students.keys() == agents
        for student, schools in students.items():
            assert schools == reaches["Demographics", student].schools
        for agent in agents - students.keys():
            own = dict(reaches["User", agent].listed)[key[1]]
            if record.status == "active" and "student" in words_for_roles(record):
                assert {*own} <= {*(reaches["User", agent].schools or ())}


# Of each child its school, and whether it has left.
children = st.lists(
    st.tuples(st.sampled_from((facts.CALENDAR, facts.OTHER_CALENDAR)), st.booleans()),
    min_size=1,
    max_size=4,
)


@given(children, st.booleans())
def test_who_lists_students_stands_where_those_of_its_status_do(
    held: list[tuple[int, bool]], is_teacher: bool
) -> None:
    """So that nobody is current at a school that its last student has left."""
    context = facts.context()
    ended = TODAY - timedelta(days=1)
    rows = [
        facts.membership(calendar_id=calendar_id, end_date=ended if has_left else None)
        for calendar_id, has_left in held
    ]
    ties = tuple(
        facts.tie(person_id=number, person_guid=facts.guid(number), memberships=(row,))
        for number, row in enumerate(rows)
    )
    assignments = (facts.assignment(),) if is_teacher else ()
    person = facts.guardian(*ties, assignments=assignments, accounts=(facts.account(),))
    is_current = is_teacher or not all(has_left for _, has_left in held)
    of_calendar = {key: row.school_guid for key, row in context.reference.calendars.items()}
    through = {of_calendar[key] for key, has_left in held if has_left != is_current}
    own = {facts.SCHOOL} if is_teacher else set()
    reach = reach_of_user(context, person, build_user(context, person))
    assert reach.schools == tuple(sorted(own | through))
    assert {key for key, _ in reach.listed} == {tie.person_guid for tie in ties}
    if not is_teacher:
        (guardian,) = (
            each
            for each in build_users_v1p1(context, person).values()
            if isinstance(each, v1p1.User)
        )
        assert reach_of_user_v1p1(context, person, guardian) == reach


@with_schools_in_both_versions
@given(mini_districts, todays)
def test_a_place_in_a_class_has_the_school_of_the_class_or_none(
    build: tuple[Build, Where], district: MiniDistrict, today: date
) -> None:
    for _, record, schools, everywhere in standing(build, district, today):
        if isinstance(record, Enrollment):
            assert schools <= {record.school.sourced_id}
            user = everywhere["User", record.user.sourced_id]
            if build[0] is build_records_v1p1 and record.status == "active":
                assert bool(schools) == (record.school.sourced_id in user)


@with_schools_in_both_versions
@given(mini_districts, todays, st.randoms(use_true_random=False))
def test_the_order_of_rows_is_irrelevant_to_where_records_stand(
    build: tuple[Build, Where], district: MiniDistrict, today: date, random: Random
) -> None:
    assert build[1](shuffled(district, random), today) == build[1](district, today)


TELLING = (f'"href":"~{v1p2.ROSTERING_PATH}/', f"~{v1p2.ROSTERING_PATH}/orgs/1", '"', "\\", "x")


@given(st.lists(st.sampled_from(TELLING) | st.text()).map("".join))
def test_no_text_in_a_record_is_taken_for_an_address(text: str) -> None:
    parent = v1p2.reference(Entity.ORGS, "1")
    org = Org(
        sourced_id="2", status="active", name=text, type="school", identifier=text, parent=parent
    )
    carried = v1p1.in_v1p1(org.model_dump_json(by_alias=True, exclude_none=True))
    expected = org.model_copy(update={"parent": v1p1.reference(Entity.ORGS, "1")})
    assert Org.model_validate_json(carried) == expected


@with_schools_in_both_versions
@given(mini_districts, st.integers(0, (LAST_DAY - FIRST_DAY).days))
def test_a_day_changes_only_records_whose_rows_name_it(
    build: tuple[Build, Where], district: MiniDistrict, offset: int
) -> None:
    day = FIRST_DAY + timedelta(days=offset)
    if {day, day - timedelta(days=1)}.isdisjoint(DAYS):
        for make in build:
            assert make(district, day) == make(district, day - timedelta(days=1))
