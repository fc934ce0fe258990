"""What token endpoints answer (RFC 6749 §5), and the credentials that Basic carries. Pure."""

import base64
import binascii
from collections.abc import Mapping

import orjson
from starlette.responses import Response

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class OAuthError(Exception):
    """An error of RFC 6749 §5.2."""

    def __init__(self, error: str, description: str, *, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status


def basic_credentials(header: str | None) -> tuple[str, str] | None:
    """Name and password as they were sent; None for another scheme, or where they are malformed."""
    scheme, _, encoded = (header or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    name, separator, password = decoded.partition(":")
    return (name, password) if separator else None


def grant(answer: Mapping[str, object]) -> Response:
    """The response with a token."""
    return Response(orjson.dumps(answer), media_type="application/json", headers=NO_STORE)


def refusal(error: OAuthError, headers: Mapping[str, str] | None = None) -> Response:
    """The response to an error."""
    challenge = {"WWW-Authenticate": 'Basic realm="OneRoster"'} if error.status == 401 else {}
    return Response(
        orjson.dumps({"error": error.error, "error_description": error.description}),
        status_code=error.status,
        media_type="application/json",
        headers={**NO_STORE, **challenge, **(headers or {})},
    )
