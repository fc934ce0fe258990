"""The API in a test: records in the read model as the projector would write them, and a client."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx

from rosterline.api.access import connections
from rosterline.api.app import create_app, create_writer
from rosterline.api.viewing.visibility import TABLES
from rosterline.api.writing.writer import Writer
from rosterline.config.settings import Settings
from rosterline.oneroster.stamps import format_stamp
from rosterline.oneroster.v1p2 import (
    ROSTERING_PATH,
    AcademicSession,
    Class,
    Course,
    Demographics,
    Enrollment,
    Org,
    Record,
    Role,
    User,
    UserId,
    reference,
)
from rosterline.oneroster.vocabulary import Collection, Entity, Version
from rosterline.projector.clock import MILLISECOND, next_stamp
from rosterline.projector.columns import columns_of
from tests.support.running import until

BASE_URL = "https://roster.example.org"
START = datetime(2026, 9, 1, 8, tzinfo=UTC)
ALL_SCOPES = ("roster.readonly", "roster-demographics.readonly")


def stamp(milliseconds: int) -> datetime:
    """A moment this long after START."""
    return START + timedelta(milliseconds=milliseconds)


@dataclass(frozen=True, slots=True)
class Stored:
    """A record with the schools in whose scope it stands.

    `alternative` is the user with the secondary email address.
    """

    entity: Entity
    record: Record
    schools: tuple[str, ...] = ("school-1",)
    alternative: User | None = None
    version: Version = Version.V1P2


def org(sourced_id: str, kind: str = "school", *, status: str = "active") -> Stored:
    """A school or district."""
    record = Org.model_validate(
        {
            "sourcedId": sourced_id,
            "status": status,
            "name": f"Schule Überlingen {sourced_id}",
            "type": kind,
            "identifier": "0042",
            "parent": reference(Entity.ORGS, "district-1") if kind == "school" else None,
        }
    )
    return Stored(Entity.ORGS, record, (sourced_id,) if kind == "school" else ("school-1",))


def session(sourced_id: str, kind: str = "term", *, status: str = "active") -> Stored:
    """An academic session."""
    record = AcademicSession.model_validate(
        {
            "sourcedId": sourced_id,
            "status": status,
            "title": "Fall",
            "startDate": "2026-08-15",
            "endDate": "2026-12-20",
            "type": kind,
            "parent": reference(Entity.ACADEMIC_SESSIONS, "term-1")
            if kind == "gradingPeriod"
            else None,
            "schoolYear": "2027",
        }
    )
    return Stored(Entity.ACADEMIC_SESSIONS, record)


def course(sourced_id: str, *, status: str = "active") -> Stored:
    """A course."""
    record = Course.model_validate(
        {
            "sourcedId": sourced_id,
            "status": status,
            "title": "Algebra",
            "courseCode": "MA1",
            "org": reference(Entity.ORGS, "school-1"),
        }
    )
    return Stored(Entity.COURSES, record)


def class_(
    sourced_id: str,
    *,
    status: str = "active",
    course_id: str = "course-1",
    term_id: str = "term-1",
    school_id: str = "school-1",
) -> Stored:
    """A class."""
    record = Class.model_validate(
        {
            "sourcedId": sourced_id,
            "status": status,
            "title": "MA1 01",
            "classType": "scheduled",
            "course": reference(Entity.COURSES, course_id),
            "school": reference(Entity.ORGS, school_id),
            "terms": (reference(Entity.ACADEMIC_SESSIONS, term_id),),
            "periods": ("1",),
        }
    )
    return Stored(Entity.CLASSES, record)


def user(
    sourced_id: str, role: str = "student", *, status: str = "active", name: str = "Zoë"
) -> Stored:
    """A user with one role."""
    record = User.model_validate(
        {
            "sourcedId": sourced_id,
            "status": status,
            "userIds": (UserId(type="SIS", identifier="17"),),
            "enabledUser": "true",
            "givenName": name,
            "familyName": 'O\'Hara "the \\ reader"',
            "roles": (
                Role.model_validate(
                    {
                        "roleType": "primary",
                        "role": role,
                        "org": reference(Entity.ORGS, "school-1"),
                        "beginDate": "2026-08-15",
                    }
                ),
            ),
            "email": f"{sourced_id}@example.org",
            "grades": ("09",),
        }
    )
    return stored_user(record)


def stored_user(record: User, alternative: str | None = None) -> Stored:
    """A user as the projector stores one; `alternative` is the secondary email address."""
    other = None if alternative is None else record.model_copy(update={"email": alternative})
    return Stored(Entity.USERS, record, alternative=other)


def demographics(sourced_id: str, *, status: str = "active") -> Stored:
    """Demographics of a user."""
    record = Demographics.model_validate(
        {
            "sourcedId": sourced_id,
            "status": status,
            "birthDate": "2011-03-04",
            "sex": "female",
            "asian": "true",
        }
    )
    return Stored(Entity.DEMOGRAPHICS, record)


def enrollment(
    sourced_id: str,
    role: str = "student",
    *,
    status: str = "active",
    user: str = "student-1",
    class_id: str = "class-1",
) -> Stored:
    """An enrollment."""
    record = Enrollment.model_validate(
        {
            "sourcedId": sourced_id,
            "status": status,
            "user": reference(Entity.USERS, user),
            "class": reference(Entity.CLASSES, class_id),
            "school": reference(Entity.ORGS, "school-1"),
            "role": role,
            "primary": "false",
            "beginDate": "2026-08-15",
        }
    )
    return Stored(Entity.ENROLLMENTS, record)


ONE_OF_EACH: tuple[Stored, ...] = (
    org("district-1", "district"),
    org("school-1"),
    session("year-1", "schoolYear"),
    session("term-1", "term"),
    session("period-1", "gradingPeriod"),
    course("course-1"),
    class_("class-1"),
    user("student-1", "student"),
    user("teacher-1", "teacher"),
    demographics("student-1"),
    enrollment("enrollment-1"),
    enrollment("enrollment-2", "teacher", user="teacher-1"),
)


# The ids of ONE_OF_EACH as the endpoint table names them.
PARENTS = {
    "{classSourcedId}": "class-1",
    "{courseSourcedId}": "course-1",
    "{schoolSourcedId}": "school-1",
    "{studentSourcedId}": "student-1",
    "{teacherSourcedId}": "teacher-1",
    "{termSourcedId}": "term-1",
    "{userSourcedId}": "student-1",
    "{lineItemSourcedId}": "line-item-1",
}


def with_parents(path: str, parents: Mapping[str, str] = PARENTS) -> str:
    """The path of an endpoint of the table with the ids of parents."""
    for name, sourced_id in parents.items():
        path = path.replace(name, sourced_id)
    return path


class ReadModel:
    """Writes records as the projector does: one stamp a transaction, greater than all before.

    Until `is_live` its clock counts milliseconds from START; then it is Rosterline's, ahead of now.
    """

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._milliseconds = 0
        self.is_live = False

    @property
    def last_stamp(self) -> datetime:
        """The stamp of the last transaction."""
        return stamp(self._milliseconds)

    async def write(self, *records: Stored) -> datetime:
        """Store new versions of records in one transaction."""
        async with self._connection.transaction():
            self._milliseconds = await self._next_millisecond()
            await self._move_clock()
            for stored in records:
                await self._upsert(stored)
        return self.last_stamp

    async def become_ready(self) -> None:
        """Say that the first load is whole."""
        await self._connection.execute("UPDATE rosterline.clock SET ready = true")

    async def _next_millisecond(self) -> int:
        last = await self._connection.fetchval("SELECT last_stamp FROM rosterline.clock FOR UPDATE")
        now = await self._connection.fetchval("SELECT clock_timestamp()")
        if not self.is_live:
            return self._milliseconds + 1
        return (next_stamp(last, now, timedelta(seconds=1)) - START) // MILLISECOND

    async def _move_clock(self) -> None:
        await self._connection.execute(
            "UPDATE rosterline.clock SET last_stamp = $1", self.last_stamp
        )

    async def _upsert(self, stored: Stored) -> None:
        columns: dict[str, object] = {
            "sourced_id": stored.record.sourced_id,
            "status": stored.record.status,
            "date_last_modified": self.last_stamp,
            "document": document(stored.record, self.last_stamp),
            "digest": b"",
            "sequence": self._milliseconds,
            "schools": list(stored.schools),
            **columns_of(stored.record, stored.alternative),
        }
        if stored.entity is Entity.USERS:
            other = stored.alternative
            columns["alternative"] = other and document(other, self.last_stamp)
        names = ", ".join(columns)
        places = ", ".join(f"${place}" for place in range(1, len(columns) + 1))
        updates = ", ".join(f"{name} = excluded.{name}" for name in columns)
        table = TABLES[Collection(stored.version, stored.entity)]
        await self._connection.execute(
            f"INSERT INTO {table} ({names}) VALUES ({places}) "
            f"ON CONFLICT (sourced_id) DO UPDATE SET {updates}",
            *columns.values(),
        )


def document(record: Record, moment: datetime) -> str:
    """The record as the projector stores it."""
    stamped = record.model_copy(update={"date_last_modified": format_stamp(moment)})
    return stamped.model_dump_json(by_alias=True, exclude_none=True)


@dataclass(frozen=True, slots=True)
class Served:
    """A served application: its read model, a client without token, and a vendor's credentials."""

    read_model: ReadModel
    connection: asyncpg.Connection
    pool: asyncpg.Pool
    http: httpx.AsyncClient
    transport: httpx.ASGITransport
    vendor: connections.NewConnection
    writer: Writer

    async def authorize(self, scope: str | None = None) -> None:
        """Send the vendor's token from now on."""
        answer = await self.ask_token({"scope": scope} if scope else {})
        self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    async def ask_token(self, extra: Mapping[str, str]) -> httpx.Response:
        """A token request with the vendor's credentials by Basic."""
        return await self.http.post(
            "/oauth2/token",
            data={"grant_type": "client_credentials", **extra},
            auth=(self.vendor.client_id, self.vendor.client_secret),
        )

    async def connect(
        self, app: str, version: str = "1.2", *, scope: str | None = None, **options: Any
    ) -> httpx.AsyncClient:
        """A client with the token of a new connection, made with these options."""
        made = await connections.add(self.connection, app, version, **options)
        return await client_for(self.transport, made, scope=scope)

    async def get(self, path: str, **parameters: str | int) -> httpx.Response:
        """GET of an address below the rostering service."""
        return await self.http.get(f"{ROSTERING_PATH}{path}", params=parameters)


