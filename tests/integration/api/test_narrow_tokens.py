"""Tokens with fewer scopes than their connection: ingest allows what the token does, no more."""

from collections.abc import AsyncIterator

import httpx
import orjson
import pytest
import pytest_asyncio

from rosterline.api.access import connections
from rosterline.events.commands import COMMAND_HEADER, SCOPES_HEADER
from rosterline.events.subjects import command_subject
from rosterline.oneroster.scopes import V1P2
from rosterline.oneroster.vocabulary import Entity, Version
from tests.support.api import client_for
from tests.support.office import Office
from tests.support.running import until
from tests.support.streams import client_of
from tests.support.writing import told_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
SERVICE = "/ims/oneroster/gradebook/v1p2"
PUT, POST, DELETE = "gradebook.createput", "gradebook.createpost", "gradebook.delete"
ASSESSMENT_PUT, ASSESSMENT_DELETE = "assessment.createput", "assessment.delete"
SCOPES = [PUT, POST, DELETE, ASSESSMENT_PUT, ASSESSMENT_DELETE]
ENDED = {"category": {"title": "Quiz", "status": "tobedeleted"}}
Tokens = dict[str, httpx.AsyncClient]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tokens(office: Office) -> AsyncIterator[Tokens]:
    """Clients of one connection, each by the one scope of its token."""
    made = await connections.add(office.served.connection, "broad", scopes=SCOPES)
    transport = office.served.transport
    clients = {scope: await client_for(transport, made, scope=f"{V1P2}{scope}") for scope in SCOPES}
    yield clients
    for client in clients.values():
        await client.aclose()


async def category(office: Office, tokens: Tokens) -> tuple[str, str]:
    """Id and address of a new category."""
    sourced_id = office.new_id()
    path = f"{SERVICE}/categories/{sourced_id}"
    answer = await tokens[PUT].put(path, json={"category": {"title": "Quiz"}})
    assert answer.status_code == 201, answer.text
    return sourced_id, path


async def title_of(office: Office, path: str) -> tuple[str, str]:
    """What a reader is shown of a category."""
    shown = (await office.client.get(path)).json()["category"]
    return shown["title"], shown["status"]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_who_may_put_cannot_delete_by_a_status(
    office: Office, tokens: Tokens, method: str
) -> None:
    _, path = await category(office, tokens)
    refused = await tokens[PUT].request(method, path, json=ENDED)
    assert refused.status_code == 403, refused.text
    assert DELETE in refused.json()["imsx_description"]
    asked = await tokens[PUT].request(method, path, json=ENDED, headers={"Prefer": "respond-async"})
    assert (await told_of(tokens[PUT], asked.headers["Location"]))["status"] == 403
    assert await title_of(office, path) == ("Quiz", "active")
    assert (await tokens[DELETE].delete(path)).status_code == 204


async def test_who_may_put_assessments_cannot_delete_them_by_a_status(
    office: Office, tokens: Tokens
) -> None:
    sourced_id = office.new_id()
    body = office.body(Entity.ASSESSMENT_RESULTS, sourced_id, Version.V1P2)
    path = f"{SERVICE}/assessmentResults/{sourced_id}"
    client = tokens[ASSESSMENT_PUT]
    assert (await client.put(path, json={"assessmentResult": body})).status_code == 201
    ended = {"assessmentResult": body | {"status": "tobedeleted"}}
    assert (await client.put(path, json=ended)).status_code == 403
    assert (await tokens[ASSESSMENT_DELETE].delete(path)).status_code == 204


async def test_who_may_only_post_replaces_nothing(office: Office, tokens: Tokens) -> None:
    sourced_id, path = await category(office, tokens)
    body = {"category": {"sourcedId": sourced_id, "title": "Homework"}}
    refused = await tokens[POST].post(f"{SERVICE}/categories", json=body)
    assert refused.status_code == 403, refused.text
    assert await title_of(office, path) == ("Quiz", "active")
    body["category"]["sourcedId"] = office.new_id()
    assert (await tokens[POST].post(f"{SERVICE}/categories", json=body)).status_code == 201


@pytest.mark.parametrize(
    ("words", "state"),
    [
        (PUT, "rejected"),
        ("", "rejected"),
        ("nonsense", "rejected"),
        (f"{PUT} nonsense {DELETE}", "stored"),
    ],
)
async def test_a_sender_over_nats_can_narrow_itself(
    office: Office, tokens: Tokens, words: str, state: str
) -> None:
    sourced_id, _ = await category(office, tokens)
    name = office.new_id()
    subject = command_subject("district", "broad", "categories", "delete")
    headers = {COMMAND_HEADER: name, SCOPES_HEADER: words}
    async with client_of(office.nats.url) as nats:
        data = orjson.dumps({"sourcedId": sourced_id})
        await nats.jetstream().publish(subject, data, headers=headers)
    assert (await decided(office, name)) == state


async def test_a_sender_over_nats_gains_nothing_by_words(office: Office) -> None:
    await connections.add(office.served.connection, "only-puts", scopes=[PUT])
    name = office.new_id()
    subject = command_subject("district", "only-puts", "categories", "delete")
    headers = {COMMAND_HEADER: name, SCOPES_HEADER: f"{PUT} {DELETE}"}
    async with client_of(office.nats.url) as nats:
        await nats.jetstream().publish(subject, b'{"sourcedId": "x"}', headers=headers)
    assert (await decided(office, name)) == "rejected"


async def decided(office: Office, name: str) -> str:
    """What became of a command that was sent over NATS."""

    async def ask() -> str | None:
        found: str | None = await office.served.connection.fetchval(
            "SELECT state FROM rosterline.command WHERE command_id = $1", name
        )
        return found

    return str(await until(ask))
