"""However many documents there are, few of them are held at a time."""

from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest

from rosterline.oneroster.vocabulary import Entity
from rosterline.projector import gather_written, project_written
from rosterline.projector.gather_written import BODIES, documents
from rosterline.projector.rebuild import rebuild
from tests.integration.projector.checks import feed_faults
from tests.integration.projector.test_departures import GUID, settle
from tests.support.gradebooks import put
from tests.support.projection import Chain
from tests.support.servers import Databases
from tests.support.written_documents import BATTERY, assessment, assessment_result, ref

FEW, MANY = 2, 7
SCORES = [
    assessment_result(BATTERY).but(sourcedId=f"score-{number}", student=ref(GUID))
    for number in range(MANY)
]
STANDING = "SELECT DISTINCT schools FROM v1p2.assessment_results"
INSERT = """
INSERT INTO mirror.document (collection, sourced_id, parent_id, body, revision)
SELECT 'assessmentLineItems', sourced_id, parent_id, '{}', 1
FROM unnest($1::text[], $2::text[]) AS given (sourced_id, parent_id)
"""
# By id the lowest comes first; the last two stand below each other.
TREES = [("a", "b"), ("b", "c"), ("c", None), ("d", "c"), ("e", "gone"), ("f", "g"), ("g", "f")]


@dataclass
class Asked:
    """How many documents were asked for, each time."""

    sizes: list[int] = field(default_factory=list)

    def note(self, record: Any) -> None:
        """Take in a query."""
        if record.query == BODIES:
            self.sizes.append(len(record.args[1]))


@pytest.fixture
def _few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (gather_written, project_written):
        monkeypatch.setattr(module, "MOST_DOCUMENTS", FEW)


@pytest.mark.usefixtures("_few_at_a_time")
async def test_documents_are_worked_off_a_few_at_a_time_whatever_concerns_them(
    chain: Chain,
) -> None:
    mover, asked, projection = await settle(chain), Asked(), chain.store.projection
    projection.connection.add_query_logger(asked.note)
    await put(chain.store.reader, assessment(BATTERY, "Fall"), *SCORES)
    await chain.sync_records()
    await mover.go()
    assert [row[0] for row in await chain.store.reader.fetch(STANDING)] == [[mover.other]]
    await rebuild(projection, projection.context(projection.reference), "rebuild-1")
    projection.connection.remove_query_logger(asked.note)
    assert sum(asked.sizes) >= 3 * MANY
    assert max(asked.sizes) == FEW
    await chain.store.collect()
    assert feed_faults(chain.store.events) == []


@pytest.mark.usefixtures("_few_at_a_time")
async def test_all_line_items_of_assessments_come_after_their_parents(databases: Databases) -> None:
    connection = await asyncpg.connect(databases.dsn)
    await connection.execute(INSERT, *map(list, zip(*TREES, strict=True)))
    found = [run async for run in documents(connection)]
    await connection.close()
    assert found == [
        (Entity.ASSESSMENT_LINE_ITEMS, run) for run in (["c", "e"], ["b", "d"], ["a", "f"], ["g"])
    ]
