"""The recorded bytes are still what a server sends."""

from tests.integration.capture.recording import read_file, record, shapes
from tests.support.servers import Databases


async def test_a_live_session_says_what_the_recorded_one_says(databases: Databases) -> None:
    live = await record(databases.sis_dsn)
    assert shapes(live) == shapes(read_file())
    assert [message[:1] for message in live] == [message[:1] for message in read_file()]
