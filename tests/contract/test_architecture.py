"""Our own lint: what ruff, mypy and import-linter cannot say of the code. Reads sources only."""

import ast
import re
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from rosterline.telemetry import failpoints

ROOT = Path(__file__).parents[2]
SOURCES = (ROOT / "services/rosterline", ROOT / "shared/rosterline")
MODULE_LINES = 350
FUNCTION_LINES = 50
DOCUMENTED_SHARE = 0.9
FEWEST_DOCSTRING_WORDS = 2

Function = ast.FunctionDef | ast.AsyncFunctionDef
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DOCUMENTED = (*FUNCTIONS, ast.ClassDef, ast.Module)

SQL = re.compile(
    r"\s*(WITH|SELECT|INSERT INTO|UPDATE|DELETE FROM|TRUNCATE|COPY|LOCK TABLE|SET TRANSACTION"
    r"|CREATE (TABLE|SCHEMA|ROLE|DATABASE|PUBLICATION)|ALTER (ROLE|TABLE|PUBLICATION)|GRANT)\s"
)
SQL_PLACES = {
    # SQL of a service stands in its `store`, or in modules that are named after what they ask.
    "services/rosterline/api": {
        "connections",
        "directory",
        "nonces",
        "readiness",
        "receipts",
        "revisions",
        "schools",
        "signing",
        "conditions",
        "relations",
        "sources",
        "sql",
        "tombstones",
    },
    "services/rosterline/capture": {"preflight", "source"},
    "services/rosterline/projector": {
        *(
            "due",
            "gather",
            "gather_written",
            "holds",
            "load",
            "mirror",
            "requests",
            "spread",
            "store",
            "switches",
            "withdraw",
        ),
    },
    "services/rosterline/ingest": {"dead_letters", "gather", "store", "waiting"},
    "services/rosterline/launch": {"check", "demo", "operate", "status", "up"},
    # A made-up district and its office write to the SIS with plain SQL, as a district does.
    "services/rosterline/sample": None,
    "shared/rosterline/db": None,
}
# Importing them is running them: the command, and what Alembic calls.
PROGRAMS = ("__main__.py", "migrations/")
IMPORT_ALL = """
import os, sys, threading

class Watched(dict):
    def __getitem__(self, name):
        assert not str(name).startswith("ROSTERLINE"), f"reads {name} while it is imported"
        return super().__getitem__(name)
    def get(self, name, default=None):
        return self[name] if name in self else default

# Settings that are built now cannot be: no port is called that.
os.environ = Watched(os.environ, ROSTERLINE_PORT="unset")
os.getenv = os.environ.get

def watch(event, arguments):
    ours = event in {"socket.connect", "socket.bind", "subprocess.Popen", "os.system"}
    writes = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
    byte_code = event == "open" and ".pyc" in str(arguments[0])
    assert not ours and (byte_code or not writes), f"{event} {arguments[0]!r} during an import"

sys.addaudithook(watch)
for name in sys.argv[1:]:
    __import__(name)
assert threading.active_count() == 1, f"a thread was started: {threading.enumerate()}"
"""


@cache
def modules() -> dict[str, ast.Module]:
    """The product's modules by path."""
    return {
        path.relative_to(ROOT).as_posix(): ast.parse(path.read_text())
        for source in SOURCES
        for path in sorted(source.rglob("*.py"))
    }


@cache
def modules_of_tests() -> dict[str, ast.Module]:
    """The tests' modules by path; measurements are none of them."""
    return {
        path.relative_to(ROOT).as_posix(): ast.parse(path.read_text())
        for path in sorted((ROOT / "tests").rglob("*.py"))
        if not path.is_relative_to(ROOT / "tests/bench")
    }


def functions(tree: ast.AST) -> Iterator[Function]:
    """Every function of a module, however deep."""
    return (node for node in ast.walk(tree) if isinstance(node, FUNCTIONS))


def called_names(tree: ast.AST) -> Iterator[str]:
    """The last part of the name of everything that is called."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute):
                yield node.func.attr
            elif isinstance(node.func, ast.Name):
                yield node.func.id


def public_definitions(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, ast.AST]]:
    """Classes, functions and methods without an underscore, named from the module on."""
    for node in body:
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)) and not node.name.startswith("_"):
            yield f"{prefix}{node.name}", node
            if isinstance(node, ast.ClassDef):
                yield from public_definitions(node.body, f"{prefix}{node.name}.")


def texts(tree: ast.Module) -> Iterator[str]:
    """Every text of a module that is no docstring."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, DOCUMENTED) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if id(node) in docstrings or not isinstance(node, ast.Constant):
            continue
        if isinstance(node.value, str):
            yield node.value


def may_hold_sql(path: str) -> bool:
    """Whether SQL may stand in the module."""
    for folder, names in SQL_PLACES.items():
        if path.startswith(f"{folder}/"):
            return names is None or Path(path).stem in names
    return False


def test_the_two_source_roots_stay_one_namespace() -> None:
    assert [path for path in SOURCES if (path / "__init__.py").exists()] == []


