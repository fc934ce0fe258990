"""Explain and the rules that build records agree about everybody in any district."""

from collections import Counter
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rosterline.oneroster import v1p2
from rosterline.oneroster.vocabulary import Collection
from rosterline.projector.explain.compose import Circumstances, compose
from rosterline.projector.explain.dossiers import (
    Dossier,
    find_places,
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
    find_person,
)
from rosterline.projector.explain.model import Explanation, VersionNumber
from rosterline.projector.explain.subjects import Question
from rosterline.projector.explain.tally import Tally
from rosterline.projector.explain.vendor import ConnectionFacts
from rosterline.projector.facts import Context, PersonFacts
from rosterline.projector.rules.courses import build_class, build_course
from rosterline.projector.rules.demographics import build_demographics
from rosterline.projector.rules.enrollments import build_roster_enrollment, build_staff_enrollment
from rosterline.projector.rules.orgs import build_district, build_school
from rosterline.projector.rules.users import build_user
from rosterline.projector.rules.v1p1_carried import demographics_in_v1p1
from rosterline.projector.rules.v1p1_users import build_users_v1p1
from rosterline.projector.rules.verdict import KeptOut, Standing, Verdict
from tests.support.districts import (
    DAYS,
    MiniDistrict,
    build_reaches,
    build_reaches_v1p1,
    mini_districts,
)

todays = st.sampled_from(DAYS)
ENTITIES = {model.__name__: entity for entity, model in v1p2.MODELS.items()}
EVERYTHING = ConnectionFacts(
    "everything",
    "1.2",
    ("roster.readonly", "roster-demographics.readonly"),
    None,
    secondary_email=False,
    gradebook_sync=True,
    tombstones=True,
    sees_agents=True,
)


def explained(
    context: Context, dossier: Dossier, connection: ConnectionFacts | None = None
) -> Explanation:
    """The answer when nothing is stored."""
    question = Question("person", "1")
    return compose(
        context, dossier, {}, Circumstances(question, "1", "id", False, False, connection)
    )


def verdicts_of(context: Context, facts: PersonFacts) -> dict[tuple[Collection, str], Verdict]:
    """What the projector would make of a person."""
    guid, person_id = facts.person.person_guid, facts.person.person_id
    demographics = build_demographics(context, facts)
    older = build_users_v1p1(context, facts)
    return {
        (USERS, guid): build_user(context, facts),
        (DEMOGRAPHICS, guid): demographics,
        (DEMOGRAPHICS_V1P1, f"s{person_id}"): demographics_in_v1p1(demographics, facts),
        **{(USERS_V1P1, sourced_id): verdict for sourced_id, verdict in older.items()},
    }


@given(mini_districts, todays)
def test_every_person_is_explained_as_built(district: MiniDistrict, today: date) -> None:
    context = Context(district.reference, today)
    for facts in district.everyone():
        built = verdicts_of(context, facts)
        findings = find_person(context, facts)
        told = {(each.collection, each.sourced_id): each for each in findings}
        assert {
            key: verdict.status
            for key, verdict in built.items()
            if not isinstance(verdict, KeptOut)
        } == {key: each.status for key, each in told.items() if each.status is not None}
        assert all(each.verdict == built[key] for key, each in told.items())
        assert findings


@given(mini_districts, todays)
def test_a_reason_never_contradicts_the_status(district: MiniDistrict, today: date) -> None:
    context = Context(district.reference, today)
    findings = [
        *(each for facts in district.everyone() for each in find_person(context, facts)),
        *find_places(context, district.placed_rosters()),
        *find_places(context, district.placed_staff()),
    ]
    for finding in findings:
        if isinstance(finding.reason, Standing):
            assert finding.status == finding.reason.status
        else:
            assert finding.reason == finding.verdict
        assert finding.reason.because
        assert finding.reason.rows


