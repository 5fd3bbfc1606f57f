"""Every metric that applies to a trained model, under one protocol, beside floors and baselines.

    result = evaluation.evaluate(model, splits, protocol, features, progress)

What applies is asked of the model (`can`) and of the data (labels, factors, points), and nowhere
listed by name. `result` is what `metrics.json` holds:

    protocol      all that a number depends on besides the model; see `Protocol`
    results       {metric: number} of the model; `tfgen.metrics.catalogue` says what each is
    floor         the same for real images against real ones: what a perfect generator would get
    baselines     the same for each trivial generator, {name: {metric: number}}
    details       numbers that are no single number: class shares, KL of each unit, ...
    diagnosis     what looks wrong and what to try
    not_measured  {metric: why not}, where the model would allow it and the data do not
"""

import dataclasses
import hashlib
import math
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfgen import data, metrics
from tfgen.data.points import MIXTURES
from tfgen.errors import UserError
from tfgen.metrics import (
    baselines,
    classes,
    codes,
    disentanglement,
    distances,
    likelihood,
    neighbours,
    reconstruction,
)
from tfgen.metrics import features as feature_networks
from tfgen.metrics.diagnosis import diagnose
from tfgen.metrics.modes import modes

# Training noise and pictures use small seeds; samples that are measured are others.
FIRST_SEED = 1_000_000
MOST_SAMPLES = 10_000
NEIGHBOURS = {"precision_recall": 3, "density_coverage": 5}
BATCH = 250


@dataclasses.dataclass(frozen=True)
class Protocol:
    """All that a number depends on besides the model.

    Args:
      data, size, train, split: the data set, its crop, the split that models, features and
        baselines are fitted to, and the split that they are measured on.
      n: how many samples are drawn, and how many real images they are compared with.
      seed: of the samples (they are the seeds from here on), subsets and baselines.
      k: importance samples of the likelihood's bound.
      features, features_hash: what images are compared in.
      code: a hash of the metrics' own code.
    """

    data: str
    size: int
    train: str
    split: str
    n: int
    seed: int
    k: int
    features: str
    features_hash: str
    code: str


def code_hash():
    """Of the sources of `tfgen.metrics` and of this file: what defines the numbers."""
    files = [*sorted(Path(metrics.__file__).parent.glob("*.py")), Path(__file__)]
    # How numbers are named and commented on does not change them.
    files = [f for f in files if f.name not in ("catalogue.py", "diagnosis.py")]
    return hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()[:16]


def check_same(one, other, names=("the first", "the second")):
    """Refuses to compare numbers of different protocols.

    Raises: UserError that names every difference.
    """
    different = [
        f"  {key}: {one.get(key)!r} in {names[0]}, {other.get(key)!r} in {names[1]}"
        for key in sorted({*one, *other})
        if one.get(key) != other.get(key)
    ]
    if different:
        raise UserError(
            "these results cannot be compared, their protocols differ:\n" + "\n".join(different)
        )


@dataclasses.dataclass(frozen=True)
class Splits:
    """The images that a run was trained on, and those that it is measured on, as arrays."""

    about: data.ImageData  # of the training split: levels, classes, names of factors
    train: dict
    held_out: dict

    @classmethod
    def load(cls, source, train, split):
        """Raises: UserError if the two splits share images."""
        extra = ("factors",)
        training, held_out = source.load(train, extra), source.load(split, extra)
        if training.overlaps(held_out):
            raise UserError(
                f"the split {split!r} shares images with {train!r}, which the model was trained "
                "on: choose another --split."
            )
        return cls(training, data.arrays(training), data.arrays(held_out))

    def unit(self, levels):
        """Integer levels -> float32 in [0, 1]."""
        return levels.astype(np.float32) / np.float32(self.about.levels - 1)

    def quantised(self, images):
        """Images in [0, 1] at the data's own levels, as a file of them would hold."""
        return self.unit(np.round(np.clip(images, 0, 1) * (self.about.levels - 1)))


