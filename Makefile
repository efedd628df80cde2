# `make` alone lists the targets.
PYTHON ?= python3
export PYTHON

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-modes demo-install clean check test test-slow test-deb test-load test-proof fuzz openapi screenshots coverage mutation bench bench-peers oracle schemas tempest clients \
	format hooks revision wheel deb lock vendor metrics pci-ids ordinary-lines release python-version environment

help: ## List the targets
	@awk -F ':.*## ' '/^##@/ { printf "\n%s\n", substr($$0, 5) } /^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ Use

setup: python-version ## Install packages, Python environments and PostgreSQL for tests (about 4 minutes once, then 1 second)
	@$(PYTHON) -m tools.setup

demo: setup ## A server with a GPU on this machine, on emulated hardware (needs root, or the kvm group)
	.venv/bin/busway demo

demo-modes: setup ## Every way to give a guest a GPU, on a lab host: what the guest shows, what the host shows, what it costs (about 20 minutes)
	@.venv/bin/python -m busway.bootstrap.demo_modes

demo-install: setup ## From nothing to ssh in a server with a GPU, on a lab host: the package, busway up, each step with its time (root)
	@.venv/bin/python -m tools.demo_install

clean: ## Remove the environments and caches of this checkout (the folder BUSWAY_CACHE stays)
	rm -rf .venv .venv-clients .venv-client-* .venv-mutation mutants .venv-lock .venv-oracle .venv-peers .venv-tempest .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

##@ Test

check: environment ## Formats, lint, types, import contracts, docs and the fast tests on SQLite (4 minutes)
	@$(PYTHON) -m tools.stages check

test: setup ## What CI runs: checks, PostgreSQL, tests that take long, killed processes, the stock clients, the lab (needs root, or the kvm group)
	@$(PYTHON) -m tools.stages test

test-slow: setup ## What `make test` leaves out: the rest on the other database, two lab hosts, four guests, a kill at every step, mediated devices, a Debian cloud image (over an hour; 700 MB once)
	.venv/bin/python -m pytest -q -n 4 -m again tests/control
	.venv/bin/python -m pytest -q -n 2 -m again tests/processes
	BUSWAY_SLOW_LAB=1 .venv/bin/python -m pytest -m lab tests/cloud tests/lab
	BUSWAY_SLOW_LAB=1 .venv/bin/python -m pytest -m processes tests/live tests/guests tests/overlay tests/processes/test_live.py tests/processes/test_hot_resize.py

test-deb: environment ## Install, start, upgrade and purge the Debian package on a copy of this machine with systemd (root; about 2 minutes)
	.venv/bin/python -m pytest -m "processes or not processes" tests/packaging

test-load: setup ## 4 control processes, 12 hosts, one PostgreSQL, 10,000 requests for 12 devices, kills meanwhile (10 to 30 minutes)
	BUSWAY_LOAD=full .venv/bin/python -m pytest -s -m processes tests/processes/test_load.py

test-proof: setup ## A whole cloud under faults at random, 600 of them, other ones each time (about 10 minutes)
	BUSWAY_PROOF=long .venv/bin/python -m pytest tests/proof

fuzz: setup ## Random requests over the OpenAPI document, all roles, SQLite and PostgreSQL, other ones each time (about 20 minutes)
	BUSWAY_FUZZ_SECONDS=$${BUSWAY_FUZZ_SECONDS:-180} BUSWAY_FUZZ_SEED=$${BUSWAY_FUZZ_SEED:-$$RANDOM} .venv/bin/python -m pytest -s -m fuzz tests/fuzz

openapi: environment ## Write docs/reference/openapi.json again from the operations' tables
	REWRITE_GOLDEN=1 .venv/bin/python -m pytest -q -m fuzz tests/fuzz/test_document.py

screenshots: setup ## Write the pictures of the web console that the docs show
	mkdir -p docs/how-to/console
	BUSWAY_SCREENSHOTS=$(CURDIR)/docs/how-to/console .venv/bin/python -m pytest -q -m browser tests/browser/test_screenshots.py

coverage: setup ## Lines and branches that the fast tests run, by package; fails below 95 % of a pure package's branches
	@$(PYTHON) -m tools.coverage

mutation: python-version ## Change pure modules and count what no test notices, at most 20 minutes: make mutation ONLY='busway.scheduler.numa'
	@$(PYTHON) -m tools.mutation $(ONLY)

##@ Measure

bench: setup ## Measure, each figure beside its limit or its peer
	.venv/bin/python -m benchmarks

bench-peers: setup ## Measure placement beside Nova's and Placement's own code (.venv-peers: 400 MB, once; about 3 minutes)
	@$(PYTHON) -m tools.peers
	.venv/bin/python -m benchmarks placement nova-filter placement-api

oracle: setup ## Nova's own PCI code beside Busway's, thousands of generated cases (.venv-oracle: 400 MB, once)
	.venv/bin/python -m tools.oracle

schemas: setup ## Nova's own schemas of answers beside every answer of the compute API in its tests (.venv-oracle: 400 MB, once; about 5 minutes)
	.venv/bin/python -m tools.schemas

tempest: setup ## OpenStack's own conformance suite, all or ONLY=network, ONLY=guests,floating or a pattern; writes its page (.venv-tempest: 140 MB, once; over an hour)
	.venv/bin/python -m tools.tempest $(ONLY)

clients: setup ## The tools of OpenStack's users: the stock clients, Debian 12's, Ansible, libcloud, the SDK (.venv-client-*: 420 MB, once; about 9 minutes)
	@$(PYTHON) -m tools.clients

##@ Change and release

wheel: environment ## Build the Python package, with all that Busway needs at run time: dist/busway-*.whl
	.venv/bin/python -m hatchling build -t wheel -d dist

deb: environment ## Build the Debian package, with its own Python environment: dist/busway_*.deb
	@.venv/bin/python -m tools.deb

format: environment ## Rewrite the code in the house format
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

hooks: environment ## Have git run format, lint and import contracts before each commit
	git config core.hooksPath tools/hooks

revision: environment ## Write a change of the database's tables: make revision NAME=add_quotas
	@PYTHONPATH=src .venv/bin/python -m tools.revision $(NAME)

lock: python-version ## Compile the locks again from pyproject.toml and requirements/*.in, and say what moved
	@$(PYTHON) -m tools.lock

vendor: python-version ## Fetch the browser's libraries again from their npm packages, by the lists in packages.toml, and check them (needs npm)
	@$(PYTHON) -m tools.vendor

metrics: environment ## Rewrite docs/reference/metrics.md from the tables of metrics
	@PYTHONPATH=src .venv/bin/python -m tools.metrics

pci-ids: environment ## Put a newer list of PCI names into the package: make pci-ids FILE=pci.ids (or a .deb)
	@.venv/bin/python -m tools.pci_ids $(FILE)

ordinary-lines: setup ## Gather log lines of real boots again, which `busway why` must not answer (lab; about 5 minutes)
	@.venv/bin/python -m tools.ordinary

release: environment ## Set the version, date the changelog, commit and tag: make release VERSION=0.2.0
	@$(PYTHON) -m tools.release $(VERSION)

python-version:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Busway needs Python 3.11 or later, and $(PYTHON) is not; try: make PYTHON=python3.11 ..." >&2; exit 1; }

environment:
	@test -x .venv/bin/python || { echo "there is no .venv yet: run \`make setup\`" >&2; exit 1; }
