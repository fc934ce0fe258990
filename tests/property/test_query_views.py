"""What switches make of a document as text is what parsing it would give, in both languages."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rosterline.api.access.connections import HIDDEN, WITHDRAW
from rosterline.api.viewing.parameters import Parameters
from rosterline.api.viewing.sources import Source
from rosterline.launch.embedded import EmbeddedPostgres
from rosterline.oneroster.stamps import format_stamp
from rosterline.oneroster.v1p2 import Role, User, UserId, reference
from rosterline.oneroster.views import (
    AGENT_PARTS,
    restamped,
    withdrawn,
    without_agents,
)
from rosterline.oneroster.vocabulary import Entity, UserRole
from tests.support.api import document, stamp
from tests.support.servers import fresh_databases

NASTY = (
    '"agents":[',
    ',"agents":[{"href":"~"}]',
    ',{"roleType":"secondary","role":"guardian","org":{"href":"x"}}',
    '"dateLastModified":"0000-00-00T00:00:00.000Z"',
    '"status":"active"',
    '","agents":[',
    "\\",
    '\\"',
    '"',
    "]",
    "}",
    "},{",
    ",",
    "\n\t\r\x01",
    "Zoë 漢𝄞\u2028",
)
TEXTS = st.lists(
    st.sampled_from(NASTY)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=4),
    max_size=4,
).map("".join)
IDS = st.text(st.sampled_from("aZ09./@_-"), min_size=1, max_size=8)
DATES = st.none() | st.just("2026-08-15")
MORE: tuple[UserRole, ...] = ("student", "teacher", "aide")
AGENTS: tuple[UserRole, ...] = ("guardian", "relative")


@st.composite
def roles(draw: st.DrawFn) -> tuple[Role, ...]:
    """As the rules order them: guardians and relatives behind all others, the first is primary."""
    words = draw(st.lists(st.sampled_from(MORE), min_size=1, max_size=3))
    words += draw(st.lists(st.sampled_from(AGENTS), max_size=3))
    return tuple(
        Role(
            role_type="secondary" if place else "primary",
            role=word,
            org=reference(Entity.ORGS, draw(IDS)),
            begin_date=draw(DATES),
            end_date=draw(DATES),
        )
        for place, word in enumerate(words)
    )


REFERENCES = IDS.map(lambda key: reference(Entity.USERS, key))
USER_IDS = st.tuples(TEXTS, TEXTS).map(lambda pair: UserId(type=pair[0], identifier=pair[1]))
USERS: st.SearchStrategy[User] = st.fixed_dictionaries(
    {
        "sourced_id": IDS,
        "status": st.sampled_from(["active", "tobedeleted"]),
        "username": st.none() | TEXTS,
        "user_ids": st.none() | st.tuples(USER_IDS),
        "enabled_user": st.just("true"),
        "given_name": TEXTS,
        "family_name": TEXTS,
        "middle_name": st.none() | TEXTS,
        "preferred_first_name": st.none() | TEXTS,
        "pronouns": st.none() | TEXTS,
        "roles": roles(),
        "primary_org": st.none() | REFERENCES,
        "email": st.none() | TEXTS,
        "sms": st.none() | TEXTS,
        "phone": st.none() | TEXTS,
        "agents": st.none() | st.lists(REFERENCES, min_size=1, max_size=3).map(tuple),
        "grades": st.none() | st.tuples(TEXTS),
    }
).map(User.model_validate)
LATER = format_stamp(stamp(99))


def parsed_without_agents(user: User) -> dict[str, Any]:
    """The naive reading: parse, take away, and keep the order of what stays."""
    found: dict[str, Any] = json.loads(document(user, stamp(1)))
    found.pop("agents", None)
    found["roles"] = [role for role in found["roles"] if role["role"] not in AGENTS]
    return found


def text_of(parsed: dict[str, Any]) -> str:
    """A parsed document as the projector writes it."""
    return User.model_validate(parsed).model_dump_json(by_alias=True, exclude_none=True)


@given(USERS)
def test_taking_agents_out_of_the_text_is_taking_them_out_of_the_record(user: User) -> None:
    assert without_agents(document(user, stamp(1))) == text_of(parsed_without_agents(user))


@given(USERS)
def test_a_tombstone_differs_in_status_and_stamp_alone(user: User) -> None:
    expected = user.model_copy(update={"status": "tobedeleted"})
    assert withdrawn(document(user, stamp(1)), LATER) == document(expected, stamp(99))
    assert restamped(document(user, stamp(1)), LATER) == document(user, stamp(99))


@dataclass
class Database:
    """A database to calculate with, and the loop that its connection lives in."""

    runner: asyncio.Runner
    connection: asyncpg.Connection

    def shown(self, texts: list[str], parameters: Parameters, expression: str) -> list[str]:
        """What a source's expression makes of documents that are stamped 1."""
        place = len(parameters.values) + 1
        statement = (
            f"SELECT {expression} FROM unnest(${place}::text[]) WITH ORDINALITY "
            f"AS held (document, place), (SELECT ${place + 1}::timestamptz AS date_last_modified) "
            "AS stamped ORDER BY place"
        )
        rows = self.runner.run(
            self.connection.fetch(statement, *parameters.values, texts, stamp(1))
        )
        return [row[0] for row in rows]


@pytest.fixture(scope="module")
def database(postgres_server: EmbeddedPostgres) -> Iterator[Database]:
    with fresh_databases(postgres_server) as databases, asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(databases.dsn))
        yield Database(runner, connection)
        runner.run(connection.close())


@settings(max_examples=50)
@given(st.lists(USERS, min_size=1, max_size=20))
def test_the_database_makes_the_same_of_documents_as_we_do(
    database: Database, users: list[User]
) -> None:
    texts = [document(user, stamp(1)) for user in users]
    shown = f"regexp_replace(document, '{AGENT_PARTS}', '', 'g')"
    for switched_at, moment in ((stamp(99), stamp(99)), (stamp(1), stamp(1)), (None, stamp(1))):
        parameters = Parameters()
        source = Source("held", parameters, shown=shown, switched_at=switched_at)
        expected = [restamped(without_agents(text), format_stamp(moment)) for text in texts]
        assert database.shown(texts, parameters, source.document) == expected


@settings(max_examples=50)
@given(st.dictionaries(IDS, USERS, min_size=1, max_size=8))
def test_a_turned_switch_stores_the_tombstones_that_we_would_write(
    database: Database, users: dict[str, User]
) -> None:
    held = {key: document(user, stamp(1)) for key, user in users.items()}

    async def withdraw() -> dict[str, str]:
        run = database.connection.execute
        await run("TRUNCATE v1p2.users, rosterline.withdrawn")
        await database.connection.executemany(
            "INSERT INTO v1p2.users VALUES ($1, $2, $3, $4, '', 0, false, false, true)",
            [(key, users[key].status, stamp(1), text) for key, text in held.items()],
        )
        member = f'"dateLastModified":"{LATER}"'
        hidden = HIDDEN.format(table="v1p2.users")
        statement = WITHDRAW.format(table="v1p2.users", document="document", hidden=hidden)
        await run(statement, "acme", stamp(99), member)
        rows = await database.connection.fetch(
            "SELECT sourced_id, document FROM rosterline.withdrawn"
        )
        return {row["sourced_id"]: row["document"] for row in rows}

    assert database.runner.run(withdraw()) == {
        key: withdrawn(text, LATER) for key, text in held.items()
    }
