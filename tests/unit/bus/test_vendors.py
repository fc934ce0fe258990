"""What one connection may use on NATS, and that the server's configuration offers no more."""

from itertools import product

import pytest

from rosterline.bus.vendors import access_of, imported, inbox_prefix, server_accounts
from rosterline.ingest.entries import OPERATIONS, WRITABLE

TOKENS = 14


def matches(subject: str, pattern: str) -> bool:
    """Whether NATS takes a subject for one of a pattern's."""
    have, want = subject.split("."), pattern.split(".")
    if want[-1] == ">":
        return len(have) >= len(want) and matches(
            ".".join(have[: len(want) - 1]), ".".join(want[:-1])
        )
    return len(have) == len(want) and all(
        token in ("*", other) for other, token in zip(have, want, strict=True)
    )


def test_a_connection_may_use_its_own_subjects_consumer_and_inbox() -> None:
    access = access_of("north", "acme", "0a1b")
    assert access.publish == (
        "ingest.north.acme.batch",
        *(f"ingest.north.acme.{one}.{what}" for one in WRITABLE for what in OPERATIONS),
        "$JS.rosterline.API.CONSUMER.MSG.NEXT.VERDICT_acme.verdicts",
        "$JS.rosterline.API.CONSUMER.INFO.VERDICT_acme.verdicts",
        "$JS.ACK.VERDICT_acme.verdicts.*.*.*.*.*",
        "$JS.ACK.*.*.VERDICT_acme.verdicts.*.*.*.*.*",
    )
    assert access.subscribe == ("_INBOX_0a1b.>",)
    assert inbox_prefix("0a1b") == "_INBOX_0a1b"


def test_all_that_a_connection_may_publish_is_imported() -> None:
    offered = [own for _, own in imported()]
    for allowed in access_of("north", "acme", "0a1b").publish:
        sample = allowed.replace("*", "x").replace(">", "x.y")
        assert any(matches(sample, pattern) for pattern in offered), allowed


@pytest.mark.parametrize("app", ["other", "verdicts", "acme-2", "VERDICT_acme"])
def test_no_acknowledgement_of_one_app_is_anothers_in_either_form(app: str) -> None:
    # A stream's consumer listens for both forms, of just these lengths.
    mine, others = (
        [subject for subject in access_of("north", name, "0a1b").publish if ".ACK." in subject]
        for name in ("acme", app)
    )
    words = ["VERDICT_acme", f"VERDICT_{app}", "verdicts", "_", "1"]
    heard = [others[0], others[1]]
    for first, second, third, fourth in product(words, repeat=4):
        for length in range(6, TOKENS):
            subject = ".".join(["$JS", "ACK", first, second, third, fourth, *["1"] * (length - 6)])
            if any(matches(subject, pattern) for pattern in mine):
                assert not any(matches(subject, pattern) for pattern in heard), subject


def test_replies_cannot_go_on_for_there_is_one_export_to_vendors() -> None:
    configuration = server_accounts("user", "'password'", "ISSUER")
    assert configuration.count("accounts: [VENDORS]") == 1
    assert configuration.count("subject:") == len(list(imported())) + 2
