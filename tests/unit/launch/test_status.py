"""What `status` makes of something that is held."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from rosterline.launch.commands.status import print_status
from rosterline.launch.errors import LaunchError
from rosterline.launch.operate import choose
from rosterline.launch.status import Held, Hop, Status
from rosterline.projector.holds import Hold, Loss

HOLD = Hold(
    hold_id=3,
    sequence=17,
    transaction="1-0/16B3748",
    losses=(Loss("v1p2.users", 1200, 3000), Loss("v1p2.enrollments", 9000, 30_000)),
    held_at=datetime(2026, 9, 1, 8, tzinfo=UTC),
    released_at=None,
)
WELL = Status(ready=True, api="http://127.0.0.1:1", last_stamp=None, services={}, hops={})
HELD = replace(WELL, holds=[Held.of(HOLD)], hops={"sis_to_stream": Hop(active=True)})


def test_an_instance_that_holds_something_is_not_well() -> None:
    assert WELL.is_well
    assert not HELD.is_well


def test_status_tells_what_is_held_how_much_of_it_and_how_to_release_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_status(HELD)
    shown = capsys.readouterr().out
    assert "transaction 1-0/16B3748" in shown
    assert "1,200 of 3,000 v1p2.users, 9,000 of 30,000 v1p2.enrollments" in shown
    assert "since 2026-09-01T08:00:00.000+00:00" in shown
    assert "rosterline release 3" in shown


def test_messages_that_were_put_aside_wait_for_an_operator(
    capsys: pytest.CaptureFixture[str],
) -> None:
    put_aside = replace(WELL, dead_letters=2, waiting_lines=1200)
    assert not put_aside.is_well
    print_status(put_aside)
    shown = capsys.readouterr().out
    assert "PUT ASIDE: 2 messages; rosterline ingest dead-letters" in shown
    assert "wait for the roster: 1,200" in shown


def test_the_form_of_json_lists_holds() -> None:
    assert HELD.as_json()["holds"] == [
        {
            "hold_id": 3,
            "transaction": "1-0/16B3748",
            "since": "2026-09-01T08:00:00.000+00:00",
            "losses": (
                {"collection": "v1p2.users", "losses": 1200, "active": 3000},
                {"collection": "v1p2.enrollments", "losses": 9000, "active": 30_000},
            ),
            "release": "rosterline release 3",
        }
    ]


def test_the_only_hold_is_released_without_its_number() -> None:
    assert choose([HOLD], None) == 3
    assert choose([HOLD, replace(HOLD, hold_id=5)], 5) == 5


@pytest.mark.parametrize(
    ("waiting", "named", "said"),
    [
        ([], None, "nothing is held"),
        ([], 3, "nothing is held"),
        ([HOLD], 4, "those that wait: 3"),
        ([HOLD, replace(HOLD, hold_id=5)], None, "name one.*3, 5"),
    ],
)
def test_a_release_that_is_not_clear_says_what_there_is(
    waiting: list[Hold], named: int | None, said: str
) -> None:
    with pytest.raises(LaunchError, match=said):
        choose(waiting, named)
