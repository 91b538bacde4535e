# The tasks of a checkout; `make help` lists them. Needs Python 3.11 or newer and make; everything else,
# Node.js included, is fetched into .venv/, .venv-*/ and node_modules/.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:

PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null && echo $$python && break; done)
BIN := .venv/bin
OLDEST := .venv-oldest/bin
NODE := PATH="$(CURDIR)/.venv-node/bin:$$PATH"
PACKAGE := pyproject.toml hatch_build.py flower_ng/__init__.py

# The tests start hundreds of processes: without compiled modules, each would compile all of them again.
unexport PYTHONDONTWRITEBYTECODE

# The parts of `make bench`, and the options of each: make bench PARTS=pages BENCH=--quick
PARTS := compare highest bursts pages workers overload
BENCH :=

# In CI what failed is run once more when all others are done, by one process with servers of its own: the
# machine there is shared, and many tests depend on time. Elsewhere no test is run again. The names of
# failed tests that one process has to run end in "@" and their group, which a second run does not know.
PYTEST := pytest -n 4
AGAIN = $(if $(filter true 1,$(CI)),|| { test $$? -eq 1 && grep -q '::' .pytest_cache/v/cache/lastfailed && \
	echo "What failed is run once more:" && sed -i -E 's/@[a-z0-9-]+": true/": true/' .pytest_cache/v/cache/lastfailed && \
	$(1)/pytest --last-failed --last-failed-no-failures none --maxfail 3 $(2); })

# Old releases warn about one another, and there is no browser beside them.
OLD_SOURCES := -W default tests/monitor tests/brokers
OLD_MARKED = -W default -m oldest --ignore tests/browser \
	$(addprefix --ignore ,$(shell grep -rlE '^from (playwright|tests\.browser)' tests --include='*.py'))

# Everything is installed from the hashed lists in requirements/, so all get the same files. Only wheels:
# building an sdist would fetch tools that no list names.
INSTALL := -m pip install --quiet --require-hashes --only-binary :all:
OURSELVES := -m pip install --quiet --no-deps --no-build-isolation --editable .

# Each list is for every system and every supported Python.
LOCK :=
COMPILE = .venv-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-annotate --custom-compile-command 'make lock' $(LOCK) --output-file

# An environment without its Python, or one that was moved with the checkout, is unusable: without its mark
# it is made again.
$(shell for env in .venv .venv-*; do \
	test ! -d $$env || { test -e $$env/bin/python && grep -qsF -- "$(CURDIR)/$$env" $$env/pyvenv.cfg; } \
	|| rm -f $$env/.made $$env/.package $$env/.tools; done)

.PHONY: help
help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: .venv/.tools ## Set up .venv with flower_ng and the tools

.PHONY: vendor
vendor: static/vendor/icons.svg ## Fetch the browser libraries into static/vendor

.PHONY: demo
demo: .venv/.package ## Show the dashboard at http://127.0.0.1:5555 on a sample shop
	@exec $(BIN)/flower-ng demo

.PHONY: check
check: setup checks ## Run every check that starts nothing: style, types, imports, scripts

.PHONY: checks
checks: node_modules/.made
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/dead_code.py
	$(NODE) npx --no-install eslint
	$(NODE) npx --no-install prettier --check .
	$(NODE) npx --no-install tsc

