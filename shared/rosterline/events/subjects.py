"""Every NATS subject, made in one place. Subjects hold no ids: their number stays small."""

SIS_SUBJECTS = "sis.>"
RECORDS_SUBJECTS = "records.>"
ONEROSTER_SUBJECTS = "oneroster.>"
POSITION_SUBJECTS = "position.>"
INGEST_SUBJECTS = "ingest.>"


def source_subject(source: str, district: str, kind: str) -> str:
    """Subject of a message of stream SIS or RECORDS; `source` is `sis` or `records`."""
    return f"{source}.{district}.{kind}"


def gap_subject(district: str) -> str:
    """Subject that tells subscribers of ONEROSTER that events may be missing."""
    return f"oneroster.{district}.gap"


def version_subjects(district: str, version: str) -> str:
    """All change events of one OneRoster version."""
    return f"oneroster.{district}.{version}.>"


def change_subjects(district: str) -> str:
    """The change events of all versions, and nothing else."""
    return f"oneroster.{district}.*.*.*"


def position_subject(district: str, slot: str) -> str:
    """Subject whose last message is the position that a slot has been confirmed to."""
    return f"position.{district}.{slot}"


def command_subject(district: str, app: str, collection: str, operation: str) -> str:
    """Subject to which a connection sends commands on the records of a collection."""
    return f"ingest.{district}.{app}.{collection}.{operation}"


def batch_subject(district: str, app: str) -> str:
    """Subject to which a connection sends many commands in one message."""
    return f"ingest.{district}.{app}.batch"


def verdict_subjects(app: str) -> str:
    """All verdicts on the commands of a connection."""
    return f"verdict.{app}.>"


def verdict_subject(app: str, state: str) -> str:
    """Subject of a verdict."""
    return f"verdict.{app}.{state}"


def answer_subject(inbox: str) -> str:
    """Where a process that waits for verdicts listens; `inbox` is its own token."""
    return f"answer.{inbox}"
