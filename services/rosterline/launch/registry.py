"""The services: what each is called, the function that runs it, and the addresses that it needs."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from rosterline.api import service as api
from rosterline.capture import service as capture
from rosterline.config.settings import Settings
from rosterline.ingest import service as ingest
from rosterline.launch.explainer import explainer_for
from rosterline.projector import service as projector

Serve = Callable[[Settings, asyncio.Event], Awaitable[None]]


@dataclass(frozen=True)
class Service:
    """A service as `up` starts it: a process of its own that runs `rosterline ARGUMENTS`."""

    name: str
    arguments: tuple[str, ...]
    needs: tuple[str, ...]
    serve: Serve


CAPTURE_SIS: Final = Service(
    "capture-sis", ("capture", "sis"), ("sis_dsn", "nats_url"), capture.serve_sis
)
CAPTURE_RECORDS: Final = Service(
    "capture-records", ("capture", "records"), ("dsn", "nats_url"), capture.serve_records
)
PROJECTOR: Final = Service("projector", ("projector",), ("dsn", "nats_url"), projector.serve)
INGEST: Final = Service("ingest", ("ingest",), ("dsn", "nats_url"), ingest.serve)
API: Final = Service("api", ("api",), ("dsn",), partial(api.serve, make_explainer=explainer_for))

SERVICES: Final = (CAPTURE_SIS, CAPTURE_RECORDS, PROJECTOR, INGEST, API)
