# Needs Python 3.11 or newer and nothing else: `make demo` shows the product, `make test` proves it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# Tests at once, as many as there are processors; `make test WORKERS=0` runs one after the other.
WORKERS ?= auto
# Universal and hashed: what is installed is pinned, where it is downloaded from is not recorded.
LOCK := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
	--no-emit-find-links --python-version 3.11 --custom-compile-command "make lock"

.PHONY: demo test check fmt bench lock clean

demo: $(VENV)/runtime ## a generated district that changes as you watch
	$(BIN)/rosterline demo $(ARGS)

test: $(VENV)/development ## every test, on real PostgreSQL and NATS
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile $(ARGS)

check: $(VENV)/development ## style, types, architecture
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy services shared tests
	$(BIN)/lint-imports

fmt: $(VENV)/development
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(VENV)/development ## the figures of the README, measured here
	$(BIN)/python -m tests.bench $(ARGS)

lock: $(VENV)/development ## new locks; UPGRADE=--upgrade takes newer versions
	echo "hatchling>=1.27" | $(LOCK) $(UPGRADE) pyproject.toml - -o requirements.lock
	echo "hatchling>=1.27" | $(LOCK) $(UPGRADE) pyproject.toml --group dev - -o requirements-dev.lock

clean:
	rm -rf $(VENV) .rosterline

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Rosterline needs Python 3.11 or newer; name one with PYTHON=/path/to/python" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# The development environment holds all of the runtime's, so it counts as both.
$(VENV)/runtime: requirements.lock pyproject.toml | $(BIN)/python
	$(PIP) install --require-hashes -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/development: requirements-dev.lock pyproject.toml | $(BIN)/python
	$(PIP) install --require-hashes -r requirements-dev.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/runtime
