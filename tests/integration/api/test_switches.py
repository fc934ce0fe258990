"""What a connection's switches show and hide, in every way to read (seed 000)."""

from datetime import datetime

import pytest

from rosterline.api.endpoints import Shape
from rosterline.api.operations import ROSTERING_V1P2 as ENDPOINTS
from rosterline.api.viewing.switches import Switches
from rosterline.oneroster.stamps import format_stamp
from rosterline.oneroster.v1p2 import Record
from rosterline.oneroster.views import (
    EVERY_APP,
    EVERY_APP_ALTERNATIVE,
    withdrawn,
    without_agents,
)
from rosterline.oneroster.vocabulary import ROSTER, Entity
from tests.support.api import ONE_OF_EACH, Stored, document, org, with_parents
from tests.support.families import (
    FAMILY,
    HIDDEN,
    SINCE_EVER,
    WAYS,
    Hall,
    Way,
    delta,
    gather,
    one,
    person,
)

SECONDARY = Switches(secondary_email=True)
TOMBSTONES = Switches(tombstones=True)
ALL_WAYS = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


pytestmark = pytest.mark.asyncio(loop_scope="module")


@ALL_WAYS
async def test_tombstones_stand_in_the_lists_of_a_connection_that_wants_them(
    hall: Hall, way: Way
) -> None:
    wanting = await hall.vendor("wanting", TOMBSTONES)
    await hall.plain.read_model.write(org("o1"), org("o0", status="tobedeleted"))
    for path, gone, there in (
        ("/users", {"s0", "g0"}, {"g1", "r1", "s1", "s2", "t1", "t2"}),
        ("/students", {"s0"}, {"s1", "s2"}),
        ("/orgs", {"o0"}, {"o1"}),
    ):
        seen = await gather(wanting, path, way)
        assert (set(seen.records), seen.total) == (gone | there, len(gone | there))
        usual = await gather(hall.plain, path, way)
        assert set(usual.records) == (gone | there if way.is_delta else there)
        assert usual.total == len(usual.records)


@ALL_WAYS
async def test_the_secondary_address_is_seen_by_the_connection_that_asked_for_it(
    hall: Hall, way: Way
) -> None:
    secondary = await hall.vendor("secondary", SECONDARY)
    seen, usual = [await gather(vendor, "/users", way) for vendor in (secondary, hall.plain)]
    assert (seen.total, seen.order) == (usual.total, usual.order)
    for key, record in seen.records.items():
        second = f"{key}@second.test" if key in {"s1", "t1"} else f"{key}@example.org"
        assert record == {**usual.records[key], "email": second}
        assert record == await one(secondary, key)
        assert usual.records[key]["email"] == f"{key}@example.org"
    assert "second.test" not in usual.text


@ALL_WAYS
async def test_guardians_and_relatives_are_not_there_for_a_connection_without_agents(
    hall: Hall, way: Way
) -> None:
    hidden = await hall.vendor("hidden", HIDDEN)
    gone = {"s0"} if way.is_delta else set()
    for path, there in (
        ("/users", {"s1", "s2", "t1", "t2"} | gone),
        ("/students", {"s1", "s2"} | gone),
        ("/teachers", {"t1", "t2"}),
    ):
        seen = await gather(hidden, path, way)
        assert (set(seen.records), seen.total) == (there, len(there))
        usual = await gather(hall.plain, path, way)
        for key, record in seen.records.items():
            expected = {**usual.records[key]}
            expected.pop("agents", None)
            expected["roles"] = [each for each in expected["roles"] if each["role"] != "guardian"]
            assert record == expected


async def test_a_guardian_is_unknown_by_id_and_a_teacher_is_only_a_teacher(hall: Hall) -> None:
    hidden = await hall.vendor("hidden", HIDDEN)
    for key in ("g1", "r1", "g0"):
        assert await one(hidden, key) is None
        assert await one(hall.plain, key) is not None
        found = await hidden.get("/users", filter=f"sourcedId='{key}'")
        assert (found.json(), found.headers["X-Total-Count"]) == ({"users": []}, "0")
    teacher, student = await one(hidden, "t1"), await one(hidden, "s1")
    assert teacher is not None
    assert [role["role"] for role in teacher["roles"]] == ["teacher"]
    assert student is not None
    assert "agents" not in teacher.keys() | student.keys()
    usual = await one(hall.plain, "s1")
    assert usual is not None
    assert [agent["sourcedId"] for agent in usual["agents"]] == ["g1", "r1", "t1"]


LEAKS = ("g0", "g1", "r1", "Gerlinde", "Renate", "Gudrun", "guardian", "relative", "agents")


@pytest.mark.parametrize(
    "switches",
    [HIDDEN, Switches(secondary_email=True, tombstones=True, sees_agents=False)],
    ids=["hidden", "hidden with all other switches"],
)
async def test_nothing_of_a_guardian_is_in_any_answer_to_a_connection_without_agents(
    hall: Hall, switches: Switches
) -> None:
    await hall.plain.read_model.write(*ONE_OF_EACH)
    hidden = await hall.vendor("hidden", switches)
    texts = []
    collections = [row for row in ENDPOINTS if row.shape is Shape.COLLECTION]
    for endpoint in collections:
        path = with_parents(endpoint.path)
        walks = [await gather(hidden, path, way) for way in WAYS.values()]
        assert all(seen.records for seen in walks)
        texts += [seen.text for seen in walks]
        if endpoint.relation is not None:
            continue
        for key in walks[-1].records:
            answer = await hidden.get(f"{path}/{key}")
            assert answer.status_code == 200
            texts.append(answer.text)
    chosen = await hidden.get("/users", fields="sourcedId,roles,agents", filter=SINCE_EVER)
    texts += [chosen.text, (await hidden.get("/users/s1", fields="agents,roles")).text]
    whole = "\n".join(texts)
    assert [leak for leak in LEAKS if f'"{leak}"' in whole or f"/{leak}" in whole] == []
    everything = await gather(hall.plain, "/users", WAYS["delta by links"])
    assert all(f'"{leak}"' in everything.text for leak in LEAKS)


