"""How `tail` writes an event, and what it does about one that is missing."""

import json

from rosterline.bus.reader import StreamMessage
from rosterline.events.change import ChangeEvent
from rosterline.launch.tail import Place, as_json, as_line, step_over
from rosterline.oneroster.vocabulary import Entity, Version

CHANGE = ChangeEvent(
    epoch="ab12",
    sequence=7,
    district="springfield",
    version=Version.V1P2,
    entity=Entity.USERS,
    operation="updated",
    sourced_id="9223dafd",
    time="2026-11-21T01:20:34.563Z",
    transaction="0/16B3748",
    index=0,
    last=True,
    data='{"user":{"sourcedId":"9223dafd","familyName":"Ståhl"}}',
)
EVENT = StreamMessage(31, CHANGE.subject, CHANGE.headers(), CHANGE.data.encode())
GAP = StreamMessage(32, "oneroster.springfield.gap", {}, b'{"kind":"gap"}')


def test_a_line_holds_no_personal_data() -> None:
    assert as_line(EVENT).split() == [
        "2026-11-21T01:20:34.563Z",
        "updated",
        "users",
        "9223dafd",
        "ab12-7",
    ]


def test_json_holds_the_cloudevent_and_its_data_byte_for_byte() -> None:
    text = as_json(EVENT)
    assert text.endswith(f'"data":{CHANGE.data}}}')
    event = json.loads(text)
    assert event["streamsequence"] == 31
    assert (event["specversion"], event["id"], event["subject"]) == ("1.0", "ab12-7", "9223dafd")
    assert event["datacontenttype"] == "application/json"
    assert "\n" not in text


def test_a_gap_is_told_in_both_forms() -> None:
    assert as_line(GAP).startswith("32 gap")
    assert json.loads(as_json(GAP)) == {
        "streamsequence": 32,
        "type": "rosterline.gap",
        "data": {"kind": "gap"},
    }


def test_a_message_is_passed_only_when_it_is_missing_twice() -> None:
    place = Place("stream", 4)
    step_over(place)
    assert place.after == 4
    step_over(place)
    assert place.after == 5