.PHONY: suite
suite: .venv-node/.made .venv-flower/.made
	$(NODE) node --test $(wildcard tests/js/*.js)
	$(BIN)/$(PYTEST) $(call AGAIN,$(BIN))

.PHONY: test-celery
test-celery: .venv/.tools ## Run Celery's own tests of its State against ours
	$(BIN)/python -m tools.celery_state_tests

.PHONY: test
test: services check .venv-oldest/.tools suite ## Run the checks, then all tests, some with the oldest Celery
	$(OLDEST)/$(PYTEST) $(OLD_SOURCES) $(call AGAIN,$(OLDEST),$(OLD_SOURCES))
	$(OLDEST)/$(PYTEST) $(OLD_MARKED) $(call AGAIN,$(OLDEST),$(OLD_MARKED))

.PHONY: test-latest
test-latest: services .venv-latest/.made ## Run checks and tests with the newest releases of everything
	.venv-latest/bin/python tools/newer.py
	failed=; $(MAKE) --no-print-directory checks suite BIN=.venv-latest/bin || failed=1; \
		.venv-latest/bin/python tools/newer.py; test -z "$$failed"

.PHONY: image-test
image-test: services setup ## Build the container image with buildah and run it
	@$(PYTHON) tools/test_setup.py image
	$(BIN)/pytest -m image tests/image

.PHONY: soak
soak: setup ## Run what takes long: a store killed 200 times, 10,000 tasks in a ledger, hours of churn
	CRASH_ROUNDS=200 $(BIN)/pytest -s tests/store/test_crash.py
	LEDGER_TASKS=10000 $(BIN)/pytest -n 0 tests/live/test_ledger.py
	$(BIN)/pytest --hypothesis-profile=soak tests/store/test_where.py tests/store/test_query.py tests/store/test_search.py
	$(BIN)/pytest -s -m soak

.PHONY: faults
faults: services setup ## Break real brokers and networks, which takes minutes
	$(BIN)/pytest -n 0 -m "faults or not faults" tests/faults
	$(BIN)/pytest -n 0 -m faults tests/live

.PHONY: bench
bench: services setup .venv-flower/.made ## Measure beside Flower 2.2.0; writes docs/benchmarks.md
	failed=; for part in $(PARTS); do \
		$(BIN)/python bench/$$part.py --flower .venv-flower/bin/celery $(BENCH) || failed+=" $$part"; \
	done; test -z "$$failed" || { echo "These parts did not end well:$$failed" >&2; exit 1; }

.PHONY: bench-growth
bench-growth: services setup ## Measure how costs grow with tasks, workers, types and browsers
	$(BIN)/python bench/growth.py $(BENCH)

.PHONY: bench-churn
bench-churn: services setup ## Measure memory while names come and go for ten minutes
	$(BIN)/python bench/churn.py $(BENCH)

.PHONY: bench-store
bench-store: services setup ## Fill a history with a million tasks and measure queries
	$(BIN)/python bench/store.py $(BENCH)

.PHONY: bench-10m
bench-10m: services setup ## The same with ten million tasks; needs 42 GB of free disk
	$(BIN)/python bench/store.py 10000000 $(BENCH)

.PHONY: test-setup
test-setup: services ## Install the servers and the browser of the tests (as root `make test` does it)

.PHONY: services
services: | python # installs them as root on Debian or Ubuntu; elsewhere names the missing ones
	@$(PYTHON) tools/test_setup.py

.PHONY: screenshots
screenshots: services setup ## Take pictures of every page of the demo into screenshots/
	$(BIN)/python tools/screenshots.py

.PHONY: docs
docs: setup ## Write the generated pages and tables of docs/
	$(BIN)/python tools/actions_table.py
	$(BIN)/python tools/options_table.py
	$(BIN)/python tools/search_table.py
	$(BIN)/python tools/health_table.py
	$(BIN)/python tools/prometheus_rules.py
	$(BIN)/python tools/grafana.py

.PHONY: wheel
wheel: vendor .venv-build/.made ## Build the wheel and the sdist into dist/
	.venv-build/bin/python -m build --no-isolation

.PHONY: release
release: | python ## Check, build and try the files of a release; uploads nothing
	@$(PYTHON) tools/release.py

.PHONY: lock
lock: .venv-lock/.made ## Write requirements/; LOCK=--upgrade takes the newest of everything
	$(COMPILE) requirements/lock.txt --group lock
	$(COMPILE) requirements/package.txt pyproject.toml --all-extras
	$(COMPILE) requirements/build.txt --group build -c requirements/package.txt
	$(COMPILE) requirements/tools.txt pyproject.toml --all-extras --group dev -c requirements/package.txt -c requirements/build.txt
	$(COMPILE) requirements/oldest.txt pyproject.toml --group test -c requirements/oldest.in -c requirements/build.txt
	$(COMPILE) requirements/flower.txt --group flower
	$(COMPILE) requirements/node.txt --group node

.PHONY: clean
clean: ## Remove everything that was made
	rm -rf .venv .venv-* node_modules static/vendor static/vendor.new dist .*_cache

.PHONY: python
python:
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer found: install one (Debian, Ubuntu:" \
		"apt-get install python3 python3-venv), or name it: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2> /dev/null || { echo "$(PYTHON) can't make environments:" \
		"apt-get install python3-venv (Debian, Ubuntu), or name another: make PYTHON=/path/to/python3" >&2; exit 1; }

# The mark of an environment is removed before the first change and written after the last. One without a
# mark was interrupted, and is made again from nothing (--clear). If only the package changed, the lists are
# not installed again.
define environment
	rm -f $@
	$(if $(filter %.txt,$?),$(PYTHON) -m venv --clear $(@D))
	$(foreach list,$(filter %.txt,$(if $(filter %.txt,$?),$^)),$(@D)/bin/python $(INSTALL) -r $(list)
	)
	$(if $(filter pyproject.toml,$^),$(@D)/bin/python $(OURSELVES))
	touch $@
endef

.venv/.package: requirements/build.txt requirements/package.txt $(PACKAGE) static/vendor/icons.svg | python
	$(environment)

.venv/.tools: requirements/build.txt requirements/tools.txt $(PACKAGE) static/vendor/icons.svg | python
	$(environment)
	touch .venv/.package

.venv-oldest/.tools: requirements/build.txt requirements/oldest.txt $(PACKAGE) static/vendor/icons.svg | python
	$(environment)

.venv-build/.made: requirements/build.txt | python
	$(environment)

.venv-flower/.made .venv-lock/.made .venv-node/.made: .venv-%/.made: requirements/%.txt | python
	$(environment)

.PHONY: .venv-latest/.made
.venv-latest/.made: static/vendor/icons.svg | python
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/pip install --quiet --upgrade pip
	$(@D)/bin/pip install --quiet --editable '.[apprise,postgresql]' --group dev

# `npm ci` and vendor.js first remove what is there, the mark included.
node_modules/.made: package.json package-lock.json .venv-node/.made
	rm -rf node_modules
	$(NODE) npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier
	touch $@

static/vendor/icons.svg: package.json package-lock.json tools/vendor.js .venv-node/.made
	$(NODE) node tools/vendor.js
