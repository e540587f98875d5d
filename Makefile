# One command each: what a newcomer runs and what CI runs are the same.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEST ?= demo
# More workers than cores: most of a test here is waiting for processes.
PYTEST_FLAGS ?= -n 6 --dist worksteal

.PHONY: demo test lint bench docs clean

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
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[embedded]"
	@touch $@

$(VENV)/test.stamp: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[embedded,dev]"
	@touch $@ $(VENV)/demo.stamp

clean:
	rm -rf $(VENV) demo
