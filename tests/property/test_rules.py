"""What must hold of all records of any district, whatever its rows are and however they arrived."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from rosterline.oneroster.v1p2 import MODELS, Class, Enrollment, Reference, User
from rosterline.projector.facts import Context
from rosterline.projector.rules.verdict import KeptOut
from tests.support.districts import (
    DAYS,
    MiniDistrict,
    build_records,
    mini_districts,
    shuffled,
    verdicts,
)
from tests.support.facts import FIRST_DAY, LAST_DAY

MODEL_NAMES = {entity.single: model.__name__ for entity, model in MODELS.items()}
todays = st.sampled_from(DAYS)


def references_in(model: BaseModel) -> Iterator[Reference]:
    for _, value in model:
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, Reference):
                yield each
            elif isinstance(each, BaseModel):
                yield from references_in(each)


@given(mini_districts, todays)
def test_references_resolve_among_what_is_visible(district: MiniDistrict, today: date) -> None:
    records = build_records(district, today)
    for record in records.values():
        for reference in references_in(record):
            assert (MODEL_NAMES[reference.type], reference.sourced_id) in records


@given(mini_districts, todays)
def test_a_user_has_one_primary_role_and_its_org(district: MiniDistrict, today: date) -> None:
    for user in build_records(district, today).values():
        if isinstance(user, User):
            primary = [role for role in user.roles if role.role_type == "primary"]
            assert [role.org for role in primary] == [user.primary_org]
            held = [(role.role, role.org.sourced_id) for role in user.roles]
            assert len(held) == len(set(held))


@given(mini_districts, todays)
def test_every_record_reads_back_from_its_wire_form(district: MiniDistrict, today: date) -> None:
    for record in build_records(district, today).values():
        text = record.model_dump_json(by_alias=True, exclude_none=True)
        assert type(record).model_validate_json(text) == record
        assert '""' not in text


@given(mini_districts, todays, st.randoms(use_true_random=False))
def test_the_order_of_rows_is_irrelevant(
    district: MiniDistrict, today: date, random: Random
) -> None:
    other = shuffled(district, random)
    assert build_records(other, today) == build_records(district, today)
    assert reasons_of(other, today) == reasons_of(district, today)


def reasons_of(district: MiniDistrict, today: date) -> list[str]:
    found = verdicts(Context(district.reference, today), district)
    return sorted(str(verdict) for verdict in found if isinstance(verdict, KeptOut))


@given(mini_districts, todays)
def test_an_excluded_school_shows_no_more_than_one_that_does_not_exist(
    district: MiniDistrict, today: date
) -> None:
    tables = district.reference
    for school_guid, school in tables.schools.items():
        others = {key: row for key, row in tables.schools.items() if key != school_guid}
        excluded = others | {school_guid: replace(school, lms_exclude=True)}
        records = build_records(
            replace(district, reference=replace(tables, schools=excluded)), today
        )
        without = build_records(replace(district, reference=replace(tables, schools=others)), today)
        assert records == without
        assert not any(school_guid in record.model_dump_json() for record in records.values())


@given(mini_districts, todays)
def test_an_excluded_row_shows_no_more_than_one_that_does_not_exist(
    district: MiniDistrict, today: date
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
    assert build_records(marked, today) == build_records(absent, today)


@given(mini_districts, todays)
def test_nothing_but_orgs_remains_when_no_year_is_active(
    district: MiniDistrict, today: date
) -> None:
    tables = district.reference
    years = {key: replace(row, active=False) for key, row in tables.school_years.items()}
    records = build_records(replace(district, reference=replace(tables, school_years=years)), today)
    assert {kind for kind, _ in records} <= {"Org"}


@given(mini_districts, todays)
def test_agents_are_recorded_in_both_directions(district: MiniDistrict, today: date) -> None:
    users = {
        sourced_id: {agent.sourced_id for agent in record.agents or ()}
        for (_, sourced_id), record in build_records(district, today).items()
        if isinstance(record, User)
    }
    for sourced_id, agents in users.items():
        assert all(sourced_id in users[agent] for agent in agents)


@given(mini_districts, todays)
def test_an_active_enrollment_has_an_active_user_and_class(
    district: MiniDistrict, today: date
) -> None:
    records = build_records(district, today)
    for record in list(records.values()):
        if isinstance(record, Enrollment) and record.status == "active":
            user = records["User", record.user.sourced_id]
            class_ = records["Class", record.class_.sourced_id]
            assert isinstance(user, User)
            assert isinstance(class_, Class)
            assert (user.status, class_.status) == ("active", "active")
            assert record.role in {role.role for role in user.roles}
            assert record.school == class_.school


@given(mini_districts, st.integers(0, (LAST_DAY - FIRST_DAY).days))
def test_a_day_changes_only_records_whose_rows_name_it(district: MiniDistrict, offset: int) -> None:
    day = FIRST_DAY + timedelta(days=offset)
    if {day, day - timedelta(days=1)}.isdisjoint(DAYS):
        assert build_records(district, day) == build_records(district, day - timedelta(days=1))
