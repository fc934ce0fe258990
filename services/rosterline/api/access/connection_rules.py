"""What a connection may be: names, scopes, schools and switches that fit together. Pure."""

import re
import uuid
from collections.abc import Sequence

from rosterline.api.viewing.switches import Switches
from rosterline.config.errors import OperatorError
from rosterline.oneroster.scopes import DEFAULT, KNOWN, find_scope, short_name

# It becomes part of stream names, subjects and paths.
APP_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
# The one whose requests may be signed (OAuth 1.0a): 1.2 knows OAuth 2 alone.
SIGNED_VERSION = "1.1"


class InvalidConnectionError(OperatorError):
    """A connection cannot be made or found; the message says why and what to do."""


def check_name(app: str) -> None:
    """Raise InvalidConnectionError for what cannot name a connection."""
    if APP_NAME.fullmatch(app) is None:
        raise InvalidConnectionError(
            f"{app!r} cannot name a connection: use 1 to 63 letters, digits, - and _, "
            "beginning with a letter or digit"
        )


def check_version(version: str) -> None:
    """Raise InvalidConnectionError for a version that is not spoken."""
    if version not in KNOWN:
        raise InvalidConnectionError(f"version {version!r} is unknown: choose {' or '.join(KNOWN)}")


def check_switches(version: str, switches: Switches) -> None:
    """Raise InvalidConnectionError for a switch that the version does not have."""
    if switches.secondary_email and version != "1.2":
        raise InvalidConnectionError(
            f"secondary email is no switch of a connection in OneRoster {version}: set "
            "ROSTERLINE_SECONDARY_EMAIL_V1P1 for the whole installation"
        )


def check_scopes(version: str, names: Sequence[str] | None) -> list[str]:
    """The scopes in full; None means reading the roster. Raises InvalidConnectionError."""
    if names is None:
        return list(DEFAULT[version])
    if not names:
        raise InvalidConnectionError(
            "a connection without scopes can read nothing: name at least one"
        )
    found: dict[str, None] = {}
    for name in names:
        scope = find_scope(version, name)
        if scope is None:
            short = ", ".join(map(short_name, KNOWN[version]))
            raise InvalidConnectionError(
                f"scope {name!r} is unknown in OneRoster {version}: choose among {short}"
            )
        found[scope] = None
    return list(found)


def check_schools(schools: Sequence[str] | None) -> list[str] | None:
    """The schools' GUIDs as records have them; None means all. Raises InvalidConnectionError."""
    if schools is None:
        return None
    if not schools:
        raise InvalidConnectionError(
            "an empty list of schools is no scope: leave it out for all schools"
        )
    found: dict[str, None] = {}
    for school in schools:
        try:
            found[str(uuid.UUID(school))] = None
        except ValueError:
            raise InvalidConnectionError(f"{school!r} is no school: give its GUID") from None
    return list(found)
