"""Bookkeeping of positions against the plainest model of it."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from rosterline.capture.position import Confirmation, Position, format_lsn, parse_lsn

LSNS = st.integers(0, 2**64 - 1)
POSITIONS = st.builds(Position, LSNS, st.integers(0, 10**7), st.integers(0, 10**5))
ITEMS = st.tuples(st.integers(0, 4), st.integers(1, 4))


@given(LSNS)
def test_a_wal_position_is_read_as_it_was_written(lsn: int) -> None:
    assert parse_lsn(format_lsn(lsn)) == lsn


@given(POSITIONS)
def test_a_position_is_read_as_it_was_written(position: Position) -> None:
    assert Position.parse(str(position)) == position


@given(POSITIONS, POSITIONS)
def test_positions_are_ordered_by_commit_then_by_how_much_of_it_is_there(
    one: Position, other: Position
) -> None:
    assert (one < other) == (
        (one.lsn, one.through, one.part) < (other.lsn, other.through, other.part)
    )


@given(st.builds(Position, st.integers(0, 4), st.integers(0, 4), st.just(0)), ITEMS)
def test_a_position_covers_what_stands_before_or_at_it(
    position: Position, item: tuple[int, int]
) -> None:
    in_order = [(lsn, number) for lsn in range(5) for number in range(1, 5)]
    stored = [place for place in in_order if place <= (position.lsn, position.through)]
    assert position.covers(*item) == (item in stored)


@dataclass
class Ledger:
    """Everything that happened, for a model that counts it all anew each time."""

    sent: int = 0
    acknowledged: int = 0
    passed: list[tuple[int, int]] = field(default_factory=list)

    def confirmable(self, start: int) -> int:
        """The largest position that was passed when no more was sent than is acknowledged now."""
        reached = [lsn for sent, lsn in self.passed if sent <= self.acknowledged]
        return max([start, *reached])


class ConfirmationMachine(RuleBasedStateMachine):
    """Messages sent, acknowledged and passed in any interleaving."""

    START = 100

    def __init__(self) -> None:
        super().__init__()
        self.confirmation = Confirmation(self.START)
        self.ledger = Ledger()
        self.lsn = self.START
        self.largest = self.START

    @rule(count=st.integers(1, 3))
    def send(self, count: int) -> None:
        self.confirmation.sent(count)
        self.ledger.sent += count

    @precondition(lambda self: self.ledger.acknowledged < self.ledger.sent)
    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        count = data.draw(st.integers(1, self.ledger.sent - self.ledger.acknowledged))
        self.confirmation.acknowledged(count)
        self.ledger.acknowledged += count

    @rule(step=st.integers(-20, 50))
    def go_past(self, step: int) -> None:
        # A keepalive may name a position that is behind what a commit has told before.
        self.lsn = max(0, self.lsn + step)
        self.confirmation.passed(self.lsn)
        self.ledger.passed.append((self.ledger.sent, self.lsn))

    @precondition(lambda self: self.ledger.acknowledged == self.ledger.sent)
    @rule()
    def acknowledge_too_much(self) -> None:
        try:
            self.confirmation.acknowledged()
        except ValueError:
            return
        raise AssertionError("an acknowledgement of nothing was taken")

    @invariant()
    def g1_nothing_unacknowledged_is_confirmed(self) -> None:
        confirmable = self.confirmation.confirmable
        assert confirmable == self.ledger.confirmable(self.START)
        assert confirmable >= self.largest, "a confirmation went back"
        self.largest = confirmable


TestConfirmation = ConfirmationMachine.TestCase
