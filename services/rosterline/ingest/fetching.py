"""Asks stream INGEST for what FastStream's subscriber does not: all that waits, at once."""

from typing import Final

import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import TimeoutError as NoAnswerError
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError

from rosterline.bus.topology import INGEST, INGEST_CONSUMER
from rosterline.events.subjects import INGEST_SUBJECTS

MOST_MESSAGES: Final = 500
MOST_BYTES: Final = 4_000_000
ANSWER_SECONDS: Final = 2.0
NEXT: Final = f"$JS.API.CONSUMER.MSG.NEXT.{INGEST}.{INGEST_CONSUMER}"
REQUEST: Final = orjson.dumps({"batch": MOST_MESSAGES, "max_bytes": MOST_BYTES, "no_wait": True})


class Fetcher:
    """The consumer of INGEST, beside its subscriber."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def fetch(self) -> list[Msg]:
        """The messages that wait, as many as may be taken together; waits for none."""
        subscription = await self.client.subscribe(self.client.new_inbox())
        found: list[Msg] = []
        try:
            await self.client.publish(NEXT, REQUEST, reply=subscription.subject)
            while len(found) < MOST_MESSAGES:
                message = await subscription.next_msg(timeout=ANSWER_SECONDS)
                if not message.reply:
                    # The server's word that there are no more.
                    break
                found.append(message)
        except NoAnswerError:
            # What was lost on the way is missed by whoever looks at the sequences.
            return found
        finally:
            await subscription.unsubscribe()
        return found

    async def following(self, sequence: int) -> RawStreamMsg | None:
        """The first message that the stream holds from here on."""
        try:
            return await self.client.jetstream().get_msg(
                INGEST, seq=sequence, subject=INGEST_SUBJECTS, next=True
            )
        except NotFoundError:
            return None

    async def delete(self, sequence: int) -> None:
        """Take a message out of the stream; its consumer counts it as acknowledged."""
        await self.client.jetstream().delete_msg(INGEST, sequence)
