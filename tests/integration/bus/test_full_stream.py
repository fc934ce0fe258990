"""What vendors write is bounded, so that it cannot take the disk from the other streams (G6)."""

import pytest
from nats.js.errors import APIError

from rosterline.bus.topology import INGEST, INGEST_BYTES, STREAMS, ensure_streams
from rosterline.events.subjects import batch_subject
from rosterline.launch.embedded import EmbeddedNats
from tests.support.streams import client_of

SUBJECT = batch_subject("district", "acme")


async def test_g6_a_full_stream_of_commands_refuses_more_and_keeps_what_it_holds(
    nats_server: EmbeddedNats,
) -> None:
    async with client_of(nats_server.url) as client:
        jetstream = client.jetstream()
        await ensure_streams(jetstream, STREAMS)
        config = (await jetstream.stream_info(INGEST)).config
        assert config.max_bytes == INGEST_BYTES
        config.max_bytes = 20_000
        await jetstream.update_stream(config)
        first = await jetstream.publish(SUBJECT, b"x" * 10_000)
        with pytest.raises(APIError, match="maximum bytes"):
            await jetstream.publish(SUBJECT, b"x" * 10_000)
        kept = (await jetstream.stream_info(INGEST)).state
        assert (kept.first_seq, kept.last_seq) == (first.seq, first.seq)
        others = [await jetstream.stream_info(name) for name in STREAMS if name != INGEST]
        assert {info.config.max_bytes for info in others} == {-1}
