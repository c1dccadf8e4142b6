# `make run` starts Dialgraph, `make test` runs every check. Both install what they need first.

PYTHON ?= python3
BIN := .venv/bin
SHELL := bash
.SHELLFLAGS := -o pipefail -c

# $(call install,LOCK): install a lock, showing how far it is in one line; what goes wrong is shown whole.
define install
	@total=$$(grep -c '==' $(1)); $(BIN)/python -m pip install --disable-pip-version-check --no-deps \
	  --require-hashes -r $(1) | awk -v total=$$total '/^(Collecting|Requirement)/ {printf "\r  %d of about %d packages", ++n, total; fflush()} \
	  /^Installing/ {printf "\n  unpacking them ...\n"; fflush()} END {print ""}'
endef

# Conversations in real time want the machine to themselves; all else runs two at a time.
REAL_TIME := browser conversation

.PHONY: run test lint studio bench lock clean

run: .venv/.installed
	@$(BIN)/dialgraph serve

test: .venv/.installed-dev lint
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile $(addprefix --ignore=tests/,$(REAL_TIME))
	$(BIN)/python -m pytest $(addprefix tests/,$(REAL_TIME))

lint: .venv/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# LangGraph Studio on the same graphs; its server is a development tool under its own licence.
studio: .venv/.installed-dev
	LOG_LEVEL=WARNING LANGSMITH_TRACING=false $(BIN)/langgraph dev

bench: .venv/.installed-dev
	@for name in decision amounts start speech voice_latency barge_in retrieval scan; do echo "== $$name"; $(BIN)/python -m benchmarks.$$name || exit 1; done

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
	@echo "Installing the packages of requirements.lock (a minute or two, the first time only) ..."
	$(call install,requirements.lock)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.installed-dev: requirements-dev.lock .venv/.installed
	@echo "Installing the development packages ..."
	$(call install,requirements-dev.lock)
	@touch $@
