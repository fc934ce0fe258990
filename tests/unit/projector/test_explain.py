"""The shape of answers, how ids are read, and what a connection makes of records."""

from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import BaseModel

from rosterline.oneroster.vocabulary import Entity
from rosterline.projector.explain import model, tally
from rosterline.projector.explain.dossiers import open_person
from rosterline.projector.explain.findings import find_person
from rosterline.projector.explain.subjects import (
    InvalidQuestionError,
    Sought,
    read_number,
    read_person,
    read_place,
)
from rosterline.projector.explain.tally import Tally, remedy_of
from rosterline.projector.explain.vendor import ConnectionFacts, Viewing
from rosterline.projector.facts import PersonFacts
from rosterline.projector.rules import reasons
from tests.support import facts
from tests.support.facts import FIRST_DAY, OTHER_SCHOOL, SCHOOL, TODAY, guid

DAY = timedelta(days=1)
RECORD = {"version", "entity", "sourced_id"}
# Other programs read these names: one that is missing or called otherwise breaks them.
SHAPES: dict[type[BaseModel], set[str]] = {
    model.Explanation: {
        *("kind", "id", "found_by", "date", "is_loading", "is_held"),
        *("records", "kept_out", "rows", "places", "connection"),
    },
    model.ExplainedRecord: {*RECORD, "status", "rule", "because", "rows", "stored"},
    model.KeptOutRecord: {*RECORD, "rule", "because", "remedy", "rows", "stored"},
    model.RowName: {"table", "key"},
    model.ExplainedRow: {
        *("table", "key", "columns", "counts", "status", "rule", "because", "remedy"),
    },
    model.PlaceCount: {
        *("version", "role", "status", "rule", "count", "example", "because", "remedy"),
    },
    model.ConnectionView: {
        *("app", "version", "schools", "secondary_email", "gradebook_sync", "tombstones"),
        *("sees_agents", "not_shown", "altered"),
    },
    model.HiddenRecord: {*RECORD, "rule", "because", "remedy"},
    model.AlteredRecord: {*RECORD, "rule", "because"},
    tally.Report: {"date", "is_loading", "is_held", "groups", "records"},
    tally.GroupCount: {"group", "total", "active", "to_be_deleted", "kept_out", "causes"},
    tally.Cause: {"rule", "count", "example", "remedy"},
    tally.RecordCount: {
        *("version", "entity", "status", "rule", "count", "example", "remedy"),
    },
}
PLAIN = ConnectionFacts(
    "plain",
    "1.2",
    ("https://purl.imsglobal.org/spec/or/v1p2/scope/roster.readonly", "roster-core.readonly"),
    None,
    secondary_email=False,
    gradebook_sync=False,
    tombstones=False,
    sees_agents=True,
)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_the_json_of_an_answer_has_the_members_that_were_promised(shape: type[BaseModel]) -> None:
    schema = shape.model_json_schema()
    assert set(schema["properties"]) == SHAPES[shape]
    assert set(schema["required"]) == SHAPES[shape]


def test_every_part_of_an_answer_has_its_shape_fixed_here() -> None:
    named = {
        name
        for each in (model.Explanation, tally.Report)
        for name in each.model_json_schema()["$defs"]
    }
    fixed = {shape.__name__ for shape in SHAPES}
    assert {"Entity"} | fixed == named | {"Explanation", "Report"}


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("5", Sought("person_id", 5)),
        (guid(5).upper(), Sought("person_guid", guid(5))),
        ("s5", Sought("sourced_id", 5)),
        ("G5", Sought("sourced_id", 5)),
        ("0012-A", Sought("student_number", "0012-A")),
        ("9" * 19, Sought("student_number", "9" * 19)),
        (f"{{{guid(5)}}}", Sought("student_number", f"{{{guid(5)}}}")),
    ],
)
def test_a_persons_id_is_read_by_its_form(text: str, first: Sought) -> None:
    assert read_person(text)[0] == first


def test_a_number_is_a_person_id_before_it_is_a_students_or_staff_members() -> None:
    assert [sought.column for sought in read_person("5")] == [
        "person_id",
        "student_number",
        "staff_number",
    ]


def test_an_enrollment_needs_its_letter() -> None:
    assert (read_place("R81"), read_place("t9")) == (("r", 81), ("t", 9))
    with pytest.raises(InvalidQuestionError, match="r81 or t81"):
        read_place("81")
    with pytest.raises(InvalidQuestionError, match="is no section: give a section_id"):
        read_number("section", "-1")


def hidden(person: PersonFacts, connection: ConnectionFacts) -> set[tuple[str, str]]:
    """The 1.2 records that the connection does not see, by entity and rule."""
    context = facts.context()
    found = [each for each in find_person(context, person) if each.collection.version == "v1p2"]
    view = Viewing(connection, person).view(found)
    return {(each.entity.value, each.rule) for each in view.not_shown}


