#!/bin/sh
# Import every module on the oldest and on the newest Python at hand of 3.10 to 3.13, each in an
# environment of its own: sh scripts/setup/import_on_pythons.sh FOLDER. FOLDER's own Python is left
# out: make lint imports all on it.
own=$("$1/bin/python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
found=
for name in python3.10 python3.11 python3.12 python3.13; do
    "$name" -c '' 2>/dev/null && found="$found $name"
done
oldest=$(echo $found | cut -d ' ' -f 1)
newest=$(echo $found | awk '{ print $NF }')
for name in $(printf '%s\n' $oldest $newest | sort -u); do
    [ "$name" = "$own" ] && continue
    PYTHON=$name sh scripts/setup/make_venv.sh "$1-$name" &&
        "$1-$name/bin/python" -m pip install --quiet --editable . &&
        "$1-$name/bin/python" scripts/setup/import_all.py || exit 1
done
