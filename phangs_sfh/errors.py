"""Refusals: bad input that the user can mend."""


class InputError(Exception):
    """Bad input. The message is one line that names the file, the field and the remedy.

    Library code raises it, ``cli`` prints it on stderr and exits with code 1.
    """
