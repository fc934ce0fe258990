"""Written records in OneRoster 1.1: of 1.2's verdict what 1.1 has too, or why it has nothing.

1.1 demands more than 1.2 and can say less. What is missing is never made up: a made-up score or
limit would be read as a true one. Score scales and assessments do not exist in 1.1.
"""

from rosterline.oneroster import v1p1
from rosterline.oneroster.gradebook import Category, LineItem, Result
from rosterline.oneroster.record import Record
from rosterline.oneroster.resources import Resource
from rosterline.oneroster.v1p1 import reference
from rosterline.oneroster.vocabulary import Entity
from rosterline.projector.rules.verdict import KeptOut, Verdict
from rosterline.projector.rules.written_facts import WrittenFacts
from rosterline.projector.rules.written_reasons import not_in_v1p1

EXTENSION = "ext:"


def written_in_v1p1(verdict: Verdict, facts: WrittenFacts) -> Verdict:
    """The 1.1 record of a document of which 1.2 has this verdict."""
    match verdict:
        case KeptOut():
            return verdict
        case Category():
            return category_in_v1p1(verdict)
        case LineItem():
            return line_item_in_v1p1(verdict, facts)
        case Result():
            return result_in_v1p1(verdict, facts)
        case Resource():
            return resource_in_v1p1(verdict)
        case Record():
            raise ValueError(f"OneRoster 1.1 has no records such as {type(verdict).__name__}")


def category_in_v1p1(category: Category) -> Verdict:
    """ONEROSTER §3.4: `weight` is "new" in 1.2."""
    return v1p1.Category(
        sourced_id=category.sourced_id,
        status=category.status,
        metadata=category.metadata,
        title=category.title,
    )


def line_item_in_v1p1(line_item: LineItem, facts: WrittenFacts) -> Verdict:
    """ONEROSTER §3.4: `gradingPeriod` and both limits are required in 1.1.

    An academic session that is a grading period, or a term that has one, names it as well.
    """
    session = line_item.grading_period
    if session is None and line_item.academic_session is not None:
        session = line_item.academic_session
        period_id = facts.grading_periods.get(session.sourced_id)
    else:
        period_id = None if session is None else session.sourced_id
    if period_id is None:
        return _line_item_kept_out(line_item, "without a grading period", "gradingPeriod")
    if line_item.result_value_min is None or line_item.result_value_max is None:
        limits = "resultValueMin and resultValueMax"
        return _line_item_kept_out(line_item, "without limits of its scores", limits)
    return v1p1.LineItem(
        sourced_id=line_item.sourced_id,
        status=line_item.status,
        metadata=line_item.metadata,
        title=line_item.title,
        description=line_item.description,
        assign_date=line_item.assign_date,
        due_date=line_item.due_date,
        class_=reference(Entity.CLASSES, line_item.class_.sourced_id),
        category=reference(Entity.CATEGORIES, line_item.category.sourced_id),
        grading_period=reference(Entity.ACADEMIC_SESSIONS, period_id),
        result_value_min=line_item.result_value_min,
        result_value_max=line_item.result_value_max,
    )


def result_in_v1p1(result: Result, facts: WrittenFacts) -> Verdict:
    """ONEROSTER §3.4: `score` is required in 1.1; §3.2: its `scoreStatus` is closed.

    The student is named by 1.1's id, and the line item must be in 1.1 (DESIGN §4: "References
    resolve").
    """
    line_item = facts.line_items.get(result.line_item.sourced_id)
    if line_item is None or not line_item.in_v1p1:
        return _result_kept_out(result, "of a line item that it does not have", "another lineItem")
    student = facts.students.get(result.student.sourced_id)
    if student is None or student.v1p1_id is None:
        return _result_kept_out(result, "of a student whom it does not have", "another student")
    if result.score is None:
        return _result_kept_out(result, "without a number", "score")
    if result.score_status.startswith(EXTENSION):
        return _result_kept_out(result, "with a scoreStatus of one's own", "a standard scoreStatus")
    return v1p1.Result.model_validate(
        {
            "sourcedId": result.sourced_id,
            "status": result.status,
            "metadata": result.metadata,
            "lineItem": reference(Entity.LINE_ITEMS, result.line_item.sourced_id),
            "student": reference(Entity.USERS, student.v1p1_id),
            "scoreStatus": result.score_status,
            "score": result.score,
            "scoreDate": result.score_date,
            "comment": result.comment,
        }
    )


def resource_in_v1p1(resource: Resource) -> Verdict:
    """ONEROSTER §3.1: "in 1.1 no vocabulary may be extended", so other roles are left out."""
    roles = resource.roles
    if roles is not None:
        roles = tuple(role for role in roles if not role.startswith(EXTENSION))
    return v1p1.Resource.model_validate(
        {
            "sourcedId": resource.sourced_id,
            "status": resource.status,
            "metadata": resource.metadata,
            "title": resource.title,
            "roles": roles,
            "importance": resource.importance,
            "vendorResourceId": resource.vendor_resource_id,
            "vendorId": resource.vendor_id,
            "applicationId": resource.application_id,
        }
    )


def _line_item_kept_out(line_item: LineItem, because: str, member: str) -> KeptOut:
    return not_in_v1p1(Entity.LINE_ITEMS, line_item.sourced_id, because, member)


def _result_kept_out(result: Result, because: str, member: str) -> KeptOut:
    return not_in_v1p1(Entity.RESULTS, result.sourced_id, because, member)
