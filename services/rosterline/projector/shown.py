"""What written records show of the roster: which of it is about to change, and to what. Pure.

A written record stands where its class or student does, and 1.1 names its student and grading
period. All else that changes of a class or a user concerns no written record.
"""

from dataclasses import dataclass, field

from rosterline.oneroster.vocabulary import Collection, Entity, Version
from rosterline.projector.draft import Draft
from rosterline.projector.rules.schools import Schools

CLASSES = Collection(Version.V1P2, Entity.CLASSES)
SESSIONS = Collection(Version.V1P2, Entity.ACADEMIC_SESSIONS)
USERS = Collection(Version.V1P2, Entity.USERS)
OLDER_USERS = Collection(Version.V1P1, Entity.USERS)


@dataclass(slots=True)
class Shown:
    """Of records that come or change their schools: what the read model will hold of them.

    `students_v1p1` are ids of 1.1 that come, `grading_periods` is as in `WrittenFacts`.
    """

    class_schools: dict[str, str] = field(default_factory=dict)
    student_schools: dict[str, Schools | None] = field(default_factory=dict)
    students_v1p1: set[str] = field(default_factory=set)
    grading_periods: dict[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return any(
            (self.class_schools, self.student_schools, self.students_v1p1, self.grading_periods)
        )

    def note(self, draft: Draft) -> None:
        """Take in a record that comes, or stands in other schools than before."""
        match draft.collection:
            case collection if collection == CLASSES:
                self.class_schools[draft.sourced_id] = draft.columns["school_id"]
            case collection if collection == USERS:
                self.student_schools[draft.sourced_id] = draft.schools
            case collection if collection == OLDER_USERS and draft.columns["is_student"]:
                self.students_v1p1.add(draft.sourced_id)
            case collection if collection == SESSIONS and draft.columns["type"] == "gradingPeriod":
                self.grading_periods[draft.sourced_id] = draft.sourced_id
                if draft.columns["parent_id"] is not None:
                    self.grading_periods[draft.columns["parent_id"]] = draft.sourced_id
