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
    withdrawn,
    without_agents,
)
from rosterline.oneroster.vocabulary import Collection, Entity, Version
from rosterline.projector.writes import Write

# Users who were active and more than agents.
SEEN_BEFORE = """
SELECT sourced_id, {document} AS document FROM v1p2.users
WHERE sourced_id = ANY($1::text[]) AND status = 'active' AND NOT is_agent
"""
SECONDARY = "coalesce(alternative, document)"
WITHDRAW = """
INSERT INTO rosterline.withdrawn (app, collection, sourced_id, date_last_modified, document)
VALUES ($1, 'v1p2.users', $2, $3, $4)
ON CONFLICT (app, collection, sourced_id)
DO UPDATE SET date_last_modified = excluded.date_last_modified, document = excluded.document
"""
AGENT_ONLY = (False, False, True)
USERS = Collection(Version.V1P2, Entity.USERS)


async def withdraw(connection: asyncpg.Connection, writes: list[Write], stamp: datetime) -> None:
    """Keep a tombstone of users who become agents only, before they are stored as such.

    Connections that see no agents have seen more of them, and must see it go (G5).
    """
    drafts = [write.draft for write in writes if write.was_active]
    agents = [draft.sourced_id for draft in drafts if draft.extra == AGENT_ONLY]
    if not agents or drafts[0].collection != USERS:
        return
    for app, document in ((EVERY_APP, "document"), (EVERY_APP_ALTERNATIVE, SECONDARY)):
        rows = await connection.fetch(SEEN_BEFORE.format(document=document), agents)
        found = [(row["sourced_id"], without_agents(row["document"])) for row in rows]
        text = format_stamp(stamp)
        values = [(app, key, stamp, withdrawn(shown, text)) for key, shown in found]
        await connection.executemany(WITHDRAW, values)
