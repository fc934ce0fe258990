"""What the command reports as one line on standard error, with exit code 1."""

import asyncpg

from rosterline.config.errors import OperatorError
from rosterline.db.errors import describe

# By name: importing their packages would make every command wait that uses none of them.
SAID_BY_SERVERS = {("nats", "Error"), ("sqlalchemy", "DBAPIError")}


class LaunchError(OperatorError):
    """Something that the operator can mend; the message says what is wrong and what to do."""


class UsageError(LaunchError):
    """A setting or argument that cannot be right: exit code 2."""


def is_expected(error: BaseException) -> bool:
    """Whether a line says it all: a fault of ours is what deserves a traceback."""
    if isinstance(error, OperatorError | asyncpg.PostgresError | OSError):
        return True
    kinds = {(each.__module__.partition(".")[0], each.__name__) for each in type(error).__mro__}
    return bool(kinds & SAID_BY_SERVERS)


def one_line(error: BaseException) -> str:
    """An error's message without line breaks, and without values of rows."""
    if isinstance(error, LaunchError):
        return str(error)
    if isinstance(error, asyncpg.PostgresError):
        return describe(error)
    return " ".join(str(error).split()) or type(error).__name__
