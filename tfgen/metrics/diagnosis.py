"""Plain sentences about what is wrong with a trained model, and what to try.

Each rule reads the results, `metrics.json`'s "results" and "details", and says something or
nothing. The thresholds are rules of thumb; the number that crossed one stands in the sentence.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

# A part of metrics.json.
Numbers = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Finding:
    """Args: name, short and stable; problem and advice, each a sentence."""

    name: str
    problem: str
    advice: str


def diagnose(
    results: Numbers, details: Numbers, floor: Numbers, baselines: Mapping[str, Numbers]
) -> list[Finding]:
    """The findings, in the order of `RULES`.

    Args: results: {metric: number}; details: "class_shares", "real_shares", "classes",
      "kl_per_unit", "terms", "unreached"; floor and baselines as in metrics.json.
    """
    found = []
    for rule in RULES:
        try:
            finding = rule(results, details, floor, baselines)
        except KeyError:
            continue  # a number that this model, or these data, do not have
        if finding:
            found.append(Finding(rule.__name__.replace("_", " "), *finding))
    return found


def training_unfinished(
    results: Numbers, details: Numbers, floor: Numbers, baselines: Mapping[str, Numbers]
) -> tuple[str, str] | None:
    return details["unreached"]


def modes_missing(
    results: Numbers, details: Numbers, floor: Numbers, baselines: Mapping[str, Numbers]
) -> tuple[str, str] | None:
    if "modes" in results:
        found, total = int(results["modes"]), details["modes"]
        if found < total:
            return (
                f"Samples reach {found} of the {total} modes.",
                "The generator has collapsed: try a loss with a gradient penalty, a smaller "
                "learning rate for D, or larger batches.",
            )
        return None
    pairs = zip(details["classes"], details["class_shares"], details["real_shares"], strict=True)
    rare = [f"{name} ({share:.1%})" for name, share, real in pairs if share < real / 4]
    if rare:
        return (
            f"Classes that samples hardly ever show: {', '.join(rare)}.",
            "A GAN has collapsed: lower the learning rates, enlarge the batch, or stop earlier "
            "(`eval_every`). A VAE wants a larger decoder or latent space.",
        )
    return None


def coverage_low(
    results: Numbers, details: Numbers, floor: Numbers, baselines: Mapping[str, Numbers]
) -> tuple[str, str] | None:
    limit = 0.6 * floor["coverage"]
    if results["coverage"] < limit:
        return (
            f"Coverage is {results['coverage']:.2f}, where real images reach "
            f"{floor['coverage']:.2f}: much of the data has no sample near it.",
            "Look at the samples: if they are alike, the model has collapsed; if they are noisy or "
            "blurred, it has not learnt enough: train longer, or with a larger model.",
        )
    return None


def worse_than_a_Gaussian(
    results: Numbers, details: Numbers, floor: Numbers, baselines: Mapping[str, Numbers]
) -> tuple[str, str] | None:
    trivial = baselines["Gaussian"]["frechet"]
    if results["frechet"] > trivial:
        return (
            f"The Frechet distance, {results['frechet']:.2f}, is above that of a plain Gaussian of "
            f"the pixels, {trivial:.2f}.",
            "The model has learnt less than the mean and the covariance: train longer, lower the "
            "learning rate, and see in log.csv that the loss still falls.",
        )
    return None


def memorising(
    results: Numbers, details: Numbers, floor: Numbers, baselines: Mapping[str, Numbers]
) -> tuple[str, str] | None:
    ratio, copies = results["copy_ratio"], results["copies"]
    if ratio < 0.5 or copies > 0.5:
        return (
            f"Samples lie {ratio:.2f} times as far from the training images as new images do, and "
            f"{copies:.0%} of them are nearer than 99 % of new ones.",
            "The model copies its training set: use more data or augmentation, a smaller model, "
            "dropout, or fewer steps. The figure of nearest training images shows it.",
        )
    return None


def posterior_collapsed(
    results: Numbers, details: Numbers, floor: Numbers, baselines: Mapping[str, Numbers]
) -> tuple[str, str] | None:
    if results["active_units"] == 0 or results["kl"] < 0.5:
        return (
            f"The codes carry {results['kl']:.2f} nats and {int(results['active_units'])} units "
            "vary with the image: the posterior has collapsed onto the prior.",
            "The decoder ignores its input: warm the KL term up, weaken the decoder, or lower the "
            "learning rate.",
        )
    return None


def dead_codes(
    results: Numbers, details: Numbers, floor: Numbers, baselines: Mapping[str, Numbers]
) -> tuple[str, str] | None:
    kl = details["kl_per_unit"]
    dead = sum(unit < 0.01 for unit in kl)
    if dead and results["kl"] >= 0.5:
        return (
            f"{dead} of {len(kl)} code units carry less than 0.01 nats.",
            "They cost nothing but parameters: a smaller latent_dim gives the same model. If the "
            "reconstructions are poor as well, warm the KL term up.",
        )
    return None


def discriminator_overfits(
    results: Numbers, details: Numbers, floor: Numbers, baselines: Mapping[str, Numbers]
) -> tuple[str, str] | None:
    seen = details["terms"]["train"]["D_real"]
    unseen = details["terms"]["held-out"]["D_real"]
    # A score has a scale of its own: how far it is from real to generated images.
    if seen - unseen > 0.4 * (seen - details["terms"]["train"]["D_fake"]):
        return (
            f"D gives training images {seen:.2f} and held-out images {unseen:.2f}: it knows the "
            "training set by heart.",
            "Its gradients then teach G to copy: use more data or augmentation, a smaller D, or "
            "fewer steps.",
        )
    return None


def overfits(
    results: Numbers, details: Numbers, floor: Numbers, baselines: Mapping[str, Numbers]
) -> tuple[str, str] | None:
    seen, unseen = details["terms"]["train"]["loss"], details["terms"]["held-out"]["loss"]
    if "nll" in results and unseen - seen > 0.15 * abs(seen):
        return (
            f"The loss is {seen:.1f} nats on training images and {unseen:.1f} on held-out ones.",
            "The model has begun to learn its training set by heart: dropout, a smaller model, or "
            "early stopping (`eval_every`, `patience`).",
        )
    return None


def contradicted(nll: float, reverse: float, error: float) -> bool:
    """Whether AIS puts log Z above reverse AIS, beyond their errors: one of the two is wrong.

    Three of one's errors are two of the difference, of which each estimate has a share.
    """
    return nll - reverse > max(0.01, 3.0 * error)


def log_Z_unsure(
    results: Numbers, details: Numbers, floor: Numbers, baselines: Mapping[str, Numbers]
) -> tuple[str, str] | None:
    gap, error = results["nll_reverse"] - results["nll"], results["log_z_error"]
    problems = []
    if contradicted(results["nll"], results["nll_reverse"], error):
        problems.append(f"log Z by AIS is {-gap:.2f} nats above that by reverse AIS")
    elif gap > max(0.1, 3.0 * error):
        problems.append(f"log Z by AIS is {gap:.2f} nats below that by reverse AIS")
    if results["log_z_chains"] < 64:
        problems.append(f"it rests on {results['log_z_chains']:.0f} of 256 chains")
    if problems:
        return (
            f"The partition function is not known: {', and '.join(problems)}.",
            "The likelihood is a guess, and rather too good: the chains do not mix between modes. "
            "Fewer hidden units, more decay, or a layer of 20 units, whose Z is exact.",
        )
    return None


RULES = [
    training_unfinished,
    modes_missing,
    coverage_low,
    worse_than_a_Gaussian,
    memorising,
    posterior_collapsed,
    dead_codes,
    discriminator_overfits,
    overfits,
    log_Z_unsure,
]
