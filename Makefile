# The one door to every chore. `make` prints the list.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
BENCH := .venv-bench

.PHONY: help
help: ## Print this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

# The lock names everything, so nothing is resolved again: older pips fail at it when hashes are required.
$(READY): requirements-dev.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: set PYTHON=")'
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv module is needed (Debian: apt-get install python3-venv)"; exit 1; }
	@echo "Installing the locked dependencies into $(VENV) ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip check -q --disable-pip-version-check
	@touch $(READY)

# --- Using it ---

.PHONY: run
run: $(READY) ## Run everything here: PostgreSQL, three services, the gateway; Ctrl-C stops it
	@$(if $(AUTH),LOCAL_AUTH=$(AUTH)) $(BIN)/python -m deploy.local

.PHONY: certs
certs: $(READY) ## Make or renew the certificates of all processes, in .local/tls or TLS=FOLDER
	@$(BIN)/python -m deploy.certs $(or $(TLS),.local/tls) $(if $(DAYS),--days $(DAYS))

.PHONY: demo
demo: $(READY) ## Put a mix of loans through the running system and watch
	@$(if $(AUTH),LOCAL_AUTH=$(AUTH)) $(BIN)/python -m deploy.demo

.PHONY: token
token: $(READY) ## Print a token of the local issuer: ROLE=agent AGENT=3, or ROLE=customer PHONE=+14155550123
	@$(BIN)/python -m deploy.issuer token $(if $(ROLE),--role '$(ROLE)') $(if $(AGENT),--agent '$(AGENT)') \
		$(if $(PHONE),--phone '$(PHONE)') $(if $(SUBJECT),--subject '$(SUBJECT)')

.PHONY: secrets
secrets: ## Make the passwords that `docker compose up` needs, in ./secrets
	@$(PYTHON) -m deploy.passwords

.PHONY: migrate
migrate: $(READY) ## Migrate the database of MIGRATE_DATABASE_URL
	@$(BIN)/python -m deploy.migrate

# --- Proving it ---

.PHONY: test
test: $(READY) ## Run all tests
	$(BIN)/pytest

.PHONY: test-unit
test-unit: $(READY) ## Run the tests that need nothing but the code, in seconds
	$(BIN)/pytest tests/unit

.PHONY: chaos
chaos: $(READY) ## Break the system for MINUTES, with the faults of SEED, and prove that nothing was lost
	@$(BIN)/python -m tests.system.chaos $(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES))

.PHONY: overload
overload: $(READY) ## Ask three times as much as the system takes, for SECONDS, and say what is left of it
	@$(BIN)/python -m tests.system.overload $(SECONDS)

# The peers' dependencies are nobody else's business: a virtual environment of their own.
$(BENCH)/ready: requirements-bench.lock
	@$(PYTHON) -m venv $(BENCH)
	@echo "Installing the locked dependencies into $(BENCH) ..."
	@$(BENCH)/bin/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r requirements-bench.lock
	@touch $(BENCH)/ready

.PHONY: bench
bench: $(BENCH)/ready ## Measure the promises about speed, or one: B=P4
	@$(BENCH)/bin/python -m bench $(B)

.PHONY: bench-types
bench-types: $(BENCH)/ready ## Check the types of the benches
	@$(BENCH)/bin/mypy -p bench

.PHONY: check
check: lint types imports rules proto-check proto-lint tables-check ## Prove everything that needs no test

.PHONY: lint
lint: $(READY) ## Check style and likely mistakes
	$(BIN)/ruff check
	$(BIN)/ruff format --check

.PHONY: types
types: $(READY) ## Check the types
	$(BIN)/mypy

.PHONY: imports
imports: $(READY) ## Check who imports whom: the architecture
	$(BIN)/lint-imports

.PHONY: rules
rules: $(READY) ## Check sizes and names
	$(BIN)/python -m deploy.rules

.PHONY: proto-check
proto-check: $(READY) ## Prove that los/ is what protos/ say
	$(BIN)/python protos/generate.py --check

.PHONY: proto-lint
proto-lint: $(READY) ## Check the style of the contracts
	$(BIN)/buf lint los/descriptors.binpb --config protos/buf.yaml --path los

.PHONY: tables-check
tables-check: $(READY) ## Prove that the migrations make the tables that the services declare
	$(BIN)/pytest -q tests/integration/deploy/test_migrate.py -k declared

# --- Changing it ---

.PHONY: format
format: $(READY) ## Format the code and mend what can be mended
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

.PHONY: proto
proto: $(READY) ## Generate los/ from protos/
	$(BIN)/python protos/generate.py

.PHONY: lock
lock: $(READY) ## Lock the dependencies of pyproject.toml again
	$(BIN)/uv pip compile -q --custom-compile-command "make lock" --universal --generate-hashes --python-version 3.11 pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile -q --custom-compile-command "make lock" --universal --generate-hashes --python-version 3.11 pyproject.toml --group dev -o requirements-dev.lock
	$(BIN)/uv pip compile -q --custom-compile-command "make lock" --universal --generate-hashes --python-version 3.11 pyproject.toml --group bench -c requirements-dev.lock -o requirements-bench.lock

.PHONY: clean
clean: ## Remove what can be made again; the data in .local/ stay
	rm -rf $(VENV) build htmlcov .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
