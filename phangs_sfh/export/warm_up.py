"""Warm-up requests: what TF Serving runs once when it loads a model, before it says "available".

TensorFlow optimises a graph at the first request of each signature, and oneDNN makes its kernels at
the first of each batch size: without these requests the first user waits for both.
"""

from pathlib import Path

from phangs_sfh.errors import InputError
from phangs_sfh.files.whole import whole_file

FILE = Path("assets.extra") / "tf_serving_warmup_requests"
"""Where TF Serving looks, below the version folder: a TFRecord file of PredictionLog messages."""

BATCHES = {"serving_default": (1, 32, 1024), "posterior": (1, 32)}
LEVELS = {"flux": 1.0, "flux_err": 0.02, "band_flux": 1.0, "band_flux_err": 0.05}


def requests(name, widths):
    """The requests as messages.

    All values of a tensor are one number, which TensorProto holds once: the file stays at 2 kB.

    Parameters
    ----------
    name : str, the model's name on the server
    widths : dict, width of each input tensor by name

    Returns
    -------
    logs : list of PredictionLog

    Raises
    ------
    ImportError
        If tensorflow-serving-api is not installed.
    """
    import tensorflow as tf
    from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

    logs = []
    for signature, batches in BATCHES.items():
        for n in batches:
            log = PredictionLog()
            request = log.predict_log.request
            request.model_spec.name = name
            request.model_spec.signature_name = signature
            for key, width in widths.items():
                tensor = tf.make_tensor_proto(LEVELS[key], tf.float32, (n, width))
                request.inputs[key].CopyFrom(tensor)
            logs.append(log)
    return logs


def write_requests(folder, name, widths):
    """Write the warm-up file into a version folder, in place; an old one is replaced.

    Returns
    -------
    path : Path of the file, or None where tensorflow-serving-api is not installed

    Raises
    ------
    InputError
        If ``folder`` holds no SavedModel.
    """
    folder = Path(folder)
    if not (folder / "saved_model.pb").is_file():
        raise InputError(f"{folder}: no saved_model.pb; give the folder NAME/VERSION of a model")
    try:
        logs = requests(name, widths)
    except ImportError:
        return None
    import tensorflow as tf

    path = folder / FILE
    path.parent.mkdir(exist_ok=True)
    with whole_file(path) as temporary, tf.io.TFRecordWriter(str(temporary)) as writer:
        for log in logs:
            writer.write(log.SerializeToString(deterministic=True))
    return path
