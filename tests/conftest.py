"""Settings for all tests: quiet TensorFlow, and figures drawn without a display."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("MPLBACKEND", "agg")
