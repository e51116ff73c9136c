SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
UV := .tools/bin/uv
export UV_NO_PROGRESS ?= 1
# Trust what the machine trusts, where it says so: a company's proxy signs with a certificate of its own.
ifneq ($(wildcard /etc/ssl/certs/ca-certificates.crt),)
export UV_SYSTEM_CERTS ?= 1
export NODE_USE_SYSTEM_CA ?= 1
endif
# One installation below .venv serves every target; a stamp tells which lock file it was made from.
LOCAL_STAMP := .venv/.installed-local
DEV_STAMP := .venv/.installed-dev
NODE_STAMP := local_stack/supabase/node_modules/.installed
AI_SDK_STAMP := tests/ai_sdk/node_modules/.installed
WEB_STAMP := frontend/node_modules/.installed
EXAMPLES_STAMP := examples/node_modules/.installed
DOCS_STAMP := .venv/.installed-docs
MERMAID_STAMP := documentation/node_modules/.installed
# The site is as new as its first page; it says what the documents, the examples and the code say.
DOCS_PAGE := site/index.html
DOCS_SOURCES := mkdocs.yml $(wildcard *.md) $(shell find docs documentation examples safycore_backend users chat \
  \( -name node_modules -o -name __pycache__ -o -name dist \) -prune -o -type f -print)
# The build is as new as its page. Folders are among the sources, so that a removed file counts as well.
WEB_PAGE := frontend/dist/index.html
WEB_SOURCES := $(shell find frontend -mindepth 1 \( -name node_modules -o -name dist \) -prune -o -print)
WEB_NPM := .venv/bin/python -m local_stack npm --package frontend

.PHONY: help up serve cluster prepared docs doctor audit test-timing test test-long test-faults test-cluster test-operations test-security test-mutants test-postgres verify-isolation test-unit test-web web web-figures api-types bench bench-quick bench-checkpoints bench-observing bench-cluster check format \
  lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: $(LOCAL_STAMP) ## Start SafyCore with everything it needs; Ctrl-C stops it all
	@$(MAKE) --no-print-directory --jobs 2 prepared
	@exec .venv/bin/python -m local_stack up

# Neither needs the other: npm waits for the network while the other one works.
prepared: $(NODE_STAMP) $(WEB_PAGE)
	@:

serve: $(LOCAL_STAMP) $(WEB_PAGE) ## Run the server as production does, under gunicorn, with what .env says
	@exec .venv/bin/python -m gunicorn --config deploy/gunicorn.conf.py

cluster: $(LOCAL_STAMP) ## Start three instances, nginx and Redis over the embedded parts; Ctrl-C stops it all
	@$(MAKE) --no-print-directory --jobs 2 prepared
	@exec .venv/bin/python -m local_stack cluster $(if $(KILL_EVERY),--kill-every $(KILL_EVERY))

web: $(WEB_PAGE) ## Build the web app, where its sources are newer than the build

test: $(DEV_STAMP) $(NODE_STAMP) $(AI_SDK_STAMP) test-web web ## Run the tests: the web app's, then those against real processes (under five minutes)
	@$(TWO_AT_ONCE) tests/browser tests/integration tests/api tests/security tests/unit \
	  $(addprefix --ignore ,$(LONG_TESTS)) \
	  $(addprefix --ignore tests/security/test_,$(addsuffix .py,cross_user fuzz hostile_texts verify_isolation))

test-long: $(DEV_STAMP) $(NODE_STAMP) $(EXAMPLES_STAMP) $(DOCS_PAGE) web ## Run those that take longer: most of the browser's, and those with a server for each case (some seven minutes)
	@$(TWO_AT_ONCE) $(LONG_TESTS)

# In the order that tests/conftest.py gives them.
TWO_AT_ONCE := .venv/bin/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder
LONG_TESTS := $(addprefix tests/browser/test_,$(addsuffix .py,account account_export documentation_site examples harness \
  markdown_payloads other_origin reference training)) \
  $(addprefix tests/api/test_,$(addsuffix .py,auth_confirmation auth_export auth_key_set auth_limits \
  auth_password_reset auth_timing chat_model_faults chat_token_limit headers health logs metrics reply_limits \
  security_log startup tracing)) \
  $(addprefix tests/integration/test_,$(addsuffix .py,bench local_stack)) \
  $(addprefix tests/security/test_,$(addsuffix .py,metrics_token secrets))

test-web: $(WEB_STAMP) ## Run the web app's own tests
	@$(WEB_NPM) run --silent test

test-faults: $(DEV_STAMP) $(NODE_STAMP) ## Run the long tests: kills, signals, failures (some ten minutes)
	@.venv/bin/python -m pytest tests/faults --ignore tests/faults/test_timing.py

test-operations: $(DEV_STAMP) $(NODE_STAMP) ## Run the tests of what operators do: doctor, backup, upgrade, pooler, Django's tables in Postgres
	@$(TWO_AT_ONCE) tests/operations

