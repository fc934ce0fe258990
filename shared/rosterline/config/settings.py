"""Every setting of Rosterline, with its unit and meaning.

`launch` reads the environment once (prefix `ROSTERLINE_`) and passes the value on; no other module
looks at the environment. The table in `deploy/README.md` is compared with these fields by a test.
"""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

DistrictName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]


class Settings(BaseSettings):
    """All settings; each has a default that suits one machine, except the three addresses."""

    model_config = SettingsConfigDict(env_prefix="ROSTERLINE_", frozen=True, extra="ignore")

    sis_dsn: str = Field("", description="PostgreSQL address of the SIS database (schema `sis`).")
    sis_capture_dsn: str = Field(
        "",
        description="Address with which capture reads the SIS; SELECT and REPLICATION suffice. "
        "Empty: `sis_dsn`.",
    )
    dsn: str = Field("", description="PostgreSQL address of the Rosterline database (18 or newer).")
    nats_url: str = Field("", description="NATS address, with user and password if needed.")
    nats_issuer_seed: str = Field(
        "",
        description="Seed of the key with which the API admits vendors to NATS "
        "(`rosterline nats-issuer` makes one). Empty: no vendors on NATS.",
    )
    nats_public_url: str = Field(
        "",
        description="NATS address that vendors use; `connection add` shows it. Empty: the host of "
        "`nats_url`.",
    )
    nats_session_seconds: int = Field(
        3600,
        ge=1,
        description="Time after which a vendor's connection to NATS is to prove itself anew.",
    )

    district: DistrictName = Field(
        "district", description="Short name of the district; a token of every NATS subject."
    )
    time_zone: str = Field("UTC", description="IANA time zone in which the district's days begin.")
    host: str = Field("127.0.0.1", description="Address on which the API listens.")
    port: int = Field(8080, ge=0, le=65535, description="Port on which the API listens.")
    public_url: str = Field(
        "",
        description="Base of every absolute `href`. Empty: `http://<host>:<port>`.",
    )

    slot_prefix: str = Field(
        "rosterline",
        pattern=r"^[a-z0-9_]{1,40}$",
        description="Start of the names of replication slots and publications.",
    )
    part_rows: int = Field(
        1000, ge=1, description="Most changes in one message of stream SIS or RECORDS."
    )
    part_bytes: int = Field(
        400_000,
        ge=1000,
        description="Size in bytes at which a message is closed (one row may pass it).",
    )
    snapshot_rows: int = Field(5000, ge=1, description="Rows read at a time by the first snapshot.")
    idle_confirm_seconds: float = Field(
        10.0, gt=0, description="How often an idle capture confirms the SIS's WAL position."
    )

    stamp_lead_seconds: float = Field(
        1.0,
        ge=0,
        description="How far `dateLastModified` runs ahead of the clock, so that a poller who "
        "remembers the time of its last request loses nothing.",
    )
    batch_transactions: int = Field(
        200, ge=1, description="Most SIS transactions that the projector commits at once."
    )
    batch_rows: int = Field(
        2000, ge=1, description="Changed rows at which the projector stops adding to a batch."
    )
    load_people: int = Field(2000, ge=1, description="People projected at a time in a first load.")
    keep_source_hours: float = Field(
        24.0, ge=0, description="How long applied messages stay in stream SIS."
    )

    local_grades: bool = Field(
        False, description="OneRoster 1.2 shows the local grade name instead of the NCES grade."
    )

    secondary_email_v1p1: bool = Field(
        False, description="OneRoster 1.1 shows the secondary email address instead of the email."
    )
    agents_need_gradebook_sync: bool = Field(
        False,
        description="Only connections with gradebook sync see guardians and relatives.",
    )
    guard_share: float = Field(
        0.2,
        ge=0,
        le=1,
        description="Share of a collection above which a transaction's deletions are held until an "
        "operator releases them; 1 holds none.",
    )
    guard_records: int = Field(
        50, ge=1, description="Deletions in a collection below which nothing is ever held."
    )

    write_seconds: float = Field(
        10.0,
        gt=0,
        description="Time after which a write that is not readable yet is answered 202: it is kept "
        "and will be.",
    )
    longest_wait_seconds: int = Field(
        86400,
        ge=0,
        description="Longest time for which a command may wait for the roster (`Rosterline-Wait`).",
    )
    keep_commands_hours: float = Field(
        168.0, gt=0, description="How long the verdicts on commands can be asked for."
    )
    statement_seconds: float = Field(
        30.0, gt=0, description="Time after which the API stops a query and answers 503."
    )
    token_seconds: int = Field(3600, ge=1, description="Lifetime of an access token.")
    trusted_proxies: str = Field(
        "127.0.0.1,::1",
        description="Addresses or networks of reverse proxies, separated by commas, whose "
        "`X-Forwarded-For` and `X-Forwarded-Proto` are believed.",
    )
    guess_seconds: int = Field(
        60, ge=1, description="Time in which requests with wrong credentials are counted."
    )
    guesses_per_client: int = Field(
        10,
        ge=1,
        description="Wrong credentials for one client from one address in that time, after which "
        "more are answered 429; of each API process.",
    )
    guesses_per_address: int = Field(
        100,
        ge=1,
        description="Wrong credentials from one address in that time, for all clients together.",
    )

    @property
    def base_url(self) -> str:
        """The address that vendors use, without a slash at the end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def vendors_nats_url(self) -> str:
        """The NATS address that vendors use, without credentials; empty when none is known."""
        if self.nats_public_url or not self.nats_url:
            return self.nats_public_url
        address = urlsplit(self.nats_url)
        return f"{address.scheme}://{address.netloc.rpartition('@')[2]}"

    @property
    def capture_dsn(self) -> str:
        """The address with which capture reads the SIS."""
        return self.sis_capture_dsn or self.sis_dsn
