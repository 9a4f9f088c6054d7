"""What an answer is told to assume, e.g. whose stars: one network knows several assumptions."""

from dataclasses import dataclass

from phangs_sfh.errors import InputError

RECORD = "assumption"
"""Name of the record's feature (the option's number) and of the network's input (one-hot)."""


@dataclass(frozen=True)
class Assumptions:
    """The assumptions a model was trained on.

    Attributes
    ----------
    about : str, what they are about, e.g. 'stars'
    options : tuple of str; a record holds an option's number
    default : str, one of them
    """

    about: str
    options: tuple
    default: str

    def __post_init__(self):
        if self.default not in self.options or len(set(self.options)) < len(self.options):
            raise ValueError(f"assumptions about {self.about}: options must differ, and hold the "
                             "default")  # fmt: skip

    def __len__(self):
        return len(self.options)

    def number(self, option, source):
        """Number of an option, or of the default for None.

        Raises
        ------
        InputError
            Names ``source`` if there is no such option.
        """
        option = self.default if option is None else option
        if option not in self.options:
            raise InputError(
                f"{source}: --assume {self.about}={option} is not known; it knows "
                f"{', '.join(self.options)}"
            )
        return self.options.index(option)

    def signature(self, option, kind):
        """Name of a SavedModel's signature: 'serving_default' and 'posterior' under the default,
        'stars_bc03' and 'stars_bc03_posterior' under another.

        Parameters
        ----------
        option : str; kind : 'serving_default' or 'posterior'
        """
        if option == self.default:
            return kind
        name = f"{self.about}_{option}"
        return name if kind == "serving_default" else f"{name}_{kind}"

    def to_dict(self):
        return {"about": self.about, "options": list(self.options), "default": self.default}

    @classmethod
    def from_dict(cls, content, source):
        """Inverse of ``to_dict``; None of None. Raises InputError, naming ``source``."""
        if content is None:
            return None
        try:
            options = tuple(str(option) for option in content["options"])
            return cls(str(content["about"]), options, str(content["default"]))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(
                f"{source}: field 'assumptions' is damaged ({error!r}); make or copy it again"
            ) from None
