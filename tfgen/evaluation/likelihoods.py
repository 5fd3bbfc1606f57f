"""The likelihood of held-out images under a model that has a density."""

import numpy as np
import scipy.special
import tensorflow as tf

from tfgen.compiling import compiled
from tfgen.data.points import MIXTURES
from tfgen.metrics import likelihood

# Images at a time: with k draws of the codes in turn, memory depends on this alone.
BATCH = 64


def likelihoods(model, splits, protocol, progress):
    """NLL, bound and bits/dim, over all held-out images; progress is called with a share of it."""
    bounds = {"samples": protocol.k} if model.can("elbo") else {}
    images = splits.unit(splits.held_out["image"])
    bounded, by_class = model.can("elbo"), model.can("class_log_prob")
    log_p, elbo, joint = [], [], []
    # Bounds of many draws are compiled by the model itself.
    log_prob = model.log_prob if bounded else compiled(model.log_prob)
    for start in range(0, len(images), BATCH):
        block = images[start : start + BATCH]
        # One shape of batch, one trace.
        x = tf.constant(np.concatenate([block, block[:1].repeat(BATCH - len(block), axis=0)]))
        if by_class:
            joint.append(model.class_log_prob(x, **bounds).numpy()[: len(block)])
            log_p.append(scipy.special.logsumexp(joint[-1], axis=1))
        else:
            log_p.append(log_prob(x, **bounds).numpy()[: len(block)])
        if bounded:
            elbo.append(model.elbo(x, samples=min(protocol.k, 200)).numpy()[: len(block)])
        progress((start + len(block)) / len(images))
    nll = -np.concatenate(log_p).astype(np.float64)
    log_z = model.log_partition() if model.can("log_partition") else None
    density = "exact" if log_z and log_z.exact else model.density
    found = {
        "nll": float(nll.mean()),
        "nll_error": likelihood.standard_error(nll),
        "nll_kind": _kind(density, protocol.k if bounded else 0),
        "bits_per_dim": likelihood.bits_per_dim(float(nll.mean()), model.image_shape),
    }
    if model.can("log_density") and splits.about.name in MIXTURES:
        found["kl_to_truth"] = kl_to_truth(model, MIXTURES[splits.about.name])
    if log_z and not log_z.exact:
        found["nll_reverse"] = found["nll"] + log_z.reverse - log_z.value
        found["log_z_error"], found["log_z_chains"] = log_z.error, log_z.effective
    if bounded:
        found["neg_elbo"] = float(-np.concatenate(elbo).astype(np.float64).mean())
    if by_class:
        found |= _by_class(np.concatenate(joint).astype(np.float64), splits.held_out["label"])
    return found


def kl_to_truth(model, mixture, nodes=24):
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


def _by_class(joint, labels):
    """What log p(x, y) [N, K] says of labels [N]: p(x|y), and the class by Bayes' rule."""
    given = joint[np.arange(len(labels)), labels] + np.log(joint.shape[1])  # p(y) is uniform
    return {
        "nll_given_label": float(-given.mean()),
        "bayes_accuracy": float(np.mean(joint.argmax(axis=1) == labels)),
    }


def _kind(density, k):
    """What an NLL is of a model of this density; k: draws of a bound, 0 for none.

    A bound on p bounds the NLL from above.
    """
    if density == "estimate":
        # The bound makes the NLL too high on average, the estimate of Z too low.
        return f"no bound: k = {k}, Z by AIS" if k else "estimate, too low on average: Z by AIS"
    if k:
        return f"upper bound, k = {k}"
    # Without draws a bound is a single term: of the one code that a VQ-VAE's q(c|x) is certain of.
    return {"exact": "exact", "lower bound": "upper bound, one term"}.get(density, density)
