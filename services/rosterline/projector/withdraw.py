"""Tombstones for connections that see no agents, of users who were more and are agents only now.

The user goes on for everybody else, so that the read model holds no tombstone. SQL of this stands
here; `rosterline.api` reads the rows for the connections that are concerned.
"""

from datetime import datetime

import asyncpg

from rosterline.oneroster.stamps import format_stamp
from rosterline.oneroster.views import (
    EVERY_APP,
    EVERY_APP_ALTERNATIVE,
    STAMP_START,
    withdrawn,
    without_agents,
)
from rosterline.oneroster.vocabulary import Collection, Entity, Version
from rosterline.projector.writes import Write

# Users who were more than agents, deleted ones too: not every vendor may have seen them go.
SEEN_BEFORE = """
SELECT sourced_id, {document} AS document FROM v1p2.users
WHERE sourced_id = ANY($1::text[]) AND NOT is_agent
"""
SECONDARY = "coalesce(alternative, document)"
WITHDRAW = """
INSERT INTO rosterline.withdrawn (app, collection, sourced_id, date_last_modified, document)
VALUES ($1, 'v1p2.users', $2, $3, $4)
ON CONFLICT (app, collection, sourced_id)
DO UPDATE SET date_last_modified = excluded.date_last_modified, document = excluded.document
"""
RESTAMP = """
UPDATE rosterline.withdrawn
SET date_last_modified = $3, document = replace(document, $4, $5)
WHERE app = ANY($1::text[]) AND date_last_modified = $2
"""
AGENT_ONLY = (False, False, True)
USERS = Collection(Version.V1P2, Entity.USERS)


async def withdraw(connection: asyncpg.Connection, writes: list[Write], stamp: datetime) -> None:
    """Keep a tombstone of users who become agents only, before they are stored as such.

    Connections that see no agents have seen more of them, and must see it go (G5).
    """
    drafts = [write.draft for write in writes]
    agents = [draft.sourced_id for draft in drafts if draft.extra == AGENT_ONLY]
    if not agents or drafts[0].collection != USERS:
        return
    for app, document in ((EVERY_APP, "document"), (EVERY_APP_ALTERNATIVE, SECONDARY)):
        rows = await connection.fetch(SEEN_BEFORE.format(document=document), agents)
        found = [(row["sourced_id"], without_agents(row["document"])) for row in rows]
        text = format_stamp(stamp)
        values = [(app, key, stamp, withdrawn(shown, text)) for key, shown in found]
        await connection.executemany(WITHDRAW, values)


async def restamp(connection: asyncpg.Connection, before: datetime, after: datetime) -> None:
    """Let the tombstones of a write that became visible too late bear its new stamp."""
    await connection.execute(
        RESTAMP,
        [EVERY_APP, EVERY_APP_ALTERNATIVE],
        before,
        after,
        stamp_member(before),
        stamp_member(after),
    )


def stamp_member(stamp: datetime) -> str:
    """The stamp as it stands in a document."""
    return f'{STAMP_START}{format_stamp(stamp)}"'
