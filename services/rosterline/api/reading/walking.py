"""A page that is asked for, as a part of its client's walk (see `rosterline.api.reading.walks`)."""

from collections.abc import Hashable

from rosterline.api.access.signing import SigningKeys
from rosterline.api.query.parsing import Query
from rosterline.api.reading.cursors import read_cursor, write_cursor
from rosterline.api.reading.walks import Continuation, Position, Walks


class Walk:
    """The page that is asked for, as a part of its client's walk through the collection."""

    def __init__(
        self, walks: Walks, keys: SigningKeys, identity: tuple[Hashable, ...], query: Query
    ) -> None:
        self._walks = walks
        self._keys = keys
        self._query = query
        self._identity: tuple[Hashable, ...] = (
            *identity,
            query.filter,
            query.sort,
            query.descending,
        )
        self._continuation: Continuation | None = None

    async def find_continuation(self) -> Continuation | None:
        """Where the page before ended: as the cursor says, or as remembered for its offset."""
        query = self._query
        if query.cursor is not None:
            secrets = await self._keys.secrets()
            self._continuation = read_cursor(query.cursor, repr(self._identity), secrets)
        elif query.offset > 0:
            found = self._walks.find((*self._identity, query.offset))
            if found is not None:
                self._continuation = Continuation(found, by_offset=True)
        return self._continuation

    def remember(self, end: Position, count: int, *, is_last: bool) -> None:
        """Keep where this page ended: some clients count on by the limit, some by what came."""
        if self._query.cursor is not None:
            return
        for step in {count, self._query.limit}:
            self._walks.remember(
                (*self._identity, self._query.offset + step),
                end,
                descending=self._query.descending,
                is_last=is_last,
            )

    async def write_next(self, end: Position) -> str:
        """The cursor of the page behind; it goes on in the way in which this page was found."""
        by_offset = self._continuation is not None and self._continuation.by_offset
        _, secret = await self._keys.newest()
        return write_cursor(Continuation(end, by_offset), repr(self._identity), secret)
