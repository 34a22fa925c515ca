# One Makefile for people, CI and the GitHub workflow.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: help demo test test-fast lint lock dist bench proof families fuzz format clean

help:
	@echo "make demo    create $(VENV), install, run the demo: lmms-eval on 24 bundled tweets"
	@echo "make test    install what the tests need, a browser too where it may, and run them all"
	@echo "make test-fast  the tests that take no time: under a minute"
	@echo "make test-ray  clusters of Ray on this machine, killed in all ways: some 3 minutes"
	@echo "make test-newest, test-oldest  whole runs with the newest and the oldest that setup.cfg allows"
	@echo "make test-beyond  which package beyond the bounds breaks what: newest versions, one by one"
	@echo "make lint    ruff and mypy"
	@echo "make lock    the newest versions that setup.cfg allows, into requirements/"
	@echo "make bench   the speed of package, engine, data and leaderboard, as ratios and rates: some 40 minutes"
	@echo "make proof   a tiny untrained VLM learns drawn tweets by cross-validation: some minutes"
	@echo "make families  which way itr_vlm takes with each family of models: the table of docs/models.md"
	@echo "make fuzz    feed the validator of submissions with broken input for 10 minutes (x86-64 Linux)"
	@echo "make format  let ruff format the code"
	@echo "make dist    build and check the release"
	@echo "make clean   remove $(VENV) and what was built"

# What was tested, to the version and the hash: `make lock` makes these files anew.
LOCKS := requirements/eval.txt requirements/test.txt requirements/lint.txt
UV := $(BIN)/uv
COMPILE := $(UV) pip compile --quiet --upgrade --universal --generate-hashes --no-annotate --prerelease disallow \
    --python-version 3.10 --custom-compile-command "make lock" setup.cfg
# Compiled, as pip does it: else each process compiles PyTorch where Python may not write.
INSTALL := $(UV) pip install --quiet --compile-bytecode --python $(BIN)/python

$(UV): requirements/uv.txt
	@$(PYTHON) -c "import sys; v = sys.version_info[:2]; (3, 10) <= v <= (3, 13) or sys.exit( \
	    'requirements/ is for Python 3.10 to 3.13, $(PYTHON) is %d.%d: make PYTHON=python3.12 ...' % v)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	touch $@

lock: $(UV)
	$(COMPILE) --extra eval --extra 4bit --extra server --extra training --extra ray --extra test \
	    --output-file requirements/test.txt
	$(COMPILE) --extra eval --extra 4bit --extra server --constraints requirements/test.txt \
	    --output-file requirements/eval.txt
	$(COMPILE) --extra lint --constraints requirements/test.txt --output-file requirements/lint.txt

# A stamp a lock: what it holds, then the checkout itself.
$(VENV)/.%: requirements/%.txt setup.cfg pyproject.toml $(UV)
	@echo "Installing what $< names into $(VENV); PyTorch with CUDA, where it is in it, is 7 GB."
	$(INSTALL) --require-hashes --build-constraints requirements/build.txt -r $<
	$(INSTALL) --no-deps --build-constraints requirements/build.txt --editable .
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

# A process a core, one torch thread each; a file's tests share what they prepare. Compiled tests are
# kept, as Python does unless it is told otherwise.
PYTEST := PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto \
    --dist loadfile --no-loadscope-reorder

test: $(VENV)/.test $(AXE) browser
	@$(PYTEST); status=$$?; .ci/browser --missing; exit $$status

test-fast: $(VENV)/.test
	$(PYTEST) -m "not slow"

# The browser that shows the pages to the tests.
.PHONY: browser
browser:
	@.ci/browser

# mypy reads no `package_dir`: it is shown the package as it is once installed.
lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	rm -rf build/types && mkdir -p build/types/itr_bench
	ln -s $(CURDIR)/itr_bench/* $(CURDIR)/tasks $(CURDIR)/leaderboard build/types/itr_bench
	$(BIN)/mypy

# Sdist and wheel, the wheel made from the sdist; checked, and installed away from the checkout.
dist: $(VENV)/.lint
	rm -rf dist
	$(UV) build --quiet --build-constraints requirements/build.txt --require-hashes --out-dir dist
	$(BIN)/twine check --strict dist/*
	$(BIN)/python .github/check_release.py dist $(TAG)

# The newest and the oldest that setup.cfg allows, and the newest beyond it, in environments of their
# own: the whole runs through lmms-eval. What is found there is what the bounds are for.
WHOLE := tests/test_lmms_eval.py tests/test_run.py tests/test_context_runs.py tests/test_packages.py
EDGE = rm -rf .venv-$(1) && $(UV) venv --quiet --seed --python $(BIN)/python .venv-$(1) && \
    $(UV) pip install --quiet --compile-bytecode --python .venv-$(1)/bin/python \
    --build-constraints requirements/build.txt $(2) --editable ".[eval,4bit,test]" && \
    OMP_NUM_THREADS=1 .venv-$(1)/bin/python -m pytest --numprocesses auto --dist loadfile $(WHOLE)

.PHONY: test-newest test-oldest test-beyond test-ray
test-newest: $(UV)
	$(call EDGE,newest,--upgrade)

test-oldest: $(UV)
	$(call EDGE,oldest,--resolution lowest-direct)

# Clusters of several nodes whose replicas, nodes and drivers are killed.
test-ray: $(VENV)/.test
	ITR_BENCH_RAY=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/test_ray.py

test-beyond: $(UV)
	$(PYTHON) .ci/beyond

bench: $(VENV)/.test
	$(BIN)/python -m tests.bench
	$(BIN)/python -m tests.bench_engine
	$(BIN)/python -m tests.bench_data
	$(BIN)/python -m tests.bench_leaderboard
	$(BIN)/python -m tests.bench_studies
	$(BIN)/python -m tests.bench_retrieval
	$(BIN)/python -m tests.bench_scaling
	$(BIN)/python -m tests.bench_training

# That training learns, by the real command: some minutes on one thread.
proof: $(VENV)/.test
	OMP_NUM_THREADS=1 $(BIN)/python -W ignore -m tests.proof_training

families: $(VENV)/.test
	@$(BIN)/python -W ignore -m tests.families 2>/dev/null

fuzz: $(VENV)/.test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check atheris
	mkdir -p build/fuzz/corpus
	$(BIN)/python -m tests.fuzz_validate -max_total_time=600 -max_len=20000 \
	    -artifact_prefix=build/fuzz/ build/fuzz/corpus tests/corpus/validate

format: $(VENV)/.lint
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) .venv-* build dist demo-out site leaderboard/node_modules *.egg-info
