# Everything works from a fresh clone: the virtual environment makes itself, with locked packages.
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help venv demo lint test e2e ci bench soak mutation screenshots system lock clean

help:
	@echo "make demo         the room on a scripted agent at the real gate; without a terminal it is decided by policy"
	@echo "make test         lint, types, walls and all tests but the end-to-end ones"
	@echo "make e2e          the real Claude Code, Codex and Gemini CLI against a scripted model server"
	@echo "make ci           system, test, e2e; what .ci/run does"
	@echo "make bench        the measured figures beside their bars"
	@echo "make soak         the property tests on random examples, ROUNDS times (5), then the crash campaigns of the journal"
	@echo "make mutation     takes one check at a time out of the core, then one operator at a time out of the decision path (30 minutes)"
	@echo "make screenshots  the pictures under screenshots/, made again from the running program"
	@echo "make system       the optional Debian programs of the full suite (root)"
	@echo "make lint         ruff, mypy, import-linter only"
	@echo "make lock         the locked requirements again, from pyproject.toml"

venv: $(STAMP)

$(STAMP): requirements/run.txt requirements/dev.txt
	@python="$$(PYTHON='$(PYTHON)' scripts/find-python)" || exit 1; \
	test -x $(BIN)/python || "$$python" -m venv $(VENV); \
	echo "installing the locked packages into $(VENV)"; \
	$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes \
	    -r requirements/run.txt -r requirements/dev.txt \
	&& $(BIN)/python -m pip install -qq --disable-pip-version-check --no-build-isolation --no-deps -e . \
	&& $(BIN)/python -m compileall -qq controlroom \
	&& touch $@ \
	|| { echo "controlroom: the locked packages could not be installed (reason above): nothing was run" >&2; exit 1; }

demo: $(STAMP)
	@$(BIN)/controlroom demo

lint: $(STAMP)
	@$(BIN)/python scripts/stages.py lint

test: $(STAMP)
	@$(BIN)/python scripts/stages.py lint units serial

e2e: $(STAMP)
	@$(BIN)/python scripts/stages.py e2e

ci: $(STAMP)
	@$(BIN)/python scripts/stages.py system lint units serial e2e

bench: $(STAMP)
	@$(BIN)/python -m tests.bench

ROUNDS := 5
soak: $(STAMP)
	@for round in $$(seq $(ROUNDS)); do \
	    CONTROLROOM_SOAK=1 $(BIN)/python -m pytest -n 2 -m hypothesis || exit 1; done
	@CONTROLROOM_SOAK=1 $(BIN)/python -m pytest -s -m soak

mutation: $(STAMP)
	@$(BIN)/python -m tests.model.mutate
	@$(BIN)/python -m tests.model.score --minutes 25

screenshots: $(STAMP)
	@$(BIN)/python -m scripts.screenshots

system:
	@scripts/system

lock: $(STAMP)
	@$(BIN)/python scripts/lock.py

clean:
	rm -rf $(VENV) .cache build dist .mypy_cache .ruff_cache .hypothesis .import_linter_cache
