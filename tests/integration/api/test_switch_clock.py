"""Whose stamp a turned switch has, and how connections follow the installation's settings."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from rosterline.api.access import connections
from rosterline.api.access.connection_rules import InvalidConnectionError
from rosterline.api.viewing.switches import LEAST_LEAD, Switches, Turns
from rosterline.config.settings import Settings
from rosterline.oneroster.stamps import format_stamp
from tests.support.api import Served
from tests.support.families import AGENTS, HIDDEN, OTHERS, Hall, delta, family_hall, ids, turn
from tests.support.locks import until_waited_for

pytestmark = pytest.mark.asyncio(loop_scope="module")

SLOW = """
CREATE FUNCTION public.dawdle() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN PERFORM pg_sleep(0.3); RETURN NEW; END';
CREATE TRIGGER dawdle BEFORE INSERT ON rosterline.withdrawn
    FOR EACH ROW EXECUTE FUNCTION public.dawdle();
"""


async def test_turning_what_lists_show_changes_no_record(hall: Hall, needing: Settings) -> None:
    turned = await hall.vendor("turned", Switches(gradebook_sync=True))
    before = await hall.plain.connection.fetchrow("SELECT * FROM rosterline.clock")
    after = await connections.turn(hall.plain.connection, "turned", Turns(tombstones=True), needing)
    assert after == Switches(gradebook_sync=True, tombstones=True)
    assert await hall.plain.connection.fetchrow("SELECT * FROM rosterline.clock") == before
    same = await connections.turn(
        hall.plain.connection, "turned", Turns(gradebook_sync=True), needing
    )
    assert same == after
    assert await hall.plain.connection.fetchrow("SELECT * FROM rosterline.clock") == before
    await turned.authorize()
    assert await ids(turned) == OTHERS | AGENTS | {"g0", "s0"}


async def test_removing_a_connection_removes_what_was_kept_for_it(
    hall: Hall, needing: Settings
) -> None:
    for app in ("first", "second"):
        await turn(
            await hall.vendor(app, Switches(gradebook_sync=True)), needing, gradebook_sync=False
        )
    await connections.remove(hall.plain.connection, "first")
    rows = await hall.plain.connection.fetch("SELECT DISTINCT app FROM rosterline.withdrawn")
    assert [row["app"] for row in rows] == ["second"]


async def test_connections_follow_the_installations_setting_once_and_back(
    hall: Hall, house: tuple[Served, Settings], needing: Settings
) -> None:
    await connections.turn(hall.plain.connection, "acme", Turns(gradebook_sync=True), needing)
    followed = await hall.vendor("followed")
    connection = hall.plain.connection
    others = await asyncpg.connect(needing.dsn)
    stamps = []
    for settings, seen in ((needing, OTHERS), (house[1], OTHERS | AGENTS)):
        both = await asyncio.gather(
            connections.reconcile(connection, settings), connections.reconcile(others, settings)
        )
        assert "followed" in both[0] + both[1]
        assert "acme" not in both[0] + both[1]
        stamps.append(
            await connection.fetchval(
                "SELECT switched_at FROM rosterline.connection WHERE app = 'followed'"
            )
        )
        # Two at once took one stamp: nothing came behind it.
        clock = await connection.fetchval("SELECT last_stamp FROM rosterline.clock")
        assert clock == stamps[-1]
        assert await connections.reconcile(connection, settings) == []
        assert await ids(followed) == seen
    assert stamps[0] < stamps[1]
    await others.close()


async def test_a_connection_that_must_not_see_agents_is_put_right_before_it_reads(
    house: tuple[Served, Settings], needing: Settings
) -> None:
    async with family_hall(house[0], needing) as hall:
        wrong = await hall.vendor("wrong")
        assert await ids(wrong) == OTHERS
        (row,) = [row for row in await connections.list_all(wrong.connection) if row.app == "wrong"]
        assert row.switches == HIDDEN


async def test_a_turn_waits_for_a_writer_and_takes_a_later_stamp(
    hall: Hall, needing: Settings
) -> None:
    turned = await hall.vendor("turned", Switches(gradebook_sync=True))
    writer = await asyncpg.connect(needing.dsn)
    written = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=30)
    async with asyncio.TaskGroup() as tasks, writer.transaction():
        await writer.execute("UPDATE rosterline.clock SET last_stamp = $1", written)
        turning = tasks.create_task(turn(turned, needing, gradebook_sync=False))
        await until_waited_for(writer, needing.dsn)
        assert not turning.done()
    moment = turning.result()
    await writer.close()
    assert moment == format_stamp(written + timedelta(milliseconds=1))
    clock = await turned.connection.fetchval("SELECT last_stamp FROM rosterline.clock")
    assert format_stamp(clock) == moment


async def test_two_turns_at_once_take_two_stamps(hall: Hall, needing: Settings) -> None:
    first = await hall.vendor("first")
    second = await hall.vendor("second")
    other = await asyncpg.connect(needing.dsn)
    await asyncio.gather(
        turn(first, needing, secondary_email=True),
        connections.turn(other, "second", Turns(secondary_email=True), needing),
    )
    await other.close()
    rows = await second.connection.fetch(
        "SELECT switched_at FROM rosterline.connection WHERE switched_at IS NOT NULL "
        "AND app IN ('first', 'second')"
    )
    assert len({row["switched_at"] for row in rows}) == 2


@dataclass(frozen=True)
class Turning:
    """When a turn began and had ended, by the database's clock, and the stamp that it took."""

    begun: datetime
    ended: datetime
    stamp: datetime

    @property
    def latest(self) -> datetime:
        """The latest stamp that it may take beside its lead.

        A lead is doubled when the turn has used all but half a second of it.
        """
        return self.ended + 2 * (self.ended - self.begun) + timedelta(milliseconds=10)


