"""A written document → its drafts in both versions, ready for the read model. Pure.

Who calls it gathers the facts, line items before results: `line_item_facts` says what a line
item's drafts mean for its results.
"""

from collections.abc import Mapping

import orjson

from rosterline.oneroster.reading import Body
from rosterline.oneroster.vocabulary import WRITTEN, Collection, Entity, Version
from rosterline.projector.draft import Draft, digest_of, text_of
from rosterline.projector.rules.schools import Reach
from rosterline.projector.rules.verdict import KeptOut, Verdict
from rosterline.projector.rules.written import build_written
from rosterline.projector.rules.written_columns import (
    Keys,
    keys_in_v1p1,
    keys_of,
    reach_of_written,
)
from rosterline.projector.rules.written_facts import LineItemFacts, WrittenFacts
from rosterline.projector.rules.written_v1p1 import written_in_v1p1

Drafts = Mapping[Version, Draft | None]


def drafts_of(entity: Entity, sourced_id: str, body: Body, facts: WrittenFacts) -> Drafts:
    """The document's draft in each version that knows the entity; None where it is kept out."""
    record = build_written(entity, sourced_id, body, facts)
    if isinstance(record, KeptOut):
        return {version: None for version in Version if entity in WRITTEN[version]}
    keys, reach = keys_of(record, facts), reach_of_written(record, facts)
    newer = Collection(Version.V1P2, entity)
    drafts = {newer.version: to_written_draft(newer, record, keys, reach)}
    if entity in WRITTEN[Version.V1P1]:
        older = Collection(Version.V1P1, entity)
        drafts[older.version] = to_written_draft(
            older, written_in_v1p1(record, facts), keys_in_v1p1(keys, facts), reach
        )
    return drafts


def to_written_draft(
    collection: Collection, verdict: Verdict, keys: Keys, reach: Reach
) -> Draft | None:
    """The record's draft.

    What a resource is linked to shows in its columns alone, so the digest is taken of them too.
    """
    if isinstance(verdict, KeptOut):
        return None
    template = text_of(verdict)
    digest = digest_of(template, reach, orjson.dumps(keys).decode())
    return Draft(
        collection, verdict.sourced_id, verdict.status, template, digest, dict(keys), reach
    )


def line_item_facts(drafts: Drafts) -> LineItemFacts | None:
    """What the results of a line item must know of it; None when it is kept out."""
    draft = drafts[Version.V1P2]
    if draft is None:
        return None
    return LineItemFacts(draft.columns["class_id"], in_v1p1=drafts[Version.V1P1] is not None)
