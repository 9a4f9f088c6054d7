"""A small SavedModel with the signatures of the real one, made of plain TensorFlow."""

import json

import numpy as np

from phangs_sfh.instrument.description import load_instrument
from phangs_sfh.observations.flags import Flag
from phangs_sfh.prediction.results import quantities
from phangs_sfh.problems.histories import INPUTS, LABELS
from phangs_sfh.problems.problem import Described

N_SAMPLES = 65


def write_fake_model(folder, deed=None, part=None, changed=dict, **changes):
    """Write a model whose answers hang on every pixel and band through random weights.

    ``deed`` makes a tensor that is worked out with every answer, ``part`` is a further object of
    the model, ``changed`` alters its answers; ``changes`` go into model.json. Answers of empty rows
    are finite, as the real model's are.
    """
    import tensorflow as tf

    instrument = load_instrument()
    rng = np.random.default_rng(0)

    def weights(n_in, n_out):
        return tf.constant(rng.normal(0, n_in**-0.5, (n_in, n_out)), tf.float32)

    made = ("flag", "used", "cmf", "sfh_mean", "mh_mean")  # of others
    widths = {q.name: q.size for q in quantities() if q.name not in made}

    specs = [
        tf.TensorSpec([None, n], tf.float32, name=name)
        for name, n in (
            ("flux", instrument.n_pixels),
            ("flux_err", instrument.n_pixels),
            ("band_flux", instrument.n_bands),
            ("band_flux_err", instrument.n_bands),
        )
    ]

    class Fake(tf.Module):
        def __init__(self):
            self.spectral = tf.Variable(weights(2 * instrument.n_pixels, 64))
            self.bands = tf.Variable(weights(2 * instrument.n_bands, 64))
            self.heads = {name: tf.Variable(weights(64, n)) for name, n in widths.items()}
            self.part = part

        @tf.function(input_signature=specs)
        def serve(self, flux, flux_err, band_flux, band_flux_err):
            pixels, bands = flux_err > 0, band_flux_err > 0
            hidden = tf.tanh(
                tf.concat([flux, tf.cast(pixels, tf.float32)], 1) @ self.spectral
                + tf.concat([band_flux, tf.cast(bands, tf.float32)], 1) @ self.bands
            )
            answers = {}
            for name, head in self.heads.items():
                value = hidden @ head if widths[name] > 1 else (hidden @ head)[:, 0]
                if name == "sfh":
                    value = tf.nn.softmax(value)
                    answers |= {"sfh_p16": value / 2, "sfh_p50": value, "sfh_p84": 0.5 + value / 2}
                elif name == "surprise":
                    answers[name] = value
                else:
                    spread = zip(("p16", "p50", "p84"), (-0.3, 0.0, 0.4), strict=True)
                    answers |= {f"{name}_{p}": value + step for p, step in spread}
            no_spectrum = ~tf.reduce_any(pixels, 1)
            no_bands = ~tf.reduce_any(bands, 1)
            flag = tf.zeros_like(no_bands, tf.int32)
            flag += tf.where(no_spectrum & no_bands, int(Flag.NO_DATA), 0)
            used = tf.where(no_spectrum, 0, 3) + tf.where(no_bands, 0, 12)
            if deed is not None:
                flag += tf.cast(deed(), tf.int32)
            cmf = tf.cumsum(answers["sfh_p50"], axis=-1, reverse=True)
            answers |= {f"cmf_{p}": cmf for p in ("p16", "p50", "p84")}
            answers |= {"sfh_mean": answers["sfh_p50"], "mh_mean": answers["mh_p50"]}
            return changed({**answers, "flag": flag, "used": used})

        @tf.function(input_signature=specs)
        def draw(self, flux, flux_err, band_flux, band_flux_err):
            answers = self.serve(flux, flux_err, band_flux, band_flux_err)
            steps = tf.linspace(-1.0, 1.0, N_SAMPLES)
            samples = {
                q.name: answers[f"{q.name}_p50"][:, None] + steps
                for q in quantities()
                if q.percentiles and q.axis is None
            }
            tilt = tf.tensordot(steps, tf.linspace(-1.0, 1.0, 16), 0)
            samples["mh"] = answers["mh_p50"][:, None] + tilt
            samples["sfh"] = tf.nn.softmax(tf.math.log(answers["sfh_p50"][:, None]) + tilt)
            return samples

    fake = Fake()
    signatures = {"serving_default": fake.serve, "posterior": fake.draw}
    tf.saved_model.save(fake, str(folder), signatures=signatures)
    info = {
        "schema_version": 1,
        "name": "fake",
        "version": "1",
        "instrument": instrument.to_dict(),
        "z_sun": 0.02,
        "posterior": {},
        "emission_lines": "modelled",
        **Described("histories", INPUTS, LABELS).to_dict(),
    }
    (folder / "model.json").write_text(json.dumps({**info, **changes}))
    return folder
