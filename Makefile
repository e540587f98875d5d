# One command each: what a newcomer runs and what CI runs are the same.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEST ?= demo
# More workers than cores: most of a test here is waiting for processes.
PYTEST_FLAGS ?= -n 6 --dist worksteal

# Attacks take memory and processors as far as their limits let them: fewer side by side.
REAL_FLAGS ?= -n 3 --dist worksteal
# The real program that tests/real/claude works with. It needs no account there.
CLAUDE := @anthropic-ai/claude-code@2.1.332

# Some machines ask Python to keep no compiled files: each process would then compile the whole project anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-real lint bench docs clean

demo: $(VENV)/demo.stamp
	$(BIN)/alai-reconcile model fetch
	$(BIN)/alai-reconcile init --example bento "$(DEST)"
	$(BIN)/alai-reconcile -C "$(DEST)/factory" apply
	@echo
	@echo "The factory: $(DEST)/factory    What it built: $(DEST)/products/bento"
	@echo "Look around:  $(BIN)/alai-reconcile -C $(DEST)/factory status | log | show Task/bento-scaffold"
	@echo "Once more:    $(BIN)/alai-reconcile -C $(DEST)/factory apply     (nothing happens: nothing differs)"

test: $(VENV)/test.stamp
	-$(BIN)/alai-reconcile model fetch
	$(BIN)/python -m pytest $(PYTEST_FLAGS)

test-real: $(VENV)/test.stamp $(VENV)/claude.stamp
	$(BIN)/python -m pytest -m real $(REAL_FLAGS)

lint: $(VENV)/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/pyright
	$(BIN)/python -m docs.generate --check

bench: $(VENV)/test.stamp
	$(BIN)/python -m bench

docs: $(VENV)/test.stamp
	$(BIN)/python -m docs.generate

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/demo.stamp: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[embedded,mcp,sandbox]"
	@touch $@

$(VENV)/test.stamp: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[dev]"
	@touch $@ $(VENV)/demo.stamp

# Where it cannot be had, its tests skip and say so.
$(VENV)/claude.stamp: Makefile $(VENV)/bin/python
	-npm install --silent --no-fund --no-audit --prefix $(VENV)/claude $(CLAUDE) && touch $@

clean:
	rm -rf $(VENV) demo
