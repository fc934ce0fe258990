"""Documents as they are written over OneRoster: one of each kind, beside `api.ONE_OF_EACH`."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from rosterline.oneroster.resources import LINKS
from rosterline.oneroster.vocabulary import Entity
from rosterline.projector.rules.written_facts import LineItemFacts, StudentFacts, WrittenFacts


class Document(NamedTuple):
    """A row of `records.document`."""

    collection: str
    body: Mapping[str, Any]

    @property
    def sourced_id(self) -> str:
        """Its key beside the collection."""
        return str(self.body["sourcedId"])

    @property
    def entity(self) -> Entity | None:
        """What it is; None for a link."""
        return None if self.collection in LINKS else Entity(self.collection)

    def but(self, **members: object) -> "Document":
        """The same with other members; None takes one away."""
        body = {**self.body, **members}
        return Document(
            self.collection, {name: value for name, value in body.items() if value is not None}
        )


def ref(sourced_id: str) -> dict[str, str]:
    """A reference as clients write it."""
    return {"sourcedId": sourced_id}


CLASS, COURSE, STUDENT = "class-1", "course-1", "student-1"
BATTERY = "6f1f7f0e-0c3b-4a52-9e0a-3f6c1f8d2a01"
READING = "6f1f7f0e-0c3b-4a52-9e0a-3f6c1f8d2a02"
VOCABULARY = "6f1f7f0e-0c3b-4a52-9e0a-3f6c1f8d2a03"
ASSESSMENT_RESULTS = {
    BATTERY: "a7c2d9b4-58e1-4c06-8f3d-91b0c4e7d501",
    READING: "a7c2d9b4-58e1-4c06-8f3d-91b0c4e7d502",
    VOCABULARY: "a7c2d9b4-58e1-4c06-8f3d-91b0c4e7d503",
}
OBJECTIVE = "0d9c8b7a-6f5e-4d3c-9b2a-190807060504"

CATEGORY = Document("categories", {"sourcedId": "category-1", "title": "Homework", "weight": 40})
SCORE_SCALE = Document(
    "scoreScales",
    {
        "sourcedId": "scale-1",
        "status": "active",
        "title": "Letters",
        "type": "letter",
        "course": ref(COURSE),
        "class": ref(CLASS),
        "scoreScaleValue": [
            {"itemValueLHS": "A", "itemValueRHS": "90"},
            {"itemValueLHS": "B", "itemValueRHS": "80"},
        ],
    },
)
LINE_ITEM = Document(
    "lineItems",
    {
        "sourcedId": "line-item-1",
        "title": "Fractions",
        "description": "Pages 4 to 7",
        "assignDate": "2026-09-01T06:00:00.000Z",
        "dueDate": "2026-09-08T06:00:00.000Z",
        "class": ref(CLASS),
        "school": ref("school-1"),
        "category": ref("category-1"),
        "gradingPeriod": ref("period-1"),
        "academicSession": ref("term-1"),
        "scoreScale": ref("scale-1"),
        "resultValueMin": 0,
        "resultValueMax": 100,
        "learningObjectiveSet": [{"source": "case", "learningObjectiveIds": [OBJECTIVE]}],
    },
)
RESULT = Document(
    "results",
    {
        "sourcedId": "result-1",
        "lineItem": ref("line-item-1"),
        "student": ref(STUDENT),
        "class": ref(CLASS),
        "scoreScale": ref("scale-1"),
        "scoreStatus": "fully graded",
        "score": 92.5,
        "textScore": "A",
        "scoreDate": "2026-09-09",
        "comment": 'Über alles "gut"',
        "learningObjectiveSet": [
            {
                "source": "case",
                "learningObjectiveResults": [{"learningObjectiveId": OBJECTIVE, "score": 4}],
            }
        ],
        "late": "false",
    },
)
RESOURCE = Document(
    "resources",
    {
        "sourcedId": "resource-1",
        "title": "Fractions for all",
        "roles": ["student", "teacher"],
        "importance": "primary",
        "vendorResourceId": "v-1",
        "vendorId": "press",
        "applicationId": "reader",
    },
)
LINK_DOCUMENTS = (
    Document(
        "classResources",
        {"sourcedId": "link-1", "class": ref(CLASS), "resource": ref("resource-1")},
    ),
    Document(
        "courseResources",
        {"sourcedId": "link-2", "course": ref(COURSE), "resource": ref("resource-1")},
    ),
    Document(
        "userResources",
        {"sourcedId": "link-3", "user": ref(STUDENT), "resource": ref("resource-1")},
    ),
)


def assessment(sourced_id: str, title: str, parent: str | None = None) -> Document:
    """An assessment line item."""
    body = {"sourcedId": sourced_id, "title": title, "resultValueMin": 0, "resultValueMax": 60}
    return Document(
        "assessmentLineItems",
        body if parent is None else {**body, "parentAssessmentLineItem": ref(parent)},
    )


def assessment_result(line_item: str, **members: object) -> Document:
    """A result for an assessment line item."""
    body = {
        "sourcedId": ASSESSMENT_RESULTS[line_item],
        "assessmentLineItem": ref(line_item),
        "student": ref(STUDENT),
        "scoreDate": "2026-10-05",
    }
    return Document("assessmentResults", {**body, **members})


ONE_OF_EACH_WRITTEN: tuple[Document, ...] = (
    CATEGORY,
    SCORE_SCALE,
    LINE_ITEM,
    RESULT,
    assessment(BATTERY, "Fall battery"),
    assessment(READING, "Reading", BATTERY),
    assessment(VOCABULARY, "Vocabulary", READING).but(**{"class": ref(CLASS)}),
    assessment_result(BATTERY),
    assessment_result(READING),
    assessment_result(VOCABULARY, score=51, scorePercentile=88.5, scoreStatus="fully graded"),
    RESOURCE,
    *LINK_DOCUMENTS,
)
FACTS = WrittenFacts(
    class_schools={CLASS: "school-1"},
    students={STUDENT: StudentFacts(("school-1",), "s17")},
    line_items={"line-item-1": LineItemFacts(CLASS, in_v1p1=True)},
    grading_periods={"term-1": "period-1", "period-1": "period-1"},
)
