"""What the segments of addresses stand for, in words: tags, summaries and ids are told with them.

Pure. The ids of the roster are those of the SIS, so that staff can look records up by what they
see there (seed 001, A Specific Record).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from rosterline.oneroster.vocabulary import Version


@dataclass(frozen=True, slots=True)
class Kind:
    """Records as an address calls them: one of them, all of them, and what their ids are.

    `shown` is a made-up id; `note_v1p1` and `shown_v1p1` stand where 1.1 has other ids.
    """

    single: str
    about: str
    note: str
    shown: str
    note_v1p1: str | None = None
    shown_v1p1: str | None = None

    def id_note(self, version: Version) -> str:
        """What the id is."""
        return (version is Version.V1P1 and self.note_v1p1) or self.note

    def id_shown(self, version: Version) -> str:
        """An id as it may look."""
        return (version is Version.V1P1 and self.shown_v1p1) or self.shown


SCHOOL_ID = "359b1548-81a0-45b3-bfc6-e35ccfaf0010"
DISTRICT_ID = "6018366c-f658-47a7-9ed3-4fe53a096533"
PERSON_ID = "0A987F90-B6F1-47C1-8967-1A8A1234D563"
TEACHER_ID = "5C1E2F77-1D0B-4A55-8F8E-6B0C2E9A7714"
CLASS_ID = "285487"
COURSE_ID = "1872"
TERM_ID = "1042"
GRADING_PERIOD_ID = f"gp{TERM_ID}"
SCHOOL_YEAR_ID = "sy27"
ENROLLMENT_ID = "r20415"
CATEGORY_ID = "homework"
SCORE_SCALE_ID = "letters"
LINE_ITEM_ID = "fractions-1"
RESULT_ID = "fractions-1-s1234"
ASSESSMENT_ID = "6f1f7f0e-0c3b-4a52-9e0a-3f6c1f8d2a01"
PARENT_ASSESSMENT_ID = "6f1f7f0e-0c3b-4a52-9e0a-3f6c1f8d2a00"
ASSESSMENT_RESULT_ID = "a7c2d9b4-58e1-4c06-8f3d-91b0c4e7d501"
RESOURCE_ID = "reader-7"
STUDENT_V1P1 = "s1234"
TEACHER_V1P1 = "t88"

GUID = "the Person GUID"
LETTER = "a letter for the role (s student, t teacher, a other staff, g guardian, r relative) and "
AS_WRITTEN = "as whoever wrote it chose it"

KINDS: Mapping[str, Kind] = {
    "academicSessions": Kind(
        "academic session",
        "School years, terms and grading periods",
        "the Term ID; `gp` and the Term ID for a grading period; `sy` and the School Year ID",
        TERM_ID,
    ),
    "classes": Kind("class", "Sections of courses", "the Section ID", CLASS_ID),
    "courses": Kind("course", "What schools teach", "the Course ID", COURSE_ID),
    "demographics": Kind(
        "record of demographics",
        "Birth, sex and ethnicity of users; with a scope of its own",
        f"that of the user: {GUID}",
        PERSON_ID,
        f"that of the user: {LETTER}the Person ID",
        STUDENT_V1P1,
    ),
    "enrollments": Kind(
        "enrollment",
        "Places of students and teachers in classes",
        "`r` and the Roster ID, or `t` and the Section Staff ID",
        ENROLLMENT_ID,
    ),
    "gradingPeriods": Kind(
        "grading period",
        "Academic sessions of this type",
        "`gp` and the Term ID",
        GRADING_PERIOD_ID,
    ),
    "orgs": Kind(
        "org", "The district and its schools", "the School GUID or the District GUID", SCHOOL_ID
    ),
    "schools": Kind("school", "Orgs of this type", "the School GUID", SCHOOL_ID),
    "students": Kind(
        "student",
        "Users with this role",
        GUID,
        PERSON_ID,
        "`s` and the Person ID",
        STUDENT_V1P1,
    ),
    "teachers": Kind(
        "teacher",
        "Users with this role",
        GUID,
        TEACHER_ID,
        "`t` and the Person ID",
        TEACHER_V1P1,
    ),
    "terms": Kind("term", "Academic sessions of this type", "the Term ID", TERM_ID),
    "users": Kind(
        "user",
        "Students, teachers, other staff, guardians and relatives",
        GUID,
        PERSON_ID,
        f"{LETTER}the Person ID",
        STUDENT_V1P1,
    ),
    "categories": Kind("category", "Kinds of work, such as homework", AS_WRITTEN, CATEGORY_ID),
    "lineItems": Kind("line item", "Columns of gradebooks", AS_WRITTEN, LINE_ITEM_ID),
    "results": Kind("result", "Scores in gradebooks", AS_WRITTEN, RESULT_ID),
    "scoreScales": Kind("score scale", "What scores are called", AS_WRITTEN, SCORE_SCALE_ID),
    "assessmentLineItems": Kind(
        "assessment line item", "Assessments and their parts", "a version 4 UUID", ASSESSMENT_ID
    ),
    "assessmentResults": Kind(
        "assessment result", "Scores in assessments", "a version 4 UUID", ASSESSMENT_RESULT_ID
    ),
    "resources": Kind("resource", "Learning material of vendors", AS_WRITTEN, RESOURCE_ID),
}
