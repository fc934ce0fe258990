"""The worker on a real database ends as a simple model does, whatever comes in whatever units."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import asyncpg
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rosterline.api.access import connections
from rosterline.events.commands import Verdict
from rosterline.ingest.command import Command, Entry
from rosterline.ingest.lines import Line
from rosterline.ingest.work import Worker
from rosterline.launch.embedded import EmbeddedPostgres
from tests.support.ingest_model import Answer, Model
from tests.support.ingest_roster import fill_whole
from tests.support.ingest_strategies import beginning, lines
from tests.support.ingest_world import (
    CLASS,
    OTHER_CLASS,
    OTHER_SCHOOL,
    OTHER_STUDENT,
    SCHOOL,
    STUDENT,
    uuids,
)
from tests.support.servers import fresh_databases

APP = "assessor"
SCOPES = ("assessment.createput", "assessment.delete", "gradebook.createput", "gradebook.delete")
EMPTY = "TRUNCATE records.document, rosterline.command, rosterline.waiting_line"
STORED = "SELECT collection, sourced_id, body, is_deleted FROM records.document"


@dataclass(frozen=True)
class Bench:
    """A database with a roster, and the loop in which it is used."""

    runner: asyncio.Runner
    connection: asyncpg.Connection


@pytest.fixture(scope="module")
def bench(postgres_server: EmbeddedPostgres) -> Iterator[Bench]:
    with fresh_databases(postgres_server) as databases, asyncio.Runner() as runner:
        connection = runner.run(opened(databases.dsn))
        yield Bench(runner, connection)
        runner.run(connection.close())


async def opened(dsn: str) -> asyncpg.Connection:
    """A connection to a database with the rules' world in it."""
    connection = await asyncpg.connect(dsn)
    await connections.add(connection, APP, scopes=list(SCOPES))
    await fill_whole(connection)
    return connection


async def nothing_told(_: str) -> int:
    """No connection was told anything yet."""
    return 0


@dataclass
class Pair:
    """The worker and the model, side by side."""

    worker: Worker
    model: Model
    numbers: Iterator[int]

    def command(self, unit: Sequence[Line], *, is_atomic: bool) -> Command:
        """The lines as one command."""
        entries = [
            Entry(number, line.operation, line.entity, line.sourced_id, line.body)
            for number, line in enumerate(unit, start=1)
        ]
        number = next(self.numbers)
        return Command(
            number, APP, f"command-{number}", unit[0].received, tuple(entries), is_atomic=is_atomic
        )

    def expect(self, unit: Sequence[Line], *, is_atomic: bool) -> list[Answer]:
        """What the model says."""
        before = dict(self.model.live), dict(self.model.deleted)
        answers = [
            self.model.apply(
                line.operation.value,
                line.entity.value,
                line.sourced_id,
                line.body,
                unit[0].received,
            )
            for line in unit
        ]
        if is_atomic and any(answer.text for answer in answers):
            self.model.live, self.model.deleted = before
        return answers

    async def check(self) -> None:
        """What is stored is what the model holds."""
        rows = await self.worker.connection.fetch(STORED)
        found: dict[bool, dict[tuple[str, str], Any]] = {False: {}, True: {}}
        for collection, sourced_id, body, is_deleted in rows:
            found[is_deleted][collection, sourced_id] = orjson.loads(body)
        assert found[False] == self.model.live
        assert found[True] == self.model.deleted


def check_verdict(verdict: Verdict, answers: list[Answer], *, is_atomic: bool) -> None:
    """The verdict says of each line what the model says."""
    refused = {
        number: (answer.status, answer.text)
        for number, answer in enumerate(answers, start=1)
        if answer.text
    }
    told = {each.line: (each.status, each.description) for each in verdict.rejections}
    if is_atomic and refused:
        assert set(told) == set(range(1, len(answers) + 1))
        assert refused.items() <= told.items()
        assert verdict.stored == 0
    else:
        assert told == refused
        assert verdict.stored == len(answers) - len(refused)
    if len(answers) == 1:
        assert verdict.status == answers[0].status


@asynccontextmanager
async def pair_of(connection: asyncpg.Connection) -> AsyncIterator[Pair]:
    """An empty database and an empty model."""
    await connection.execute(EMPTY)
    model = Model(
        students={STUDENT, OTHER_STUDENT},
        classes={CLASS: SCHOOL, OTHER_CLASS: OTHER_SCHOOL},
        new_id=uuids(),
    )
    pair = Pair(Worker(connection, nothing_told, new_id=uuids()), model, count(1))
    yield pair
    await pair.check()


async def play(bench: Bench, data: st.DataObject) -> None:
    """Some units, each of some commands, each of some lines."""
    async with pair_of(bench.connection) as pair:
        units = data.draw(st.integers(1, 4))
        first = beginning()
        expected = [(pair.command(first, is_atomic=False), pair.expect(first, is_atomic=False))]
        for _ in range(units):
            # Nobody knows the id of a blank result that is made in the same unit.
            known = sorted(pair.model.results().values())
            for _ in range(data.draw(st.integers(1, 4))):
                lined = [data.draw(lines(known)) for _ in range(data.draw(st.integers(1, 4)))]
                is_atomic = data.draw(st.booleans())
                command = pair.command(lined, is_atomic=is_atomic)
                expected.append((command, pair.expect(lined, is_atomic=is_atomic)))
            commands = [command for command, _ in expected]
            settled = await pair.worker.work(commands)
            for command, answers in expected:
                verdict = settled.kept[command.name].verdict
                check_verdict(verdict, answers, is_atomic=command.is_atomic)
            # The same once more, as after a lost acknowledgement, changes nothing.
            again = await pair.worker.work(commands)
            assert not again.decided
            assert {name: kept.verdict for name, kept in again.kept.items()} == {
                name: kept.verdict for name, kept in settled.kept.items()
            }
            await pair.check()
            expected.clear()


@given(data=st.data())
@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_g7_the_worker_ends_as_the_same_lines_one_after_the_other(
    bench: Bench, data: st.DataObject
) -> None:
    bench.runner.run(play(bench, data))
