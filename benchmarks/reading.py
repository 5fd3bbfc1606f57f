"""What a table of results holds, and what of it can be told apart.

A table: {"protocol", "models": {name: row}, "floor", "floor_errors", "baselines", "features"}, as
`benchmarks.table.aggregate` makes it of evaluations.
"""

import math

from benchmarks.table import models_of
from tfgen.metrics import catalogue, errors

# The taxonomy of Goodfellow 2016 (tutorial, figure 9), from exact densities to none.
ORDER = ("exact", "lower bound", "estimate", "implicit")
COLUMNS = (
    *("nll", "neg_elbo", "frechet", "precision", "recall", "coverage", "mse", "knn"),
    *("picture_found", "picture_nearer"),
)
# Where likelihoods alone were measured.
LIKELIHOODS = (
    *("nll", "nll_reverse", "log_z_error", "log_z_chains", "neg_elbo", "bits_per_dim"),
    "kl_to_truth",
)
# Where codes alone were measured.
CODES = (
    *("mse", "kl", "active_units", "mig", "dci_disentanglement", "dci_completeness"),
    *("dci_informativeness", "factor_vae", "sap"),
)
# Of models between two domains.
TRANSLATIONS = (
    *("translation_error_y", "translation_error_x", "labels_kept_y", "labels_kept_x"),
    *("frechet_y", "frechet_x", "cycle_error"),
)
# Of models of text.
CAPTIONS = (
    *("caption_shape", "caption_colour", "caption_scale", "caption_position", "caption_all"),
    *("r_precision", "word_obeyed", "word_kept", "seeds_differ", "frechet"),
)
# Student's t of 95 % by the number of seeds.
STUDENT = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57, 7: 2.45, 8: 2.36, 9: 2.31, 10: 2.26}


def rows_of(table):
    """Models in the order of the taxonomy, then of their names; those of older versions last."""
    return sorted(
        table["models"].items(),
        key=lambda item: (-item[1].get("version", 1e9), ORDER.index(item[1]["density"]), item[0]),
    )


def label(name, row):
    """The name, and of what version of the definitions if not of the table's own."""
    return f"{name} (version {row['version']})" if "version" in row else name


def columns(table):
    """The metrics that the table shows."""
    for kind in (TRANSLATIONS, CAPTIONS):
        if measured(table, kind[0]):
            return kind
    if measured(table, "frechet"):
        return COLUMNS
    return LIKELIHOODS if measured(table, "nll") else CODES


def measured(table, key):
    return any(key in row["metrics"] for row in table["models"].values())


def cell(key, found):
    """ "85.76 ± 0.12" """
    if found is None:
        return ""
    text = catalogue.text(key, found["mean"])
    return text if found["std"] is None else f"{text} ± {catalogue.text(key, found['std'])}"


def interval(table, key, row):
    """(mean, half of its 95 % interval) over seeds and over samples, or images, each by itself.

    Over seeds by Student's t. Over samples by the row's own error; rows from before there were any
    take the floor's, of a perfect model on as many images.
    """
    found = row["metrics"][key]
    of_seeds = 0.0
    if found["std"] is not None:
        seeds = len(found["values"])
        of_seeds = STUDENT.get(seeds, errors.WITHIN) * found["std"] / math.sqrt(seeds)
    of_images = row.get("errors", {}).get(key)
    if of_images is None and key in catalogue.ERRORS:
        measured = row["metrics"].get(catalogue.ERRORS[key])
        of_images = measured and measured["mean"]
    if of_images is None:
        of_images = table.get("floor_errors", {}).get(key, 0.0)
    return found["mean"], math.hypot(of_seeds, errors.WITHIN * of_images)


def alike(one, other):
    """Whether two numbers, (mean, half of the interval), are not distinguishable."""
    return abs(one[0] - other[0]) <= math.hypot(one[1], other[1])


def best_of(table, key):
    """(mean, half of its interval) of the best row of a column; None where none is better."""
    better = catalogue.METRICS[key].better
    found = [interval(table, key, row) for _, row in rows_of(table) if row["metrics"].get(key)]
    if not better or len(found) < 2:
        return None
    return (min if better == "lower" else max)(found)


def at_the_floor(table, key):
    """Names of the models that are not distinguishable from real images, at their best."""
    real = table["floor"].get(key), errors.WITHIN * table.get("floor_errors", {}).get(key, 0.0)
    if real[0] is None or not real[1]:
        return []
    return [
        name
        for name, row in rows_of(table)
        if row["metrics"].get(key) and alike(real, interval(table, key, row))
    ]


def real_row(table):
    """What the floor's row is called: it says what it is of."""
    if table["protocol"]["version"] < 3:
        return "real images: two draws of training images"
    return "real images: training against held-out ones"


def unmeasured(table):
    """Names of the models whose config trains on the data of a table that has no row of them."""
    return [name for name in models_of(table["protocol"]["data"]) if name not in table["models"]]
