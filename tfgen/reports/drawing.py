"""The figures of a finished run: what the model's capabilities allow to be shown."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tfgen import data, evaluation, latents
from tfgen.compiling import compiled
from tfgen.data import conditions
from tfgen.reports import figures

if TYPE_CHECKING:
    from tfgen.data.source import ImageData
    from tfgen.model import GenerativeModel
    from tfgen.run_dir import RunDir


def preview(model: "GenerativeModel", held_out: "ImageData") -> Callable[[], np.ndarray]:
    """A function that gives the picture of a checkpoint: uint8 [height, width, 3].

    The images of the same 64 seeds; of a model between two domains, held-out images there and back.
    """
    if model.can("translate"):
        images = [data.arrays(held_out)[name][:32] for name in ("image", "other")]
        x, y = (part.astype("float32") / (held_out.levels - 1) for part in images)
        translate = compiled(model.translate)
        return lambda: figures.translations(translate, x, y)
    rows = conditions.defaults(model.condition, 64)
    sample = compiled(lambda: model.sample(tf.range(64), rows))
    return lambda: figures.tile(sample().numpy(), 8)


def draw(run: "RunDir", model: "GenerativeModel", held_out: "ImageData") -> None:
    """Into figures/ of the run; held_out: `ImageData` of a split that training has not seen."""
    if model.can("sample"):
        images = model.sample(range(64), conditions.defaults(model.condition, 64)).numpy()
        figures.sample_grid(run.figures / "samples.png", images)
    if model.can("phases"):
        drawn = figures.growth(run.sample_grids(), model.phases())
        figures.save(run.figures / "growth.png", drawn)
    if model.condition and model.can("sample") and held_out.shape[:2] != (1, 1):
        drawn = figures.by_condition(model)
        figures.save(run.figures / f"{model.condition.argument}s.png", drawn)
    if model.can("translate"):
        figures.save(run.figures / "translations.png", preview(model, held_out)())
    looked_at = ("encode", "reconstruct", "complete", "pixel_log_prob", "mixing")
    if any(model.can(capability) for capability in looked_at):
        arrays = data.arrays(held_out)
        x = arrays["image"].astype("float32") / (held_out.levels - 1)
    if model.can("reconstruct"):
        first = x[:48]
        figures.reconstruction_rows(
            run.figures / "reconstructions.png", first, model.reconstruct(first).numpy()
        )
    if model.can("denoise"):
        first = x[:48]
        noisy = np.asarray(model.corrupt(first, tf.range(len(first))))
        cleaned = model.denoise(noisy).numpy()
        figures.denoising_rows(run.figures / "denoising.png", first, noisy, cleaned)
    if model.can("complete"):
        figures.save(run.figures / "completion.png", figures.completion(model, x[:48]))
    if model.can("filters"):
        figures.save(run.figures / "filters.png", figures.filters(model.filters()))
    if model.can("mixing"):
        figures.save(run.figures / "mixing.png", figures.mixing(model, x[:12]))
    if model.can("pixel_log_prob"):
        drawn = figures.surprise(x[:48], model.pixel_log_prob(x[:48]))
        figures.save(run.figures / "surprise.png", drawn)
    if model.can("encode"):
        _draw_codes(run, model, x[:1000], arrays, held_out.classes)
    if model.can("generate") and hasattr(model, "prior"):
        figures.interpolation_rows(run.figures / "interpolation.png", model)


def _draw_codes(
    run: "RunDir",
    model: "GenerativeModel",
    x: np.ndarray,
    arrays: Mapping[str, np.ndarray],
    classes: Sequence[str],
) -> None:
    """Codes of held-out images by class, over those that samples are made of."""
    labels = arrays["label"][: len(x)] if "label" in arrays else None
    codes, prior, title = latents.encode(model, x), None, ""
    if model.can("draw_prior"):
        accuracy, _, prior = evaluation.code_match(model, x)
        title = (
            "codes of held-out images, over those that samples are made of\n"
            f"(a nearest neighbour tells the two apart in {100 * accuracy:.0f} % of cases; 50 %: "
            "they are alike)"
        )
    figures.latent_scatter(run.figures / "codes.png", codes, labels, classes, prior, title)
