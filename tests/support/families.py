"""A family and its teachers in the read model, and vendors with switches who look at them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import httpx

from rosterline.api.access import connections
from rosterline.api.viewing.switches import Switches, Turns
from rosterline.config.settings import Settings
from rosterline.oneroster.stamps import format_stamp
from rosterline.oneroster.v1p2 import ROSTERING_PATH, Role, User, reference
from rosterline.oneroster.vocabulary import Entity, UserRole
from tests.support.api import ALL_SCOPES, BASE_URL, Served, Stored, renewed, stored_user, user

AGENTS = {"g1", "r1"}
OTHERS = {"s1", "s2", "t1", "t2"}
HIDDEN = Switches(sees_agents=False)
SINCE_EVER = "dateLastModified>'1970-01-01'"


def person(
    sourced_id: str,
    *roles: UserRole,
    agents: Sequence[str] = (),
    status: str = "active",
    name: str = "Zoë",
    secondary: str | None = None,
) -> Stored:
    """A user with several roles, the first primary; `secondary` is the other email address."""
    usual = user(sourced_id, status=status, name=name).record
    assert isinstance(usual, User)
    record = usual.model_copy(
        update={
            "roles": tuple(
                Role(
                    role_type="secondary" if place else "primary",
                    role=role,
                    org=reference(Entity.ORGS, "school-1"),
                )
                for place, role in enumerate(roles)
            ),
            "agents": tuple(reference(Entity.USERS, agent) for agent in agents) or None,
        }
    )
    return stored_user(record, secondary)


# Names that stand nowhere else, so that a leak shows.
GUARDIAN = person("g1", "guardian", agents=["s1"], name="Gerlinde")
RELATIVE = person("r1", "relative", agents=["s1"], name="Renate")
STUDENT = person("s1", "student", agents=["g1", "r1", "t1"], secondary="s1@second.test")
OTHER_STUDENT = person("s2", "student", agents=["g0"])
TEACHER = person("t1", "teacher", "guardian", agents=["s1"], secondary="t1@second.test")
OTHER_TEACHER = person("t2", "teacher", "aide")
GONE_STUDENT = person("s0", "student", agents=["g1"], status="tobedeleted")
GONE_GUARDIAN = person("g0", "guardian", agents=["s2"], status="tobedeleted", name="Gudrun")
FAMILY = (
    GUARDIAN,
    RELATIVE,
    STUDENT,
    OTHER_STUDENT,
    TEACHER,
    OTHER_TEACHER,
    GONE_STUDENT,
    GONE_GUARDIAN,
)


@dataclass
class Hall:
    """A family in the read model, a connection without switches, and others as a test needs."""

    plain: Served
    stack: AsyncExitStack

    async def vendor(self, app: str, switches: Switches | None = None) -> Served:
        """Another connection before the same application, made with these switches."""
        vendor = await connections.add(
            self.plain.connection, app, scopes=ALL_SCOPES, switches=switches
        )
        http = httpx.AsyncClient(transport=self.plain.transport, base_url=BASE_URL)
        self.stack.push_async_callback(http.aclose)
        other = replace(self.plain, vendor=vendor, http=http)
        await other.authorize()
        return other


@asynccontextmanager
async def family_hall(served: Served, settings: Settings) -> AsyncIterator[Hall]:
    """The family before an application that has just started; other connections are removed."""
    for row in await connections.list_all(served.connection):
        if row.app != served.vendor.app:
            await connections.remove(served.connection, row.app)
    await served.connection.execute("TRUNCATE rosterline.withdrawn")
    plain = await renewed(served, settings)
    async with plain.http, AsyncExitStack() as stack:
        await plain.read_model.write(*FAMILY[:3])
        await plain.read_model.write(*FAMILY[3:])
        yield Hall(plain, stack)


@dataclass(frozen=True)
class Way:
    """A way to read a collection whole: by links or by offsets, with these parameters."""

    by_links: bool
    parameters: dict[str, str | int]

    @property
    def is_delta(self) -> bool:
        """Whether tombstones are asked for."""
        return "filter" in self.parameters


ORDERS: dict[str, dict[str, str | int]] = {
    "whole": {"limit": 100},
    "by id": {"limit": 2},
    "by id backwards": {"limit": 2, "sort": "sourcedId", "orderBy": "desc"},
    "by stamp": {"limit": 2, "sort": "dateLastModified"},
    "by stamp backwards": {"limit": 2, "sort": "dateLastModified", "orderBy": "desc"},
    "by status": {"limit": 2, "sort": "status"},
    "delta": {"limit": 2, "filter": SINCE_EVER},
    "delta by stamp": {"limit": 2, "filter": SINCE_EVER, "sort": "dateLastModified"},
}
WAYS = {
    f"{name} {'by links' if by_links else 'by offsets'}": Way(by_links, order)
    for name, order in ORDERS.items()
    for by_links in (True, False)
}


@dataclass
class Seen:
    """What a walk brought: its records by id, the total that was told first, and all texts."""

    total: int
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    text: str = ""

    def take(self, page: httpx.Response) -> int:
        """Keep a page; how many records it brought."""
        assert page.status_code == 200, page.text
        (records,) = page.json().values()
        self.text += page.text
        for record in records:
            self.records[record["sourcedId"]] = record
            self.order.append(record["sourcedId"])
        return len(records)


async def gather(served: Served, path: str, way: Way) -> Seen:
    """A collection, read whole in this way."""
    page = await served.get(path, **way.parameters)
    seen = Seen(int(page.headers["X-Total-Count"]))
    offset = seen.take(page)
    while "next" in page.links if way.by_links else offset < seen.total:
        page = (
            await served.http.get(page.links["next"]["url"])
            if way.by_links
            else await served.get(path, offset=offset, **way.parameters)
        )
        count = seen.take(page)
        assert count, "an empty page before the end"
        offset += count
    return seen


async def delta(served: Served, path: str, since: str) -> dict[str, dict[str, Any]]:
    """What is later than a stamp, by id."""
    answer = await served.get(path, filter=f"dateLastModified>'{since}'")
    (records,) = answer.json().values()
    assert int(answer.headers["X-Total-Count"]) == len(records)
    return {record["sourcedId"]: record for record in records}


async def one(served: Served, sourced_id: str) -> dict[str, Any] | None:
    """A user by its id; None where it is unknown."""
    answer = await served.http.get(f"{ROSTERING_PATH}/users/{sourced_id}")
    assert answer.status_code in {200, 404}, answer.text
    found: dict[str, Any] | None = answer.json()["user"] if answer.status_code == 200 else None
    return found


async def turn(vendor: Served, settings: Settings, **turns: bool) -> str:
    """Turn switches of the vendor's connection; the stamp of it."""
    app = vendor.vendor.app
    await connections.turn(vendor.connection, app, Turns(**turns), settings)
    moment = await vendor.connection.fetchval(
        "SELECT switched_at FROM rosterline.connection WHERE app = $1", app
    )
    return format_stamp(moment)


async def ids(vendor: Served, path: str = "/users") -> set[str]:
    """What a full pull brings."""
    return set((await gather(vendor, path, WAYS["by id by links"])).records)
