"""What a request may hold: each limit names itself, in the words of each dialect.

All through a real socket, to the command as it runs.
"""

from collections.abc import Iterator

import httpx
import pytest

from rosterline.api.dialects import (
    CAMPUS_V1P2,
    DIALECTS,
    EDTECH_V1P1,
    EDTECH_V1P2,
    XPORTER,
    Dialect,
)
from rosterline.api.limits import (
    MOST_ADDRESS_BYTES,
    MOST_HEADER_BYTES,
    MOST_HEADERS,
    MOST_ID_LENGTH,
    MOST_PARAMETERS,
)
from rosterline.api.query.filters import MOST_CHARACTERS, MOST_CLAUSES, MOST_DEPTH
from rosterline.api.query.parsing import MAX_LIMIT
from rosterline.api.routes.token import MOST_BODY_BYTES
from rosterline.launch.embedded import EmbeddedPostgres
from tests.support.abuse import (
    Api,
    Caller,
    calling_all,
    check_answer,
    check_error,
)
from tests.support.servers import fresh_databases

Callers = dict[str, Caller]
NAMES = [dialect.name for dialect in DIALECTS]
USERS = "/ims/oneroster/rostering/v1p2/users"


@pytest.fixture(scope="module")
def callers(postgres_server: EmbeddedPostgres) -> Iterator[Callers]:
    """A caller of every dialect."""
    with fresh_databases(postgres_server) as databases, calling_all(databases.dsn) as made:
        yield made


@pytest.fixture
def api(callers: Callers) -> Api:
    """The server behind them."""
    return callers[EDTECH_V1P2.name].api


def users_of(dialect: Dialect) -> str:
    """The address of the dialect's users."""
    (row,) = [row for row in dialect.endpoints if row.path == "/users"]
    return dialect.path(row)


def told(answer: httpx.Response, status: int, dialect: Dialect) -> str:
    """The description of an error with this status; Xporter knows 400 for all of these."""
    assert answer.status_code == (400 if dialect is XPORTER else status), answer.text
    return check_error(check_answer(answer, dialect), answer.status_code, dialect)