def evaluate(model, splits, protocol, features, progress):
    """All of it.

    Args:
      model: a trained `GenerativeModel`.
      splits: `Splits`; protocol: `Protocol`; features: `tfgen.metrics.features.Features`.
      progress: called with (what is being done, share of the whole in [0, 1]).

    Raises: UserError for too few images for a metric, with the number that it needs.
    """
    results, details, absent = {}, {}, {}
    if model.can("log_prob"):
        progress("likelihood", 0.0)
        results |= likelihoods(model, splits, protocol, progress)
    floor, trivial = {}, {}
    if model.can("sample"):
        progress("samples", 0.6)
        comparison = Comparison(splits, protocol, features)
        images, labels = draw(model, splits, protocol)
        results |= comparison.measure(images)
        details |= comparison.details(images)
        if labels is not None and features.probabilities:
            progress("classification accuracy score", 0.65)
            results |= conditional(images, labels, splits, features)
        progress("floor and baselines", 0.7)
        floor = comparison.floor()
        trivial = comparison.baselines()
        absent |= comparison.not_measured
    if model.can("encode") or model.can("reconstruct"):
        progress("codes", 0.85)
        found, more = code_metrics(model, splits)
        results, details = results | found, details | more
        trivial |= pca_baseline(model, splits)
    progress("diagnosis", 0.95)
    details["terms"] = {
        name: mean_terms(model, arrays, most=2000)
        for name, arrays in (("train", splits.train), ("held-out", splits.held_out))
    }
    findings = diagnose(results, details, floor, trivial)
    progress("done", 1.0)
    return {
        "protocol": dataclasses.asdict(protocol),
        "results": results,
        "floor": floor,
        "baselines": trivial,
        "details": details,
        "diagnosis": [dataclasses.asdict(finding) for finding in findings],
        "not_measured": absent,
    }


def mean_terms(model, arrays, most=None):
    """The means of `test_step`'s terms over images: {term: number}."""
    step = tf.function(model.test_step, reduce_retracing=True)
    sums, count = {}, 0
    kept = {key: arrays[key][:most] for key in ("image", "label") if key in arrays}
    for start in range(0, len(kept["image"]), BATCH):
        batch = {key: tf.constant(value[start : start + BATCH]) for key, value in kept.items()}
        rows = len(batch["image"])
        for name, value in step(batch).items():
            sums[name] = sums.get(name, 0.0) + rows * float(value)
        count += rows
    return {name: total / count for name, total in sums.items()}


# --- likelihood ----------------------------------------------------------------------------------


def likelihoods(model, splits, protocol, progress):
    """NLL, bound and bits/dim, over all held-out images."""
    images = splits.unit(splits.held_out["image"])
    bounded = model.can("elbo")
    log_p, elbo = [], []
    batch = min(BATCH, 64 if bounded else BATCH)
    for start in range(0, len(images), batch):
        block = images[start : start + batch]
        # One shape of batch, one trace.
        x = tf.constant(np.concatenate([block, block[:1].repeat(batch - len(block), axis=0)]))
        if bounded:
            log_p.append(model.log_prob(x, samples=protocol.k).numpy()[: len(block)])
            elbo.append(model.elbo(x, samples=min(protocol.k, 200)).numpy()[: len(block)])
        else:
            log_p.append(model.log_prob(x).numpy()[: len(block)])
        progress("likelihood", 0.6 * (start + len(block)) / len(images))
    nll = -np.concatenate(log_p).astype(np.float64)
    found = {
        "nll": float(nll.mean()),
        "nll_error": likelihood.standard_error(nll),
        "nll_kind": f"upper bound, k = {protocol.k}" if bounded else _kind(model.density),
        "bits_per_dim": likelihood.bits_per_dim(float(nll.mean()), model.image_shape),
    }
    if bounded:
        found["neg_elbo"] = float(-np.concatenate(elbo).astype(np.float64).mean())
    return found


def _kind(density):
    """What an NLL of a model of this density is. A bound on p bounds the NLL from above."""
    return {"exact": "exact", "lower bound": "upper bound"}.get(density, density)


# --- samples -------------------------------------------------------------------------------------


def draw(model, splits, protocol):
    """n samples at the data's levels, and the labels they were asked for (None without)."""
    seeds = np.arange(protocol.seed, protocol.seed + protocol.n, dtype=np.int32)
    labels = np.arange(protocol.n, dtype=np.int32) % model.num_classes if model.num_classes else None
    sample = tf.function(model.sample, reduce_retracing=True)
    images = []
    for start in range(0, protocol.n, BATCH):
        rows = slice(start, start + BATCH)
        label = None if labels is None else tf.constant(labels[rows])
        images.append(sample(tf.constant(seeds[rows]), label).numpy())
    return splits.quantised(np.concatenate(images)), labels


