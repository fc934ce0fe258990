"""The vendors' door to NATS: what their account imports, and which of that one connection may use.

All imports come out of one export, and must: the server lets no reply pass a second import of the
same export, so that a reply to a subject of the vendor's choice ends in the vendors' account. Out
of several exports, a vendor could have its verdicts delivered into another's subjects. Pure.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from rosterline.bus.topology import VERDICTS_CONSUMER, verdict_stream
from rosterline.events.commands import CommandOperation
from rosterline.events.subjects import INGEST_SUBJECTS, batch_subject, command_subject
from rosterline.oneroster.vocabulary import WRITTEN, Entity, Version

SERVICES_ACCOUNT: Final = "ROSTERLINE"
VENDORS_ACCOUNT: Final = "VENDORS"
SYSTEM_ACCOUNT: Final = "$SYS"
CALLOUT_SUBJECT: Final = "$SYS.REQ.USER.AUTH"
# Who asks here is told the public key of the API's issuer: by whom vendors can be admitted.
DOOR_SUBJECT: Final = "vendors.door"
CONNECTIONS_SUBJECT: Final = f"$SYS.REQ.ACCOUNT.{VENDORS_ACCOUNT}.CONNZ"
# What vendors call a JetStream domain: under its usual name, each account has an API of its own.
DOMAIN: Final = "rosterline"
API: Final = "$JS.API"
VENDORS_API: Final = f"$JS.{DOMAIN}.API"
CALLS: Final = ("CONSUMER.MSG.NEXT", "CONSUMER.INFO")
# How a message is acknowledged: NATS knows two forms and changes from the first to the second. Of
# just these lengths, for a longer one of the second could be read as another stream's of the first.
ACKNOWLEDGEMENTS: Final = (
    "$JS.ACK.{stream}.{consumer}.*.*.*.*.*",
    "$JS.ACK.*.*.{stream}.{consumer}.*.*.*.*.*",
)
# What ingest takes: all that is written but resources.
SENT: Final = tuple(entity for entity in WRITTEN[Version.V1P2] if entity is not Entity.RESOURCES)
# Time to check a secret while others are checked.
CALLOUT_SECONDS: Final = 5
# A reply is remembered as long, and twice that at most: a pull may wait no longer unanswered.
REPLY_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Access:
    """The subjects that a connection may publish to and subscribe to."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


def inbox_prefix(client_id: str) -> str:
    """What a vendor's replies must come to. No other vendor knows it, so none can send there."""
    return f"_INBOX_{client_id}"


def access_of(district: str, app: str, client_id: str) -> Access:
    """A connection's own commands, the one consumer of its verdicts, and its inbox; no more."""
    own = {"stream": verdict_stream(app), "consumer": VERDICTS_CONSUMER}
    return Access(
        publish=(
            *commands_of(district, app),
            *(f"{VENDORS_API}.{call}.{own['stream']}.{own['consumer']}" for call in CALLS),
            *(form.format(**own) for form in ACKNOWLEDGEMENTS),
        ),
        subscribe=(f"{inbox_prefix(client_id)}.>",),
    )


def commands_of(district: str, app: str) -> Iterator[str]:
    """The subjects of a connection's commands, each by its name.

    What else stands below them may be no text at all, and clients break off reading at that.
    """
    yield batch_subject(district, app)
    for entity in SENT:
        for operation in CommandOperation:
            yield command_subject(district, app, entity.value, operation.value)


def imported() -> Iterator[tuple[str, str]]:
    """What the vendors' account imports: the services' subject, and the one that vendors use."""
    yield INGEST_SUBJECTS, INGEST_SUBJECTS
    for call in CALLS:
        token = f"{call}.*.{VERDICTS_CONSUMER}"
        yield f"{API}.{token}", f"{VENDORS_API}.{token}"
    for form in ACKNOWLEDGEMENTS:
        subject = form.format(stream="*", consumer=VERDICTS_CONSUMER)
        yield subject, subject


def server_accounts(user: str, password: str, issuer: str) -> str:
    """The part of a NATS server's configuration about who may do what.

    `password` and `issuer`, the issuer's public key, may be names of variables.
    """
    imports = "".join(
        f'      {{ service: {{ account: {SERVICES_ACCOUNT}, subject: "{subject}" }}'
        + (f', to: "{own}"' if own != subject else "")
        + " }\n"
        for subject, own in imported()
    )
    return CONFIGURATION.format(
        user=user,
        password=password,
        issuer=issuer,
        imports=imports,
        services=SERVICES_ACCOUNT,
        vendors=VENDORS_ACCOUNT,
        system=SYSTEM_ACCOUNT,
        connections=CONNECTIONS_SUBJECT,
        callout_seconds=CALLOUT_SECONDS,
        reply_seconds=REPLY_SECONDS,
    )


CONFIGURATION: Final = """\
accounts {{
  # Of the system no more than which vendors are connected, and ending a connection.
  {system} {{
    exports: [
      {{ service: "{connections}", response_type: stream, accounts: [{services}] }}
      {{ service: "$SYS.REQ.SERVER.*.KICK", accounts: [{services}] }}
    ]
  }}
  {services} {{
    jetstream: enabled
    users: [ {{ user: {user}, password: {password} }} ]
    imports: [
      {{ service: {{ account: "{system}", subject: "{connections}" }} }}
      {{ service: {{ account: "{system}", subject: "$SYS.REQ.SERVER.*.KICK" }} }}
    ]
    # One export, whatever vendors import: so no reply can go on through another import.
    exports: [
      {{ service: ">", response_type: stream, threshold: {reply_seconds}s, accounts: [{vendors}] }}
    ]
  }}
  {vendors} {{
    imports: [
{imports}    ]
  }}
}}
authorization {{
  timeout: {callout_seconds}
  # Everybody but the services' user is admitted by the API, or not at all.
  auth_callout {{ issuer: {issuer}, account: {services}, auth_users: [ {user} ] }}
}}
"""
