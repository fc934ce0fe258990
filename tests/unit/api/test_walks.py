"""Where pages ended, for clients that count offsets."""

from dataclasses import replace

from rosterline.api.reading.walks import KEPT_SECONDS, MOST_WALKS, OVERLAP_SECONDS, Position, Walks
from tests.support.api import stamp

EARLY = Position(stamp(5), total=9, sort_value=None, sourced_id="b")
LATE = Position(stamp(7), total=8, sort_value=None, sourced_id="d")


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def remember(walks: Walks, position: Position, *, is_last: bool = False) -> None:
    walks.remember("key", position, descending=False, is_last=is_last)


def test_a_retry_finds_the_same_position() -> None:
    walks = Walks()
    remember(walks, EARLY)
    assert [walks.find("key"), walks.find("key")] == [EARLY, EARLY]


def test_a_position_is_forgotten_in_time() -> None:
    clock = Clock()
    walks = Walks(clock)
    remember(walks, EARLY)
    clock.now = KEPT_SECONDS + 1
    assert walks.find("key") is None


def test_of_two_walks_at_once_the_earlier_position_and_watermark_count() -> None:
    walks = Walks()
    remember(walks, LATE)
    remember(walks, EARLY)
    assert walks.find("key") == EARLY
    remember(walks, EARLY)
    remember(walks, LATE)
    assert walks.find("key") == EARLY


def test_descending_the_greater_id_is_the_earlier_position() -> None:
    walks = Walks()
    for position in (EARLY, LATE):
        walks.remember("key", position, descending=True, is_last=False)
    found = walks.find("key")
    assert found == replace(LATE, watermark=EARLY.watermark, total=EARLY.total)


def test_records_changed_since_the_watermark_come_after_all_others() -> None:
    walks = Walks()
    remember(walks, replace(EARLY, is_late=True))
    remember(walks, LATE)
    found = walks.find("key")
    assert found is not None
    assert (found.sourced_id, found.is_late) == ("d", False)


def test_a_walk_that_went_on_does_not_hold_back_the_next() -> None:
    walks = Walks()
    remember(walks, EARLY)
    walks.find("key")
    remember(walks, LATE)
    assert walks.find("key") == LATE


def test_a_walk_that_was_over_does_not_hold_back_the_next() -> None:
    walks = Walks()
    remember(walks, EARLY, is_last=True)
    remember(walks, LATE)
    assert walks.find("key") == LATE


def test_a_walk_that_was_given_up_does_not_hold_back_the_next_for_long() -> None:
    clock = Clock()
    walks = Walks(clock)
    remember(walks, EARLY)
    clock.now = OVERLAP_SECONDS + 1
    remember(walks, LATE)
    assert walks.find("key") == LATE


def test_the_memory_is_bounded() -> None:
    walks = Walks()
    for key in range(MOST_WALKS + 1):
        walks.remember(key, EARLY, descending=False, is_last=False)
    assert walks.find(0) is None
    assert walks.find(MOST_WALKS) == EARLY
