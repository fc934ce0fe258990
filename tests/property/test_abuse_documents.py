"""What the served OpenAPI documents promise holds for requests that schemathesis makes up.

Those that fit a document, those that do not, and those without a token: each is answered with a
documented status, in the documented shape.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from hypothesis.strategies import SearchStrategy
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from rosterline.api.dialects import DIALECTS
from rosterline.launch.embedded import EmbeddedNats, EmbeddedPostgres
from rosterline.oneroster.vocabulary import Version
from tests.support.abuse import TELLTALE, Api, Caller, calling, check_quiet, running_api
from tests.support.servers import Databases, fresh_databases
from tests.support.whole_district import District, whole_district

NAMES = [dialect.name for dialect in DIALECTS]
CHECKS: list[CheckFunction] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = settings(
    max_examples=3,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    # An operation may have no more requests than a few.
    suppress_health_check=list(HealthCheck),
)
Operation = schemathesis.APIOperation[Any, Any, Any, Any]
Case = schemathesis.Case[Any]
# Whoever tries is not throttled here: that has tests of its own.
UNTHROTTLED = {"guesses_per_client": "1000000", "guesses_per_address": "1000000"}
# No write is decided here, so each is kept and answered so.
WRITING = UNTHROTTLED | {"write_seconds": "0.2"}


@schemathesis.serializer("application/x-ndjson")
def send_lines(_: object, value: object) -> bytes:
    """A batch as schemathesis sends one: whatever it made up, as a text."""
    return str(value).encode()


@dataclass(frozen=True)
class House:
    """A generated district before a running API, and the ids of its records that have members."""

    callers: Mapping[str, Caller]
    parents: Mapping[Version, Mapping[str, str]]

    @property
    def api(self) -> Api:
        """The server."""
        return next(iter(self.callers.values())).api

    def known_ids(self, caller: Caller, names: set[str]) -> dict[str, str]:
        """Values of these parameters of paths that lead somewhere."""
        parents = self.parents[caller.dialect.version]
        known = {f"{name}SourcedId": value for name, value in parents.items()}
        known |= {"appName": caller.vendor.app, "sourcedId": parents["student"]}
        known |= {"academicSessionSourcedId": parents["term"], "id": "nothing"}
        return {name: known[name] for name in names}


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedNats]:
    """A NATS server that takes writes, which nobody works off."""
    server = EmbeddedNats(tmp_path_factory.mktemp("nats"), sync_interval="2m")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def house(postgres_server: EmbeddedPostgres, bus: EmbeddedNats) -> Iterator[House]:
    """The district, and a server that is looked at when it has ended."""
    with fresh_databases(postgres_server) as databases, ExitStack() as stack:
        district = asyncio.run(generated(databases))
        parents = {version: district.parents(version) for version in Version}
        api = stack.enter_context(running_api(databases.dsn, nats_url=bus.url, **WRITING))
        callers = {
            dialect.name: stack.enter_context(
                calling(api, district.vendors[dialect.version], dialect, district.row["estab"])
            )
            for dialect in DIALECTS
        }
        yield House(callers, parents)
        stack.close()
        secrets = [each.token for each in callers.values()]
        secrets += [each.vendor.client_secret for each in callers.values()]
        check_quiet(api, secrets=secrets)


async def generated(databases: Databases) -> District:
    """A district whose application in this process has gone, and whose records stay."""
    async with whole_district(databases) as district:
        return district


def strategies(
    house: House, caller: Caller, operation: Operation
) -> Iterator[tuple[schemathesis.GenerationMode, SearchStrategy[Case]]]:
    """Requests that fit the operation's description, and others, for ids that are there or not."""
    names = {each.name for each in operation.path_parameters}
    for mode in schemathesis.GenerationMode:
        made_up = operation.as_strategy(mode)
        if names:
            ids = house.known_ids(caller, names)
            yield mode, operation.as_strategy(mode, path_parameters=ids) | made_up
        else:
            yield mode, made_up


def checks_of(case: Case) -> list[CheckFunction]:
    """All; but whoever chooses `fields` may leave out what a whole record must have."""
    is_cut = "fields" in (case.query or {})
    return [each for each in CHECKS if not (is_cut and each is response_schema_conformance)]


@pytest.mark.parametrize("name", NAMES)
def test_every_answer_is_one_that_the_document_tells_of(
    house: House, name: str, subtests: pytest.Subtests
) -> None:
    caller = house.callers[name]
    document = httpx.get(f"{house.api.address}/openapi/{name}.json").json()
    schema = schemathesis.openapi.from_dict(document)
    seen: Counter[int] = Counter()
    operations = 0
    with requests.Session() as session:
        for found in schema.get_all_operations():
            assert isinstance(found, Ok), found
            operation = found.ok()
            operations += 1
            for mode, strategy in strategies(house, caller, operation):

                @EXAMPLES
                @given(strategy)
                def ask(case: Case) -> None:
                    for headers in ({"Authorization": f"Bearer {caller.token}"}, {}):
                        answer = case.call(house.api.address, session, headers)
                        seen[answer.status_code] += 1
                        case.validate_response(answer, checks=checks_of(case))
                        # What was asked for may be told back, whatever it was.
                        sent = unquote_plus(answer.request.url or "") + str(case.body)
                        assert {found[0] for found in TELLTALE.finditer(answer.text)} <= {
                            found[0] for found in TELLTALE.finditer(sent)
                        }

                # Without a parameter there is nothing that could not fit.
                with subtests.test(operation.label, mode=mode), suppress(Unsatisfiable):
                    ask()
    assert operations == sum(len(path) for path in document["paths"].values())
    assert {200, 400, 401} <= seen.keys()