def test_no_function_imports_anything() -> None:
    hidden = [
        f"{path}: {function.name}"
        for path, tree in (modules() | modules_of_tests()).items()
        for function in functions(tree)
        if any(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(function))
    ]
    assert hidden == []


def test_no_import_cycle_hides_behind_type_checking() -> None:
    hiding = [
        path
        for path, tree in (modules() | modules_of_tests()).items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id == "TYPE_CHECKING"
    ]
    assert hiding == []


def test_modules_and_functions_keep_within_their_budgets() -> None:
    long = [
        f"{path}: {count} lines"
        for path in modules()
        if (count := len((ROOT / path).read_text().splitlines())) > MODULE_LINES
    ]
    long += [
        f"{path}: {function.name} has {count} lines"
        for path, tree in modules().items()
        for function in functions(tree)
        if (count := (function.end_lineno or 0) - function.lineno + 1) > FUNCTION_LINES
    ]
    assert long == []


def test_every_module_says_what_it_is() -> None:
    silent = [
        path
        for path, tree in (modules() | modules_of_tests()).items()
        if len((ast.get_docstring(tree) or "").split()) < FEWEST_DOCSTRING_WORDS
        and not path.endswith("tests/faults/__init__.py")
    ]
    assert silent == []


def test_public_names_are_documented() -> None:
    found = [
        (name, isinstance(node, DOCUMENTED) and ast.get_docstring(node) is not None)
        for path, tree in modules().items()
        for name, node in public_definitions(tree.body, f"{path}:")
    ]
    silent = [name for name, is_documented in found if not is_documented]
    assert len(found) > 100
    assert len(silent) <= len(found) * (1 - DOCUMENTED_SHARE), silent


def test_sql_stands_only_where_it_belongs() -> None:
    stray = {
        path
        for path, tree in modules().items()
        if not may_hold_sql(path) and any(SQL.match(text) for text in texts(tree))
    }
    assert stray == set()


def test_importing_reads_no_setting_and_opens_nothing() -> None:
    names = [
        path.partition("/")[2].removesuffix(".py").replace("/", ".").removesuffix(".__init__")
        for path in modules()
        if not any(program in path for program in PROGRAMS)
    ]
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, *names], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr


def test_every_fault_point_is_reached_by_the_product_and_by_a_test() -> None:
    constants = {
        name
        for name, value in vars(failpoints).items()
        if isinstance(value, str) and value in failpoints.ALL
    }
    product = "".join((ROOT / path).read_text() for path in modules())
    assert {name for name in constants if f"reach(failpoints.{name})" not in product} == set()
    assert len(constants) == len(failpoints.ALL) > 0
    tests = "".join(path.read_text() for path in (ROOT / "tests/faults").glob("*.py"))
    if not tests:
        pytest.skip("tests/faults holds no tests yet")
    named = {name for name in constants if name in tests}
    assert "failpoints.ALL" in tests or named == constants


def test_no_test_sleeps() -> None:
    sleepers = [
        path for path, tree in modules_of_tests().items() if "sleep" in set(called_names(tree))
    ]
    assert sleepers == []


# Counts calls of a method and passes each on to it.
COUNTING = {"tests/integration/projector/test_batches.py"}


def test_no_test_replaces_a_part_of_the_product() -> None:
    # A constant (a patience, a size) may be made small; a function or class may not be replaced.
    forbidden = re.compile(
        r"unittest\.mock|pytest_mock|mocker\.|monkeypatch\.setattr\((?!\s*\w+,\s*\"[A-Z_]+\")"
    )
    pretending = [
        f"{path}: {found[0]}"
        for path in modules_of_tests()
        if path != Path(__file__).relative_to(ROOT).as_posix() and path not in COUNTING
        for found in forbidden.finditer((ROOT / path).read_text())
    ]
    assert pretending == []


def can_fail(function: Function, checking: set[str]) -> bool:
    """Whether the function asserts, raises, or calls one that does."""
    checks = any(isinstance(node, ast.Assert | ast.Raise) for node in ast.walk(function))
    return checks or not checking.isdisjoint(called_names(function))


def test_every_test_asserts_something() -> None:
    everywhere = [function for tree in modules_of_tests().values() for function in functions(tree)]
    # Waiting for something that does not come fails as well.
    checking = {"raises", "fail", "until"}
    known = 0
    while known != len(checking):
        known = len(checking)
        checking |= {function.name for function in everywhere if can_fail(function, checking)}
    empty = [
        f"{path}: {function.name}"
        for path, tree in modules_of_tests().items()
        for function in functions(tree)
        if function.name.startswith("test_") and not can_fail(function, checking)
    ]
    assert empty == []


def test_every_package_of_a_service_is_held_by_the_import_contracts() -> None:
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    packages = {
        f"rosterline.{path.parent.name}" for source in SOURCES for path in source.glob("*/*.py")
    }
    assert set(linter["root_packages"]) == packages
    (layers,) = (found["layers"] for found in linter["contracts"] if found["type"] == "layers")
    assert {name.strip() for layer in layers for name in layer.split("|")} == packages


def test_the_import_contracts_hold() -> None:
    program = Path(sysconfig.get_path("scripts")) / "lint-imports"
    done = subprocess.run([program], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout
