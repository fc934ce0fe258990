"""Alembic's entry for lineage `rosterline`; `rosterline.db.migrate` hands over the connection."""

from rosterline.db.lineage import run

run("rosterline")
