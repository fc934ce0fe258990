"""capture against a real PostgreSQL and a real NATS."""

import asyncpg

from rosterline.capture.service import serve_sis
from rosterline.events.source import SnapshotRows, TransactionPart
from rosterline.launch.embedded import EmbeddedNats
from tests.support.running import running, settings_for, until
from tests.support.servers import Databases
from tests.support.streams import client_of, last_sequence, read_source

INSERT_PEOPLE = """
INSERT INTO sis.person (person_id, person_guid, given_name, family_name)
SELECT number, gen_random_uuid(), 'Given ' || number, 'Family' FROM generate_series($1::int, $2::int) number
"""


async def test_snapshot_then_stream_without_a_seam(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    settings = settings_for(databases, nats_server, snapshot_rows=7, part_rows=10)
    sis = await asyncpg.connect(databases.sis_dsn)
    await sis.execute(INSERT_PEOPLE, 1, 20)
    async with client_of(nats_server.url) as client, running(serve_sis, settings):
        await until(lambda: ended(client))
        await sis.execute(INSERT_PEOPLE, 21, 55)
        await sis.execute("UPDATE sis.person SET given_name = 'New' WHERE person_id = 3")
        await sis.execute("DELETE FROM sis.person WHERE person_id = 4")
        await until(lambda: has_delete(client))
        messages = await read_source(client)
    await sis.close()
    snapshot = [
        row[0]
        for message in messages
        if isinstance(message, SnapshotRows) and message.table == "person"
        for row in message.rows
    ]
    assert snapshot == [str(number) for number in range(1, 21)]
    parts = [message for message in messages if isinstance(message, TransactionPart)]
    assert [(part.part, part.last, len(part.changes)) for part in parts] == [
        (1, False, 10),
        (2, False, 10),
        (3, False, 10),
        (4, True, 5),
        (1, True, 1),
        (1, True, 1),
    ]
    assert parts[-1].changes[0].key == {"person_id": "4"}


async def ended(client) -> bool:
    if not await last_sequence(client, "SIS"):
        return False
    return any(m.kind == "snapshot_end" for m in await read_source(client))


async def has_delete(client) -> bool:
    return any(
        isinstance(m, TransactionPart) and m.changes[0].op == "delete"
        for m in await read_source(client)
    )
