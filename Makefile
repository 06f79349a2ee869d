# Two commands set everything up: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

# Tests start hundreds of processes: each would compile the checkout's modules anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help demo test reliability check fix docs licenses bench serve-bench fuzz serve-fuzz compilers wheel-test browser js-check js-parity playground test-engines two-hosts clean

demo: $(VENV)/.train ## train on the bundled sample, evaluate, predict
	$(BIN)/wave-network train sample --output demo-model --overwrite
	$(BIN)/wave-network evaluate demo-model sample
	$(BIN)/wave-network predict demo-model \
	  "Oil prices jump as OPEC cuts output" \
	  "The striker scored twice in the last ten minutes to win the cup" \
	  "A telescope finds water vapour around a distant planet" \
	  "Voters go to the polls after the prime minister resigns"

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.* ## /\1: /p' Makefile

test: $(VENV)/.test ## the whole test suite
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile

reliability: $(VENV)/.test ## kill -9, full disks, damage: more faults than the suite injects, and a table: make reliability KILLS=1000
	WAVE_NETWORK_KILLS=$(or $(KILLS),200) WAVE_NETWORK_ENGINES=1 $(BIN)/python -m pytest tests/persistence/test_kills.py \
	  tests/training/test_checkpoint.py tests/experiments/test_resuming.py tests/cli/test_resume.py tests/cli/test_faults.py \
	  tests/cli/test_predict_parts.py tests/scale/test_ray_scoring.py

test-engines: $(VENV)/.engines ## all tests on Ray, and the functions for Spark, DuckDB and polars on the real engines (needs Java 17)
	WAVE_NETWORK_ENGINES=1 $(BIN)/python -m pytest tests/scale

two-hosts: $(VENV)/.test ## train on two hosts, as the network sees them: two namespaces (needs root and Linux)
	dev/two_hosts.sh $(BIN)/python

check: $(VENV)/.check ## lint, types, documentation
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mkdocs build --strict --quiet

fix: $(VENV)/.check ## format, and apply the fixes of the linter
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

playground: $(VENV)/.check ## the bundled sample's model as a page, for the documentation
	$(BIN)/wave-network train sample --output build/sample --overwrite
	$(BIN)/wave-network quantize build/sample --bits 4 --output build/sample-4 --overwrite
	$(BIN)/wave-network export build/sample-4 --format web --output build/playground --overwrite

docs: $(VENV)/.check playground ## build the documentation into site/
	$(BIN)/mkdocs build --strict

licenses: $(VENV)/.check ## list the licences of the dependencies in docs/licenses.md
	$(BIN)/python dev/licenses.py

bench: $(VENV)/.bench ## compare with other libraries, and plot: make bench DATA="folder folder"
	$(BIN)/python benchmarks/compare.py $(DATA)
	$(BIN)/python benchmarks/plots.py

serve-bench: $(VENV)/.bench ## load the service with wrk, beside plain handlers: make serve-bench DATA=folder
	$(BIN)/python benchmarks/serve/load_test.py $(DATA)

fuzz: $(VENV)/.test ## read damaged files and folders; call the compiled functions wrongly under sanitizers (needs gcc): make fuzz CALLS=10000
	dev/fuzz.sh $(BIN)/python $(CALLS)

serve-fuzz: $(VENV)/.test ## ask the service thousands of odd requests: make serve-fuzz REQUESTS=2000
	WAVE_NETWORK_REQUESTS=$(or $(REQUESTS),1000) $(BIN)/python -m pytest tests/serve/test_openapi.py tests/serve/test_fuzz.py

js-check: js/node_modules ## types and size of the JavaScript engine (needs Node)
	cd js && npm run --silent check && node measure.js

js-parity: $(VENV)/.test js/node_modules ## compare both engines on 100,000 hostile texts, every preset and 32, 8 and 4 bits; speed with MODEL=folder TEXTS=list.json
	WAVE_NETWORK_JS_TEXTS=$(or $(COUNT),100000) $(BIN)/python -m pytest -q -s tests/js/test_parity.py
	node js/measure.js $(MODEL) $(TEXTS)

browser: $(VENV)/.browser js/node_modules ## the playground, explanations and reports in Chromium: make browser CHROMIUM=/usr/bin/chromium
	WAVE_NETWORK_CHROMIUM=$(or $(CHROMIUM),/usr/bin/chromium) $(BIN)/python -m pytest -q -s tests/js/test_browser.py

js/node_modules: js/package.json
	cd js && npm install --no-audit --no-fund --silent
	touch $@

compilers: $(VENV)/.test ## compile the C code with every compiler that is installed, warnings as errors
	dev/compilers.sh $(BIN)/python

wheel-test: ## build the wheel, install it in fresh environments, run the core tests: make wheel-test PYTHONS="python3.10 python3.13"
	dev/wheel_test.sh $(PYTHONS)

clean:
	rm -rf $(VENV) site demo-model js/node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis

# One stamp file per set of extras; a changed requirement installs again.
$(VENV)/.train $(VENV)/.test $(VENV)/.engines $(VENV)/.check $(VENV)/.bench $(VENV)/.browser: \
  pyproject.toml setup.py constraints.txt src/wave_network/_version.py $(wildcard src/wave_network/_native/*.[ch])
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) --editable ".[$(subst .,,$(notdir $@))]"
	touch $@
