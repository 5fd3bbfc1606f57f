"""The game of a GAN: pairs of losses, penalties on D's gradient, and what stabilises it.

Any pair goes with any penalty. D's outputs are logits, or scores, [B]; losses are of each row [B].
What D descends on, and G:

    minimax         -log D(x) - log(1 - D(G(z)));  log(1 - D(G(z)))
                    Goodfellow et al. 2014, equation 1
    non_saturating  the same;  -log D(G(z))
                    Goodfellow et al. 2014, section 3
    least_squares   (D(x) - 1)^2 / 2 + D(G(z))^2 / 2;  (D(G(z)) - 1)^2 / 2
                    Mao et al. 2017, equation 9
    wasserstein     D(G(z)) - D(x);  -D(G(z))
                    Arjovsky et al. 2017, equation 2
    hinge           max(0, 1 - D(x)) + max(0, 1 + D(G(z)));  -D(G(z))
                    Miyato et al. 2018, equations 16 and 17

What D pays for its gradient, with x and G(z) as D sees them, augmented and noisy:

    gradient        (||grad D(x_hat)|| - 1)^2,  x_hat = e x + (1 - e) G(z)
                    Gulrajani et al. 2017, equation 3
    dragan          (||grad D(x + delta)|| - 1)^2
                    Kodali et al. 2017, section 2.3
    r1              ||grad D(x)||^2 / 2
                    Mescheder et al. 2018, equation 9
"""

from collections.abc import Callable, Iterable, Mapping

import tensorflow as tf

from tfgen import random, replicas
from tfgen.errors import UserError
from tfgen.objectives.likelihoods import softplus


def minimax_d(real: tf.Tensor, fake: tf.Tensor, target: float = 1.0) -> tf.Tensor:
    # softplus(-l) = -log D and softplus(l) = -log(1 - D) of a logit l.
    of_real = target * softplus(-real) + (1.0 - target) * softplus(real)
    return of_real + softplus(fake)


def minimax_g(fake: tf.Tensor) -> tf.Tensor:
    return -softplus(fake)


def non_saturating_g(fake: tf.Tensor) -> tf.Tensor:
    return softplus(-fake)


def least_squares_d(real: tf.Tensor, fake: tf.Tensor, target: float = 1.0) -> tf.Tensor:
    return 0.5 * tf.square(real - target) + 0.5 * tf.square(fake)


def least_squares_g(fake: tf.Tensor) -> tf.Tensor:
    return 0.5 * tf.square(fake - 1.0)


