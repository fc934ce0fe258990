"""G7: many writers who score one tree at the same time make each blank result once."""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from random import Random

import httpx
import orjson
import pytest

from rosterline.events.commands import COMMAND_HEADER
from rosterline.events.subjects import command_subject
from tests.support.office import Office
from tests.support.running import until
from tests.support.senders import DISTRICT, grow, guid, result
from tests.support.streams import client_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
GRADEBOOK = "/ims/oneroster/gradebook/v1p2"
MINUTE = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
APP = "writer-v1p2"
STUDENTS = "SELECT sourced_id FROM v1p2.users WHERE is_student AND status = 'active' LIMIT 4"
SHOWN = """
SELECT line_item_id, student_id, document::json ->> 'score' FROM v1p2.assessment_results
WHERE line_item_id = ANY($1::text[])
"""


async def test_g7_writers_of_one_tree_at_once_make_each_blank_result_once(office: Office) -> None:
    rng = Random(7)
    tree = grow(rng)
    reader = office.served.connection
    students = [row[0] for row in await reader.fetch(STUDENTS)]
    for body in tree.bodies():
        path = f"{GRADEBOOK}/assessmentLineItems/{body['assessmentLineItem']['sourcedId']}"
        assert (await office.client.put(path, json=body)).status_code == 201
    scores = [
        result(guid(rng), leaf, student, MINUTE.replace(second=rng.randrange(30)), 1.0)
        for leaf in tree.leaves
        for student in students
    ]
    rng.shuffle(scores)

    async def put(body: dict[str, dict[str, str]]) -> httpx.Response:
        path = f"{GRADEBOOK}/assessmentResults/{body['assessmentResult']['sourcedId']}"
        return await office.client.put(path, json=body)

    half = len(scores) // 2
    async with client_of(office.nats.url) as bus:
        subject = command_subject(DISTRICT, APP, "assessmentResults", "put")
        publishing = asyncio.gather(
            *(
                bus.jetstream().publish(
                    subject, orjson.dumps(body), headers={COMMAND_HEADER: f"blank-{number}"}
                )
                for number, body in enumerate(scores[:half])
            )
        )
        answers = await asyncio.gather(*map(put, scores[half:]))
        assert len(await publishing) == half
    assert {answer.status_code for answer in answers} == {201}
    named = [tree.root, *tree.parents]

    async def all_scores() -> bool:
        rows = await reader.fetch(SHOWN, named)
        return sum(score is not None for _, _, score in rows) == len(scores)

    await until(all_scores)
    made = Counter(
        (line_item, student)
        for line_item, student, score in await reader.fetch(SHOWN, named)
        if score is None
    )
    ancestors = {ancestor for leaf in tree.leaves for ancestor in tree.ancestors(leaf)}
    assert made == Counter({(name, student): 1 for name in ancestors for student in students})
