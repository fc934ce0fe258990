"""What a vendor cannot reach on NATS, by trying: streams, consumers, others' subjects and replies.

Every attempt ends with the same look: nothing was stored, taken or changed anywhere but where the
vendor may write, and the services saw no message of it.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import nats
import orjson
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from rosterline.bus.topology import VERDICTS_CONSUMER, verdict_stream
from rosterline.bus.vendors import VENDORS_ACCOUNT, inbox_prefix
from tests.support.nats_vendors import STREAMS, NatsVendor, OpenDoor, verdicts_of

OWN = "ingest.district.acme.assessmentResults.put"
NEXT = "$JS.rosterline.API.CONSUMER.MSG.NEXT.VERDICT_{app}.verdicts"
INFO = "$JS.rosterline.API.CONSUMER.INFO.VERDICT_{app}.verdicts"
ACK_OF_OTHER = "$JS.ACK.VERDICT_other.verdicts.1.1.1.1795257540159802282.0"
DELIVERY_SECONDS = 0.2
PULL = orjson.dumps({"batch": 10, "expires": 2_000_000_000})
DURABLE = {
    "stream_name": "VERDICT_acme",
    "config": {"durable_name": "x", "deliver_subject": "oneroster.x", "ack_policy": "none"},
}

FORBIDDEN = [
    "ingest.district.other.assessmentResults.put",
    "ingest.district.acm",
    "ingest.other-district.acme.batch",
    "ingest.district",
    "ingest.>",
    "ingest.district.acme2.batch",
    "ingest.district.acme.users.put",
    "ingest.district.acme.results.post",
    "ingest.district.acme.results.put.more",
    "oneroster.district.v1p2.users.created",
    "sis.district.transaction",
    "records.district.transaction",
    "position.district.rosterline_sis",
    "answer.token",
    "verdict.acme.stored",
    "verdict.other.stored",
    "vendors.door",
    "$SYS.REQ.USER.AUTH",
    "$SYS.REQ.USER.INFO",
    "$SYS.REQ.SERVER.PING",
    "$SYS.REQ.ACCOUNT.VENDORS.CONNZ",
    "$SYS.REQ.ACCOUNT.PING.CONNZ",
    "$SYS.REQ.SERVER.N.KICK",
    "$SRV.PING",
    "$JS.API.INFO",
    "$JS.API.STREAM.LIST",
    "$JS.API.STREAM.NAMES",
    "$JS.API.STREAM.CREATE.MINE",
    "$JS.API.STREAM.DELETE.ONEROSTER",
    "$JS.API.STREAM.PURGE.VERDICT_other",
    "$JS.API.STREAM.PURGE.VERDICT_acme",
    "$JS.API.STREAM.INFO.VERDICT_acme",
    "$JS.API.STREAM.MSG.GET.ONEROSTER",
    "$JS.API.DIRECT.GET.VERDICT_other",
    "$JS.API.CONSUMER.CREATE.VERDICT_acme",
    "$JS.API.CONSUMER.CREATE.VERDICT_acme.mine",
    "$JS.API.CONSUMER.CREATE.ONEROSTER.mine.oneroster.>",
    "$JS.API.CONSUMER.DURABLE.CREATE.VERDICT_acme.mine",
    "$JS.API.CONSUMER.DELETE.VERDICT_acme.verdicts",
    "$JS.API.CONSUMER.PAUSE.VERDICT_acme.verdicts",
    "$JS.API.CONSUMER.RESET.VERDICT_acme.verdicts",
    "$JS.API.CONSUMER.UNPIN.VERDICT_acme.verdicts",
    "$JS.API.CONSUMER.MSG.NEXT.VERDICT_other.verdicts",
    "$JS.API.CONSUMER.MSG.NEXT.VERDICT_acme.verdicts",
    "$JS.API.CONSUMER.MSG.NEXT.ONEROSTER.verdicts",
    "$JS.rosterline.API.INFO",
    "$JS.rosterline.API.STREAM.LIST",
    "$JS.rosterline.API.STREAM.DELETE.VERDICT_acme",
    "$JS.rosterline.API.CONSUMER.CREATE.VERDICT_acme",
    "$JS.rosterline.API.CONSUMER.DELETE.VERDICT_acme.verdicts",
    NEXT.format(app="other"),
    INFO.format(app="other"),
    ACK_OF_OTHER,
    "$JS.ACK._.hash.VERDICT_other.verdicts.1.1.1.1795257540159802282.0",
    # Of the second form, read as the first it would name another vendor's stream.
    "$JS.ACK.VERDICT_other.verdicts.VERDICT_acme.verdicts.1",
    "$JS.FC.VERDICT_other.verdicts.1",
    "_INBOX.any",
    "_R_.any.reply",
    "anything",
]
REPLIES = [
    "ingest.district.other.assessmentResults.put",
    "ingest.district.acme.assessmentLineItems.put",
    "oneroster.district.v1p2.users.created",
    "sis.district.transaction",
    "verdict.other.stored",
    "answer.token",
    "$SYS.REQ.USER.AUTH",
    "$SYS.REQ.SERVER.N.KICK",
    "$JS.API.STREAM.DELETE.VERDICT_other",
    NEXT.format(app="other"),
    INFO.format(app="other"),
    ACK_OF_OTHER,
    "_INBOX_guess.any",
]
FORBIDDEN_TO_HEAR = [
    ">",
    "*.>",
    "ingest.district.acme.>",
    "ingest.>",
    "oneroster.>",
    "verdict.acme.>",
    "verdict.>",
    "answer.>",
    "_INBOX.>",
    "_INBOX_guess.>",
    "_R_.>",
    "$SYS.>",
    "$SYS.REQ.USER.AUTH",
    "$JS.>",
    "$JS.EVENT.ADVISORY.>",
    "$SRV.>",
]
CALLS = [
    pytest.param(NEXT.format(app="acme"), PULL, id="pull"),
    pytest.param(INFO.format(app="acme"), b"", id="info"),
    pytest.param(OWN, b"{}", id="publish"),
]


async def consumer_state(services: Client, app: str) -> tuple[Any, ...]:
    """What has been taken from an app's verdicts, and who waits for more."""
    info = await services.jetstream().consumer_info(verdict_stream(app), VERDICTS_CONSUMER)
    delivered = info.delivered.consumer_seq if info.delivered else 0
    return delivered, info.num_ack_pending, info.num_pending, info.num_waiting, info.config


