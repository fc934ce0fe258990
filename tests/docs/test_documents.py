"""What the documents say is so: links, commands, settings, the tree, the picture, the contracts."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import orjson
import pytest
import typer
from typer.core import TyperCommand, TyperGroup

from rosterline.api.operations import V1P1, V1P2
from rosterline.config.settings import Settings
from rosterline.events.catalogue import FOLDER
from rosterline.events.change import ChangeEvent
from rosterline.launch.cli import app
from rosterline.oneroster.vocabulary import Entity, Version
from rosterline.telemetry import failpoints

ROOT = Path(__file__).parents[2]
FOLDERS = ("services", "shared", "tests", "deploy")
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.md"))]
)
ARCHITECTURE = (ROOT / "services/README.md").read_text()
README = (ROOT / "README.md").read_text()
DECISIONS = sorted((ROOT / "services/decisions").glob("*.md"))
SECTIONS = ["Context", "Decision", "Consequences", "Refused"]

LINK = re.compile(r"\[[^]]*]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
SPAN = re.compile(r"`([^`\n]+)`")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
TARGET = re.compile(r"^([a-z]+):", re.MULTILINE)
MAKE = re.compile(r"\bmake ([a-z]+)\b")
SETTING = re.compile(r"\bROSTERLINE_([A-Z_]+)\b")
MODULE = re.compile(r"[a-z_0-9]+\.py")


def named(path: Path) -> str:
    """A document as test ids show it."""
    return path.relative_to(ROOT).as_posix()


def code(text: str) -> Iterator[str]:
    """Every line of shell and every code span of a document."""
    for kind, body in FENCE.findall(text):
        if kind == "sh":
            yield from body.replace("\\\n", " ").splitlines()
    yield from SPAN.findall(FENCE.sub("", text))


def block(start: str) -> str:
    """The first fenced block of the architecture page behind a heading."""
    _, _, rest = ARCHITECTURE.partition(f"\n## {start}\n")
    match = FENCE.search(rest)
    assert match is not None, f"no block below {start}"
    return match[2]


def anchor(heading: str) -> str:
    """The address of a heading, as forges make it."""
    return re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")


def commands(group: object, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], set[str]]:
    """Every command's options by the words that call it."""
    assert isinstance(group, TyperGroup)
    found: dict[tuple[str, ...], set[str]] = {}
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            found |= commands(command, (*path, name))
            if command.invoke_without_command:
                found[(*path, name)] = {name for option in command.params for name in option.opts}
        else:
            assert isinstance(command, TyperCommand)
            found[(*path, name)] = {name for option in command.params for name in option.opts}
    return found


KNOWN = commands(typer.main.get_command(app))


def calls(text: str) -> Iterator[list[str]]:
    """The words behind `rosterline` wherever a document calls it."""
    for line in code(text):
        for match in re.finditer(r"(?:^|[(/ ])rosterline ([a-z][^)|#…]*)", line):
            yield shlex.split(match[1])
        for match in re.finditer(r'make demo ARGS="([^"]*)"', line):
            yield ["demo", *shlex.split(match[1])]


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_links_lead_somewhere(document: Path) -> None:
    lost = []
    for target in LINK.findall(FENCE.sub("", document.read_text())):
        if "://" in target:
            continue
        name, _, fragment = target.partition("#")
        path = (document.parent / name).resolve() if name else document
        found = path.is_relative_to(ROOT) and path.exists()
        if found and fragment:
            found = fragment in map(anchor, HEADING.findall(path.read_text()))
        if not found:
            lost.append(target)
    assert lost == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_make_targets_exist(document: Path) -> None:
    targets = set(TARGET.findall((ROOT / "Makefile").read_text()))
    used = {name for line in code(document.read_text()) for name in MAKE.findall(line)}
    assert used <= targets


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_commands_and_their_options_exist(document: Path) -> None:
    wrong = []
    for words in calls(document.read_text()):
        path = next((tuple(words[:n]) for n in (2, 1) if tuple(words[:n]) in KNOWN), None)
        options = {word.partition("=")[0] for word in words if word.startswith("--")}
        if path is None or options - KNOWN[path]:
            wrong.append(words)
    assert wrong == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_settings_exist(document: Path) -> None:
    known = {name.upper() for name in Settings.model_fields}
    known.add(failpoints.VARIABLE.removeprefix("ROSTERLINE_"))
    assert set(SETTING.findall(document.read_text())) <= known


