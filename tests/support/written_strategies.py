"""Documents as clients of all kinds write them: every member of the standard, in every form."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

from rosterline.oneroster.vocabulary import WRITTEN, Entity, Version
from tests.support.written_documents import Document

Body = dict[str, Any]
# No text of the database can hold U+0000.
CHARACTERS = st.characters(codec="utf-8", exclude_characters="\0")
TEXT = st.text(CHARACTERS, max_size=12)
IDS = st.from_regex(r"[0-9A-Za-z./@_-]{1,20}", fullmatch=True)
NUMBERS = st.integers(-(10**6), 10**6) | st.floats(allow_nan=False, allow_infinity=False, width=32)
WRITTEN_NUMBERS = NUMBERS | NUMBERS.map(str)
BOOLEANS = st.booleans() | st.sampled_from(["true", "false"])
ZONES = st.integers(-12, 14).map(lambda hours: timezone(timedelta(hours=hours)))
FIRST, LAST = datetime(1900, 1, 1), datetime(2200, 1, 1)  # noqa: DTZ001 - a zone is drawn
MOMENTS = (
    st.datetimes(FIRST, LAST, timezones=ZONES | st.just(UTC))
    | st.datetimes(FIRST, LAST)
    | st.dates(FIRST.date(), LAST.date())
).map(lambda moment: moment.isoformat())
DATES = st.dates().map(lambda day: day.isoformat())
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
METADATA = st.dictionaries(TEXT, JSON, max_size=3)
EXTENSIONS = st.from_regex(r"ext:[a-zA-Z0-9._-]{1,8}", fullmatch=True)
SCORE_STATUSES = EXTENSIONS | st.sampled_from(
    ["exempt", "fully graded", "not submitted", "partially graded", "submitted"]
)
RESOURCE_ROLES = EXTENSIONS | st.sampled_from(["administrator", "aide", "proctor", "student"])
SOURCES = EXTENSIONS | st.sampled_from(["case", "unknown"])


def references() -> st.SearchStrategy[Body]:
    """A reference with its id alone, or with an address and kind that need not be right."""
    return st.fixed_dictionaries({"sourcedId": IDS}, optional={"href": TEXT, "type": TEXT})


def sets_of(name: str, items: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Body]]:
    """Learning objectives by source."""
    one = st.fixed_dictionaries({"source": SOURCES, name: st.lists(items, min_size=1, max_size=2)})
    return st.lists(one, max_size=2)


def objective_ids() -> st.SearchStrategy[list[Body]]:
    """Of a line item."""
    return sets_of("learningObjectiveIds", TEXT)


def objective_scores() -> st.SearchStrategy[list[Body]]:
    """Of a result."""
    score = st.fixed_dictionaries(
        {"learningObjectiveId": TEXT}, optional={"score": WRITTEN_NUMBERS, "textScore": TEXT}
    )
    return sets_of("learningObjectiveResults", score)


def scored() -> dict[str, st.SearchStrategy[Any]]:
    """What results of both kinds may have."""
    return {
        "scoreScale": references(),
        "scoreStatus": SCORE_STATUSES,
        "score": WRITTEN_NUMBERS,
        "textScore": TEXT,
        "comment": TEXT,
        "learningObjectiveSet": objective_scores(),
        **dict.fromkeys(("inProgress", "incomplete", "late", "missing"), BOOLEANS),
    }


def limits() -> dict[str, st.SearchStrategy[Any]]:
    """What line items of both kinds may have."""
    return {
        "description": TEXT,
        "scoreScale": references(),
        "resultValueMin": WRITTEN_NUMBERS,
        "resultValueMax": WRITTEN_NUMBERS,
        "learningObjectiveSet": objective_ids(),
    }


def required(entity: Entity) -> dict[str, st.SearchStrategy[Any]]:
    """The members that a document must have."""
    value = st.fixed_dictionaries({"itemValueLHS": TEXT, "itemValueRHS": TEXT})
    members: dict[Entity, dict[str, st.SearchStrategy[Any]]] = {
        Entity.CATEGORIES: {"title": TEXT},
        Entity.SCORE_SCALES: {
            "title": TEXT,
            "type": TEXT,
            "class": references(),
            "scoreScaleValue": st.lists(value, min_size=1, max_size=3),
        },
        Entity.LINE_ITEMS: {
            "title": TEXT,
            "assignDate": MOMENTS,
            "dueDate": MOMENTS,
            **dict.fromkeys(("class", "school", "category"), references()),
        },
        Entity.RESULTS: {
            "lineItem": references(),
            "student": references(),
            "scoreDate": DATES,
        },
        Entity.ASSESSMENT_LINE_ITEMS: {"title": TEXT},
        Entity.ASSESSMENT_RESULTS: {
            "assessmentLineItem": references(),
            "student": references(),
            "scoreDate": DATES,
        },
        Entity.RESOURCES: {"vendorResourceId": TEXT},
    }
    return members[entity]


def optional(entity: Entity) -> dict[str, st.SearchStrategy[Any]]:
    """The members that it may have."""
    own: Mapping[Entity, Callable[[], dict[str, st.SearchStrategy[Any]]]] = {
        Entity.CATEGORIES: lambda: {"weight": WRITTEN_NUMBERS},
        Entity.SCORE_SCALES: lambda: {"course": references()},
        Entity.LINE_ITEMS: lambda: {
            "gradingPeriod": references(),
            "academicSession": references(),
            **limits(),
        },
        Entity.RESULTS: lambda: {"class": references(), **scored()},
        Entity.ASSESSMENT_LINE_ITEMS: lambda: {
            "class": references(),
            "parentAssessmentLineItem": references(),
            **limits(),
        },
        Entity.ASSESSMENT_RESULTS: lambda: {"scorePercentile": WRITTEN_NUMBERS, **scored()},
        Entity.RESOURCES: lambda: {
            "title": TEXT,
            "roles": st.lists(RESOURCE_ROLES, max_size=3),
            "importance": st.sampled_from(["primary", "secondary"]),
            "vendorId": TEXT,
            "applicationId": TEXT,
        },
    }
    return {
        "status": st.sampled_from(["active", "tobedeleted", "inactive"]),
        "dateLastModified": TEXT,
        "metadata": METADATA,
        **own[entity](),
    }


def documents_of(entity: Entity) -> st.SearchStrategy[Document]:
    """Documents of an entity with no members but the standard's; an absent one may be null."""
    members = {name: value | st.none() for name, value in optional(entity).items()}
    bodies = st.fixed_dictionaries({"sourcedId": IDS, **required(entity)}, optional=members)
    return bodies.map(lambda body: Document(entity.value, body))


def documents() -> st.SearchStrategy[Document]:
    """Documents of every entity."""
    return st.sampled_from(WRITTEN[Version.V1P2]).flatmap(documents_of)