@asynccontextmanager
async def serving(
    dsn: str, *, settings: Settings | None = None, ready: bool = True, waits: bool = True
) -> AsyncIterator[Served]:
    """The application on a database, called in this process, with a connection `acme`.

    Where the settings name NATS it takes writes, from the start if it `waits`.
    """
    settings = settings or Settings(dsn=dsn, public_url=BASE_URL)
    async with asyncpg.create_pool(dsn, min_size=1, max_size=4) as pool:
        connection = await asyncpg.connect(dsn)
        writer = create_writer(settings, pool)
        transport = httpx.ASGITransport(create_app(settings, pool, writer=writer))
        try:
            vendor = await connections.add(connection, "acme", scopes=ALL_SCOPES)
            async with (
                httpx.AsyncClient(transport=transport, base_url=BASE_URL) as http,
                taking_writes(settings, writer, waits=waits),
            ):
                read_model = ReadModel(connection)
                if ready:
                    await read_model.become_ready()
                yield Served(read_model, connection, pool, http, transport, vendor, writer)
        finally:
            await connection.close()


@asynccontextmanager
async def taking_writes(settings: Settings, writer: Writer, *, waits: bool) -> AsyncIterator[None]:
    """The writer at work for the length of the block, where there is a NATS to write to."""
    if not settings.nats_url:
        yield
        return
    running = asyncio.create_task(writer.run())
    try:
        if waits:
            await until(is_connected(writer))
        yield
    finally:
        running.cancel()
        await asyncio.wait({running})


