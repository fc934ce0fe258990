"""Units: one transaction for what waits together, whatever else is written beside it."""

from typing import Any

import pytest

from rosterline.bus.topology import INGEST
from rosterline.ingest import upkeep as upkeep_module
from rosterline.ingest.service import serve
from tests.integration.ingest.desk import APP, STUDENT, Desk, guid, line_item, result
from tests.support.locks import until_waited_for
from tests.support.running import running, until

TAKE = """
INSERT INTO records.document
    (collection, sourced_id, body, app, line_item_id, student_id, minute)
VALUES ('assessmentResults', $1, '{}', 'somebody', $2, $3, '2026-10-01T00:00:00Z')
"""

OLD = f"""
INSERT INTO rosterline.command
    (app, command_id, state, lines, stored, rejections, is_told, number, decided_at)
SELECT '{APP}', number::text, 'stored', 1, 1, '[]', true, number, now() - interval '30 days'
FROM generate_series(1, 35) AS number
"""


def sentences(row: dict[str, Any]) -> dict[int, tuple[int, str]]:
    """Status and text of the rejections by line."""
    return {each["line"]: (each["status"], each["description"]) for each in row["rejections"]}


async def test_a_batch_says_of_each_line_what_became_of_it(desk: Desk) -> None:
    async with running(serve, desk.settings):
        command = await desk.batch(
            line_item(1),
            result(2, of=1),
            b"",
            result(3, of=7),
            b"[]",
            {"delete": f"assessmentResults/{guid(9)}"},
            {"delete": f"assessmentResults/{guid(2)}"},
        )
        row = await desk.decided(command)
    assert (row["state"], row["status"], row["lines"], row["stored"]) == ("mixed", None, 6, 3)
    assert {line: status for line, (status, _) in sentences(row).items()} == {
        4: 404,
        5: 422,
        6: 404,
    }
    assert sentences(row)[4][1] == f"No assessment line item record exists with the GUID {guid(7)}"
    named = {each["line"]: (each["collection"], each["sourcedId"]) for each in row["rejections"]}
    assert named == {
        4: ("assessmentResults", guid(3)),
        5: (None, None),
        6: ("assessmentResults", guid(9)),
    }
    assert await desk.stored() == {guid(1)}


async def test_of_an_atomic_batch_all_is_stored_or_nothing(desk: Desk) -> None:
    async with running(serve, desk.settings):
        refused = await desk.decided(
            await desk.batch(line_item(1), result(2, of=7), line_item(3), atomic="true")
        )
        assert await desk.stored() == set()
        stored = await desk.decided(await desk.batch(line_item(1), result(2, of=1), atomic="true"))
    assert (refused["state"], refused["stored"], refused["revision"]) == ("rejected", 0, None)
    nothing = (422, "Nothing of this batch was stored, because line 2 is refused.")
    assert sentences(refused)[1] == sentences(refused)[3] == nothing
    assert sentences(refused)[2][0] == 404
    assert (stored["state"], stored["stored"]) == ("stored", 2)
    assert await desk.stored() == {guid(1), guid(2)}


async def test_an_atomic_batch_that_falls_leaves_its_neighbours_alone(desk: Desk) -> None:
    await desk.put(line_item(1))
    await desk.batch(result(2, of=1), result(3, of=7), atomic="true")
    await desk.put(result(4, of=1))
    async with running(serve, desk.settings):
        row = await desk.decided("command-3")
        await until(desk.is_empty)
    assert (row["state"], row["status"]) == ("stored", 201)
    assert await desk.stored() == {guid(1), guid(4)}


async def test_a_line_finds_what_the_lines_before_it_have_made(desk: Desk) -> None:
    async with running(serve, desk.settings):
        row = await desk.decided(
            await desk.batch(line_item(1), line_item(2, parent=1), result(3, of=2))
        )
    assert (row["state"], row["stored"]) == ("stored", 3)
    blank = await desk.stored() - {guid(1), guid(2), guid(3)}
    assert len(blank) == 1


