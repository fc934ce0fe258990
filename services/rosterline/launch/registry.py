"""The services: what each is called, how it is called, and the addresses that it needs."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Service:
    """A service as `up` starts it: a process of its own that runs `rosterline ARGUMENTS`."""

    name: str
    arguments: tuple[str, ...]
    needs: tuple[str, ...]


CAPTURE_SIS: Final = Service("capture-sis", ("capture", "sis"), ("sis_dsn", "nats_url"))
CAPTURE_RECORDS: Final = Service("capture-records", ("capture", "records"), ("dsn", "nats_url"))
PROJECTOR: Final = Service("projector", ("projector",), ("dsn", "nats_url"))
INGEST: Final = Service("ingest", ("ingest",), ("dsn", "nats_url"))
API: Final = Service("api", ("api",), ("dsn",))

SERVICES: Final = (CAPTURE_SIS, CAPTURE_RECORDS, PROJECTOR, INGEST, API)
