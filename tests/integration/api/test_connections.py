"""Connections as the command line keeps them."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from rosterline.api.access import connections
from rosterline.api.access.connection_rules import InvalidConnectionError
from rosterline.api.access.passwords import derive_secret
from rosterline.oneroster.scopes import ROSTER, ROSTER_CORE
from tests.support.servers import Databases

SCHOOL = "8C6C8D3A-94A1-4C1C-9BB0-0B3F8E6A6F01"


@pytest.fixture
async def connection(databases: Databases) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(databases.dsn)
    yield opened
    await opened.close()


async def test_a_connection_is_listed_without_its_secret(connection: asyncpg.Connection) -> None:
    made = await connections.add(connection, "acme", schools=[SCHOOL])
    (listed,) = await connections.list_all(connection)
    assert (listed.app, listed.client_id, listed.version) == ("acme", made.client_id, "1.2")
    assert (listed.scopes, listed.schools) == ((ROSTER,), (SCHOOL.lower(),))
    stored = await connection.fetchval("SELECT secret_hash FROM rosterline.connection")
    assert stored.startswith("$argon2id$")
    assert made.client_secret not in stored


async def test_scopes_may_be_short_and_are_stored_in_full(connection: asyncpg.Connection) -> None:
    await connections.add(connection, "acme", scopes=["roster-core.readonly", ROSTER_CORE])
    (listed,) = await connections.list_all(connection)
    assert listed.scopes == (ROSTER_CORE,)


async def test_rotating_keeps_the_client_id_and_changes_the_secret(
    connection: asyncpg.Connection,
) -> None:
    first = await connections.add(connection, "acme")
    second = await connections.rotate(connection, "acme")
    assert second.client_id == first.client_id
    assert second.client_secret != first.client_secret


@pytest.mark.parametrize(("version", "is_derived"), [("1.1", True), ("1.2", False)])
async def test_only_secrets_of_1p1_can_be_derived_anew(
    connection: asyncpg.Connection, version: str, *, is_derived: bool
) -> None:
    async def check(made: connections.NewConnection) -> None:
        row = await connection.fetchrow(
            "SELECT secret_hash, signing_salt, secret FROM rosterline.connection "
            "LEFT JOIN rosterline.signing_key ON key_id = signing_key_id"
        )
        assert row is not None
        assert row["secret_hash"].startswith("$argon2id$")
        if is_derived:
            salt = row["signing_salt"]
            assert derive_secret(row["secret"], made.client_id, salt) == made.client_secret
        else:
            assert (row["secret"], row["signing_salt"]) == (None, None)

    await check(await connections.add(connection, "acme", version))
    await check(await connections.rotate(connection, "acme"))


async def test_rotating_takes_another_salt(connection: asyncpg.Connection) -> None:
    salt = "SELECT signing_salt FROM rosterline.connection"
    await connections.add(connection, "acme", "1.1")
    first = await connection.fetchval(salt)
    await connections.rotate(connection, "acme")
    assert await connection.fetchval(salt) != first


async def test_schools_are_stored_as_records_have_them(connection: asyncpg.Connection) -> None:
    written = [SCHOOL, SCHOOL.lower(), SCHOOL.replace("-", ""), f"{{{SCHOOL}}}"]
    await connections.add(connection, "acme", schools=written)
    (listed,) = await connections.list_all(connection)
    assert listed.schools == (SCHOOL.lower(),)


async def test_a_removed_connection_is_gone(connection: asyncpg.Connection) -> None:
    await connections.add(connection, "acme")
    await connections.remove(connection, "acme")
    assert await connections.list_all(connection) == []


async def test_a_name_is_taken_once(connection: asyncpg.Connection) -> None:
    await connections.add(connection, "acme")
    with pytest.raises(InvalidConnectionError, match="exists"):
        await connections.add(connection, "acme")


@pytest.mark.parametrize("work", [connections.rotate, connections.remove])
async def test_an_unknown_connection_is_named(connection: asyncpg.Connection, work: object) -> None:
    assert callable(work)
    with pytest.raises(InvalidConnectionError, match="'nobody' is unknown"):
        await work(connection, "nobody")


@pytest.mark.parametrize("app", ["", "a b", "-x", "a.b", "a/b", "ü", "x" * 64])
async def test_a_name_that_no_subject_can_hold_is_refused(
    connection: asyncpg.Connection, app: str
) -> None:
    with pytest.raises(InvalidConnectionError, match="cannot name a connection"):
        await connections.add(connection, app)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"version": "2.0"}, "version '2.0'"),
        ({"scopes": ["roster.write"]}, "'roster.write'"),
        ({"scopes": []}, "at least one"),
        ({"version": "1.1", "scopes": ["assessment.readonly"]}, "OneRoster 1.1"),
        ({"schools": ["Elm Street"]}, "'Elm Street'"),
        ({"schools": []}, "all schools"),
    ],
)
async def test_what_cannot_be_is_refused_with_the_choice(
    connection: asyncpg.Connection, arguments: dict[str, object], words: str
) -> None:
    with pytest.raises(InvalidConnectionError, match=words):
        await connections.add(connection, "acme", **arguments)  # type: ignore[arg-type]  # on purpose
    assert await connections.list_all(connection) == []
