"""What passes by itself, and what does not."""

from typing import Final

import asyncpg
from nats.errors import Error as NatsError

from rosterline.bus.connection import BusUnreachableError
from rosterline.bus.relay import FencedError, PublishError
from rosterline.db.pools import LOST_CONNECTION


class LostMessagesError(Exception):
    """A message was lost on its way to us: what comes behind it must come again."""


TRANSIENT: Final = (
    *LOST_CONNECTION,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
    NatsError,
    BusUnreachableError,
    FencedError,
    PublishError,
    LostMessagesError,
)
"""Connect again, and go on where the acknowledgements end."""
