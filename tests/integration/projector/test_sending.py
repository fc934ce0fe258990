"""Columns travel as one text each, and arrive as they were: an empty list is not an absent one."""

from typing import Any

import asyncpg
import pytest

from rosterline.projector.sending import LINES, LISTS, NUMBERS, received, sent, value
from tests.support.servers import Databases

ROWS: dict[str, list[list[Any]]] = {
    LINES: [
        ["a"],
        [None],
        ["a", None, "b.c/d@e_f-g", "null", '{"text":"line\\\\nbreak, \\"quoted\\", é, \\\\N"}'],
    ],
    LISTS: [[()], [None], [("a",), (), None, ("a", "null", "student@b-c", "NULL", "d.e/f_g")]],
    NUMBERS: [[1], [2**62, 0, -5]],
    "text": [[None], ["line\nbreak", "", None, "\\N", "é"]],
    "boolean": [[True, False]],
    "bytea": [[b"\x00\xff", b""]],
}


@pytest.mark.parametrize("kind", ROWS)
async def test_what_is_sent_is_received(databases: Databases, kind: str) -> None:
    connection = await asyncpg.connect(databases.dsn)
    try:
        for values in ROWS[kind]:
            rows = await connection.fetch(
                f"SELECT {value('one', kind)} FROM unnest({received(1, kind)}) AS one",
                sent(values, kind),
            )
            found = [tuple(row[0]) if isinstance(row[0], list) else row[0] for row in rows]
            assert found == values
    finally:
        await connection.close()
