"""The game of a GAN: what D and what G descend on, and whether the game goes on.

D(x) and D(G(z)) are logits or scores, [B]; losses are of each row, [B]. With C for D before its
sigmoid, and means over the batch:

    minimax         D: -log D(x) - log(1 - D(G(z)));  G: log(1 - D(G(z)))
                    Goodfellow et al. 2014, equation 1
    non_saturating  D: the same;  G: -log D(G(z))
                    Goodfellow et al. 2014, section 3
    least_squares   D: (D(x) - 1)^2 / 2 + D(G(z))^2 / 2;  G: (D(G(z)) - 1)^2 / 2
                    Mao et al. 2017, equation 9
    wasserstein     D: D(G(z)) - D(x);  G: -D(G(z))
                    Arjovsky et al. 2017, equation 2
    hinge           D: max(0, 1 - D(x)) + max(0, 1 + D(G(z)));  G: -D(G(z))
                    Miyato et al. 2018, equations 16 and 17
    relativistic    D: -log sigmoid(C(x) - C(G(z)));  G: -log sigmoid(C(G(z)) - C(x))
                    Jolicoeur-Martineau 2018, section 4 (RSGAN)
    relativistic_average
                    D: -log sigmoid(C(x) - mean C(G(z))) - log(1 - sigmoid(C(G(z)) - mean C(x)));
                    G: the same with x and G(z) exchanged
                    Jolicoeur-Martineau 2018, section 4 (RaSGAN)

Any of them goes with any penalty (`penalties.py`) and with what D is shown (`augmentation.py`).
"""

import dataclasses
import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from tfgen import replicas
from tfgen.errors import UserError
from tfgen.objectives.levels import softplus


@dataclasses.dataclass(frozen=True)
class Objective:
    """What D and G descend on, and what follows from it for D.

    Args:
      name: by which configs know it.
      d_loss, g_loss: of D(x) and D(G(z)), [B], [B] -> [B]. A `target` of `d_loss` is what D is to
        give real images, which one-sided smoothing lowers.
      logits: whether D's outputs are logits of a probability; else they are scores.
      only_differences: whether a shift of all scores changes nothing, so that D needs no last bias.
      g_compares: whether G's loss depends on D(x), which then is taken from the D just updated; of
        others it may be anything.
      won: where D has won: the least that it gives real images and the most that it gives generated
        ones, on average; None where there is no such place.
    """

    name: str
    d_loss: Callable[..., tf.Tensor]
    g_loss: Callable[[Any, tf.Tensor], tf.Tensor]
    logits: bool = True
    only_differences: bool = False
    g_compares: bool = False
    won: tuple[float, float] | None = None

    @property
    def has_target(self) -> bool:
        return "target" in inspect.signature(self.d_loss).parameters

    def smoothed(self, smoothing: float) -> "Objective":
        """The same with the target 1 - smoothing for real images (Salimans et al. 2016, 3.4).

        Raises: UserError where there is no target to be lowered.
        """
        if not smoothing:
            return self
        if not self.has_target:
            aim = ", ".join(name for name, other in OBJECTIVES.items() if other.has_target)
            raise UserError(
                f"label smoothing lowers the target of real images, which {self.name!r} has not: "
                f"set `model.smoothing=0`, or `model.objective` to {aim}."
            )
        lower = functools.partial(self.d_loss, target=1.0 - smoothing)
        return dataclasses.replace(self, d_loss=lower)

    def terms(self, D_x: tf.Tensor, D_fake: tf.Tensor) -> dict[str, tf.Tensor]:
        """What D gives real and generated images on average: a probability, or a score."""
        of = tf.sigmoid if self.logits else tf.identity
        return {"D_real": tf.reduce_mean(of(D_x)), "D_fake": tf.reduce_mean(of(D_fake))}


def nll_real(logits: tf.Tensor) -> tf.Tensor:
    """-log D of logits."""
    return softplus(-logits)


def nll_fake(logits: tf.Tensor) -> tf.Tensor:
    """-log(1 - D) of logits."""
    return softplus(logits)


def minimax_d(D_x: tf.Tensor, D_fake: tf.Tensor, target: float = 1.0) -> tf.Tensor:
    of_real = target * nll_real(D_x) + (1.0 - target) * nll_fake(D_x)
    return of_real + nll_fake(D_fake)


def apart(higher: tf.Tensor, lower: tf.Tensor) -> tf.Tensor:
    """Each score against the mean of the other kind, over the rows of all replicas: [B]."""
    what = "the objective 'relativistic_average'"
    of_higher, of_lower = (tf.reduce_mean(replicas.all_rows(x, what)) for x in (higher, lower))
    return nll_real(higher - of_lower) + nll_fake(lower - of_higher)


minimax = Objective("minimax", minimax_d, lambda D_x, D_fake: -nll_fake(D_fake), won=(0.99, 0.01))
non_saturating = Objective(
    "non_saturating", minimax_d, lambda D_x, D_fake: nll_real(D_fake), won=(0.99, 0.01)
)
least_squares = Objective(
    "least_squares",
    lambda D_x, D_fake, target=1.0: 0.5 * tf.square(D_x - target) + 0.5 * tf.square(D_fake),
    lambda D_x, D_fake: 0.5 * tf.square(D_fake - 1.0),
    logits=False,
    won=(0.97, 0.03),
)
wasserstein = Objective(
    "wasserstein",
    lambda D_x, D_fake: D_fake - D_x,
    lambda D_x, D_fake: -D_fake,
    logits=False,
    only_differences=True,
)
hinge = Objective(
    "hinge",
    lambda D_x, D_fake: tf.nn.relu(1.0 - D_x) + tf.nn.relu(1.0 + D_fake),
    lambda D_x, D_fake: -D_fake,
    logits=False,
    won=(2.0, -2.0),
)
relativistic = Objective(
    "relativistic",
    lambda D_x, D_fake: nll_real(D_x - D_fake),
    lambda D_x, D_fake: nll_real(D_fake - D_x),
    logits=False,
    only_differences=True,
    g_compares=True,
)
relativistic_average = Objective(
    "relativistic_average",
    lambda D_x, D_fake: apart(D_x, D_fake),
    lambda D_x, D_fake: apart(D_fake, D_x),
    logits=False,
    only_differences=True,
    g_compares=True,
)

OBJECTIVES = {
    objective.name: objective
    for objective in (
        *(minimax, non_saturating, least_squares, wasserstein, hinge),
        *(relativistic, relativistic_average),
    )
}


# --- is the game going on? ---------------------------------------------------------------------


def spread(x: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
    """How much generated images vary beside real ones: [B, ...], [B, ...] -> a number, 1 if alike.

    The standard deviation over the batch, averaged over pixels.
    """
    of_fake, of_real = (
        tf.reduce_mean(tf.math.reduce_std(replicas.all_rows(images, "the term 'spread'"), axis=0))
        for images in (fake, x)
    )
    return of_fake / (of_real + 1e-6)


def warnings(means: Mapping[str, float], objective: Objective) -> dict[str, str]:
    """What is wrong with a game: {term: mean over an interval} -> {kind: a sentence}."""
    found = {}
    if means["spread"] < 0.1:
        found["collapse"] = (
            f"the generator has collapsed: its images vary {means['spread']:.3f} times as much as "
            "the data's. A penalty, several critic steps or another seed may help."
        )
    real, fake = objective.won or (float("inf"), float("-inf"))
    if "D_real" in means and means["D_real"] >= real and means["D_fake"] <= fake:
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
