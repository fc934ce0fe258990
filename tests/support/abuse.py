"""The API as a process of its own before a small district, for tests that send it anything."""

import asyncio
import json
import re
import secrets
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any
from urllib.parse import quote, unquote_plus

import asyncpg
import httpx

from rosterline.api.access import connections
from rosterline.api.access.connections import NewConnection
from rosterline.api.dialects import APP_NAME, DIALECTS, XPORTER, Dialect
from rosterline.api.endpoints import NUMBERS
from rosterline.api.viewing.switches import Switches
from rosterline.oneroster.scopes import ADMIN, KNOWN
from rosterline.oneroster.vocabulary import Version
from tests.support.api import ONE_OF_EACH, ReadModel
from tests.support.processes import COMMAND, clean_environment
from tests.support.written import ONE_OF_EACH_WRITTEN, WrittenModel

AS_IT_STANDS = "".join(map(chr, range(0x21, 0x7F)))
PATIENCE_SECONDS = 30.0
MOST_FLOOD = 64_000_000
# What must never leave: places in our code, words of our database, of Python, of what it uses.
TELLTALE = re.compile(
    r"Traceback|File \"|\.py\b|site-packages|asyncpg|psycopg|sqlalchemy|uvicorn|starlette"
    r"|SELECT |INSERT |UPDATE |pg_c|::text|\bv1p[12]\.[a-z]|rosterline\.(?:api|db|clock|connection)"
    r"|<object at|postgres",
)
SCHOOL_IDENTIFIER = "0042"
# Of the people of `ONE_OF_EACH`.
PERSONAL = ("Zo\u00eb", "Hara", "@example.org", "2011-03-04")


@dataclass(frozen=True)
class Api:
    """A running `rosterline api`: its address, and all that it has written to its log."""

    process: subprocess.Popen[str] = field(repr=False)
    address: str = ""
    lines: list[str] = field(default_factory=list)
    news: threading.Condition = field(default_factory=threading.Condition, repr=False)

    def follow(self) -> None:
        """Keep what it logs, until it ends."""
        assert self.process.stderr is not None
        with self.process.stderr:
            for line in self.process.stderr:
                with self.news:
                    self.lines.append(line.rstrip("\n"))
                    self.news.notify_all()

    @property
    def log(self) -> str:
        """What it has logged."""
        return "\n".join(self.lines)

    def wait_for(self, event: str, count: int = 1) -> list[dict[str, Any]]:
        """The entries of its log for this event, once there are so many."""
        marked = json.dumps(event)

        def found() -> list[str]:
            return [line for line in self.lines if marked in line]

        with self.news:
            assert self.news.wait_for(lambda: len(found()) >= count, PATIENCE_SECONDS), self.log
            return [json.loads(line) for line in found()]

    def send(self, data: bytes, *, seconds: float = 10.0) -> bytes:
        """What comes back on a connection of its own until the server closes it, or ends."""
        host, port = self.address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=seconds) as connection:
            received = b""
            try:
                connection.sendall(data)
                while chunk := connection.recv(65_536):
                    received += chunk
            except (ConnectionError, TimeoutError):
                # A server that refuses does not read on.
                pass
            return received

    def flood(self, start: bytes, more: bytes) -> int:
        """How many bytes a connection takes, when no end comes, until the server closes it."""
        host, port = self.address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            taken = 0
            try:
                connection.sendall(start)
                while taken < MOST_FLOOD:
                    connection.sendall(more)
                    taken += len(more)
            except ConnectionError:
                pass
            return taken


