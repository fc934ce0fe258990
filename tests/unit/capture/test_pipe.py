"""The queue between reading and publishing, and the end of the tasks at its two sides."""

import asyncio

import pytest

from rosterline.capture.parts import Outgoing
from rosterline.capture.pipe import OVERHEAD_BYTES, Pipe
from rosterline.capture.tasks import end


def message(number: int, size: int = 100) -> Outgoing:
    """A message of so many bytes."""
    return Outgoing("rows", "s", {"number": str(number)}, b"x" * size)


async def test_messages_leave_in_order_and_not_more_than_asked_for() -> None:
    pipe = Pipe()
    sent = [message(number) for number in range(5)]
    for one in sent:
        await pipe.put(one)
    assert await pipe.take(3) == sent[:3]
    assert await pipe.take(3) == sent[3:]
    assert pipe.held == 0


async def test_a_full_pipe_makes_the_producer_wait_until_something_is_taken() -> None:
    pipe = Pipe(capacity=2 * (100 + OVERHEAD_BYTES))
    await pipe.put(message(1))
    await pipe.put(message(2))
    third = asyncio.create_task(pipe.put(message(3)))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await asyncio.shield(third)
    assert await pipe.take(1) == [message(1)]
    async with asyncio.timeout(5):
        await third
    assert await pipe.take(9) == [message(2), message(3)]


async def test_a_message_larger_than_the_pipe_passes_through_it_alone() -> None:
    pipe = Pipe(capacity=10)
    async with asyncio.timeout(5):
        await pipe.put(message(1, 1000))
        assert await pipe.take(5) == [message(1, 1000)]
        await pipe.put(message(2, 1000))
        assert await pipe.take(5) == [message(2, 1000)]


async def test_a_taker_waits_for_the_first_message() -> None:
    pipe = Pipe()
    taking = asyncio.create_task(pipe.take(5))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await asyncio.shield(taking)
    await pipe.put(message(1))
    async with asyncio.timeout(5):
        assert await taking == [message(1)]


async def test_a_task_that_loses_a_cancellation_is_cancelled_again() -> None:
    lost = 0

    async def deaf() -> None:
        nonlocal lost
        for _ in range(2):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                lost += 1
        await asyncio.Event().wait()

    async def broken() -> None:
        raise ValueError("of no interest any more")

    tasks = [asyncio.create_task(deaf()), asyncio.create_task(broken())]
    await asyncio.wait(tasks, timeout=0.01)
    async with asyncio.timeout(5):
        await end(tasks)
    assert lost == 2
    assert all(task.done() for task in tasks)