async def timed_turn(turned: Served, settings: Settings) -> Turning:
    """Turn gradebook sync off."""
    now = "SELECT clock_timestamp()"
    begun = await turned.connection.fetchval(now)
    await turn(turned, settings, gradebook_sync=False)
    ended = await turned.connection.fetchval(now)
    stamp = await turned.connection.fetchval(
        "SELECT switched_at FROM rosterline.connection WHERE app = 'turned'"
    )
    return Turning(begun, ended, stamp)


@pytest.mark.parametrize("lead", [0.0, 1.0, 5.0])
async def test_the_stamp_of_a_turn_is_still_to_come_when_it_becomes_visible(
    hall: Hall, needing: Settings, lead: float
) -> None:
    turned = await hall.vendor("turned", Switches(gradebook_sync=True))
    settings = needing.model_copy(update={"stamp_lead_seconds": lead})
    turning = await timed_turn(turned, settings)
    least = timedelta(seconds=max(lead, 1))
    assert turning.begun + least <= turning.stamp <= turning.latest + least


async def test_a_turn_that_lasts_longer_than_its_lead_is_done_again_with_a_longer_one(
    hall: Hall, needing: Settings
) -> None:
    turned = await hall.vendor("turned", Switches(gradebook_sync=True))
    await turned.connection.execute(SLOW)
    try:
        turning = await timed_turn(turned, needing)
    finally:
        await turned.connection.execute("DROP FUNCTION public.dawdle CASCADE")
    # The first attempt took most of a second; the next has twice the lead.
    assert turning.begun + 2 * LEAST_LEAD <= turning.stamp <= turning.latest + LEAST_LEAD
    assert len(await delta(turned, "/users", "1970-01-01")) == len(OTHERS | AGENTS) + 2


async def test_an_unknown_connection_and_a_switch_of_another_version_are_refused(
    hall: Hall, needing: Settings
) -> None:
    connection = hall.plain.connection
    await connections.add(connection, "older", "1.1")
    before = await connection.fetchval("SELECT last_stamp FROM rosterline.clock")
    for app, words in (("nobody", "'nobody' is unknown"), ("older", "SECONDARY_EMAIL_V1P1")):
        with pytest.raises(InvalidConnectionError, match=words):
            await connections.turn(connection, app, Turns(secondary_email=True), needing)
    assert await connection.fetchval("SELECT last_stamp FROM rosterline.clock") == before
    with pytest.raises(InvalidConnectionError, match="SECONDARY_EMAIL_V1P1"):
        await connections.add(connection, "new", "1.1", switches=Switches(secondary_email=True))


async def test_g5_a_connection_that_has_had_no_token_is_given_no_tombstones_of_agents(
    hall: Hall, needing: Settings
) -> None:
    """It was made where the installation's setting was not set, and has seen nothing yet."""
    connection = hall.plain.connection
    await connections.add(connection, "fresh")
    await connections.add(connection, "later")
    seen = await hall.vendor("seen")
    assert {"fresh", "later", "seen"} <= set(await connections.reconcile(connection, needing))
    rows = await connection.fetch("SELECT DISTINCT app FROM rosterline.withdrawn")
    assert {row["app"] for row in rows} - {"acme"} == {"seen"}
    assert await ids(seen) == OTHERS


async def test_a_connection_waits_for_no_long_write_to_be_put_right(
    house: tuple[Served, Settings], needing: Settings
) -> None:
    async with family_hall(house[0], needing) as hall:
        connection = hall.plain.connection
        made = await connections.add(connection, "hurried")
        await connection.execute(
            "UPDATE rosterline.connection SET sees_agents = true WHERE app = 'hurried'"
        )
        basic = (made.client_id, made.client_secret)
        form = {"grant_type": "client_credentials"}
        writer = await asyncpg.connect(needing.dsn)
        async with writer.transaction():
            await writer.fetchval("SELECT 1 FROM rosterline.clock FOR UPDATE")
            away = await hall.plain.http.post("/oauth2/token", data=form, auth=basic)
        await writer.close()
        assert (away.status_code, away.json()["error"]) == (503, "temporarily_unavailable")
        assert int(away.headers["Retry-After"]) > 0
        there = await hall.plain.http.post("/oauth2/token", data=form, auth=basic)
        assert there.status_code == 200
