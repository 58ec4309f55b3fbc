# Everything a person runs here. `make help` lists it.
# Python 3.11 or newer is all that must be there; Postgres, Node and Deno come as packages.

PYTHON ?= python3
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
NODE := PATH="$(CURDIR)/$(BIN):$$PATH"
READY := $(VENV)/.ready
NODE_READY := local/node_modules/.ready
# The packages of the edge functions, fetched once: the local cloud starts without a network.
EDGE_PACKAGES := $(CURDIR)/.tools/deno
EDGE_READY := .tools/deno/.ready
DASHBOARD_NODE_READY := dashboard/node_modules/.ready
DASHBOARD_READY := dashboard/dist/.ready
# Only `make advise` needs the Supabase CLI: 140 MB that nobody should wait for.
SUPABASE_CLI := 3.1.0
CLI_READY := .tools/.supabase-$(SUPABASE_CLI)
# Only the dashboard's benchmarks need Lighthouse (180 MB).
LIGHTHOUSE := 13.5.0
LIGHTHOUSE_READY := .tools/lighthouse/.ready-$(LIGHTHOUSE)
# What the benchmarks compare with, in a Python of its own: its packages do not go with ours.
PEERS_READY := .tools/peers/.ready

# Two workers; tests that share servers stay together, the longest groups come first (tests/conftest.py).
WORKERS := -n 2 --dist loadscope --no-loadscope-reorder

# Everything here is many short Python processes. Where the environment forbids to keep compiled modules, as containers
# do, each would compile all that it imports: three seconds for a broker's SDK. They are kept away from the sources.
export PYTHONDONTWRITEBYTECODE :=
export PYTHONPYCACHEPREFIX := $(CURDIR)/$(VENV)/pycache

.DEFAULT_GOAL := help
.PHONY: help setup demo up down status test e2e screenshots soak chaos security lint advise api format bench peers lock clean

help: ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-12s %s\n", $$1, $$2 }'

