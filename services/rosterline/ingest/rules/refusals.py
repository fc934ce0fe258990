"""Refusals for which seed 002 has no text: they name members and ids, never other values. Pure."""

from collections.abc import Iterable

from rosterline.ingest.lines import Refused
from rosterline.ingest.rules.texts import INVALID_DATA, UNKNOWN_OBJECT
from rosterline.oneroster.vocabulary import Entity
from rosterline.oneroster.written import Problem

FORBIDDEN, DELETE_FAILURE = "forbidden", "deletefailure"


def not_allowed(scopes: Iterable[str]) -> Refused:
    """The connection has none of the scopes that allow it."""
    return Refused(
        403,
        FORBIDDEN,
        f"The connection, and its access token, needs the scope {' or '.join(scopes)}",
    )


def not_writable(entity: Entity) -> Refused:
    """No command can write records of this kind, or not in the connection's version."""
    return Refused(403, FORBIDDEN, f"The connection cannot write {entity.value}")


def stands_elsewhere(entity: Entity, sourced_id: str) -> Refused:
    """The record belongs to schools that the connection does not serve, or to others with it."""
    text = f"The {entity.single} {sourced_id} stands outside the schools of the connection"
    return Refused(403, FORBIDDEN, text)


def no_record(entity: Entity, sourced_id: str) -> Refused:
    """ONEROSTER §4.5: 404 is for "unknown sourcedId (path object …)"."""
    text = f"No {entity.single} record exists with the sourcedId {sourced_id}"
    return Refused(404, UNKNOWN_OBJECT, text)


def not_valid(entity: Entity, problems: Iterable[Problem]) -> Refused:
    """All that is wrong with the members, in one answer."""
    told = "; ".join(f"{member} {message}" for member, message in problems)
    return Refused(422, INVALID_DATA, f"The {entity.single} cannot be stored: {told}")


def is_too_large(entity: Entity, most: int) -> Refused:
    """What was sent is small enough, but not what it would be merged into."""
    text = f"A record may have at most {most} bytes: with this the {entity.single} would have more"
    return Refused(422, INVALID_DATA, text)


def names_unknown(entity: Entity, unknown: Iterable[tuple[str, str]]) -> Refused:
    """ONEROSTER §4.6: "References in a body that do not resolve: 422 `invaliddata`"."""
    told = "; ".join(f"{member} names {name}, which does not exist" for member, name in unknown)
    text = f"The {entity.single} cannot be stored: {told}"
    return Refused(422, INVALID_DATA, text, may_resolve=True)


def is_spelled(entity: Entity, sourced_id: str, stored_id: str) -> Refused:
    """The same UUID is there in other letters, and is read and written by these."""
    text = f"sourcedId {sourced_id} is the UUID of {stored_id}: use it as it is spelled there"
    return Refused(422, INVALID_DATA, f"The {entity.single} cannot be stored: {text}")


def makes_a_circle(sourced_id: str, parent_id: str) -> Refused:
    """The parent stands below the line item, or is the line item itself."""
    return Refused(
        422,
        INVALID_DATA,
        f"{sourced_id} Assessment Line Item's referenced Parent Line Item must not be the line "
        f"item itself or stand below it. {parent_id} does.",
    )


def stands_too_deep(sourced_id: str, levels: int) -> Refused:
    """Every level above costs each result a blank one: there is an end to them."""
    return Refused(
        422,
        INVALID_DATA,
        f"{sourced_id} Assessment Line Item would stand too deep: a tree may have at most {levels} "
        "levels.",
    )


def would_move(sourced_id: str, referring: Iterable[Entity]) -> Refused:
    """The parent is another, and the line item has results, or children that may have some."""
    return Refused(
        422,
        INVALID_DATA,
        f"{sourced_id} Assessment Line Item's referenced Parent Line Item cannot be changed while "
        f"{told_of(referring)} refer to the line item. Delete these first, or create a new line "
        "item below the other parent.",
    )


def of_another_class(class_id: str, line_item_id: str) -> Refused:
    """ONEROSTER §3.4: a result's line item has a class, and the result's can be no other."""
    return not_valid(
        Entity.RESULTS,
        [Problem("class", f"names {class_id}, which is not the class of lineItem {line_item_id}")],
    )


def of_another_school(school_id: str, class_id: str) -> Refused:
    """ONEROSTER §3.4: the school of a line item is that of its class."""
    return not_valid(
        Entity.LINE_ITEMS,
        [Problem("school", f"names {school_id}, which is not the school of class {class_id}")],
    )


def is_referred_to(entity: Entity, sourced_id: str, referring: Iterable[Entity]) -> Refused:
    """ONEROSTER §4.6: "if refused (e.g. lineItem with results) failure with `deletefailure`"."""
    told = told_of(referring)
    text = f"The {entity.single} {sourced_id} cannot be deleted while {told} refer to it"
    return Refused(422, DELETE_FAILURE, text)


def told_of(referring: Iterable[Entity]) -> str:
    """The collections, in a sentence."""
    return " and ".join(sorted(each.value for each in referring))
