"""Check the licences of all that is installed with phangs-sfh, and of the data inside it.

python scripts/setup/check_licences.py [EXTRA ...]

The code is under BSD 3-Clause and some embedded data under GPL-3.0, so whatever it is used with
must be free software that GPL-3.0 goes together with. Licences are read from the packages' own
metadata. What has none there, or another, must be looked at by a person and noted below.
"""

import re
import sys
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PACKAGE = "phangs-sfh"
DATA = {".fits", ".gz", ".json", ".ecsv", ".npz", ".txt"}
OWN = r"prior_\w+\.json|checksums\.json|GPL-3\.0\.txt|served_ops\.txt"
"""Files of phangs_sfh/data that are this project's, or a licence."""

ALLOWED = (
    r"0BSD|(The )?MIT( License)?( \(MIT\))?|MIT-0|MIT-CMU|HPND|CC0-1\.0|BSL-1\.0|Zlib",
    r"(The )?Unlicense( \(Unlicense\))?|ISC( License \(ISCL\))?|Unicode-DFS-2016",
    r"(OSI Approved )?BSD( License|-[123]-Clause|-3-Clause-LBNL|-like)?",
    r"(New|Modified|[23]-Clause) BSD( License)?|BSD [23]-Clause( License)?",
    r"Apache( Software License|[- ]2(\.0)?)?( License)?( WITH LLVM-exception)?",
    r"Apache License,? (Version )?2\.0|LLVM-exception|GCC-exception-3\.1",
    r"PSF(-2\.0)?|Python Software Foundation License|Python-2\.0|CNRI-Python",
    r"MPL-2\.0|Mozilla Public License 2\.0 \(MPL 2\.0\)",
    r"LGPL-[23]\.[01](-or-later|-only)?|GPL-3\.0-(or-later|only)( WITH GCC-exception-3\.1)?",
)
"""Patterns of permissive licences, and of copyleft ones that GPL-3.0 allows beside it."""

BSD3, APACHE, GPL3 = "BSD-3-Clause", "Apache-2.0", "GPL-3.0-only"
NOTED = {
    "asdf-astropy": BSD3,
    "asdf-coordinates-schemas": BSD3,
    "asdf-standard": BSD3,
    "asdf-transform-schemas": BSD3,
    "asdf-wcs-schemas": BSD3,
    "bagpipes": GPL3,
    "gwcs": BSD3,
    "namex": APACHE,
    "ndcube": "BSD-2-Clause",
    "spectres": GPL3,
}
"""Package: its licence as read in the text that comes with it, where the metadata name none."""


PEERS = frozenset({"capfit", "ppxf"})
"""Compared with in the benchmark and its tests, in the user's own copy: not part of the package and
not handed on. Their terms (non-commercial use, no redistribution) bind who installs them."""


def closure(extras=()):
    """Names of all installed packages that phangs-sfh needs, itself left out (sorted list)."""
    found, todo = {}, [(PACKAGE, frozenset(extras))]
    while todo:
        name, wanted = todo.pop()
        if wanted <= found.get(name, frozenset()) and name in found:
            continue
        found[name] = found.get(name, frozenset()) | wanted
        for line in metadata.requires(name) or []:
            needed = Requirement(line)
            markers = [{"extra": extra} for extra in found[name]] or [{"extra": ""}]
            if needed.marker and not any(needed.marker.evaluate(m) for m in markers):
                continue
            try:
                metadata.version(needed.name)
            except metadata.PackageNotFoundError:
                continue
            todo.append((canonical(needed.name), frozenset(needed.extras)))
    return sorted(set(found) - {PACKAGE})


def canonical(name):
    """A package's name as registries compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def licences(name):
    """What the metadata of an installed package say its licence is: list of str."""
    fields = metadata.metadata(name)
    expression = fields.get("License-Expression")
    if expression:
        return [part.strip("() ") for part in re.split(r"\s+(?:AND|OR)\s+", expression)]
    classifiers = [c for c in fields.get_all("Classifier") or [] if c.startswith("License ::")]
    named = [c.split(" :: ")[-1] for c in classifiers if c != "License :: OSI Approved"]
    if named:
        return named
    text = (fields.get("License") or "").strip()
    return [text.splitlines()[0].strip()] if text else []


def allowed(licence):
    return any(re.fullmatch(pattern, licence, re.IGNORECASE) for pattern in ALLOWED)


def problems(extras=()):
    """One line for each package whose licence is unknown or does not go with ours."""
    found = []
    for name in closure(extras):
        if name in PEERS:
            continue
        names = [NOTED[name]] if name in NOTED else licences(name)
        if not names:
            found.append(f"{name}: metadata name no licence; look it up and note it in NOTED")
        found += [
            f"{name}: licence '{licence[:80]}' is not known to go with ours; look at it, then note "
            "it in NOTED or do without the package"
            for licence in names
            if not allowed(licence)
        ]
    return found


def unnoticed():
    """One line for each data file of the package that NOTICE does not name."""
    notice = (ROOT / "NOTICE").read_text()
    files = sorted((ROOT / "phangs_sfh" / "data").iterdir())
    data = [file for file in files if file.suffix in DATA and not re.fullmatch(OWN, file.name)]
    return [
        f"{file.relative_to(ROOT)}: not in NOTICE; name its source and licence there"
        for file in data
        if f"phangs_sfh/data/{file.name}" not in notice
    ]


if __name__ == "__main__":
    lines = problems(sys.argv[1:]) + unnoticed()
    sys.exit("\n".join(lines) if lines else 0)
