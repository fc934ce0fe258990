"""When messages are published one by one, and when as one batch."""

from rosterline.bus.relay import LARGEST_BATCH, MOST_PREPARING, Costs


def test_one_message_is_never_a_batch_and_a_full_one_always_is() -> None:
    slow = Costs(single=10.0, batch=0.001)
    assert slow.are_few(1)
    assert not slow.are_few(2)
    assert not Costs().are_few(LARGEST_BATCH)


def test_a_few_go_one_by_one_where_that_is_cheaper() -> None:
    costs = Costs(single=0.001, batch=0.008)
    assert [costs.are_few(count) for count in (2, 7, 8, 9)] == [True, True, False, False]


def test_a_slow_disk_makes_batches_of_less() -> None:
    costs = Costs()
    assert costs.are_few(4)
    for _ in range(100):
        costs.note_single(0.005)
    assert not costs.are_few(2)


def test_large_batches_do_not_make_small_ones_look_dear() -> None:
    costs = Costs()
    for _ in range(100):
        costs.note_batch(3.0)
    assert costs.batch <= MOST_PREPARING
