"""What images are compared in: features [N, D] of a network that no model under test has seen.

A distance between sets of images is one between features, and is worth as much as they are. Three
kinds, and a result says which:

- "classifier": the last hidden layer (64 units) of a small convolutional network that the
  evaluation trains on the training split, for the labels and, where the data have them, for all
  factors; scaled by one number so that the mean variance of a unit is 1 on the training images.
  The Frechet distance of these is the FDC (the field's FCD is that of ChemNet). It compares with
  no other data set, and only with results of the same weights: other seeds move it by some 5 %.
  Those for `digits` and `shapes_by_caption` come with the library. For other data one machine
  trains the same weights each time; another processor rounds otherwise, and the digest tells.
- "inception": the pooled features of the user's own file, by rights the Inception network of 2015
  that papers use; only with these is a Frechet distance called FID
  (`tfgen/metrics/inception.py`). That network has never seen 8x8 digits or sprites.
- "textures": for data without labels. Averages of what small random filters, always the same, see
  at three scales (`tfgen/metrics/textures.py`). They know no objects, but tell a blurred image, a
  blend of several and noise from an image; principal components of the pixels do not.

Points of the plane (`ring`, `grid`) are compared by their "coordinates", in standard deviations.
"""

import contextlib
import dataclasses
import hashlib
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tfgen import files, startup
from tfgen.errors import NotMeasurable, UserError
from tfgen.metrics import textures

if TYPE_CHECKING:
    import keras
    import tensorflow as tf


UNITS = 64
# Raised when the network or its training changes: then other weights are wanted.
RECIPE = 1
# Weights that come with the library, so that its own data are measured alike on every machine.
SHIPPED = Path(__file__).parent / "weights"
KINDS = ("auto", "classifier", "inception", "textures")


@dataclasses.dataclass(frozen=True)
class Features:
    """A fixed function from images to features.

    Args:
      kind: one of "classifier", "inception", "textures", "coordinates".
      distance: what the Frechet distance of these features is called.
      digest: a hash of all that the function depends on, its weights among it.
      features: images [N, H, W, C] in [0, 1] -> float64 [N, D].
      probabilities: images -> p(label | image), float64 [N, K]; None without a classifier.
      accuracy: of the classifier on held-out data, by name of the target; {} without.
      classifier: the network itself, see `network`; None without.
      scores: images -> (features [N, D], logits [N, K]) of "inception"; logits None without.
    """

    kind: str
    distance: str
    digest: str
    features: Callable[[np.ndarray], np.ndarray]
    probabilities: Callable[[np.ndarray], np.ndarray] | None = None
    accuracy: dict[str, float] = dataclasses.field(default_factory=dict)
    classifier: "keras.Model | None" = None
    scores: "Callable[[np.ndarray], tuple[np.ndarray, np.ndarray | None]] | None" = None


def choose(
    kind: str,
    train: Mapping[str, np.ndarray],
    held_out: Mapping[str, np.ndarray],
    levels: int,
    inception: tuple[str, str] | None = None,
) -> Features:
    """The features of that kind; "auto" takes the best that the data allow.

    Args:
      train, held_out: {"image": uint8 levels [N, H, W, C], and, if there are any, "label": [N],
        "factors": [N, F]}. The held-out images serve to state the classifier's accuracy alone.
      inception: (path of the weights, their SHA-256 or ""), for kind "inception".

    Raises: UserError for a classifier without labels, or bad weights.
    """
    if train["image"].shape[1:3] == (1, 1):
        scale = np.std(train["image"] / (levels - 1), axis=0).mean()
        return Features(
            "coordinates", "Frechet distance", f"{scale:.9f}", lambda points: _flat(points) / scale
        )
    if kind == "auto":
        kind = "classifier" if targets(train) else "textures"
    if kind == "inception":
        from tfgen.metrics.inception import load

        assert inception
        scores, digest = load(*inception)
        return Features("inception", "FID", digest, lambda images: scores(images)[0], scores=scores)
    if kind == "textures":
        return texture_features(train["image"], levels)
    if not targets(train):
        raise UserError(
            "the data have no labels to train the feature classifier on: choose "
            "`features=textures`, or `features=inception` with its weights."
        )
    return classifier_features(train, held_out, levels)


