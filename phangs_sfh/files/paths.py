"""What a path may be given as."""

import os

PathLike = str | os.PathLike
