"""How callers show who they are: security schemes, scopes, and the operation that gives tokens.

Pure. Scopes of an operation are alternatives: any one of them suffices.
"""

from rosterline.api.dialects import Dialect
from rosterline.api.endpoints import Endpoint
from rosterline.api.errors import RETRY_SECONDS
from rosterline.api.openapi.nodes import TEXT, Node, example, json_body, refer
from rosterline.api.openapi.schemas import OAUTH_ERROR, TOKEN
from rosterline.oneroster.scopes import short_name
from rosterline.oneroster.vocabulary import Version

OAUTH2 = "OAuth2"
OAUTH1 = "OAuth1"
CLIENT = "ClientSecret"
AUTHORIZATION = "Authorization"

SCOPES = {
    "roster.readonly": "All reads of the roster but demographics",
    "roster-core.readonly": "Reads of whole collections of the roster, and of one record",
    "roster-demographics.readonly": "Demographics",
    "gradebook.readonly": "All reads of the gradebook but assessments",
    "gradebook-core.readonly": "Reads of whole collections of the gradebook, and of one record",
    "gradebook.createput": "Creates, replaces and changes records of the gradebook",
    "gradebook.createpost": "Creates records of the gradebook",
    "gradebook.delete": "Deletes records of the gradebook",
    "assessment.readonly": "Assessments and their results",
    "assessment.createput": "Creates, replaces and changes assessments and their results",
    "assessment.delete": "Deletes assessments and their results",
    "resource.readonly": "All reads of resources",
    "resource-core.readonly": "Reads of all resources, and of one",
}
WITH_SCOPES = (
    "Client id and secret of a connection. Check the scopes that the token shall have; without any "
    "it has all that the connection may have."
)
OF_SCHOOL = (
    "Client id `rp|estab`: the connection's name and the school's identifier; its secret. The "
    "token is for this school, with all scopes of the connection."
)
SIGNED = (
    "OAuth 1.0a without a token (RFC 5849): sign each request with HMAC-SHA256 or HMAC-SHA1, query "
    "parameters included, by the connection's client id and secret. This page cannot sign: use a "
    "token here."
)


def is_signed(dialect: Dialect) -> bool:
    """Whether requests may be signed instead of carrying a token."""
    return dialect.version is Version.V1P1 and not dialect.is_xporter


def security_schemes(
    dialect: Dialect, endpoints: tuple[Endpoint, ...], token_url: str, *, gives_tokens: bool
) -> Node:
    """The schemes to which the operations of these endpoints refer."""
    scopes = {
        scope: SCOPES.get(short_name(scope), short_name(scope))
        for row in endpoints
        for scope in row.scopes
    }
    schemes: Node = {
        OAUTH2: {
            "type": "oauth2",
            "description": OF_SCHOOL if dialect.is_xporter else WITH_SCOPES,
            "flows": {"clientCredentials": {"tokenUrl": token_url, "scopes": scopes}},
        }
    }
    if is_signed(dialect):
        schemes[OAUTH1] = {"type": "http", "scheme": "OAuth", "description": SIGNED}
    if gives_tokens:
        schemes[CLIENT] = {
            "type": "http",
            "scheme": "basic",
            "description": OF_SCHOOL if dialect.is_xporter else "Client id and secret.",
        }
    return schemes


def operation_security(endpoint: Endpoint, dialect: Dialect) -> list[Node]:
    """Alternatives, of which one suffices."""
    tokens: list[Node] = [{OAUTH2: [scope]} for scope in endpoint.scopes]
    return [*tokens, {OAUTH1: []}] if is_signed(dialect) else tokens


def token_operation(dialect: Dialect) -> Node:
    """`POST` of the dialect's token address."""
    operation: Node = {
        "operationId": "getToken",
        "summary": "An access token",
        "description": (OF_SCHOOL if dialect.is_xporter else WITH_SCOPES) + " Send the token as "
        "`Authorization: Bearer …` until it expires, then ask for another.",
        "tags": [AUTHORIZATION],
        "security": [{CLIENT: []}] if dialect.is_xporter else [{CLIENT: []}, {}],
    }
    if not dialect.is_xporter:
        operation["requestBody"] = _form(dialect)
    return {**operation, "responses": _token_responses(dialect)}


def version_operations() -> dict[str, Node]:
    """What Xporter tells of its versions, by path below its service."""
    answer: Node = {
        "description": "The versions of the server and of OneRoster",
        "content": json_body(
            {
                "type": "object",
                "properties": {"version": TEXT, "apiVersion": TEXT},
                "required": ["version", "apiVersion"],
            },
            {"version": example({"version": "1.0.0", "apiVersion": "1.1"})},
        ),
    }
    return {
        path: {
            "operationId": name,
            "summary": summary,
            "tags": ["Version"],
            "security": [],
            "responses": {"200": answer},
        }
        for path, name, summary in (
            ("/version", "getVersion", "The version of the API"),
            ("/auth/version", "getAuthVersion", "The version of what gives tokens"),
        )
    }


def _form(dialect: Dialect) -> Node:
    scopes = " ".join(dict.fromkeys(row.scopes[0] for row in dialect.endpoints[:1]))
    return {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "grant_type": {
                            "type": "string",
                            "enum": ["client_credentials"],
                            "default": "client_credentials",
                        },
                        "scope": {
                            **TEXT,
                            "description": "Scopes separated by spaces; without it all that the "
                            f"connection may have. For example {scopes}",
                        },
                        "client_id": {**TEXT, "description": "Instead of HTTP Basic"},
                        "client_secret": {**TEXT, "description": "Instead of HTTP Basic"},
                    },
                    "required": ["grant_type"],
                }
            }
        },
    }


def _token_responses(dialect: Dialect) -> Node:
    given: Node = {"access_token": "eyJhbGciOi…", "token_type": "Bearer", "expires_in": 3600}
    if not dialect.is_xporter:
        given["scope"] = dialect.endpoints[0].scopes[0]
    wrong = "Request contains an invalid client ID or secret"
    responses: Node = {
        "200": {
            "description": "A token, and for how many seconds it is good",
            "content": json_body(refer("schemas", TOKEN), {"token": example(given)}),
        },
        "400": _error(
            "The request is no token request",
            ("invalid_request", "grant_type is missing"),
            *([] if dialect.is_xporter else [("invalid_scope", "This connection does not have …")]),
        ),
        "401": _error("Nobody has this id and secret", ("invalid_client", wrong)),
        "503": _later("The database is away", "The database cannot be reached"),
    }
    if not dialect.is_xporter:
        responses["429"] = _later("Too many wrong secrets from there", "Try again later")
    return responses


def _error(description: str, *faults: tuple[str, str]) -> Node:
    shown = {error: example({"error": error, "error_description": text}) for error, text in faults}
    return {
        "description": description,
        "content": json_body(refer("schemas", OAUTH_ERROR), shown),
    }


def _later(description: str, text: str) -> Node:
    headers = {
        "Retry-After": {
            "description": "Seconds to wait",
            "schema": {"type": "integer"},
            "example": RETRY_SECONDS,
        }
    }
    return {**_error(description, ("temporarily_unavailable", text)), "headers": headers}
