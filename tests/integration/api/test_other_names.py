"""Assessment results are asked for by the name under which vendors write their line item."""

import pytest

from rosterline.oneroster.vocabulary import Entity, Version
from tests.support.office import Office

pytestmark = pytest.mark.asyncio(loop_scope="module")
PATH = "/ims/oneroster/gradebook/v1p2/assessmentResults"


@pytest.mark.parametrize("prefix", ["", "/campus/api"])
async def test_who_writes_a_line_item_finds_by_it(office: Office, prefix: str) -> None:
    body = office.body(Entity.ASSESSMENT_RESULTS, office.new_id(), Version.V1P2)
    line_item = body.pop("assessmentLineItem")
    wanted = {"assessmentResult": {**body, "lineItem": line_item}}
    path = f"{prefix}{PATH}"
    put = await office.client.put(f"{path}/{body['sourcedId']}", json=wanted)
    assert put.status_code == 201, put.text
    query = {
        "filter": f"lineItem.sourcedId='{line_item['sourcedId']}' AND status='active'",
        "sort": "lineItem.sourcedId",
        "fields": "sourcedId,lineItem",
    }
    answer = await office.client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    (found,) = [
        each
        for each in answer.json()["assessmentResults"]
        if each["sourcedId"] == body["sourcedId"]
    ]
    assert found.keys() == {"sourcedId", "assessmentLineItem"}
    assert found["assessmentLineItem"]["sourcedId"] == line_item["sourcedId"]
    none = await office.client.get(path, params={"filter": "lineItem.sourcedId='other'"})
    assert none.json() == {"assessmentResults": []}
