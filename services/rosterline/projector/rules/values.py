"""SIS values as OneRoster writes them: what is absent is None, which the wire leaves out."""

from datetime import date


def present(text: str | None) -> str | None:
    """The text, unchanged; None when there is nothing but blanks in it."""
    return text if text and not text.isspace() else None


def day_text(day: date | None) -> str | None:
    """`2026-08-24`: dates are passed on as the SIS has them."""
    return None if day is None else day.isoformat()
