"""The statements of the API under pgbench, which reads colons and dollars in its own way."""

from pathlib import Path

import asyncpg
import pytest

from rosterline.api.reading.sql import Statement
from tests.bench.beside import run_pgbench, script
from tests.bench.questions import Question, statement_of
from tests.support.servers import Databases

ROOT = "/ims/oneroster/rostering/v1p2"


@pytest.mark.parametrize(
    "question",
    [
        Question("one", f"{ROOT}/users/u'1"),
        Question("offset", f"{ROOT}/users?limit=10&offset=5"),
        Question("links", f"{ROOT}/enrollments?limit=10", follows_links=True),
        Question("delta", f"{ROOT}/enrollments?filter=dateLastModified%3E'2026-09-01'"),
    ],
    ids=lambda question: question.name,
)
async def test_pgbench_takes_a_statement_of_the_api(
    databases: Databases, tmp_path: Path, question: Question
) -> None:
    connection = await asyncpg.connect(databases.dsn)
    await connection.execute(
        "INSERT INTO v1p2.enrollments (sourced_id, status, date_last_modified, document, digest, "
        "sequence) VALUES ('e1', 'active', now(), '{}', '', 1)"
    )
    statement = await statement_of(question, connection)
    await connection.close()
    assert run_pgbench(databases.dsn, statement, tmp_path, connections=1, seconds=1) > 0


def test_values_and_constants_stay_what_they_are() -> None:
    text, values = script(Statement("SELECT $1::text, 'HH24:MI', $2::text[]", ("a:b", ["x", "y"])))
    assert text == "SELECT :p1::text, U&'HH24\\003AMI', :p2::text[];\n"
    assert values == {"p1": "a:b", "p2": '{"x","y"}'}
