# Every target works in a fresh clone and installs first. PYTHON= names the interpreter that .venv is made with, VENV= another
# environment; VENV= with nothing behind it uses the active one.
PYTHON ?= python3
VENV ?= .venv
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help install test test-fast test-robust test-cuda test-browser rehearsal notebooks docs audit lint dist bench demo demo-dog clean

ifeq ($(strip $(VENV)),)
PY := $(PYTHON)
STAMP :=
else
PY := $(VENV)/bin/python
STAMP := $(VENV)/.mmxas-$(shell cat requirements/*.txt requirements/install.sh setup.py | cksum | cut -d' ' -f1)
endif

help:  ## What there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo '  PYTHON=python3.12 chooses the interpreter, VENV=path the environment (VENV= alone: the active one)'

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python >= 3.11 wanted, $(PYTHON) is " + sys.version.split()[0] + ": make PYTHON=python3.11")'
	@$(PYTHON) -m venv $(VENV) || { echo 'making $(VENV) failed (Debian: apt install python3-venv)' >&2; exit 1; }
	@$(PY) -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=23.2'

ifneq ($(STAMP),)
$(STAMP): | $(VENV)/bin/python
	@requirements/install.sh $(PY)
	@rm -f $(VENV)/.mmxas-*
	@touch $@

install: $(STAMP)  ## Make .venv and install the stack and mmxas; does nothing where that is done
else
install:
	@requirements/install.sh $(PY)
endif

# The mathematics, the models and their training; no files of strangers, tools, renderings or pictures.
FAST := tests/test_structures tests/test_ops tests/test_codecs tests/test_models tests/test_datasets/test_transforms \
	tests/test_datasets/test_samplers tests/test_engine tests/test_evaluation tests/test_registry.py tests/test_parity.py \
	tests/test_structure.py
test-fast: install  ## Test operators, models, losses, transforms, metrics and small trainings (under 2 minutes)
	@$(PY) -m pytest -q -m 'not slow and not hostile' $(FAST) $(ARGS)

test: install  ## Run all tests, with coverage of mmxas (13 minutes on 2 quiet cores)
	@$(PY) -m pytest --cov --cov-report=term-missing:skip-covered $(ARGS)

test-robust: install  ## Break it: distributed, interrupted, hostile, dirty, long; work_dirs/robust.json (under 40 minutes)
	@mkdir -p work_dirs
	@MMXAS_ROBUST_JSON=work_dirs/robust.json OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 $(PY) -m pytest -q tests/robust $(ARGS)

test-cuda: install  ## Test on a GPU: operators, training, NCCL, tools; skipped where there is none (under 2 minutes)
	@$(PY) -m pytest -q -m cuda tests/on_cuda $(ARGS)

test-browser: docs  ## Open the page of poses and every page of the docs in Chromium (4 minutes; Debian: apt install chromium)
	@$(PY) -m pytest -q -m browser tests/browser $(ARGS)

rehearsal: install  ## Run the docs' commands on miniatures of all downloads, from archive to table (20 minutes)
	@MMXAS_REHEARSAL=1 $(PY) -m pytest -q tests/rehearsal $(ARGS)

notebooks: install  ## Run the tutorials, the notebooks and the commands of README, as they are there (10 minutes)
	@$(PY) -m pytest -q -m tutorial tests/tutorials $(ARGS)

audit: install  ## Compare the environment with requirements/lock.txt, list licences and known vulnerabilities
	@$(PY) tools/audit.py

lint: install  ## Check style, docstrings, types, which room imports which, and the files of .github
	@$(PY) -m ruff check .
	@$(PY) -m mypy
	@$(PY) -c 'from importlinter.cli import lint_imports_command as run; run()' --no-cache
	@$(PY) -m check_jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(PY) -m check_jsonschema --builtin-schema vendor.github-issue-forms $(filter-out %/config.yml,$(wildcard .github/ISSUE_TEMPLATE/*.yml))
	@$(PY) -m check_jsonschema --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	@$(PY) -m pre_commit validate-config

dist: install  ## Build a source archive and from it the wheel, into dist; check their metadata and contents
	@rm -rf build dist *.egg-info
	@$(PY) -m build --no-isolation
	@$(PY) -m twine check --strict dist/*
	@$(PY) -m check_wheel_contents dist/*.whl

bench: install  ## Compare the fast operators with plain formulations, 20 minutes on 2 quiet cores
	@$(PY) -m benchmarks $(ARGS)

demo: install  ## Render the built-in data, train the quick recipe, evaluate, draw: 15 minutes on 2 cores
	@$(PY) tools/demo.py --full-recipe '$(PY) tools/train.py configs/xas_mocap_full.py' $(ARGS)

demo-dog: install  ## The same for the free dog: render, train, evaluate, draw; results in work_dirs/demo-dog
	@$(PY) tools/demo.py projects/animal/configs/xas_dog_motion.py --work-dir work_dirs/demo-dog \
		--full-recipe '$(PY) tools/train.py projects/animal/configs/xas_dog_motion_full.py' $(ARGS)

docs: install  ## Build the pages of docs into site/ without a warning; every table is that of its results file
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements/docs.txt
	@$(PY) docs/scripts/tables.py --check
	@NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --strict --quiet

clean:  ## Remove what building and testing leave behind; .venv, data and work_dirs stay
	@rm -rf build dist site *.egg-info .coverage* .pytest_cache .ruff_cache .mypy_cache
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
