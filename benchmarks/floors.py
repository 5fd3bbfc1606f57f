"""Floor and baselines of a table anew, by the definitions of now: no model is trained or measured.

    python -m benchmarks.floors --data=digits

Rows of models keep their numbers. Where a version of the definitions changed the floor alone, as 3
did, those of the version before are its own; older ones stay in their block.
"""

import argparse
import json
import sys

from benchmarks.table import RESULTS, read, word
from tfgen import command, startup
from tfgen.errors import UserError
from tfgen.files import write_text

# Versions whose numbers of models are those of the next one: it changed floors, not models.
CARRIED = {2: 3}


def main(argv=None):
    """Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.floors")
    parser.add_argument("--data", required=True, help="a data set that has a table")
    return command.status(_run, parser.parse_args(argv))


def _run(options):
    table = read(options.data)
    if table is None:
        raise UserError(f"--data={options.data}: there is no table of it in {RESULTS}.")
    with startup.loading_tensorflow():
        import tensorflow as tf

        from tfgen import evaluation
    tf.config.experimental.enable_op_determinism()
    table = carried(table, evaluation.VERSION)
    if "frechet" in table["floor"]:
        table |= of_samples(table["protocol"], table["features"])
    elif "frechet_x" in table["floor"]:
        table["floor"] |= of_translations(table["protocol"])
    path = RESULTS / f"{word(options.data)}.json"
    write_text(path, json.dumps(table, indent=1) + "\n")
    print(f"wrote {path}; `python -m benchmarks.render` writes it into the documents")


def carried(table, version):
    """The table under the definitions of `version`, its rows with the versions that they are of."""
    before = table["protocol"]["version"]
    rows = {}
    for name, row in table["models"].items():
        of = row.get("version", before)
        while of in CARRIED and of < version:
            of = CARRIED[of]
        row = {key: value for key, value in row.items() if key != "version"}
        rows[name] = row if of == version else {"version": of} | row
    protocol = table["protocol"] | {"version": version}
    return table | {"protocol": protocol, "models": rows}


def of_samples(protocol, described):
    """{"floor", "floor_errors", "baselines"} of a table of samples."""
    from tfgen import data, evaluation
    from tfgen.evaluation.samples import ALL_TRAINING, Comparison
    from tfgen.metrics import features

    splits = evaluation.Splits.load(
        data.open_source(protocol["data"], size=protocol["size"]),
        protocol["train"],
        protocol["split"],
    )
    network = features.choose("auto", splits.train, splits.held_out, splits.about.levels)
    if network.digest != protocol["features_hash"]:
        raise UserError(
            f"the classifier of {protocol['data']} has other weights here "
            f"({network.digest[:8]}, not {protocol['features_hash'][:8]}): what it says compares "
            "with no row of the table."
        )
    comparison = Comparison(splits, evaluation.Protocol(**protocol), network)
    floor, errors = comparison.floor(), comparison.floor_errors()
    trivial = comparison.baselines()
    if "label" in splits.train:
        references = comparison.cas_references()
        floor["cas"] = references["floor"]
        trivial[ALL_TRAINING] = {"cas": references[ALL_TRAINING]}
    described = described | {"distance": network.distance}
    return {
        "floor": floor, "floor_errors": errors, "baselines": trivial, "features": described,
    }  # fmt: skip


def of_translations(protocol):
    """{metric: number} of real images in the place of translations."""
    from tfgen import data, evaluation
    from tfgen.evaluation.translation import Domain

    splits = evaluation.Splits.load(
        data.open_source(protocol["data"], size=protocol["size"]),
        protocol["train"],
        protocol["split"],
    )
    return {
        "frechet_x": Domain(splits, "").floor(),
        "frechet_y": Domain(splits, "other_").floor(),
    }


if __name__ == "__main__":
    sys.exit(main())
