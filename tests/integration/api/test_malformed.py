"""What is hardly a request, byte by byte through a real socket: answered, or cut without an end."""

from collections.abc import Iterator

import httpx
import pytest

from rosterline.api.dialects import EDTECH_V1P1, EDTECH_V1P2, XPORTER
from rosterline.api.limits import MOST_REQUEST_BYTES
from rosterline.launch.embedded import EmbeddedPostgres
from tests.support.abuse import Caller, calling_all, check_answer
from tests.support.servers import fresh_databases

USERS = "/ims/oneroster/rostering/v1p2/users"
OLDER_USERS = "/ims/oneroster/v1p1/users"
CLOSE = "Host: x\r\nConnection: close\r\n"
FORM = "Content-Type: application/x-www-form-urlencoded\r\n"
ANY_REQUEST = httpx.Request("GET", "http://localhost/")


@pytest.fixture(scope="module")
def caller(postgres_server: EmbeddedPostgres) -> Iterator[Caller]:
    """A caller of 1.2."""
    with fresh_databases(postgres_server) as databases, calling_all(databases.dsn) as made:
        yield made[EDTECH_V1P2.name]


def get(target: str, headers: str = "", *, method: str = "GET", body: str = "") -> bytes:
    """The bytes of a request, each character one of them."""
    text = f"{method} {target} HTTP/1.1\r\n{headers}{CLOSE}\r\n{body}"
    return text.encode("latin-1")


MALFORMED: dict[str, tuple[int, bytes]] = {
    "a NUL in the address": (400, get("/\0")),
    "a byte beyond ASCII": (400, get(f"{USERS}/\xc3\xa9")),
    "percent signs that encode nothing": (401, get(f"{USERS}?filter=%zz&%u1234=%&x=%")),
    "no UTF-8 when decoded": (401, get(f"{USERS}/%FF%00?filter=%C3")),
    "the absolute form": (401, get(f"http://elsewhere.example{USERS}")),
    "a slash too many": (404, get(f"/{USERS}")),
    "a fragment": (401, get(f"{USERS}#part")),
    "the old version": (401, f"GET {USERS} HTTP/1.0\r\n\r\n".encode()),
    "a newer version": (400, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "an unknown method": (400, get(USERS, method="FETCH")),
    "options": (405, get(USERS, method="OPTIONS")),
    "options of the server": (404, get("*", method="OPTIONS")),
    "a tunnel": (400, get("elsewhere.example:80", method="CONNECT")),
    "another protocol": (401, get(USERS, "Upgrade: websocket\r\nConnection: upgrade\r\n")),
    "TLS": (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    "bytes": (400, bytes(range(256))),
    "two lengths": (400, get(USERS, "Content-Length: 3\r\nContent-Length: 5\r\n")),
    "a length and chunks": (
        400,
        get(USERS, "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", body="0\r\n\r\n"),
    ),
    "a token of other bytes": (401, get(USERS, "Authorization: Bearer \xff.\xff\r\n")),
    "a token whose key is a list": (
        401,
        get(USERS, "Authorization: Bearer eyJraWQiOiBbXX0.e30.\r\n"),
    ),
    "a client of NULs": (
        401,
        get(
            "/oauth2/token",
            f"Authorization: Basic AAAAOgA=\r\n{FORM}Content-Length: 0\r\n",
            method="POST",
        ),
    ),
    "a partner of other bytes": (
        401,
        get(XPORTER.token_path, "Authorization: Basic /v/+OgA=\r\n", method="POST"),
    ),
    "a signature of NULs": (
        401,
        get(
            f"{OLDER_USERS}?oauth_signature=%00&oauth_consumer_key=%00&oauth_nonce=%00"
            "&oauth_timestamp=9999999999999999999999"
        ),
    ),
    "a forwarding of rubbish": (
        401,
        get(USERS, "X-Forwarded-For: ,,;:\xff\r\nX-Forwarded-Proto: javascript\r\n"),
    ),
    "a way out of the assets": (404, get("/docs/assets/..%2f..%2f..%2f..%2fetc/passwd")),
    "an asset that no file can be": (404, get(f"/docs/assets/{'a' * 5000}%00")),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_hardly_a_request_is_answered_all_the_same(caller: Caller, name: str) -> None:
    status, data = MALFORMED[name]
    head, _, body = caller.api.send(data).partition(b"\r\n\r\n")
    first, *headers = head.decode("latin-1").lower().split("\r\n")
    assert first.startswith(f"http/1.1 {status} "), head
    assert "content-type: application/json" in headers
    assert "connection: close" in headers
    answer = httpx.Response(
        status, headers={"content-type": "application/json"}, content=body, request=ANY_REQUEST
    )
    if "error" not in answer.json():
        check_answer(answer, EDTECH_V1P1 if b"statusInfoSet" in body else EDTECH_V1P2)


def test_head_has_the_headers_of_get_and_no_body(caller: Caller) -> None:
    whole = caller.get(USERS)
    alone = caller.http.head(caller.api.address + USERS)
    assert (alone.status_code, alone.content) == (200, b"")
    for name in ("ETag", "Content-Length", "X-Total-Count", "Link"):
        assert alone.headers[name] == whole.headers[name]
    assert caller.api.send(get(USERS, method="HEAD")).endswith(b"\r\n\r\n")


def test_requests_in_one_breath_are_answered_in_their_order(caller: Caller) -> None:
    one = f"GET {USERS} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    several = one * (2 * MOST_REQUEST_BYTES // len(one))
    received = caller.api.send(several + get("/health/live"))
    assert received.count(b"HTTP/1.1 401") == several.count(b"GET ")
    assert received.endswith(b'{"live":true}')


ENDLESS: dict[str, tuple[bytes, bytes]] = {
    "an address": (b"GET /", b"a"),
    "a header": (f"GET {USERS} HTTP/1.1\r\nX: ".encode(), b"a"),
    "headers": (f"GET {USERS} HTTP/1.1\r\n".encode(), b"x: y\r\n"),
    "a body": (get("/oauth2/token", f"Content-Length: {10**9}\r\n", method="POST"), b"a"),
    "trailers": (get(USERS, "Transfer-Encoding: chunked\r\n", body="0\r\n"), b"x: y\r\n"),
    "blank lines": (b"", b"\r\n"),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_a_request_without_an_end_is_cut(caller: Caller, name: str) -> None:
    start, more = ENDLESS[name]
    taken = caller.api.flood(start.replace(b"Connection: close\r\n", b""), more * 10_000)
    # Two systems keep some in their buffers.
    assert taken < 16_000_000
    assert httpx.get(f"{caller.api.address}/health/live").status_code == 200
