"""Initial weights from another run: the setting `init`."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from tfgen import models, presets
from tfgen.errors import UserError

if TYPE_CHECKING:
    import os

    from tfgen.model import GenerativeModel


NAMED = 3  # weights that a message names, of those that do not fit


def copy_weights(
    directory: "str | os.PathLike", model: "GenerativeModel", say: Callable[[str], None]
) -> None:
    """Copies the weights of the run in `directory` into a model of the same class.

    Weights of other shapes, as those of layers that know the number of classes or pixels, keep
    their start; the counters of steps do so too.

    Raises: UserError for a run of another class, or one of whose weights none fit.
    """
    presets.refuse_to_train("init", directory)
    other = models.load(directory)
    if type(other) is not type(model):
        raise UserError(
            f"`init={directory}` is a run of {type(other).__name__}, and this one trains "
            f"{type(model).__name__}: weights can be taken from a run of the same model alone."
        )
    counters = {id(weight) for weight in (model.step, *model.training_only())}
    pairs = [
        (own, given)
        for own, given in zip(model.weights, other.weights, strict=False)
        if id(own) not in counters
    ]
    fits = [own.shape == given.shape for own, given in pairs]
    if len(other.weights) != len(model.weights) or not any(fits):
        raise UserError(
            f"`init={directory}` has {len(other.weights)} weights of other shapes than the "
            f"{len(model.weights)} of this model: give it the same `model` settings."
        )
    for (own, given), fit in zip(pairs, fits, strict=True):
        if fit:
            own.assign(given)
    lost = [own.path for (own, _), fit in zip(pairs, fits, strict=True) if not fit]
    named = ", ".join(lost[:NAMED]) + (", ..." if len(lost) > NAMED else "")
    say(
        f"Begins with the weights of {directory}: {sum(fits)} of {len(fits)} fit"
        + (f"; of other shapes are {named}, which begin anew." if lost else ".")
    )
