# Two commands on a fresh machine: `make run` and `make test`. `make` alone lists everything.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DATA := .csms
TEST_WORKERS ?= 3

# Stamps: the packages are installed again only when a requirement file is newer than its stamp.
RUN_READY := $(VENV)/.installed-run
DEV_READY := $(VENV)/.installed-dev
RUN_FILES := requirements/constraints.txt requirements/base.txt requirements/embedded.txt
DEV_FILES := $(RUN_FILES) requirements/test.txt requirements/dev.txt
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help run test check audit format bench fuzz delete-playground-data

help:
	@echo "make run      the whole product on http://127.0.0.1:8081, with its own MongoDB, Redis and MQTT broker"
	@echo "              HTTP_PORT=8082  SIMULATE=0  INSTANCES=2  CSMS_SERVER=uvicorn   change what is started"
	@echo "make test     the test suite on real servers (PYTEST_ARGS='-k boot -x' TEST_WORKERS=0)"
	@echo "make check    ruff (with bandit's rules), mypy, the import rules, known holes in packages"
	@echo "make format   let ruff rewrite what it can"
	@echo "make bench    measure on this machine (BENCH_ARGS='--quick')"
	@echo "make fuzz     random frames, a million of each kind, then ten minutes over sockets (FUZZ_SECONDS=3600, FUZZ_SEED=7)"
	@echo "make delete-playground-data    forget what 'make run' has stored in $(DATA)/"

run: $(RUN_READY)
	@$(BIN)/python -m csms.embedded --stop-with-parent

# Tests wait more than they compute: workers, each with servers of its own, halve the time even on two cores.
test: $(DEV_READY)
	$(BIN)/pytest -n $(TEST_WORKERS) --dist loadfile $(PYTEST_ARGS)

# Runs all five and fails when one of them did.
check: $(DEV_READY)
	@failed=; \
	for tool in 'ruff check .' 'ruff format --check .' mypy lint-imports 'python requirements/audit.py'; do \
	  echo "== $$tool"; $(BIN)/$$tool || failed="$$failed [$$tool]"; \
	done; \
	test -z "$$failed" || { echo "make check failed:$$failed"; exit 1; }

audit: $(DEV_READY)
	$(BIN)/python requirements/audit.py

format: $(DEV_READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(DEV_READY)
	$(BIN)/python -m bench $(BENCH_ARGS)

# The name of each test tells its seed; FUZZ_SEED=<number> makes the same frames again.
# A million frames take longer than the limit for a test that hangs.
fuzz: export FUZZ_SECONDS ?= 600
fuzz: export FUZZ_FRAMES ?= 1000000
fuzz: $(DEV_READY)
	$(BIN)/pytest tests/fuzz -v -s --log-level=WARNING --timeout=0

delete-playground-data: $(RUN_READY)
	@$(BIN)/python -m csms.embedded --delete-data

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Python 3.11 or newer is needed, and $(PYTHON) is not: install it, then 'make $(MAKECMDGOALS) PYTHON=python3.11'"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "Python's venv module is missing: sudo apt-get install python3-venv (or use 'docker compose up')"; exit 1; }
	@echo "creating $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)

$(RUN_READY): $(RUN_FILES) | $(BIN)/pip
	@echo "installing the packages of requirements/base.txt and requirements/embedded.txt (once, a minute or two)"
	@$(PIP) install -r requirements/base.txt -r requirements/embedded.txt
	@touch $@

$(DEV_READY): $(DEV_FILES) | $(BIN)/pip
	@echo "installing the packages of requirements/dev.txt (once, a minute or two)"
	@$(PIP) install -r requirements/dev.txt
	@touch $(RUN_READY) $@
