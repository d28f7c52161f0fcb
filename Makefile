# Two commands: `make demo` and `make test`. Each brings up .venv first; neither needs root.
# `make test-pinned` runs a part of the suite on what Lava was released for: Python 3.10, torch 2.3.1, numpy 1.26.
# `make site` builds the documentation into build/site; `make site-serve` shows it and follows changes.
.PHONY: demo test test-pinned lint site site-serve clean
.DEFAULT_GOAL := demo

INSTALLED := .venv/.installed
PINNED := .venv-pinned/.installed

demo: $(INSTALLED)
	.venv/bin/lapilli demo

test: $(INSTALLED)
	.venv/bin/python -m pytest --numprocesses 3 --dist loadfile

test-pinned: $(PINNED)
	.venv-pinned/bin/python -m pytest --numprocesses 3 --dist loadfile --both-environments

# Annotations fit the types of the pinned torch.
lint: $(PINNED)
	.venv-pinned/bin/ruff check .
	.venv-pinned/bin/ruff format --check .
	.venv-pinned/bin/mypy

site: $(INSTALLED)
	NO_MKDOCS_2_WARNING=1 .venv/bin/python -m mkdocs build --strict --quiet

site-serve: $(INSTALLED)
	NO_MKDOCS_2_WARNING=1 .venv/bin/python -m mkdocs serve

$(INSTALLED): pyproject.toml constraints/current.txt constraints/pinned.txt constraints/lava.txt scripts/make-venv
	scripts/make-venv .venv current
	touch $@

$(PINNED): pyproject.toml constraints/pinned.txt scripts/make-venv
	scripts/make-venv .venv-pinned pinned
	touch $@

clean:
	rm -rf .venv .venv-pinned build *.egg-info
