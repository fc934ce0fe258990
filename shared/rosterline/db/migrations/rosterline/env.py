"""Alembic's entry for the lineage `rosterline`; `rosterline.db.migrate` hands over the connection."""

from rosterline.db.lineage import run

run("rosterline")
