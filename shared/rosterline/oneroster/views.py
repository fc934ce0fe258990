"""What a connection's switches make of a stored document: text in, text out, without parsing.

Our documents are compact JSON with members in a fixed order. Quotes inside values are escaped, so
the patterns can only match members; addresses, ids, dates and role names hold no brackets.
"""

import re
from collections.abc import Iterable

from rosterline.oneroster.v1p2 import UNSTAMPED
from rosterline.oneroster.vocabulary import ACTIVE, TO_BE_DELETED

# Python and PostgreSQL read it alike. A guardian's or relative's role stands behind all others, so
# a comma goes before it; a user who has no other role is not shown without agents at all.
AGENT_PARTS = (
    r',"agents":\[[^]]*\]'
    r'|,\{"roleType":"secondary","role":"(guardian|relative)","org":\{[^}]*\}[^}]*\}'
)
STAMP_START = '"dateLastModified":"'
ACTIVE_MEMBER = f'"status":"{ACTIVE}"'
DELETED_MEMBER = f'"status":"{TO_BE_DELETED}"'

# In `rosterline.withdrawn`: users who are only agents now and were more before, for all connections
# without agents. No connection can be called so. The second has the secondary email address.
EVERY_APP = "*"
EVERY_APP_ALTERNATIVE = "*alternative"

# In `rosterline.departed`: the school where a user was more than an agent, for who sees no agents.
OWN_SCOPE = "own@"
OWN_PLACE = re.compile(r"(?!guardian@|relative@)[^@]+@(.+)")

_AGENT_PARTS = re.compile(AGENT_PARTS)


def own_scopes(places: Iterable[str]) -> tuple[str, ...]:
    """Where a user with these places is more than an agent, each once, in order."""
    found = (OWN_PLACE.fullmatch(place) for place in places)
    return tuple(sorted({OWN_SCOPE + match[1] for match in found if match}))


def without_agents(document: str) -> str:
    """A user's document without `agents` and without the roles guardian and relative."""
    return _AGENT_PARTS.sub("", document)


def restamped(document: str, stamp: str) -> str:
    """The document with another `dateLastModified`."""
    start = document.index(STAMP_START) + len(STAMP_START)
    return document[:start] + stamp + document[start + len(UNSTAMPED) :]


def withdrawn(document: str, stamp: str) -> str:
    """The document as the tombstone that a connection gets when it no longer sees the record."""
    return restamped(document.replace(ACTIVE_MEMBER, DELETED_MEMBER, 1), stamp)
