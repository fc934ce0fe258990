"""Writes that are decided later: what their writer is told of them, and nobody else is."""

import httpx
import pytest

from rosterline.api.dialects import EDTECH_V1P1, EDTECH_V1P2, Dialect
from rosterline.oneroster.vocabulary import Entity, Version
from tests.support.office import Office
from tests.support.writing import told_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
CATEGORIES = "/ims/oneroster/gradebook/v1p2/categories"
ASYNC = {"Prefer": "respond-async"}
BODY = {"category": {"title": "Homework"}}


async def test_an_asynchronous_write_is_answered_at_once_and_can_be_asked_for(
    office: Office,
) -> None:
    path = f"{CATEGORIES}/{office.new_id()}"
    async with office.without("ingest"):
        answer = await office.client.put(path, json=BODY, headers=ASYNC | {"Rosterline-Wait": "7"})
        assert answer.status_code == 202
        assert answer.headers["Preference-Applied"] == "respond-async"
        place = answer.headers["Location"]
        command_id = place.removeprefix("/ingest/")
        assert answer.json() == {"id": command_id, "state": "queued"}
        queued = (await office.client.get(place)).json()
        counts = {"lines": 1, "stored": 0, "rejected": 0}
        assert queued == {"id": command_id, "state": "queued", **counts}
        _, headers = await office.last_message()
        assert (headers["Rosterline-Answer"], headers["Rosterline-Wait"]) == ("none", "7")
    stored = await told_of(office.client, place)
    assert stored == {"id": command_id, "state": "stored", **counts, "stored": 1, "status": 201}


async def test_what_is_told_to_be_stored_can_be_read(office: Office) -> None:
    for _ in range(20):
        path = f"{CATEGORIES}/{office.new_id()}"
        answer = await office.client.put(path, json=BODY, headers=ASYNC)
        told = await told_of(office.client, answer.headers["Location"])
        shown = await office.client.get(path)
        assert (told["state"], shown.status_code) == ("stored", 200)


@pytest.mark.parametrize("dialect", [EDTECH_V1P2, EDTECH_V1P1], ids=lambda each: each.name)
async def test_a_later_refusal_is_told_as_it_would_have_been_at_once(
    office: Office, dialect: Dialect
) -> None:
    client = office.clients[dialect.version]
    wrong: dict[str, dict[str, object]] = {
        "PUT": {"status": "lost"},
        "PATCH": {"title": 7},
        "POST": {},
    }
    count = 0
    for row in dialect.writes:
        if row.relation is not None:
            continue
        path = office.address(dialect, row, "6f1f7f0e-0c3b-4a52-9e0a-00000000ffff")
        body = {row.key: wrong[row.method]} if row.method in wrong else None
        at_once = await client.request(row.method, path, json=body)
        later = await client.request(row.method, path, json=body, headers=ASYNC)
        assert (at_once.status_code in (404, 422), later.status_code) == (True, 202), at_once.text
        told = await told_of(client, later.headers["Location"])
        assert (told["state"], told["status"]) == ("rejected", at_once.status_code)
        expected = at_once.json()
        if dialect.version is Version.V1P1:
            del expected["statusInfoSet"][0]["imsx_operationRefIdentifier"]
        if row.method != "POST":
            assert told["error"] == expected
        count += 1
    assert count == (24 if dialect is EDTECH_V1P2 else 6)


async def test_several_that_are_refused_later_are_told_of_as_at_once(office: Office) -> None:
    path = f"/ims/oneroster/gradebook/v1p2/classes/{office.row['class']}/lineItems"
    good = office.body(Entity.LINE_ITEMS, "a", Version.V1P2)
    body = {"lineItems": [good, {"sourcedId": "b"}, {**good, "sourcedId": "c", "title": 7}]}
    at_once = await office.client.post(path, json=body)
    assert at_once.status_code == 422
    later = await office.client.post(path, json=body, headers=ASYNC)
    assert len(later.json()["sourcedIdPairs"]) == 3
    told = await told_of(office.client, later.headers["Location"])
    assert (told["lines"], told["stored"], told["status"]) == (3, 0, 422)
    assert told["error"] == at_once.json()


async def test_the_ids_of_several_are_told_before_they_are_stored(office: Office) -> None:
    path = f"/ims/oneroster/gradebook/v1p2/classes/{office.row['class']}/lineItems"
    records = [office.body(Entity.LINE_ITEMS, each, Version.V1P2) for each in "ab"]
    answer = await office.client.post(path, json={"lineItems": records}, headers=ASYNC)
    assert answer.status_code == 202
    pairs = answer.json()["sourcedIdPairs"]
    assert [pair["suppliedSourcedId"] for pair in pairs] == ["a", "b"]
    told = await told_of(office.client, answer.headers["Location"])
    assert (told["state"], told["lines"], told["stored"]) == ("stored", 2, 2)
    stored = await office.served.connection.fetch(
        "SELECT sourced_id FROM records.document WHERE sourced_id = ANY($1::text[])",
        [pair["allocatedSourcedId"] for pair in pairs],
    )
    assert len(stored) == 2
    waits = ASYNC | {"Rosterline-Wait": "5"}
    refused = await office.client.post(path, json={"lineItems": records}, headers=waits)
    assert refused.status_code == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"Rosterline-Wait": "5"},
        ASYNC | {"Rosterline-Wait": "x"},
        ASYNC | {"Rosterline-Wait": "9" * 9},
    ],
)
async def test_a_wrong_time_to_wait_is_refused(office: Office, headers: dict[str, str]) -> None:
    path = f"{CATEGORIES}/{office.new_id()}"
    answer = await office.client.put(path, json=BODY, headers=headers)
    assert answer.status_code == 400
    assert "Rosterline-Wait" in answer.json()["imsx_description"]


async def test_who_waits_for_the_roster_is_told_so(office: Office) -> None:
    nobody = office.new_id()
    body = office.body(Entity.ASSESSMENT_RESULTS, office.new_id(), Version.V1P2)
    wanted = {"assessmentResult": body | {"student": {"sourcedId": nobody}}}
    path = f"/ims/oneroster/gradebook/v1p2/assessmentResults/{body['sourcedId']}"
    waits = ASYNC | {"Rosterline-Wait": "600"}
    waiting = await office.client.put(path, json=wanted, headers=waits)
    place = waiting.headers["Location"]
    # A later command on the same record decides the first one.
    later = await office.client.put(path, json=wanted)
    assert later.status_code == 404
    told = await told_of(office.client, place)
    assert (told["state"], told["error"]) == ("rejected", later.json())


async def test_a_command_is_told_of_to_its_own_connection_alone(office: Office) -> None:
    path = f"{CATEGORIES}/{office.new_id()}"
    answer = await office.client.put(path, json=BODY, headers=ASYNC)
    place = answer.headers["Location"]
    other = await office.clients[Version.V1P1].get(place)
    assert other.status_code == 404
    assert other.json()["statusInfoSet"][0]["imsx_codeMinor"] == "unknown object"
    reader: httpx.AsyncClient = await office.served.connect("reader", scopes=["gradebook.readonly"])
    assert (await reader.get(place)).status_code == 403
    await reader.aclose()
    assert (await office.served.http.get(place)).status_code == 401
    for name in ("nothing", "%00", "x" * 300):
        assert (await office.client.get(f"/ingest/{name}")).status_code == 404
