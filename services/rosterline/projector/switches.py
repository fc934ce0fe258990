"""Changed switches of the installation: brings the records that they touch to them at once.

Until then, and in every record that changes meanwhile, the old switches hold.
"""

from collections.abc import AsyncIterator
from dataclasses import fields, replace

import asyncpg
import structlog

from rosterline.projector.facts import Switches
from rosterline.projector.guard import TooManyLossesError
from rosterline.projector.load import LEAST_KEY
from rosterline.projector.project import project
from rosterline.projector.project_written import project_dependents
from rosterline.projector.projection import Projection
from rosterline.projector.scopes import Scope, Touched
from rosterline.projector.writes import Spool
from rosterline.telemetry import failpoints

log = structlog.get_logger(__name__)

# The people whose records a switch touches, in portions behind a key.
TOUCHED_BY: dict[str, str] = {
    "local_grades": """
SELECT DISTINCT person_id FROM mirror.enrollment WHERE person_id > $1 ORDER BY person_id LIMIT $2
""",
    "secondary_email_v1p1": """
SELECT person_id FROM mirror.person WHERE secondary_email IS NOT NULL AND person_id > $1
ORDER BY person_id LIMIT $2
""",
}


def differing(old: Switches, new: Switches) -> list[str]:
    """The switches that were turned."""
    names = [each.name for each in fields(Switches)]
    return [name for name in names if getattr(old, name) != getattr(new, name)]


async def turn_switches(projection: Projection) -> None:
    """Let the records hold for the settings' switches if they hold for others.

    A database that has not noted its switches was made with those that are off.
    """
    connection, new = projection.connection, projection.switches
    old = projection.clock.switches or Switches()
    turned = differing(old, new)
    if not turned:
        return
    context = replace(projection.context(projection.reference), switches=new)

    async def fill(spool: Spool, written: Spool) -> None:
        async for touched in touched_by(connection, turned, projection.load_people):
            await project(connection, context, touched, projection.run_size, spool)
            failpoints.reach(failpoints.PROJECTOR_DURING_REBUILD)
        await project_dependents(projection, spool.shown, written)

    name = f"switches-{projection.clock.last_sequence}"
    try:
        changed = await projection.revise(name, context, fill, guarded=True)
    except TooManyLossesError as error:
        log.warning("projector.switches_refused", would_delete=str(error), switches=turned)
        projection.switches = old
        return
    log.info("projector.switches", turned=turned, records=changed)


async def touched_by(
    connection: asyncpg.Connection, turned: list[str], people: int
) -> AsyncIterator[Touched]:
    """The people whom the turned switches touch, each once."""
    union = " UNION ".join(f"({TOUCHED_BY[name]})" for name in turned)
    query = f"SELECT person_id FROM ({union}) AS touched ORDER BY person_id LIMIT $2"
    after = LEAST_KEY
    while keys := [row[0] for row in await connection.fetch(query, after, people)]:
        touched = Touched()
        for key in keys:
            touched.add(Scope.PERSON, key, 0)
        yield touched
        after = keys[-1]
