"""pgbench with a statement of the API: the same text and parameters, prepared once, as often as
PostgreSQL answers it.

It takes the rows and throws them away: what it reaches is what the API could at most, were HTTP,
JSON texts and Python free.
"""

import re
import subprocess
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from rosterline.api.reading.sql import Statement
from rosterline.launch.embedded import find_postgres

THREADS = 2
PLACE = re.compile(r"\$(\d+)")
LITERAL = re.compile(r"'[^']*'")
SPEED = re.compile(r"^tps = ([\d.]+)", re.MULTILINE)


def script(statement: Statement) -> tuple[str, dict[str, str]]:
    """The statement with pgbench's names for its parameters, and their values as texts."""
    literal = LITERAL.sub(_without_colons, " ".join(statement.text.split()))
    text = PLACE.sub(r":p\1", literal)
    values = {f"p{number}": _text(value) for number, value in enumerate(statement.parameters, 1)}
    return f"{text};\n", values


def run_pgbench(
    dsn: str, statement: Statement, folder: Path, *, connections: int, seconds: float
) -> float:
    """How often a second; `folder` takes the script."""
    text, values = script(statement)
    file = folder / "pgbench.sql"
    file.write_text(text)
    definitions = [f"--define={name}={value}" for name, value in values.items()]
    done = subprocess.run(
        [
            str(find_postgres() / "pgbench"), "--no-vacuum", "--protocol=prepared",
            f"--client={connections}", f"--jobs={min(THREADS, connections)}",
            f"--time={max(1, round(seconds))}", f"--file={file}", *definitions, dsn,
        ],
        check=True,
        capture_output=True,
        text=True,
    )  # fmt: skip
    found = SPEED.search(done.stdout)
    if found is None:
        raise RuntimeError(f"pgbench says nothing of its speed: {done.stdout} {done.stderr}")
    return float(found[1])


def _without_colons(literal: re.Match[str]) -> str:
    """The same constant; pgbench takes a colon for the beginning of a variable even there."""
    return "U&" + literal[0].replace("\\", r"\\").replace(":", r"\003A")


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "{" + ",".join(f'"{each}"' for each in value) + "}"
    return str(value)
