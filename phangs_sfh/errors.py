"""Refusals and warnings: input that the user can mend, or should know of."""


class InputError(Exception):
    """Bad input. The message is one line that names the file, the field and the remedy.

    Library code raises it, ``cli`` prints it on stderr and exits with code 1.
    """


class InputWarning(UserWarning):
    """Something of the input was set aside or taken for granted. The message is one line.

    Library code warns with it, ``cli`` prints it on stderr after ``Warning:``.
    """
