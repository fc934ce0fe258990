"""Finds a school by what its district calls it: its id, or its identifier."""

import asyncpg

from rosterline.api.borrowing import borrow

FIND = """
SELECT sourced_id FROM v1p1.orgs
WHERE type = 'school' AND status = 'active'
    AND ($2::text[] IS NULL OR sourced_id = ANY($2))
    AND (sourced_id = lower($1) OR document::json ->> 'identifier' = $1)
"""


async def find_school(pool: asyncpg.Pool, name: str, within: tuple[str, ...] | None) -> str | None:
    """The id of the one active school of this name among those; None also where two have it."""
    if "\0" in name:
        return None
    async with borrow(pool) as connection:
        found = await connection.fetch(FIND, name, None if within is None else list(within))
    return found[0]["sourced_id"] if len(found) == 1 else None
