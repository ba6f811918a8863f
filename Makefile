# make demo    look around in a practice school (PORT=3111, NO_BROWSER=1)
# make test    all checks and tests
# make setup   .venv with the pinned packages and this project in it

PORT ?= 3000
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Without --no-compile, a third of the time of an installation goes into modules that nothing imports.
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt
PYTEST = $(BIN)/python -m pytest
# What failed while others kept the machine busy is tried once more, alone. The log shows both runs.
AGAIN = $(PYTEST) --last-failed --last-failed-no-failures none

PRODUCT := $(VENV)/.product
DEV := $(VENV)/.dev

.PHONY: setup demo test unit check docs

setup: $(PRODUCT)

$(PRODUCT): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) -e '.[reports]'
	@touch $@

$(DEV): $(PRODUCT)
	$(PIP) -e '.[dev]'
	@touch $@

demo: $(PRODUCT)
	@exec $(BIN)/cohort-tracker demo --port $(PORT)

# Browsers come last, since they want the machine for themselves.
test: $(DEV)
	@$(MAKE) --no-print-directory -j2 check unit
	$(PYTEST) -n 3 --dist loadfile tests/browser || $(AGAIN) tests/browser

unit: $(DEV)
	$(PYTEST) -n auto --dist loadfile --no-loadscope-reorder --ignore tests/browser || $(AGAIN) --ignore tests/browser

check: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(DEV)
	$(BIN)/python -m cohort_core.reports.document > docs/metrics.md
	$(BIN)/python docs/api_reference.py
	$(BIN)/python docs/database_reference.py
