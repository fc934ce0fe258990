"""Why a record is kept out: one maker for each reason, so that rule words and remedies stay stable.

The texts name rows by table and id, never by what is in them; `explain` shows them to staff.
"""

from collections.abc import Iterable

from rosterline.projector.rules.verdict import KeptOut


def no_such_row(table: str, key: int | str) -> KeptOut:
    """A row that another one refers to has not arrived, or has gone."""
    return KeptOut(
        rule="no such row",
        because=f"{table} {key} does not exist",
        remedy=f"Add {table} {key}, or correct the row that refers to it.",
        rows=((table, key),),
    )


def lms_exclude(table: str, key: int | str) -> KeptOut:
    """Seed 000: "External LMS Exclude [is] not marked"."""
    return KeptOut(
        rule="lms exclude",
        because=f"{table} {key} is marked External LMS Exclude",
        remedy=f"Clear External LMS Exclude on {table} {key}.",
        rows=((table, key),),
    )


def no_show(enrollment_id: int) -> KeptOut:
    """Seed 000: "No Show [is] not marked"."""
    return KeptOut(
        rule="no show",
        because=f"enrollment {enrollment_id} is marked No Show",
        remedy=f"Clear No Show on enrollment {enrollment_id}.",
        rows=(("enrollment", enrollment_id),),
    )


def inactive_year(school_year_id: int) -> KeptOut:
    """Seed 000: "OneRoster data is scoped to the active school year"."""
    return KeptOut(
        rule="inactive year",
        because=f"school_year {school_year_id} is not the active year",
        remedy="Use a row of the active school year, or make this year the active one.",
        rows=(("school_year", school_year_id),),
    )


def outside_year(table: str, key: int, school_year_id: int) -> KeptOut:
    """Seed 000: "dates must fall within the School Year date range"."""
    return KeptOut(
        rule="outside the school year",
        because=f"the dates of {table} {key} lie outside those of school_year {school_year_id}",
        remedy=f"Correct the dates of {table} {key}, or those of the school year.",
        rows=((table, key), ("school_year", school_year_id)),
    )


def no_calendar(school_guid: str) -> KeptOut:
    """Seed 000: "a School that has a Calendar in the active year"."""
    return KeptOut(
        rule="no calendar",
        because=f"school {school_guid} has no calendar in the active year",
        remedy="Add a calendar of the active year.",
        rows=(("school", school_guid),),
    )


def no_role(assignment_id: int) -> KeptOut:
    """Seed 000: "If they have no Roles marked, consider using the Program role"."""
    return KeptOut(
        rule="no role",
        because=f"district_assignment {assignment_id} has no role marked",
        remedy=f"Mark Teacher, Program or another role on district_assignment {assignment_id}.",
        rows=(("district_assignment", assignment_id),),
    )


def no_portal(relationship_id: int) -> KeptOut:
    """Seed 000: guardians and relatives are those "marked as Portal"."""
    return KeptOut(
        rule="no portal",
        because=f"relationship {relationship_id} is not marked Portal",
        remedy=f"Mark Portal on relationship {relationship_id}.",
        rows=(("relationship", relationship_id),),
    )


def inactive_relationship(relationship_id: int) -> KeptOut:
    """Seed 000: "The relationship must also be active"."""
    return KeptOut(
        rule="inactive relationship",
        because=f"relationship {relationship_id} has not started or has ended",
        remedy=f"Correct the dates of relationship {relationship_id}.",
        rows=(("relationship", relationship_id),),
    )


def no_student(relationship_id: int) -> KeptOut:
    """Seed 000: guardians and relatives have a relationship "to a student"."""
    return KeptOut(
        rule="no student",
        because=f"the student of relationship {relationship_id} has no enrollment",
        remedy="Enroll the student in a calendar of the active year.",
        rows=(("relationship", relationship_id),),
    )


def no_term(section_id: int) -> KeptOut:
    """OneRoster 1.2 demands at least one term of a class."""
    return KeptOut(
        rule="no term",
        because=f"section {section_id} has no visible term",
        remedy=f"Schedule section {section_id} in a term of a visible calendar.",
        rows=(("section", section_id),),
    )


def not_teaching(section_staff_id: int) -> KeptOut:
    """Seed 000: no records "for non-teacher staff member records in the Section Staff History"."""
    return KeptOut(
        rule="not a teacher of the section",
        because=f"section_staff {section_staff_id} has neither role primary nor role teacher",
        remedy=f"Make section_staff {section_staff_id} a Primary Teacher or a Teacher.",
        rows=(("section_staff", section_staff_id),),
    )


def no_username(person_id: int) -> KeptOut:
    """Seed 000: "OneRoster 1.1 requires that a person record includes a username"."""
    return KeptOut(
        rule="no username",
        because=f"person {person_id} has no user_account with a username",
        remedy=f"Add a user_account for person {person_id}; a disabled one is enough.",
        rows=(("person", person_id),),
    )


def no_capacity(person_id: int, capacity: str) -> KeptOut:
    """No row at all that could make the person a user, a student or a teacher."""
    named = f"an {capacity}" if capacity.startswith("a") else f"a {capacity}"
    return KeptOut(
        rule=f"not {named}",
        because=f"no row makes person {person_id} {named}",
        remedy="Add an enrollment, a district assignment or a portal relationship.",
        rows=(("person", person_id),),
    )


def referred(kind: str, reason: KeptOut) -> KeptOut:
    """DESIGN §4: "A record whose references are kept out is kept out too, and explain says so"."""
    because = f"its {kind} is kept out: {reason.because}"
    return KeptOut(reason.rule, because, reason.remedy, reason.rows)


def several(reasons: Iterable[KeptOut]) -> KeptOut:
    """One reason out of those of several rows: the first names the rule, all are told.

    They are put in order of their words, so that the order of the rows does not show.
    """
    ordered = sorted(reasons, key=lambda reason: (reason.rule, reason.because))
    return KeptOut(
        rule=ordered[0].rule,
        because="; ".join(dict.fromkeys(reason.because for reason in ordered)),
        remedy=" ".join(dict.fromkeys(reason.remedy for reason in ordered)),
        rows=tuple(dict.fromkeys(row for reason in ordered for row in reason.rows)),
    )