def altered(person: PersonFacts, connection: ConnectionFacts) -> set[str]:
    """The rules by which the connection sees the 1.2 user otherwise."""
    context = facts.context()
    found = [each for each in find_person(context, person) if each.collection.version == "v1p2"]
    view = Viewing(connection, person).view(found)
    return {each.rule for each in view.altered if each.entity is Entity.USERS}


def test_demographics_need_a_scope_of_their_own() -> None:
    assert hidden(facts.student(), PLAIN) == {("demographics", "scope missing")}
    more = replace(PLAIN, scopes=("roster.readonly", "roster-demographics.readonly"))
    assert hidden(facts.student(), more) == set()
    none = replace(PLAIN, scopes=())
    assert hidden(facts.student(), none) == {
        ("users", "scope missing"),
        ("demographics", "scope missing"),
    }


def test_a_school_scope_holds_who_has_a_role_there_and_their_guardians() -> None:
    outside = {("users", "outside the connection's schools")}
    here, there = replace(PLAIN, schools=(SCHOOL,)), replace(PLAIN, schools=(OTHER_SCHOOL,))
    for person in (facts.teacher(), facts.guardian()):
        assert hidden(person, here) == set()
        assert hidden(person, there) == outside


def test_who_works_elsewhere_is_outside_a_school_that_shows_no_parents() -> None:
    outside = {("users", "outside the connection's schools")}
    at_other = facts.assignment(school_guid=OTHER_SCHOOL)
    person = facts.teacher(at_other, students=(facts.tie(),))
    with_parents = replace(PLAIN, schools=(SCHOOL,))
    assert hidden(person, with_parents) == set()
    assert hidden(person, replace(with_parents, sees_agents=False)) == outside
    there = replace(PLAIN, schools=(OTHER_SCHOOL,), sees_agents=False)
    assert hidden(person, there) == set()


def test_a_connection_without_agents_does_not_see_them_and_nobody_refers_to_them() -> None:
    connection = replace(PLAIN, sees_agents=False)
    tied = replace(facts.student(), related=(facts.tie(memberships=()),))
    assert hidden(facts.guardian(), connection) == {("users", "guardians and relatives hidden")}
    assert altered(tied, connection) == {"guardians and relatives hidden"}
    assert altered(facts.teacher(), connection) == set()
    assert altered(tied, PLAIN) == set()


def test_a_tombstone_is_not_in_plain_lists_unless_the_connection_wants_it() -> None:
    ended = facts.student(facts.membership(end_date=TODAY - DAY))
    assert altered(ended, PLAIN) == {"tombstones left out"}
    assert altered(ended, replace(PLAIN, tombstones=True)) == set()


def test_the_secondary_email_is_told_where_it_makes_a_difference() -> None:
    connection = replace(PLAIN, secondary_email=True)
    person = facts.student()
    with_address = replace(
        person, person=replace(person.person, email="a@b.example", secondary_email="c@d.example")
    )
    assert altered(with_address, connection) == {"secondary email"}
    assert altered(person, connection) == set()


def test_a_remedy_in_general_names_no_row() -> None:
    several = reasons.several([reasons.no_show(31), reasons.lms_exclude("enrollment", 3)])
    assert several.remedy.count("enrollment") == 2
    assert remedy_of(several) == "Clear External LMS Exclude on the enrollment."
    referred = reasons.referred("class", reasons.lms_exclude("school", guid(11)))
    assert remedy_of(referred) == "Clear External LMS Exclude on the school."


def test_a_report_gives_the_lowest_row_of_each_cause_as_its_example() -> None:
    context = facts.context()
    counted = Tally()
    for person_id in (9, 7, 8):
        hidden_row = facts.membership(no_show=True, enrollment_id=person_id)
        student = facts.student(hidden_row)
        counted.add_person(
            context, replace(student, person=replace(student.person, person_id=person_id))
        )
    (students, *_) = counted.report(context, is_loading=False, is_held=False).groups
    (cause,) = students.causes
    assert (cause.rule, cause.count, cause.example.key) == ("no show", 3, 7)
    assert (students.total, students.kept_out, students.active) == (3, 3, 0)


def test_rows_of_an_answer_hold_nothing_personal() -> None:
    person = facts.student()
    named = replace(person, accounts=(facts.account(username="ada.byron"),))
    for row in open_person(facts.context(), named).rows:
        assert "ada" not in str(row).lower()
        assert "byron" not in str(row).lower()


def test_what_a_row_stands_in_is_shown_with_verdicts_of_its_own() -> None:
    tables = facts.reference_tables(
        schools=[replace(facts.reference_tables().schools[SCHOOL], lms_exclude=True)]
    )
    rows = open_person(facts.context(tables), facts.student()).rows
    counts = {row.table: row.counts for row in rows}
    assert counts == {
        "enrollment": False,
        "grade_level": True,
        "calendar": False,
        "school_year": True,
        "school": False,
        "district": True,
    }
    (calendar,) = (row for row in rows if row.table == "calendar")
    assert calendar.remedy == f"Clear External LMS Exclude on school {SCHOOL}."
    assert calendar.columns["start_date"] == FIRST_DAY.isoformat()
