"""Vendors on NATS: the credentials of HTTP, their own commands and verdicts, and how it ends."""

import asyncio
from contextlib import suppress
from pathlib import Path

import httpx
import nats
import pytest
from nats.aio.client import Client
from nats.js.api import PubAck
from structlog.testing import capture_logs
from typing_extensions import override

from rosterline.api.access import connections
from rosterline.api.service import serve
from rosterline.bus.topology import INGEST, VERDICTS_CONSUMER
from rosterline.bus.vendors import DOMAIN
from rosterline.db.pools import open_connection
from rosterline.launch.children import free_port
from rosterline.launch.embedded import EmbeddedNats
from tests.support.nats_vendors import (
    NatsVendor,
    OpenDoor,
    is_open,
    keeping_door,
    open_door,
    verdicts_of,
)
from tests.support.running import PATIENCE_SECONDS, running, settings_for, until
from tests.support.servers import Databases
from tests.support.streams import client_of, last_sequence, speak

# So long that no count of guesses ends within a test.
GUESS_SECONDS = 86_400


async def test_a_vendor_sends_commands_and_is_told_where_they_are_kept(
    door: OpenDoor, acme: NatsVendor
) -> None:
    async with acme.connected() as client:
        jetstream = client.jetstream(domain=DOMAIN)
        put = await jetstream.publish(
            "ingest.district.acme.assessmentResults.put", b"{}", headers={"Rosterline-Command": "1"}
        )
        batch = await jetstream.publish("ingest.district.acme.batch", b"{}\n{}")
    assert (put.stream, put.seq, batch.seq) == ("INGEST", 1, 2)
    kept = await door.services.jetstream().get_msg("INGEST", seq=1)
    assert kept.subject == "ingest.district.acme.assessmentResults.put"
    # What NATS adds on the way says whose account it was: no word of it is kept.
    assert kept.headers == {"Rosterline-Command": "1"}


async def test_a_vendor_can_write_no_subject_that_is_no_text(
    door: OpenDoor, acme: NatsVendor
) -> None:
    login = {"user": acme.client_id, "password": acme.secret}
    said = await speak(acme.url, b"PUB ingest.district.acme.\xff\xfe.put 2\r\n{}\r\n", **login)
    assert b"Permissions Violation for Publish" in said
    assert await last_sequence(door.services, INGEST) == 0
    await speak(acme.url, b"PUB ingest.district.acme.batch 2\r\n{}\r\n", **login)
    await until(lambda: last_sequence(door.services, INGEST))


async def test_a_vendor_reads_and_acknowledges_its_verdicts(
    door: OpenDoor, acme: NatsVendor
) -> None:
    async with acme.connected() as client:
        await door.tell("acme", b"1", b"2", b"3")
        verdicts = await verdicts_of(client, "acme")
        found = await verdicts.fetch(3, timeout=5)
        for message in found:
            await message.ack_sync(timeout=5)
        waiting = asyncio.create_task(verdicts.fetch(1, timeout=10))
        await door.tell("acme", b"4")
        (late,) = await waiting
        info = await verdicts.consumer_info()
    assert [message.data for message in (*found, late)] == [b"1", b"2", b"3", b"4"]
    assert late.subject == "verdict.acme.stored"
    assert (info.num_ack_pending, info.num_pending) == (1, 0)


async def test_verdicts_that_were_not_acknowledged_come_again_on_the_next_connection(
    door: OpenDoor, acme: NatsVendor
) -> None:
    async with acme.connected() as client:
        await door.tell("acme", b"1", b"2")
        first, second = await (await verdicts_of(client, "acme")).fetch(2, timeout=5)
        await first.ack_sync(timeout=5)
        await second.nak()
        await client.flush()
    async with acme.connected() as client:
        (again,) = await (await verdicts_of(client, "acme")).fetch(1, timeout=5)
    assert (again.data, again.metadata.num_delivered) == (b"2", 2)


