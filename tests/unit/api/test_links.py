"""The Link header."""

import httpx
import pytest

from rosterline.api.reading.links import Paging, link_header

ADDRESS = "https://roster.example.org/users"


def offsets(paging: Paging) -> dict[str | None, str]:
    header = link_header(ADDRESS, [], paging)
    links = httpx.Response(200, headers={"Link": header}).links
    return {name: httpx.URL(link["url"]).params["offset"] for name, link in links.items()}


@pytest.mark.parametrize(
    ("paging", "expected"),
    [
        (Paging(10, 0, 25, "c"), {"first": "0", "next": "10", "last": "20"}),
        (Paging(10, 10, 25, "c"), {"first": "0", "prev": "0", "next": "20", "last": "20"}),
        (Paging(10, 20, 25, None), {"first": "0", "prev": "10", "last": "20"}),
        (Paging(10, 5, 25, "c"), {"first": "0", "prev": "0", "next": "15", "last": "20"}),
        (Paging(10, 0, 20, "c"), {"first": "0", "next": "10", "last": "10"}),
        (Paging(10, 0, 0, None), {"first": "0", "last": "0"}),
    ],
)
def test_links_lead_to_the_other_pages(paging: Paging, expected: dict[str | None, str]) -> None:
    assert offsets(paging) == expected


def test_links_keep_the_query_and_only_next_has_a_cursor() -> None:
    filtered = ("filter", "status='active' AND sourcedId>'a+b'")
    header = link_header(
        ADDRESS, [filtered, ("limit", "9"), ("cursor", "old")], Paging(9, 9, 99, "new")
    )
    links = httpx.Response(200, headers={"Link": header}).links
    found = {name: dict(httpx.URL(link["url"]).params) for name, link in links.items()}
    assert {parameters["filter"] for parameters in found.values()} == {filtered[1]}
    assert {name: p.get("cursor") for name, p in found.items() if "cursor" in p} == {"next": "new"}
