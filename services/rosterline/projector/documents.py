"""Documents that changed, and the written records that are to be built anew because of it. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from rosterline.oneroster.reading import Body
from rosterline.oneroster.resources import LINKS
from rosterline.oneroster.vocabulary import WRITTEN, Entity, Version
from rosterline.projector.rules.written_columns import link_of

DOCUMENT = "document"
Image = Mapping[str, Any]
Numbers = dict[str, int]


class TouchedDocuments:
    """Written records to rebuild by entity, each with the number of the transaction that did it.

    `line_items` are changed line items as they were before, None for new ones: what results must
    know of them may have changed. `revision` is the highest of the changed rows. `conflict` is the
    number of the first transaction that must not be written with one stamp with those before it.
    """

    def __init__(self) -> None:
        self.records: dict[Entity, Numbers] = {}
        self.line_items: dict[str, Body | None] = {}
        self.revision = 0
        self.conflict: int | None = None

    def __bool__(self) -> bool:
        return bool(self.records or self.revision)

    def add(self, entity: Entity, sourced_id: str, transaction: int) -> None:
        """Note a record that is to be rebuilt."""
        known = self.records.setdefault(entity, {}).setdefault(sourced_id, transaction)
        if known != transaction:
            self.clash(max(known, transaction))

    def follow(self, entity: Entity, sourced_id: str, transaction: int) -> None:
        """Note a record that depends on what the transaction changed.

        Whose own change comes later tells it then; one that came earlier would show too much.
        """
        known = self.records.setdefault(entity, {}).setdefault(sourced_id, transaction)
        if known < transaction:
            self.clash(transaction)

    def clash(self, later: int) -> None:
        """Note that a transaction must not be written together with an earlier one."""
        self.conflict = later if self.conflict is None else min(self.conflict, later)

    def touch(self, before: Image | None, after: Image | None, transaction: int) -> None:
        """Note a changed row of the mirror."""
        for image in (before, after):
            if image is not None:
                self.note(image, transaction)
        image = after or before or {}
        if image["collection"] == Entity.LINE_ITEMS:
            self.line_items.setdefault(image["sourced_id"], body_of(before))
        if after is not None:
            self.revision = max(self.revision, after["revision"] or 0)

    def note(self, image: Image, transaction: int) -> None:
        """Note the record of a row; of a link, the resource that it names."""
        collection = image["collection"]
        if collection in LINKS:
            link = link_of(collection, body_of(image) or {})
            if link is not None:
                self.add(Entity.RESOURCES, link[0], transaction)
        elif collection in ENTITIES:
            self.add(ENTITIES[collection], image["sourced_id"], transaction)

    def merge(self, later: "TouchedDocuments") -> None:
        """Add what a later part of the same transaction touched."""
        for entity, numbers in later.records.items():
            self.records.setdefault(entity, {}).update(numbers)
        self.line_items = {**later.line_items, **self.line_items}
        self.revision = max(self.revision, later.revision)


ENTITIES: Mapping[str, Entity] = {entity.value: entity for entity in WRITTEN[Version.V1P2]}


def body_of(image: Image | None) -> Body | None:
    """A row's document."""
    if image is None or image["body"] is None:
        return None
    body: Body = orjson.loads(image["body"])
    return body


def parents_first(sourced_ids: Iterable[str], parents: Mapping[str, str | None]) -> list[str]:
    """The ids in an order in which none comes before its parent, by id where that leaves a choice.

    A circle, which ingest refuses, is cut where it closes.
    """
    depths: dict[str, int] = {}
    for sourced_id in sourced_ids:
        chain: dict[str, None] = {}
        each: str | None = sourced_id
        while each is not None and each not in depths and each not in chain:
            chain[each] = None
            each = parents.get(each)
        depth = depths.get(each, -1) if each is not None else -1
        depths |= {found: depth + place for place, found in enumerate(reversed(chain), start=1)}
    return sorted(sourced_ids, key=lambda sourced_id: (depths[sourced_id], sourced_id))
