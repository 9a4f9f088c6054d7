"""Settings for all tests: quiet TensorFlow, figures without a display, one thread a worker."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("MPLBACKEND", "agg")
if "PYTEST_XDIST_WORKER" in os.environ:
    # Workers share the cores already. Not TF_NUM_INTEROP_THREADS: replicas of a mirrored training
    # wait for one another, for ever if they are all on one thread.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
        os.environ.setdefault(name, "1")
