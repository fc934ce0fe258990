"""What the pre-flight says of the vendors' door."""

from pathlib import Path

import pytest
from typing_extensions import override

from rosterline.bus.issuer import Issuer, make_seed
from rosterline.bus.topology import ensure_streams
from rosterline.launch.check import Finding, inspect_nats
from rosterline.launch.embedded import EmbeddedNats
from tests.support.nats_vendors import OpenDoor
from tests.support.running import settings_for
from tests.support.servers import Databases
from tests.support.streams import client_of

PLACE = "vendors on NATS"


async def found(databases: Databases, server: EmbeddedNats, seed: str = "") -> Finding:
    """The one finding on vendors."""
    settings = settings_for(databases, server, nats_issuer_seed=seed)
    (finding,) = [finding for finding in await inspect_nats(settings) if finding.place == PLACE]
    return finding


async def test_a_door_that_the_api_keeps_is_found_open(
    door: OpenDoor, databases: Databases, nats_server: EmbeddedNats
) -> None:
    finding = await found(databases, nats_server)
    issuer = Issuer(nats_server.issuer_seed).public_key
    assert (finding.severity, issuer in finding.what) == ("ok", True)
    assert door.services.is_connected


async def test_where_nobody_admits_vendors_there_is_a_warning_and_what_to_do(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    finding = await found(databases, nats_server)
    assert (finding.severity, finding.what) == ("warning", "nobody admits them")
    assert "rosterline nats-issuer" in finding.remedy


async def test_a_seed_that_is_set_is_enough_before_the_api_runs(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    seed = make_seed()
    finding = await found(databases, nats_server, seed)
    assert finding.severity == "ok"
    assert Issuer(seed).public_key in finding.what
    assert seed not in str(finding)


async def test_a_seed_that_is_none_is_named_without_being_shown(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    finding = await found(databases, nats_server, "rubbish")
    assert (finding.severity, "rubbish" in str(finding)) == ("warning", False)
    assert "ROSTERLINE_NATS_ISSUER_SEED" in finding.what


class OneAccount(EmbeddedNats):
    """A server with one account for everybody."""

    @override
    def configuration(self) -> str:
        """The services' user alone."""
        head, _, rest = super().configuration().partition("accounts {")
        password = rest.split("password: ")[1].split(" ")[0]
        return f"{head}authorization {{ user: rosterline, password: {password} }}\n"


@pytest.fixture
def plain_server(tmp_path: Path) -> EmbeddedNats:
    """Not started yet."""
    return OneAccount(tmp_path / "plain", sync_interval="2m")


async def test_a_server_without_accounts_is_a_warning_and_no_error(
    databases: Databases, plain_server: EmbeddedNats
) -> None:
    plain_server.start()
    try:
        finding = await found(databases, plain_server)
        severities = {
            finding.severity
            for finding in await inspect_nats(settings_for(databases, plain_server))
        }
    finally:
        plain_server.stop()
    assert "no account" in finding.what
    assert "deploy/nats/nats.conf" in finding.remedy
    assert severities == {"ok", "warning"}


async def test_streams_of_a_folder_without_accounts_are_taken_over(
    plain_server: EmbeddedNats,
) -> None:
    plain_server.start()
    try:
        async with client_of(plain_server.url) as client:
            await ensure_streams(client.jetstream(), ["SIS"])
            await client.jetstream().publish("sis.district.transaction", b"kept")
    finally:
        plain_server.stop()
    server = EmbeddedNats(plain_server.folder, sync_interval="2m")
    server.start()
    try:
        async with client_of(server.url) as client:
            message = await client.jetstream().get_msg("SIS", seq=1)
        assert message.data == b"kept"
        assert (server.streams / "SIS").is_dir()
    finally:
        server.stop()
