"""Writes over HTTP: requests become commands of stream INGEST, and verdicts become answers."""
