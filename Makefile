# Everything a person runs here. `make help` lists it. Works with GNU make 3.81 and any POSIX sh.
# The environment is passed on as it is: certificate and proxy variables must reach pip and npm.

.DEFAULT_GOAL := help
SHELL := /bin/sh

CACHE ?= $(if $(YUANPING_CACHE),$(YUANPING_CACHE),$(HOME)/.cache/yuanping)
# Where there is no npm, ours is found by everything that is run here; another one comes first.
export PATH := $(PATH):$(CACHE)/node/bin
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
PYTEST = $(BIN)/python -m pytest
SECONDS ?= 600

# The newest Python of those we test with; a plain python3 last.
FIND_PYTHON = for p in python3.13 python3.12 python3.11 python3; do \
	  "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && break; p=; \
	done; \
	[ -n "$$p" ] || { echo "yuanping: no Python 3.11 or newer. Install python3.11 or later." >&2; exit 1; }

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-12s %s\n", $$1, $$2 }' Makefile

# --- environments -----------------------------------------------------------------------------

$(VENV)/bin/python:
	@$(FIND_PYTHON); \
	"$$p" -c 'import ensurepip, venv' >/dev/null 2>&1 || { \
	  echo "yuanping: this Python cannot make environments. Debian and Ubuntu: apt install python3-venv" >&2; \
	  exit 1; }; \
	echo "· environment ($$("$$p" --version))"; "$$p" -m venv $(VENV)

$(VENV)/.run: requirements.txt pyproject.toml | $(VENV)/bin/python
	@echo "· run-time packages"
	@$(PIP_INSTALL) --require-hashes -r requirements.txt
	@$(PIP_INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.run
	@echo "· packages of the tests"
	@$(PIP_INSTALL) --require-hashes -r requirements-dev.txt
	@touch $@

# npm brings the embedded chain and the Solidity compiler. Where there is no npm, one of our own.
node_modules/.done: package.json package-lock.json .npmrc .ci/requirements-npm.txt
	@if command -v npm >/dev/null 2>&1; then :; else \
	  set -e; home="$(CACHE)/node"; \
	  if [ ! -x "$$home/bin/npm" ]; then \
	    echo "· npm (kept in $$home)"; $(FIND_PYTHON); "$$p" -m venv "$$home"; \
	    "$$home/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes \
	      -r .ci/requirements-npm.txt; \
	  fi; \
	fi; \
	echo "· chain and compiler (npm)"; npm ci --ignore-scripts --silent --no-audit --no-fund
	@touch $@

.PHONY: setup
setup: $(VENV)/.run node_modules/.done ## make the environments only

# --- run --------------------------------------------------------------------------------------

.PHONY: demo
demo: setup ## run a whole tender over three centres; ARGS="--keep" and the like are passed on
	@$(BIN)/yuanping demo $(ARGS)

.PHONY: bench
bench: setup ## measure speed against the floor; ARGS="--quick" and the like are passed on
	@$(BIN)/yuanping bench $(ARGS)

# --- check ------------------------------------------------------------------------------------

.PHONY: test
test: lint generated node_modules/.done ## every check and every suite whose tools are here
	@failed=0; \
	echo "· pytest: what starts no network of its own, on all cores"; \
	$(PYTEST) -m "not soak and not network" -n auto --dist worksteal \
	  -o faulthandler_timeout=700 $(ARGS) || [ $$? = 5 ] || failed=1; \
	echo "· pytest: real processes"; \
	$(PYTEST) -m "network and not soak" $(ARGS) || [ $$? = 5 ] || failed=1; \
	exit $$failed

.PHONY: lint
lint: $(VENV)/.dev ## style, types, import rule
	@echo "· ruff check"; $(BIN)/ruff check --quiet .
	@echo "· ruff format"; $(BIN)/ruff format --quiet --check . || { \
	  echo "yuanping: not formatted. Run: make fmt" >&2; exit 1; }
	@echo "· mypy --strict"; $(BIN)/mypy --no-error-summary
	@echo "· import rule"; $(BIN)/lint-imports >$(VENV)/import-rule.txt 2>&1 || { \
	  cat $(VENV)/import-rule.txt >&2; exit 1; }

.PHONY: generated
generated: $(VENV)/.dev ## what is generated and committed must be what its source gives
	@echo "· generated files"; BIN=$(BIN) sh .ci/proto check
# Contract artifacts and test vectors are regenerated and compared by tests, inside `make test`.

.PHONY: soak
soak: $(VENV)/.dev node_modules/.done ## run the long tests for SECONDS=600
	@YUANPING_SOAK_SECONDS=$(SECONDS) $(PYTEST) -m soak -o faulthandler_timeout=0 $(ARGS)

.PHONY: mutants
mutants: $(VENV)/.dev ## plant every mistake of tests/mutants/lists; ARGS="sequencer" tries those of one file
	@$(BIN)/python -m tests.mutants $(ARGS)

# --- write ------------------------------------------------------------------------------------

.PHONY: fmt
fmt: $(VENV)/.dev ## format and mend what can be mended
	@$(BIN)/ruff check --quiet --fix .; $(BIN)/ruff format --quiet .

.PHONY: proto
proto: $(VENV)/.dev ## write the Python code of protos/
	@BIN=$(BIN) sh .ci/proto write

.PHONY: lock
lock: $(VENV)/bin/python ## renew the lock files after a change of a pin
	@BIN=$(BIN) sh .ci/lock

.PHONY: clean
clean: ## remove environments and caches (not the data of a demo)
	@rm -rf $(VENV) node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis \
	  .import_linter_cache .coverage dist build
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