@given(mini_districts, todays)
def test_places_classes_courses_and_orgs_are_explained_as_built(
    district: MiniDistrict, today: date
) -> None:
    context = Context(district.reference, today)
    tables, sections = district.reference, district.sections
    rosters, staff = district.placed_rosters(), district.placed_staff()
    pairs: list[tuple[Dossier, Verdict]] = [
        *((open_section(context, each), build_class(context, each)) for each in sections),
        *(
            (open_course(context, each.course), build_course(context, each.course))
            for each in sections
        ),
        *((open_org(context, guid), build_school(context, guid)) for guid in tables.schools),
        *((open_org(context, guid), build_district(context, guid)) for guid in tables.districts),
        *((open_place(context, each), build_roster_enrollment(context, each)) for each in rosters),
        *((open_place(context, each), build_staff_enrollment(context, each)) for each in staff),
    ]
    for dossier, verdict in pairs:
        told = explained(context, dossier, EVERYTHING)
        if isinstance(verdict, KeptOut):
            assert told.records == ()
            (kept_out,) = told.kept_out
            assert (kept_out.rule, kept_out.remedy) == (verdict.rule, verdict.remedy)
        else:
            assert told.kept_out == ()
            (record,) = told.records
            assert (record.sourced_id, record.status) == (verdict.sourced_id, verdict.status)


@given(mini_districts, todays)
def test_the_rows_of_an_answer_are_told_once_and_say_what_decides(
    district: MiniDistrict, today: date
) -> None:
    context = Context(district.reference, today)
    for facts in district.everyone():
        told = explained(context, open_person(context, facts))
        rows = Counter((row.table, row.key) for row in told.rows)
        assert set(rows.values()) <= {1}
        for row in told.rows:
            assert row.counts == (row.remedy is None)
        for record in told.records:
            assert all((name.table, name.key) in rows for name in record.rows)
        assert Explanation.model_validate_json(told.model_dump_json()) == told


@given(mini_districts, todays)
def test_a_connection_with_every_right_sees_all_of_its_version(
    district: MiniDistrict, today: date
) -> None:
    context = Context(district.reference, today)
    for facts in district.everyone():
        dossier = open_person(context, facts)
        everything, told = explained(context, dossier), explained(context, dossier, EVERYTHING)
        assert told.connection is not None
        assert (told.connection.not_shown, told.connection.altered) == ((), ())
        assert told.records == tuple(
            record for record in everything.records if record.version == "1.2"
        )


@pytest.mark.parametrize("version", ["1.2", "1.1"])
@given(mini_districts, todays)
def test_a_connection_limited_to_a_school_sees_what_stands_there(
    version: VersionNumber, district: MiniDistrict, today: date
) -> None:
    """The read model keeps those schools, and the API asks it."""
    context = Context(district.reference, today)
    build = build_reaches if version == "1.2" else build_reaches_v1p1
    reaches = {
        (ENTITIES[name], key): reach for (name, key), reach in build(district, today).items()
    }
    dossiers = [
        *(open_person(context, facts) for facts in district.everyone()),
        *(open_place(context, each) for each in district.placed_rosters()),
        *(open_place(context, each) for each in district.placed_staff()),
        *(open_section(context, each) for each in district.sections),
        *(open_course(context, each.course) for each in district.sections),
        *(open_org(context, guid) for guid in district.reference.schools),
        *(open_org(context, guid) for guid in district.reference.districts),
    ]
    for school in district.reference.schools:
        limited = replace(EVERYTHING, version=version, schools=(school,))
        for dossier in dossiers:
            told = explained(context, dossier, limited)
            assert told.connection is not None
            hidden = {(each.entity, each.sourced_id) for each in told.connection.not_shown}
            for record in told.records:
                reach = reaches[record.entity, record.sourced_id]
                is_there = school in (reach.schools or ())
                assert ((record.entity, record.sourced_id) in hidden) != is_there


@given(mini_districts, todays)
def test_a_report_counts_everybody_once(district: MiniDistrict, today: date) -> None:
    context = Context(district.reference, today)
    tally = Tally()
    everyone = district.everyone()
    for facts in everyone:
        tally.add(find_person(context, facts))
        tally.add_person(context, facts)
    report = tally.report(context, is_loading=False, is_held=False)
    totals = {each.group: each.total for each in report.groups}
    assert totals["students"] == sum(bool(facts.memberships) for facts in everyone)
    assert totals["staff"] == sum(bool(facts.assignments) for facts in everyone)
    assert totals["guardians and relatives"] == sum(bool(facts.students) for facts in everyone)
    for group in report.groups:
        assert group.total == group.active + group.to_be_deleted + group.kept_out
        assert group.kept_out == sum(cause.count for cause in group.causes)
    users = [
        each.count for each in report.records if (each.version, each.entity) == ("1.2", "users")
    ]
    assert sum(users) == len(everyone)
