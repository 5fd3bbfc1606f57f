"""The likelihood of held-out images under a model that has a density."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tfgen import by_class
from tfgen.compiling import compiled
from tfgen.data.points import MIXTURES
from tfgen.evaluation.absent import Absent
from tfgen.metrics import likelihood

if TYPE_CHECKING:
    from tfgen.data.points import Mixture
    from tfgen.evaluation.protocol import Protocol, Splits
    from tfgen.model import GenerativeModel


# Images at a time: with k draws of the codes in turn, memory depends on this alone.
BATCH = 64


def likelihoods(
    model: "GenerativeModel",
    splits: "Splits",
    protocol: "Protocol",
    absent: Absent,
    progress: Callable[[float], None],
) -> dict[str, Any]:
    """NLL, bound and bits/dim, over the held-out images that the protocol names.

    absent: takes what the images do not allow; progress: called with a share of the whole.
    """
    images = splits.unit(splits.held_out["image"][: protocol.nll_n])
    measure = _measure(model, protocol.k)
    blocks: dict[str, list[np.ndarray]] = {}
    for start in range(0, len(images), BATCH):
        block = images[start : start + BATCH]
        # One shape of batch, one trace.
        x = tf.constant(np.concatenate([block, block[:1].repeat(BATCH - len(block), axis=0)]))
        for name, part in measure(x).items():
            blocks.setdefault(name, []).append(part.numpy()[: len(block)])
        progress((start + len(block)) / len(images))
    parts = {name: np.concatenate(part).astype(np.float64) for name, part in blocks.items()}
    nll = -parts["log_p"]
    log_z = model.log_partition() if model.can("log_partition") else None
    kind = "exact" if log_z and log_z.exact else model.likelihood_kind
    found = {
        "nll": float(nll.mean()),
        "nll_kind": _nll_kind(kind, protocol.k if "elbo" in parts else 0),
        "bits_per_dim": likelihood.bits_per_dim(float(nll.mean()), model.image_shape),
    }
    found |= absent.unless(("nll_error",), lambda: [likelihood.standard_error(nll)])
    if model.can("log_density") and splits.about.name in MIXTURES:
        found["kl_to_truth"] = kl_to_truth(model, MIXTURES[splits.about.name])
    if log_z and not log_z.exact:
        found["nll_reverse"] = found["nll"] + log_z.reverse - log_z.value
        found["log_z_error"], found["log_z_chains"] = log_z.error, log_z.effective
    if "elbo" in parts:
        found["bound_error"] = likelihood.error_of_mean(parts["error"])
        found["neg_elbo"] = float(-parts["elbo"].mean())
        found |= absent.unless(
            ("neg_elbo_error",), lambda: [likelihood.standard_error(parts["elbo"])]
        )
    if "joint" in parts:
        found |= _by_class(parts["joint"], splits.held_out["label"][: len(images)])
    return found


def _measure(model: "GenerativeModel", k: int) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """A function images -> {"log_p" [B], and of bounds "error" and "elbo", by class "joint"}."""
    by_labels = model.can("class_log_prob")

    def exact(x: tf.Tensor) -> dict[str, tf.Tensor]:
        if not by_labels:
            return {"log_p": model.log_prob(x)}
        joint = model.class_log_prob(x)
        return {"log_p": tf.reduce_logsumexp(joint, axis=1), "joint": joint}

    def bound(x: tf.Tensor) -> dict[str, tf.Tensor]:
        found = {"elbo": model.elbo(x, samples=min(k, 200))}
        if by_labels:
            found["joint"], errors = model.class_bound(x, samples=k)
            found["log_p"], found["error"] = by_class.total(found["joint"], errors)
        else:
            found["log_p"], found["error"] = model.bound(x, samples=k)
        return found

    # Bounds of many draws are compiled by the model itself.
    return bound if model.can("elbo") else compiled(exact)


def kl_to_truth(model: "GenerativeModel", mixture: "Mixture", nodes: int = 24) -> float:
    """KL(truth || model) of densities in the plane, nats: exact but for the quadrature.

    Gauss-Hermite nodes of each Gaussian of the truth, `nodes` squared.
    """
    ticks, weights = np.polynomial.hermite_e.hermegauss(nodes)
    offsets = mixture.sigma * np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
    share = np.outer(weights, weights).ravel() / weights.sum() ** 2
    total = 0.0
    for mean in mixture.means:
        points = mean + offsets
        log_q = model.log_density(tf.constant(mixture.to_image(points), tf.float32)).numpy()
        # An image of [0, 1]^2 is the plane's square of side 2 extent.
        log_q = log_q.astype(np.float64) - 2.0 * np.log(2.0 * mixture.extent)
        total += np.sum(share * (mixture.log_prob(points) - log_q)) / len(mixture.means)
    return float(total)


def _by_class(joint: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """What log p(x, y) [N, K] says of labels [N]: p(x|y), and the class by Bayes' rule."""
    given = joint[np.arange(len(labels)), labels] + np.log(joint.shape[1])  # p(y) is uniform
    return {
        "nll_given_label": float(-given.mean()),
        "bayes_accuracy": float(np.mean(joint.argmax(axis=1) == labels)),
    }


def _nll_kind(likelihood: str, k: int) -> str:
    """What an NLL is of a model of this likelihood; k: draws of a bound, 0 for none.

    A bound on p bounds the NLL from above.
    """
    if likelihood == "estimate":
        # The bound makes the NLL too high on average, the estimate of Z too low.
        return f"no bound: k = {k}, Z by AIS" if k else "estimate, too low on average: Z by AIS"
    if k:
        return f"upper bound, k = {k}"
    # Without draws a bound is a single term: of the one code that a VQ-VAE's q(c|x) is certain of.
    return {"exact": "exact", "lower bound": "upper bound, one term"}.get(likelihood, likelihood)
