"""Every metric that applies to a trained model, under one protocol, beside floors and baselines.

    result = evaluation.evaluate(model, splits, protocol, features, progress)

What applies is asked of the model (`can`) and of the data (labels, factors, points), and nowhere
listed by name. `result` is what `metrics.json` holds:

    protocol      all that a number depends on besides the model; see `Protocol`
    results       {metric: number} of the model; `tfgen.metrics.catalogue` says what each is
    floor         what a perfect model gets: training images against the same held-out images
    errors        {metric: standard error} over samples, of results whose catalogue row has none
    floor_errors  the same of the floor
    samples_are   "means of p(x|z)" where a sample is one; then
    draws         holds the results of draws from p(x|z) beside them
    baselines     the same for each trivial generator, {name: {metric: number}}
    details       numbers that are no single number: class shares, KL of each unit, ...
    diagnosis     what looks wrong and what to try
    not_measured  {metric: why not}, where the model would allow it and the data do not; what
                  the floor alone lacks is "METRIC of real images"
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tfgen.compiling import compiled
from tfgen.evaluation.absent import Absent
from tfgen.evaluation.captions import fidelity, pictures_found
from tfgen.evaluation.likelihoods import likelihoods
from tfgen.evaluation.protocol import FIRST_SEED, VERSION, Protocol, Splits, check_same
from tfgen.evaluation.references import known_references
from tfgen.evaluation.representation import (
    code_metrics,
    denoising_baselines,
    pca_baseline,
    prior_two_sample,
)
from tfgen.evaluation.samples import Comparison, conditional, draw
from tfgen.evaluation.translation import translations
from tfgen.metrics import errors
from tfgen.metrics.diagnosis import diagnose

if TYPE_CHECKING:
    import numpy as np

    from tfgen.metrics.features import Features
    from tfgen.model import GenerativeModel


__all__ = [
    "FIRST_SEED",
    "PARTS",
    "VERSION",
    "Absent",
    "Protocol",
    "Splits",
    "check_same",
    "compiled_test_step",
    "draw",
    "evaluate",
    "mean_terms",
    "prior_two_sample",
    "translations",
]


PARTS = ("samples", "likelihood", "codes", "translations", "captions")


def evaluate(
    model: "GenerativeModel",
    splits: Splits,
    protocol: Protocol,
    features: "Features | None",
    progress: Callable[[str, float], None],
    parts: Sequence[str] = PARTS,
    directory: str = "",
) -> dict[str, Any]:
    """All of it, or some parts.

    Args:
      model: a trained `GenerativeModel`.
      splits: `Splits`; protocol: `Protocol`; features: `tfgen.metrics.features.Features`.
        None without "samples".
      parts: some of `PARTS`.
      progress: called with (what is being done, share of the whole in [0, 1]).
      directory: where TFDS keeps data, and what is known of real images; "": its default.
    """
    results: dict[str, Any] = {}
    details: dict[str, Any] = {}
    absent, absent_of_real = Absent(), {}
    if splits.left_out:
        absent.because(splits.left_out, "images of other classes")
    floor: dict[str, float] = {}
    of_images: dict[str, float] = {}
    of_floor: dict[str, float] = {}
    draws: dict[str, float] = {}
    trivial: dict[str, dict[str, float]] = {}
    if "samples" in parts and model.can("sample"):
        progress("samples", 0.0)
        assert features
        comparison = Comparison(splits, protocol, features)
        sample = compiled(model.sample)
        images, labels = draw(sample, model, splits, protocol.n, protocol.seed)
        results |= comparison.measure(images, absent=absent)
        of_images |= comparison.errors(images)
        details |= comparison.details(images) | {"pairs": comparison.pairs(images)}
        if model.can("sample_draws"):
            drawn, _ = draw(compiled(model.sample_draws), model, splits, protocol.n, protocol.seed)
            draws = comparison.measure(drawn)
        progress("floor and baselines", 0.1)
        known = known_references(comparison, directory)
        floor, of_floor, trivial = known.floor, known.errors, known.baselines
        absent_of_real = known.absent
        if labels is not None and model.num_classes and features.probabilities:
            progress("classification accuracy score", 0.15)
            results |= conditional(images, labels, splits, features)
            cas_of_real = comparison.cas_references()
            floor["cas"] = cas_of_real.pop("floor")
            trivial |= {name: {"cas": value} for name, value in cas_of_real.items()}
    if "likelihood" in parts and model.can("log_prob"):
        results |= likelihoods(
            model, splits, protocol, absent, lambda part: progress("likelihood", 0.2 + 0.65 * part)
        )
    if "codes" in parts and any(map(model.can, ("encode", "reconstruct", "denoise", "cluster"))):
        progress("codes", 0.85)
        found, more = code_metrics(model, splits, absent)
        results, details = results | found, details | more
        trivial |= pca_baseline(model, splits) | denoising_baselines(model, splits)
    if "translations" in parts and model.can("translate"):
        progress("translations", 0.9)
        found, real, others = translations(model, splits, absent)
        results, floor, trivial = results | found, floor | real, trivial | others
    if "captions" in parts and "tokens" in splits.held_out and "factors" in splits.held_out:
        progress("captions", 0.9)
        found, real = fidelity(model, splits, protocol)
        results, floor = results | found, floor | real
    elif "captions" in parts and "tokens" in splits.held_out and features:
        progress("captions", 0.9)
        found, of_words = pictures_found(model, splits, protocol, features, absent)
        results, trivial = results | found, trivial | {"nearest caption": of_words}
    progress("diagnosis", 0.95)
    details["terms"] = {
        name: mean_terms(model, arrays, most=2000)
        for name, arrays in (("train", splits.train), ("held-out", splits.held_out))
    }
    details["unreached"] = model.unreached(model.steps_done)
    of_images |= errors_of_shares(results, protocol, len(splits.held_out["image"]))
    findings = diagnose(results, details, floor, trivial)
    progress("done", 1.0)
    return {
        "protocol": dataclasses.asdict(protocol),
        "results": results,
        "floor": floor,
        "errors": of_images,
        "floor_errors": of_floor,
        "samples_are": getattr(model, "samples_are", ""),
        "draws": draws,
        "baselines": trivial,
        "details": details,
        "diagnosis": [dataclasses.asdict(finding) for finding in findings],
        "not_measured": absent.reasons
        | {
            f"{name} of real images": why
            for name, why in absent_of_real.items()
            if name not in absent.reasons
        },
    }


# Shares of samples, and of held-out images, that have a property each by itself.
OF_SAMPLES = ("label_accuracy", "copies")
OF_HELD_OUT = ("cas", "probe", "knn", "bayes_accuracy")


def errors_of_shares(
    results: Mapping[str, Any], protocol: Protocol, held_out: int
) -> dict[str, float]:
    """{metric: standard error over images} of those results that are plain shares."""
    counts = dict.fromkeys(OF_SAMPLES, protocol.n) | dict.fromkeys(OF_HELD_OUT, held_out)
    return {key: errors.of_share(results[key], n) for key, n in counts.items() if key in results}


# The parts of a batch that a step reads.
BATCH_KEYS = ("image", "label", "other", "tokens")


def compiled_test_step(
    model: "GenerativeModel", arrays: "Mapping[str, np.ndarray]"
) -> Callable[..., dict[str, tf.Tensor]]:
    """The model's `test_step` for batches of any size of such arrays: traced once."""
    batch = {
        key: tf.TensorSpec([None, *arrays[key].shape[1:]], arrays[key].dtype)
        for key in BATCH_KEYS
        if key in arrays
    }
    return compiled(model.test_step, input_signature=[batch])


def mean_terms(
    model: "GenerativeModel",
    arrays: "Mapping[str, np.ndarray]",
    step: Callable[..., dict[str, tf.Tensor]] | None = None,
    most: int | None = None,
) -> dict[str, float]:
    """The means of `test_step`'s terms over images: {term: number}; `step`: the same, compiled."""
    step = step or compiled_test_step(model, arrays)
    sums: dict[str, float] = {}
    count = 0
    kept = {key: arrays[key][:most] for key in BATCH_KEYS if key in arrays}
    for start in range(0, len(kept["image"]), 250):
        batch = {key: tf.constant(value[start : start + 250]) for key, value in kept.items()}
        rows = len(batch["image"])
        for name, value in step(batch).items():
            sums[name] = sums.get(name, 0.0) + rows * float(value)
        count += rows
    return {name: total / count for name, total in sums.items()}