def test_modules_that_documents_name_exist() -> None:
    on_disk = {path.name for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")}
    named_modules = {
        word
        for document in DOCUMENTS
        for span in SPAN.findall(document.read_text())
        for word in MODULE.findall(span)
    }
    assert named_modules <= on_disk


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 200


def test_the_readme_shows_every_command() -> None:
    shown = {tuple(words[:n]) for words in calls(README) for n in (1, 2)}
    assert set(KNOWN) - shown == {("version",)}


def test_the_readme_counts_the_endpoints() -> None:
    assert f"all {len(V1P2)} reads of OneRoster 1.2 and all {len(V1P1)} of 1.1" in README


@pytest.mark.parametrize(
    "number", re.findall(r"^\| (G\d+) \|.*\| tested \|$", README, re.MULTILINE)
)
def test_a_promise_that_is_called_tested_has_tests_of_its_name(number: str) -> None:
    pattern = re.compile(rf"def test_(g\d+_)*{number.lower()}_")
    files = [*(ROOT / "tests").rglob("test_*.py")]
    assert any(pattern.search(path.read_text()) for path in files)


def test_decisions_are_numbered_linked_and_of_one_shape() -> None:
    assert [int(path.name[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))
    for path in DECISIONS:
        title, *sections = HEADING.findall(path.read_text())
        assert title.startswith(f"{path.name[:4]} · ")
        assert sections == SECTIONS, path.name
        words = title.partition(" · ")[2]
        assert f"- [{path.name[:4]}](decisions/{path.name}) {words}" in ARCHITECTURE.splitlines()


def test_the_tree_shows_every_module_and_no_other() -> None:
    shown: set[str] = set()
    root = folder = ""
    for line in block("The tree").splitlines():
        if not line.startswith(" "):
            root = folder = line.rstrip("/")
            continue
        words = line.replace("·", " ").split()
        if line.startswith("  ") and not line.startswith("   ") and words[0].endswith("/"):
            folder = f"{root}/{words.pop(0).rstrip('/')}"
        shown |= {f"{folder}/{word}.py" for word in words}
    on_disk = {
        named(path)
        for name in ("services/rosterline", "shared/rosterline")
        for path in (ROOT / name).rglob("*.py")
        if path.name != "__init__.py" and "migrations" not in path.parts
    }
    assert shown == on_disk


def test_the_picture_says_what_the_import_contracts_say() -> None:
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (layers,) = (found["layers"] for found in linter["contracts"] if found["type"] == "layers")
    picture = block("Who may import whom").splitlines()
    assert picture == [layer.replace("rosterline.", "") for layer in layers]


def test_the_table_of_headers_is_that_of_the_events() -> None:
    event = ChangeEvent(
        epoch="e",
        sequence=1,
        district="d",
        version=Version.V1P2,
        entity=Entity.USERS,
        operation="updated",
        sourced_id="s",
        time="t",
        transaction="1-0/1",
        index=1,
        last=True,
        data="{}",
        secondary_email="e",
    )
    _, _, rest = ARCHITECTURE.partition("| Header | Meaning |")
    table = rest.partition("\n\n")[0]
    cells = (line.split(" | ")[0] for line in table.splitlines()[2:])
    assert sorted(name for cell in cells for name in SPAN.findall(cell)) == sorted(event.headers())


def test_the_example_is_an_event_as_it_is_told() -> None:
    shown = orjson.loads(block("Events"))
    data = shown["data"]
    event = ChangeEvent(
        epoch="ebf44d6a",
        sequence=1290,
        district="district",
        version=Version.V1P2,
        entity=Entity.USERS,
        operation="updated",
        sourced_id=data["user"]["sourcedId"],
        time=data["user"]["dateLastModified"],
        transaction="1-0/1FD1FE8",
        index=1,
        last=True,
        data=orjson.dumps(data).decode(),
    )
    told = {name.removeprefix("ce-"): value for name, value in event.headers().items()}
    told["datacontenttype"] = told.pop("content-type")
    assert shown == {"streamsequence": 1290} | told | {"data": data}
    jsonschema.validate(data, orjson.loads((FOLDER / "v1p2.user.json").read_bytes()))


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_the_locks_hold_hashes_and_no_addresses(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "--hash=sha256:" in text
    assert "://" not in text


def test_the_table_of_reasons_has_every_rule_that_keeps_records_out() -> None:
    source = (ROOT / "services/rosterline/projector/rules/reasons.py").read_text()
    fixed = set(re.findall(r'rule="([^"]+)"', source))
    _, _, rest = ARCHITECTURE.partition("| Reason | Kept out is |")
    cells = [line.split(" | ")[0] for line in rest.partition("\n\n")[0].splitlines()[2:]]
    told = {word for cell in cells for word in SPAN.findall(cell)}
    assert len(fixed) > 10
    assert {word for word in told if not word.startswith("not a ")} == {
        word for word in fixed if not word.startswith("not a ")
    }
    assert {"not a user", "not a student"} <= told
