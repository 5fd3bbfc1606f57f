"""Trivial generators: what a model has to beat before its numbers mean anything.

Each is fitted to training images, uint8 levels [N, H, W, C], gives samples of the same form, and,
where it is a distribution over levels, `log_prob` in nats per image [N].

| baseline | what it keeps of the data |
|---|---|
| memoriser | the training images themselves: perfect on most metrics of samples, and worthless |
| independent pixels | the histogram of each pixel |
| class pixels | the same within each class |
| Gaussian | mean and full covariance of the pixels |
| mixture | of 10 Gaussians; of 20 Bernoullis for two levels |
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

# Beyond this many, training images add little to a baseline and much to its cost.
MOST_IMAGES = 10_000


def fit_all(
    images: np.ndarray, levels: int, labels: np.ndarray | None = None, seed: int = 0
) -> dict[str, Any]:
    """{name: baseline}; without labels there is none by class, nor any of this on single points."""
    random = np.random.default_rng(seed)
    if len(images) > MOST_IMAGES:
        rows = random.choice(len(images), MOST_IMAGES, replace=False)
        images, labels = images[rows], None if labels is None else labels[rows]
    found = {
        "memoriser": Memoriser(images),
        "independent pixels": IndependentPixels(images, levels),
    }
    if labels is not None and levels <= 256:
        found["class pixels"] = ClassPixels(images, levels, labels)
    found["Gaussian"] = Gaussian(images, levels)
    found["mixture"] = BernoulliMixture(images) if levels == 2 else GaussianMixture(images, levels)
    return found


class Memoriser:
    """Draws training images, each once as long as they last."""

    def __init__(self, images: np.ndarray) -> None:
        self.images = images

    def sample(self, n: int, random: np.random.Generator) -> np.ndarray:
        rounds = -(-n // len(self.images))
        order = np.concatenate([random.permutation(len(self.images)) for _ in range(rounds)])
        return self.images[order[:n]]


class IndependentPixels:
    """A categorical for each pixel, counted, with 0.1 added to each count."""

    def __init__(self, images: np.ndarray, levels: int, pseudo: float = 0.1) -> None:
        self.shape = images.shape[1:]
        self.levels = levels
        flat = images.reshape(len(images), -1)
        counts = np.stack([np.bincount(x, minlength=levels) for x in flat.T]) + pseudo
        self.log_p = np.log(counts / counts.sum(axis=1, keepdims=True))

    def log_prob(self, images: np.ndarray) -> np.ndarray:
        flat = images.reshape(len(images), -1)
        return sum(self.log_p[i, flat[:, i]] for i in range(flat.shape[1]))

    def sample(self, n: int, random: np.random.Generator) -> np.ndarray:
        cumulative = np.cumsum(np.exp(self.log_p), axis=1)[:, :-1]
        columns = [np.searchsorted(edges, random.random(n), side="right") for edges in cumulative]
        return np.stack(columns, axis=1).reshape(n, *self.shape)


class ClassPixels:
    """A mixture over the classes, of independent pixels within each."""

    def __init__(self, images: np.ndarray, levels: int, labels: np.ndarray) -> None:
        classes, counts = np.unique(labels, return_counts=True)
        self.weights = counts / len(labels)
        self.parts = [IndependentPixels(images[labels == c], levels) for c in classes]

    def log_prob(self, images: np.ndarray) -> np.ndarray:
        terms = [
            np.log(w) + part.log_prob(images)
            for w, part in zip(self.weights, self.parts, strict=True)
        ]
        return np.logaddexp.reduce(terms, axis=0)

    def sample(self, n: int, random: np.random.Generator) -> np.ndarray:
        counts = random.multinomial(n, self.weights)
        return np.concatenate(
            [part.sample(c, random) for c, part in zip(counts, self.parts, strict=True)]
        )


def to_levels(x: np.ndarray, levels: int, shape: Sequence[int]) -> np.ndarray:
    """Real-valued levels [N, D] -> the nearest levels there are, [N, *shape]."""
    return np.clip(np.round(x), 0, levels - 1).astype(np.int64).reshape(len(x), *shape)


class Gaussian:
    """Mean and full covariance of the pixels, rounded to levels."""

    def __init__(self, images: np.ndarray, levels: int) -> None:
        self.shape, self.levels = images.shape[1:], levels
        flat = images.reshape(len(images), -1).astype(np.float64)
        self.mean = flat.mean(axis=0)
        self.centred = flat - self.mean

    def sample(self, n: int, random: np.random.Generator) -> np.ndarray:
        # X' eps / sqrt(N) has the covariance X' X / N: no D x D matrix is needed.
        eps = random.normal(size=(n, len(self.centred)))
        x = self.mean + eps @ self.centred / math.sqrt(len(self.centred))
        return to_levels(x, self.levels, self.shape)


class GaussianMixture:
    """Full covariances; of the 64 leading principal components where there are more pixels."""

    def __init__(self, images: np.ndarray, levels: int, components: int = 10) -> None:
        from sklearn.decomposition import PCA
        from sklearn.mixture import GaussianMixture

        self.shape, self.levels = images.shape[1:], levels
        flat = images.reshape(len(images), -1).astype(np.float64)
        self.pca = PCA(min(64, *flat.shape), random_state=0).fit(flat)
        codes = self.pca.transform(flat)
        scale = codes.var(axis=0).mean()
        self.mixture = GaussianMixture(
            min(components, len(np.unique(codes, axis=0))), reg_covar=1e-3 * scale, random_state=0
        ).fit(codes)

    def sample(self, n: int, random: np.random.Generator) -> np.ndarray:
        self.mixture.random_state = int(random.integers(2**31))
        codes, _ = self.mixture.sample(n)
        return to_levels(self.pca.inverse_transform(codes), self.levels, self.shape)


class BernoulliMixture:
    """For two levels, by expectation maximisation."""

    def __init__(
        self, images: np.ndarray, components: int = 20, rounds: int = 100, pseudo: float = 0.1
    ) -> None:
        self.shape = images.shape[1:]
        x = images.reshape(len(images), -1).astype(np.float64)
        r = np.random.default_rng(0).dirichlet(np.ones(components), len(x))
        for _ in range(rounds):
            self.weights = (r.sum(axis=0) + 1e-9) / len(x)
            self.p = (r.T @ x + pseudo) / (r.sum(axis=0)[:, None] + 2 * pseudo)
            terms = self._terms(x)
            r = np.exp(terms - np.logaddexp.reduce(terms, axis=1, keepdims=True))

    def _terms(self, x: np.ndarray) -> np.ndarray:
        """log weight + log p(x | component): [N, K]."""
        return np.log(self.weights) + x @ np.log(self.p).T + (1 - x) @ np.log1p(-self.p).T

    def log_prob(self, images: np.ndarray) -> np.ndarray:
        x = images.reshape(len(images), -1).astype(np.float64)
        return np.logaddexp.reduce(self._terms(x), axis=1)

    def sample(self, n: int, random: np.random.Generator) -> np.ndarray:
        which = random.choice(len(self.weights), n, p=self.weights / self.weights.sum())
        return (
            (random.random((n, self.p.shape[1])) < self.p[which])
            .astype(int)
            .reshape(n, *self.shape)
        )
