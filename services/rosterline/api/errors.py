"""What goes wrong for a caller, and OneRoster's payloads for it, one for each version. Pure.

Queries, authorization and reads raise ApiError; `responses` turns it into a response.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum

import orjson


class CodeMinor(StrEnum):
    """`imsx_codeMinorFieldValue` of 1.2, and what 1.1 has beside it."""

    INVALID_FILTER_FIELD = "invalid_filter_field"
    INVALID_SELECTION_FIELD = "invalid_selection_field"
    INVALID_BLANK_SELECTION_FIELD = "invalid_blank_selection_field"
    INVALID_SORT_FIELD = "invalid_sort_field"
    INVALID_DATA = "invaliddata"
    UNAUTHORISED_REQUEST = "unauthorisedrequest"
    FORBIDDEN = "forbidden"
    SERVER_BUSY = "server_busy"
    UNKNOWN_OBJECT = "unknownobject"
    INTERNAL_SERVER_ERROR = "internal_server_error"
    DELETE_FAILURE = "deletefailure"


# 405 has no word of its own in the rostering vocabulary.
CODE_OF_STATUS: Mapping[int, CodeMinor] = {
    400: CodeMinor.INVALID_DATA,
    401: CodeMinor.UNAUTHORISED_REQUEST,
    403: CodeMinor.FORBIDDEN,
    404: CodeMinor.UNKNOWN_OBJECT,
    405: CodeMinor.INVALID_DATA,
    413: CodeMinor.INVALID_DATA,
    415: CodeMinor.INVALID_DATA,
    422: CodeMinor.INVALID_DATA,
    429: CodeMinor.SERVER_BUSY,
    500: CodeMinor.INTERNAL_SERVER_ERROR,
    503: CodeMinor.SERVER_BUSY,
}

RETRY_SECONDS = 5


class ApiError(Exception):
    """A request that cannot be answered; the message is for the caller to read."""

    def __init__(
        self,
        status: int,
        code: CodeMinor,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})


def bad_request(code: CodeMinor, message: str) -> ApiError:
    """400: the query cannot be processed as it stands."""
    return ApiError(400, code, message)


def unauthorised(message: str, *, error: str | None = "invalid_token") -> ApiError:
    """401 with the challenge of RFC 6750; `error` is left out where no token was sent."""
    challenge = 'Bearer realm="OneRoster"' + (f', error="{error}"' if error else "")
    return ApiError(
        401,
        CodeMinor.UNAUTHORISED_REQUEST,
        message,
        headers={"WWW-Authenticate": challenge},
    )


def unsigned(message: str) -> ApiError:
    """401 with the challenge of RFC 5849, for a request that is not signed as it must be."""
    return ApiError(
        401,
        CodeMinor.UNAUTHORISED_REQUEST,
        message,
        headers={"WWW-Authenticate": 'OAuth realm="OneRoster"'},
    )


def forbidden(message: str) -> ApiError:
    """403: the token is good, but not for this."""
    return ApiError(403, CodeMinor.FORBIDDEN, message)


def unknown_object(message: str) -> ApiError:
    """404: no such record in this collection."""
    return ApiError(404, CodeMinor.UNKNOWN_OBJECT, message)


def invalid(message: str) -> ApiError:
    """422: what was sent is read, and is not what it must be."""
    return ApiError(422, CodeMinor.INVALID_DATA, message)


def too_large(message: str) -> ApiError:
    """413: more than one request may bring."""
    return ApiError(413, CodeMinor.INVALID_DATA, message)


def too_many(message: str, *, seconds: int) -> ApiError:
    """429: not now; the seconds are what Retry-After says."""
    return ApiError(429, CodeMinor.SERVER_BUSY, message, headers={"Retry-After": str(seconds)})


def unavailable(message: str) -> ApiError:
    """503: try again; never an empty or partial list instead."""
    return ApiError(
        503,
        CodeMinor.SERVER_BUSY,
        message,
        headers={"Retry-After": str(RETRY_SECONDS)},
    )


def payload(status: int, code: CodeMinor, message: str) -> bytes:
    """The bare status object of OneRoster 1.2."""
    return orjson.dumps(
        {
            "imsx_codeMajor": major(status),
            "imsx_severity": "error",
            "imsx_description": message,
            "imsx_CodeMinor": {
                "imsx_codeMinorField": [
                    {
                        "imsx_codeMinorFieldName": "TargetEndSystem",
                        "imsx_codeMinorFieldValue": code.value,
                    }
                ]
            },
        }
    )


# Where 1.1 has another word.
WORDS_V1P1: Mapping[CodeMinor, str] = {
    CodeMinor.INVALID_DATA: "invalid data",
    CodeMinor.UNAUTHORISED_REQUEST: "unauthorized",
    CodeMinor.UNKNOWN_OBJECT: "unknown object",
}


def payload_v1p1(status: int, code: CodeMinor, message: str, operation: str | None) -> bytes:
    """The set of status objects of OneRoster 1.1 (ONEROSTER §4.5)."""
    return orjson.dumps(
        {"statusInfoSet": [status_v1p1(major(status), "error", code, message, operation)]}
    )


def warnings_v1p1(warnings: Iterable[tuple[CodeMinor, str]], operation: str) -> bytes:
    """The status objects that 1.1 puts beside the data that it answers with all the same."""
    return orjson.dumps(
        [status_v1p1("success", "warning", code, text, operation) for code, text in warnings]
    )


def status_v1p1(
    code_major: str, severity: str, code: CodeMinor, message: str, operation: str | None
) -> dict[str, str]:
    """One status object of 1.1."""
    status = {
        "imsx_codeMajor": code_major,
        "imsx_severity": severity,
        "imsx_codeMinor": WORDS_V1P1.get(code, code.value),
        "imsx_description": message,
    }
    return status | ({"imsx_operationRefIdentifier": operation} if operation else {})


def major(status: int) -> str:
    """`imsx_codeMajor` of a status that is an error."""
    return "unsupported" if status == 405 else "failure"