@contextmanager
def running_api(dsn: str, **settings: str) -> Iterator[Api]:
    """The command `rosterline api` on a free port, for the length of the block."""
    environment = {
        "ROSTERLINE_DSN": dsn,
        "ROSTERLINE_HOST": "127.0.0.1",
        **{f"ROSTERLINE_{name.upper()}": value for name, value in settings.items()},
    }
    process = subprocess.Popen(
        [COMMAND, "api", "--port", "0"],
        env=clean_environment(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    api = Api(process)
    follower = threading.Thread(target=api.follow)
    follower.start()
    try:
        (entry,) = api.wait_for("listening")
        yield replace(api, address=f"http://127.0.0.1:{entry['port']}")
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        finally:
            process.kill()
            follower.join()
            process.wait()


async def fill_one_of_each(connection: asyncpg.Connection) -> None:
    """One record of every kind in both versions."""
    read_model = ReadModel(connection)
    older = [replace(one, version=Version.V1P1) for one in ONE_OF_EACH]
    await read_model.write(*ONE_OF_EACH, *older)
    await WrittenModel(read_model).write(*ONE_OF_EACH_WRITTEN)
    await read_model.become_ready()


async def all_seeing(
    version: Version,
    connection: asyncpg.Connection,
    *,
    schools: Sequence[str] | None = None,
    switches: Switches | None = None,
    app: str | None = None,
) -> NewConnection:
    """A connection with every scope that reads records of its version."""
    number = NUMBERS[version]
    scopes = [scope for scope in KNOWN[number] if scope != ADMIN]
    return await connections.add(
        connection,
        app or f"reader-{secrets.token_hex(4)}",
        number,
        scopes=scopes,
        schools=schools,
        switches=switches,
    )


def ask_token(api: Api, vendor: NewConnection, dialect: Dialect, school: str) -> str:
    """A token as the dialect gives it; Xporter's is one school's."""
    path, name, form = dialect.token_path, vendor.client_id, {"grant_type": "client_credentials"}
    if dialect is XPORTER:
        name, form = f"{vendor.app}|{school}", {}
    answer = httpx.post(
        api.address + path, data=form or None, auth=(name, vendor.client_secret), timeout=20
    )
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


@dataclass(frozen=True)
class Caller:
    """A vendor that reads a dialect of a running API."""

    api: Api
    dialect: Dialect
    vendor: NewConnection
    token: str = field(repr=False)
    http: httpx.Client

    def path(self, path: str) -> str:
        """A path of the dialect with the name of this connection's application."""
        return path.replace(APP_NAME, self.vendor.app)

    def get(self, path: str, parameters: Sequence[tuple[str, str]] | str = ()) -> httpx.Response:
        """GET with these parameters, or with this text as it stands behind the question mark."""
        url = httpx.URL(self.api.address + self.path(path))
        if isinstance(parameters, str):
            url = url.copy_with(query=quote(parameters, safe=AS_IT_STANDS).encode())
        else:
            url = url.copy_merge_params(list(parameters))
        return self.http.get(url)


@contextmanager
def calling(
    api: Api, vendor: NewConnection, dialect: Dialect, school: str = SCHOOL_IDENTIFIER
) -> Iterator[Caller]:
    """A caller with a token."""
    token = ask_token(api, vendor, dialect, school)
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(headers=headers, timeout=30, trust_env=False) as http:
        yield Caller(api, dialect, vendor, token, http)


@contextmanager
def calling_all(dsn: str, **settings: str) -> Iterator[dict[str, Caller]]:
    """A running API before one record of each kind, and who may read all of it by each dialect."""
    with_database(dsn, fill_one_of_each)
    vendors = {version: with_database(dsn, partial(all_seeing, version)) for version in Version}
    with ExitStack() as stack:
        api = stack.enter_context(running_api(dsn, **settings))
        yield {
            dialect.name: stack.enter_context(calling(api, vendors[dialect.version], dialect))
            for dialect in DIALECTS
        }


def check_answer(answer: httpx.Response, dialect: Dialect) -> Any:
    """The body of any answer: no failure of ours, JSON in its version's shape, no word of within.

    Whoever sends garbage is told so, or gets what the rest of the request asks for.
    """
    assert answer.status_code < 500, (answer.request.url, answer.text)
    assert answer.headers["content-type"] == "application/json"
    check_tells_nothing(answer)
    body = json.loads(answer.text)
    if answer.status_code != 200:
        check_error(body, answer.status_code, dialect)
    return body


def check_tells_nothing(answer: httpx.Response) -> None:
    """No word of within stands in an answer, unless the request said it first."""
    asked = unquote_plus(str(answer.request.url))
    found = [each[0] for each in TELLTALE.finditer(answer.text) if each[0] not in asked]
    assert found == [], answer.text


def check_error(body: Mapping[str, Any], status: int, dialect: Dialect) -> str:
    """The description of an error in the shape of the dialect's version."""
    if dialect.version is Version.V1P1:
        assert body.keys() == {"statusInfoSet"}
        (found,) = body["statusInfoSet"]
        assert isinstance(found["imsx_codeMinor"], str)
    else:
        found = body
        (code,) = found["imsx_CodeMinor"]["imsx_codeMinorField"]
        assert isinstance(code["imsx_codeMinorFieldValue"], str)
    assert found["imsx_codeMajor"] in {"failure", "unsupported"}, status
    assert found["imsx_severity"] == "error"
    description = found["imsx_description"]
    assert isinstance(description, str)
    assert description
    return description


def with_database(dsn: str, fill: Callable[[asyncpg.Connection], Any]) -> Any:
    """What `fill` returns that is called with a connection to the database."""

    async def run() -> Any:
        connection = await asyncpg.connect(dsn)
        try:
            return await fill(connection)
        finally:
            await connection.close()

    return asyncio.run(run())


def check_quiet(api: Api, *, secrets: Sequence[str] = ()) -> None:
    """Nothing failed in this server, and its log names nobody: each line is an entry, none a fault.

    `secrets` may stand nowhere in it.
    """
    entries = [json.loads(line) for line in api.lines]
    assert [entry["event"] for entry in entries if entry["level"] == "error"] == []
    assert "Traceback" not in api.log
    for text in (*secrets, *PERSONAL):
        assert text not in api.log