@pytest.mark.parametrize("form", ["true", "false"])
async def test_both_forms_in_which_nats_names_acknowledgements_pass(
    databases: Databases, tmp_path: Path, form: str
) -> None:
    server = WithFlags(tmp_path / "nats", sync_interval="2m", form=form)
    server.start()
    try:
        async with open_door(settings_for(databases, server), server) as door:
            acme = await door.add("acme")
            async with acme.connected() as client:
                await door.tell("acme", b"1")
                (message,) = await (await verdicts_of(client, "acme")).fetch(1, timeout=5)
                await message.ack_sync(timeout=5)
        assert message.reply.count(".") == (10 if form == "true" else 8)
    finally:
        server.stop()


class WithFlags(EmbeddedNats):
    """A server that is told which form of acknowledgements to use."""

    def __init__(self, folder: Path, *, sync_interval: str, form: str) -> None:
        super().__init__(folder, sync_interval=sync_interval)
        self.form = form

    @override
    def configuration(self) -> str:
        """As any other, with the flag."""
        return super().configuration() + f"feature_flags {{ js_ack_fc_v2: {self.form} }}\n"


async def test_a_pull_that_is_open_at_first_login_makes_the_stream_and_its_consumer(
    door: OpenDoor, acme: NatsVendor
) -> None:
    jetstream = door.services.jetstream()
    with pytest.raises(nats.js.errors.NotFoundError):
        await jetstream.stream_info("VERDICT_acme")
    assert await acme.is_admitted()
    consumer = await jetstream.consumer_info("VERDICT_acme", VERDICTS_CONSUMER)
    assert consumer.config.ack_policy == nats.js.api.AckPolicy.EXPLICIT


@pytest.mark.parametrize(
    ("user", "password"),
    [
        ("", ""),
        ("nobody", "secret"),
        ("rosterline", "secret"),
        ("a\0b", "secret"),
        ("x" * 500, "y" * 500),
    ],
)
async def test_whom_nobody_knows_is_not_admitted(door: OpenDoor, user: str, password: str) -> None:
    assert not await NatsVendor("acme", user, password, door.url).is_admitted()


async def test_a_wrong_secret_is_not_admitted(door: OpenDoor, acme: NatsVendor) -> None:
    assert not await NatsVendor("acme", acme.client_id, "rls_wrong", door.url).is_admitted()
    assert await acme.is_admitted()


async def test_an_app_name_is_no_client_id(door: OpenDoor, acme: NatsVendor) -> None:
    assert not await NatsVendor("acme", "acme", acme.secret, door.url).is_admitted()


async def test_a_connection_that_may_write_nothing_is_not_admitted(door: OpenDoor) -> None:
    reader = await door.add("reader", "roster.readonly", "assessment.readonly")
    assert not await reader.is_admitted()
    with pytest.raises(nats.js.errors.NotFoundError):
        await door.services.jetstream().stream_info("VERDICT_reader")


