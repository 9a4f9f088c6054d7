"""Processes of one core, whose memory is their own: every code is measured in one."""

from pathlib import Path

ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "",
}
"""Environment of a process that is to use one core and no accelerator."""


def peak_megabytes():
    """Peak memory of this process; ru_maxrss would hold that of the process that started it."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(float(x.split()[1]) / 1024 for x in lines if x.startswith("VmHWM"))
    except (OSError, StopIteration):
        return float("nan")
