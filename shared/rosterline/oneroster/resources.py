"""Wire model of OneRoster 1.2 resources, and the collections that link resources to records.

Links are written as documents of their own, named after the files of the CSV binding; over REST
they only show in which resources a class, course or user has.
"""

from collections.abc import Mapping
from typing import Literal

from rosterline.oneroster.gradebook import Extension, WrittenRecord
from rosterline.oneroster.vocabulary import Entity

ResourceRoleWord = Literal[
    "administrator", "aide", "guardian", "parent", "proctor", "relative", "student", "teacher"
]
Importance = Literal["primary", "secondary"]

# Of a link's collection: what it links to a resource.
LINKS: Mapping[str, Entity] = {
    "classResources": Entity.CLASSES,
    "courseResources": Entity.COURSES,
    "userResources": Entity.USERS,
}


class Resource(WrittenRecord):
    """Learning material of a vendor."""

    title: str | None = None
    roles: tuple[ResourceRoleWord | Extension, ...] | None = None
    importance: Importance | None = None
    vendor_resource_id: str
    vendor_id: str | None = None
    application_id: str | None = None
