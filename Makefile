# `make demo` and `make test` are all a newcomer needs; both make the environment on first use and reuse it after.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
DEMO   := $(VENV)/.demo-installed
PEERS  := $(VENV)/.peers-installed
LOWEST := .venv-lowest
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
PLUGINS := $(wildcard plugins/*)
PROJECTS := pyproject.toml $(wildcard plugins/*/pyproject.toml)

.PHONY: demo gallery test quick mutants fuzz lint typecheck bench house docs site inventories check dist lowest clean
.DEFAULT_GOAL := test

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "error: imle needs Python 3.11 or newer; run: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(STAMP): $(PROJECTS) requirements-dev.txt constraints.txt | $(BIN)/pip
	@echo "Installing what the tests need into $(VENV). This takes minutes, once."
	@$(PIP) -r requirements-dev.txt -e '.[demo]' $(foreach p,$(PLUGINS),-e $(p))
	@touch $@

# little more than torch: a newcomer sees the demo first
$(DEMO): $(PROJECTS) constraints.txt | $(BIN)/pip
	@echo "Installing torch and what the demo needs into $(VENV). This takes a few minutes, once."
	@$(PIP) -e '.[demo]' -e plugins/imle-networkx -e plugins/imle-gallery
	@touch $@

demo: $(if $(wildcard $(STAMP)),$(STAMP),$(DEMO))
	$(BIN)/imle demo

gallery: $(STAMP)
	$(BIN)/imle gallery

# a thread for each of the two workers: with two each, they wait for one another
test: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

# the fast half, while you work
quick: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 -m "not slow"

# small changes of the sources, drawn anew for each SEED: tests are to notice 19 of 20
mutants: $(STAMP)
	cd tests && ../$(BIN)/python -m mutants --count $(or $(COUNT),60) --seed $(or $(SEED),0) $(if $(ONLY),--only $(ONLY))

# make fuzz SECONDS=3600 SEED=7 ONLY=programs/highs-ilp: more of it, the same again, some of it
fuzz: $(STAMP)
	PYTHONPATH=tests $(BIN)/python -m fuzz $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED)) \
	  $(if $(ONLY),--only $(ONLY))

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

typecheck: $(STAMP)
	$(BIN)/mypy
	MYPYPATH=examples $(BIN)/mypy examples tools

$(PEERS): $(STAMP) benchmarks/requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r benchmarks/requirements.txt
	@touch $@

bench: $(PEERS)
	$(BIN)/python -m benchmarks $(ONLY)

# lines, circles, frames and step ratios: make house AGAINST=../before shows two checkouts side by side
house: $(STAMP)
	$(BIN)/python -m tools.house $(if $(AGAINST),--against $(AGAINST)) $(if $(NAMES),--names)

docs: $(STAMP)
	$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build/html

# all releases that have a tag, and this checkout, with a switch between them: docs/_build/site
site: $(STAMP)
	$(BIN)/python -m tools.site

# corrects docs/_inventories by what other projects publish: needs the network, as no build of the pages does
inventories: $(STAMP)
	PYTHONPATH=docs/_ext $(BIN)/python -m imle_docs.outside

# what is published, in dist/: built, checked, and each wheel installed into an empty environment where it trains
dist: $(STAMP)
	rm -rf dist
	$(BIN)/python -m tools.release build dist
	IMLE_DIST=$(CURDIR)/dist $(BIN)/python -m pytest -n 2 tests/distribution

$(LOWEST)/.installed: $(PROJECTS) requirements-dev.txt $(STAMP)
	$(PYTHON) -m venv $(LOWEST)
	$(BIN)/python -m tools.release lowest > $(LOWEST)/constraints.txt
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check -c $(LOWEST)/constraints.txt \
	  -r requirements-dev.txt -e '.[demo]' $(foreach p,$(PLUGINS),-e $(p))
	@touch $@

# the fast tests, with the lowest versions of other packages that pyproject.toml files declare
lowest: $(LOWEST)/.installed
	$(LOWEST)/bin/python -m pytest -n 2 -m "not slow"

check: lint typecheck test

clean:
	rm -rf $(VENV) $(LOWEST) dist build .pytest_cache .mypy_cache .ruff_cache docs/_build docs/_generated docs/api docs/plugins docs/solvers
