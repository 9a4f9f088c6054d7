"""How many hostile inputs break the promise, by group: ``python tests/hostile/count.py [TRIES]``.

The same seeds give the same inputs, so that counts can be compared from one version to the next.
"""

import logging
import sys
import tempfile
from collections import Counter
from pathlib import Path
from random import Random

sys.path[:0] = [str(Path(__file__).parents[2] / part) for part in ("", "tests/helpers")]

import hostile_inputs  # noqa: E402


def main(tries, wanted=()):
    """Print, a line a group, how many tries were answered, refused in one line, and broken."""
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        for name, make in hostile_inputs.groups(Path(folder)).items():
            if wanted and name not in wanted:
                continue
            target, found = make(), Counter()
            for seed in range(tries):
                found[target.attempt(Random(seed))] += 1
            broken = {kind: n for kind, n in found.items() if kind.startswith("broken")}
            print(f"{name}: {tries} tried, {found['answered']} answered, {found['refused']} "
                  f"refused, {sum(broken.values())} broken", flush=True)  # fmt: skip
            for kind, n in sorted(broken.items(), key=lambda pair: -pair[1]):
                print(f"    {n} {kind}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200, sys.argv[2:])