setup: $(READY) $(NODE_READY) $(EDGE_READY) $(DASHBOARD_READY) ## Everything the project needs, into .venv, node_modules and .tools; builds the dashboard

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed, this is $$($(PYTHON) --version); name another with: make PYTHON=python3.12"; exit 3; }
	@echo "Setting up Python packages in $(VENV) (two to three minutes the first time)"
	@test -x $(BIN)/python || scripts/ticking.sh $(PYTHON) -m venv $(VENV)
	@scripts/ticking.sh $(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	@scripts/ticking.sh $(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(NODE_READY): local/package.json local/package-lock.json $(READY)
	@echo "Setting up Node packages in local/node_modules (half a minute)"
	@cd local && $(NODE) ../scripts/ticking.sh npm ci --loglevel=error --no-progress --no-audit --no-fund >/dev/null
	@touch $@

$(EDGE_READY): supabase/functions/deno.lock supabase/functions/deno.json $(wildcard supabase/functions/*/deno.json) $(READY) $(NODE_READY)
	@echo "Setting up the packages of the edge functions in .tools/deno (some seconds)"
	@cd supabase/functions && $(NODE) NPM_CONFIG_REGISTRY="$$($(NODE) npm config get registry 2>/dev/null)" DENO_DIR="$(EDGE_PACKAGES)" DENO_NO_UPDATE_CHECK=1 \
		$(CURDIR)/$(BIN)/deno install --quiet --frozen --entrypoint */index.ts
	@touch $@

$(DASHBOARD_NODE_READY): dashboard/package.json dashboard/package-lock.json $(READY)
	@echo "Setting up Node packages in dashboard/node_modules (a minute)"
	@cd dashboard && $(NODE) ../scripts/ticking.sh npm ci --loglevel=error --no-progress --no-audit --no-fund >/dev/null
	@touch $@

$(DASHBOARD_READY): $(DASHBOARD_NODE_READY) docs/openapi.json dashboard/index.html dashboard/vite.config.ts $(shell find dashboard/src dashboard/public -type f ! -name schema.ts 2>/dev/null)
	@echo "Building the dashboard into dashboard/dist (some seconds)"
	@cd dashboard && $(NODE) npm run --silent api >/dev/null && $(NODE) npm run --silent build >/dev/null
	@touch $@

demo: setup ## Two real trading days through the whole system (ARGS="--json --exit" for machines)
	@$(BIN)/agenttrader demo $(ARGS)

up: setup ## The local cloud, until Ctrl-C
	@$(BIN)/agenttrader up $(ARGS)

down: setup ## Stops a running local cloud
	@$(BIN)/agenttrader down $(ARGS)

status: setup ## What is running, where, and how it is
	@$(BIN)/agenttrader status $(ARGS)

test: setup ## Every test (under ten minutes on two cores)
	@$(BIN)/python -m pytest $(WORKERS) $(ARGS)

e2e: setup ## Every story of the dashboard in a real browser (a few minutes)
	@$(BIN)/python -m pytest $(WORKERS) -m "e2e or smoke" tests/e2e $(ARGS)

screenshots: setup ## Every page of the dashboard in both themes and on a phone, into screenshots/
	@$(BIN)/python -m scripts.screenshots $(ARGS)

soak: setup ## Whole days with a strategy of every kind, parts killed every hour (about an hour)
	@$(BIN)/python -m pytest $(WORKERS) -m soak $(ARGS)

chaos: setup ## The long fault tests, and the ledger broken in sixty ways (about twenty minutes)
	@$(BIN)/python -m pytest $(WORKERS) -m long $(ARGS)

security: setup ## Who may do what, and thousands of made-up requests to the API (about ten minutes)
	@$(BIN)/python -m pytest $(WORKERS) -m "fuzz or not (long or soak)" tests/security tests/api tests/unit/test_edge_functions.py $(ARGS)

lint: setup ## Format, lint, types, floors, generated files
	@scripts/lint.sh

advise: setup $(CLI_READY) ## The Supabase CLI on the migrations: its push, its advisors (fetches the CLI the first time)
	@$(BIN)/python -m pytest tests/integration/ledger/test_supabase_cli.py $(ARGS)

$(CLI_READY): $(READY)
	@echo "Fetching the Supabase CLI into .tools (140 MB)"
	@mkdir -p .tools && cd .tools && $(NODE) npm install --silent --no-progress --no-audit --no-fund --no-save supabase@$(SUPABASE_CLI)
	@touch $@

api: setup ## The OpenAPI document and the client, made anew from the routes
	@$(BIN)/python -m scripts.generate_openapi
	@$(BIN)/python -m scripts.generate_client

format: setup ## Formats the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix --quiet .

bench: setup $(if $(findstring --dashboard,$(ARGS)),$(LIGHTHOUSE_READY)) ## Side-by-side benchmarks: ours, the raw floor, and the peers of `make peers` (ARGS=--dashboard: what a trader sees)
	@$(BIN)/python -m benchmarks $(ARGS)

$(LIGHTHOUSE_READY): $(READY)
	@echo "Fetching Lighthouse into .tools/lighthouse (180 MB)"
	@mkdir -p .tools/lighthouse && $(NODE) npm install --prefix .tools/lighthouse --silent --no-progress --no-audit --no-fund --no-save lighthouse@$(LIGHTHOUSE)
	@touch $@

peers: $(PEERS_READY) ## Fetches what the benchmarks compare with, into .tools (nautilus_trader, 150 MB)

$(PEERS_READY): benchmarks/peers/requirements.lock
	@echo "Fetching the benchmarks' peers into .tools/peers (150 MB)"
	@$(PYTHON) -m venv .tools/peers
	@.tools/peers/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r benchmarks/peers/requirements.lock
	@touch $@

lock: ## Compiles requirements.lock anew (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --all-extras \
		--custom-compile-command "make lock" pyproject.toml -o requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--custom-compile-command "make lock" benchmarks/peers/requirements.in -o benchmarks/peers/requirements.lock

clean: ## Removes what setup and runs have made
	rm -rf $(VENV) local/node_modules dashboard/node_modules dashboard/dist dashboard/src/api/schema.ts .tools .agenttrader .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage* htmlcov
