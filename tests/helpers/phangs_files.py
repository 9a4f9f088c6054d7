"""Files named and written as PHANGS does: cubes, DAP maps, HST mosaics, error maps, star masks."""

import numpy as np
from astropy.io import fits
from small_cube import wcs_cards, write_cube

NX, NY = 5, 4
PIXELS = 120  # of a mosaic, 0.04 arcsec each: all of the cube and some sky around it
SIGMA = 0.003
CAMERAS = {"uvis": ("WFC3", "UVIS"), "acs": ("ACS", "WFC")}
PHOTFLAM = {"f275w": 3.19e-18, "f814w": 1.48e-19}


def mosaic(path, band="f275w", camera="uvis", level=0.03, unit="ELECTRONS/S", photflam=True, **wcs):
    """A science mosaic in HDU 0, without EXTNAME: constant light and the noise of SIGMA."""
    noise = np.random.default_rng(0).normal(0, SIGMA, (PIXELS, PIXELS))
    header = fits.Header()
    wcs_cards(header, PIXELS, PIXELS, 0.04, **wcs)
    header["BUNIT"], header["TARGNAME"] = unit, "NGC-3627"
    header["INSTRUME"], header["DETECTOR"] = CAMERAS[camera]
    if camera == "acs":
        header["FILTER1"], header["FILTER2"] = "CLEAR1L", band.upper()
    else:
        header["FILTER"] = band.upper()
    if photflam:
        header["PHOTFLAM"], header["PHOTPLAM"] = PHOTFLAM.get(band, 1e-18), 2710.0
    return _written(path, (level + noise).astype("f4"), header)


def error_map(path, value=SIGMA**-2, shape=(PIXELS, PIXELS), **wcs):
    """An inverse variance in HDU 0, without EXTNAME, BUNIT or calibration."""
    header = fits.Header()
    wcs_cards(header, shape[1], shape[0], 0.04, **wcs)
    return _written(path, np.full(shape, value, "f4"), header)


def dap_maps(path, nx=NX, ny=NY, velocity=10.0, **wcs):
    """DAP maps with velocities relative to the galaxy's and two bins, the last spaxel in none."""
    header = fits.Header()
    wcs_cards(header, nx, ny, **wcs)
    bins = (np.arange(nx * ny) // (nx * ny // 2)).reshape(ny, nx).astype("f8")
    bins[-1, -1] = -1
    planes = {"FLUX": (np.ones((ny, nx)), ""), "BIN_ID": (bins, ""),
              "V_STARS": (np.full((ny, nx), velocity), "km/s")}  # fmt: skip
    hdus = [fits.PrimaryHDU()]
    for name, (values, unit) in planes.items():
        hdus.append(fits.ImageHDU(values, header, name=name))
        hdus[-1].header["BUNIT"] = unit
    fits.HDUList(hdus).writeto(path)
    return path


def star_mask(path, nx=NX, ny=NY):
    """A star on the first spaxel."""
    values = np.zeros((ny, nx), "i2")
    values[0, 0] = 1
    return _written(path, values, fits.Header())


def release(folder, bands=("f275w", "f555w"), camera="uvis", errors=True, **wcs):
    """A folder with NGC 3627's cube, DAP maps, star mask and mosaics; returns it."""
    cubes, maps = folder / "copt" / "datacubes", folder / "copt" / "MUSEDAP" / "fiducial"
    masks, hst = folder / "AUXILIARY" / "starmasks", folder / "hst"
    for made in (cubes, maps, masks, hst):
        made.mkdir(parents=True)
    write_cube(cubes / "NGC3627-1.05asec.fits", NY, NX)
    dap_maps(maps / "NGC3627-1.05asec_MAPS.fits")
    star_mask(masks / "NGC3627_starmask.fits")
    for band in bands:
        name = f"ngc3627_{camera}_{band}"
        mosaic(hst / f"{name}_exp_drc_sci.fits", band, camera, **wcs)
        error_map(hst / f"{name}_exp_drc_wht.fits", 500.0, **wcs)
        if errors:
            error_map(hst / f"{name}_err_drc_wht.fits", **wcs)
    return folder


def _written(path, values, header):
    fits.writeto(path, values, header)
    return path
