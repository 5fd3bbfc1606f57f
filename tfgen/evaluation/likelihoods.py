"""The likelihood of held-out images under a model that has a density."""

import numpy as np
import scipy.special
import tensorflow as tf

from tfgen.metrics import likelihood

# Images at a time: with k draws of the codes in turn, memory depends on this alone.
BATCH = 64


def likelihoods(model, splits, protocol, progress):
    """NLL, bound and bits/dim, over all held-out images; progress is called with a share of it."""
    images = splits.unit(splits.held_out["image"])
    bounded, by_class = model.can("elbo"), model.can("class_log_prob")
    log_p, elbo, joint = [], [], []
    for start in range(0, len(images), BATCH):
        block = images[start : start + BATCH]
        # One shape of batch, one trace.
        x = tf.constant(np.concatenate([block, block[:1].repeat(BATCH - len(block), axis=0)]))
        if by_class:
            joint.append(model.class_log_prob(x, samples=protocol.k).numpy()[: len(block)])
            log_p.append(scipy.special.logsumexp(joint[-1], axis=1))
            elbo.append(model.elbo(x, samples=min(protocol.k, 200)).numpy()[: len(block)])
        elif bounded:
            log_p.append(model.log_prob(x, samples=protocol.k).numpy()[: len(block)])
            elbo.append(model.elbo(x, samples=min(protocol.k, 200)).numpy()[: len(block)])
        else:
            log_p.append(model.log_prob(x).numpy()[: len(block)])
        progress((start + len(block)) / len(images))
    nll = -np.concatenate(log_p).astype(np.float64)
    found = {
        "nll": float(nll.mean()),
        "nll_error": likelihood.standard_error(nll),
        "nll_kind": f"upper bound, k = {protocol.k}" if bounded else _kind(model.density),
        "bits_per_dim": likelihood.bits_per_dim(float(nll.mean()), model.image_shape),
    }
    if bounded:
        found["neg_elbo"] = float(-np.concatenate(elbo).astype(np.float64).mean())
    if by_class:
        found |= _by_class(np.concatenate(joint).astype(np.float64), splits.held_out["label"])
    return found


def _by_class(joint, labels):
    """What log p(x, y) [N, K] says of labels [N]: p(x|y), and the class by Bayes' rule."""
    given = joint[np.arange(len(labels)), labels] + np.log(joint.shape[1])  # p(y) is uniform
    return {
        "nll_given_label": float(-given.mean()),
        "bayes_accuracy": float(np.mean(joint.argmax(axis=1) == labels)),
    }


def _kind(density):
    """What an NLL of a model of this density is. A bound on p bounds the NLL from above."""
    return {"exact": "exact", "lower bound": "upper bound"}.get(density, density)
