"""`rosterline explain` and `rosterline report`: why records are as they are, for district staff.

Both read the Rosterline database and write nothing.
"""

import asyncio
from datetime import UTC, date, datetime
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from rosterline.config.settings import Settings
from rosterline.db.pools import open_connection
from rosterline.launch.display import print_line, progress_bar
from rosterline.launch.errors import LaunchError, UsageError
from rosterline.launch.explained import print_explanation, print_report
from rosterline.launch.instance import find_settings
from rosterline.launch.options import DataOption, JsonOption
from rosterline.projector.explain.explainer import explain
from rosterline.projector.explain.model import Explanation, Kind
from rosterline.projector.explain.report import report
from rosterline.projector.explain.subjects import (
    ExplainError,
    InvalidQuestionError,
    Question,
)
from rosterline.projector.explain.tally import Report

KindArgument = Annotated[Kind, typer.Argument(help="What the id is of.")]
IdArgument = Annotated[
    str,
    typer.Argument(
        metavar="ID",
        help="A person_id, Person GUID, 1.1 sourcedId or student number; a section_id; a School "
        "GUID; a course_id; of a class enrollment r and the roster_id or t and the "
        "section_staff_id.",
    ),
]
ConnectionOption = Annotated[
    str | None,
    typer.Option("--connection", metavar="APP", help="What this vendor's connection sees of it."),
]
DateOption = Annotated[
    str | None,
    typer.Option("--date", metavar="YYYY-MM-DD", help="As of this day instead of today."),
]


def explain_command(
    kind: KindArgument,
    subject: IdArgument,
    *,
    connection: ConnectionOption = None,
    day: DateOption = None,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Tell which records came of a row of the SIS and why, or what kept them out and what to do."""
    question = Question(kind, subject, connection, read_day(day))
    try:
        explanation = asyncio.run(ask(find_settings(data, "dsn"), question))
    except InvalidQuestionError as error:
        raise UsageError(str(error)) from error
    except ExplainError as error:
        raise LaunchError(str(error)) from error
    if as_json:
        print_line(explanation.model_dump_json(indent=2))
    else:
        print_explanation(explanation)


def report_command(*, as_json: JsonOption = False, data: DataOption = None) -> None:
    """Count how many of the district's people and classes are kept out, and why."""
    counts = asyncio.run(count(find_settings(data, "dsn")))
    if as_json:
        print_line(counts.model_dump_json(indent=2))
    else:
        print_report(counts)


def read_day(text: str | None) -> date | None:
    """The day asked for; raises UsageError."""
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is no day: write it as 2026-10-01") from error


def today_of(settings: Settings) -> date:
    """The day in the district; raises UsageError."""
    try:
        zone = ZoneInfo(settings.time_zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise UsageError(
            f"ROSTERLINE_TIME_ZONE: {settings.time_zone!r} is no time zone; "
            "write it as America/New_York"
        ) from error
    return datetime.now(UTC).astimezone(zone).date()


async def ask(settings: Settings, question: Question) -> Explanation:
    """The answer from the Rosterline database."""
    async with open_connection(settings.dsn, "explain") as connection:
        return await explain(connection, question, today_of(settings))


async def count(settings: Settings) -> Report:
    """The counts from the Rosterline database, with a bar while they are made."""
    async with open_connection(settings.dsn, "report") as connection:
        with progress_bar(passing=True) as progress:
            return await report(connection, today_of(settings), progress)
