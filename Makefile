# `make help` lists what there is. Everything works from a fresh clone on a fresh Debian 12.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT ?= out
SOURCES := secaudit checks reports tests benchmarks setup.py

.PHONY: help audit test lint bench kernel-diff format lock lab-up lab-down screenshots clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*## ' Makefile | sed 's/:.*## /\t/' | while IFS="$$(printf '\t')" read -r name text; do \
		printf '  make %-12s %s\n' "$$name" "$$text"; done

audit: $(VENV)/run ## Set everything up and audit this machine; ends with the path of the report
	@scripts/system-packages audit || echo "Going on without them: what needs them will be unproven." >&2
	@mkdir -p $(OUT)
	@$(BIN)/secaudit scan local --out $(OUT) --format html,json

test: $(VENV)/dev ## Set up what the tests need and run them all
	@scripts/system-packages test
	$(BIN)/pytest $(ARGS)

lint: $(VENV)/dev ## Style, types, import directions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy secaudit checks reports tests benchmarks
	$(BIN)/lint-imports

bench: $(VENV)/dev ## Measure against peers and floors in one run (needs root)
	@scripts/system-packages bench
	$(BIN)/python -m benchmarks $(ARGS)

kernel-diff: $(VENV)/dev ## Hold the firewall analysis against this kernel, at length (needs root)
	@scripts/system-packages test
	$(BIN)/python -m tests.kernel $(ARGS)

format: $(VENV)/dev ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(VENV)/dev ## Renew the lock files (hashes, no index address)
	$(BIN)/pip-compile -q --upgrade --generate-hashes --allow-unsafe --strip-extras --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links --no-emit-trusted-host -o requirements.lock pyproject.toml
	$(BIN)/pip-compile -q --upgrade --generate-hashes --allow-unsafe --strip-extras --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --extra dev --extra bench \
		-c requirements.lock -o requirements-dev.lock pyproject.toml

lab-up: $(VENV)/dev ## Start ten real hosts to play with (needs root)
	@scripts/system-packages test
	$(BIN)/python -m tests.lab up --hosts 10

lab-down: $(VENV)/dev ## Stop them and leave nothing behind
	$(BIN)/python -m tests.lab down

screenshots: $(VENV)/dev ## Renew the pictures in docs/images
	$(BIN)/python -m tests.screenshots docs/images

clean: ## Remove what was built here
	rm -rf $(VENV) $(OUT) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

# A stamp per set of dependencies; the development set holds everything that running needs.
$(VENV)/run: requirements.lock pyproject.toml setup.py
	@scripts/system-packages audit || $(PYTHON) -c 'import ensurepip'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@scripts/quietly $(BIN)/pip install --disable-pip-version-check --require-hashes -r requirements.lock
	@scripts/quietly $(BIN)/pip install --disable-pip-version-check --no-deps -e .
	@touch $@

$(VENV)/dev: requirements-dev.lock pyproject.toml setup.py
	@scripts/system-packages audit || $(PYTHON) -c 'import ensurepip'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@scripts/quietly $(BIN)/pip install --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@scripts/quietly $(BIN)/pip install --disable-pip-version-check --no-deps -e .
	@touch $@ $(VENV)/run
