"""`dateLastModified` as text: UTC, milliseconds, a literal Z (OneRoster: dateTime)."""

from datetime import UTC, datetime


def format_stamp(moment: datetime) -> str:
    """`2026-11-21T08:15:00.123Z`; finer parts than a millisecond are cut off."""
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return f"{text.removesuffix('+00:00')}Z"