async def test_documents_of_a_unit_have_one_revision_and_its_verdicts_tell_it(desk: Desk) -> None:
    for number in (1, 2, 3):
        await desk.put(line_item(number))
    async with running(serve, desk.settings):
        rows = [await desk.decided(f"command-{number}") for number in (1, 2, 3)]
        again = await desk.decided(await desk.put(line_item(1)))
        refused = await desk.decided(await desk.put(result(9, of=8)))
    revisions = await desk.value("SELECT array_agg(DISTINCT revision) FROM records.document")
    assert revisions == [rows[0]["revision"]]
    assert {row["revision"] for row in rows} == set(revisions)
    # What is as it was may not be shown yet; what was refused shows nothing.
    assert (again["state"], again["revision"]) == ("stored", revisions[0])
    assert refused["revision"] is None


async def test_the_last_place_of_a_minute_goes_to_one_of_two_who_write_at_once(desk: Desk) -> None:
    async with running(serve, desk.settings):
        await desk.decided(await desk.put(line_item(1)))
        await desk.decided(await desk.put(line_item(5)))
        async with desk.connection.transaction():
            await desk.connection.execute(TAKE, guid(2), guid(1), STUDENT)
            mine = await desk.put(result(3, of=1))
            other = await desk.put(result(4, of=5))
            await until_waited_for(desk.connection, desk.settings.dsn)
        row = await desk.decided(mine)
        assert (await desk.decided(other))["status"] == 201
    assert row["status"] == 422
    assert sentences(row)[1][1].startswith(
        "A duplicate assessment result record exists for this line item, person and date with the "
        f"UUID {guid(2)}."
    )
    assert await desk.stored() == {guid(1), guid(2), guid(4), guid(5)}


async def test_when_the_other_gives_its_place_up_it_is_taken(desk: Desk) -> None:
    async with running(serve, desk.settings):
        await desk.decided(await desk.put(line_item(1)))
        rival = desk.connection.transaction()
        await rival.start()
        await desk.connection.execute(TAKE, guid(2), guid(1), STUDENT)
        mine = await desk.put(result(3, of=1))
        await until_waited_for(desk.connection, desk.settings.dsn)
        await rival.rollback()
        assert (await desk.decided(mine))["status"] == 201


async def test_two_results_change_places_within_a_unit(desk: Desk) -> None:
    days = [f"2026-10-0{day}" for day in (1, 2, 3)]
    async with running(serve, desk.settings):
        await desk.decided(
            await desk.batch(
                line_item(1),
                result(2, of=1, scoreDate=days[0]),
                result(3, of=1, scoreDate=days[1]),
            )
        )
        row = await desk.decided(
            await desk.batch(
                result(2, of=1, scoreDate=days[2]),
                result(3, of=1, scoreDate=days[0]),
                result(2, of=1, scoreDate=days[1]),
            )
        )
    assert (row["state"], row["stored"]) == ("stored", 3)
    documents = await desk.documents()
    found = [documents["assessmentResults", guid(number)]["scoreDate"] for number in (2, 3)]
    assert found == [days[1], days[0]]


async def test_a_place_is_free_for_a_new_result_when_the_old_one_is_deleted(desk: Desk) -> None:
    async with running(serve, desk.settings):
        await desk.decided(await desk.batch(line_item(1), result(2, of=1)))
        row = await desk.decided(
            await desk.batch({"delete": f"assessmentResults/{guid(2)}"}, result(3, of=1))
        )
    assert (row["state"], row["stored"]) == ("stored", 2)
    assert await desk.stored() == {guid(1), guid(3)}


async def test_two_of_one_name_in_a_unit_are_one_command(desk: Desk) -> None:
    await desk.put(line_item(1, title="first"), command="same")

    async def are_two() -> bool:
        await desk.put(line_item(1, title="second"), command="same")
        info = await desk.client.jetstream().stream_info(INGEST)
        return info.state.last_seq > 1

    await until(are_two)
    async with running(serve, desk.settings):
        await desk.decided("same")
        await until(desk.is_empty)
    assert (await desk.documents())["assessmentLineItems", guid(1)]["title"] == "first"
    assert len(await desk.told()) == 1


