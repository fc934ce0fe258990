"""A message of stream INGEST → a command. Pure.

What cannot be understood becomes a line that is refused, for the sender to read; only what names no
connection, or is no command at all, becomes nothing.
"""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import orjson

from rosterline.events.commands import (
    ANSWER_HEADER,
    ATOMIC_HEADER,
    BATCH_HEADER,
    COMMAND_HEADER,
    DROPPED_HEADER,
    FIRST_LINE_HEADER,
    NO_ANSWER,
    REDRIVEN_HEADER,
    SCOPES_HEADER,
    WAIT_HEADER,
)
from rosterline.ingest.command import Arrival, Command, Entry, Malformed, Name
from rosterline.ingest.entries import MalformedError, malformed, read_lines

NAMESPACE: Final = uuid.UUID("6c1d2a52-64f5-4d11-9a3b-6a9f0d8a2f10")
TOKENS: Final = 4
COMMAND_ID: Final = re.compile(r"[!-~]{1,128}")
ANSWER: Final = re.compile(r"[a-z0-9]{1,32}")
NUMBER: Final = re.compile(r"[0-9]{1,9}")


class NoCommandError(Exception):
    """A message that no connection sent as a command; says why, never what it holds."""


class NoSenderError(Exception):
    """A message that is no connection's of this district."""


@dataclass(frozen=True, slots=True)
class Intake:
    """How messages are read: of which district and stream they are, how long they may wait."""

    district: str
    stream: str
    longest_wait: timedelta

    def name_of(self, arrival: Arrival) -> Name:
        """By which the message is known; that of nobody's has no connection."""
        try:
            app = self.app_of(arrival)
        except NoSenderError:
            app = ""
        return app, self.command_id_of(arrival)

    def app_of(self, arrival: Arrival) -> str:
        """The connection that sent the message; raises NoSenderError."""
        tokens = arrival.subject.split(".")
        if tokens[:2] != ["ingest", self.district] or len(tokens) < TOKENS:
            raise NoSenderError(f"no connection of this district sends to {arrival.subject}")
        return tokens[2]

    def command_id_of(self, arrival: Arrival) -> str:
        """The sender's name for the command; without one it is named by its place."""
        named = arrival.headers.get(COMMAND_HEADER, "")
        if COMMAND_ID.fullmatch(named):
            return named
        return str(uuid.uuid5(NAMESPACE, f"{self.stream} {arrival.sequence}"))

    def read(self, arrival: Arrival) -> Command:
        """The command that the message is; raises NoCommandError and NoSenderError."""
        app, command_id = self.app_of(arrival), self.command_id_of(arrival)
        try:
            settings = read_headers(arrival.headers, self.longest_wait)
            lines: tuple[Entry | Malformed, ...] = tuple(
                read_lines(arrival.subject.split(".")[3:], arrival.data)
            )
        except MalformedError as error:
            settings, lines = {}, (malformed(1, error),)
        if all(isinstance(line, Malformed) for line in lines) and is_echo(arrival):
            raise NoCommandError("it is an answer of the server's")
        settings |= read_answer(arrival.headers)
        return Command(arrival.sequence, app, command_id, arrival.received, lines, **settings)


def read_answer(headers: Mapping[str, str]) -> dict[str, Any]:
    """Who is to read the verdict, even of what is malformed otherwise."""
    token = headers.get(ANSWER_HEADER)
    waits = token is not None and token != NO_ANSWER and ANSWER.fullmatch(token) is not None
    batch_id = headers.get(BATCH_HEADER, "")
    return {
        "answer": token if waits else None,
        "is_told": token is None,
        "batch_id": batch_id if COMMAND_ID.fullmatch(batch_id) else None,
    }


def read_headers(headers: Mapping[str, str], longest_wait: timedelta) -> dict[str, Any]:
    """What the headers say of the command; raises MalformedError."""
    for header in (COMMAND_HEADER, BATCH_HEADER):
        named = headers.get(header)
        if named is not None and COMMAND_ID.fullmatch(named) is None:
            raise MalformedError(
                f"{header} must have 1 to 128 visible characters of ASCII, without spaces."
            )
    answer = headers.get(ANSWER_HEADER)
    if answer is not None and ANSWER.fullmatch(answer) is None:
        raise MalformedError(f"{ANSWER_HEADER} must have 1 to 32 small letters and digits.")
    wait = min(timedelta(seconds=read_number(headers, WAIT_HEADER, 0)), longest_wait)
    atomic = headers.get(ATOMIC_HEADER, "false")
    if atomic not in {"true", "false"}:
        raise MalformedError(f"{ATOMIC_HEADER} must be true or false.")
    if wait and atomic == "true":
        raise MalformedError(f"{ATOMIC_HEADER} does not go with {WAIT_HEADER}.")
    letter_id = read_number(headers, REDRIVEN_HEADER, 0) or None
    return {
        "wait": wait,
        "is_atomic": atomic == "true",
        "first_line": max(read_number(headers, FIRST_LINE_HEADER, 1), 1),
        "letter_id": letter_id,
        "is_dropped": letter_id is not None and headers.get(DROPPED_HEADER) == "true",
        "scopes": read_scopes(headers.get(SCOPES_HEADER)),
    }


def read_scopes(text: str | None) -> frozenset[str] | None:
    """The short names of scopes to which the sender limits itself; other words say nothing."""
    return None if text is None else frozenset(text.split())


def read_number(headers: Mapping[str, str], name: str, default: int) -> int:
    """A header that is a whole number; raises MalformedError."""
    text = headers.get(name)
    if text is None:
        return default
    if NUMBER.fullmatch(text) is None:
        raise MalformedError(f"{name} must be a whole number.")
    return int(text)


def is_echo(arrival: Arrival) -> bool:
    """Whether it is an answer of JetStream's that somebody had delivered to a subject of ingest."""
    if "Status" in arrival.headers:
        return True
    try:
        found = orjson.loads(arrival.data)
    except orjson.JSONDecodeError:
        return False
    if not isinstance(found, dict):
        return False
    kind = found.get("type")
    is_answer = isinstance(kind, str) and kind.startswith("io.nats.jetstream.")
    return is_answer or {"stream", "seq"} <= found.keys()
