# Two commands set everything up: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test reliability check fix docs bench fuzz compilers wheel-test clean

demo: $(VENV)/.train ## train on the bundled sample, evaluate, predict
	$(BIN)/wave-network train sample --output demo-model --overwrite
	$(BIN)/wave-network evaluate demo-model sample
	$(BIN)/wave-network predict demo-model \
	  "Oil prices jump as OPEC cuts output" \
	  "The striker scored twice in the last ten minutes to win the cup" \
	  "A telescope finds water vapour around a distant planet" \
	  "Voters go to the polls after the prime minister resigns"

test: $(VENV)/.test ## the whole test suite
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

reliability: $(VENV)/.test ## kill -9, full disks, damage: more faults than the suite injects, and a table: make reliability KILLS=1000
	WAVE_NETWORK_KILLS=$(or $(KILLS),200) $(BIN)/python -m pytest tests/persistence/test_kills.py tests/training/test_checkpoint.py \
	  tests/experiments/test_resuming.py tests/cli/test_resume.py tests/cli/test_faults.py

check: $(VENV)/.check ## lint, types, documentation
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mkdocs build --strict --quiet

fix: $(VENV)/.check ## format, and apply the fixes of the linter
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.check ## build the documentation into site/
	$(BIN)/mkdocs build --strict

bench: $(VENV)/.bench ## compare with other libraries, and plot: make bench DATA="folder folder"
	$(BIN)/python benchmarks/compare.py $(DATA)
	$(BIN)/python benchmarks/plots.py

fuzz: $(VENV)/.test ## read damaged files and folders; call the compiled functions wrongly under sanitizers (needs gcc)
	dev/fuzz.sh $(BIN)/python

compilers: $(VENV)/.test ## compile the C code with every compiler that is installed, warnings as errors
	dev/compilers.sh $(BIN)/python

wheel-test: ## build the wheel, install it in fresh environments, run the core tests: make wheel-test PYTHONS="python3.10 python3.13"
	dev/wheel_test.sh $(PYTHONS)

clean:
	rm -rf $(VENV) site demo-model .pytest_cache .mypy_cache .ruff_cache .hypothesis

# One stamp file per set of extras; a changed requirement installs again.
$(VENV)/.train $(VENV)/.test $(VENV)/.check $(VENV)/.bench: \
  pyproject.toml setup.py constraints.txt $(wildcard src/wave_network/_native/*.[ch])
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) --editable ".[$(subst .,,$(notdir $@))]"
	touch $@
