"""Columns of an input table: found, checked and handed out as plain arrays.

One of the two modules (with ``table``) that meet units; every refusal is one line that names
file, column and remedy.
"""

import astropy.units as u
import numpy as np
from astropy.utils.masked import Masked

from phangs_sfh.errors import InputError
from phangs_sfh.files.flux_units import flux_kind

FLUX_REMEDY = "set its unit to a flux density, for instance 1e-20 erg / (s cm2 Angstrom)"
BAND_REMEDY = "set it, for instance to nJy or mag(AB)"
SPECTRUM = ("wave", "flux", "flux_err")


class Columns:
    """A table's columns by lower-case name, as plain arrays, with refusals that name them."""

    def __init__(self, table, source, instrument):
        self.table, self.source = table, source
        self.names = {name.lower(): name for name in table.colnames}
        self.band_names = instrument.band_names

    def __contains__(self, name):
        return name.lower() in self.names

    def __getitem__(self, name):
        return self.table[self.names[name.lower()]]

    def refusal(self, name, text):
        return InputError(f"{self.source}: column '{name}': {text}")

    def check(self):
        """Raise InputError unless the columns hang together.

        Returns
        -------
        has_spectrum : bool
        bands : list of str, names of those given
        """
        if len(self.table) == 0:
            raise InputError(f"{self.source}: the table has no rows; give one row per spectrum")
        has_spectrum = any(name in self for name in SPECTRUM)
        bands = [n for n in self.band_names if n in self or f"{n}_err" in self]
        if not has_spectrum and not bands:
            raise InputError(
                f"{self.source}: columns 'wave', 'flux', 'flux_err' are missing, and so are all "
                f"bands ({', '.join(self.band_names)}); add spectra or bands"
            )
        wanted = list(SPECTRUM) if has_spectrum else []
        for name in wanted + [w for n in bands for w in (n, f"{n}_err")]:
            if name not in self:
                raise InputError(
                    f"{self.source}: column '{name}' is missing; add it "
                    f"(found: {', '.join(self.table.colnames)})"
                )
        self._check_shapes(has_spectrum, bands)
        self._check_units(has_spectrum, bands)
        return has_spectrum, bands

    def _check_shapes(self, has_spectrum, bands):
        scalars = [w for n in bands for w in (n, f"{n}_err")] + ["redshift"] * ("redshift" in self)
        for name in scalars:
            if len(self[name].shape) != 1:
                raise self.refusal(name, "must hold one number per row; make it a scalar column")
        if not has_spectrum:
            return
        vectors = [*SPECTRUM] + ["mask"] * ("mask" in self)
        for name in vectors:
            column = self[name]
            if len(column.shape) != 2 and column.dtype.kind != "O":
                raise self.refusal(
                    name, "must hold one spectrum per row; make it a vector column (n, n_pixels)"
                )
            if column.shape != self["wave"].shape:
                raise self.refusal(
                    name,
                    f"shape {column.shape} differs from that of 'wave', "
                    f"{self['wave'].shape}; give one value per pixel",
                )

    def _check_units(self, has_spectrum, bands):
        """Raise InputError where a unit is missing, unknown or of another kind."""
        if has_spectrum:
            if not self.unit("wave"):
                raise self.refusal("wave", "has no unit; set it, for instance to Angstrom")
            is_logarithm = isinstance(self.unit("wave"), u.FunctionUnitBase)
            if is_logarithm or not self.unit("wave").is_equivalent(u.AA):
                raise self.refusal(
                    "wave", f"unit '{self.unit('wave')}' is not a length; set it to Angstrom"
                )
            self._check_flux_units(bands)
        for band in bands:
            band_units(self, band)

    def _check_flux_units(self, bands):
        flux, error = self.unit("flux"), self.unit("flux_err")
        if not flux and not error:
            if bands:
                raise self.refusal(
                    "flux", "has no unit, and spectrum and bands might disagree; " + FLUX_REMEDY
                )
            return
        kinds = []
        for name, unit in (("flux", flux), ("flux_err", error)):
            if not unit:
                raise self.refusal(name, "has no unit; " + FLUX_REMEDY)
            if flux_kind(unit) is None:
                raise self.refusal(name, f"unit '{unit}' is not a flux density; " + FLUX_REMEDY)
            kinds.append(flux_kind(unit))
        if kinds[0] != kinds[1]:
            raise self.refusal("flux_err", "is not of the same kind of unit as 'flux'; make it so")

    def unit(self, name):
        """Unit of a column, None if it has none or is dimensionless without a scale."""
        unit = getattr(self[name], "unit", None)
        return None if unit is None or unit == u.dimensionless_unscaled else unit

    def values(self, name, rows):
        """Values of some rows as a float64 copy, NaN where masked; short vectors are padded."""
        part = self[name][rows]
        try:
            if part.dtype.kind == "O":
                return _padded(part)
            mask = False
            if isinstance(part, Masked):
                mask, part = part.mask, part.unmasked
            part = getattr(part, "value", part)
            if part.dtype.kind not in "fiub":
                raise TypeError
            values = np.array(np.ma.getdata(part), dtype=np.float64)
            values[np.ma.getmaskarray(part) | mask] = np.nan
        except (AttributeError, TypeError, ValueError):  # Attribute: dates, coordinates
            raise self.refusal(name, "does not hold numbers; make it a column of floats") from None
        return values


def _padded(vectors):
    """Vectors of different lengths as one array, filled up with NaN."""
    rows = [np.ma.filled(np.ma.asarray(v, dtype=np.float64), np.nan) for v in vectors]
    padded = np.full((len(rows), max(len(row) for row in rows)), np.nan)
    for row, values in zip(padded, rows, strict=True):
        row[: len(values)] = values
    return padded


def band_units(columns, band):
    """Raise InputError unless a band's units can be converted to the spectrum's.

    Returns
    -------
    unit : of the band in linear terms
    error_unit : of its error in linear terms; None if the error is in magnitudes
    """
    linear = []
    for name in (band, f"{band}_err"):
        unit = columns.unit(name)
        is_error = name != band
        if unit is None:
            raise columns.refusal(name, "has no unit; " + BAND_REMEDY)
        if isinstance(unit, u.MagUnit):
            unit = None if is_error else unit.physical_unit
        elif unit == u.mag:
            if not is_error:
                raise columns.refusal(
                    name, "unit 'mag' does not say of which system; set it to mag(AB) or nJy"
                )
            unit = None
        if unit is not None and flux_kind(unit) is None:
            raise columns.refusal(name, f"unit '{unit}' is not a flux density; {BAND_REMEDY}")
        linear.append(unit)
    kinds = {flux_kind(unit) for unit in linear if unit is not None}
    if "flux" in columns:
        kinds.add(flux_kind(columns.unit("flux")))
    if len(kinds) > 1:
        raise columns.refusal(
            band,
            "flux density and surface brightness do not go together; "
            "give spectrum, band and error in the same kind of unit",
        )
    return linear
