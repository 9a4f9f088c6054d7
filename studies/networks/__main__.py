"""What each choice about the network is worth: one short training a row, for docs/training.md.

    python -m studies.networks LIBRARY -o FOLDER [--only NAME ...] [--page docs/training.md]

Every row is a training of --steps steps on one thread from scratch, all else as in the released
network. Choices are made on the valid split; the scatter shown is that of the test split at S/N 50
with all bands.
A row that is in FOLDER already is not trained again.
"""

import json
import os
from pathlib import Path

import click


@click.command(help=__doc__.splitlines()[0])
@click.argument("library", type=click.Path(exists=True))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="rows' folder")
@click.option("--only", multiple=True, help="name of a row; may be given several times")
@click.option("--steps", default=1100, show_default=True, help="of each training")
@click.option(
    "--page", type=click.Path(path_type=Path), help="put the table between its marks there"
)
def main(library, output, only, steps, page):
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras
    import tensorflow as tf

    from phangs_sfh.evaluation.report.markdown import put_between
    from phangs_sfh.library import records
    from studies.networks import trial
    from studies.networks.choices import rows

    tf.config.threading.set_intra_op_parallelism_threads(1)
    output.mkdir(parents=True, exist_ok=True)
    path = {name: output / f"{name.replace(' ', '-')}.json" for name in rows()}
    todo = [name for name in only or rows() if not path[name].exists()]
    if todo:
        opened = records.open_library(library)
        galaxies = {split: records.load(opened, split) for split in records.SPLITS}
        for split in ("valid", "test"):
            galaxies[split] = {k: v[: trial.N_EVALUATED] for k, v in galaxies[split].items()}
    for name in todo:
        row = trial.train(name, rows()[name], galaxies, opened, steps)
        path[name].write_text(json.dumps(row, indent=1))
        keras.backend.clear_session()
        click.echo(json.dumps(row))
    found = {name: json.loads(p.read_text()) for name, p in path.items() if p.exists()}
    click.echo(results(found))
    if page and not put_between(page, "compare_networks", results(found)):
        raise click.ClickException(f"{page}: no marks 'compare_networks'; put them back")


def results(found):
    """The page's table."""
    from phangs_sfh.evaluation.report.markdown import table
    from studies.networks.choices import rows

    header = ["change", "weights", "µs", "ms a step", "minutes", "valid loss", "valid NLL"]
    header += ["age, mass", "age, light", "[M/H], mass", "[M/H], light"]
    lines = []
    for name in rows():
        if name in found:
            row = found[name]
            cells = [f"{a:.3f}, {b:.3f}" for a, b in row["scatter"].values()]
            lines.append(
                [name, f"{row['weights'] / 1e6:.2f} M", f"{row['microseconds']:.0f}"]
                + [f"{row['milliseconds a step']:.0f}", f"{row['seconds'] / 60:.1f}"]
                + [f"{row['valid loss']:.3f}", f"{row['valid nll']:.2f}", *cells]
            )
    return table(header, lines)


if __name__ == "__main__":
    main()
