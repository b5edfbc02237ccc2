# The two commands: `make lab` opens the course, `make test` checks it. `make help` lists the rest.
.DEFAULT_GOAL := help
SHELL := /bin/sh

# The first that runs: of a version that is not switched on, pyenv leaves a python3.11 that only complains.
PYTHON ?= $(firstword $(foreach v,3.11 3.12 3.13 3.14,$(shell python$(v) -c '' >/dev/null 2>&1 && echo python$(v))) python3)
VENV ?= .venv
BIN := $(VENV)/bin
# Compiled once here, not by every kernel anew: importing torch takes a third of the time.
UV := $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python
# A mirror that pip is told to use serves uv as well.
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif
# Kernels run in the notebooks' folder: a relative path would point elsewhere there. By the shell, as
# make's own abspath takes a path apart at its spaces, and expands no ~.
ifdef LENET_DATA
override LENET_DATA := $(shell path='$(subst ','\'',$(value LENET_DATA))'; case "$$path" in \
	("~/"*) printf "%s/%s" "$$HOME" "$$(printf %s "$$path" | cut -c3-)";; \
	(/*|"~"*|[A-Za-z]:*) printf %s "$$path";; \
	(*) printf "%s/%s" "$$PWD" "$$path";; esac)
export LENET_DATA
endif
# Two busy programs on two cores: threads that wait for each other cost more than they gain.
TEST_ENV := OMP_NUM_THREADS=$(or $(OMP_NUM_THREADS),1)
PYTEST := $(TEST_ENV) $(BIN)/python -m pytest

.PHONY: help setup lab original test lint proof proof-checks proof-classroom proof-search proof-training proof-chapters \
	proof-hub proof-mutants proof-reliability proof-repeats proof-oldest proof-newest notebooks translations pictures \
	site classroom grade hub lock clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 28

setup: $(VENV)/.lab  ## install what the chapters need into .venv

lab: setup  ## open your copies of the chapters in JupyterLab (TORCH=cpu: the smaller torch, without GPU)
	@$(BIN)/python -m tools.lab $(ARGS)

original: setup  ## put a chapter of your copies back: CHAPTER=03-training [CELL=loop-exercise]
	@$(BIN)/python -m tools.copies original $(CHAPTER) $(CELL)

# A file to a process at a time: all cells of a chapter stay in one kernel. Two compute, a third waits for servers:
# conftest.py says which.
WORKERS ?= 3
test: $(VENV)/.all  ## install what the tests need and run all of them
	$(PYTEST) -n $(WORKERS) --dist loadfile $(ARGS)

lint: $(VENV)/.all  ## format, lint, types, imports and declared dependencies alone
	$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/lint-imports && $(BIN)/deptry .

proof: $(VENV)/.all  ## the long proofs, an hour at most each: proof-checks, -classroom, -search, -training, -chapters, -hub
	$(PYTEST) -m proof tests $(ARGS)

PROXY := deploy/hub/node_modules/.bin/configurable-http-proxy
PROOF_checks := tests/test_mutants.py tests/test_blind_answers.py tests/test_known_wrong.py
PROOF_classroom := $(wildcard tests/test_classroom*.py)
PROOF_search := $(wildcard tests/test_search*.py)
PROOF_training := tests/test_session.py tests/test_dashboard.py tests/test_benchmarks.py tests/test_folders.py \
	tests/test_from_nothing.py
PROOF_hub := tests/test_hub.py
PROOF_chapters := tests/test_notebooks.py tests/test_setup.py tests/test_site.py tests/browser/test_chapters.py notebooks/zh/04-tuning.ipynb
proof-hub: $(PROXY)
proof-checks proof-classroom proof-search proof-training proof-chapters proof-hub: proof-%: $(VENV)/.all
	@mkdir -p artefacts
	$(PYTEST) -m proof $(PROOF_$*) --junitxml=artefacts/proof-$*-$(shell date +%F).xml $(ARGS)

proof-mutants: $(VENV)/.all  ## plant faults in core and checks; goes on where it stopped; docs/mutants.json
	$(TEST_ENV) $(BIN)/python -m benchmarks.mutants --minutes 55 $(ARGS)

proof-reliability: $(VENV)/.all  ## inject every fault (an hour; LENET_MINUTES=5 for less) and write docs/reliability.md
	@mkdir -p artefacts && rm -f artefacts/reliability.jsonl
	LENET_RELIABILITY="$(CURDIR)/artefacts/reliability.jsonl" $(PYTEST) -m "proof or not proof" $(FAULTS) $(ARGS)
	$(TEST_ENV) PYTHONPATH="$(CURDIR)" $(BIN)/python tests/reliability.py artefacts/reliability.jsonl docs/reliability.md \
		"LENET_MINUTES=$(or $(LENET_MINUTES),30) $(filter --deselect%,$(ARGS))"

# First what is measured against the clock.
FAULTS := tests/test_reliability_clock.py tests/test_reliability.py tests/test_reliability_running.py tests/test_torchvision_sets.py \
	tests/test_small_files.py tests/test_pictures.py tests/test_parsers.py tests/test_security.py \
	tests/test_lab.py::test_the_server_answers_with_its_token_alone_and_in_the_readers_language \
	tests/test_search.py::test_interrupts_at_random_instants_lose_no_trial

