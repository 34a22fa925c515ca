# One Makefile for people, CI and the GitHub workflow.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: help demo test lint bench fuzz format clean

help:
	@echo "make demo    create $(VENV), install, run the demo: lmms-eval on 24 bundled tweets"
	@echo "make test    install what the tests need and run them all"
	@echo "make lint    ruff and mypy"
	@echo "make bench   the speed of package, engine, data and leaderboard, as ratios and rates: some 40 minutes"
	@echo "make fuzz    feed the validator of submissions with broken input for 10 minutes (x86-64 Linux)"
	@echo "make format  let ruff format the code"
	@echo "make clean   remove $(VENV) and what was built"

# A stamp a set of extras: made anew when the declared dependencies change.
$(VENV)/.eval: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV): PyTorch with CUDA is 7 GB, this takes some minutes."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[eval]"
	touch $@

$(VENV)/.test: $(VENV)/.eval
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[eval,test]"
	touch $@

$(VENV)/.lint: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[lint]"
	touch $@

demo: $(VENV)/.eval
	$(BIN)/itr-bench demo --out demo-out

# What tests the pages for accessibility; the tests that need it say so where npm is missing.
AXE := leaderboard/node_modules/axe-core
$(AXE): leaderboard/package.json
	@if command -v npm >/dev/null; then \
	    npm install --prefix leaderboard --no-package-lock --no-audit --no-fund --silent; \
	    touch $@; \
	else echo "npm is not here: the pages are not tested for accessibility"; fi

# A process a core, one torch thread each; a file's tests share what they prepare.
test: $(VENV)/.test $(AXE)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.test
	$(BIN)/python -m tests.bench
	$(BIN)/python -m tests.bench_engine
	$(BIN)/python -m tests.bench_data
	$(BIN)/python -m tests.bench_leaderboard
	$(BIN)/python -m tests.bench_studies
	$(BIN)/python -m tests.bench_retrieval

fuzz: $(VENV)/.test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check atheris
	mkdir -p build/fuzz/corpus
	$(BIN)/python -m tests.fuzz_validate -max_total_time=600 -max_len=20000 \
	    -artifact_prefix=build/fuzz/ build/fuzz/corpus tests/corpus/validate

format: $(VENV)/.lint
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) build dist demo-out site leaderboard/node_modules *.egg-info
