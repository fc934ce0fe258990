"""Alembic's entry for the lineage `sis`; `rosterline.db.migrate` hands over the connection."""

from rosterline.db.lineage import run

run("sis")
