# make demo   set everything up and run the demo
# make test   set everything up and run the tests; bagpipes and python-fsps, which it checks the
#             forward model against, are installed if that can be done, else those tests skip
# make lint   check the style
# make figures BROAD=LIBRARY [PAPER=LIBRARY]
#             measure the released models again: README's tables and figures, docs/benchmark.md;
#             FIGURES="..." are further options of studies/released
#
# All of it happens in .venv; the system's Python is left alone. PYTHON=/path/to/python3.x chooses
# the interpreter, otherwise the newest of Python 3.10 to 3.13 that is found.

VENV := .venv
BIN := $(VENV)/bin
SETTINGS := setup.cfg setup.py pyproject.toml constraints.txt

.PHONY: demo test lint figures clean

demo: $(VENV)/.installed
	$(BIN)/phangs-sfh demo -o demo --overwrite

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

figures: $(VENV)/.installed-test
	$(BIN)/python -m pip install --quiet --editable '.[benchmark]'
	$(BIN)/python -m studies.released --broad $(BROAD) $(if $(PAPER),--paper $(PAPER)) $(FIGURES)

$(BIN)/python:
	@sh scripts/setup/make_venv.sh $(VENV)

$(VENV)/.installed: $(SETTINGS) | $(BIN)/python
	$(BIN)/python -m pip install --quiet -c constraints.txt --editable .
	@touch $@

$(VENV)/.installed-test: $(SETTINGS) | $(BIN)/python
	$(BIN)/python -m pip install --quiet -c constraints.txt --editable '.[test]'
	-sh scripts/setup/install_bagpipes.sh $(BIN)/python
	-sh scripts/setup/install_fsps.sh $(BIN)/python
	@touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) demo build *.egg-info
