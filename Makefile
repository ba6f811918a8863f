# make demo    look around in a practice school (PORT=3111, NO_BROWSER=1)
# make test    all checks and tests
# make setup   .venv with the pinned packages and this project in it

PORT ?= 3000
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: setup demo test unit check docs

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(READY)
	@exec $(BIN)/cohort-tracker demo --port $(PORT)

# Browsers want the machine for themselves.
test: $(READY)
	@$(MAKE) --no-print-directory -j2 check unit
	$(BIN)/python -m pytest tests/browser

unit: $(READY)
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder --ignore tests/browser

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(READY)
	$(BIN)/python -m cohort_core.reports > docs/metrics.md
	$(BIN)/python docs/api_reference.py
