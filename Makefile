# make serve | make test | make test-fast | make test-slow | make test-clients | make test-page | make check | make bench | make bench-peers | make docs | make lock | make install
# Each sets up what it needs: a virtual environment, once per change of pyproject.toml. It is .venv, of
# python3.11 or else python3. With PYTHON=python3.13 it is .venv-python3.13. Where torch's CPU build
# is, if pip does not know, says TORCH_INDEX_URL (docs/install.md).

PYTHON ?=
VENV := .venv$(if $(PYTHON),-$(notdir $(PYTHON)))
EXTRAS := cpu,train,bench,batch,dev,docs
INSTALLED := $(VENV)/.installed
HOST ?= 127.0.0.1
PORT ?= 8000
PHOTOGRAPHS := tmp/photographs
FAST := tests/unit tests/upstream tests/k8s

.PHONY: serve test test-fast test-slow test-clients test-page check bench bench-peers docs lock install

serve: $(INSTALLED)
	@test ! -e $(VENV)/.plain-torch || { echo "$(VENV) has plain torch, for tests only: remove it, then see docs/install.md" >&2; exit 1; }
	$(VENV)/bin/caption-studio serve --host $(HOST) --port $(PORT)

# All but the slow ones: those without a service, an engine or a cluster first, then the others.
# What shares a service stays in one of two processes (tests/conftest.py).
test: $(INSTALLED) $(PHOTOGRAPHS)
	$(MAKE) --no-print-directory --jobs=2 check test-fast
	$(VENV)/bin/python -m pytest -n 2 --dist loadgroup --no-loadscope-reorder $(addprefix --ignore=,$(FAST))

# Where torch's CPU build can't be had for this Python, tests take the plain one.
test test-fast test-slow check: export TORCH_FALLBACK := plain
# Test processes side by side with as many threads each as there are cores wait for each other.
test test-fast: export OMP_NUM_THREADS := 1
test-fast: $(INSTALLED) $(PHOTOGRAPHS)
	$(VENV)/bin/python -m pytest -n auto --dist loadfile $(FAST)

# Before a release: what `make test` leaves out.
test-slow: check
	$(VENV)/bin/python -m pytest -m slow

# Every client in an environment of its own, some of them large: they are installed into tmp/clients.
test-clients: $(INSTALLED)
	$(VENV)/bin/python -m tests.clients

# The page in a real browser, which must be installed: Chromium or Chrome.
test-page: $(INSTALLED)
	$(VENV)/bin/python -m pip install --quiet --editable '.[browser]'
	$(VENV)/bin/python -m pytest tests/page

check: $(INSTALLED)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

# Against a service that runs: make serve, in another terminal.
bench: $(INSTALLED)
	$(VENV)/bin/python -m benchmarks --url http://$(HOST):$(PORT)

# Starts and stops the service and its peers, one after another.
bench-peers: $(INSTALLED)
	$(VENV)/bin/python -m benchmarks.peers

install: $(INSTALLED)

# The images' exact versions, with hashes. `make lock UPGRADE=--upgrade` takes the newest that fit;
# else only what pyproject.toml no longer allows is changed. The images have Python 3.11 on x86-64.
UPGRADE ?=
COMPILE = $(VENV)/bin/uv pip compile --quiet $(UPGRADE) --generate-hashes --python-version 3.11 \
	--python-platform x86_64-manylinux_2_28 --custom-compile-command 'make lock' pyproject.toml
lock: $(INSTALLED)
	$(VENV)/bin/python -m pip install --quiet --editable '.[lock]'
	$(COMPILE) deploy/lock/torch.in --override deploy/lock/left-out.txt --extra cpu --output-file deploy/lock/cpu.txt
	$(COMPILE) --extra gpu --output-file deploy/lock/gpu.txt
	$(COMPILE) deploy/lock/build.in --constraint deploy/lock/gpu.txt --output-file deploy/lock/gateway.txt

# The documentation as a site, in tmp/site. A warning, such as a link that leads nowhere, fails.
docs: $(INSTALLED) docs/settings.md
	$(VENV)/bin/python -m mkdocs build --strict

# The reference of the settings, from their own declarations. A test holds the page to them.
docs/settings.md: $(wildcard serve/caption_studio/settings/*.py) | $(INSTALLED)
	$(VENV)/bin/python -m caption_studio.settings.reference >$@

# Photographs lie in these packages. They are kept out of the environment: transformers imports
# scikit-learn and SciPy wherever it finds them, and the service would start later and larger.
$(PHOTOGRAPHS): pyproject.toml
	$(VENV)/bin/python -m pip install --quiet --no-deps --upgrade --target $@ 'scikit-image>=0.26,<0.27' 'scikit-learn>=1.9,<2'
	@touch $@

$(INSTALLED): pyproject.toml deploy/install.sh
	PYTHON=$(PYTHON) deploy/install.sh $(VENV) $(EXTRAS)
	@touch $@
