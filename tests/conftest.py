"""Settings for all tests: quiet TensorFlow, figures without a display, one thread a worker."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("MPLBACKEND", "agg")
if "PYTEST_XDIST_WORKER" in os.environ:
    # Workers share the cores already. Not TF_NUM_INTEROP_THREADS: replicas of a mirrored training
    # wait for one another, for ever if they are all on one thread.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
        os.environ.setdefault(name, "1")

LONGEST = (
    "training/test_workers.py", "problems/test_toy_problem.py", "training/test_fit.py",
    "posterior/test_training_set.py", "galaxy/test_against_peers.py", "library/test_batches.py",
    "maps/test_shares.py", "peers/test_benchmark.py", "maps/test_unfinished.py",
)  # fmt: skip
"""Files that take longest, longest first: if one began last, the others would wait for it."""


def pytest_collection_modifyitems(items):
    """Run the longest files first; within a file the order stays."""
    places = {name: place for place, name in enumerate(LONGEST)}

    def place(item):
        return places.get("/".join(item.path.parts[-2:]), len(LONGEST))

    items.sort(key=place)
