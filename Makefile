# Everything a person does with this repository. `make` alone lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
IN_TESTS := PYTHONPATH=tests
LOCK := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate \
	--quiet --custom-compile-command "make lock"

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo up test lint docs soak bench tampering chaos mutants matrix compose-smoke env lock clean

help: ## list these targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.installed ## install what a deployment needs into .venv (hashes checked), and a Chromium
	@$(BIN)/python -m aem_checks.browser

setup-dev: $(VENV)/.installed-dev ## the same, with tests and linters
	@$(BIN)/python -m aem_checks.browser

demo: $(VENV)/.installed ## three releases through one gate on a simulated Cloud Manager (KEEP=0: no UI afterwards)
	$(IN_TESTS) $(BIN)/python -m demo $(ARGS)

up: $(VENV)/.installed ## Airflow with your gates against the real Cloud Manager, until Ctrl-C
	$(BIN)/python -m stage_gate up $(ARGS)

test: $(VENV)/.installed-dev ## the whole test suite (ARGS="-k name" for a part)
	$(BIN)/python -m pytest -n 3 --dist loadgroup $(ARGS)

lint: $(VENV)/.installed-dev ## style, types, import arrows, compose file, shell scripts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yaml
	@if command -v shellcheck >/dev/null; then shellcheck .ci/run; else echo "shellcheck is not installed: scripts not checked"; fi

docs: $(VENV)/.installed-dev ## the pages of docs/ as a site in build/docs; a link that leads nowhere fails
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

soak: $(VENV)/.installed-dev ## more fault schedules, bodies to the webhook and hostile sites than CI tries (ARGS="100000 7": how many, which seed)
	$(IN_TESTS) $(BIN)/python -m faults $(ARGS)
	$(IN_TESTS) $(BIN)/python -m webhook_soak $(ARGS)
	$(IN_TESTS) $(BIN)/python -m checks_soak $(ARGS)

bench: $(VENV)/.installed-dev ## side-by-side figures: gate overhead, Dag import, recording
	$(IN_TESTS) $(BIN)/python -m benchmarks $(ARGS)

chaos: $(VENV)/.installed-dev ## kill, stop and starve a real Airflow on PostgreSQL in each phase of a release (ARGS="-k api" for a part)
	$(IN_TESTS) $(BIN)/python -m chaos $(ARGS)

tampering: $(VENV)/.installed-dev ## attacks through Airflow's API: action x task x phase, and what they win (minutes)
	$(IN_TESTS) $(BIN)/python -m tampering $(ARGS)

mutants: $(VENV)/.installed-dev ## one mistake at a time in each module that decides: which does no test notice? (hours; ARGS="rules" for a part)
	$(IN_TESTS) $(BIN)/python -m mutants $(ARGS)

matrix: $(VENV)/.installed-dev ## the built wheel on the oldest and the newest Airflow, Python and libraries (ARGS="oldest --quick" for a part)
	$(IN_TESTS) $(BIN)/python -m matrix $(ARGS)

compose-smoke: $(VENV)/.installed-dev ## docker-compose.yaml started for real, one gate run through it (needs root)
	$(IN_TESTS) $(BIN)/python -m compose_smoke $(ARGS)

env: .env ## .env for docker-compose.yaml with random secrets; never overwritten

lock: $(VENV)/.installed-dev ## requirements*.lock from requirements*.txt (ARGS=--upgrade for newer releases)
	$(LOCK) $(ARGS) requirements.txt -o requirements.lock
	$(LOCK) $(ARGS) -c requirements.lock requirements-compose.txt -o requirements-compose.lock
	$(LOCK) $(ARGS) -c requirements.lock requirements-dev.txt -o requirements-dev.lock

clean: ## remove .venv, caches and what `make up` and `make demo` left in var/
	rm -rf $(VENV) var build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -rf plugins/*.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Stage Gate needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Name another: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
		|| { echo "$(PYTHON) cannot make virtual environments. On Debian: sudo apt-get install python3-venv"; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV)

# Byte code is compiled at once: Airflow starts in half the time.
define install
	@$(BIN)/python -m pip install --quiet --no-compile --require-hashes -r $(1)
	@$(BIN)/python -m pip install --quiet --no-compile --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true
	@touch $@
endef

$(VENV)/.installed: requirements.lock requirements.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing Airflow and Stage Gate into $(VENV): about a minute the first time …"
	$(call install,requirements.lock)

$(VENV)/.installed-dev: requirements-dev.lock $(VENV)/.installed
	$(call install,requirements-dev.lock)

.env:
	@command -v openssl >/dev/null || { echo "make env needs openssl for the signing key; install it."; exit 1; }
	@umask 077; $(PYTHON) -c 'import base64, os, secrets, subprocess; \
	key = subprocess.check_output(["openssl", "genpkey", "-algorithm", "ed25519", "-outform", "DER"]); \
	public = subprocess.check_output(["openssl", "pkey", "-inform", "DER", "-pubout", "-outform", "DER"], input=key); \
	print("AIRFLOW_FERNET_KEY=" + base64.urlsafe_b64encode(os.urandom(32)).decode()); \
	[print(name + "=" + secrets.token_hex(24)) for name in ( \
	"POSTGRES_PASSWORD", "REDIS_PASSWORD", "AIRFLOW_API_SECRET_KEY", "AIRFLOW_JWT_SECRET", "AIRFLOW_ADMIN_PASSWORD")]; \
	print("# The signing key reaches only the deciding worker; the others know its public half."); \
	print("STAGE_GATE_SIGNING_KEY=" + base64.b64encode(key[-32:]).decode()); \
	print("STAGE_GATE_TRUSTED_KEYS=" + base64.b64encode(public[-32:]).decode()); \
	print("# Connections as JSON on one line; the deciding one reaches only the deciding worker."); \
	print("CLOUD_MANAGER_READING="); print("CLOUD_MANAGER_DECIDING=")' > .env.new && mv .env.new .env
	@echo "Wrote .env with random secrets (readable by you only). Fill in the two Cloud Manager connections."
