"""A dossier and what is stored of it → the answer. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from rosterline.oneroster.vocabulary import Collection, Status
from rosterline.projector.explain.dossiers import Dossier
from rosterline.projector.explain.findings import Finding, Reason
from rosterline.projector.explain.model import (
    NUMBERS,
    ExplainedRecord,
    Explanation,
    KeptOutRecord,
    PlaceCount,
    RowName,
    record_name,
)
from rosterline.projector.explain.subjects import Question
from rosterline.projector.explain.vendor import ConnectionFacts, Viewing
from rosterline.projector.facts import Context
from rosterline.projector.rules.verdict import KeptOut

Stored = Mapping[tuple[Collection, str], Status]


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What an answer says beside its subject; `subject_id` is the id as the SIS has it."""

    question: Question
    subject_id: str
    found_by: str
    is_loading: bool
    is_held: bool
    connection: ConnectionFacts | None


def compose(
    context: Context, dossier: Dossier, stored: Stored, circumstances: Circumstances
) -> Explanation:
    """The explanation; with a connection only the records of its version."""
    connection = circumstances.connection
    if connection is not None:
        dossier = of_version(dossier, connection)
    view = None
    if connection is not None:
        view = Viewing(connection, dossier.person).view(dossier.findings)
    return Explanation(
        kind=circumstances.question.kind,
        id=circumstances.subject_id,
        found_by=circumstances.found_by,
        date=context.today,
        is_loading=circumstances.is_loading,
        is_held=circumstances.is_held,
        records=tuple(
            to_record(each, stored)
            for each in dossier.findings
            if not isinstance(each.verdict, KeptOut)
        ),
        kept_out=tuple(
            to_kept_out(each, each.verdict, stored)
            for each in dossier.findings
            if isinstance(each.verdict, KeptOut)
        ),
        rows=dossier.rows,
        places=count_places(dossier.places),
        connection=view,
    )


def of_version(dossier: Dossier, connection: ConnectionFacts) -> Dossier:
    """The dossier without what the connection's version does not know."""

    def chosen(findings: Iterable[Finding]) -> tuple[Finding, ...]:
        return tuple(
            each for each in findings if NUMBERS[each.collection.version] == connection.version
        )

    return replace(dossier, findings=chosen(dossier.findings), places=chosen(dossier.places))


def to_record(finding: Finding, stored: Stored) -> ExplainedRecord:
    """A record that came of it."""
    if finding.status is None:
        raise AssertionError(f"{finding.sourced_id} is kept out")
    return ExplainedRecord(
        **record_name(finding.collection, finding.sourced_id).model_dump(),
        status=finding.status,
        rule=finding.reason.rule,
        because=finding.reason.because,
        rows=names_of(finding.reason),
        stored=stored.get((finding.collection, finding.sourced_id)),
    )


def to_kept_out(finding: Finding, verdict: KeptOut, stored: Stored) -> KeptOutRecord:
    """A record that a rule kept out."""
    return KeptOutRecord(
        **record_name(finding.collection, finding.sourced_id).model_dump(),
        rule=verdict.rule,
        because=verdict.because,
        remedy=verdict.remedy,
        rows=names_of(verdict),
        stored=stored.get((finding.collection, finding.sourced_id)),
    )


def names_of(reason: Reason) -> tuple[RowName, ...]:
    """The rows that decided, each once."""
    return tuple(RowName(table=table, key=key) for table, key in dict.fromkeys(reason.rows))


def count_places(places: Iterable[Finding]) -> tuple[PlaceCount, ...]:
    """Class enrollments by what became of them and why, with one of each as an example."""
    groups: dict[tuple[str, str, str, str], list[Finding]] = defaultdict(list)
    for each in places:
        version = NUMBERS[each.collection.version]
        groups[version, each.sourced_id[0], each.status or "", each.reason.rule].append(each)
    return tuple(to_count(groups[key]) for key in sorted(groups, reverse=True))


def to_count(group: list[Finding]) -> PlaceCount:
    """How many class enrollments share a reason."""
    example = group[0]
    verdict = example.verdict
    return PlaceCount(
        version=NUMBERS[example.collection.version],
        role="student" if example.sourced_id.startswith("r") else "teacher",
        status=example.status,
        rule=example.reason.rule,
        count=len(group),
        example=example.sourced_id,
        because=example.reason.because,
        remedy=verdict.remedy if isinstance(verdict, KeptOut) else None,
    )
