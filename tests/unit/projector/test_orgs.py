"""Districts and schools as orgs."""

from dataclasses import replace

import pytest

from rosterline.oneroster.v1p2 import Org
from rosterline.projector.facts import District, School
from rosterline.projector.rules.orgs import build_district, build_school
from tests.support import facts
from tests.support.facts import DISTRICT, OTHER_SCHOOL, SCHOOL, built, kept_out_by

TABLES = facts.reference_tables()
EXCLUDED_SCHOOL = replace(TABLES.schools[SCHOOL], lms_exclude=True)
EXCLUDED_DISTRICT = replace(TABLES.districts[DISTRICT], lms_exclude=True)


def test_a_district_names_its_schools_in_order() -> None:
    late = School(facts.guid(10), DISTRICT, "Plainview Elementary", None, lms_exclude=False)
    context = facts.context(facts.reference_tables(schools=[late]))
    district = built(build_district(context, DISTRICT), Org)
    assert (district.type, district.name, district.identifier) == ("district", "Plainview", "0100")
    assert [child.sourced_id for child in district.children or ()] == [
        facts.guid(10),
        SCHOOL,
        OTHER_SCHOOL,
    ]
    assert district.parent is None


def test_a_district_does_not_name_excluded_schools_or_those_of_another_district() -> None:
    foreign = replace(TABLES.schools[OTHER_SCHOOL], district_guid=facts.guid(2))
    tables = facts.reference_tables(
        districts=[District(facts.guid(2), "Elsewhere", None, lms_exclude=False)],
        schools=[EXCLUDED_SCHOOL, foreign],
    )
    assert built(build_district(facts.context(tables), DISTRICT), Org).children is None


def test_a_school_has_its_district_as_parent() -> None:
    school = built(build_school(facts.context(), SCHOOL), Org)
    assert (school.sourced_id, school.status, school.type) == (SCHOOL, "active", "school")
    assert (school.name, school.identifier) == ("Plainview High", "0110")
    assert school.parent is not None
    assert school.parent.sourced_id == DISTRICT
    assert school.parent.href.endswith(f"/orgs/{DISTRICT}")


@pytest.mark.parametrize("state_number", [None, "", "  "])
def test_an_org_without_state_number_is_identified_by_its_guid(state_number: str | None) -> None:
    tables = facts.reference_tables(
        districts=[replace(TABLES.districts[DISTRICT], state_number=state_number)],
        schools=[replace(TABLES.schools[SCHOOL], state_number=state_number)],
    )
    context = facts.context(tables)
    assert built(build_district(context, DISTRICT), Org).identifier == DISTRICT
    assert built(build_school(context, SCHOOL), Org).identifier == SCHOOL


def test_an_excluded_district_takes_its_schools_with_it() -> None:
    context = facts.context(facts.reference_tables(districts=[EXCLUDED_DISTRICT]))
    assert kept_out_by(build_district(context, DISTRICT)) == "lms exclude"
    assert kept_out_by(build_school(context, SCHOOL)) == "lms exclude"


def test_an_excluded_school_is_kept_out() -> None:
    context = facts.context(facts.reference_tables(schools=[EXCLUDED_SCHOOL]))
    assert kept_out_by(build_school(context, SCHOOL)) == "lms exclude"


def test_an_org_that_does_not_exist_is_kept_out() -> None:
    orphaned = facts.context(facts.without(TABLES, "districts", DISTRICT))
    assert kept_out_by(build_district(orphaned, DISTRICT)) == "no such row"
    assert kept_out_by(build_school(orphaned, SCHOOL)) == "no such row"
    assert kept_out_by(build_school(facts.context(), facts.guid(99))) == "no such row"