async def test_without_a_name_each_message_is_a_command(desk: Desk) -> None:
    for _ in range(2):
        await desk.put(line_item(1), command=None)
    async with running(serve, desk.settings):
        await until(desk.is_empty)
    assert [verdict.status for _, verdict in await desk.told()] == [201, 200]


async def test_a_place_in_a_batch_over_http_is_kept(desk: Desk) -> None:
    headers = {"answer": "none", "batch": "b-1", "first-line": "501"}
    async with running(serve, desk.settings):
        row = await desk.decided(await desk.batch(line_item(1), b"[]", **headers))
    assert (row["batch_id"], row["first_line"], row["number"]) == ("b-1", 501, None)
    assert [each["line"] for each in row["rejections"]] == [2]


async def test_numbers_go_on_where_they_ended_and_are_each_connections_own(desk: Desk) -> None:
    await desk.value(
        "INSERT INTO rosterline.connection (app, client_id, secret_hash, version, scopes) "
        "SELECT 'other', 'other', 'x', version, scopes FROM rosterline.connection"
    )
    for app in (APP, "other", APP):
        async with running(serve, desk.settings):
            await desk.decided(await desk.put(line_item(1), app=app), app)
            await until(desk.is_empty)
    assert [number for number, _ in await desk.told()] == [1, 2]
    assert [number for number, _ in await desk.told("other")] == [1]


async def test_numbers_are_not_used_twice_by_a_database_that_was_restored(desk: Desk) -> None:
    async with running(serve, desk.settings):
        for number in (1, 2):
            await desk.decided(await desk.put(line_item(number)))
        await until(desk.is_empty)
    await desk.value("DELETE FROM rosterline.command WHERE number = 2")
    async with running(serve, desk.settings):
        await desk.decided(await desk.put(line_item(3)))
        await until(desk.is_empty)
    assert [number for number, _ in await desk.told()] == [1, 2, 3]


async def test_what_is_old_is_forgotten_but_for_the_last_number(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep_module, "PURGE_SECONDS", 0.1)
    for number in (1, 2, 3):
        await desk.put(line_item(number))
    async with running(serve, desk.settings):
        await desk.decided("command-3")
        await desk.value("UPDATE rosterline.command SET decided_at = now() - interval '8 days'")
        jetstream = desk.client.jetstream()

        async def is_purged() -> bool:
            left = await desk.value("SELECT count(*) FROM rosterline.command")
            return left == 1 and not (await jetstream.stream_info(INGEST)).state.messages

        await until(is_purged)
        assert (await desk.decided(await desk.put(line_item(4))))["number"] == 4


async def test_however_much_is_old_is_forgotten_in_one_go(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep_module, "PURGED_AT_ONCE", 10)
    await desk.value(OLD)
    async with running(serve, desk.settings):

        async def is_purged() -> bool:
            left = await desk.connection.fetch("SELECT number FROM rosterline.command")
            return [row["number"] for row in left] == [35]

        await until(is_purged)


async def test_what_changes_nothing_is_seen_with_what_was_stored_before_a_restart(
    desk: Desk,
) -> None:
    async with running(serve, desk.settings):
        first = await desk.decided(await desk.put(line_item(1)))
    # This one was given and not used: nobody will ever show it.
    await desk.value("SELECT nextval('rosterline.revision')")
    async with running(serve, desk.settings):
        again = await desk.decided(await desk.put(line_item(1)))
    assert (again["status"], again["revision"]) == (200, first["revision"])


async def test_a_sender_is_known_by_what_it_may_do(desk: Desk) -> None:
    await desk.value("UPDATE rosterline.connection SET scopes = '{}'")
    async with running(serve, desk.settings):
        row = await desk.decided(await desk.put(line_item(1)))
    assert (row["state"], row["status"]) == ("rejected", 403)
    assert row["number"] == 1