@pytest.mark.parametrize("switches", [HIDDEN, Switches(tombstones=True, sees_agents=False)])
async def test_a_connection_that_never_saw_agents_sees_no_tombstones_of_them(
    hall: Hall, switches: Switches
) -> None:
    hidden = await hall.vendor("hidden", switches)
    await hall.plain.read_model.write(
        person("g1", "guardian", status="tobedeleted"), person("g9", "guardian")
    )
    assert set(await delta(hidden, "/users", "1970-01-01")) == {"s0", "s1", "s2", "t1", "t2"}
    assert await one(hidden, "g1") is None


async def become_agent(hall: Hall, teacher: Stored, agent: Stored) -> datetime:
    """A teacher becomes a guardian only: in one transaction, with tombstones as withdraw does."""
    connection, read_model = hall.plain.connection, hall.plain.read_model
    before = read_model.last_stamp
    alternative = teacher.alternative
    assert isinstance(alternative, Record)
    async with connection.transaction():
        moment = await read_model.write(agent)
        for app, record in (
            (EVERY_APP, teacher.record),
            (EVERY_APP_ALTERNATIVE, alternative),
        ):
            dead = withdrawn(without_agents(document(record, before)), format_stamp(moment))
            await connection.execute(
                "INSERT INTO rosterline.withdrawn "
                "(app, collection, sourced_id, date_last_modified, document) "
                "VALUES ($1, 'v1p2.users', $2, $3, $4)",
                app,
                teacher.record.sourced_id,
                moment,
                dead,
            )
    return moment


@pytest.mark.parametrize(
    ("switches", "address"),
    [
        (HIDDEN, "t1@example.org"),
        (Switches(secondary_email=True, sees_agents=False), "t1@second.test"),
    ],
)
async def test_g5_a_teacher_who_becomes_a_guardian_only_leaves_by_a_tombstone_and_comes_back(
    hall: Hall, switches: Switches, address: str
) -> None:
    hidden = await hall.vendor("hidden", switches)
    lists = await hall.vendor("lists", Switches(tombstones=True, sees_agents=False))
    teacher = next(each for each in FAMILY if each.record.sourced_id == "t1")
    before = format_stamp(hall.plain.read_model.last_stamp)
    moment = await become_agent(hall, teacher, person("t1", "guardian", agents=["s1"]))
    for path in ("/users", "/teachers"):
        dead = (await delta(hidden, path, before))["t1"]
        assert (dead["status"], dead["email"]) == ("tobedeleted", address)
        assert dead["dateLastModified"] == format_stamp(moment)
        assert [role["role"] for role in dead["roles"]] == ["teacher"]
        assert "t1" not in (await gather(hidden, path, WAYS["by id by links"])).records
        assert "t1" in (await gather(lists, path, WAYS["by id by links"])).records
        assert await one(hidden, "t1") == dead
    assert await delta(hidden, "/students", before) == {}
    usual = await one(hall.plain, "t1")
    assert usual is not None
    assert usual["status"] == "active"
    since = format_stamp(moment)
    await hall.plain.read_model.write(teacher)
    (back,) = (await delta(hidden, "/users", since)).values()
    assert (back["sourcedId"], back["status"], back["email"]) == ("t1", "active", address)
    assert await one(hidden, "t1") == back
    whole = await gather(hidden, "/users", WAYS["delta by offsets"])
    assert (whole.order.count("t1"), whole.total) == (1, len(whole.order))
    assert set((await gather(lists, "/teachers", WAYS["whole by links"])).records) == {"t1", "t2"}


async def test_connections_with_different_switches_share_no_totals(hall: Hall) -> None:
    hidden = await hall.vendor("hidden", HIDDEN)
    wanting = await hall.vendor("wanting", TOMBSTONES)
    for _ in range(2):
        totals = [
            (await vendor.get("/users", limit=1)).headers["X-Total-Count"]
            for vendor in (hall.plain, hidden, wanting)
        ]
        assert totals == ["6", "4", "8"]


async def test_connections_with_different_switches_share_no_walks(hall: Hall) -> None:
    hidden = await hall.vendor("hidden", HIDDEN)
    first = await hall.plain.get("/users", limit=3)
    assert first.json()["users"][-1]["sourcedId"] == "s1"
    stolen = await hidden.http.get(first.links["next"]["url"])
    assert stolen.status_code == 400
    counted = await hidden.get("/users", limit=3, offset=3)
    assert [record["sourcedId"] for record in counted.json()["users"]] == ["t2"]


@pytest.mark.parametrize("entity", [each for each in ROSTER if each is not Entity.USERS])
async def test_switches_but_tombstones_change_nothing_but_users(hall: Hall, entity: Entity) -> None:
    await hall.plain.read_model.write(*ONE_OF_EACH)
    switched = await hall.vendor("switched", Switches(secondary_email=True, sees_agents=False))
    path = f"/{entity.value}"
    for vendor in (switched, hall.plain):
        seen = await gather(vendor, path, WAYS["by id by links"])
        assert seen.records
        assert seen.text == (await gather(hall.plain, path, WAYS["by id by links"])).text
