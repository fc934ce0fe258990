"""Every NATS subject, made in one place. Subjects hold no ids: their number stays small."""

SIS_SUBJECTS = "sis.>"
RECORDS_SUBJECTS = "records.>"
ONEROSTER_SUBJECTS = "oneroster.>"
POSITION_SUBJECTS = "position.>"


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
