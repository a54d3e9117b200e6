# labline: `make run` sets everything up and starts the demo lab; `make help` lists the rest.
PYTHON ?= python3
BIN := .venv/bin
# How many processes share the tests (docs/decisions/0057-tests-in-two-processes.md).
PROCESSES ?= 2
SHARED_OUT := $(if $(filter-out 1,$(PROCESSES)),-n $(PROCESSES) --dist loadfile --no-loadscope-reorder)

.DEFAULT_GOAL := help
.PHONY: help run test check dashboards bench chaos ansible lock deb clean all-installed test-installed

help: ## list what make can do here
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s%s\n", $$1, $$2}' Makefile

run: all-installed ## start the demo lab, live, until Ctrl-C (SITE=name-or-path, DURATION=seconds)
	@site="$(SITE)"; if [ -f "$(PWD)/$$site" ]; then site="$(PWD)/$$site"; fi; \
	$(BIN)/labline run $${site:+"$$site"} $(if $(DURATION),--duration $(DURATION))

test: check ## run all tests, with the real Telegraf and InfluxDB (ARGS="-k words" for some of them; PROCESSES=1)
	@$(BIN)/python -m pytest $(SHARED_OUT) $(ARGS)

check: test-installed ## look at the code without running it (ruff, mypy)
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/mypy

dashboards: all-installed ## write provisioning/grafana anew from the demo site
	@$(BIN)/python -m grafana_dashboards

bench: test-installed ## measure, and write docs/benchmarks.md
	@$(BIN)/python -m benchmarks

chaos: test-installed ## break whole machines, and write the table in docs/reliability.md (an hour; root, systemd-nspawn)
	@$(BIN)/python -m tests.chaos

ansible: all-installed ## install ansible-core into .venv, to put a site on machines (ansible/README.md)
	@$(BIN)/python -m pip install --quiet --require-hashes --only-binary :all: -r requirements/ansible.txt

lock: all-installed ## renew the versions and digests of all that is installed (requirements/)
	@$(BIN)/python -m tools.lock

deb: all-installed ## make the Debian package, into dist
	@$(BIN)/python -m tools.deb

clean: ## delete what make made: .venv and caches, never your data in .labline
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -not -path './.labline/*' -prune -exec rm -rf {} +

all-installed:
	@$(PYTHON) tools/bootstrap.py all

test-installed:
	@$(PYTHON) tools/bootstrap.py test