test-cluster: $(DEV_STAMP) $(NODE_STAMP) ## Run the tests of the API and of several instances through nginx; with KILL_EVERY=20 the API's, while one is killed
	@.venv/bin/python -m pytest --cluster $(if $(filter-out 0,$(KILL_EVERY)),--kill-every $(KILL_EVERY),tests/cluster) $(CLUSTER_TESTS)

# Those of the API that only speak HTTP to a server with the usual settings.
CLUSTER_TESTS := $(addprefix tests/api/test_,$(addsuffix .py,auth_account auth_change_password auth_login auth_logout \
  auth_password_reset auth_password_rules auth_profile auth_refresh auth_signup bad_input chat chat_idempotency \
  conversation_clear conversation_history conversation_stop headers isolation_http official_clients regenerate \
  sessions stream stream_join tokens training_data))

test-timing: $(DEV_STAMP) $(NODE_STAMP) ## Compare the times of refusals, 500 tries of each kind; wants an idle machine
	@.venv/bin/python -m pytest tests/faults/test_timing.py

test-security: $(DEV_STAMP) $(NODE_STAMP) $(WEB_PAGE) ## Run the security suites at full length and print their table
	@report="$$(mktemp)"; trap 'rm -f "$$report"' EXIT; \
	  export SAFYCORE_SECURITY_REPORT="$$report"; \
	  .venv/bin/python -m pytest tests/security; \
	  .venv/bin/python -m tests.mutants; \
	  .venv/bin/python -m tests.security.report "$$report"

test-mutants: $(DEV_STAMP) $(NODE_STAMP) ## Weaken each policy, grant and check in turn; fail if no test notices (some three minutes)
	@.venv/bin/python -m tests.mutants

test-postgres: $(DEV_STAMP) $(NODE_STAMP) ## Policies, store and doctor on another PostgreSQL: PG_BIN=/usr/lib/postgresql/15/bin
	@test -x "$(PG_BIN)/postgres" || { echo "Set PG_BIN to the folder of a PostgreSQL from 15 on." >&2; exit 1; }
	@"$(PG_BIN)/postgres" --version
	@PG_BIN="$(PG_BIN)" .venv/bin/python -m pytest tests/api/test_policies.py tests/api/test_store_contract.py \
	  tests/api/test_isolation_sql.py tests/operations/test_doctor.py tests/operations/test_backup_restore.py

