"""What all OneRoster records are made of: the base of the wire models, references, ids and dates.

Members are in the order in which they are sent. Absent values are left out, never null. A record's
`dateLastModified` is written by the projector when it stores the record; until then it holds
`UNSTAMPED`. Every `href` starts with `HREF_BASE`, for which the sender puts its public address.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from rosterline.oneroster.vocabulary import Status

UNSTAMPED = "0000-00-00T00:00:00.000Z"
HREF_BASE = "~"

SourcedId = Annotated[str, Field(pattern=r"^[0-9A-Za-z./@_-]{1,255}$")]
DateText = Annotated[str, Field(json_schema_extra={"format": "date"})]
DateTimeText = Annotated[str, Field(json_schema_extra={"format": "date-time"})]


class Model(BaseModel):
    """Closed and frozen, camelCase on the wire."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True
    )


class Reference(Model):
    """A GUIDRef: the address, id and kind of another record."""

    href: str
    sourced_id: SourcedId
    type: str


class Record(Model):
    """The attributes that every record has."""

    sourced_id: SourcedId
    status: Status
    date_last_modified: DateTimeText = UNSTAMPED