def is_connected(writer: Writer) -> Callable[[], Awaitable[bool]]:
    """Whether it reaches NATS."""

    async def ask() -> bool:
        return writer.bus.is_connected

    return ask


async def client_for(
    transport: httpx.AsyncBaseTransport,
    made: connections.NewConnection,
    *,
    scope: str | None = None,
) -> httpx.AsyncClient:
    """A client with a connection's token; without a scope it has all that the connection may."""
    http = httpx.AsyncClient(transport=transport, base_url=BASE_URL)
    answer = await http.post(
        "/oauth2/token",
        data={"grant_type": "client_credentials"} | ({"scope": scope} if scope else {}),
        auth=(made.client_id, made.client_secret),
    )
    http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    return http


async def renewed(served: Served, settings: Settings) -> Served:
    """The same vendor before an application that has just started, and an empty read model."""
    tables = ", ".join(TABLES.values())
    await served.connection.execute(f"TRUNCATE {tables}")
    transport = httpx.ASGITransport(create_app(settings, served.pool))
    http = httpx.AsyncClient(transport=transport, base_url=BASE_URL, headers=served.http.headers)
    read_model = ReadModel(served.connection)
    return replace(served, read_model=read_model, http=http, transport=transport)


def shuffled(seed: int, count: int, prefix: str = "u") -> list[str]:
    """Ids in an order that is not theirs."""
    ids = [f"{prefix}{number:05d}" for number in range(count)]
    random.Random(seed).shuffle(ids)
    return ids
