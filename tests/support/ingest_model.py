"""What ingest must do, said once more and simply: one line after the other, on dictionaries.

It shares no code with the product: no ledger, no units, no models. It knows records that are
rightly formed but for a missing `title`; senders who may do everything, in OneRoster 1.2.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

Body = dict[str, Any]
Key = tuple[str, str]
ResultKey = tuple[str, str, datetime]
SINGLE = {
    "categories": "category",
    "lineItems": "lineItem",
    "results": "result",
    "assessmentLineItems": "assessmentLineItem",
    "assessmentResults": "assessmentResult",
}
# Which member of which collection names a record of which.
NAMING = {
    "assessmentLineItems": [
        ("assessmentLineItems", "parentAssessmentLineItem"),
        ("assessmentResults", "assessmentLineItem"),
    ],
    "categories": [("lineItems", "category")],
    "lineItems": [("results", "lineItem")],
}


class Answer(NamedTuple):
    """201, 200 or 204 without a text, or a refusal with one."""

    status: int
    text: str = ""


@dataclass
class Model:
    """All written records of a district.

    `live` and `deleted` hold bodies by collection and id; a body holds what was sent, a result's
    line item as `assessmentLineItem`, and its `scoreDate`. `new_id` makes the ids of blank results,
    parents first.
    """

    students: set[str]
    classes: dict[str, str]
    new_id: Callable[[], str]
    live: dict[Key, Body] = field(default_factory=dict)
    deleted: dict[Key, Body] = field(default_factory=dict)
    most_levels: int = 50

    def apply(
        self,
        operation: str,
        collection: str,
        sourced_id: str,
        body: Mapping[str, Any] | None,
        received: datetime,
    ) -> Answer:
        """Do what a line says (`put`, `patch` or `delete`), or say why not."""
        key = collection, sourced_id
        if operation == "delete":
            return self._delete(key, Answer(204))
        sent = json.loads(json.dumps(body))
        if sent.get("status") in {"tobedeleted", "inactive"}:
            return self._delete(key, Answer(200))
        stored = self.live.get(key)
        if operation == "patch" and stored is None:
            return unknown(key)
        if "lineItem" in sent and collection == "assessmentResults":
            sent["assessmentLineItem"] = sent.pop("lineItem")
        new = merge(stored, sent) if operation == "patch" else sent
        if collection == "assessmentResults" and new.get("scoreDate") is None:
            day = received.astimezone(UTC).strftime("%Y-%m-%d")
            new["scoreDate"] = day if stored is None else stored["scoreDate"]
        refused = self._why_not(key, new, stored)
        if refused is not None:
            return refused
        self.live[key] = new
        self.deleted.pop(key, None)
        if collection == "assessmentResults":
            self._fill(new)
        return Answer(201 if stored is None else 200)

    def results(self) -> dict[ResultKey, str]:
        """The live assessment results by student, line item and minute."""
        found: dict[ResultKey, str] = {}
        for (collection, sourced_id), body in self.live.items():
            if collection == "assessmentResults":
                key = place_of(body)
                assert key not in found, "two results of one minute"
                found[key] = sourced_id
        return found

    def ancestors(self, line_item: str) -> Iterator[str]:
        """The assessment line items above one, its parent first."""
        above = self._parent(line_item)
        while above is not None:
            yield above
            above = self._parent(above)

    def _parent(self, line_item: str) -> str | None:
        return named(self.live["assessmentLineItems", line_item], "parentAssessmentLineItem")

    def _fill(self, result: Body) -> None:
        student, line_item, minute = place_of(result)
        for above in self.ancestors(line_item):
            if (student, above, minute) not in self.results():
                sourced_id = self.new_id()
                self.live["assessmentResults", sourced_id] = {
                    "sourcedId": sourced_id,
                    "assessmentLineItem": {"sourcedId": above},
                    "student": {"sourcedId": student},
                    "scoreDate": result["scoreDate"],
                }

    def _delete(self, key: Key, done: Answer) -> Answer:
        collection, sourced_id = key
        if key not in self.live:
            return unknown(key)
        for other, member in NAMING.get(collection, []):
            for (held, _), body in self.live.items():
                if held == other and named(body, member) == sourced_id:
                    return may_not_go(key, other)
        self.deleted[key] = {**self.live.pop(key), "status": "tobedeleted"}
        return done

    def _why_not(self, key: Key, new: Body, stored: Body | None) -> Answer | None:
        collection, _ = key
        if not collection.endswith("esults") and "title" not in new:
            return Answer(422, f"The {SINGLE[collection]} cannot be stored: title is required")
        match collection:
            case "assessmentLineItems":
                return self._why_no_line_item(key, new, stored) or self._why_not_moved(
                    key, new, stored
                )
            case "assessmentResults":
                return self._why_no_result(key, new, stored)
            case _:
                return self._what_is_unknown(collection, new)

    def _why_not_so_spelled(self, key: Key, stored: Body | None) -> Answer | None:
        collection, sourced_id = key
        no = f"The {SINGLE[collection]} cannot be stored: sourcedId"
        if stored is not None:
            return None
        known = {other for held, other in (*self.live, *self.deleted) if held == collection}
        # A spelling in both cases at once is taken as it is, unless another one was there before.
        for other in (sourced_id.upper(), sourced_id.lower()):
            if other != sourced_id and other in known:
                told = f"is the UUID of {other}: use it as it is spelled there"
                return Answer(422, f"{no} {sourced_id} {told}")
        return None

    def _why_no_line_item(self, key: Key, new: Body, stored: Body | None) -> Answer | None:
        sourced_id = key[1]
        if not is_uuid_4(sourced_id):
            return Answer(
                422,
                f"Assessment Line Item's sourcedId must be in valid UUID format. {sourced_id} is "
                "not.",
            )
        badly_spelled = self._why_not_so_spelled(key, stored)
        if badly_spelled is not None:
            return badly_spelled
        parent = named(new, "parentAssessmentLineItem")
        if parent is None:
            return None
        if not is_uuid_4(parent):
            return Answer(
                422,
                f"{sourced_id} Assessment Line Item's referenced Parent Line Item sourcedId must "
                f"be in valid UUID format. {parent} is not.",
            )
        is_there = ("assessmentLineItems", parent) in self.live
        if parent == sourced_id or (is_there and sourced_id in self.ancestors(parent)):
            return Answer(
                422,
                f"{sourced_id} Assessment Line Item's referenced Parent Line Item must not be the "
                f"line item itself or stand below it. {parent} does.",
            )
        return None if is_there else no_line_item(parent)

    def _why_not_moved(self, key: Key, new: Body, stored: Body | None) -> Answer | None:
        member = "parentAssessmentLineItem"
        if stored is None:
            return self._why_too_deep(key, new)
        if named(stored, member) == named(new, member):
            return None
        referring = {
            held
            for (held, _), body in self.live.items()
            for other, naming in NAMING["assessmentLineItems"]
            if held == other and named(body, naming) == key[1]
        }
        if not referring:
            return self._why_too_deep(key, new)
        return Answer(
            422,
            f"{key[1]} Assessment Line Item's referenced Parent Line Item cannot be changed while "
            f"{' and '.join(sorted(referring))} refer to the line item. Delete these first, or "
            "create a new line item below the other parent.",
        )

    def _why_too_deep(self, key: Key, new: Body) -> Answer | None:
        parent = named(new, "parentAssessmentLineItem")
        if parent is None or len(list(self.ancestors(parent))) + 2 <= self.most_levels:
            return None
        return Answer(
            422,
            f"{key[1]} Assessment Line Item would stand too deep: a tree may have at most "
            f"{self.most_levels} levels.",
        )

    def _why_no_result(self, key: Key, new: Body, stored: Body | None) -> Answer | None:
        sourced_id = key[1]
        student, line_item = new["student"]["sourcedId"], new["assessmentLineItem"]["sourcedId"]
        if not is_uuid_4(sourced_id):
            return Answer(
                422,
                f"Assessment Result's sourcedId must be in valid UUID format. {sourced_id} is not.",
            )
        badly_spelled = self._why_not_so_spelled(key, stored)
        if badly_spelled is not None:
            return badly_spelled
        if not is_uuid_4(line_item):
            return Answer(
                422,
                f"{sourced_id} Assessment Result's referenced Line Item sourcedId must be in valid "
                f"UUID format. {line_item} is not.",
            )
        if student not in self.students:
            return Answer(404, f"No student record exists with the GUID {student}")
        if ("assessmentLineItems", line_item) not in self.live:
            return no_line_item(line_item)
        return self._why_not_aligned(new, stored) or self._why_not_alone(sourced_id, new)

    def _why_not_aligned(self, new: Body, stored: Body | None) -> Answer | None:
        for member in ("student", "assessmentLineItem"):
            if stored is not None and named(stored, member) != named(new, member):
                return Answer(
                    422,
                    "Cannot put record. Attempted to modify an existing record with wrong "
                    f"{member} alignment",
                )
        return None

    def _why_not_alone(self, sourced_id: str, new: Body) -> Answer | None:
        other = self.results().get(place_of(new), sourced_id)
        if other == sourced_id:
            return None
        return Answer(
            422,
            "A duplicate assessment result record exists for this line item, person and date with "
            f"the UUID {other}. Please use this UUID to update or delete the previous record, or "
            "create a new record by updating one of these three fields.",
        )

    def _what_is_unknown(self, collection: str, new: Body) -> Answer | None:
        known: dict[str, Callable[[str], bool]] = {
            "class": lambda name: name in self.classes,
            "school": lambda name: name in self.classes.values(),
            "category": lambda name: ("categories", name) in self.live,
            "lineItem": lambda name: ("lineItems", name) in self.live,
            "student": lambda name: name in self.students,
        }
        missing = [
            f"{member} names {name}, which does not exist"
            for member, exists in known.items()
            if (name := named(new, member)) is not None and not exists(name)
        ]
        if missing:
            text = f"The {SINGLE[collection]} cannot be stored: {'; '.join(missing)}"
            return Answer(422, text)
        school, its_class = named(new, "school"), named(new, "class")
        if collection == "lineItems" and school != self.classes.get(str(its_class)):
            told = f"school names {school}, which is not the school of class {its_class}"
            return Answer(422, f"The lineItem cannot be stored: {told}")
        return None


def named(body: Mapping[str, Any], member: str) -> str | None:
    """The id that a member names."""
    reference = body.get(member)
    return None if reference is None else str(reference["sourcedId"])


def place_of(result: Mapping[str, Any]) -> ResultKey:
    """Whose result it is, of what, and when: to the minute."""
    return (
        result["student"]["sourcedId"],
        result["assessmentLineItem"]["sourcedId"],
        minute_of(result["scoreDate"]),
    )


def minute_of(score_date: str) -> datetime:
    """The nearest minute; half a minute is rounded up."""
    if len(score_date) == len("2026-10-05"):
        score_date += "T00:00:00Z"
    moment = datetime.strptime(score_date, "%Y-%m-%dT%H:%M:%S%z")
    begin = datetime(1970, 1, 1, tzinfo=UTC)
    return begin + timedelta(minutes=int((moment - begin).total_seconds() + 30) // 60)


def is_uuid_4(text: str) -> bool:
    """Whether the text is a UUID of version 4."""
    try:
        return str(UUID(text)) == text.lower() and UUID(text).version == 4
    except ValueError:
        return False


def merge(target: object, patch: object) -> Any:
    """RFC 7396, section 2, word for word."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge(result.get(name), value)
    return result


def unknown(key: Key) -> Answer:
    """There is no such record."""
    return Answer(404, f"No {SINGLE[key[0]]} record exists with the sourcedId {key[1]}")


def no_line_item(sourced_id: str) -> Answer:
    """There is no such assessment line item."""
    return Answer(404, f"No assessment line item record exists with the GUID {sourced_id}")


def may_not_go(key: Key, other: str) -> Answer:
    """Records of another collection name it."""
    collection, sourced_id = key
    if collection != "assessmentLineItems":
        single = SINGLE[collection]
        return Answer(422, f"The {single} {sourced_id} cannot be deleted while {other} refer to it")
    linked, them, member = (
        ("an Assessment Result (score)", "record linked to it", "lineItem.sourcedId")
        if other == "assessmentResults"
        else (
            "another Assessment Line Item",
            "records that are linked",
            "parentAssessmentLineItem. sourcedId",
        )
    )
    return Answer(
        422,
        f"The Assessment Line Item record you tried to delete is linked to {linked} record, and "
        f"the system will not allow you to delete it until you delete the {them}. The child "
        "records can be found by getting all Assessment Line Item records with filter "
        f"{member}={sourced_id}",
    )
