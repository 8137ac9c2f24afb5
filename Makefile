# Each target makes what it needs from nothing but Python 3.11 (or newer), make and a package index.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help demo test check fmt docs bench clean

help:
	@echo "make demo KAFKA=HOST:PORT   run the agent against a cluster, metrics on http://127.0.0.1:9308/metrics"
	@echo "make test                   run all tests; with Java 17 and Maven, those on real Kafka clusters too"
	@echo "make check                  linters, types, and whether the generated documents are current"
	@echo "make fmt                    format the code"
	@echo "make docs                   write the generated documents anew"
	@echo "make bench                  print what a cycle and a scrape cost"

$(VENV)/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: $(VENV)/ready
ifdef KAFKA
	$(BIN)/streamwatch run --kafka $(KAFKA)
else
	@echo "The bundled reference cluster is not built yet: name a Kafka broker of yours, for example"
	@echo "    make demo KAFKA=localhost:9092"
	@echo "and the agent shows that cluster on http://127.0.0.1:9308/metrics."
	@exit 2
endif

test: $(VENV)/ready
	$(BIN)/python -m pytest -W error $(ARGS)

check: $(VENV)/ready
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python -m streamwatch.docs --check

fmt: $(VENV)/ready
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(VENV)/ready
	$(BIN)/python -m streamwatch.docs

bench: $(VENV)/ready
	$(BIN)/python tests/bench/bench_cluster.py
	$(BIN)/python tests/bench/bench_scrape.py

clean:
	rm -rf $(VENV) .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis
