"""Documents → writes in a spool: builds what written records should be and keeps what differs.

The same for documents that changed, for those that show something of the roster that changed, and
for all of them.
"""

from collections.abc import Iterable, Mapping

import asyncpg

from rosterline.oneroster.vocabulary import WRITTEN, Collection, Entity, Version
from rosterline.projector.documents import TouchedDocuments
from rosterline.projector.gather_written import (
    MOST_DOCUMENTS,
    Around,
    dependents,
    documents,
    fetch_bodies,
    fetch_results_of,
    parents_before_children,
)
from rosterline.projector.load import orphans
from rosterline.projector.project import settle
from rosterline.projector.projection import Projection
from rosterline.projector.shown import Shown
from rosterline.projector.wanted import Records, Wanted, runs
from rosterline.projector.writes import Spool
from rosterline.projector.written import drafts_of


async def project_documents(around: Around, touched: TouchedDocuments, spool: Spool) -> None:
    """Add to the spool what the touched documents change in the read model."""
    await spread_to_results(around, touched)
    for entity in WRITTEN[Version.V1P2]:
        numbers = touched.records.get(entity)
        if numbers:
            ordered = await parents_before_children(around.connection, entity, numbers)
            for run in runs(ordered, MOST_DOCUMENTS):
                await settle_documents(around, entity, {key: numbers[key] for key in run}, spool)


async def project_dependents(
    projection: Projection, shown: Shown, spool: Spool, guids: Iterable[str] = ()
) -> None:
    """Add to the spool what written records show of a roster that is about to be written.

    `guids` are those of people who come, go or have another one. While documents are sent anew
    nothing is: the end of that makes all of them anew.
    """
    if projection.records.cursor.loading:
        return
    connection = projection.connection
    around = Around(connection, shown)
    async for entity, sourced_ids in dependents(connection, shown, guids):
        await settle_documents(around, entity, dict.fromkeys(sourced_ids, 0), spool)


async def project_all(around: Around, spool: Spool) -> None:
    """Add to the spool all that differs between the mirror's documents and the read model."""
    async for entity, sourced_ids in documents(around.connection):
        await settle_documents(around, entity, dict.fromkeys(sourced_ids, 0), spool)
    await project_orphans(around.connection, spool)


async def project_orphans(connection: asyncpg.Connection, spool: Spool) -> None:
    """Add to the spool that records go whose documents are no more."""
    async for wanted in orphans(connection, written=True):
        await settle(connection, wanted, spool)


async def settle_documents(
    around: Around, entity: Entity, numbers: Mapping[str, int], spool: Spool
) -> None:
    """Compare the records of documents with what is stored; a document that is gone has none."""
    bodies = await fetch_bodies(around.connection, entity, numbers)
    facts = await around.facts(entity, bodies)
    versions = [version for version in Version if entity in WRITTEN[version]]
    records: dict[Version, Records] = {version: {} for version in versions}
    for sourced_id, number in numbers.items():
        body = bodies.get(sourced_id)
        drafts = {} if body is None else drafts_of(entity, sourced_id, body, facts)
        for version in versions:
            records[version][sourced_id] = drafts.get(version), number
    for version in versions:
        wanted = Wanted(Collection(version, entity), records[version])
        await settle(around.connection, wanted, spool)


async def spread_to_results(around: Around, touched: TouchedDocuments) -> None:
    """Add the results of line items of which results must know something else than before."""
    numbers = touched.records.get(Entity.LINE_ITEMS, {})
    for run in runs(touched.line_items, MOST_DOCUMENTS):
        results = await fetch_results_of(around.connection, run)
        concerned = {line_item_id for _, line_item_id in results}
        before = {
            sourced_id: body
            for sourced_id in concerned
            if (body := touched.line_items[sourced_id]) is not None
        }
        old, new = await around.facts_for_results(before), await around.line_items(concerned)
        for sourced_id, line_item_id in results:
            if old.get(line_item_id) != new.get(line_item_id):
                touched.follow(Entity.RESULTS, sourced_id, numbers[line_item_id])
