"""Vendors' connections to NATS as they are now: who was removed or got a new secret is cut off.

So is, for a moment, whose user is about to expire: it connects again by itself, while at the end of
a user some clients give up. The server says who is connected, so any process can look, and nothing
is lost with one.
"""

from contextlib import suppress
from datetime import datetime, timedelta

import orjson
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from pydantic import BaseModel, ValidationError

from rosterline.api.access.directory import Directory, Vendor
from rosterline.api.errors import ApiError
from rosterline.bus.vendors import CONNECTIONS_SUBJECT
from rosterline.oneroster.scopes import WRITING

# More than one server lets in.
MOST_CONNECTIONS = 65_536
KICK_SECONDS = 2

log = structlog.get_logger(__name__)


class _Connection(BaseModel):
    cid: int
    start: datetime
    authorized_user: str = ""


class _Connections(BaseModel):
    now: datetime
    connections: tuple[_Connection, ...] = ()


class _Server(BaseModel):
    id: str


class _Report(BaseModel):
    server: _Server
    data: _Connections


def may_send(vendor: Vendor) -> bool:
    """Whether a connection has something to do on NATS: what it may write is what it may send."""
    return not WRITING.isdisjoint(vendor.scopes)


def user_name(vendor: Vendor) -> str:
    """What NATS calls a vendor's user: it changes with the secret."""
    return f"{vendor.app}/{vendor.client_id}/{vendor.generation}"


class Sessions:
    """Asks the servers who is connected, and ends what is not to go on."""

    def __init__(self, client: Client, directory: Directory, seconds: int) -> None:
        self._client = client
        self._directory = directory
        self._longest = timedelta(seconds=seconds)
        self._inbox = client.new_inbox()

    async def open(self) -> None:
        """Listen to what the servers say."""
        await self._client.subscribe(self._inbox, cb=self.heed)

    async def look(self) -> None:
        """Ask all servers; their answers come to `heed`."""
        request = orjson.dumps({"auth": True, "limit": MOST_CONNECTIONS})
        await self._client.publish(CONNECTIONS_SUBJECT, request, reply=self._inbox)

    async def heed(self, message: Msg) -> None:
        """End the connections of a server that are not to go on."""
        try:
            report = _Report.model_validate_json(message.data)
        except ValidationError:
            log.warning("nats.sessions_unknown", data_bytes=len(message.data))
            return
        for connection in report.data.connections:
            is_old = report.data.now - connection.start > self._longest
            if is_old or await self._is_withdrawn(connection.authorized_user):
                await self._end(report.server.id, connection.cid)

    async def _is_withdrawn(self, name: str) -> bool:
        app, client_id, *_ = [*name.split("/"), ""]
        try:
            vendor = await self._directory.find(client_id)
        except ApiError:
            # Who it is cannot be learned now: the next look is soon.
            return False
        if vendor is not None and user_name(vendor) == name and may_send(vendor):
            return False
        log.info("nats.session_ended", app=app)
        return True

    async def _end(self, server: str, number: int) -> None:
        # Without a reply it does nothing; who is not gone is met at the next look.
        with suppress(NatsError):
            subject = f"$SYS.REQ.SERVER.{server}.KICK"
            await self._client.request(subject, orjson.dumps({"cid": number}), timeout=KICK_SECONDS)
