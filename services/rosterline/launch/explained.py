"""Explanations and reports as tables, for people."""

from rich.text import Text

from rosterline.launch.display import print_line, print_table
from rosterline.projector.explain.model import ConnectionView, ExplainedRow, Explanation
from rosterline.projector.explain.tally import Report

STYLES = {"active": "green", "tobedeleted": "yellow", None: "red"}
LOADING = "The SIS is being read whole: rows may be missing; ask again when that is done."
HELD = "A change waits for an operator's `rosterline release`: it is not in here, nor is any since."


def print_explanation(told: Explanation) -> None:
    """An explanation for people."""
    of = f", for connection {told.connection.app}" if told.connection else ""
    print_line(f"{told.kind} {told.id} (found by {told.found_by}), as of {told.date}{of}")
    print_records(told)
    if told.places:
        print_table(
            "Class enrollments",
            ["version", "role", "status", "count", "why, of one of them"],
            (
                [
                    each.version,
                    each.role,
                    fate(each.status),
                    str(each.count),
                    f"{each.example}: {with_remedy(each.because, each.remedy)}",
                ]
                for each in told.places
            ),
        )
    if told.connection is not None:
        print_connection(told.connection)
    if told.rows:
        print_table(
            "Rows of the SIS",
            ["row", "columns", "", "why"],
            (
                [
                    f"{row.table} {row.key}",
                    columns_of(row),
                    fate(row.status) if row.status or not row.counts else Text("counts"),
                    "" if row.counts and not row.status else with_remedy(row.because, row.remedy),
                ]
                for row in told.rows
            ),
        )
    print_state(told)


def print_records(told: Explanation) -> None:
    """What came of it and what did not."""
    rows = [
        [
            each.version,
            each.entity.value,
            each.sourced_id,
            fate(each.status),
            each.because + stored_differently(each.status, each.stored),
        ]
        for each in told.records
    ]
    rows += [
        [
            each.version,
            each.entity.value,
            each.sourced_id,
            fate(None),
            with_remedy(each.because, each.remedy)
            + (" A tombstone of it is in the API." if each.stored else ""),
        ]
        for each in told.kept_out
    ]
    print_table("Records", ["version", "entity", "sourcedId", "status", "why"], rows)


def stored_differently(status: str, stored: str | None) -> str:
    """A word where the API has something else now."""
    if stored == status:
        return ""
    return f" (the API has it as {stored} now)" if stored else " (the API does not have it now)"


def print_connection(view: ConnectionView) -> None:
    """What the connection makes of the records."""
    print_table(
        f"Connection {view.app}, OneRoster {view.version}",
        ["entity", "sourcedId", "", "why"],
        [
            *(
                [
                    each.entity.value,
                    each.sourced_id,
                    Text("not shown", "red"),
                    with_remedy(each.because, each.remedy),
                ]
                for each in view.not_shown
            ),
            *(
                [each.entity.value, each.sourced_id, Text("otherwise", "yellow"), each.because]
                for each in view.altered
            ),
        ],
    )


def print_report(counts: Report) -> None:
    """A report for people."""
    print_line(f"As of {counts.date}")
    print_table(
        "People and classes",
        ["of the SIS", "all", "active", "tobedeleted", "kept out"],
        (
            [
                each.group,
                *(
                    f"{number:,}"
                    for number in (each.total, each.active, each.to_be_deleted, each.kept_out)
                ),
            ]
            for each in counts.groups
        ),
    )
    print_table(
        "Kept out",
        ["of the SIS", "rule", "count", "for example", "what to do"],
        (
            [
                group.group,
                cause.rule,
                f"{cause.count:,}",
                f"{cause.example.table} {cause.example.key}",
                cause.remedy,
            ]
            for group in counts.groups
            for cause in group.causes
        ),
    )
    print_table(
        "Records",
        ["version", "entity", "status", "rule", "count", "for example", "what to do"],
        (
            [
                each.version,
                each.entity.value,
                fate(each.status),
                each.rule,
                f"{each.count:,}",
                each.example,
                each.remedy or "",
            ]
            for each in counts.records
        ),
    )
    print_state(counts)


def print_state(told: Explanation | Report) -> None:
    """What may be missing."""
    if told.is_loading:
        print_line(LOADING)
    if told.is_held:
        print_line(HELD)


def fate(status: str | None) -> Text:
    """A status, or that there is none."""
    return Text(status or "kept out", STYLES[status])


def with_remedy(because: str, remedy: str | None) -> str:
    """Why, and what to do."""
    return f"{because}. {remedy}" if remedy else because


def columns_of(row: ExplainedRow) -> str:
    """The columns of a row that are filled in."""
    return ", ".join(
        f"{name}={written(value)}" for name, value in row.columns.items() if value is not None
    )


def written(value: object) -> str:
    """A value of a column as people write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return " ".join(map(str, value)) or "none"
    return str(value)
