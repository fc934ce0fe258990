"""What an answer and the log tell when the API fails: that it did, and where, and of nobody."""

from collections.abc import Iterator

import asyncpg
import pytest

from rosterline.api.dialects import DIALECTS
from rosterline.launch.embedded import EmbeddedPostgres
from tests.support.abuse import Caller, calling_all, check_error, check_tells_nothing, with_database
from tests.support.servers import Databases, fresh_databases

NAMES = [dialect.name for dialect in DIALECTS]
FAILED = "a request failed"
SECRET = "zoe.secret@example.org"
# So that what PostgreSQL says of a record stands in its message.
BROKEN = """
CREATE FUNCTION {schema}.fail(text) RETURNS boolean LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'no such address: %', $1; END $$;
ALTER TABLE {schema}.users RENAME TO whole_users;
CREATE VIEW {schema}.users AS SELECT * FROM {schema}.whole_users WHERE {schema}.fail(document);
"""


@pytest.fixture(scope="module")
def databases(postgres_server: EmbeddedPostgres) -> Iterator[Databases]:
    """A pair for the module."""
    with fresh_databases(postgres_server) as made:
        yield made


@pytest.fixture(scope="module")
def callers(databases: Databases) -> Iterator[dict[str, Caller]]:
    """Callers of every dialect, before a database that fails with the records' own texts."""
    with calling_all(databases.dsn) as made:
        with_database(databases.dsn, break_users)
        yield made


async def break_users(connection: asyncpg.Connection) -> None:
    """Make every read of users fail."""
    for schema in ("v1p2", "v1p1"):
        await connection.execute(BROKEN.format(schema=schema))


@pytest.mark.parametrize("name", NAMES)
def test_a_failure_of_ours_is_told_in_the_dialect_s_words_and_nothing_else(
    callers: dict[str, Caller], name: str
) -> None:
    caller = callers[name]
    (row,) = [row for row in caller.dialect.endpoints if row.path == "/users"]
    logged = caller.api.log.count(FAILED)
    query = [("filter", f"email='{SECRET}' OR status='active'")]
    answer = caller.get(caller.dialect.path(row), query)
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/json"
    description = check_error(answer.json(), 500, caller.dialect)
    assert description == "The request failed unexpectedly"
    check_tells_nothing(answer)
    entry = caller.api.wait_for(FAILED, logged + 1)[-1]
    assert (entry["level"], entry["error"]) == ("error", "RaiseError")
    assert any("store.py" in place for place in entry["at"])
    for text in (SECRET, "no such address", "Zo", "sourcedId", caller.token, "Traceback"):
        assert text not in caller.api.log