class Comparison:
    """Measures sets of samples, [n, H, W, C] in [0, 1], against n held-out images."""

    def __init__(self, splits, protocol, features):
        self.splits, self.protocol, self.features = splits, protocol, features
        self.random = np.random.default_rng(protocol.seed)
        n = protocol.n
        rows = self.random.permutation(len(splits.held_out["image"]))[:n]
        if len(rows) < n:
            raise UserError(
                f"{n} samples are asked for, but the split {protocol.split!r} has {len(rows)} "
                f"images to compare them with: --n={len(rows)} or fewer."
            )
        self.real = splits.unit(splits.held_out["image"][rows])
        self.training = splits.unit(splits.train["image"][:MOST_SAMPLES])
        self.real_features = features.features(self.real)
        self.not_measured = {}
        if features.probabilities is None:
            why = "these features have no classifier of labels"
            self.not_measured = dict.fromkeys(("score", "class_entropy", "rarest_class"), why)

    def measure(self, images, real_features=None, copies=True):
        """{metric: number} of a set of samples."""
        real = self.real_features if real_features is None else real_features
        fake = self.features.features(images)
        found = {"frechet": distances.frechet(real, fake)}
        kid = distances.kernel(real, fake, seed=self.protocol.seed)
        found["kid"], found["kid_spread"] = (1000 * value for value in kid)
        found["precision"], found["recall"] = neighbours.precision_recall(
            real, fake, NEIGHBOURS["precision_recall"]
        )
        found["density"], found["coverage"] = neighbours.density_coverage(
            real, fake, NEIGHBOURS["density_coverage"]
        )
        found["two_sample"] = neighbours.two_sample_accuracy(real, fake)[0]
        if self.features.probabilities:
            p = self.features.probabilities(images)
            shares = classes.shares(p.argmax(axis=1), p.shape[1])
            found["score"] = classes.classifier_score(p)
            found["class_entropy"] = classes.entropy(shares)
            found["rarest_class"] = float(shares.min())
        if copies:
            found["copy_ratio"], found["copies"] = neighbours.memorisation(
                _rows(images), _rows(self.training), _rows(self.real)
            )
        if self.splits.about.name in MIXTURES:
            mixture = MIXTURES[self.splits.about.name]
            points = mixture.to_points(images)
            names = ("modes", "high_quality", "reverse_kl")
            found |= dict(zip(names, modes(points, mixture.means, mixture.sigma), strict=True))
        return found

    def details(self, images):
        found = {}
        if self.features.probabilities:
            names = self.splits.about.classes
            p, real = self.features.probabilities(images), self.features.probabilities(self.real)
            found["classes"] = list(names)
            found["class_shares"] = classes.shares(p.argmax(axis=1), len(names)).tolist()
            found["real_shares"] = classes.shares(real.argmax(axis=1), len(names)).tolist()
        if self.splits.about.name in MIXTURES:
            found["modes"] = len(MIXTURES[self.splits.about.name].means)
        return found

    def floor(self):
        """Two disjoint draws of n training images against each other: real against real.

        Where there are fewer than 2n, the draws are of half of them; `n` says how many.
        """
        images = self.splits.unit(self.splits.train["image"])
        n = min(self.protocol.n, len(images) // 2)
        rows = self.random.permutation(len(images))
        one, other = images[rows[:n]], images[rows[n : 2 * n]]
        return {"n": n, **self.measure(one, self.features.features(other), copies=False)}

    def baselines(self):
        """{name: {metric: number}}, each fitted to the training images."""
        train, held_out = self.splits.train, self.splits.held_out["image"]
        fitted = baselines.fit_all(
            train["image"], self.splits.about.levels, train.get("label"), self.protocol.seed
        )
        found = {}
        for name, baseline in fitted.items():
            images = self.splits.unit(baseline.sample(self.protocol.n, self.random))
            found[name] = self.measure(images)
            if hasattr(baseline, "log_prob"):
                nll = float(-baseline.log_prob(held_out).mean())
                found[name] |= {
                    "nll": nll,
                    "bits_per_dim": likelihood.bits_per_dim(nll, held_out.shape[1:]),
                }
        return found


def _rows(images):
    return images.reshape(len(images), -1)


def conditional(images, labels, splits, features):
    """Whether samples show their labels, and what a classifier learns from samples alone.

    Ravuri and Vinyals 2019 (CAS); Shmelkov et al. 2018 call the two GAN-test and GAN-train.
    """
    judge = feature_networks.train_network(images, {"label": labels})
    real = splits.unit(splits.held_out["image"])
    right = feature_networks.accuracies(judge, real, {"label": splits.held_out["label"]})
    shown = features.probabilities(images).argmax(axis=1)
    return {"label_accuracy": float(np.mean(shown == labels)), "cas": right["label"]}


# --- codes ---------------------------------------------------------------------------------------


def code_metrics(model, splits):
    """({metric: number}, details) of what codes keep of the images."""
    images = splits.unit(splits.held_out["image"][:MOST_SAMPLES])
    found, details = {}, {}
    if model.can("reconstruct"):
        found |= _fidelity(images, _in_batches(model.reconstruct, images))
    if model.can("encode"):
        encoded = _encode(model, images)
        train = _encode(model, splits.unit(splits.train["image"][:MOST_SAMPLES]))
        found |= _knowledge(train["mean"], encoded["mean"], splits)
        found["active_units"] = int(likelihood.active_units(encoded["mean"]).sum())
        if "log_var" in encoded:
            units = likelihood.kl_per_unit(encoded["mean"], encoded["log_var"])
            found["kl"], details["kl_per_unit"] = float(units.sum()), units.tolist()
    return found, details


def _encode(model, images):
    """Codes by name, each [N, Z]."""
    keys = list(model.encode(tf.constant(images[:1])))
    parts = _in_batches(lambda x: tf.stack([model.encode(x)[key] for key in keys], axis=1), images)
    return {key: parts[:, i] for i, key in enumerate(keys)}


def _in_batches(function, images):
    call = tf.function(function, reduce_retracing=True)
    return np.concatenate(
        [call(tf.constant(images[i : i + BATCH])).numpy() for i in range(0, len(images), BATCH)]
    )


def _fidelity(images, reconstructions):
    found = {
        "mse": reconstruction.mse(images, reconstructions),
        "psnr": reconstruction.psnr(images, reconstructions),
    }
    if min(images.shape[1:3]) >= 3:
        found["ssim"] = reconstruction.ssim(images, reconstructions)
    return found


def _knowledge(train, test, splits):
    """What codes know of labels and factors."""
    found = {}
    labels = [s.get("label") for s in (splits.train, splits.held_out)]
    if labels[0] is not None:
        given = train, labels[0][: len(train)], test, labels[1][: len(test)]
        found["probe"] = codes.linear_probe(*given)
        found["knn"] = codes.knn_accuracy(*given)
    if "factors" in splits.train:
        factors = splits.train["factors"][: len(train)], splits.held_out["factors"][: len(test)]
        given = train, factors[0], test, factors[1]
        found["mig"] = disentanglement.mig(train, factors[0])
        names = ("dci_disentanglement", "dci_completeness", "dci_informativeness")
        found |= dict(zip(names, disentanglement.dci(*given), strict=True))
        found["factor_vae"] = disentanglement.factor_vae_score(train, factors[0])
        found["sap"] = disentanglement.sap(*given)
    return found


def pca_baseline(model, splits):
    """Principal components, as many as the model has code units: the linear autoencoder."""
    if not model.can("encode"):
        return {}
    from sklearn.decomposition import PCA

    train = _rows(splits.unit(splits.train["image"][:MOST_SAMPLES]))
    images = splits.unit(splits.held_out["image"][:MOST_SAMPLES])
    units = int(model.encode(tf.constant(images[:1]))["mean"].shape[1])
    units = min(units, math.prod(images.shape[1:]), len(train))
    pca = PCA(units, random_state=0).fit(train)
    codes = pca.transform(_rows(images))
    decoded = np.clip(pca.inverse_transform(codes), 0, 1).reshape(images.shape)
    return {
        f"PCA of {units}": _fidelity(images, decoded)
        | _knowledge(pca.transform(train), codes, splits)
    }