async def test_who_guesses_secrets_is_slowed_down_and_then_not_even_heard(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    settings = settings_for(
        databases, nats_server, guess_seconds=GUESS_SECONDS, guesses_per_client=3
    )
    async with open_door(settings, nats_server) as door:
        acme = await door.add("acme")
        for number in range(3):
            assert not await NatsVendor("acme", acme.client_id, f"{number}", door.url).is_admitted()
        assert not await acme.is_admitted()
        assert await (await door.add("other")).is_admitted()


async def test_guesses_over_nats_and_over_http_count_together(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    port = free_port()
    settings = settings_for(
        databases,
        nats_server,
        port=port,
        public_url=f"http://127.0.0.1:{port}",
        guess_seconds=GUESS_SECONDS,
        guesses_per_client=2,
        nats_issuer_seed=nats_server.issuer_seed,
    )
    async with (
        open_connection(settings.dsn, "test") as database,
        client_of(nats_server.url) as services,
        httpx.AsyncClient(base_url=settings.base_url) as http,
        running(serve, settings),
    ):
        await until(lambda: is_open(services))
        made = await connections.add(database, "acme", scopes=["assessment.createput"])

        async def ask(secret: str) -> int:
            form = {"grant_type": "client_credentials"}
            answer = await http.post("/oauth2/token", data=form, auth=(made.client_id, secret))
            return answer.status_code

        guess = NatsVendor("acme", made.client_id, "wrong", settings.vendors_nats_url)
        assert not await guess.is_admitted()
        assert await ask("wrong") == 401
        assert await ask(made.client_secret) == 429
        right = NatsVendor("acme", made.client_id, made.client_secret, guess.url)
        assert not await right.is_admitted()


async def loses(client: Client) -> None:
    """Return when the server has closed the connection."""

    async def is_gone() -> bool:
        return not client.is_connected

    await until(is_gone)


async def test_a_removed_connection_is_cut_off_and_does_not_come_back(
    door: OpenDoor, acme: NatsVendor, other: NatsVendor
) -> None:
    async with acme.connected() as client, other.connected() as untouched:
        await connections.remove(door.database, "acme")
        await loses(client)
        assert untouched.is_connected
    assert not await acme.is_admitted()


async def test_a_new_secret_cuts_off_who_came_with_the_old_one(
    door: OpenDoor, acme: NatsVendor
) -> None:
    async with acme.connected() as client:
        made = await connections.rotate(door.database, "acme")
        await loses(client)
    assert not await acme.is_admitted()
    assert await NatsVendor("acme", acme.client_id, made.client_secret, door.url).is_admitted()


async def test_who_was_removed_while_no_api_ran_is_cut_off_by_the_next_one(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    settings = settings_for(databases, nats_server)
    async with open_door(settings, nats_server) as door:
        acme = await door.add("acme")
        client = await acme.open()
    try:
        async with open_connection(settings.dsn, "test") as database:
            await connections.remove(database, "acme")
        assert client.is_connected
        async with keeping_door(settings, nats_server.issuer_seed):
            await loses(client)
    finally:
        await client.close()


async def test_a_program_that_reconnects_goes_on_when_its_session_is_renewed(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    settings = settings_for(databases, nats_server, nats_session_seconds=1)
    async with open_door(settings, nats_server) as door:
        acme = await door.add("acme")
        renewed = asyncio.Event()

        async def note() -> None:
            renewed.set()

        async with acme.connected(
            allow_reconnect=True, reconnect_time_wait=0.05, reconnected_cb=note
        ) as client:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await renewed.wait()
            jetstream = client.jetstream()

            async def is_kept() -> PubAck | None:
                # A session may also end between a message and its acknowledgement.
                with suppress(nats.errors.TimeoutError):
                    return await jetstream.publish("ingest.district.acme.batch", b"{}", timeout=5)
                return None

            ack = await until(is_kept)
    assert ack.stream == "INGEST"


async def test_the_door_opens_again_after_nats_was_away(
    door: OpenDoor, acme: NatsVendor, nats_server: EmbeddedNats
) -> None:
    assert await acme.is_admitted()
    await asyncio.to_thread(nats_server.stop)
    await asyncio.to_thread(nats_server.start)

    async def is_admitted() -> bool:
        return door.services.is_connected and await acme.is_admitted()

    await until(is_admitted)


async def test_the_door_opens_when_nats_comes_later_than_the_api(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    settings = settings_for(databases, nats_server)
    await asyncio.to_thread(nats_server.stop)
    with capture_logs() as logs:
        async with keeping_door(settings, nats_server.issuer_seed):

            async def is_missed() -> bool:
                return any("NATS is away" in entry["event"] for entry in logs)

            await until(is_missed)
            await asyncio.to_thread(nats_server.start)
            async with client_of(nats_server.url) as services:
                await until(lambda: is_open(services))


@pytest.mark.parametrize("seed", ["", "rubbish"])
async def test_nobody_is_admitted_where_the_api_has_no_seed_and_its_log_says_so(
    databases: Databases, nats_server: EmbeddedNats, seed: str
) -> None:
    settings = settings_for(databases, nats_server)
    with capture_logs() as logs:
        async with keeping_door(settings, seed), client_of(nats_server.url) as services:
            assert not await is_open(services)
            stranger = NatsVendor("acme", "client", "secret", settings.vendors_nats_url)
            with pytest.raises(TimeoutError):
                await stranger.open(connect_timeout=1)
    (entry,) = [entry for entry in logs if entry["event"].startswith("no vendors on NATS")]
    assert seed == "" or seed not in str(entry)
