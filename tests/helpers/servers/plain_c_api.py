"""Run a SavedModel through TensorFlow's C API with the standard library alone.

    python -I -S plain_c_api.py MANIFEST.json

The interpreter needs no site-packages: no Python of TensorFlow, NumPy, Keras, TFP or this package
can be reached, only the C library, which is what a server has. The manifest names the library, the
model and the runs: tensors as raw float32 files. Answers go beside the manifest.
"""

import ctypes
import json
import sys
from pathlib import Path

FLOAT = 1
SIZES = {1: 4, 3: 4}  # float32, int32


class Output(ctypes.Structure):
    _fields_ = [("operation", ctypes.c_void_p), ("index", ctypes.c_int)]


def declare(library, name, result, *arguments):
    function = getattr(library, name)
    function.restype, function.argtypes = result, arguments
    return function


class Session:
    """A model loaded by its tag ``serve``; raises RuntimeError with TensorFlow's words."""

    def __init__(self, library_path, folder):
        library = ctypes.CDLL(library_path)
        pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
        dims = ctypes.POINTER(ctypes.c_int64)
        outputs, tensors = ctypes.POINTER(Output), ctypes.POINTER(pointer)
        self.status = declare(library, "TF_NewStatus", pointer)()
        self.code = declare(library, "TF_GetCode", number, pointer)
        self.message = declare(library, "TF_Message", text, pointer)
        self.find = declare(library, "TF_GraphOperationByName", pointer, pointer, text)
        self.allocate = declare(
            library, "TF_AllocateTensor", pointer, number, dims, number, ctypes.c_size_t
        )
        self.data = declare(library, "TF_TensorData", pointer, pointer)
        self.delete = declare(library, "TF_DeleteTensor", None, pointer)
        self.type = declare(library, "TF_TensorType", number, pointer)
        self.rank = declare(library, "TF_NumDims", number, pointer)
        self.dim = declare(library, "TF_Dim", ctypes.c_int64, pointer, number)
        self.run_session = declare(
            library, "TF_SessionRun", None, pointer, pointer, outputs, tensors, number,
            outputs, tensors, number, pointer, number, pointer, pointer,
        )  # fmt: skip
        load = declare(
            library, "TF_LoadSessionFromSavedModel", pointer, pointer, pointer, text,
            ctypes.POINTER(text), number, pointer, pointer, pointer,
        )  # fmt: skip
        self.graph = declare(library, "TF_NewGraph", pointer)()
        options = declare(library, "TF_NewSessionOptions", pointer)()
        tags = (text * 1)(b"serve")
        self.session = load(options, None, folder.encode(), tags, 1, self.graph, None, self.status)
        self.check()

    def check(self):
        if self.code(self.status) != 0:
            raise RuntimeError(self.message(self.status).decode())

    def outputs(self, names):
        places = (Output * len(names))()
        for place, name in zip(places, names, strict=True):
            operation, index = name.split(":")
            place.operation, place.index = self.find(self.graph, operation.encode()), int(index)
            if not place.operation:
                raise RuntimeError(f"{name}: not in the graph")
        return places

    def tensor(self, content, shape, kind=FLOAT):
        dims = (ctypes.c_int64 * len(shape))(*shape)
        tensor = self.allocate(kind, dims, len(shape), len(content))
        ctypes.memmove(self.data(tensor), content, len(content))
        return tensor

    def run(self, feeds, fetches):
        """Tensors of ``fetches`` for ``feeds``: dicts of name to (bytes, shape, type)."""
        given = [self.tensor(*feed) for feed in feeds.values()]
        inputs = (ctypes.c_void_p * len(given))(*given)
        answers = (ctypes.c_void_p * len(fetches))()
        self.run_session(
            self.session, None, self.outputs(list(feeds)), inputs, len(given),
            self.outputs(fetches), answers, len(fetches), None, 0, None, self.status,
        )  # fmt: skip
        for tensor in given:
            self.delete(tensor)
        self.check()
        found = {}
        for name, answer in zip(fetches, answers, strict=True):
            shape = [self.dim(answer, i) for i in range(self.rank(answer))]
            size = SIZES[self.type(answer)]
            for length in shape:
                size *= length
            found[name] = (ctypes.string_at(self.data(answer), size), shape, self.type(answer))
            self.delete(answer)
        return found


def main(path):
    folder, manifest = Path(path).parent, json.loads(Path(path).read_text())
    session = Session(manifest["library"], manifest["model"])
    report = []
    for number, run in enumerate(manifest["runs"]):
        feeds = {
            name: ((folder / file).read_bytes(), shape, kind)
            for name, (file, shape, kind) in run["feeds"].items()
        }
        try:
            found = session.run(feeds, run["fetches"])
        except RuntimeError as error:
            report.append({"error": str(error)})
            continue
        answers = {}
        for i, (name, (content, shape, kind)) in enumerate(found.items()):
            (folder / f"{number}-{i}.raw").write_bytes(content)
            answers[name] = [f"{number}-{i}.raw", shape, kind]
        report.append({"answers": answers})
    (folder / "report.json").write_text(json.dumps(report))
    if "numpy" in sys.modules or any("site-packages" in entry for entry in sys.path):
        raise SystemExit("packages could be reached after all")


if __name__ == "__main__":
    main(sys.argv[1])
