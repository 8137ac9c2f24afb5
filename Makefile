# Each target makes what it needs from nothing but Python 3.11 (or newer), make and a package index.
PYTHON ?= python3.11
JOBS ?= 2
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help demo test check fmt docs bench dist clean

help:
	@echo "make demo   a reference cluster, load, the agent and one incident (ARGS='--scenario slow_consumer' for another)"
	@echo "make test   run all tests; with Java 17 and Maven, those on real Kafka clusters too (JOBS=0: in one process)"
	@echo "make check  linters, types, and whether the generated documents are current"
	@echo "make fmt    format the code"
	@echo "make docs   write the generated documents anew"
	@echo "make bench  print what a cycle and a scrape cost"
	@echo "make dist   the wheel, the source and the bill of materials, the same bytes each time: docs/release.md"

$(VENV)/ready: pyproject.toml constraints.txt
	@echo "making $(VENV) with all that is needed: a minute or two, once; pip says what it is at"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: $(VENV)/ready
	$(BIN)/streamwatch demo $(ARGS)

test: $(VENV)/ready
	$(BIN)/python -m pytest -W error --numprocesses $(JOBS) --dist loadfile $(ARGS)

check: $(VENV)/ready
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m streamwatch.tools.docs --check
	$(BIN)/python -m streamwatch.tools.picture --check
	$(BIN)/python -m streamwatch.tools.manual --check

fmt: $(VENV)/ready
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(VENV)/ready
	$(BIN)/python -m streamwatch.tools.docs
	$(BIN)/python -m streamwatch.tools.picture
	$(BIN)/python -m streamwatch.dashboards.files dashboards
	$(BIN)/python -m streamwatch.tools.manual

# Times within are the commit's: whoever builds the same commit gets the same bytes.
dist: $(VENV)/ready
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(BIN)/python -m hatchling build
	$(BIN)/python -m streamwatch.tools.bill > dist/streamwatch.cdx.json

bench: $(VENV)/ready
	$(BIN)/python tests/bench/bench_start.py
	$(BIN)/python tests/bench/bench_cluster.py
	$(BIN)/python tests/bench/bench_clusters.py
	$(BIN)/python tests/bench/bench_scrape.py
	$(BIN)/python tests/bench/bench_reference.py
	$(BIN)/python tests/bench/bench_streams.py
	$(BIN)/python tests/bench/bench_readers.py
	$(BIN)/python tests/bench/bench_pages.py
	$(BIN)/python tests/bench/bench_page.py
	$(BIN)/python tests/bench/bench_top.py
	$(BIN)/python tests/bench/bench_rules.py
	$(BIN)/python tests/bench/bench_notify.py
	$(BIN)/python tests/bench/bench_remote_write.py

clean:
	rm -rf $(VENV) .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis
