"""Wire models of the OneRoster 1.2 gradebook, assessments included; conventions are `record`'s.

What is written over OneRoster may have members that the standard does not know: they are sent back
as they were written, after the standard's own. Without such members a record is valid by 1EdTech's
closed schemas. Here the models only say what is sent; the projector's rules read what was written.
"""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from rosterline.oneroster.record import DateText, Model, Record, Reference
from rosterline.oneroster.vocabulary import BooleanText

Extension = Annotated[str, Field(pattern=r"^ext:[a-zA-Z0-9._-]+$")]
ScoreStatusWord = Literal[
    "exempt", "fully graded", "not submitted", "partially graded", "submitted"
]
ScoreStatus = ScoreStatusWord | Extension
# The official pattern for other sources is broken, so that none can be sent (ONEROSTER §8, row 12).
ObjectiveSource = Literal["case", "unknown"]
Number = (
    Annotated[int, Field(strict=True)] | Annotated[float, Field(strict=True, allow_inf_nan=False)]
)
MomentText = Annotated[
    str,
    Field(
        pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$",
        json_schema_extra={"format": "date-time"},
    ),
]


class WrittenPart(Model):
    """A part of a written record, with whatever else was written there."""

    model_config = ConfigDict(extra="allow")


class WrittenRecord(Record):
    """A record that somebody wrote over OneRoster, with whatever else they wrote."""

    model_config = ConfigDict(extra="allow")

    metadata: dict[str, Any] | None = None


class Category(WrittenRecord):
    """A kind of work, such as homework, and its share of the grade."""

    title: str
    weight: Number | None = None


class ScoreScaleValue(WrittenPart):
    """A score, and what it is called."""

    item_value_lhs: str = Field(alias="itemValueLHS")
    item_value_rhs: str = Field(alias="itemValueRHS")


class ScoreScale(WrittenRecord):
    """How a class maps scores."""

    title: str
    type: str
    course: Reference | None = None
    class_: Reference = Field(alias="class")
    score_scale_value: tuple[ScoreScaleValue, ...] = Field(min_length=1)


class LearningObjectiveSet(WrittenPart):
    """The learning objectives that a piece of work is about."""

    source: ObjectiveSource
    learning_objective_ids: tuple[str, ...] = Field(min_length=1)


class LearningObjectiveResult(WrittenPart):
    """How a learning objective was met."""

    learning_objective_id: str
    score: Number | None = None
    text_score: str | None = None


class LearningObjectiveScoreSet(WrittenPart):
    """How the learning objectives of one source were met."""

    source: ObjectiveSource
    learning_objective_results: tuple[LearningObjectiveResult, ...] = Field(min_length=1)


class LineItem(WrittenRecord):
    """A column of a class's gradebook."""

    title: str
    description: str | None = None
    assign_date: MomentText
    due_date: MomentText
    class_: Reference = Field(alias="class")
    school: Reference
    category: Reference
    grading_period: Reference | None = None
    academic_session: Reference | None = None
    score_scale: Reference | None = None
    result_value_min: Number | None = None
    result_value_max: Number | None = None
    learning_objective_set: tuple[LearningObjectiveSet, ...] | None = None


class Result(WrittenRecord):
    """A student's score in a column."""

    line_item: Reference
    student: Reference
    class_: Reference | None = Field(default=None, alias="class")
    score_scale: Reference | None = None
    score_status: ScoreStatus
    score: Number | None = None
    text_score: str | None = None
    score_date: DateText
    comment: str | None = None
    learning_objective_set: tuple[LearningObjectiveScoreSet, ...] | None = None
    in_progress: BooleanText | None = None
    incomplete: BooleanText | None = None
    late: BooleanText | None = None
    missing: BooleanText | None = None


class AssessmentLineItem(WrittenRecord):
    """An assessment, or a part of the one that it names as its parent."""

    title: str
    description: str | None = None
    class_: Reference | None = Field(default=None, alias="class")
    parent_assessment_line_item: Reference | None = None
    score_scale: Reference | None = None
    result_value_min: Number | None = None
    result_value_max: Number | None = None
    learning_objective_set: tuple[LearningObjectiveSet, ...] | None = None


class AssessmentResult(WrittenRecord):
    """A student's score in an assessment, or in a part of one."""

    assessment_line_item: Reference
    student: Reference
    score: Number | None = None
    text_score: str | None = None
    score_date: DateText
    score_scale: Reference | None = None
    score_percentile: Number | None = None
    score_status: ScoreStatus
    comment: str | None = None
    learning_objective_set: tuple[LearningObjectiveScoreSet, ...] | None = None
    in_progress: BooleanText | None = None
    incomplete: BooleanText | None = None
    late: BooleanText | None = None
    missing: BooleanText | None = None
