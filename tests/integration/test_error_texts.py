"""What is logged of PostgreSQL's refusals holds no value of a row."""

import asyncpg
import pytest

from rosterline.bus.reader import StreamMessage
from rosterline.db.errors import describe
from rosterline.projector.intake import UnreadableMessageError, decoded
from tests.support.ledger import connected
from tests.support.servers import Databases


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 'Private Ada'::date",
        "INSERT INTO sis.person (person_id, given_name, family_name) VALUES (1, 'Private', 'Ada')",
        "INSERT INTO sis.user_account VALUES (1, 9, 'Private', false)",
    ],
)
async def test_a_refused_row_is_described_without_its_values(
    databases: Databases, statement: str
) -> None:
    async with connected(databases.sis_dsn) as connection:
        with pytest.raises(asyncpg.PostgresError) as raised:
            await connection.execute(statement)
    assert "Private" not in describe(raised.value)
    assert "SQLSTATE" in describe(raised.value)


async def test_a_server_that_refuses_a_login_is_quoted(databases: Databases) -> None:
    address = databases.sis_dsn.replace("rosterline:", "nobody:", 1)
    with pytest.raises(asyncpg.PostgresError) as raised:
        await asyncpg.connect(address)
    assert 'user "nobody"' in describe(raised.value)


def test_a_message_that_is_not_understood_is_named_and_not_quoted() -> None:
    message = StreamMessage(7, "sis.test.transaction", {}, b'{"kind": "gap", "epoch": "Private"}')
    with pytest.raises(UnreadableMessageError, match="message 7") as raised:
        list(decoded([message], "SIS"))
    assert "Private" not in str(raised.value)
