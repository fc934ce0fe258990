"""`dateLastModified` as text: UTC, milliseconds, a literal Z (OneRoster: dateTime)."""

from datetime import UTC, datetime


def format_stamp(moment: datetime) -> str:
    """`2026-11-21T08:15:00.123Z`; finer parts than a millisecond are cut off."""
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"
