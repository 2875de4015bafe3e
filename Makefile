.PHONY: run test check bench compiled backend clean

# Serve config/ until Ctrl-C; more flags: make run ARGS="--workers 2"
run: .venv/.run
	@exec .venv/bin/python -m gateway run $(ARGS)

# All tests; some of them: make test ARGS="tests/unit -x"
test: .venv/.dev
	@.ci/test $(ARGS)

# Formatting, lint, types, import layers
check: .venv/.dev
	@.ci/check

# The bench beside nginx, HAProxy, Caddy and naive aiohttp; a part: make bench ARGS="--quick --rows P1"
bench: .venv/.dev
	@exec .venv/bin/python -m loadtests.bench $(ARGS)

# build/compiled, the same gateway with its hot path compiled (docs/compiled.md); needs gcc
compiled: .venv/.dev
	@exec .venv/bin/python -m compiled $(ARGS)

# The sample backend that config/ points at
backend: .venv/.run
	@exec .venv/bin/python -m loadtests.backend $(ARGS)

# Everything that was made here; --data of `make run` (.stagegate) stays
clean:
	rm -rf .venv .venv.lock build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.venv/.run .venv/.dev: pyproject.toml constraints.txt .ci/venv
	@.ci/venv $(subst .,,$(@F))
