"""Run FSPS in a process of its own: ``python fsps_child.py OUTPUT.npz``.

FSPS stops the process, with exit code 0, when a data file is missing. Nothing but the output file
says that it went well. Run as a script, so that nothing of this package is imported.
"""

import sys

NOT_INSTALLED, NO_SPS_HOME, LOW_RESOLUTION = 71, 72, 73
"""Exit codes for refusals known beforehand; whatever was printed last says more."""

LOW_RESOLUTION_LIBRARIES = ("c3k_lr", "basel", "bpass")
"""Spectral libraries with a resolving power of a few hundred at most."""

REFUSED = "refused: "
RANGE = (1900.0, 10600.0)  # [Å]


def refuse(code, message):
    print(f"{REFUSED}{message}", flush=True)
    sys.exit(code)


def libraries(driver):
    """Isochrones, spectra and dust that FSPS was compiled with, known before any file is read."""
    return [name.decode() if isinstance(name, bytes) else name for name in driver.get_libraries()]


def main(output):
    try:
        import fsps
        from fsps._fsps import driver
    except ModuleNotFoundError as error:
        refuse(NOT_INSTALLED, str(error))
    except (RuntimeError, ImportError) as error:
        refuse(NO_SPS_HOME if "SPS_HOME" in str(error) or "FSPS" in str(error) else 1, str(error))
    import numpy as np

    compiled = libraries(driver)
    if compiled[1] in LOW_RESOLUTION_LIBRARIES:
        refuse(LOW_RESOLUTION, compiled[1])
    population = fsps.StellarPopulation(
        zcontinuous=0,
        imf_type=2,
        add_neb_emission=False,
        add_dust_emission=False,
        add_stellar_remnants=False,
    )
    wave = np.asarray(population.wavelengths)
    used = (wave > RANGE[0]) & (wave < RANGE[1])
    luminosity, surviving = [], []
    for number in range(len(population.zlegend)):
        population.params["zmet"] = number + 1
        _, spectra = population.get_spectrum(tage=0, peraa=True)
        luminosity.append(spectra[:, used])
        surviving.append(population.stellar_mass.copy())
    np.savez(
        output,
        wave=wave[used],
        resolution=np.asarray(population.resolutions)[used],
        age=10.0 ** np.asarray(population.log_age),
        metallicity=np.asarray(population.zlegend),
        luminosity=np.array(luminosity),
        surviving_mass=np.array(surviving),
        z_sun=population.solar_metallicity,
        libraries=np.array(compiled),
        version=fsps.__version__,
        imf_limits=[population.params[f"imf_{end}_limit"] for end in ("lower", "upper")],
    )


if __name__ == "__main__":
    main(sys.argv[1])