def wasserstein_d(real: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
    return fake - real


def wasserstein_g(fake: tf.Tensor) -> tf.Tensor:
    return -fake


def hinge_d(real: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
    return tf.nn.relu(1.0 - real) + tf.nn.relu(1.0 + fake)


# What D and what G descend on, by name.
OBJECTIVES: dict[str, tuple[Callable[..., tf.Tensor], Callable[..., tf.Tensor]]] = {
    "minimax": (minimax_d, minimax_g),
    "non_saturating": (minimax_d, non_saturating_g),
    "least_squares": (least_squares_d, least_squares_g),
    "wasserstein": (wasserstein_d, wasserstein_g),
    "hinge": (hinge_d, wasserstein_g),
}
# Those whose D aims at a number for real images, which one-sided smoothing lowers.
WITH_TARGET = ("minimax", "non_saturating", "least_squares")
PENALTIES = ("none", "gradient", "dragan", "r1")


def norm_of_gradient(D: Callable[[tf.Tensor], tf.Tensor], x: tf.Tensor) -> tf.Tensor:
    """||grad_x D(x)|| of each row: images [B, H, W, C] -> [B].

    The root is safe at 0, where its own gradient would be infinite; the norm is of each image, not
    of the batch.
    """
    return tf.sqrt(squared_norm_of_gradient(D, x) + 1e-12)


def squared_norm_of_gradient(D: Callable[[tf.Tensor], tf.Tensor], x: tf.Tensor) -> tf.Tensor:
    with tf.GradientTape() as tape:
        tape.watch(x)
        score = D(x)
    gradient = tf.cast(tape.gradient(score, x), tf.float32)
    return tf.reduce_sum(tf.square(gradient), axis=[1, 2, 3])


def gradient_penalty(
    D: Callable[[tf.Tensor], tf.Tensor], x: tf.Tensor, fake: tf.Tensor, seeds: tf.Tensor
) -> tf.Tensor:
    """On straight lines between real and generated images, e uniform in (0, 1) for each line."""
    e = random.uniform(seeds, [1, 1, 1], "gradient penalty")
    return tf.square(norm_of_gradient(D, e * x + (1.0 - e) * fake) - 1.0)


def dragan_penalty(
    D: Callable[[tf.Tensor], tf.Tensor], x: tf.Tensor, fake: tf.Tensor, seeds: tf.Tensor
) -> tf.Tensor:
    """Around real images: delta is uniform up to half of the images' standard deviation, on a
    random part of the way there, as in the authors' code."""
    everywhere = replicas.all_rows(x)
    delta = 0.5 * tf.math.reduce_std(everywhere) * random.uniform(seeds, x.shape[1:], "delta")
    part = random.uniform(seeds, [1, 1, 1], "part of delta")
    return tf.square(norm_of_gradient(D, x + part * delta) - 1.0)


def r1_penalty(
    D: Callable[[tf.Tensor], tf.Tensor], x: tf.Tensor, fake: tf.Tensor, seeds: tf.Tensor
) -> tf.Tensor:
    """At real images."""
    return 0.5 * squared_norm_of_gradient(D, x)


def penalty(
    name: str, D: Callable[[tf.Tensor], tf.Tensor], x: tf.Tensor, fake: tf.Tensor, seeds: tf.Tensor
) -> tf.Tensor:
    """The penalty `name`: D a function of images [B, H, W, C] -> [B]; -> [B]."""
    kinds = {"gradient": gradient_penalty, "dragan": dragan_penalty, "r1": r1_penalty}
    return kinds[name](D, x, fake, seeds)


def check_target(objective: str, smoothing: float) -> None:
    """Raises: UserError where labels are smoothed that the objective has not."""
    if smoothing and objective not in WITH_TARGET:
        raise UserError(
            f"label smoothing lowers the target of real images, which {objective!r} has not: set "
            f"`model.smoothing=0`, or `model.objective` to {', '.join(WITH_TARGET)}."
        )


# --- differentiable augmentation ---------------------------------------------------------------

AUGMENTATIONS = ("color", "translation", "cutout")


def augmented(x: tf.Tensor, names: Iterable[str], seeds: tf.Tensor, stream: str) -> tf.Tensor:
    """Images as D sees them, real and generated alike: [B, H, W, C] -> [B, H, W, C].

    Zhao et al. 2020 (https://arxiv.org/abs/2006.10738), algorithm 1: what augments real images
    alone is learned by G; what augments both, with gradients through it, is not.

    Args:
      names: of AUGMENTATIONS, in the order in which they are done.
      seeds: int32 [B]; stream: other draws for another stream.
    """
    changes = {"color": _color, "translation": _translation, "cutout": _cutout}
    for name in names:
        x = changes[name](x, seeds, f"{stream} {name}")
    return x


def _color(x: tf.Tensor, seeds: tf.Tensor, stream: str) -> tf.Tensor:
    """Brightness by up to 1/2, saturation 0 to 2 and contrast 1/2 to 3/2 times."""
    u = random.uniform(seeds, [3, 1, 1, 1], stream)
    x = x + u[:, 0] - 0.5
    grey = tf.reduce_mean(x, axis=-1, keepdims=True)
    x = grey + (x - grey) * 2.0 * u[:, 1]
    mean = tf.reduce_mean(x, axis=[1, 2, 3], keepdims=True)
    return mean + (x - mean) * (u[:, 2] + 0.5)


def _translation(x: tf.Tensor, seeds: tf.Tensor, stream: str) -> tf.Tensor:
    """By up to an eighth of height and width; what comes in is the middle of the range, 0."""
    _, h, w, _ = x.shape
    u = random.uniform(seeds, [2], stream)
    for axis, size in ((1, h), (2, w)):
        most = max(1, round(size / 8))
        shift = tf.cast(tf.floor(u[:, axis - 1] * (2 * most + 1)), tf.int32)
        edge = [[0, 0]] * axis + [[most, most]] + [[0, 0]] * (3 - axis)
        index = tf.range(size)[None, :] + shift[:, None]
        x = tf.gather(tf.pad(x, edge), index, axis=axis, batch_dims=1)
    return x


def _cutout(x: tf.Tensor, seeds: tf.Tensor, stream: str) -> tf.Tensor:
    """A square of half the height and width, wherever its middle falls, becomes 0."""
    _, h, w, _ = x.shape
    u = random.uniform(seeds, [2, 1, 1], stream)
    rows = tf.abs(tf.range(h, dtype=tf.float32)[:, None] + 0.5 - h * u[:, 0]) < h / 4
    columns = tf.abs(tf.range(w, dtype=tf.float32)[None, :] + 0.5 - w * u[:, 1]) < w / 4
    return tf.where((rows & columns)[..., None], 0.0, x)


# --- is the game going on? ---------------------------------------------------------------------

# Where D has won: the least it gives real images and the most it gives generated ones, on average.
# A Wasserstein critic has no such place.
WON = {
    "minimax": (0.99, 0.01),
    "non_saturating": (0.99, 0.01),
    "least_squares": (0.97, 0.03),
    "hinge": (2.0, -2.0),
}


def spread(x: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
    """How much generated images vary beside real ones: [B, ...], [B, ...] -> a number, 1 if alike.

    The standard deviation over the batch, averaged over pixels.
    """
    of_fake, of_real = (
        tf.reduce_mean(tf.math.reduce_std(replicas.all_rows(images), axis=0))
        for images in (fake, x)
    )
    return of_fake / (of_real + 1e-6)


def warnings(means: Mapping[str, float], objective: str) -> dict[str, str]:
    """What is wrong with a game: {term: mean over an interval} -> {kind: a sentence}."""
    found = {}
    if means["spread"] < 0.1:
        found["collapse"] = (
            f"the generator has collapsed: its images vary {means['spread']:.3f} times as much as "
            "the data's. A penalty, several critic steps or another seed may help."
        )
    real, fake = WON.get(objective, (float("inf"), float("-inf")))
    if means["D_real"] >= real and means["D_fake"] <= fake:
        found["won"] = (
            f"D wins outright: it gives real images {means['D_real']:.3f} and generated ones "
            f"{means['D_fake']:.3f}, and G learns little from it. A lower learning rate of D, "
            "instance noise or a penalty may help."
        )
    worst = max(("d_loss", "g_loss"), key=lambda name: abs(means[name]))
    if abs(means[worst]) > 1e4:
        found["diverged"] = (
            f"the losses diverge: {worst} is {means[worst]:.4g}. A penalty or clipping bounds D; a "
            "lower learning rate may help."
        )
    return found