audit: $(UV) $(WEB_STAMP) ## Ask the registries whether anything locked has a known hole
	@failed=0; \
	for lock in requirements/*.lock; do \
	  $(UV) tool run pip-audit==2.10.1 --disable-pip --require-hashes --strict -r $$lock || failed=1; done; \
	for package in frontend local_stack/supabase tests/ai_sdk; do \
	  .venv/bin/python -m local_stack npm --package $$package audit || failed=1; done; \
	exit $$failed

doctor: $(LOCAL_STAMP) ## Ask the services of the running make up whether all is well, and what to do
	@.venv/bin/python -m local_stack manage doctor --ask-model

verify-isolation: $(LOCAL_STAMP) ## Verify the isolation of the running make up
	@.venv/bin/python -m local_stack manage verify_isolation

test-unit: $(DEV_STAMP) ## Run the tests that need no process of ours
	@.venv/bin/python -m pytest tests/unit

# Further arguments come in BENCH, such as BENCH="turn --peer litellm" or BENCH="--messages 1000000".
bench: $(DEV_STAMP) $(NODE_STAMP) $(WEB_PAGE) ## Measure everything, beside nginx and a bare relay; some 15 minutes, and 12 GB of free disk for ten million messages
	@.venv/bin/python -m bench --peer nginx --peer relay $(BENCH)

bench-quick: $(DEV_STAMP) $(NODE_STAMP) $(WEB_PAGE) ## The same with fewer of everything, in under two minutes
	@.venv/bin/python -m bench --quick $(BENCH)

bench-cluster: $(DEV_STAMP) $(NODE_STAMP) ## Measure what one, two and three instances can do
	@.venv/bin/python -m bench.cluster

bench-checkpoints: $(DEV_STAMP) $(NODE_STAMP) ## Measure what saving a growing reply costs
	@.venv/bin/python -m bench.checkpoints

bench-observing: $(DEV_STAMP) ## Measure what metrics, logs and spans cost a reply
	@.venv/bin/python -m bench.observing

web-figures: $(DEV_STAMP) $(NODE_STAMP) $(WEB_PAGE) ## Measure the web app: sizes, first paint, accessibility
	@.venv/bin/python -m bench.web

docs: $(DOCS_PAGE) ## Build the documentation into site/, where its sources are newer than the build

api-types: $(DEV_STAMP) $(WEB_STAMP) ## Renew the web app's types of the API
	@.venv/bin/python -m tests.api_types --write

check: $(DEV_STAMP) $(WEB_STAMP) ## Lint, types, import contracts, OpenAPI drift; Python and web app
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@.venv/bin/python -m tests.openapi
	@.venv/bin/python -m tests.api_types
	@$(WEB_NPM) run --silent check

format: $(DEV_STAMP) $(WEB_STAMP) ## Format the code and mend what can be mended
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix .
	@$(WEB_NPM) run --silent format

lock: $(UV) ## Renew the lock files from pyproject.toml
	@$(UV) pip compile requirements/uv.in $(LOCK_FLAGS) -o requirements/uv.lock
	@$(UV) pip compile pyproject.toml $(LOCK_FLAGS) -o requirements/server.lock
	@$(UV) pip compile pyproject.toml --group local $(LOCK_FLAGS) -o requirements/local.lock
	@$(UV) pip compile pyproject.toml --group dev --extra tracing $(LOCK_FLAGS) -o requirements/dev.lock
	@$(UV) pip compile pyproject.toml --extra tracing $(LOCK_FLAGS) -o requirements/tracing.lock
	@$(UV) pip compile pyproject.toml --group docs $(LOCK_FLAGS) -o requirements/docs.lock

LOCK_FLAGS := --quiet --universal --python-version 3.11 --generate-hashes --no-header

clean: ## Remove what the other targets installed (never the data in .safycore)
	@rm -rf .venv .tools local_stack/supabase/node_modules tests/ai_sdk/node_modules frontend/node_modules frontend/dist \
	  site documentation/node_modules examples/node_modules $(wildcard examples/*/node_modules examples/*/dist)

.tools/bin/python:
	@echo "Preparing: a private Python environment for the installer"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "SafyCore needs Python 3.11 or newer; set PYTHON=/path/to/python3.11." >&2; exit 1; }
	@$(PYTHON) -m venv .tools \
	  || { echo "Python's venv module is missing; on Debian run: apt-get install python3-venv" >&2; exit 1; }

$(UV): requirements/uv.lock .tools/bin/python
	@echo "Preparing: uv"
	@.tools/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.lock
	@touch $@

.venv/bin/python: | $(UV)
	@$(UV) venv --quiet --python .tools/bin/python .venv

$(LOCAL_STAMP): requirements/local.lock $(UV) | .venv/bin/python
	@echo "Preparing: the Python packages (first time only)"
	@$(UV) pip install --quiet --python .venv/bin/python --require-hashes -r requirements/local.lock
	@touch $@

$(DEV_STAMP): requirements/dev.lock $(UV) | .venv/bin/python
	@echo "Preparing: the Python packages for development (first time only)"
	@$(UV) pip install --quiet --python .venv/bin/python --require-hashes -r requirements/dev.lock
	@touch $(LOCAL_STAMP) $@

$(AI_SDK_STAMP): tests/ai_sdk/package-lock.json | $(LOCAL_STAMP)
	@echo "Preparing: the AI SDK, for tests against it (first time only)"
	@.venv/bin/python -m local_stack install-node --package tests/ai_sdk
	@touch $@

$(EXAMPLES_STAMP): examples/package-lock.json | $(LOCAL_STAMP)
	@echo "Preparing: the packages of the examples, for tests of them (first time only)"
	@.venv/bin/python -m local_stack install-node --package examples
	@touch $@

$(DOCS_STAMP): requirements/docs.lock $(UV) | $(DEV_STAMP)
	@echo "Preparing: the Python packages of the documentation (first time only)"
	@$(UV) pip install --quiet --python .venv/bin/python --require-hashes -r requirements/docs.lock
	@touch $@

$(MERMAID_STAMP): documentation/package-lock.json | $(LOCAL_STAMP)
	@echo "Preparing: what draws the documentation's diagrams (first time only)"
	@.venv/bin/python -m local_stack install-node --package documentation
	@touch $@

$(DOCS_PAGE): $(DOCS_STAMP) $(MERMAID_STAMP) $(DOCS_SOURCES)
	@NO_MKDOCS_2_WARNING=1 .venv/bin/python -m mkdocs build --strict --quiet

$(NODE_STAMP): local_stack/supabase/package-lock.json | $(LOCAL_STAMP)
	@echo "Preparing: the local Supabase (first time only)"
	@.venv/bin/python -m local_stack install-node
	@touch $@

$(WEB_STAMP): frontend/package-lock.json | $(LOCAL_STAMP)
	@echo "Preparing: the web app's packages (first time only)"
	@.venv/bin/python -m local_stack install-node --package frontend
	@touch $@

$(WEB_PAGE): $(WEB_STAMP) $(WEB_SOURCES)
	@echo "Preparing: the web app"
	@$(WEB_NPM) run --silent build -- --logLevel warn
	@$(WEB_NPM) run --silent sizes
	@touch $@
