"""Documents at random, about any classes and students: written, replaced, deleted and lost."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import asyncpg

from tests.support.gradebooks import put, remove
from tests.support.written_documents import (
    CATEGORY,
    LINE_ITEM,
    LINK_DOCUMENTS,
    RESOURCE,
    RESULT,
    SCORE_SCALE,
    Document,
    assessment,
    ref,
)

POOLS = {
    "class": "SELECT section_id::text FROM sis.section ORDER BY 1",
    "student": "SELECT person_guid::text FROM sis.person ORDER BY person_id",
    "term": "SELECT term_id::text FROM sis.term ORDER BY 1",
}
FEW = 6


@dataclass
class Scribe:
    """Writes documents; `pools` hold ids of the SIS to refer to, and one that nobody has."""

    connection: asyncpg.Connection
    rng: Random
    pools: dict[str, list[str]]
    written: dict[tuple[str, str], Document] = field(default_factory=dict)

    async def transaction(self) -> None:
        """One transaction of a few documents, or one document that is lost."""
        if self.written and self.rng.random() < 0.1:
            lost = self.written.pop(self.rng.choice(sorted(self.written)))
            await remove(self.connection, lost)
            return
        chosen = [self.document() for _ in range(self.rng.choice((1, 1, 2, 5, 12)))]
        documents = {(one.collection, one.sourced_id): one for one in chosen}
        self.written |= documents
        await put(self.connection, *documents.values())

    def document(self) -> Document:
        """A new document, or another version of one; sometimes a deleted one."""
        makers: tuple[Callable[[], Document], ...] = (
            self.category,
            self.score_scale,
            self.line_item,
            self.line_item,
            self.result,
            self.result,
            self.result,
            self.assessment,
            self.assessment_result,
            self.assessment_result,
            self.resource,
            self.link,
        )
        made = self.rng.choice(makers)()
        return made.but(status="tobedeleted") if self.rng.random() < 0.12 else made

    def few(self, name: str) -> str:
        """One of a few ids."""
        return f"{name}-{self.rng.randrange(FEW)}"

    def any_of(self, pool: str) -> dict[str, str]:
        """A reference to a record of the SIS, or to nothing."""
        return ref(self.rng.choice(self.pools[pool]))

    def maybe(self, value: object) -> object:
        """The value, or nothing."""
        return value if self.rng.random() < 0.7 else None

    def category(self) -> Document:
        """A category."""
        return CATEGORY.but(sourcedId=self.few("category"), weight=self.rng.randrange(3))

    def score_scale(self) -> Document:
        """A score scale."""
        named = {"class": self.any_of("class")}
        return SCORE_SCALE.but(sourcedId=self.few("scale"), course=None, **named)

    def line_item(self) -> Document:
        """A line item, which 1.1 may not be able to show, and 1.2 neither."""
        term = self.rng.choice(self.pools["term"])
        return LINE_ITEM.but(
            sourcedId=self.few("line-item"),
            title=f"Version {self.rng.randrange(3)}",
            school=None,
            category=ref(self.few("category")),
            gradingPeriod=ref(f"gp{term}") if self.rng.random() < 0.3 else None,
            academicSession=self.maybe(ref(term)),
            resultValueMax=self.maybe(100),
            scoreScale=self.maybe(ref(self.few("scale"))),
            **{"class": self.any_of("class")},
        )

    def result(self) -> Document:
        """A result."""
        named = {"class": self.maybe(self.any_of("class"))}
        return RESULT.but(
            sourcedId=self.few("result") + self.few(""),
            lineItem=ref(self.few("line-item")),
            student=self.any_of("student"),
            score=self.maybe(self.rng.randrange(100)),
            **named,
        )

    def assessment(self) -> Document:
        """An assessment line item below an earlier one, or below none."""
        number = self.rng.randrange(FEW)
        parent = f"test-{self.rng.randrange(number)}" if number and self.maybe(1) else None
        made = assessment(f"test-{number}", f"Version {self.rng.randrange(3)}", parent)
        return made.but(**{"class": self.maybe(self.any_of("class"))})

    def assessment_result(self) -> Document:
        """A result of an assessment."""
        return Document(
            "assessmentResults",
            {
                "sourcedId": self.few("score") + self.few(""),
                "assessmentLineItem": ref(self.few("test")),
                "student": self.any_of("student"),
                "scoreDate": "2025-10-05",
                "score": self.rng.randrange(100),
            },
        )

    def resource(self) -> Document:
        """A resource."""
        return RESOURCE.but(sourcedId=self.few("resource"), title=self.few("Title"))

    def link(self) -> Document:
        """What links a resource to a class."""
        named = {"class": self.any_of("class"), "resource": ref(self.few("resource"))}
        return LINK_DOCUMENTS[0].but(sourcedId=self.few("link"), **named)


async def scribe_of(
    sis: asyncpg.Connection, connection: asyncpg.Connection, rng: Random, most: int = 12
) -> Scribe:
    """A scribe about some of a district's classes, students and terms."""
    pools: dict[str, list[str]] = {}
    for name, query in POOLS.items():
        ids = [row[0] for row in await sis.fetch(query)]
        pools[name] = [*rng.sample(ids, min(most, len(ids))), f"unknown-{name}"]
    return Scribe(connection, rng, pools)