@dataclass
class Stage:
    """Two vendors with verdicts; one of the other's is delivered and not acknowledged yet."""

    services: Client
    acme: Client
    other: Client
    attacker: NatsVendor
    victim: NatsVendor
    seen: list[str]
    news: asyncio.Event

    async def everything(self) -> dict[str, Any]:
        """All that an attack could change; of INGEST what does not stand under acme's name."""
        jetstream = self.services.jetstream()
        state: dict[str, Any] = {}
        for name in (*STREAMS, "VERDICT_acme", "VERDICT_other"):
            info = await jetstream.stream_info(name, subjects_filter=">")
            subjects = info.state.subjects or {}
            state[name] = {subject: n for subject, n in subjects.items() if subject != OWN}
            state[f"{name} consumers"] = info.state.consumer_count
            state[f"{name} configuration"] = info.config
        state["streams"] = sorted(info.config.name for info in await jetstream.streams_info())
        state["other"] = await consumer_state(self.services, "other")
        return state

    async def settle(self) -> None:
        """Until the server has worked off what was sent: what came before is then done, too."""
        for client in (self.acme, self.services, self.other):
            await client.flush()
        async with asyncio.timeout(5):
            await self.acme.request(INFO.format(app="acme"), b"", timeout=5)
        for client in (self.services, self.other):
            await client.flush()


@pytest.fixture
async def stage(door: OpenDoor, acme: NatsVendor, other: NatsVendor) -> AsyncIterator[Stage]:
    """Where attacks are tried."""
    async with acme.connected() as attacker, other.connected() as victim:
        await door.tell("other", b"1", b"2")
        await (await verdicts_of(victim, "other")).fetch(1, timeout=5)
        seen: list[str] = []
        news = asyncio.Event()

        async def note(message: Msg) -> None:
            if is_stray(message):
                seen.append(message.subject)
                news.set()

        found = Stage(door.services, attacker, victim, acme, other, seen, news)
        await door.services.subscribe(">", cb=note)
        yield found


def is_stray(message: Msg) -> bool:
    """Whether a message came to the services over an import, and is none of acme's own calls.

    NATS notes on such a message whose it was; a reply that went on through an import is nobody's.
    """
    origin = (message.headers or {}).get("Nats-Request-Info")
    own = {OWN, *(call.format(app="acme").replace(".rosterline", "") for call in (NEXT, INFO))}
    return origin is not None and not (
        orjson.loads(origin)["acc"] == VENDORS_ACCOUNT and message.subject in own
    )


