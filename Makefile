# Two commands matter: `make demo` shows kibitz at work, `make test` proves it.
# Everything lands in ./.venv; nothing else of yours is touched (weights go to your cache folder).

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin

# The first Python on PATH that runs and is new enough (a version manager's shim may do neither).
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)

.DEFAULT_GOAL := help
.PHONY: docs lock sbom audit help demo test editors-setup test-editors test-editors-repeat test-prometheus test-simulator lint format types imports check bench mutants manifest pictures clean

help: ## Show what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' Makefile

$(BIN)/python:
	@[ -n "$(PYTHON)" ] || { echo "kibitz needs Python 3.11 or newer, and found none on PATH. Install one, or name it: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Python could not make a virtual environment (the reason is above). On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'

$(VENV)/.demo: pyproject.toml | $(BIN)/python
	@echo "Installing kibitz into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[local]'
	@touch $@

# With LOCKED=1 (as CI does): the very versions of requirements/ci.txt, each checked by its hash.
LOCKED ?=
$(VENV)/.dev: pyproject.toml requirements/ci.txt | $(BIN)/python
	@echo "Installing kibitz and its development tools into $(VENV) …"
	@if [ -n "$(LOCKED)" ]; then \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/ci.txt && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable . && \
		$(BIN)/python -m pip check --disable-pip-version-check; \
	else \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[local]' --group dev; \
	fi
	@touch $@ $(VENV)/.demo

demo: $(VENV)/.demo ## Review examples/ with a real model (no key needed; uses OpenAI if OPENAI_API_KEY is set)
	@if [ -z "$$OPENAI_API_KEY$$KIBITZ_API_KEY$$OPENAI_BASE_URL$$KIBITZ_BASE_URL" ]; then $(BIN)/kibitz model pull; fi
	@$(BIN)/kibitz check --fail-on never examples

test: $(VENV)/.dev ## Install what the tests need, and run them
	@$(BIN)/kibitz model pull smollm2-135m
	@$(BIN)/python -m pytest -m "not deep and not editor and not prometheus and not simulator" --numprocesses auto --dist worksteal $(ARGS)

test-deep: $(VENV)/.dev ## Damage, kill, and play thousands of games with kibitz
	@$(BIN)/kibitz model pull smollm2-135m
	@$(BIN)/python -m pytest -m deep --numprocesses auto --dist worksteal $(ARGS)

editors-setup: $(VENV)/.dev ## Fetch the editors that test-editors drives, where they are not there yet (as root, for Debian's Chromium)
	@tests/editors/setup.sh
	@tests/editors/vscode/setup.sh

manifest: $(VENV)/.dev ## Bring the VS Code extension's package.json in line with kibitz's settings (after each change of them)
	@$(BIN)/python editors/vscode/scripts/manifest.py

test-editors: editors-setup ## Fetch real editors, and drive kibitz in them
	@$(BIN)/python -m pytest -m editor --numprocesses 2 --dist loadfile $(ARGS)

test-editors-repeat: editors-setup ## Do that N times, and write how often which test failed to build/editors-repeat.md (N=10; hours)
	@$(BIN)/python -m tests.editors.repeat $(or $(N),10) $(ARGS)

test-prometheus: $(VENV)/.dev ## Scrape two servers with a real Prometheus (Debian's: apt install prometheus), and ask what dashboards ask
	@$(BIN)/python -m pytest -m prometheus $(ARGS)

test-simulator: $(VENV)/.dev ## Keep a provider's limits against an independent simulator (llmock; fetched with pip)
	@$(BIN)/python -m pytest -m simulator $(ARGS)

lint: $(VENV)/.dev ## Check style and formatting
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: $(VENV)/.dev ## Format the code and fix what can be fixed
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: $(VENV)/.dev ## Check the types
	@$(BIN)/mypy

imports: $(VENV)/.dev ## Check that no room imports one above it
	@$(BIN)/lint-imports

check: lint types imports test test-deep test-editors test-prometheus test-simulator ## Everything that CI runs

pictures: editors-setup ## Take the README's pictures anew, in real editors and with the embedded model
	@$(BIN)/kibitz model pull
	@$(BIN)/python docs/pictures.py $(ARGS)

bench: $(VENV)/.dev ## Measure kibitz, also beside other servers, and write docs/benchmarks.md (fetches them)
	@$(BIN)/python -m benchmarks.page $(ARGS)

mutants: $(VENV)/.dev ## Change the guard's code bit by bit, and see which changes no test notices (an hour; not in CI)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check mutmut==3.8.1
	@$(BIN)/python -m benchmarks.mutants $(ARGS)

$(VENV)/.supply: pyproject.toml | $(VENV)/.dev
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group supply
	@touch $@

$(VENV)/.docs: pyproject.toml | $(VENV)/.dev
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group docs
	@touch $@

docs: $(VENV)/.docs ## Build the site into build/site, and follow its links
	@$(BIN)/python docs/site/build.py

lock: $(VENV)/.supply ## Pin all that CI installs, with hashes, to the newest versions that will do
	@$(BIN)/uv pip compile pyproject.toml --all-extras --group dev --group supply --group docs \
		--universal --python-version 3.11 --generate-hashes --upgrade --no-header --no-annotate --quiet \
		--output-file requirements/ci.txt

sbom: $(VENV)/.supply ## Write a bill of materials of what is installed (CycloneDX) to build/sbom.json; needs no network
	@mkdir -p build
	@$(BIN)/cyclonedx-py environment $(VENV) --pyproject pyproject.toml --output-reproducible --sv 1.6 --of JSON -o build/sbom.json
	@echo "build/sbom.json"

audit: $(VENV)/.supply ## Look for known vulnerabilities in what is pinned (asks the package index)
	@$(BIN)/pip-audit --requirement requirements/ci.txt --require-hashes --disable-pip

clean: ## Remove what make has made here (not the weights: kibitz model remove)
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
