"""Admits vendors to NATS: the server asks who somebody is, and is answered as HTTP would answer.

Client id and secret are those of HTTP, checked alike: guesses at both doors count together. Who
may write gets a user that reaches its own subjects only, and a stream for its verdicts. API
processes share the questions; without NATS, or without the issuer's seed, the API serves HTTP
alone.
"""

import asyncio
import time

import asyncpg
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg

from rosterline.api.access.directory import Directory, Vendor
from rosterline.api.access.passwords import SecretChecker
from rosterline.api.access.throttle import Throttle, attempt_from
from rosterline.api.errors import ApiError
from rosterline.api.nats.sessions import Sessions, may_send, user_name
from rosterline.api.nats.tokens import Caller, admission, read_caller, refusal
from rosterline.bus.connection import LOST_NATS, connect
from rosterline.bus.issuer import InvalidSeedError, Issuer
from rosterline.bus.topology import ensure_verdict_stream
from rosterline.bus.vendors import CALLOUT_SUBJECT, DOOR_SUBJECT, access_of
from rosterline.config.settings import Settings
from rosterline.db.lives import live_on

QUEUE = "rosterline-api"
LOOK_SECONDS = 2.0
MOST_AT_WORK = 16
# A user outlives the time after which its connection is cut off and made anew, in case that no API
# runs just then.
GRACE_SECONDS = 600

log = structlog.get_logger(__name__)


class _RefusedError(Exception):
    """The caller is not admitted; the message is for the server's log."""


class Door:
    """Answers the questions of NATS on one connection."""

    def __init__(
        self, settings: Settings, pool: asyncpg.Pool, issuer: Issuer, throttle: Throttle
    ) -> None:
        self._settings = settings
        self._issuer = issuer
        self._directory = Directory(pool, settings)
        # Of its own: who asks for tokens over HTTP must not keep callers waiting at this door.
        self._checker = SecretChecker(throttle)
        self._turns = asyncio.Semaphore(MOST_AT_WORK)

    async def keep(self, client: Client) -> None:
        """Answer until the connection is closed for good."""
        sessions = Sessions(client, self._directory, self._settings.nats_session_seconds)
        answers: set[asyncio.Task[None]] = set()

        async def ask(question: Msg) -> None:
            task = asyncio.create_task(self._answer(question, client))
            answers.add(task)
            task.add_done_callback(answers.discard)

        try:
            await sessions.open()
            await client.subscribe(CALLOUT_SUBJECT, queue=QUEUE, cb=ask)
            await client.subscribe(DOOR_SUBJECT, queue=QUEUE, cb=self._tell_issuer)
            log.info("nats.door_open", issuer=self._issuer.public_key)
            while not client.is_closed:
                if client.is_connected:
                    await sessions.look()
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            for task in answers:
                task.cancel()

    async def _tell_issuer(self, question: Msg) -> None:
        if question.reply:
            await question.respond(self._issuer.public_key.encode())

    async def _answer(self, question: Msg, client: Client) -> None:
        try:
            answer = await self._decide(question.data, client)
            if answer is not None:
                await question.respond(answer)
        except Exception as error:  # noqa: BLE001 - what one caller brings about is not for others
            log.warning("nats.unanswered", error=type(error).__name__)

    async def _decide(self, question: bytes, client: Client) -> bytes | None:
        """What NATS is answered; None when nobody waits for it any more, or this is no question."""
        caller = read_caller(question)
        if caller is None:
            return None
        async with self._turns:
            now = int(time.time())
            if now >= caller.until:
                return None
            try:
                vendor = await self._recognise(caller)
                await ensure_verdict_stream(client.jetstream(), vendor.app)
            except _RefusedError as error:
                return refusal(self._issuer, caller, str(error), now)
            except ApiError as error:
                return refusal(self._issuer, caller, error.message, now)
        log.info("nats.admitted", app=vendor.app)
        lifetime = self._settings.nats_session_seconds + GRACE_SECONDS
        return admission(
            self._issuer,
            caller,
            name=user_name(vendor),
            access=access_of(self._settings.district, vendor.app, vendor.client_id),
            lifetime=(now, now + lifetime),
        )

    async def _recognise(self, caller: Caller) -> Vendor:
        """Whose credentials these are; raises _RefusedError, or ApiError for too many failures."""
        vendor = await self._directory.read(caller.client_id)
        is_known = await self._checker.matches(
            caller.secret,
            vendor.secret_hash if vendor else None,
            attempt_from(caller.address, caller.client_id),
        )
        if vendor is None or not is_known:
            raise _RefusedError("Unknown client or wrong secret")
        if not may_send(vendor):
            log.info("nats.refused", app=vendor.app, reason="none of its scopes allows to write")
            raise _RefusedError("None of the connection's scopes allows to write")
        return vendor


async def admit_vendors(settings: Settings, pool: asyncpg.Pool, throttle: Throttle) -> None:
    """Answer the questions of NATS until cancelled, and wait out its absence."""
    if not settings.nats_url or not settings.nats_issuer_seed:
        log.info("no vendors on NATS: it needs ROSTERLINE_NATS_URL and ROSTERLINE_NATS_ISSUER_SEED")
        return
    try:
        door = Door(settings, pool, Issuer(settings.nats_issuer_seed), throttle)
    except InvalidSeedError as error:
        log.error("no vendors on NATS: see ROSTERLINE_NATS_ISSUER_SEED", error=str(error))  # noqa: TRY400 - the seed is not for a log
        return

    async def life() -> None:
        async with connect(settings.nats_url, "api door") as client:
            await door.keep(client)

    def tell(error: Exception) -> None:
        log.warning("NATS is away: no vendor is admitted", error=type(error).__name__)

    await live_on(asyncio.Event(), life, LOST_NATS, tell)
