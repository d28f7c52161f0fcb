# Two commands: `make demo` and `make test`. Each brings up .venv first; neither needs root.
.PHONY: demo test lint clean
.DEFAULT_GOAL := demo

INSTALLED := .venv/.installed

demo: $(INSTALLED)
	.venv/bin/lapilli demo

test: $(INSTALLED)
	.venv/bin/python -m pytest --numprocesses 3 --dist loadfile

lint: $(INSTALLED)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

$(INSTALLED): pyproject.toml constraints.txt scripts/make-venv
	scripts/make-venv .venv
	.venv/bin/python -m pip install --quiet --editable '.[train,test]' --constraint constraints.txt
	touch $@

clean:
	rm -rf .venv build *.egg-info
