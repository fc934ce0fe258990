"""The endpoint table: routes, scopes, SQL and the OpenAPI documents are made from its rows. Pure.

A new read is a new row of `rosterline.api.operations`, a new write one of
`rosterline.api.write_operations`. What a row cannot say yet becomes a new member of Endpoint, never
a handler of its own.
"""

from dataclasses import dataclass
from enum import StrEnum

from rosterline.api.relations import Relation, View
from rosterline.oneroster.vocabulary import Collection, Entity, Version

VERSIONS = {"1.2": Version.V1P2, "1.1": Version.V1P1}
NUMBERS = {version: number for number, version in VERSIONS.items()}


class Service(StrEnum):
    """The services of the standard, as in 1.2's paths."""

    ROSTERING = "rostering"
    GRADEBOOK = "gradebook"
    RESOURCES = "resources"


class Shape(StrEnum):
    """What an endpoint answers with, or takes."""

    COLLECTION = "collection"
    SINGLE = "single"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation below the address of its service; any one of `scopes` suffices.

    `relation` names the parents in the address; of a write only them. `given` are the members of
    what is written that name these parents, None for one that is not named there.
    """

    method: str
    path: str
    operation_id: str
    entity: Entity
    shape: Shape
    scopes: tuple[str, ...]
    view: View | None = None
    relation: Relation | None = None
    version: Version = Version.V1P2
    service: Service = Service.ROSTERING
    given: tuple[str | None, ...] = ()

    @property
    def collection(self) -> Collection:
        """The records that it reads."""
        return Collection(self.version, self.entity)

    @property
    def key(self) -> str:
        """The JSON member that holds what is answered or taken."""
        return self.entity.value if self.shape is Shape.COLLECTION else self.entity.single

    @property
    def pattern(self) -> tuple[str | None, ...]:
        """The segments of its path; None stands for an id."""
        segments = self.path.strip("/").split("/")
        return tuple(None if each.startswith("{") else each for each in segments)
