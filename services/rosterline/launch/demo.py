"""`rosterline demo`: a made-up district inside `up`, changing as you watch, and commands to try."""

import asyncio
import base64
import http.client
import json
import shlex
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from rosterline.api.access import connections
from rosterline.api.access.connection_rules import InvalidConnectionError
from rosterline.config.settings import Settings
from rosterline.db.pools import open_connection
from rosterline.launch.display import changing_line, progress_bar
from rosterline.launch.errors import LaunchError
from rosterline.launch.status import local_url
from rosterline.sample.changes import run_changes
from rosterline.sample.generate import generate

APP = "demo"
ROSTERING = "/ims/oneroster/rostering/v1p2"
IS_EMPTY = (
    "SELECT NOT EXISTS (SELECT 1 FROM sis.person) AND NOT EXISTS (SELECT 1 FROM sis.district)"
)
SUGGESTIONS = """
A district that changes {rate:g} times a second. Paste these into another terminal:

  # a token, good for {minutes} minutes
  TOKEN={token}

  # a page of students
  curl -sw '\\n' -H "Authorization: Bearer $TOKEN" '{url}/students?limit=2'

  # what has changed since a minute ago
  SINCE=$(date -u -d '1 minute ago' +%FT%TZ 2>/dev/null || date -u -v-1M +%FT%TZ)
  curl -sw '\\n' -G -H "Authorization: Bearer $TOKEN" '{url}/users' \\
    --data-urlencode "filter=dateLastModified>'$SINCE'"

  # changes as they come
  {command} tail --data {folder}

  # why is somebody there, or not? and how many are not, and why
  {command} explain person 6 --data {folder}
  {command} report --data {folder}

Ctrl-C ends everything.
"""


@dataclass(frozen=True)
class Demo:
    """What the demo adds to `up`."""

    folder: Path
    students: int
    rate: float
    seed: int
    show: Callable[[str], None]

    async def before_services(self, settings: Settings) -> None:
        """Fill the SIS, if it is empty."""
        async with open_connection(settings.sis_dsn, "demo") as connection:
            is_empty = await connection.fetchval(IS_EMPTY)
        if is_empty:
            with progress_bar() as progress:
                await generate(
                    settings.sis_dsn, students=self.students, seed=self.seed, progress=progress
                )

    async def after_ready(self, settings: Settings, stop: asyncio.Event) -> None:
        """Print what to try, and let the district change."""
        async with open_connection(settings.dsn, "demo") as connection:
            try:
                made = await connections.rotate(connection, APP)
            except InvalidConnectionError:
                made = await connections.add(connection, APP)
        token = await asyncio.to_thread(fetch_token, local_url(settings), made)
        self.show(self.suggestions(settings, token))
        if self.rate > 0:
            with changing_line() as on_change:
                await run_changes(
                    settings.sis_dsn, rate=self.rate, seed=self.seed, stop=stop, on_change=on_change
                )

    def suggestions(self, settings: Settings, token: str) -> str:
        """Commands that work as they stand."""
        return SUGGESTIONS.format(
            rate=self.rate,
            minutes=settings.token_seconds // 60,
            token=token,
            url=f"{settings.base_url}{ROSTERING}",
            command=own_command(),
            folder=shlex.quote(str(self.folder)),
        )


def own_command() -> str:
    """How this very installation is called, from any folder."""
    script = Path(sysconfig.get_path("scripts")) / "rosterline"
    if script.exists():
        return shlex.quote(str(script))
    return f"{shlex.quote(sys.executable)} -m rosterline"


def fetch_token(url: str, made: connections.NewConnection) -> str:
    """An access token, as any client gets one."""
    credentials = base64.b64encode(f"{made.client_id}:{made.client_secret}".encode()).decode()
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request(
            "POST",
            "/oauth2/token",
            "grant_type=client_credentials",
            {
                "Authorization": f"Basic {credentials}",
                "Content-Type": "application/x-www-form-urlencoded",
            },
        )
        answer = connection.getresponse()
        if answer.status != http.client.OK:
            raise LaunchError(f"the API gave no token: status {answer.status}")
        return str(json.loads(answer.read())["access_token"])
    finally:
        connection.close()
