"""Every stream, once: what it holds, how long, and how it is made.

No stream that capture resumes from has an age limit: its last message tells where to go on.
"""

from collections.abc import Iterable

import structlog
from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
    StreamInfo,
)
from nats.js.errors import NotFoundError

from rosterline.events.subjects import (
    INGEST_SUBJECTS,
    ONEROSTER_SUBJECTS,
    POSITION_SUBJECTS,
    RECORDS_SUBJECTS,
    SIS_SUBJECTS,
    verdict_subjects,
)

log = structlog.get_logger(__name__)

SIS = "SIS"
RECORDS = "RECORDS"
ONEROSTER = "ONEROSTER"
POSITIONS = "POSITIONS"
INGEST = "INGEST"
# The one consumer of stream INGEST. Whatever comes twice has its verdict already, so that nothing
# depends on when it comes again.
INGEST_CONSUMER = "ingest"
INGEST_ACK_SECONDS = 30
# Vendors write here. When it is full it takes no more, before the disk of the other streams does.
INGEST_BYTES = 1024**3
# The one consumer of a connection's verdicts, by which it reads them.
VERDICTS_CONSUMER = "verdicts"
# Verdicts are also kept in the database; here for as long as a reader may be away.
VERDICT_SECONDS = 30 * 24 * 3600


def stream(
    name: str,
    subjects: str,
    description: str,
    *,
    per_subject: int = -1,
    duplicate_seconds: float = 0,
    is_atomic: bool = True,
    most_bytes: int | None = None,
) -> StreamConfig:
    """A stream on disk that takes batches whole or not, and never drops what it holds."""
    return StreamConfig(
        name=name,
        subjects=[subjects],
        description=description,
        retention=RetentionPolicy.LIMITS,
        storage=StorageType.FILE,
        discard=DiscardPolicy.OLD if per_subject > 0 else DiscardPolicy.NEW,
        max_msgs_per_subject=per_subject,
        duplicate_window=duplicate_seconds,
        allow_direct=True,
        allow_atomic=is_atomic,
        max_bytes=most_bytes,
    )


STREAMS: dict[str, StreamConfig] = {
    SIS: stream(SIS, SIS_SUBJECTS, "Committed changes of the SIS, in commit order"),
    RECORDS: stream(RECORDS, RECORDS_SUBJECTS, "Committed changes of written records"),
    ONEROSTER: stream(ONEROSTER, ONEROSTER_SUBJECTS, "OneRoster change events"),
    POSITIONS: stream(
        POSITIONS, POSITION_SUBJECTS, "How far each slot was confirmed", per_subject=1
    ),
    # Vendors publish here: batches of the server's, and its window of duplicates, are shared by all
    # senders of a stream. There are no such batches, and the window is the shortest there can be.
    INGEST: stream(
        INGEST,
        INGEST_SUBJECTS,
        "Commands on written records",
        duplicate_seconds=0.1,
        is_atomic=False,
        most_bytes=INGEST_BYTES,
    ),
}


async def ensure_streams(jetstream: JetStreamContext, names: Iterable[str]) -> None:
    """Make the streams that do not exist; one that exists is left as its operator configured it."""
    for name in names:
        try:
            await jetstream.stream_info(name)
        except NotFoundError:
            await jetstream.add_stream(STREAMS[name])
            log.info("stream.created", stream=name)


def identity(info: StreamInfo) -> str:
    """What tells a stream from one made later under the same name: its moment of creation."""
    if info.created is None:
        raise ValueError("the server did not say when the stream was made")
    return info.created.isoformat()


async def resume_ingest_consumer(jetstream: JetStreamContext) -> tuple[int, int]:
    """Make the consumer of INGEST go on behind what is acknowledged, in the stream's order.

    Returns the last sequence that is acknowledged with all before it, and the last that was ever
    delivered. What was delivered and not acknowledged would come again only after a time, behind
    what is newer: then the consumer is made anew from there.
    """
    acknowledged = delivered = 0
    try:
        info = await jetstream.consumer_info(INGEST, INGEST_CONSUMER)
    except NotFoundError:
        pass
    else:
        acknowledged = info.ack_floor.stream_seq if info.ack_floor else 0
        delivered = info.delivered.stream_seq if info.delivered else 0
        if not info.num_ack_pending:
            return delivered, delivered
        await jetstream.delete_consumer(INGEST, INGEST_CONSUMER)
    await jetstream.add_consumer(
        INGEST,
        ConsumerConfig(
            durable_name=INGEST_CONSUMER,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=INGEST_ACK_SECONDS,
            max_ack_pending=10_000,
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=acknowledged + 1,
        ),
    )
    return acknowledged, delivered


def verdict_stream(app: str) -> str:
    """The stream with the verdicts on a connection's commands."""
    return f"VERDICT_{app}"


async def ensure_verdict_stream(jetstream: JetStreamContext, app: str) -> None:
    """Make a connection's verdict stream and its consumer, where they do not exist.

    The connection may not make a consumer: one that delivers to subjects of its choice would write
    there with the server's rights.
    """
    name = verdict_stream(app)
    try:
        await jetstream.stream_info(name)
    except NotFoundError:
        config = stream(name, verdict_subjects(app), f"Verdicts on the commands of {app}")
        config.max_age = VERDICT_SECONDS
        config.discard = DiscardPolicy.OLD
        await jetstream.add_stream(config)
        log.info("stream.created", stream=name)
    try:
        await jetstream.consumer_info(name, VERDICTS_CONSUMER)
    except NotFoundError:
        await jetstream.add_consumer(
            name,
            ConsumerConfig(
                durable_name=VERDICTS_CONSUMER,
                ack_policy=AckPolicy.EXPLICIT,
                ack_wait=30,
                max_ack_pending=10_000,
            ),
        )