async def test_a_vendor_cannot_publish_or_ask_elsewhere(stage: Stage) -> None:
    before = await stage.everything()
    reply = f"{inbox_prefix(stage.attacker.client_id)}.reply"
    answers = await stage.acme.subscribe(reply)
    for subject in FORBIDDEN:
        stage.attacker.refused.clear()
        await stage.acme.publish(subject, orjson.dumps(DURABLE), reply=reply)
        await stage.settle()
        (refused,) = stage.attacker.refused
        assert f'violation for publish to "{subject.lower()}"' in refused
        assert answers.pending_msgs == 0, subject
        assert stage.seen == [], subject
        assert await stage.everything() == before, subject


@pytest.mark.parametrize(("call", "data"), CALLS)
async def test_a_reply_to_a_subject_of_ones_choice_comes_to_nobody(
    door: OpenDoor, stage: Stage, call: str, data: bytes
) -> None:
    for reply in REPLIES:
        # Something new for each pull to be delivered, which reads like a pull itself.
        await door.tell("acme", b'{"batch": 5}')
        await stage.settle()
        before = await stage.everything()
        await stage.acme.publish(call, data, reply=reply)
        # JetStream delivers when it likes: what must not come is given time to come.
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(DELIVERY_SECONDS):
                await stage.news.wait()
        await stage.settle()
        assert stage.seen == [], reply
        assert await stage.everything() == before, reply


async def test_a_vendor_cannot_listen_elsewhere(stage: Stage) -> None:
    heard: list[Msg] = []

    async def note(message: Msg) -> None:
        heard.append(message)

    for subject in FORBIDDEN_TO_HEAR:
        stage.attacker.refused.clear()
        await stage.acme.subscribe(subject, cb=note)
        await stage.acme.subscribe(subject, queue="group", cb=note)
        await stage.acme.flush()
        await stage.services.publish(subject.replace(">", "x").replace("*", "x"), b"secret")
        await stage.settle()
        refused = [text for text in stage.attacker.refused if "for subscription" in text]
        assert len(refused) == 2, subject
    await stage.acme.publish(OWN, b"{}")
    await stage.settle()
    assert heard == []


async def test_a_vendor_cannot_listen_at_or_write_to_anothers_inbox(stage: Stage) -> None:
    inbox = f"{inbox_prefix(stage.victim.client_id)}.secret"
    heard: list[Msg] = []

    async def note(message: Msg) -> None:
        heard.append(message)

    await stage.acme.subscribe(f"{inbox_prefix(stage.victim.client_id)}.>", cb=note)
    await stage.acme.publish(inbox, b"forged")
    await stage.settle()
    assert len(stage.attacker.refused) == 2
    assert heard == []


async def test_a_consumer_with_a_subject_of_ones_choice_cannot_be_made(stage: Stage) -> None:
    before = await stage.everything()
    for options in ({}, {"domain": "rosterline"}):
        jetstream = stage.acme.jetstream(timeout=0.3, **options)
        with pytest.raises(nats.errors.TimeoutError):
            await jetstream.subscribe(
                "verdict.acme.>", stream="VERDICT_acme", durable="mine", manual_ack=True
            )
        with pytest.raises(nats.errors.TimeoutError):
            await jetstream.add_stream(name="MINE", subjects=["mine.>"])
        with pytest.raises(nats.errors.TimeoutError):
            await jetstream.delete_stream("VERDICT_acme")
    await stage.settle()
    assert await stage.everything() == before


async def test_headers_that_direct_jetstream_change_nothing_elsewhere(stage: Stage) -> None:
    jetstream = stage.acme.jetstream(domain="rosterline")
    before = await stage.everything()
    kept = (await stage.services.jetstream().stream_info("INGEST")).state.messages
    for headers in (
        {"Nats-Rollup": "all"},
        {"Nats-TTL": "1s"},
        {"Nats-Expected-Stream": "ONEROSTER"},
        {"Nats-Expected-Last-Sequence": "999"},
        {"Nats-Schedule": "@every 1s", "Nats-Schedule-Target": "oneroster.x"},
        {"Nats-Incr": "+1"},
    ):
        with pytest.raises(nats.js.errors.APIError):
            await jetstream.publish(OWN, b"{}", headers=headers, timeout=5)
    await stage.acme.publish(OWN, b"{}", headers={"Nats-Trace-Dest": "oneroster.x"})
    await stage.settle()
    assert stage.attacker.refused
    ack = await jetstream.publish(OWN, b"{}", timeout=5)
    assert (ack.stream, ack.seq) == ("INGEST", kept + 1)
    assert stage.seen == []
    assert await stage.everything() == before
