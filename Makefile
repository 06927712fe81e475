PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
DEMO_HOME := .trader-demo
# More than cores: many tests wait for a clock, a socket or a killed process. Who has nothing left takes over.
WORKERS := 4 --dist worksteal

# A developer's exported keys, homes and switches must never reach a demo or a test; and tests are
# compiled once, not by every worker at every run.
FORGET := env -u PYTHONDONTWRITEBYTECODE $(shell env | sed -n 's/^\(\(BINANCE\|GATE\|LIVE\|RECONCILE\|ALERT\|HEARTBEAT\)_[A-Z0-9_]*\|CONFIRM_LIVE\|TRADER_HOME\|TRADER_VENUE\|TRADER_ENV_FILE\|TRADER_SECRETS\)=.*/-u \1/p')

.PHONY: demo test check docs picture bench prove-crash prove-faults prove-slow lock clean

demo: $(VENV)/ready
	@rm -rf $(DEMO_HOME)
	@$(FORGET) $(BIN)/trader init --home $(DEMO_HOME) --env-file $(DEMO_HOME)/.env -q
	@$(FORGET) $(BIN)/trader stage 0 --home $(DEMO_HOME) --env-file $(DEMO_HOME)/.env

test: $(VENV)/ready
	$(FORGET) $(BIN)/pytest -n $(WORKERS)

check: $(VENV)/ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(FORGET) $(BIN)/pytest -n $(WORKERS)

docs: $(VENV)/ready
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# The picture in the README, from the golden conversation of a newcomer.
picture: $(VENV)/ready
	$(BIN)/python -m tests.picture

bench: $(VENV)/ready
	@for each in benchmarks/bench_*.py; do $(FORGET) $(BIN)/python $$each || exit 1; done

# The long proofs. Interrupted, each goes on where it was.
prove-crash: $(VENV)/ready
	$(FORGET) $(BIN)/python -m tests.simulation.crash --kills 1000

prove-faults: $(VENV)/ready
	$(FORGET) $(BIN)/python -m tests.simulation.faults --orders 10000

# What the suite leaves out, since it takes long.
prove-slow: $(VENV)/ready
	$(FORGET) $(BIN)/pytest -n $(WORKERS) -m slow

# The pins: every platform, every hash, no host.
lock:
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-annotate --no-header -q -o requirements.lock
	uv pip compile pyproject.toml --extra dev -c requirements.lock --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-annotate --no-header -q -o requirements-dev.lock
	echo hatchling | uv pip compile - -c requirements-dev.lock --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-annotate --no-header -q -o requirements-build.lock

clean:
	rm -rf $(VENV) $(DEMO_HOME) site .prove-crash .prove-faults

$(VENV)/ready: requirements-dev.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install -q --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q cli core exchanges
	@touch $@
