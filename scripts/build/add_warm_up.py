"""Put warm-up requests into an exported model, in place; `phangs-sfh export` does the same.

python scripts/build/add_warm_up.py saved_models/phangs/3
"""

import sys
from pathlib import Path

from phangs_sfh.export.warm_up import write_requests
from phangs_sfh.files import model_json


def main(folder):
    description = model_json.read(folder, ("name", "instrument"))
    instrument = description["instrument"]
    sizes = instrument["wave"]["n_pixels"], len(instrument["bands"])
    path = write_requests(folder, description["name"], *sizes)
    if path is None:
        sys.exit("tensorflow-serving-api is missing; run: pip install tensorflow-serving-api")
    print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
