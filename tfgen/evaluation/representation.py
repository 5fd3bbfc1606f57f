"""What codes keep of images, and what they know of labels and factors."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tfgen import latents
from tfgen.compiling import compiled
from tfgen.data import conditions
from tfgen.evaluation.absent import Absent
from tfgen.evaluation.protocol import FIRST_SEED, MOST_SAMPLES, flat
from tfgen.metrics import (
    classes,
    codes,
    disentanglement,
    likelihood,
    neighbours,
    reconstruction,
)

if TYPE_CHECKING:
    from tfgen.evaluation.protocol import Splits
    from tfgen.model import GenerativeModel


BATCH = 250


def code_metrics(
    model: "GenerativeModel", splits: "Splits", absent: Absent
) -> tuple[dict[str, float], dict[str, Any]]:
    """({metric: number}, details) of what codes keep of the images.

    absent: takes the metrics that the images do not allow.
    """
    images = splits.unit(splits.held_out["image"][:MOST_SAMPLES])
    found: dict[str, float] = {}
    details: dict[str, Any] = {}
    if model.can("reconstruct"):
        found |= _reconstruction_metrics(images, _in_batches(model.reconstruct, images))
    if model.can("denoise"):
        found |= denoised(model, splits)
    if model.can("cluster") and "label" in splits.held_out:
        labels = splits.held_out["label"][:MOST_SAMPLES]
        found["cluster_ari"] = classes.adjusted_rand_index(
            labels, _in_batches(model.cluster, images)
        )
    if model.can("encode"):
        encoded = _encode(model, images)
        train = _encode(model, splits.unit(splits.train["image"][:MOST_SAMPLES]))
        found |= _probe_metrics(train["mean"], encoded["mean"], splits, absent)
        found |= absent.unless(
            ("active_units",), lambda: [int(likelihood.active_units(encoded["mean"]).sum())]
        )
        if model.can("draw_prior"):
            found |= absent.unless(
                ("prior_two_sample",), lambda: prior_two_sample(model, images)[:1]
            )
        if model.can("indices"):
            chosen = _in_batches(model.indices, images)
            shares = np.bincount(chosen.ravel(), minlength=model.codes) / chosen.size
            found["codebook_perplexity"] = float(np.exp(classes.entropy(shares)))
        if model.can("code_kl"):
            # The whole, and beside it what it is of each unit, which need not sum to it.
            both = _in_batches(lambda x: tf.concat(_columns(model.code_kl(x)), axis=1), images)
            found["kl"], *details["kl_per_unit"] = both.mean(axis=0, dtype=np.float64).tolist()
    return found, details


def _columns(kl: tuple[tf.Tensor, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
    whole, units = kl
    return whole[:, None], units


def prior_two_sample(
    model: "GenerativeModel", images: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """A two-sample test of the aggregate posterior against the prior that samples are drawn from.

    (accuracy of 1-NN in telling them apart, codes of the images [N, Z], as many of the prior).

    Raises: NotMeasurable for a single image.
    """
    n = min(len(images), 1000)
    seeds = np.arange(FIRST_SEED, FIRST_SEED + n, dtype=np.int32)
    posterior = np.asarray(model.draw_posterior(tf.constant(images[:n]), seeds))
    prior = np.asarray(model.draw_prior(seeds, conditions.defaults(model.condition, n)))
    return neighbours.two_sample_accuracy(posterior, prior)[0], posterior, prior


def corrupted(model: "GenerativeModel", images: np.ndarray, seed: int = FIRST_SEED) -> np.ndarray:
    """The images as the model corrupts them, image i with the noise of seed + i."""
    return np.concatenate(
        [
            model.corrupt(
                tf.constant(images[i : i + BATCH]), tf.range(BATCH)[: len(images) - i] + i + seed
            )
            for i in range(0, len(images), BATCH)
        ]
    )


def denoised(model: "GenerativeModel", splits: "Splits") -> dict[str, float]:
    """What the model makes of noisy held-out images."""
    images = splits.unit(splits.held_out["image"][:MOST_SAMPLES])
    cleaned = _in_batches(model.denoise, corrupted(model, images))
    return {"denoised_psnr": reconstruction.psnr(images, cleaned)}


def denoising_baselines(model: "GenerativeModel", splits: "Splits") -> dict[str, dict[str, float]]:
    """What comes of noisy images as they are, and of the best linear denoiser (ridge)."""
    if not model.can("denoise"):
        return {}
    from sklearn.linear_model import Ridge

    train = splits.unit(splits.train["image"][:MOST_SAMPLES])
    images = splits.unit(splits.held_out["image"][:MOST_SAMPLES])
    noisy = corrupted(model, images)
    ridge = Ridge(1.0).fit(flat(corrupted(model, train, 0)), flat(train))
    cleaned = np.clip(ridge.predict(flat(noisy)), 0, 1).reshape(images.shape)
    return {
        "noisy images": {"denoised_psnr": reconstruction.psnr(images, noisy)},
        "linear denoiser": {"denoised_psnr": reconstruction.psnr(images, cleaned)},
    }


def _encode(model: "GenerativeModel", images: np.ndarray) -> dict[str, np.ndarray]:
    """Codes by name, each [N, Z]."""
    keys = list(model.encode(tf.constant(images[:1])))
    parts = _in_batches(lambda x: tf.stack([model.encode(x)[key] for key in keys], axis=1), images)
    return {key: parts[:, i] for i, key in enumerate(keys)}


def _in_batches(function: Callable[[tf.Tensor], tf.Tensor], images: np.ndarray) -> np.ndarray:
    call = compiled(function)
    return latents.in_batches(lambda x: call(tf.constant(x)), images, size=BATCH)


def _reconstruction_metrics(images: np.ndarray, reconstructions: np.ndarray) -> dict[str, float]:
    found = {
        "mse": reconstruction.mse(images, reconstructions),
        "psnr": reconstruction.psnr(images, reconstructions),
    }
    if min(images.shape[1:3]) >= 3:
        found["ssim"] = reconstruction.ssim(images, reconstructions)
    return found


def _probe_metrics(
    train: np.ndarray, test: np.ndarray, splits: "Splits", absent: Absent
) -> dict[str, float]:
    """Probes of codes for labels, and how disentangled their factors are."""
    found: dict[str, float] = {}
    if "label" in splits.train:
        labels = splits.train["label"], splits.held_out["label"]
        given = train, labels[0][: len(train)], test, labels[1][: len(test)]
        found |= absent.unless(("probe",), lambda: [codes.linear_probe(*given)])
        found |= absent.unless(("knn",), lambda: [codes.knn_accuracy(*given)])
    if "factors" in splits.train:
        factors = splits.train["factors"][: len(train)], splits.held_out["factors"][: len(test)]
        given = train, factors[0], test, factors[1]
        # Of the training images, as captions say: histograms and votes need the grid of factors. On
        # a tenth of it, the 59 images of `shapes_binary`, codes all but perfect have a MIG of 0.56
        # for 0.94, and noise a score of 0.49 for 0.32.
        found["mig"] = disentanglement.mig(train, factors[0])
        names = ("dci_disentanglement", "dci_completeness", "dci_informativeness")
        found |= dict(zip(names, disentanglement.dci(*given), strict=True))
        found["factor_vae"] = disentanglement.factor_vae_score(train, factors[0])
        found["sap"] = disentanglement.sap(*given)
    return found


def pca_baseline(model: "GenerativeModel", splits: "Splits") -> dict[str, dict[str, float]]:
    """Principal components, as many as the model has code units: the linear autoencoder."""
    if not model.can("encode"):
        return {}
    from sklearn.decomposition import PCA

    train = flat(splits.unit(splits.train["image"][:MOST_SAMPLES]))
    images = splits.unit(splits.held_out["image"][:MOST_SAMPLES])
    units = int(model.encode(tf.constant(images[:1]))["mean"].shape[1])
    units = min(units, math.prod(images.shape[1:]), len(train))
    pca = PCA(units, random_state=0).fit(train)
    codes = pca.transform(flat(images))
    decoded = np.clip(pca.inverse_transform(codes), 0, 1).reshape(images.shape)
    return {
        f"PCA of {units}": _reconstruction_metrics(images, decoded)
        | _probe_metrics(pca.transform(train), codes, splits, Absent())
    }
