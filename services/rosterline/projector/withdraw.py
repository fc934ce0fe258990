"""Tombstones of records that go for some connections only: the read model holds none of these.

Users who were more and are agents only now go for connections that see no agents; records that
leave a school go for connections that are limited to it. SQL of this stands here; `rosterline.api`
reads the rows for the connections that are concerned.
"""

from dataclasses import replace
from datetime import datetime

import asyncpg

from rosterline.oneroster.stamps import format_stamp
from rosterline.oneroster.views import (
    ACTIVE_MEMBER,
    DELETED_MEMBER,
    EVERY_APP,
    EVERY_APP_ALTERNATIVE,
    STAMP_START,
    withdrawn,
    without_agents,
)
from rosterline.oneroster.vocabulary import Collection, Entity, Version
from rosterline.projector.rules.schools import Schools
from rosterline.projector.store import TABLE
from rosterline.projector.writes import EVERY_SCHOOL, Write

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
RESTAMP_WITHDRAWN = """
UPDATE rosterline.withdrawn
SET date_last_modified = $2, document = replace(document, $3, $4)
WHERE app = ANY($5::text[]) AND date_last_modified = $1
"""
# The record's own members stand first in a document, so that the first match is theirs.
BURIED = f"""regexp_replace(
    regexp_replace({{document}}, '{ACTIVE_MEMBER}', '{DELETED_MEMBER}'),
    '{STAMP_START}[^"]*', '{STAMP_START}' || $5::text
)"""
DEPART = f"""
INSERT INTO rosterline.departed
    (collection, sourced_id, school, date_last_modified, document, alternative)
SELECT $1, sourced_id, given.school, $4::timestamptz, {BURIED}, {{alternative}}
FROM unnest($2::text[], $3::text[]) AS given (sourced_id, school) JOIN {{table}} USING (sourced_id)
ON CONFLICT (collection, school, sourced_id) DO UPDATE
SET date_last_modified = excluded.date_last_modified, document = excluded.document,
    alternative = excluded.alternative
"""
RETURN = """
DELETE FROM rosterline.departed AS departed
USING unnest($2::text[], $3::text[]) AS given (sourced_id, school)
WHERE departed.collection = $1 AND departed.school = given.school
    AND departed.sourced_id = given.sourced_id
"""
RESTAMP_DEPARTED = """
UPDATE rosterline.departed
SET date_last_modified = $2, document = replace(document, $3, $4),
    alternative = replace(alternative, $3, $4)
WHERE date_last_modified = $1
"""
SCHOOLS = "SELECT sourced_id FROM v1p2.orgs WHERE type = 'school'"
USERS = Collection(Version.V1P2, Entity.USERS)


async def withdraw(connection: asyncpg.Connection, writes: list[Write], stamp: datetime) -> None:
    """Keep a tombstone of users who become agents only, before they are stored as such.

    Connections that see no agents have seen more of them, and must see it go (G5).
    """
    drafts = [write.draft for write in writes]
    if drafts[0].collection != USERS:
        return
    agents = [draft.sourced_id for draft in drafts if draft.columns["is_agent"]]
    if not agents:
        return
    for app, document in ((EVERY_APP, "document"), (EVERY_APP_ALTERNATIVE, SECONDARY)):
        rows = await connection.fetch(SEEN_BEFORE.format(document=document), agents)
        found = [(row["sourced_id"], without_agents(row["document"])) for row in rows]
        text = format_stamp(stamp)
        values = [(app, key, stamp, withdrawn(shown, text)) for key, shown in found]
        await connection.executemany(WITHDRAW, values)


async def depart(connection: asyncpg.Connection, writes: list[Write], stamp: datetime) -> None:
    """Keep tombstones of records at the schools that they leave, as they are stored still.

    Where a record comes back nothing is kept: it stands there for itself again (G5).
    """
    collection = writes[0].draft.collection
    table = TABLE[collection]
    if any(EVERY_SCHOOL in (write.left, write.entered) for write in writes):
        writes = named_schools(writes, [row[0] for row in await connection.fetch(SCHOOLS)])
    left = [(write.draft.sourced_id, school) for write in writes for school in write.left]
    if left:
        is_user = collection.entity is Entity.USERS
        statement = DEPART.format(
            table=table,
            document="document",
            alternative=BURIED.format(document="alternative") if is_user else "NULL",
        )
        ids, schools = zip(*left, strict=True)
        await connection.execute(statement, table, ids, schools, stamp, format_stamp(stamp))
    entered = [(write.draft.sourced_id, school) for write in writes for school in write.entered]
    if entered:
        ids, schools = zip(*entered, strict=True)
        await connection.execute(RETURN, table, ids, schools)


def named_schools(writes: list[Write], schools: list[str]) -> list[Write]:
    """The writes with the names of the schools that there are, for records that stood, or come to
    stand, everywhere.
    """

    def named(write: Write, scopes: Schools) -> Schools:
        if scopes != EVERY_SCHOOL:
            return scopes
        return tuple(school for school in schools if school not in (write.draft.schools or ()))

    return [
        replace(write, left=named(write, write.left), entered=named(write, write.entered))
        for write in writes
    ]


async def restamp(connection: asyncpg.Connection, before: datetime, after: datetime) -> None:
    """Let the tombstones of a write that became visible too late bear its new stamp."""
    stamps = (before, after, stamp_member(before), stamp_member(after))
    apps = [EVERY_APP, EVERY_APP_ALTERNATIVE]
    await connection.execute(RESTAMP_WITHDRAWN, *stamps, apps)
    await connection.execute(RESTAMP_DEPARTED, *stamps)


def stamp_member(stamp: datetime) -> str:
    """The stamp as it stands in a document."""
    return f'{STAMP_START}{format_stamp(stamp)}"'