@pytest.mark.parametrize("name", NAMES)
def test_a_longer_address_than_8000_bytes_is_refused_with_the_limit(
    callers: Callers, name: str
) -> None:
    caller = callers[name]
    path = caller.path(users_of(caller.dialect))
    room = MOST_ADDRESS_BYTES - len(path) - len("x=")
    assert caller.get(path, "x=" + "a" * room).status_code == 200
    for text in ("x=" + "a" * (room + 1), "x=" + "a" * 60_000, "x=" + "'" * (room // 3 + 1)):
        description = told(caller.get(path, text), 414, caller.dialect)
        assert f"longer than {MOST_ADDRESS_BYTES} bytes" in description
    long_path = caller.get(f"{path}/{'a' * MOST_ADDRESS_BYTES}")
    assert f"{MOST_ADDRESS_BYTES} bytes" in told(long_path, 414, caller.dialect)


def test_every_link_of_the_longest_address_can_be_followed(callers: Callers) -> None:
    caller = callers[EDTECH_V1P2.name]
    start, end = "filter=status='active'+AND+givenName!='", "'&sort=familyName&limit=1"
    room = MOST_ADDRESS_BYTES - len(USERS) - len(start + end) - 2 * 6 - len("%21")
    value = "漢" * (room // 9)
    answer = caller.get(USERS, f"{start}{value}{end}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["X-Total-Count"] == "2"
    shown = answer.json()["users"]
    assert set(answer.links) == {"first", "next", "last"}
    base = answer.links["first"]["url"].partition("/ims/")[0]
    for relation in ("first", "last", "next"):
        url = answer.links[relation]["url"].removeprefix(base)
        followed = caller.http.get(caller.api.address + url)
        assert followed.status_code == 200, (relation, followed.text)
        assert len(followed.json()["users"]) == 1
        assert (followed.json()["users"] == shown) is (relation == "first")


@pytest.mark.parametrize("name", NAMES)
def test_too_many_parameters_and_headers_are_refused_with_the_limit(
    callers: Callers, name: str
) -> None:
    caller = callers[name]
    path = users_of(caller.dialect)
    assert caller.get(path, "&".join(["x=1"] * MOST_PARAMETERS)).status_code == 200
    many = caller.get(path, "&".join(["x=1"] * (MOST_PARAMETERS + 1)))
    assert f"more than {MOST_PARAMETERS} parameters" in told(many, 400, caller.dialect)
    address = caller.api.address + caller.path(path)
    few = {f"X-{number}": "y" for number in range(MOST_HEADERS - 10)}
    assert caller.http.get(address, headers=few).status_code == 200
    crowd = {f"X-{number}": "y" for number in range(MOST_HEADERS + 1)}
    refused = caller.http.get(address, headers=crowd)
    assert f"more than {MOST_HEADERS} headers" in told(refused, 431, caller.dialect)
    large = caller.http.get(address, headers={"X": "y" * MOST_HEADER_BYTES})
    assert f"larger than {MOST_HEADER_BYTES} bytes" in told(large, 431, caller.dialect)


@pytest.mark.parametrize("dialect", [EDTECH_V1P2, EDTECH_V1P1, CAMPUS_V1P2])
def test_a_longer_id_than_255_characters_is_unknown_and_says_why(
    callers: Callers, dialect: Dialect
) -> None:
    caller = callers[dialect.name]
    for path in (f"{users_of(dialect)}/{{}}", f"{users_of(dialect)}/{{}}/classes"):
        for sourced_id, is_long in (("é" * MOST_ID_LENGTH, False), ("é" * 256, True)):
            answer = caller.get(path.format(sourced_id))
            says = f"longer than {MOST_ID_LENGTH}" in told(answer, 404, dialect)
            assert says is is_long


@pytest.mark.parametrize("name", NAMES)
def test_a_larger_page_than_50000_is_refused_with_the_limit(callers: Callers, name: str) -> None:
    caller = callers[name]
    path = users_of(caller.dialect)
    assert caller.get(path, [("limit", str(MAX_LIMIT))]).status_code == 200
    status = 422 if name.startswith("campus") else 400
    for limit in (str(MAX_LIMIT + 1), "9" * 4000):
        description = told(caller.get(path, [("limit", limit)]), status, caller.dialect)
        assert f"{MAX_LIMIT}" in description
        assert len(description) < 300


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("givenName='" + "a" * MOST_CHARACTERS + "'", f"{MOST_CHARACTERS} characters"),
        (" AND ".join(["status='active'"] * (MOST_CLAUSES + 1)), f"{MOST_CLAUSES} clauses"),
        (
            "(" * (MOST_DEPTH + 1) + "status='active'" + ")" * (MOST_DEPTH + 1),
            f"{MOST_DEPTH} parentheses",
        ),
    ],
    ids=["length", "clauses", "depth"],
)
@pytest.mark.parametrize("name", NAMES)
def test_a_filter_beyond_its_limits_is_refused_with_the_limit(
    callers: Callers, name: str, text: str, limit: str
) -> None:
    caller = callers[name]
    answer = caller.get(users_of(caller.dialect), [("filter", text)])
    assert limit in told(answer, 400, caller.dialect)


def test_the_largest_filter_is_answered(callers: Callers) -> None:
    caller = callers[EDTECH_V1P2.name]
    clauses = " OR ".join(["familyName~'x'", *["roles.org.sourcedId='school-1'"] * 49])
    text = "(" * MOST_DEPTH + clauses + ")" * MOST_DEPTH
    answer = caller.get(USERS, [("filter", text), ("sort", "roles.org.sourcedId")])
    assert answer.status_code == 200, answer.text
    assert answer.headers["X-Total-Count"] == "2"


def test_a_longer_body_than_16384_bytes_is_refused_with_the_limit(api: Api) -> None:
    body = {"grant_type": "client_credentials", "x": "y" * MOST_BODY_BYTES}
    answer = httpx.post(f"{api.address}/oauth2/token", data=body)
    assert answer.status_code == 400
    assert f"larger than {MOST_BODY_BYTES} bytes" in answer.json()["error_description"]
