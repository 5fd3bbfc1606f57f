"""copies.html: the samples that lie nearest to training images, beside those: looked at before a
model is shipped.

Which they are the evaluation has found among all its samples; here they are made again from their
seeds.
"""

import html
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tfgen.metrics import catalogue
from tfgen.reports import figures, page
from tfgen.run_dir import data_name

if TYPE_CHECKING:
    from tfgen.evaluation import Splits
    from tfgen.evaluation.finished import FinishedRun

COLUMNS = 12


def page_of(run: "FinishedRun", content: Mapping[str, Any], splits: "Splits") -> str:
    """The page, from what metrics.json holds; rows of samples, below each its training image."""
    pairs, protocol = content["details"]["pairs"], content["protocol"]
    samples = nearest_samples(run, pairs["samples"], protocol, splits)
    training = splits.unit(splits.train["image"][pairs["training"]])
    name = f"{content['model']['name']} on {data_name(protocol['data'])}"
    rows = []
    for start in range(0, len(samples), COLUMNS):
        part = slice(start, start + COLUMNS)
        shown = np.concatenate([samples[part], training[part]])
        distances = pairs["distances"][part]
        caption = (
            f"Distances from {min(distances):.2f} to {max(distances):.2f}; seeds "
            + ", ".join(str(protocol["seed"] + i) for i in pairs["samples"][part])
        )
        rows.append(page.picture(figures.tile(shown, len(samples[part])), "pairs", caption))
    share = catalogue.text("copies", content["results"]["copies"])
    text = (
        f"Of {protocol['n']:,} samples those that lie nearest to a training image, the nearest "
        "first, and below each that image. Pairs that are equal are copies. A new image, of the "
        f"held-out ones, lies at {pairs['usual']:.2f} from its nearest training image, one in a "
        f"hundred nearer than {pairs['near']:.2f}; of the samples the share {share} does."
    )
    body = [f"<h1>{html.escape(name)}: copies</h1>", page.section("Nearest pairs", text, *rows)]
    return page.document(f"{name}: copies", "\n".join(body))


def nearest_samples(
    run: "FinishedRun", rows: list[int], protocol: Mapping[str, Any], splits: "Splits"
) -> np.ndarray:
    """The samples of these rows of an evaluation, made again: [N, H, W, C] at the data's levels."""
    seeds = np.array(rows, np.int32) + protocol["seed"]
    condition = run.model.condition
    if condition:
        asked = condition.of_data(splits.held_out, protocol["n"])[rows]
        return splits.quantised(run.model.sample(seeds, tf.constant(asked)).numpy())
    return splits.quantised(run.model.sample(seeds).numpy())
