# Everything a newcomer and CI need. It asks for Python >= 3.11, make and a package index; `make help` lists the rest.

UV_VERSION := 0.13.8
PYTHON     ?= python3
DEMO_DIR   ?= freehold-demo

UV   := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
BIN  := .venv/bin
MADE := .venv/.made-from-lock
DBT  := .tools/dbt/.made-from-requirements
ORACLE := .tools/oracle/.made-from-requirements
WEB  := src/freehold/server/web/static/manifest.json

# Two processes; who is done early takes tests from the end of the other's list, so that what a module makes is made once.
TOGETHER := -n 2 --dist worksteal

# Tests start some thousand processes: where this is set, each would compile all that it imports anew, for over a second.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: browser help install demo lint types layers spelling check test test-long test-dbt test-oracle test-duckdb-1 bench docs reference lock clean

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /\1|/' | awk -F'|' '{printf "  make %-15s %s\n", $$1, $$2}'

install: $(MADE) $(WEB) ## make .venv from the lock and bundle what the browser loads, and nothing else

demo: $(MADE) ## see it work: a retailer's 60 days, three caught faults and a wrong change, in ./freehold-demo
	$(BIN)/freehold demo --dir $(DEMO_DIR)

check: lint types layers spelling $(WEB) ## before every commit, under 2 minutes: lint, types, layers, spelling, fast tests
	$(BIN)/pytest -q $(TOGETHER) -m "not long and not real_data and not dbt and not oracle" $(SLOW:%=--ignore=%)

test: lint types layers spelling browser $(WEB) $(DBT) $(ORACLE) ## the whole gate, three quarters of an hour on two cores: all of check and every test but the long ones
	$(BIN)/pytest $(TOGETHER) -m "not long"

test-long: $(WEB) $(DBT) ## crash and load suites; BUDGET=40 starts no test after 40 minutes
	$(BIN)/pytest -m long $(if $(BUDGET),--budget $(BUDGET))

test-dbt: $(WEB) $(DBT) ## products that a real dbt builds, on DuckDB and PostgreSQL
	$(BIN)/pytest $(TOGETHER) -m dbt

test-oracle: $(MADE) $(ORACLE) ## metrics beside MetricFlow, and on known data of known answers
	$(BIN)/pytest $(TOGETHER) -m oracle

test-duckdb-1: build/duckdb-1/.made-from-lock ## what touches a warehouse, again, on the newest DuckDB 1
	build/duckdb-1/bin/pytest $(TOGETHER) -m "not long" tests/engines tests/quality tests/delivery

bench: $(MADE) ## what it costs, beside a bare script and beside peers: see docs/benchmarks.md
	$(BIN)/python bench/startup.py
	$(BIN)/python bench/estate.py
	$(BIN)/python bench/ledger.py
	$(BIN)/python bench/replay.py
	$(BIN)/python bench/checks.py
	$(BIN)/python bench/diff.py
	$(BIN)/python bench/plan.py
	$(BIN)/python bench/lineage.py
	$(BIN)/python bench/rules.py
	$(BIN)/python bench/incidents.py
	$(BIN)/python bench/dbt_history.py
	$(BIN)/python bench/metrics.py --peers
	$(BIN)/python bench/drilldown.py
	$(BIN)/python bench/catalog.py
	$(BIN)/python bench/openlineage.py
	$(BIN)/python bench/pages.py --peers
	$(BIN)/python bench/serving.py
	$(BIN)/python docs/generate.py

docs: $(MADE) ## build the documentation into site/; a dead link is an error
	$(BIN)/mkdocs build --strict

reference: $(MADE) ## write docs/reference/cli.md anew from the commands
	$(BIN)/python docs/generate.py

lock: ## renew uv.lock
	$(UV) lock

clean: ## remove what was built; .venv and .tools stay
	rm -rf build dist site web/node_modules $(DEMO_DIR) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage*

# -- parts of `check`

# What `check` leaves to `test`: suites that start processes by the dozen, replay weeks, or run every example.
SLOW := tests/demo tests/project/test_examples.py tests/ledger/test_processes.py tests/delivery/test_crash.py \
        tests/delivery/test_publication.py tests/ledger/test_moving.py tests/ledger/test_verify.py \
        tests/cli/test_on_postgres.py tests/server/test_in_a_browser.py tests/server/test_packaging.py \
        tests/server/test_running.py

lint: $(MADE)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(MADE)
	$(BIN)/mypy

layers: $(MADE)
	$(BIN)/lint-imports

spelling: $(MADE)
	$(BIN)/codespell README.md CONTRIBUTING.md CHANGELOG.md Makefile hatch_build.py .ci bench changes docs src web/css web/js

# -- environments

# Debian's Chromium, for the tests of pages, where this may install it; they say so where they find none.
browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || { \
	  [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && timeout 180 apt-get update -qq >/dev/null \
	  && DEBIAN_FRONTEND=noninteractive timeout 300 apt-get install -qq -y --no-install-recommends chromium >/dev/null; \
	} || echo "No Chromium was installed: the tests of pages take Playwright's own, or are skipped."

$(MADE): uv.lock pyproject.toml $(filter .tools/bin/uv,$(UV))
	$(UV) sync --frozen
	@touch $@

# The editable install has bundled it already; this is for sources that changed since.
$(WEB): $(MADE) hatch_build.py $(filter-out web/node_modules,$(wildcard web/*.* web/css/* web/js/*))
	$(BIN)/python hatch_build.py
	@touch $@

build/duckdb-1/.made-from-lock: uv.lock pyproject.toml $(filter .tools/bin/uv,$(UV))
	UV_PROJECT_ENVIRONMENT=build/duckdb-1 $(UV) sync --frozen
	$(UV) pip install --python build/duckdb-1/bin/python --upgrade 'duckdb>=1.5,<2'
	@touch $@

# dbt in an environment of its own, as its users have it; kept by `make clean`, since it is large.
$(DBT): tests/connect/dbt-requirements.txt $(filter .tools/bin/uv,$(UV))
	$(UV) venv --quiet --clear --python $(BIN)/python .tools/dbt
	$(UV) pip install --quiet --python .tools/dbt/bin/python -r $<
	@touch $@

# What metrics are held against, apart from us: what it stands on must never decide what we stand on.
$(ORACLE): tests/metrics/oracle-requirements.txt $(filter .tools/bin/uv,$(UV))
	$(UV) venv --quiet --clear --python $(BIN)/python .tools/oracle
	$(UV) pip install --quiet --python .tools/oracle/bin/python -r $<
	@touch $@

.tools/bin/uv:
	$(PYTHON) -m venv .tools
	.tools/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
