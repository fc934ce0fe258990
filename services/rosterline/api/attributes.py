"""The attributes that OneRoster 1.2 knows of each record, filled by Rosterline or not. Pure."""

from collections.abc import Mapping

from rosterline.oneroster.v1p2 import MODELS
from rosterline.oneroster.vocabulary import Entity

# Names of the standard that no record of ours carries yet: selecting them is no error.
UNFILLED: Mapping[Entity, tuple[str, ...]] = {
    Entity.ORGS: (),
    Entity.ACADEMIC_SESSIONS: (),
    Entity.COURSES: ("grades", "subjectCodes", "resources"),
    Entity.CLASSES: ("grades", "subjectCodes", "resources"),
    Entity.USERS: (
        "userProfiles",
        "preferredMiddleName",
        "preferredLastName",
        "password",
        "resources",
    ),
    Entity.DEMOGRAPHICS: ("publicSchoolResidenceStatus",),
    Entity.ENROLLMENTS: (),
}


def attributes(entity: Entity) -> frozenset[str]:
    """The JSON names of a record's members."""
    filled = (field.alias or name for name, field in MODELS[entity].model_fields.items())
    return frozenset((*filled, *UNFILLED.get(entity, ()), "metadata"))
