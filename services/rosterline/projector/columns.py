"""A record → the values of the columns that its table has for queries. Pure.

They repeat what the document says, and decide nothing.
"""

from collections.abc import Callable
from typing import Any

from rosterline.oneroster import v1p1, v1p2
from rosterline.oneroster.record import Record
from rosterline.projector.rules.roles import AGENTS

Columns = dict[str, Any]


def columns_of(record: Record, alternative: v1p2.User | None = None) -> Columns:
    """The entity's own columns by name, but for `alternative`, which is a document.

    `alternative` is the user with another email address, where there is one. Lists are tuples.
    """
    columns = OWN[type(record)](record)
    if alternative is not None:
        columns["alternative_email"] = alternative.email
    return columns


def _of_org(record: v1p2.Org) -> Columns:
    return {"type": record.type}


def _of_session(record: v1p2.AcademicSession) -> Columns:
    parent = record.parent
    return {"type": record.type, "parent_id": parent.sourced_id if parent else None}


def _of_course(record: v1p2.Course) -> Columns:
    return {"org_id": record.org.sourced_id}


def _of_class(record: v1p2.Class) -> Columns:
    return {
        "course_id": record.course.sourced_id,
        "school_id": record.school.sourced_id,
        "term_ids": tuple(term.sourced_id for term in record.terms),
    }


def _of_user(record: v1p2.User) -> Columns:
    roles = {role.role for role in record.roles}
    return {
        "is_student": "student" in roles,
        "is_teacher": "teacher" in roles,
        "is_agent": roles <= AGENTS,
        **_of_any_user(record),
        "places": tuple(place_of(role.role, role.org.sourced_id) for role in record.roles),
    }


def _of_user_v1p1(record: v1p1.User) -> Columns:
    return {
        "is_student": record.role == "student",
        "is_teacher": record.role == "teacher",
        "is_agent": record.role in AGENTS,
        **_of_any_user(record),
        "places": tuple(place_of(record.role, org.sourced_id) for org in record.orgs),
    }


def _of_any_user(record: v1p2.User | v1p1.User) -> Columns:
    return {
        "username": record.username,
        "email": record.email,
        "alternative_email": None,
        "identifier": record.identifier,
        "family_name": record.family_name,
    }


def _of_enrollment(record: v1p2.Enrollment) -> Columns:
    return {
        "user_id": record.user.sourced_id,
        "class_id": record.class_.sourced_id,
        "school_id": record.school.sourced_id,
        "role": record.role,
    }


def _of_demographics(_record: v1p2.Demographics) -> Columns:
    return {}


def place_of(role: str, org_id: str) -> str:
    """A role at an org, as `places` has it."""
    return f"{role}@{org_id}"


OWN: dict[type[Record], Callable[[Any], Columns]] = {
    v1p2.Org: _of_org,
    v1p2.AcademicSession: _of_session,
    v1p2.Course: _of_course,
    v1p2.Class: _of_class,
    v1p2.User: _of_user,
    v1p2.Demographics: _of_demographics,
    v1p2.Enrollment: _of_enrollment,
    v1p1.User: _of_user_v1p1,
    v1p1.Demographics: _of_demographics,
}
