"""Records what a real server's pgoutput says of a scripted session: a file of its raw messages.

`python -m tests.integration.capture.recording` writes the file anew, on a server of its own. What
differs from run to run (positions, times, object ids) is left out by `shapes`.
"""

import asyncio
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import asyncpg

from rosterline.capture.pgoutput import Begin, Commit, Decoder, LogicalMessage
from rosterline.capture.replication import WalData, open_replication
from rosterline.events.source import Change
from rosterline.launch.embedded import EmbeddedPostgres

FILE = Path(__file__).parents[2] / "data" / "pgoutput" / "session.hex"
SCHEMA = "recorded"
KEYS = {"note": ("id",), "pair": ("name", "number"), "whole": ("id",)}
PREFIX = "rosterline"
LAST = b"that is all"
LONG = "repeat('long ', 500)"
PREPARATION = """
CREATE SCHEMA recorded;
CREATE SCHEMA elsewhere;
CREATE TYPE recorded.mood AS ENUM ('calm', 'cross');
CREATE TABLE recorded.note (id int PRIMARY KEY, title text, body text);
ALTER TABLE recorded.note ALTER body SET STORAGE EXTERNAL;
CREATE TABLE recorded.pair (number int, name text, mood recorded.mood, PRIMARY KEY (name, number));
CREATE TABLE recorded.whole (id int PRIMARY KEY, title text, body text);
ALTER TABLE recorded.whole ALTER body SET STORAGE EXTERNAL, REPLICA IDENTITY FULL;
CREATE TABLE elsewhere.note (id int PRIMARY KEY, secret text);
CREATE PUBLICATION recording
    FOR TABLE recorded.note, recorded.pair, recorded.whole, elsewhere.note;
"""
# One transaction each.
SESSION = (
    f"INSERT INTO recorded.note VALUES (1, 'Ægir', {LONG}), (2, NULL, '')",
    "INSERT INTO recorded.pair VALUES (7, 'a', 'calm')",
    "UPDATE recorded.note SET title = 'Rán' WHERE id = 1",
    "UPDATE recorded.note SET id = 11 WHERE id = 1",
    "UPDATE recorded.pair SET number = 8, mood = NULL; DELETE FROM recorded.note WHERE id = 2",
    f"INSERT INTO recorded.whole VALUES (1, 'one', {LONG})",
    "UPDATE recorded.whole SET title = 'two'; UPDATE recorded.whole SET id = 2",
    "DELETE FROM recorded.whole",
    f"SELECT pg_logical_emit_message(true, '{PREFIX}', 'told with the commit')",
    f"SELECT pg_logical_emit_message(false, '{PREFIX}', 'told at once')",
    "INSERT INTO elsewhere.note VALUES (1, 'x'); UPDATE elsewhere.note SET secret = 'y'",
    """
    INSERT INTO recorded.note VALUES (3, 'a', 'b'); SAVEPOINT inner_part;
    DELETE FROM recorded.note; ROLLBACK TO inner_part;
    INSERT INTO recorded.note VALUES (4, 'c', 'd')
    """,
    """
    ALTER TABLE recorded.note ADD COLUMN seen boolean;
    UPDATE recorded.note SET seen = true WHERE id = 3
    """,
    "TRUNCATE recorded.note, recorded.pair, elsewhere.note",
    f"SELECT pg_logical_emit_message(true, '{PREFIX}', '{LAST.decode()}')",
)


async def record(dsn: str) -> list[bytes]:
    """The messages of the session in a database that has none of its schemas yet."""
    admin = await asyncpg.connect(dsn)
    found: list[bytes] = []
    try:
        await admin.execute(PREPARATION)
        async with open_replication(dsn, "recording") as replication:
            slot = await replication.create_slot("recording", temporary=True)
            for transaction in SESSION:
                await admin.execute(f"BEGIN; {transaction}; COMMIT")
            await replication.start("recording", "recording", slot.consistent_point)
            async for message in replication.messages():
                if isinstance(message, WalData):
                    found.append(message.data)
                    if len(found) > 1 and LAST in found[-2]:
                        return found
    finally:
        await admin.close()
    return found


def shapes(messages: Iterable[bytes]) -> list[Any]:
    """What the messages say, without what differs from run to run."""
    decoder = Decoder(KEYS, SCHEMA)
    found: list[Any] = []
    for message in messages:
        for decoded in decoder.decode(message):
            match decoded:
                case Begin():
                    found.append("begin")
                case Commit():
                    found.append("commit")
                case Change() | LogicalMessage():
                    found.append(decoded)
    return found


def read_file() -> list[bytes]:
    """The recorded messages."""
    return [bytes.fromhex(line) for line in FILE.read_text().splitlines()]


async def write_file() -> None:
    """Record anew."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        server = EmbeddedPostgres(Path(folder))
        server.start()
        try:
            messages = await record(server.dsn("postgres"))
        finally:
            server.stop()
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text("".join(f"{message.hex()}\n" for message in messages))


if __name__ == "__main__":
    asyncio.run(write_file())
