"""Whatever a query says, a running server answers it in its dialect's words, and never fails."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rosterline.api.dialects import DIALECTS, Dialect
from rosterline.api.endpoints import Endpoint, Shape
from rosterline.api.query.fields import fields_of
from rosterline.api.query.values import Predicate
from rosterline.launch.embedded import EmbeddedPostgres
from rosterline.oneroster.vocabulary import Collection
from tests.support.abuse import Caller, calling_all, check_answer, check_quiet
from tests.support.api import with_parents
from tests.support.servers import fresh_databases

NAMES = [dialect.name for dialect in DIALECTS]
EXAMPLES = settings(max_examples=250, derandomize=True, database=None)
# What the grammar is made of, and what others are.
TOKENS = [
    *("'", "''", "\\'", "\\", '"', "`", "(", ")", ",", ".", ";", "--", "/*", "*/", "#", "%", "_"),
    *("=", "!=", "~", ">", ">=", "<", "<=", "==", "<>", " ", "\t", "\n", "\0", "+", "&", "?", "|"),
    *(" AND ", " OR ", " and ", "AND", "NOT ", " OR 1=1", "$1", "$$", ":x", "%s", "{0}", "{", "}"),
    *("status", "sourcedId", "dateLastModified", "roles.org.sourcedId", "metadata", "metadata."),
    *("metadata.x", "metadata.'x'", 'metadata."x', "metadata.x'--", "metadata.x.0", "metadata.é"),
    *("status='active'", "sourcedId~'1'", "familyName!='x'", "grades='09,10'", "userIds.type='x'"),
    *("'active'", "'tobedeleted'", "''''", "'\\''", "true", "null", "85", "1e99", "-0", "NaN"),
    *("pg_sleep(9)", "; DROP TABLE v", "UNION ALL", "'; COMMIT; --", "\u202e", "İ", "ß", "𝄞", "漢"),
]
STRANGE = [
    *(
        "",
        " ",
        "'",
        "\\",
        "%",
        "_",
        "--",
        ";",
        "$1",
        "\0",
        "\n",
        "{}",
        '{"a":1}',
        "[]",
        "null",
        ",",
    ),
    *("0000-01-01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999-14:00", "10000-01-01"),
    *("9999-12-31T23:59:60Z", "9999-12-31T24:00:00Z", "2026-02-30", "2026-W07", "20261121T08Z"),
    *("2026-11-21T08:15:00 02:00", "2026-11-21T08:15:00+99:99", "-infinity", "now", "epoch"),
    *("9" * 400, "-" + "9" * 29, "1e99", "1e-99", "1e400", "0x10", "1_000", "٣", "²", "NaN", "-0"),
    *("true", "TRUE", "ᴛrue", ",".join("ab" * 60), "a" * 900, "İ" * 80, "\ufffd", "\ufeff", "𝄞"),
    *(
        "https://x/ims/oneroster/rostering/v1p2/orgs/'",
        "~/ims/",
        "http://" + "a" * 200,
        "student-1",
    ),
]
OPEN_NAMES = ["metadata.x", "metadata.x.y.z", "metadata.0", "metadata.é", f"metadata.{'a' * 500}"]
NUMBERS = [
    *("0", "1", "2", "100", "50000", "50001", "-1", "1.5", "1e3", " 1", "+1", "٣", "", "1,000"),
    *(str(10**15), str(10**15 - 1), str(2**63), "9" * 300, "0" * 40 + "1", "x", "\0", "NaN", "0x1"),
]

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
RUBBISH = st.lists(st.sampled_from(TOKENS), max_size=16).map("".join) | ANY_TEXT


@pytest.fixture(scope="module")
def callers(postgres_server: EmbeddedPostgres) -> Iterator[dict[str, Caller]]:
    """A caller of every dialect, before a server that is looked at when it has ended."""
    with fresh_databases(postgres_server) as databases, calling_all(databases.dsn) as made:
        yield made
        api = next(iter(made.values())).api
    check_quiet(api, secrets=[each.token for each in made.values()])


def collections_of(dialect: Dialect) -> list[Endpoint]:
    """The endpoints that answer with lists."""
    return [row for row in dialect.endpoints if row.shape is Shape.COLLECTION]


def names_of(collection: Collection) -> st.SearchStrategy[str]:
    """Names of fields, real ones and open ones."""
    return st.sampled_from([*fields_of(collection), *OPEN_NAMES])


def quoted(value: str) -> str:
    """A value as a filter holds it."""
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def clauses(collection: Collection) -> st.SearchStrategy[str]:
    """A real field, compared with what nobody expects there."""
    parts = (names_of(collection), st.sampled_from(list(Predicate)))
    return st.builds("{}{}{}".format, *parts, (st.sampled_from(STRANGE) | ANY_TEXT).map(quoted))


def filters(collection: Collection) -> st.SearchStrategy[str]:
    """Well-formed ones of strange values, nested ones, and rubbish."""
    several = st.lists(clauses(collection), min_size=1, max_size=4)
    joined = st.builds(str.join, st.sampled_from([" AND ", " OR "]), several)
    nested = st.builds(lambda text, depth: "(" * depth + text + ")" * depth, joined, DEPTHS)
    return joined | nested | st.builds("{}{}".format, joined, RUBBISH) | RUBBISH


DEPTHS = st.sampled_from([1, 3, 20, 21, 500])


def parameters(collection: Collection) -> st.SearchStrategy[list[tuple[str, str]]]:
    """Any parameters in any number."""
    numbers = st.sampled_from(NUMBERS)
    names = st.lists(names_of(collection), max_size=4).map(",".join) | RUBBISH
    one = st.one_of(
        st.tuples(st.just("filter"), filters(collection)),
        st.tuples(st.just("sort"), names_of(collection) | RUBBISH),
        st.tuples(st.just("orderBy"), st.sampled_from(["asc", "desc", "DESC", "'"])),
        st.tuples(st.just("fields"), names),
        st.tuples(st.just("search"), RUBBISH | st.sampled_from(STRANGE)),
        st.tuples(st.sampled_from(["limit", "offset"]), numbers),
        st.tuples(st.just("cursor"), RUBBISH),
        st.tuples(RUBBISH, RUBBISH),
    )
    # A few come once each as a rule, so that they are not refused for coming twice.
    return st.lists(one, max_size=5, unique_by=lambda pair: pair[0]) | st.lists(one, max_size=5)


def check_page(answer: httpx.Response, endpoint: Endpoint, dialect: Dialect) -> Any:
    """A page in its shape, or an error in its."""
    body = check_answer(answer, dialect)
    assert answer.status_code in {200, 400, 414, 422}, (answer.request.url, answer.text)
    if answer.status_code == 200:
        assert body.keys() - {"statusInfoSet"} == {endpoint.key}
        assert isinstance(body[endpoint.key], list)
        assert len(body[endpoint.key]) <= int(answer.headers["X-Total-Count"])
    return body


@pytest.mark.parametrize("name", NAMES)
def test_no_query_makes_the_server_fail(callers: dict[str, Caller], name: str) -> None:
    caller = callers[name]
    seen: set[int] = set()

    @EXAMPLES
    @given(st.data())
    def ask(data: st.DataObject) -> None:
        endpoint = data.draw(st.sampled_from(collections_of(caller.dialect)))
        path = with_parents(caller.dialect.path(endpoint))
        answer = caller.get(path, data.draw(parameters(endpoint.collection)))
        check_page(answer, endpoint, caller.dialect)
        seen.add(answer.status_code)

    ask()
    assert {200, 400} <= seen


@pytest.mark.parametrize("name", NAMES)
def test_every_field_can_be_asked_with_every_strange_value(
    callers: dict[str, Caller], name: str
) -> None:
    """All fields, all predicates, each with some strange values, beside what holds."""
    caller = callers[name]
    turn = 0
    for endpoint in collections_of(caller.dialect):
        if endpoint.relation is not None or endpoint.view is not None:
            continue
        for field in (*fields_of(endpoint.collection), *OPEN_NAMES[:3]):
            values = [STRANGE[(turn + step) % len(STRANGE)] for step in range(3)]
            turn += 3
            for value in values:
                predicate = list(Predicate)[turn % len(Predicate)]
                turn += 1
                text = f"{field}{predicate}{quoted(value)} OR status='active'"
                path = caller.dialect.path(endpoint)
                answer = caller.get(path, [("filter", text), ("sort", field), ("limit", "2")])
                check_page(answer, endpoint, caller.dialect)


@pytest.mark.parametrize("name", NAMES)
def test_no_bytes_in_a_query_make_the_server_fail(callers: dict[str, Caller], name: str) -> None:
    caller = callers[name]
    endpoint = caller.dialect.endpoints[0]
    printable = st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="#")
    pieces = st.sampled_from(["%", "%0", "%00", "%C3", "%ED%A0%80", "%F4%90%80%80", "%u1234"])
    names = st.sampled_from(["filter=", "&sort=", "&fields=", "&limit=", "&cursor=", "&", ";", "="])
    texts = st.lists(pieces | names | printable, max_size=30).map("".join)

    @EXAMPLES
    @given(texts)
    def ask(text: str) -> None:
        check_page(caller.get(caller.dialect.path(endpoint), text), endpoint, caller.dialect)

    ask()


def next_cursor(caller: Caller, path: str, *more: tuple[str, str]) -> str:
    """The cursor of a real next link."""
    answer = caller.get(path, [("limit", "1"), *more])
    assert answer.status_code == 200, answer.text
    return httpx.URL(answer.links["next"]["url"]).params["cursor"]


ALTERED: list[Callable[[str], str]] = [
    lambda cursor: cursor[:-1],
    lambda cursor: cursor[: len(cursor) // 2],
    lambda cursor: cursor[1:],
    lambda cursor: cursor + "A",
    lambda cursor: cursor.swapcase(),
    lambda cursor: cursor[:-2] + ("AA" if cursor[-2:] != "AA" else "BB"),
    lambda cursor: cursor * 3,
    lambda _: "",
    lambda _: "A" * 16,
    lambda _: "\0é漢",
]


@pytest.mark.parametrize("name", NAMES)
def test_no_cursor_but_the_query_s_own_is_taken(callers: dict[str, Caller], name: str) -> None:
    caller = callers[name]
    (endpoint,) = [row for row in caller.dialect.endpoints if row.path == "/users"]
    (other,) = [row for row in caller.dialect.endpoints if row.path == "/enrollments"]
    path = caller.dialect.path(endpoint)
    own = next_cursor(caller, path)
    assert caller.get(path, [("limit", "1"), ("cursor", own)]).status_code == 200
    foreign = [
        *(alter(own) for alter in ALTERED),
        next_cursor(caller, path, ("sort", "familyName")),
        next_cursor(caller, path, ("filter", "status='active'")),
        next_cursor(caller, path, ("orderBy", "desc"), ("sort", "sourcedId")),
        next_cursor(caller, caller.dialect.path(other)),
        *(
            next_cursor(each, each.dialect.path(endpoint))
            for each in callers.values()
            if each is not caller and each.dialect.version is caller.dialect.version
        ),
    ]
    for cursor in foreign:
        answer = caller.get(path, [("limit", "1"), ("cursor", cursor)])
        assert answer.status_code == 400, cursor
        body = check_page(answer, endpoint, caller.dialect)
        assert "cursor does not belong to this query" in str(body)
