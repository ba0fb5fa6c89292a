# Targets are few and thin: what they do stands in scripts/, one file each.
.DEFAULT_GOAL := help
.PHONY: help run test e2e bench lint format lock messages clean

PY := .venv/bin/python
# Django's settings need a key to load; tools that only read them get one that protects nothing.
TOOL_ENV := env HEARTH_SECRET_KEY=only-for-tools HEARTH_DATA=build/tools

help: ## Show this list
	@sed -n 's/^\([a-z0-9]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

run: ## Install what Hearth needs, once, and start it: http://localhost:3000
	@scripts/install run
	@exec $(PY) manage.py serve

test: ## Run every test, with warnings as errors; ARGS="-k name" picks some
	@scripts/install test
	@scripts/install-test-programs
	@exec $(PY) -m pytest -n 2 $(ARGS)

e2e: ## Run the tests that drive a real browser
	@scripts/install test
	@scripts/install-test-programs
	@exec $(PY) -m pytest -m e2e $(ARGS)

bench: ## Measure: memory and start times, then the page in a real browser
	@scripts/install test
	@scripts/install-test-programs
	@for file in $$(grep -l '__main__' bench/*.py); do echo "== $$file"; $(PY) -m bench.$$(basename $$file .py) || exit 1; done

lint: ## Check format, style, types, templates, Dockerfile and compose file
	@scripts/install test
	@mkdir -p build/tools
	@$(TOOL_ENV) scripts/lint

format: ## Format the Python files and mend what ruff can mend
	@scripts/install test
	@$(PY) -m ruff check --fix --quiet . ; $(PY) -m ruff format .

lock: ## Write the lock files from pyproject.toml (needs uv)
	@scripts/lock

messages: ## Collect translatable sentences and compile the translations
	@scripts/install test
	@scripts/messages

clean: ## Remove caches and build output; data and .venv stay
	@rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis test-results
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
