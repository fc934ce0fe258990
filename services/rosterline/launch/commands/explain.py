"""`rosterline explain`: why records are as they are, for district staff. Writes nothing."""

import asyncio
from datetime import date
from typing import Annotated

import typer

from rosterline.launch.display import print_line
from rosterline.launch.errors import LaunchError, UsageError
from rosterline.launch.explain import ask
from rosterline.launch.explained import print_explanation
from rosterline.launch.instance import find_settings
from rosterline.launch.options import DataOption, JsonOption
from rosterline.projector.explain.model import Kind
from rosterline.projector.explain.subjects import ExplainError, InvalidQuestionError, Question

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

app = typer.Typer(add_completion=False)


@app.command("explain")
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


def read_day(text: str | None) -> date | None:
    """The day asked for; raises UsageError."""
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is no day: write it as 2026-10-01") from error
