#!/bin/sh
# Build python-fsps with the MILES library into a Python, for the tests against it:
#
#     sh scripts/setup/install_fsps.sh [.venv/bin/python]
#
# As root on Debian or Ubuntu it installs the compiler where it is missing (about 20 s with the
# build, 10 s without). Its data (SPS_HOME) are another matter: the tests make theirs from
# ../shared/fsps where that exists.
python=${1:-.venv/bin/python}

refuse() {
    echo "install_fsps.sh: $1" >&2
    exit 1
}

"$python" -c 'import importlib.util, sys; sys.exit(not importlib.util.find_spec("fsps"))' &&
    exit 0

missing=
command -v gfortran >/dev/null || missing="$missing gfortran"
command -v cmake >/dev/null || missing="$missing cmake"
command -v ninja >/dev/null || missing="$missing ninja-build"
if [ -n "$missing" ]; then
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null ||
        refuse "needs$missing; run: sudo apt install$missing"
    # shellcheck disable=SC2086  # a list of packages
    { apt-get -qq update && apt-get -qq install -y $missing; } >/dev/null 2>&1 ||
        refuse "apt-get could not install$missing"
fi

# No cache: pip would take up a wheel built before with other flags.
FFLAGS="-DMIST=0 -DPADOVA=1 -DC3K_LR=0 -DMILES=1" \
    "$python" -m pip install --quiet --no-cache-dir --no-deps --no-binary fsps fsps==0.5.0 ||
    refuse "python-fsps did not build"