def _flat(images: np.ndarray) -> np.ndarray:
    return np.asarray(images, np.float64).reshape(len(images), -1)


def texture_features(images: np.ndarray, levels: int) -> Features:
    """Textures in the directions that vary most over training images, at uint8 levels [N, H, W, C].

    Each filter's average is taken in its own standard deviations, the 64 leading principal
    components of these are kept (fewer of less than 256 images), and one number scales them for
    their mean variance to be 1.

    Raises: NotMeasurable for images that are all alike, as a single one is.
    """
    from sklearn.decomposition import PCA

    shape = images.shape[1:]
    some = images[:10_000]
    raw = textures.responses(some / np.float32(levels - 1))
    mean, scale = raw.mean(axis=0), raw.std(axis=0)
    if not scale.any():
        raise NotMeasurable(
            f"the {len(some)} training images are all alike, and samples cannot be compared with "
            "them"
        )
    # A filter that hardly varies, at an edge that is always black, says little and not all.
    scale = scale + 1e-3 * scale.max()
    count = min(UNITS, max(1, len(raw) // 4), raw.shape[1])
    pca = PCA(count, svd_solver="covariance_eigh").fit((raw - mean) / scale)
    unit = np.sqrt(pca.explained_variance_.mean())
    return Features(
        "textures",
        "FTD",
        # The digest is of the inputs: unlike the fitted components they do not depend on rounding.
        _digest(some, *textures.filters(shape)),
        lambda images: pca.transform((textures.responses(images) - mean) / scale) / unit,
    )


# --- the classifier ------------------------------------------------------------------------------


def targets(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What a classifier of the data predicts, the label first: {name: int [N]}."""
    labels = {"label": arrays["label"]} if "label" in arrays else {}
    factors = np.transpose(arrays["factors"]) if "factors" in arrays else ()
    return labels | {f"factor {i}": column for i, column in enumerate(factors)}


def network(image_shape: Sequence[int], classes: Sequence[int], seed: int = 0) -> "keras.Model":
    """The classifier: [B, H, W, C] in [0, 1] -> [features [B, 64], logits [B, K] of each target].

    Strided convolutions halve the image to a side of at most 4; then one hidden layer.
    """
    import keras
    from keras import layers

    startup.set_up_keras()
    seeds = iter(range(1000 * seed, 1000 * seed + 1000))

    def init() -> "keras.initializers.Initializer":
        return keras.initializers.GlorotUniform(seed=next(seeds))

    image = layers.Input(image_shape)
    x = layers.Rescaling(2.0, -1.0)(image)
    x = layers.Conv2D(32, 3, 1, "same", activation="relu", kernel_initializer=init())(x)
    side = max(image_shape[:2])
    while side > 2:
        x = layers.Conv2D(64, 3, 2, "same", activation="relu", kernel_initializer=init())(x)
        side = -(-side // 2)
        if side <= 4 and max(image_shape[:2]) > 8:
            break
    x = layers.Flatten()(x)
    features = layers.Dense(UNITS, "relu", kernel_initializer=init())(x)
    logits = [layers.Dense(k, kernel_initializer=init())(features) for k in classes]
    return keras.Model(image, [features, *logits])


def train_network(
    images: np.ndarray,
    targets: Mapping[str, np.ndarray],
    seed: int = 0,
    steps: int | None = None,
    batch: int = 64,
) -> "keras.Model":
    """The network trained on images [N, H, W, C] in [0, 1] for targets {name: int [N]}.

    Adam, cross entropy, a linear decay of the learning rate; images are shifted by up to an eighth
    of their side, but not where there are factors, of which position may be one. Weights, order and
    shifts are functions of the seed.
    """
    import keras
    import tensorflow as tf

    from tfgen.compiling import compiled

    n, h, w, _ = images.shape
    classes = [int(t.max()) + 1 for t in targets.values()]
    steps = steps or int(np.clip(20 * n / batch, 600, 2000))
    model = network(images.shape[1:], classes, seed)
    optimizer = keras.optimizers.Adam(
        keras.optimizers.schedules.PolynomialDecay(2e-3, steps, end_learning_rate=1e-5)
    )
    optimizer.build(model.trainable_variables)
    random = np.random.default_rng(seed)
    labels = np.stack(list(targets.values()), axis=1).astype(np.int32)
    reach = (h // 8, w // 8) if set(targets) == {"label"} else (0, 0)

    @compiled
    def step(x: "tf.Tensor", y: "tf.Tensor") -> None:
        with tf.GradientTape() as tape:
            _, *logits = model(x, training=True)
            losses = [
                tf.nn.sparse_softmax_cross_entropy_with_logits(y[:, i], one)
                for i, one in enumerate(logits)
            ]
            loss = tf.reduce_mean(tf.add_n(losses))
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)

    order = np.empty(0, np.int64)
    for _ in range(steps):
        if len(order) < batch:
            order = np.concatenate([order, random.permutation(n)])
        rows, order = order[:batch], order[batch:]
        down, right = (int(random.integers(-r, r + 1)) for r in reach)
        x = _shifted(images[rows], down, right)
        step(tf.constant(x, tf.float32), tf.constant(labels[rows]))
    return model


def _shifted(images: np.ndarray, down: int, right: int) -> np.ndarray:
    """Images moved by whole pixels; their edges are repeated."""
    h, w = images.shape[1:3]
    rows = np.clip(np.arange(h) - down, 0, h - 1)
    columns = np.clip(np.arange(w) - right, 0, w - 1)
    return images[:, rows][:, :, columns]


def accuracies(
    model: "keras.Model", images: np.ndarray, targets: Mapping[str, np.ndarray]
) -> dict[str, float]:
    """Of each target: {name: share right}."""
    _, *logits = predictions(model, images)
    return {
        name: float(np.mean(out.argmax(axis=1) == target))
        for (name, target), out in zip(targets.items(), logits, strict=True)
    }


def predictions(model: "keras.Model", images: np.ndarray, batch: int = 512) -> list[np.ndarray]:
    """Features and logits of images [N, H, W, C] in [0, 1], in batches of one shape."""
    import tensorflow as tf

    from tfgen.compiling import compiled

    call = getattr(model, "_compiled", None)
    if call is None:
        call = model._compiled = compiled(lambda x: model(x, training=False))
    images = np.asarray(images, np.float32)
    parts = []
    for start in range(0, len(images), batch):
        block = images[start : start + batch]
        short = batch - len(block)
        padded = np.concatenate([block, np.zeros((short, *block.shape[1:]), np.float32)])
        parts.append([out.numpy()[: len(block)] for out in call(tf.constant(padded))])
    return [np.concatenate(column).astype(np.float64) for column in zip(*parts, strict=True)]


def classifier_features(
    train: Mapping[str, np.ndarray], held_out: Mapping[str, np.ndarray] | None, levels: int
) -> Features:
    """The classifier of the data, from the cache or trained now; held_out may be None."""
    wanted = targets(train)
    images = train["image"] / np.float32(levels - 1)
    data = _digest(train["image"], *wanted.values())
    name = f"features-{data[:16]}-{RECIPE}.npz"
    path = files.cache() / name
    model = network(images.shape[1:], [int(t.max()) + 1 for t in wanted.values()])
    if not _restore(model, SHIPPED / name) and not _restore(model, path):
        model = train_network(images, wanted)
        # A home that cannot be written to costs time, not the result.
        with contextlib.suppress(OSError), files.atomic(path) as temporary:
            np.savez(temporary, *model.get_weights())
    accuracy = {}
    if held_out is not None:
        accuracy = accuracies(model, held_out["image"] / np.float32(levels - 1), targets(held_out))
    scale = np.sqrt(np.var(predictions(model, images[:10_000])[0], axis=0).mean())

    def probabilities(images: np.ndarray) -> np.ndarray:
        logits = predictions(model, images)[1]
        p = np.exp(logits - logits.max(axis=1, keepdims=True))
        return p / p.sum(axis=1, keepdims=True)

    return Features(
        "classifier",
        "FDC",
        _digest(*model.get_weights()),
        lambda images: predictions(model, images)[0] / scale,
        probabilities if "label" in wanted else None,
        accuracy,
        model,
    )


def _restore(model: "keras.Model", path: Path) -> bool:
    """Whether the file held the weights of the model. A broken one counts as none."""
    if not path.exists():
        return False
    try:
        with np.load(path) as file:
            model.set_weights([file[name] for name in file.files])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return False
    return True


def _digest(*arrays: np.ndarray) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(json.dumps([str(array.dtype), list(array.shape)]).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
