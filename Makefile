# `make help` lists the targets. Every target that needs the environment (.venv) makes or mends it first.
PYTHON ?= python3
TIER ?= quick
VENV := .venv/bin/python
FLAGS := $(if $(filter file,$(origin PYTHON)),,--this-python) $(if $(CPU),--cpu=$(CPU)) $(if $(NEWEST),--newest)
SETUP = command -v $(PYTHON) >/dev/null 2>&1 || { echo "There is no '$(PYTHON)' on this machine. Install Python 3.11, 3.12 or 3.13," \
	"or name one: make lab PYTHON=python3.12"; exit 1; }; $(PYTHON) tools/bootstrap.py $(FLAGS)
JUPYTER := JUPYTER_CONFIG_PATH="$(CURDIR)/tools/jupyter:$$JUPYTER_CONFIG_PATH"
NBVAL := --nbval-lax --nbval-current-env --nbval-cell-timeout=180

.DEFAULT_GOAL := help
.PHONY: help lab test test-ui slides run reference backbone lint links clean-caches release practice exercise grade

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 24
	@echo "Options: PYTHON=python3.12 (which Python), CPU=1 (PyTorch without CUDA), ARGS=... (handed to JupyterLab or pytest)"

lab: ## set up, then JupyterLab at the start notebook
	@$(SETUP)
	$(JUPYTER) $(VENV) -m jupyterlab --LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb $(ARGS)

test: export COURSE_TIER := quick
test: lint ## set up, then lint, all tests, and every notebook run and compared
	OMP_NUM_THREADS=1 $(VENV) -m pytest -n 2 --dist loadfile tests --ignore tests/ui $(ARGS)
	OMP_NUM_THREADS=1 $(VENV) -m pytest -n 2 --dist loadfile $(NBVAL) notebooks $(ARGS)

test-ui: ## the tests in a real browser (needs Chromium)
	@$(SETUP) --extras test,ui
	COURSE_TIER=quick $(VENV) -m pytest -m ui tests/ui $(ARGS)

slides: ## reveal.js slides from the notebooks, to be opened without a network (needs npm)
	@$(SETUP)
	$(VENV) tools/slides.py $(ARGS)

run: ## NB=02: run a notebook at the quick tier and store its outputs
	@$(SETUP)
	COURSE_TIER=quick $(VENV) tools/execute.py notebooks/$(NB)_*.ipynb

reference: ## NB=07 TIER=laptop: run a notebook at a tier, from nothing, and append its reference run
	@$(SETUP)
	$(VENV) tools/reference.py $(NB) $(TIER) $(ARGS)

backbone: ## TIER=gpu: train the pretrained backbone on CIFAR-10 anew (ARGS=--resume goes on after an interruption)
	@$(SETUP)
	COURSE_TIER=$(if $(filter quick,$(TIER)),laptop,$(TIER)) $(VENV) tools/train_backbone.py $(ARGS)

lint: ## ruff: lint and format, checked
	@$(SETUP) --extras test
	$(VENV) -m ruff check .
	$(VENV) -m ruff format --check .

release: ## EX=02: the exercises as students get them, without solutions, in build/release (all of them without EX)
	@$(SETUP)
	$(VENV) -m course_utils.grading release --ex "$(EX)"

practice: ## EX=02: the same with worked solutions, in build/practice, for learning alone
	@$(SETUP)
	$(VENV) -m course_utils.grading practice --ex "$(EX)"

exercise: ## EX=02: prove an exercise: form, source, bare release, every known mistake (all of them without EX)
	@$(SETUP)
	OMP_NUM_THREADS=1 $(VENV) -m course_utils.grading exercise --ex "$(EX)"

grade: ## SUBMISSIONS=folder: mark in a sandbox, write grades.csv and feedback (docs/grading.md has the options)
	@$(SETUP)
	$(VENV) -m course_utils.grading grade "$(SUBMISSIONS)" --ex "$(EX)" --grades "$(or $(GRADES),grades)" \
	  --roster "$(ROSTER)" --due "$(DUE)" --regrade "$(REGRADE)" --sandbox "$(or $(SANDBOX),yes)" $(ARGS)

links: ## rewrite the Colab and Binder links after a change of the repository's address in pyproject.toml
	@$(SETUP)
	$(VENV) tools/links.py

clean-caches: ## delete rendered data and tool caches (data sets and trained runs stay)
	rm -rf data/cache .pytest_cache .ruff_cache .hypothesis
