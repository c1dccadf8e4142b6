# `make run` starts Dialgraph, `make test` runs every check. Both install what they need first.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test lint studio bench lock clean

run: .venv/.installed
	@$(BIN)/dialgraph serve

test: .venv/.installed-dev lint
	$(BIN)/python -m pytest

lint: .venv/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# LangGraph Studio on the same graphs; its server is a development tool under its own licence.
studio: .venv/.installed-dev
	LANGSMITH_TRACING=false $(BIN)/langgraph dev

bench: .venv/.installed-dev
	@for file in benchmarks/*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

# Needs uv. The locks hold hashes and no addresses.
lock:
	uv pip compile --universal --generate-hashes --no-header --no-annotate -q pyproject.toml -o requirements.lock
	uv pip compile --universal --generate-hashes --no-header --no-annotate -q --group dev -c requirements.lock pyproject.toml -o requirements-dev.lock

clean:
	rm -rf .venv .pytest_cache .ruff_cache .mypy_cache .langgraph_api *.egg-info

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Dialgraph needs Python 3.11 or newer; name one with: make run PYTHON=python3.11"; exit 1; }
	@echo "Making the environment in .venv ..."
	@$(PYTHON) -m venv .venv

.venv/.installed: requirements.lock pyproject.toml | .venv/bin/python
	@echo "Installing the packages of requirements.lock (a minute, the first time only) ..."
	@$(BIN)/python -m pip install --no-deps --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.installed-dev: requirements-dev.lock .venv/.installed
	@echo "Installing the development packages ..."
	@$(BIN)/python -m pip install --no-deps --require-hashes -r requirements-dev.lock
	@touch $@
