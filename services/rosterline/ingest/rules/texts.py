"""The refusals of seed 002, to the letter: they are a contract with assessment systems. Pure.

Each maker is a row of its tables of errors; texts are joined as they are joined there.
"""

from rosterline.ingest.lines import Refused

INVALID_DATA, UNKNOWN_OBJECT = "invaliddata", "unknownobject"


def line_item_id_is_no_uuid(sourced_id: str) -> Refused:
    """The `sourcedId` of a line item "is not in the correct version 4 UUID format"."""
    return _invalid(
        "Assessment Line Item's sourcedId must be in valid UUID format. " + sourced_id + " is not."
    )


def parent_id_is_no_uuid(sourced_id: str, parent_id: str) -> Refused:
    """The `parentAssessmentLineItem.sourcedId` is not in the correct version 4 UUID format."""
    return _invalid(
        sourced_id
        + " Assessment Line Item's referenced Parent Line Item sourcedId must be in valid UUID "
        + "format. "
        + parent_id
        + " is not."
    )


def line_item_has_children(sourced_id: str) -> Refused:
    """A DELETE of "a line item that is referenced as a parentAssessmentLineItem"."""
    return _invalid(
        "The Assessment Line Item record you tried to delete is linked to another Assessment Line "
        "Item record, and the system will not allow you to delete it until you delete the "
        "records that are linked. The child records can be found by getting all Assessment Line "
        "Item records with filter parentAssessmentLineItem. sourcedId=" + sourced_id
    )


def line_item_has_results(sourced_id: str) -> Refused:
    """A DELETE of "a line item that is referenced as a lineItem in an existing" result."""
    return _invalid(
        "The Assessment Line Item record you tried to delete is linked to an Assessment Result "
        "(score) record, and the system will not allow you to delete it until you delete the "
        "record linked to it. The child records can be found by getting all Assessment Line Item "
        "records with filter lineItem.sourcedId=" + sourced_id
    )


def result_id_is_no_uuid(sourced_id: str) -> Refused:
    """The `sourcedId` of a result is not in the correct version 4 UUID format."""
    return _invalid(
        "Assessment Result's sourcedId must be in valid UUID format. " + sourced_id + " is not."
    )


def line_item_of_result_is_no_uuid(sourced_id: str, line_item_id: str) -> Refused:
    """The `assessmentLineItem.sourcedId` is not in the correct version 4 UUID format."""
    return _invalid(
        sourced_id
        + " Assessment Result's referenced Line Item sourcedId must be in valid UUID format. "
        + line_item_id
        + " is not."
    )


def wrong_student() -> Refused:
    """The `student.sourcedId` "does not match that same field in the database"."""
    return _invalid(
        "Cannot put record. Attempted to modify an existing record with wrong student alignment"
    )


def wrong_line_item() -> Refused:
    """The `assessmentLineItem.sourcedId` "does not match that same field in the database"."""
    return _invalid(
        "Cannot put record. Attempted to modify an existing record with wrong assessmentLineItem "
        "alignment"
    )


def duplicate_result(sourced_id: str) -> Refused:
    """A result "with the same student, line item and scoreDate" exists: this one."""
    return _invalid(
        "A duplicate assessment result record exists for this line item, person and date with the "
        "UUID "
        + sourced_id
        + ". Please use this UUID to update or delete the previous record, or create a new record "
        + "by updating one of these three fields."
    )


def no_student(sourced_id: str) -> Refused:
    """The `student.sourcedId` "does not match any student currently in the database"."""
    return _unknown("No student record exists with the GUID " + sourced_id)


def no_line_item(sourced_id: str) -> Refused:
    """The `assessmentLineItem.sourcedId` "does not match any line items currently"."""
    return _unknown("No assessment line item record exists with the GUID " + sourced_id)


def _invalid(text: str) -> Refused:
    return Refused(422, INVALID_DATA, text)


def _unknown(text: str) -> Refused:
    # What is named may still come: the roster may be behind the assessment system.
    return Refused(404, UNKNOWN_OBJECT, text, may_resolve=True)
