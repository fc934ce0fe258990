"""The `Link` header of a page (RFC 8288): first, prev, next, last, as absolute addresses. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlencode

from rosterline.api.query.parsing import Parameter

PAGING = (Parameter.LIMIT.value, Parameter.OFFSET.value, Parameter.CURSOR.value)


@dataclass(frozen=True, slots=True)
class Paging:
    """Where a page stands; `cursor` is None on the last one."""

    limit: int
    offset: int
    total: int
    cursor: str | None


def link_header(address: str, parameters: Iterable[tuple[str, str]], paging: Paging) -> str:
    """Links keep the other parameters; `next` goes on behind this page's last record."""
    kept = urlencode([(name, value) for name, value in parameters if name not in PAGING])
    start = f"<{address}?{kept}{'&' if kept else ''}limit={paging.limit}"

    def link(relation: str, offset: int, cursor: str | None = None) -> str:
        # A cursor is made of characters that stand for themselves.
        behind = "" if cursor is None else f"&cursor={cursor}"
        return f'{start}&offset={offset}{behind}>; rel="{relation}"'

    links = [link("first", 0)]
    if paging.offset > 0:
        links.append(link("prev", max(0, paging.offset - paging.limit)))
    if paging.cursor is not None:
        links.append(link("next", paging.offset + paging.limit, paging.cursor))
    last = max(0, paging.total - 1) // paging.limit * paging.limit
    links.append(link("last", last))
    return ", ".join(links)
