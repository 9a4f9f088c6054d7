# make demo   set everything up and run the demo
# make test   set everything up and run the tests; bagpipes and python-fsps, which it checks the
#             forward model against, are installed if that can be done, else those tests skip.
#             WORKERS=2 processes share the test files; each takes 2 GB
# make lint   check the style, the order of imports (.importlinter), that the code runs on the oldest
#             Python allowed, and that every module imports
# make imports
#             import every module on the oldest and the newest Python at hand, of 3.10 to 3.13
# make figures BROAD=LIBRARY
#             measure the released model again: README's tables and figures, docs/benchmark.md;
#             FIGURES="..." are further options of studies/released
#
# All of it happens in .venv; the system's Python is left alone. PYTHON=/path/to/python3.x chooses
# the interpreter, otherwise the newest of Python 3.10 to 3.13 that is found.

VENV := .venv
BIN := $(VENV)/bin
WORKERS := 2
SETTINGS := setup.cfg setup.py pyproject.toml constraints.txt

.PHONY: demo test lint imports figures clean

demo: $(VENV)/.installed
	$(BIN)/phangs-sfh demo -o demo --overwrite

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo --no-cache
	$(BIN)/vermin --quiet --no-tips --violations --target=3.10- cli phangs_sfh scripts studies tests
	$(BIN)/python scripts/setup/import_all.py

imports: $(VENV)/.installed-test
	sh scripts/setup/import_on_pythons.sh $(VENV)

figures: $(VENV)/.installed-test
	$(BIN)/python -m pip install --quiet --editable '.[benchmark]'
	$(BIN)/python -m studies.released --broad $(BROAD) $(FIGURES)

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
	rm -rf $(VENV) $(VENV)-python* demo build *.egg-info
