#!/bin/sh
# Make a virtual environment with the newest suitable Python: sh scripts/setup/make_venv.sh FOLDER
#
# PYTHON=/path/to/python3.x in the environment overrides the choice. Debian and Ubuntu leave pip out
# of their Python unless python3-venv is installed; then the system's pip, or Debian's package of
# pip's wheel fetched without installing it, fills the environment.
folder=$1

suitable() {
    "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] < (3, 14))' 2>/dev/null
}

refuse() {
    rm -rf "$folder"
    echo "$1" >&2
    exit 1
}

pip_from_system() {
    "$PYTHON" -m pip --python "$folder/bin/python" install --quiet pip 2>/dev/null
}

pip_from_debian() {
    mkdir "$folder/deb" && (cd "$folder/deb" && apt-get -qq download python3-pip-whl) || return 1
    dpkg-deb -x "$folder"/deb/*.deb "$folder/deb" || return 1
    wheel=$(ls "$folder"/deb/usr/share/python-wheels/pip-*.whl) || return 1
    PYTHONPATH=$wheel "$folder/bin/python" -m pip install --quiet --no-index "$wheel" || return 1
    rm -r "$folder/deb"
}

if [ -n "$PYTHON" ]; then
    suitable "$PYTHON" || refuse "PYTHON=$PYTHON: not a Python 3.10 to 3.13; name one that is"
else
    for name in python3.13 python3.12 python3.11 python3.10 python3 python; do
        if suitable "$name"; then
            PYTHON=$name
            break
        fi
    done
    [ -n "$PYTHON" ] || refuse "no Python 3.10 to 3.13 found; name one with PYTHON=/path/to/python3"
fi

rm -rf "$folder"
if ! "$PYTHON" -m venv "$folder" >/dev/null 2>&1; then
    rm -rf "$folder"
    "$PYTHON" -m venv --without-pip "$folder" >/dev/null 2>&1 &&
        { pip_from_system || pip_from_debian 2>/dev/null; } ||
        refuse "$PYTHON cannot make a virtual environment; run: sudo apt install python3-venv"
fi
version=$("$folder/bin/python" -c 'import platform; print(platform.python_version())')
echo "Python $version; installing into $folder (TensorFlow is a large download: some minutes)"
