"""Every write at every dialect's address, the whole way: decided, readable, told in its words."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
import pytest

from rosterline.api.access import connections
from rosterline.api.dialects import DIALECTS, EDTECH_V1P2, XPORTER, Dialect
from rosterline.api.endpoints import NUMBERS, Endpoint, Shape
from rosterline.api.limits import MOST_BODY_BYTES
from rosterline.api.query.fields import members
from rosterline.api.routes import writes
from rosterline.oneroster.scopes import ADMIN, KNOWN
from rosterline.oneroster.vocabulary import Entity, Version
from tests.support.office import Office
from tests.support.signing import Signer, Verb

pytestmark = pytest.mark.asyncio(loop_scope="module")
WRITING = [dialect for dialect in DIALECTS if dialect.writes]
SPOKEN = [(dialect, row) for dialect in WRITING for row in dialect.writes]
SPOKEN_IDS = [f"{dialect.name}-{row.operation_id}" for dialect, row in SPOKEN]
DIALECT_IDS = [dialect.name for dialect in WRITING]
CATEGORIES = "/ims/oneroster/gradebook/v1p2/categories"
LINE_ITEMS = "/ims/oneroster/gradebook/v1p2/lineItems"
STATUSES = {"PUT": 201, "POST": 201, "PATCH": 200, "DELETE": 204}


def rows_of(dialect: Dialect) -> dict[str, Endpoint]:
    """The operations of a dialect by name."""
    return {row.operation_id: row for row in dialect.operations}


def sibling(dialect: Dialect, row: Endpoint, method: str) -> Endpoint:
    """The operation of another method on one record of the same collection."""
    name = f"{method}{row.entity.single[0].upper()}{row.entity.single[1:]}"
    return rows_of(dialect)[name]


@pytest.mark.parametrize(("dialect", "row"), SPOKEN, ids=SPOKEN_IDS)
async def test_every_write_is_answered_when_it_can_be_read(
    office: Office, dialect: Dialect, row: Endpoint
) -> None:
    client, sourced_id = office.clients[dialect.version], office.new_id()
    if row.method in ("PATCH", "DELETE"):
        put = await office.send(dialect, sibling(dialect, row, "put"), sourced_id)
        assert put.status_code == 201, put.text
    answer = await office.send(dialect, row, sourced_id)
    assert answer.status_code == STATUSES[row.method], answer.text
    subject, headers = await office.last_message()
    operation = {"POST": "put"}.get(row.method, row.method.lower())
    kind = "batch" if row.shape is Shape.COLLECTION else f"{row.entity}.{operation}"
    assert subject == f"ingest.district.writer-{dialect.version}.{kind}"
    assert headers["Rosterline-Answer"] == office.served.writer.bus.token
    if row.method == "POST":
        pairs = answer.json()["sourcedIdPairs"]
        (pair,) = pairs if row.shape is Shape.COLLECTION else [pairs]
        assert pair["suppliedSourcedId"] == sourced_id
        assert (pair["allocatedSourcedId"] == sourced_id) is (row.shape is Shape.SINGLE)
        sourced_id = pair["allocatedSourcedId"]
    else:
        assert answer.content == b""
    path = office.address(dialect, sibling(dialect, row, "get"), sourced_id)
    shown = (await client.get(path)).json()[row.entity.single]
    assert shown["status"] == ("tobedeleted" if row.method == "DELETE" else "active")
    known = members(row.collection) - {"scoreDate", "status"}
    for name, value in office.body(row.entity, sourced_id, dialect.version).items():
        if isinstance(value, str | int | float) and name in known:
            assert shown[name] == value


@pytest.mark.parametrize("dialect", WRITING, ids=DIALECT_IDS)
async def test_what_was_written_can_be_read_until_it_is_deleted(
    office: Office, dialect: Dialect
) -> None:
    client, sourced_id = office.clients[dialect.version], office.new_id()
    rows = rows_of(dialect)
    one = office.address(dialect, rows["putCategory"], sourced_id)
    every = office.address(dialect, rows["getAllCategories"])
    for title, status in (("Homework", 201), ("Quiz", 200), ("Quiz", 200)):
        put = await client.put(one, json={"category": {"title": title}})
        assert (put.status_code, put.content) == (status, b"")
        shown = (await client.get(one)).json()["category"]
        assert (shown["title"], shown["status"]) == (title, "active")
    assert sourced_id in await ids_of(client, every)
    assert (await client.delete(one)).status_code == 204
    assert sourced_id not in await ids_of(client, every)
    assert (await client.get(one)).json()["category"]["status"] == "tobedeleted"
    assert (await client.delete(one)).status_code == 404


async def ids_of(client: httpx.AsyncClient, path: str) -> set[str]:
    """The ids of a collection."""
    (records,) = (await client.get(path, params={"limit": 5000})).json().values()
    return {each["sourcedId"] for each in records}


async def test_a_reader_on_another_connection_sees_every_write_at_once(office: Office) -> None:
    reader = await office.served.connect("other-reader", scopes=["gradebook.readonly"])
    sourced_id = office.new_id()
    path = f"{CATEGORIES}/{sourced_id}"
    for weight in range(1, 41):
        body = {"category": {"title": "Homework", "weight": weight}}
        answer = await office.client.put(path, json=body)
        assert answer.status_code in (200, 201)
        for client in (reader, office.client):
            assert (await client.get(path)).json()["category"]["weight"] == weight
            delta = await client.get(CATEGORIES, params={"filter": f"sourcedId='{sourced_id}'"})
            assert delta.json()["categories"][0]["weight"] == weight
    await reader.aclose()


@pytest.mark.parametrize("dialect", WRITING, ids=DIALECT_IDS)
async def test_refusals_are_told_in_the_words_of_the_dialect(
    office: Office, dialect: Dialect
) -> None:
    client, rows = office.clients[dialect.version], rows_of(dialect)
    put = office.address(dialect, rows["putCategory"], office.new_id())
    untitled = await client.put(put, json={"category": {"weight": "heavy"}})
    used = await client.delete(office.address(dialect, rows["deleteCategory"], "category-1"))
    unknown = await client.delete(put)
    is_older = dialect.version is Version.V1P1
    assert [told(each, dialect) for each in (untitled, used, unknown)] == [
        (422, "invalid data" if is_older else "invaliddata"),
        (422, "deletefailure"),
        (404, "unknown object" if is_older else "unknownobject"),
    ]
    for member in ("title", "weight"):
        assert member in untitled.text
    if is_older:
        (status,) = untitled.json()["statusInfoSet"]
        assert status["imsx_operationRefIdentifier"] == "putCategory"


def told(answer: httpx.Response, dialect: Dialect) -> tuple[int, str]:
    """Status and code of an error."""
    body = answer.json()
    if dialect.version is Version.V1P1:
        return answer.status_code, body["statusInfoSet"][0]["imsx_codeMinor"]
    (minor,) = body["imsx_CodeMinor"]["imsx_codeMinorField"]
    return answer.status_code, minor["imsx_codeMinorFieldValue"]


async def test_assessments_are_refused_to_the_letter(office: Office) -> None:
    row = rows_of(EDTECH_V1P2)["putAssessmentResult"]
    nobody = office.new_id()
    body = office.body(Entity.ASSESSMENT_RESULTS, office.new_id(), Version.V1P2)
    path = office.address(EDTECH_V1P2, row, body["sourcedId"])
    wrong = {"assessmentResult": body | {"student": {"sourcedId": nobody}}}
    answer = await office.client.put(path, json=wrong)
    assert told(answer, EDTECH_V1P2) == (404, "unknownobject")
    text = f"No student record exists with the GUID {nobody}"
    assert answer.json()["imsx_description"] == text
    answer = await office.client.put(path.replace(body["sourcedId"], "x"), json={row.key: {}})
    assert answer.status_code == 422


async def test_of_several_all_are_stored_or_none_and_each_fault_is_told(office: Office) -> None:
    row = rows_of(EDTECH_V1P2)["postLineItemsForClass"]
    path = office.address(EDTECH_V1P2, row)
    before = await ids_of(office.client, LINE_ITEMS)
    records = [office.body(Entity.LINE_ITEMS, each, Version.V1P2) for each in "abcd"]
    del records[1]["title"]
    records[3]["category"] = {"sourcedId": "nothing"}
    refused = await office.client.post(path, json={"lineItems": records})
    assert told(refused, EDTECH_V1P2) == (422, "invaliddata")
    first, second = refused.json()["imsx_description"].split("; lineItems[3]: ")
    assert first.startswith("lineItems[1]: ")
    assert "title" in first
    assert "category" in second
    assert await ids_of(office.client, LINE_ITEMS) == before
    stored = await office.client.post(path, json={"lineItems": records[::2]})
    assert stored.status_code == 201
    pairs = stored.json()["sourcedIdPairs"]
    assert [pair["suppliedSourcedId"] for pair in pairs] == ["a", "c"]
    allocated = {pair["allocatedSourcedId"] for pair in pairs}
    assert await ids_of(office.client, LINE_ITEMS) == before | allocated


async def test_a_result_below_a_class_is_of_a_line_item_of_that_class(office: Office) -> None:
    row = rows_of(EDTECH_V1P2)["postResultsForAcademicSessionForClass"]
    other = await office.served.connection.fetchval(
        "SELECT sourced_id FROM v1p2.classes WHERE sourced_id <> $1", office.row["class"]
    )
    path = office.address(EDTECH_V1P2, row)
    record = office.body(Entity.RESULTS, "a", Version.V1P2)
    del record["class"]
    body = {"results": [record]}
    own = f"/classes/{office.row['class']}/"
    refused = await office.client.post(path.replace(own, f"/classes/{other}/"), json=body)
    assert told(refused, EDTECH_V1P2) == (422, "invaliddata")
    assert "class" in refused.json()["imsx_description"]
    assert (await office.client.post(path, json=body)).status_code == 201


async def test_an_unknown_parent_in_the_address_is_unknown(office: Office) -> None:
    sent = await office.count_messages()
    for row in EDTECH_V1P2.writes:
        if row.relation is None:
            continue
        parts = EDTECH_V1P2.path(row).split("/")
        path = "/".join("nobody" if part.startswith("{") else part for part in parts)
        answer = await office.client.post(path, json={row.key: [{"sourcedId": "a"}]})
        assert answer.status_code == 404, path
        assert "'nobody'" in answer.json()["imsx_description"]
    assert await office.count_messages() == sent


async def test_a_body_that_is_malformed_is_named_and_never_sent(office: Office) -> None:
    sent = await office.count_messages()
    for content in (b"", b"{", b"[]", b'{"categories": {}}', b'{"category": {"sourcedId": "x"}}'):
        answer = await office.client.put(f"{CATEGORIES}/c1", content=content)
        assert told(answer, EDTECH_V1P2) == (422, "invaliddata")
        assert answer.json()["imsx_description"]
    assert await office.count_messages() == sent


async def test_a_body_may_have_a_megabyte_and_says_so_beyond(office: Office) -> None:
    frame = len(orjson.dumps({"category": {"title": ""}}))
    for size, status in ((MOST_BODY_BYTES - frame, 422), (MOST_BODY_BYTES - frame + 1, 413)):
        content = orjson.dumps({"category": {"title": "x" * size}})

        async def pieces(data: bytes = content) -> AsyncIterator[bytes]:
            yield data[:1000]
            yield data[1000:]

        for body in (content, pieces()):
            answer = await office.client.put(f"{CATEGORIES}/large", content=body)
            assert answer.status_code == status, answer.text
            is_told = f"{MOST_BODY_BYTES} bytes" in answer.json()["imsx_description"]
            assert is_told is (status == 413)
    packed = await office.client.put(
        f"{CATEGORIES}/c1", content=b"x", headers={"Content-Encoding": "gzip"}
    )
    assert packed.status_code == 415


@pytest.mark.parametrize("dialect", WRITING, ids=DIALECT_IDS)
async def test_a_method_that_is_not_offered_says_which_are(
    office: Office, dialect: Dialect
) -> None:
    client, rows = office.clients[dialect.version], rows_of(dialect)
    has_single = dialect.version is Version.V1P2
    one = await client.options(office.address(dialect, rows["getCategory"], "c1"))
    assert one.status_code == 405
    allowed = set(one.headers["Allow"].split(", "))
    assert allowed == {"GET", "HEAD", "PUT", "DELETE"} | ({"PATCH"} if has_single else set())
    every = await client.put(office.address(dialect, rows["getAllCategories"]), json={})
    assert every.status_code == 405
    assert every.headers["Allow"] == ("GET, HEAD, POST" if has_single else "GET, HEAD")
    if has_single:
        several = office.address(dialect, rows["postResultsForAcademicSessionForClass"])
        results = await client.get(several)
        assert (results.status_code, results.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize(("dialect", "row"), SPOKEN, ids=SPOKEN_IDS)
async def test_each_write_needs_one_of_its_scopes(
    office: Office, dialect: Dialect, row: Endpoint
) -> None:
    sent = await office.count_messages()
    number = NUMBERS[dialect.version]
    others = [scope for scope in KNOWN[number] if scope not in (ADMIN, *row.scopes)]
    app = f"less-{dialect.name.replace('.', '-')}-{row.operation_id}"
    less = await office.served.connect(app, number, scopes=others)
    address = office.address(dialect, row, "x")
    own = address.replace(f"writer-{dialect.version}", app)
    refused = await less.request(row.method, own, json={})
    await less.aclose()
    assert refused.status_code == 403
    assert row.scopes[0] in refused.text
    nobody = await office.served.http.request(row.method, address, json={})
    assert nobody.status_code == 401
    assert await office.count_messages() == sent


async def test_who_may_only_post_creates_and_replaces_nothing(office: Office) -> None:
    poster = await office.served.connect("poster", scopes=["gradebook.createpost"])
    body = {"category": {"sourcedId": office.new_id(), "title": "Homework"}}
    assert (await poster.post(CATEGORIES, json=body)).status_code == 201
    assert (await poster.post(CATEGORIES, json=body)).status_code == 403
    again = await office.client.post(CATEGORIES, json=body)
    assert again.status_code == 200
    assert again.json()["sourcedIdPairs"]["allocatedSourcedId"] == body["category"]["sourcedId"]
    await poster.aclose()


async def test_a_token_of_one_version_writes_nothing_of_the_other(office: Office) -> None:
    path = "/ims/oneroster/v1p1/categories/c1"
    answer = await office.client.put(path, json={"category": {"title": "T"}})
    assert answer.status_code == 403


async def test_a_connection_of_some_schools_writes_of_these_alone(office: Office) -> None:
    schools = await office.served.connection.fetch(
        "SELECT sourced_id FROM v1p2.orgs WHERE type = 'school' ORDER BY sourced_id = $1 DESC",
        office.row["school"],
    )
    (own, other), scopes = [row["sourced_id"] for row in schools[:2]], ["gradebook.createput"]
    row = rows_of(EDTECH_V1P2)["putLineItem"]
    answers = []
    for name, school in (("inside", own), ("outside", other)):
        client = await office.served.connect(name, scopes=scopes, schools=[school])
        sourced_id = office.new_id()
        body = {"lineItem": office.body(Entity.LINE_ITEMS, sourced_id, Version.V1P2)}
        path = office.address(EDTECH_V1P2, row, sourced_id)
        answers.append(await client.put(path, json=body))
        await client.aclose()
    assert [each.status_code for each in answers] == [201, 422]


async def test_a_token_of_one_school_of_several_writes_nothing(office: Office) -> None:
    sent = await office.count_messages()
    scopes = ["roster.readonly", "gradebook.createput"]
    made = await connections.add(office.served.connection, "partner", "1.1", scopes=scopes)
    name = f"partner|{office.row['estab']}"
    given = await office.served.http.post(XPORTER.token_path, auth=(name, made.client_secret))
    headers = {"Authorization": f"Bearer {given.json()['access_token']}"}
    path = "/ims/oneroster/v1p1/categories/c1"
    body: dict[str, Any] = {"category": {"title": "T"}}
    refused = await office.served.http.put(path, json=body, headers=headers)
    assert refused.status_code == 403
    assert "school" in refused.text
    assert await office.count_messages() == sent


async def test_a_signed_write_is_the_signers(office: Office) -> None:
    scopes = ["gradebook.createput", "gradebook.readonly"]
    made = await connections.add(office.served.connection, "signer", "1.1", scopes=scopes)
    signer = Signer(made.client_id, made.client_secret)
    path = f"/ims/oneroster/v1p1/categories/{office.new_id()}"
    body = {"category": {"title": "Homework"}}
    signed: tuple[tuple[Verb, int], ...] = (("PUT", 201), ("GET", 401))
    for verb, status in signed:
        header = signer.header(office.served.writer.settings.base_url + path, verb=verb)
        headers = {"Authorization": header}
        answer = await office.served.http.put(path, json=body, headers=headers)
        assert answer.status_code == status, answer.text


async def test_the_google_classroom_suite_passes(office: Office) -> None:
    """ONEROSTER §6.2, from its token to both deletions."""
    wanted = ["roster.readonly", "gradebook.readonly", "gradebook.createput", "gradebook.delete"]
    scope = " ".join(f"https://purl.imsglobal.org/spec/or/v1p2/scope/{each}" for each in wanted)
    google = await office.served.connect("google", scopes=wanted, scope=scope)
    roster = "/ims/oneroster/rostering/v1p2"
    grades = "/ims/oneroster/gradebook/v1p2"

    async def ask(path: str, **query: str | int) -> list[dict[str, Any]]:
        answer = await google.get(path, params=query)
        assert answer.status_code == 200, answer.text
        (records,) = answer.json().values()
        return list(records)

    (teacher,) = await ask(f"{roster}/teachers", limit=1)
    (found,) = await ask(f"{roster}/teachers", filter=f"email='{teacher['email']}'", limit=10000)
    assert found["sourcedId"] == teacher["sourcedId"]
    classes = await ask(
        f"{roster}/teachers/{office.row['teacher']}/classes", limit=10000, filter="status='active'"
    )
    (taught,) = [each for each in classes if each["sourcedId"] == office.row["class"]]
    of_class = f"{grades}/classes/{taught['sourcedId']}"
    students = await ask(f"{roster}/classes/{taught['sourcedId']}/students")
    assert all(student["email"] for student in students)
    category = (await ask(f"{of_class}/categories"))[0]
    for period in await ask(f"{roster}/terms/{taught['terms'][0]['sourcedId']}/gradingPeriods"):
        assert period["type"] == "gradingPeriod"
        assert {"title", "startDate", "endDate", "schoolYear"} <= set(period)
    sourced_id = office.new_id()
    line_item = {
        "sourcedId": sourced_id,
        "title": "Fractions",
        "description": "",
        "assignDate": "2026-09-01T06:00:00.000Z",
        "dueDate": "2026-09-08T06:00:00.000Z",
        "class": {"sourcedId": taught["sourcedId"]},
        "school": {"sourcedId": taught["school"]["sourcedId"]},
        "category": {"sourcedId": category["sourcedId"]},
        "resultValueMin": 0.0,
        "resultValueMax": 100.0,
    }
    path = f"{grades}/lineItems/{sourced_id}"
    assert (await google.put(path, json={"lineItem": line_item})).status_code == 201
    shown = {each["sourcedId"]: each for each in await ask(f"{of_class}/lineItems", limit=10000)}
    assert shown[sourced_id]["title"] == "Fractions"
    line_item["title"] = "F" * 112
    assert (await google.put(path, json={"lineItem": line_item})).status_code in (200, 201)
    shown = {each["sourcedId"]: each for each in await ask(f"{of_class}/lineItems", limit=10000)}
    assert shown[sourced_id]["title"] == "F" * 112
    result = {
        "sourcedId": office.new_id(),
        "lineItem": {"sourcedId": sourced_id},
        "student": {"sourcedId": students[0]["sourcedId"]},
        "scoreDate": "2026-09-09T10:11:12.000Z",
        "comment": "",
    }
    results = f"{grades}/results"
    for scored in ({"scoreStatus": "fully graded", "score": 300.0}, {"scoreStatus": "exempt"}):
        own = f"{results}/{result['sourcedId']}"
        put = await google.put(own, json={"result": result | scored})
        assert put.status_code in (200, 201), put.text
        kept = (await google.get(own)).json()["result"]
        assert scored.items() <= kept.items()
    for own in (f"{results}/{result['sourcedId']}", path):
        assert (await google.delete(own)).status_code in (200, 204)
    assert result["sourcedId"] not in await ids_of(google, results)
    assert sourced_id not in await ids_of(google, f"{grades}/lineItems")
    await google.aclose()


@pytest.mark.parametrize("path", [f"{CATEGORIES}/idle", "/ingest/batch"])
async def test_who_stops_sending_is_not_waited_for(
    office: Office, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writes, "IDLE_SECONDS", 0.1)

    async def stuck() -> AsyncIterator[bytes]:
        yield b'{"category": '
        await asyncio.Event().wait()

    method = "PUT" if "idle" in path else "POST"
    headers = {"Content-Type": "application/x-ndjson"}
    answer = await office.client.request(method, path, content=stuck(), headers=headers)
    assert (answer.status_code, answer.headers["Connection"]) == (408, "close")
