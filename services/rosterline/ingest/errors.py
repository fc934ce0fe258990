"""What passes by itself, and what does not."""

from typing import Final

import asyncpg
from nats.errors import Error as NatsError

from rosterline.bus.connection import BusUnreachableError
from rosterline.bus.relay import FencedError, PublishError
from rosterline.db.pools import LOST_CONNECTION


class LostMessagesError(Exception):
    """A message was lost on its way to us: what comes behind it must come again."""


class NewConnectionError(Exception):
    """A connection was removed, and another made under its name, of which nothing is known yet."""


class SameFaultError(Exception):
    """Message after message fails in the same way: that is no message's fault."""


SERVER_TROUBLE: Final = (
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.SyntaxOrAccessError,
    asyncpg.ObjectNotInPrerequisiteStateError,
    asyncpg.OperatorInterventionError,
    asyncpg.PostgresSystemError,
)
"""What the server is to blame for, or its operator, whatever it was asked to store."""

TRANSIENT: Final = (
    *LOST_CONNECTION,
    *SERVER_TROUBLE,
    NatsError,
    BusUnreachableError,
    FencedError,
    PublishError,
    LostMessagesError,
    NewConnectionError,
)
"""Connect again, and go on where the acknowledgements end."""
