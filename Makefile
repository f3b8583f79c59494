# Dispatch. `make run` starts a demo centre; `make test` runs every test; `make help` lists the rest.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore
export UV_LINK_MODE := copy
export UV_PYTHON_DOWNLOADS := never

# The first Python that is new enough and can make an environment; PYTHON=... chooses another.
PYTHON ?= $(shell for candidate in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$candidate -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$candidate && break; done)
BIN := .venv/bin
LOCKS := config/locks

# uv installs in a quarter of the time; where it cannot be had or fails, pip does the same work.
# What comes as source is built with what the first lock names, so that nothing comes unchecked.
install = { $(BIN)/uv pip install --quiet --no-build-isolation --python $(BIN)/python $(1) \
	|| $(BIN)/python -m pip install --quiet $(2) $(1); }

.PHONY: help
help: ## List what can be made
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

.PHONY: run
run: .venv/run.stamp .venv/planner.stamp ## Start a demo centre on http://127.0.0.1:8000 (PORT=...); Ctrl-C ends it
	@trap : INT TERM; $(BIN)/python -m dispatch demo || [ $$? -eq 130 ]

.PHONY: test
test: .venv/test.stamp browser ## Run every test, on SQLite and PostgreSQL, in a browser too (ARGS=...)
	@$(BIN)/python -m pytest -n logical $(ARGS)

.PHONY: check
check: lint types layers test ## Do all that must pass before a change goes in

.PHONY: lint
lint: .venv/test.stamp ## Look for faults and for lines out of style
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check --quiet

.PHONY: types
types: .venv/test.stamp ## Check the types
	@$(BIN)/mypy

.PHONY: layers
layers: .venv/test.stamp ## Check that imports point down the layers
	@$(BIN)/lint-imports --no-cache

.PHONY: bench
bench: .venv/test.stamp ## Measure, and print tables
	@$(BIN)/python -m tests.benchmarks $(ARGS)

.PHONY: simulate
simulate: .venv/test.stamp ## Live through nights (ARGS="--nights 20000 --seed 1"), then kill processes (CRASHES=222)
	@$(BIN)/python -m tests.simulation $(ARGS)
	@$(if $(CRASHES),$(BIN)/python -m pytest -n0 -rP tests/crash --crashes $(CRASHES))

# With the demo's published account, so that a centre set up like the demo can use it.
.PHONY: phones
phones: .venv/run.stamp ## Start the telephones alone on http://127.0.0.1:8001 (PORT=...)
	@account=$$($(BIN)/python -c 'import tomllib; \
		twilio = tomllib.load(open("config/demo.toml", "rb"))["twilio"]; \
		print("--account-sid", twilio["account_sid"], "--auth-token", twilio["auth_token"], \
		"--sender", twilio["sender"])'); \
	trap : INT TERM; \
	$(BIN)/python -m dispatch.simulator --port $${PORT:-8001} $$account $(ARGS) || [ $$? -eq 130 ]

.PHONY: browser
browser: .venv/test.stamp ## Fetch a browser for the tests, if there is none
	@$(BIN)/python -m tests.browser.chromium

.PHONY: pictures
pictures: browser ## Take the pictures in the README anew
	@$(BIN)/python -m tests.browser.pictures

.PHONY: migration
migration: .venv/test.stamp ## Write the migration to the present models (NAME="Say what changes")
	@test -n "$(NAME)" || { echo 'Say what changes: make migration NAME="..."' >&2; exit 2; }
	@$(BIN)/python -m tests.new_migration "$(NAME)"
	@$(BIN)/ruff check --fix --quiet migrations
	@$(BIN)/ruff format --quiet migrations

# Nothing is guessed from a similar text: a wrong word in a call-out is worse than an English one.
.PHONY: translations
translations: .venv/run.stamp ## Bring dispatch/translations up to date with the texts
	@$(BIN)/pybabel -q extract -F pyproject.toml --no-location --sort-output \
		-o .venv/messages.pot .
	@$(BIN)/pybabel -q update -i .venv/messages.pot -d dispatch/translations -w 100 \
		--no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date

.PHONY: lock
lock: .venv/run.stamp ## Write the locks anew (LOCK=--upgrade: with the newest versions)
	@$(compile) --group install -o $(LOCKS)/install.txt
	@$(compile) --group build -o $(LOCKS)/run.txt pyproject.toml
	@$(compile) --extra planner -c $(LOCKS)/run.txt -o $(LOCKS)/planner.txt pyproject.toml
	@$(compile) --extra planner --group test -c $(LOCKS)/planner.txt -o $(LOCKS)/test.txt \
		pyproject.toml

compile = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-annotate --custom-compile-command 'make lock' $(LOCK)

.PHONY: clean
clean: ## Remove what was made, except the data in var/
	rm -rf .venv dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find dispatch tests migrations -name __pycache__ -prune -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo 'Dispatch needs Python 3.11 or newer with its venv module' \
		'(on Debian: apt-get install python3 python3-venv).' >&2; exit 1; }
	@echo 'Making .venv ...'
	@$(PYTHON) -m venv .venv

.venv/run.stamp: $(LOCKS)/install.txt $(LOCKS)/run.txt pyproject.toml | $(BIN)/python
	@echo 'Installing what Dispatch needs ...'
	@$(BIN)/python -m pip install --quiet --require-hashes -r $(LOCKS)/install.txt \
		|| echo 'No uv: pip goes on alone, which takes a minute.'
	@$(call install,--require-hashes -r $(LOCKS)/run.txt)
	@$(call install,--no-deps -e .,--no-build-isolation)
	@touch $@

.venv/planner.stamp: $(LOCKS)/planner.txt .venv/run.stamp
	@echo 'Installing what plans rotas ...'
	@$(call install,--require-hashes -r $(LOCKS)/planner.txt) \
		|| echo 'No planner: everything else works without it.'
	@touch $@

.venv/test.stamp: $(LOCKS)/test.txt .venv/run.stamp
	@echo 'Installing what the tests need ...'
	@$(call install,--require-hashes -r $(LOCKS)/test.txt)
	@touch $@
