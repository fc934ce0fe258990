"""What operators and district staff ask for: a rebuild, an explanation, a report."""

import time
from datetime import date

import asyncpg

from rosterline.launch.operate import rebuild
from rosterline.projector.explain.explainer import explain
from rosterline.projector.explain.report import report
from rosterline.projector.explain.subjects import Question
from tests.bench.installation import Installation

ASKED = 300
PEOPLE = "SELECT person_id FROM mirror.person ORDER BY md5(person_id::text) LIMIT $1"


async def measure_rebuild(installation: Installation, records: int) -> tuple[float, int]:
    """Records a second of a rebuild that finds nothing to write; how many it found."""
    began = time.perf_counter()
    changed = await rebuild(installation.settings, lambda *_: None, released=False)
    return records / (time.perf_counter() - began), changed


async def measure_explain(installation: Installation) -> tuple[float, float]:
    """Milliseconds for one person, of any kind: median and p99."""
    connection = await asyncpg.connect(installation.settings.dsn)
    spans = []
    for (person_id,) in await connection.fetch(PEOPLE, ASKED):
        began = time.perf_counter()
        await explain(connection, Question("person", str(person_id), None, None), date.today())  # noqa: DTZ011 - the projector has stored its own
        spans.append(1000 * (time.perf_counter() - began))
    await connection.close()
    spans.sort()
    return spans[len(spans) // 2], spans[int(len(spans) * 0.99)]


async def measure_report(installation: Installation) -> float:
    """Seconds for the counts of the whole district."""
    connection = await asyncpg.connect(installation.settings.dsn)
    began = time.perf_counter()
    await report(connection, date.today(), lambda *_: None)  # noqa: DTZ011 - likewise
    await connection.close()
    return time.perf_counter() - began
