"""The promise, put to one reader of a file: what was sound is damaged and read."""

from contextlib import suppress
from pathlib import Path

import damage
from promise import keeps

from phangs_sfh.errors import InputError


class Reader:
    """A sound file, how it is damaged, and who reads it.

    Attributes
    ----------
    name : of the file; harm : function of ``damage``
    """

    name, harm = "", staticmethod(damage.fits)

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir()
        self.path = self.folder / self.name
        self.sound = self.make()
        with suppress(InputError):
            self.read()  # imports are not timed

    def make(self):
        """Write the sound file; its content."""
        self.write()
        return self.path.read_bytes()

    def attempt(self, random):
        content = self.harm(self.sound, random)
        if isinstance(content, str):
            self.path.write_text(content, errors="surrogatepass")
        else:
            self.path.write_bytes(content)
        return keeps(self.read, self.folder)
