"""Keep TensorFlow's start-up notices off the user's screen."""

import contextlib
import importlib.abc
import importlib.util
import os
import sys

LEVEL = "TF_CPP_MIN_LOG_LEVEL"


def silence_tensorflow():
    """Make the import of TensorFlow, whenever it comes, a silent one.

    TensorFlow reads the log level from the environment too late: what its libraries say while they
    are loaded (oneDNN, missing CUDA) goes to the standard error stream whatever the level. Errors
    still reach the user as exceptions. With TF_CPP_MIN_LOG_LEVEL set, nothing is changed.
    """
    if LEVEL not in os.environ:
        os.environ[LEVEL] = "3"
        sys.meta_path.insert(0, _QuietImport())


class _QuietImport(importlib.abc.MetaPathFinder):
    """Finds ``tensorflow`` as the other finders do, and loads it with standard error closed."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname != "tensorflow":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None:
            load = spec.loader.exec_module

            def load_silently(module):
                with _no_stderr():
                    load(module)

            spec.loader.exec_module = load_silently
        return spec


@contextlib.contextmanager
def _no_stderr():
    """Send file descriptor 2 to nowhere: C++ libraries do not write through ``sys.stderr``."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
