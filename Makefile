# Every target stands by itself: it sets up what is missing first, and says so.
# Settings by environment: SYNNEFO_STATE (default ./var), SYNNEFO_CACHE (default ./build), PYTHON.

VENV := .venv/bin

.PHONY: help python setup image run test lint types bench-boot bench-block bench-guests bench-api bench-rapi bench-identity chaos-block conformance conformance-rapi conformance-identity fuzz sanitize format clean

help:
	@echo "make run     set up what is missing and start the all-in-one cloud"
	@echo "make test    set up what is missing, then tests, lint and types"
	@echo "make setup   Debian packages and .venv only"
	@echo "make image   the small bootable test image"
	@echo "make lint    ruff and import rules;  make types: mypy;  make format: ruff format"
	@echo "make bench-boot  how long a server takes, beside bare QEMU"
	@echo "make bench-block  speed, memory and scale of the storage, beside qemu-nbd and nbdkit"
	@echo "make bench-guests  real guests: how soon they run, how long a migration stops them, 20 at once"
	@echo "make conformance-rapi  Ganeti's own client and htools against ganetid"
	@echo "make conformance-identity  Tempest's identity tests against the identity API"
	@echo "make conformance  Tempest's tests of identity, compute, network, volume and scenarios"
	@echo "make bench-rapi   the remote API and its job queue, beside a real Ganeti's figures"
	@echo "make bench-api    lists, one of them and new ones of compute and network, beside figures of Nova and Neutron"
	@echo "make bench-identity  log-ins, validations and lists of the identity API, beside a Keystone"
	@echo "make chaos-block  storage whose daemon, disk and power fail; CHAOS_ROUNDS (200), CHAOS_SEED"
	@echo "make sanitize  tests of the loop in C with checks of memory and undefined behaviour"
	@echo "make fuzz    every parser, guided by coverage; FUZZ_SECONDS (60) or FUZZ_RUNS for each"
	@echo "make clean   remove what was built (not .venv, not the cloud's state)"

setup: python
	@python3 tools/setup

image: python
	@python3 tools/setup --image && echo "image: $$($(VENV)/python tools/image --path)"

run: image
	@SYNNEFO_IMAGE="$${SYNNEFO_IMAGE:-$$($(VENV)/python tools/image --path)}" \
	  exec $(VENV)/twistd -n synnefo

test: image
	@$(VENV)/python tools/setup/checks.py trial lint format imports types

lint: setup
	@$(VENV)/python tools/setup/checks.py lint format imports

types: setup
	@$(VENV)/python tools/setup/checks.py types

bench-boot: setup image
	@PYTHONPATH=. $(VENV)/python -m benchmarks.boot

bench-block: setup
	@PYTHONPATH=. $(VENV)/python -m benchmarks.block

bench-guests: setup image
	@PYTHONPATH=. $(VENV)/python -m benchmarks.guests

conformance-rapi: setup
	@python3 tools/setup/debian.py ganeti
	@PYTHONPATH=. $(VENV)/python -m tests.conformance.rapi

conformance-identity: setup
	@PYTHONPATH=. $(VENV)/python -m tests.conformance.identity

# Every judge is asked, whatever those before it found.
conformance: image
	@status=0; \
	PYTHONPATH=. $(VENV)/python -m tests.conformance.identity || status=1; \
	PYTHONPATH=. $(VENV)/python -m tests.conformance.cyclades --page || status=1; \
	exit $$status

bench-rapi: setup
	@PYTHONPATH=. $(VENV)/python -m benchmarks.rapi

bench-api: setup
	@PYTHONPATH=. $(VENV)/python -m benchmarks.api

bench-identity: setup
	@python3 tools/setup/debian.py keystone
	@PYTHONPATH=. $(VENV)/python -m benchmarks.identity

chaos-block: setup
	@PYTHONPATH=. $(VENV)/python -m tests.chaos

sanitize: setup
	@$(VENV)/python tools/setup/extension.py --sanitized

fuzz: setup
	@PYTHONPATH=. FUZZ_RUNS="$(FUZZ_RUNS)" FUZZ_SECONDS="$(or $(FUZZ_SECONDS),60)" \
	  $(VENV)/python -m tests.fuzz $(FUZZ_TARGETS)

format: setup
	@$(VENV)/ruff check --fix . && $(VENV)/ruff format .

clean:
	rm -rf build .mypy_cache .ruff_cache .hypothesis .import_linter_cache _trial_temp* *.egg-info
	find . -path ./.venv -prune -o -name __pycache__ -type d -exec rm -rf {} +

python:
	@command -v python3 >/dev/null 2>&1 || { echo "setup: installing python3"; \
	  if [ "$$(id -u)" = 0 ]; then sudo=; else sudo=sudo; fi; \
	  $$sudo apt-get -qq update && $$sudo apt-get -qq install -y --no-install-recommends python3; }
