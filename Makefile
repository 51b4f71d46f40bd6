# Needs Python >= 3.11 and make; everything else is installed into .venv from a package index.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.synced
# uv if the machine has it, else our own copy inside .venv.
UV = $(shell command -v uv 2>/dev/null || echo $(BIN)/uv)
VERSION = $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' connector/__init__.py)
ENGINE ?= docker

.PHONY: help demo calm grafana test serial unit kafka simulation chaos mutation check format bench lock audit sbom image clean
.DEFAULT_GOAL := help

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

$(STAMP): pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "front-connector needs Python 3.11 or newer; say make PYTHON=/path/to/python3")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@command -v uv >/dev/null 2>&1 || test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r image/tools.txt
	@UV_PROJECT_ENVIRONMENT=$(VENV) $(UV) sync --quiet --locked --all-groups --inexact
	@touch $@

demo: $(STAMP)  ## Kafka to Front on this machine, everything embedded, with faults; ends with a verdict
	@$(BIN)/front-connector demo

calm: $(STAMP)  ## the demo without faults
	@$(BIN)/front-connector demo --calm

grafana: $(STAMP)  ## the demo in a real Grafana with its dashboard, where Docker is: docs/dashboard.md
	@$(BIN)/python -m tests.dashboard.engine

test: $(STAMP)  ## all tests that this machine can run; docs/testing.md says what each part needs
	@$(BIN)/python -m tests.side_by_side

serial: $(STAMP)  ## the same tests in one process, one after another
	@$(BIN)/python -m pytest -q

unit: $(STAMP)  ## the quick tests only
	@$(BIN)/python -m pytest -q tests/unit tests/contract -m "not kafka and not registry"

kafka: $(STAMP)  ## the tests on a real broker only
	@$(BIN)/python -m pytest -q tests/kafka

simulation: $(STAMP)  ## 20,000 schedules of faults against the real pipeline; SIMULATION_SCHEDULES=n for more
	@SIMULATION_SCHEDULES=$${SIMULATION_SCHEDULES:-20000} $(BIN)/python -m pytest -q -s tests/simulation

chaos: $(STAMP)  ## brokers and connectors killed, frozen and cut off, on a real Kafka; CHAOS_ROUNDS=n for more
	@$(BIN)/python -m pytest -q tests/kafka/chaos/test_chaos.py

mutation: $(STAMP)  ## changes core bit by bit; fails for a change that no test notices (about an hour)
	@$(BIN)/mutmut run
	@$(BIN)/python -m tests.mutation.verdict

check: $(STAMP)  ## ruff, mypy, import-linter
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(STAMP)  ## put code into its form
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(STAMP)  ## records a second and CPU a record, beside a serial loop, per carrier
	@$(BIN)/python -m tests.benchmark.throughput

lock:  ## renew uv.lock and image/tools.txt
	@$(UV) lock
	@$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header image/tools.in --output-file image/tools.txt

audit: $(STAMP)  ## known vulnerabilities in what is locked
	@$(UV) export --quiet --locked --no-dev --all-extras --no-emit-project --format requirements-txt | $(BIN)/pip-audit --disable-pip --require-hashes -r /dev/stdin

sbom: $(STAMP)  ## dist/front-connector-VERSION.cdx.json: what a user's environment is made of, each file with its hash
	@mkdir -p dist
	@$(UV) export --quiet --locked --no-dev --all-extras --format cyclonedx1.5 --preview-features sbom-export --output-file dist/exported.json
	@$(BIN)/python image/sbom.py dist/exported.json dist/front-connector-$(VERSION).cdx.json $(VERSION)
	@rm dist/exported.json

image:  ## front-connector:VERSION, by Docker; ENGINE=podman for another
	@$(ENGINE) build --tag front-connector:$(VERSION) --build-arg REVISION="$$(git rev-parse HEAD)" \
	  --build-arg CREATED="$$(date -u +%Y-%m-%dT%H:%M:%SZ)" $(if $(BASE),--build-arg BASE=$(BASE)) .

clean:  ## remove what was made here
	@rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache .hypothesis mutants