# The page remembers what has run: stopped, it goes on with the next number, on another day or machine too. A change
# begins anew, if not to the page itself.
proof-repeats: $(VENV)/.all  ## the whole test run once in random order and 20 times; goes on where it stopped
	@$(COMMITTED)
	@mkdir -p artefacts && tree=$(TREE) && for n in random $$(seq -w 1 20); do \
		if grep -q "^| $$n | $$tree |" $(FAULTS_PAGE); then echo "$$n: done before"; continue; fi; \
		if [ $$n = random ]; then seed=$$(date +%s); else seed=; fi; \
		echo "$$n $$seed"; \
		LENET_ORDER=$$seed $(PYTEST) -q -n $(WORKERS) --dist loadfile --junitxml=artefacts/$$n.xml $(ARGS) \
			|| { echo "$$n failed: artefacts/$$n.xml (LENET_ORDER=$$seed)"; exit 1; }; \
		$(WHOLE) $$tree artefacts/$$n.xml || exit 1; \
	done

# In a .venv of their own, so that nobody's is changed. $* is oldest or newest.
proof-oldest proof-newest: proof-%: $(VENV)/.uv  ## the tests with the oldest or the newest versions that are allowed
	@$(COMMITTED)
	@mkdir -p artefacts
	$(BIN)/uv pip compile --quiet --python-version 3.11 --resolution $(RESOLUTION_$*) --all-extras pyproject.toml \
		-o artefacts/$*.txt
	$(BIN)/uv venv --quiet --clear --python $(PYTHON) artefacts/venv-$*
	$(BIN)/uv pip install --quiet --python artefacts/venv-$*/bin/python -r artefacts/$*.txt "setuptools>=80" pip uv
	$(BIN)/uv pip install --quiet --python artefacts/venv-$*/bin/python --no-deps --no-build-isolation --editable .
	$(TEST_ENV) artefacts/venv-$*/bin/python -m pytest -n $(WORKERS) --dist loadfile --junitxml=artefacts/$*.xml $(ARGS)
	$(WHOLE) $(TREE) artefacts/$*.xml

FAULTS_PAGE := docs/reliability.md
WHOLE := PYTHONPATH="$(CURDIR)" $(BIN)/python tests/reliability.py whole $(FAULTS_PAGE)
COMMITTED := git diff --quiet HEAD -- . ':!$(FAULTS_PAGE)' || { echo "Commit first: the page names what was tested."; exit 1; }
TREE := $$(git ls-tree -r HEAD | grep -v '$(FAULTS_PAGE)$$' | git hash-object --stdin | cut -c 1-12)
RESOLUTION_oldest := lowest-direct
RESOLUTION_newest := highest

notebooks: $(VENV)/.all  ## run every chapter from a clean kernel and store its outputs
	$(TEST_ENV) $(BIN)/python -m tools.notebooks build $(ARGS)

translations: $(VENV)/.all  ## bring the translations up to date and list what is to do
	$(BIN)/python -m tools.translations $(ARGS)

pictures: $(VENV)/.all  ## take the README's pictures anew (needs Chromium)
	$(TEST_ENV) $(BIN)/python -m tools.pictures

site: $(VENV)/.all  ## build the static web edition into _site
	$(BIN)/python -m tools.site

classroom: $(VENV)/.all  ## build the students' release of the assignments
	$(BIN)/python -m classroom.release $(ARGS)

grade: $(VENV)/.all  ## grade what was submitted: see classroom/TEACHING.md
	$(BIN)/python -m classroom.grade $(ARGS)

hub: $(VENV)/.all $(PROXY)  ## try JupyterHub with a class on this machine: see docs/scaling.md (needs npm)
	@$(BIN)/python -m deploy.hub $(ARGS)

$(PROXY): deploy/hub/package-lock.json
	npm ci --prefix deploy/hub --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel error
	@touch $@

lock: $(VENV)/.uv  ## resolve the dependencies anew, for every platform
	echo "uv==0.13.8" | $(LOCK) - -o requirements/uv.txt
	echo "setuptools>=80" | $(LOCK) pyproject.toml - -o requirements/lab.txt
	echo "setuptools>=80" | $(LOCK) pyproject.toml - --all-extras --constraint requirements/lab.txt -o requirements/all.txt

LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --no-header

clean:  ## remove .venv and everything that was built
	rm -rf $(VENV) _site artefacts build *.egg-info

# What is installed -------------------------------------------------------------------

$(VENV)/.uv: requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python %d.%d is too old: install Python 3.11 or newer, or name one with make PYTHON=..." % sys.version_info[:2])'
	@echo "Creating $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/uv.txt
	@touch $@

$(VENV)/.lab: $(VENV)/.uv requirements/lab.txt pyproject.toml
ifdef TORCH
	@echo "Installing torch for $(TORCH) and the locked packages"
	$(UV) --torch-backend $(TORCH) $(shell sed -n 's/^\(torch\(vision\)*==[^ ]*\).*/\1/p' requirements/lab.txt)
	@awk '/^[a-z]/ {keep = !/^(torch|torchvision|triton|nvidia-.*|cuda-.*)==/} keep' requirements/lab.txt > $(VENV)/lab.txt
	$(UV) --require-hashes -r $(VENV)/lab.txt
else
	@echo "Installing the locked packages (on Linux about 3 GB, torch's CUDA libraries included)"
	@$(UV) --require-hashes -r requirements/lab.txt
endif
	@$(UV) --no-deps --no-build-isolation --editable .
	@mkdir -p $(VENV)/share/jupyter/lab/settings
	@cp tools/jupyterlab-overrides.json $(VENV)/share/jupyter/lab/settings/overrides.json
	@touch $@

$(VENV)/.all: $(VENV)/.lab requirements/all.txt
	@echo "Installing what the tests need"
	@$(UV) --require-hashes -r requirements/all.txt
	@touch $@
