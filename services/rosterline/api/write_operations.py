"""The writes of OneRoster 1.2 and 1.1, and Timeback's of single records: rows of the table. Pure.

PUT and DELETE of one record, POST of several below their parents are the standard's (ONEROSTER
§2.2, §2.4); POST and PATCH of one record are Timeback's, at the addresses of 1.2 alone.
"""

from dataclasses import replace

from rosterline.api import relations
from rosterline.api.endpoints import Endpoint, Service, Shape
from rosterline.api.relations import Relation
from rosterline.oneroster.scopes import (
    ASSESSMENT_DELETE,
    ASSESSMENT_PUT,
    GRADEBOOK_DELETE,
    GRADEBOOK_POST,
    GRADEBOOK_PUT,
    in_v1p1,
)
from rosterline.oneroster.vocabulary import WRITTEN, Entity, Version

ASSESSMENTS = frozenset({Entity.ASSESSMENT_LINE_ITEMS, Entity.ASSESSMENT_RESULTS})
GRADEBOOK: tuple[Entity, ...] = (
    Entity.ASSESSMENT_LINE_ITEMS,
    Entity.ASSESSMENT_RESULTS,
    Entity.CATEGORIES,
    Entity.LINE_ITEMS,
    Entity.RESULTS,
    Entity.SCORE_SCALES,
)


def put_and_delete(entity: Entity) -> tuple[Endpoint, Endpoint]:
    """A record under an id that its writer chose, and its end."""
    is_assessment = entity in ASSESSMENTS
    return (
        _single("PUT", entity, (ASSESSMENT_PUT if is_assessment else GRADEBOOK_PUT,)),
        _single("DELETE", entity, (ASSESSMENT_DELETE if is_assessment else GRADEBOOK_DELETE,)),
    )


def post_and_patch(entity: Entity) -> tuple[Endpoint, Endpoint]:
    """A new record, and some members of one that is there; who may replace it may do both."""
    put = ASSESSMENT_PUT if entity in ASSESSMENTS else GRADEBOOK_PUT
    creating = (put,) if entity in ASSESSMENTS else (GRADEBOOK_POST, GRADEBOOK_PUT)
    return (
        replace(_single("POST", entity, creating), path=f"/{entity}"),
        _single("PATCH", entity, (put,)),
    )


def post_several(
    path: str, name: str, entity: Entity, relation: Relation, *given: str | None
) -> Endpoint:
    """New records below their parents, under ids that Rosterline allocates: all, or none."""
    return Endpoint(
        "POST",
        path,
        name,
        entity,
        Shape.COLLECTION,
        (GRADEBOOK_POST,),
        relation=relation,
        service=Service.GRADEBOOK,
        given=given,
    )


def _single(method: str, entity: Entity, scopes: tuple[str, ...]) -> Endpoint:
    name = method.lower() + entity.single[0].upper() + entity.single[1:]
    path = f"/{entity}/{{sourcedId}}"
    return Endpoint(method, path, name, entity, Shape.SINGLE, scopes, service=Service.GRADEBOOK)


STANDARD_V1P2: tuple[Endpoint, ...] = (
    *(row for entity in GRADEBOOK for row in put_and_delete(entity)),
    post_several(
        "/classes/{classSourcedId}/academicSessions/{academicSessionSourcedId}/results",
        "postResultsForAcademicSessionForClass",
        Entity.RESULTS,
        relations.IN_CLASS_AND_SESSION,
        "class",
        None,
    ),
    post_several(
        "/classes/{classSourcedId}/lineItems",
        "postLineItemsForClass",
        Entity.LINE_ITEMS,
        relations.IN_CLASS,
        "class",
    ),
    post_several(
        "/lineItems/{lineItemSourcedId}/results",
        "postResultsForLineItem",
        Entity.RESULTS,
        relations.IN_LINE_ITEM,
        "lineItem",
    ),
    post_several(
        "/schools/{schoolSourcedId}/lineItems",
        "postLineItemsForSchool",
        Entity.LINE_ITEMS,
        relations.IN_SCHOOL,
        "school",
    ),
)
TIMEBACK: tuple[Endpoint, ...] = tuple(
    row for entity in GRADEBOOK for row in post_and_patch(entity)
)
WRITES_V1P2: tuple[Endpoint, ...] = (*STANDARD_V1P2, *TIMEBACK)
WRITES_V1P1: tuple[Endpoint, ...] = tuple(
    replace(row, version=Version.V1P1, scopes=in_v1p1(row.scopes))
    for row in STANDARD_V1P2
    if row.entity in WRITTEN[Version.V1P1] and row.shape is Shape.SINGLE
)
