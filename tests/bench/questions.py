"""What is asked over HTTP, and the statement that the API asks the database for it."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl, quote, urlsplit

import asyncpg

from rosterline.api.dialects import EDTECH_V1P2
from rosterline.api.endpoints import Shape
from rosterline.api.query.parsing import parse_query
from rosterline.api.reading.sql import (
    NEWEST,
    KnownTotal,
    Statement,
    page_statement,
    record_statement,
)
from rosterline.api.reading.walks import Continuation, Position
from rosterline.api.routing import Routing
from rosterline.api.viewing.viewers import Viewer
from rosterline.api.viewing.visibility import TABLES
from rosterline.oneroster.stamps import format_stamp
from tests.bench.district import APP, Deltas

ROOT = "/ims/oneroster/rostering/v1p2"
CLOCK = "SELECT last_stamp FROM rosterline.clock"
A_USER = "SELECT sourced_id FROM v1p2.users WHERE is_student ORDER BY md5(sourced_id) LIMIT 1"
A_PLACE = "SELECT sourced_id FROM v1p2.enrollments ORDER BY sourced_id OFFSET $1 LIMIT 1"
A_CLASS = "SELECT class_id FROM v1p2.enrollments ORDER BY md5(sourced_id) LIMIT 1"
ACTIVE = "SELECT count(*) FROM v1p2.enrollments WHERE status = 'active'"


@dataclass(frozen=True, slots=True)
class Question:
    """A read by its address; `follows_links` from page to page, as a pull does once to the end."""

    name: str
    path: str
    reach: str = ""
    follows_links: bool = False
    is_pull: bool = False


async def questions(connection: asyncpg.Connection, deltas: Deltas) -> list[Question]:
    """All that are measured, on what this district holds."""
    user = await connection.fetchval(A_USER)
    one_class = await connection.fetchval(A_CLASS)
    # Deep, but for small districts, in which the offset would lie behind the end.
    deep = min(50_000, int(await connection.fetchval(ACTIVE)) // 2 // 1000 * 1000)
    enrollments = f"{ROOT}/enrollments?limit=1000"
    return [
        Question("one user", f"{ROOT}/users/{user}", "≥ 1,920/s"),
        Question("100 users", f"{ROOT}/users?limit=100", "≥ 1,600/s, ≥ 35 %"),
        Question(f"1,000 enrollments at {deep:,}", f"{enrollments}&offset={deep}", "≥ 238/s"),
        Question("1,000 enrollments by next links", enrollments, follows_links=True),
        Question("enrollments of one class", _filtered(f"class.sourcedId='{one_class}'")),
        Question("delta, nothing new", _delta(deltas.none), "≥ 380/s"),
        Question("delta, 100 changes", _delta(deltas.hundred), "p99 ≤ 20 ms"),
        Question("delta, 1,000 changes", _delta(deltas.thousand)),
        Question("full pull, 1,000 a page", enrollments, follows_links=True, is_pull=True),
        Question(
            "full pull, 10,000 a page",
            f"{ROOT}/enrollments?limit=10000",
            follows_links=True,
            is_pull=True,
        ),
    ]


async def statement_of(question: Question, connection: asyncpg.Connection) -> Statement:
    """The API's own, as it is when the total is known; of a walk, one from its middle."""
    address = urlsplit(question.path)
    operation = Routing([EDTECH_V1P2]).find(address.path)
    if operation is None or operation.endpoint is None:
        raise ValueError(f"{address.path} is not offered")
    endpoint, viewer = operation.endpoint, Viewer(APP)
    if endpoint.shape is Shape.SINGLE:
        return record_statement(endpoint, viewer, operation.ids[-1])
    query = parse_query(parse_qsl(address.query), endpoint.collection, EDTECH_V1P2.rules)
    stamp: datetime = await connection.fetchval(CLOCK)
    newest: datetime | None = await connection.fetchval(
        NEWEST.format(table=TABLES[endpoint.collection])
    )
    total = int(await connection.fetchval(ACTIVE))
    continuation = None
    if question.follows_links:
        sourced_id = await connection.fetchval(A_PLACE, total // 2)
        continuation = Continuation(Position(stamp, total, None, sourced_id), by_offset=False)
    # An empty table has no newest record, and nothing that is known.
    known = None if newest is None else KnownTotal(newest, total)
    return page_statement(endpoint, query, continuation, viewer=viewer, known=known)


def _delta(after: datetime) -> str:
    return _filtered(f"dateLastModified>'{format_stamp(after)}'")


def _filtered(condition: str) -> str:
    return f"{ROOT}/enrollments?limit=1000&filter={quote(condition)}"
