# make demo, make test: each sets up all it needs in a fresh clone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt $(PIP_FLAGS)

.PHONY: demo test test-slow test-slicer benchmark lint clean

demo: $(VENV)/.run
	$(BIN)/python -m InnerEarSegLib demo --output out/demo

# Two processes with a thread each are twice as fast as one with two: most tests are no networks.
test: $(VENV)/.test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

test-slow: $(VENV)/.test
	$(BIN)/python -m pytest -m slow

# In a real 3D Slicer; needs no environment of its own.
SLICER ?= Slicer
test-slicer:
	$(PYTHON) Testing/slicer/run.py --slicer "$(SLICER)" $(STORIES)

benchmark: $(VENV)/.test
	$(BIN)/python -m InnerEarSegLib benchmark --output out/benchmark

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "Python 3.10 to 3.13 is needed: make $(MAKECMDGOALS) PYTHON=/path/to/python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.run: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) --editable ".[report]"
	touch $@

$(VENV)/.test: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) --editable ".[test]"
	touch $@ $(VENV)/.run

clean:
	rm -rf $(VENV) out
