"""What a model offers to the outside world: named functions, found from its capabilities.

| endpoint | inputs | outputs | models |
|---|---|---|---|
| `sample` | `seed` int32 [B] | `image` [B, H, W, C] in [0, 1] | all that generate |
| `noise` | `seed` int32 [B] | `z` [B, Z] or what else a sample is made of | all that generate |
| `decode` | what `noise` gives | `image` | all that generate |
| `denoise_step` | `x` [B, H, W, C], `step` int32 [B] | `x`, `image` | those of many steps |
| `sample_10`, `decode_10` | as without, in 10 steps; or 50 | `image` | the same |
| `encode` | `image` | `mean`, `log_var` [B, Z] | those with codes |
| `reconstruct` | `image` | `image` | those with codes |
| `log_prob` | `image` | `log_prob` [B], nats | those with a density |
| `translate_xy`, `translate_yx` | `image` | `image` of the other domain | those between domains |

Where a model is conditional, what makes images takes its condition too, e.g. `label` int32 [B]
(`tfgen/data/conditions.py`). A `denoise_step` is one step of a sample, so that a page can show how
an image appears: `x` of step 0 is `z`, as an image; where steps add noise, it takes that of its
step too, `added`.

Every input and output has the batch as its first axis, so that servers may merge and pad requests;
a row's result depends on it alone.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import tensorflow as tf

if TYPE_CHECKING:
    import numpy as np

    from tfgen.model import GenerativeModel


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """A function of tensors to a dict of tensors, and the named specs of its inputs."""

    name: str
    function: Callable
    inputs: tuple[tf.TensorSpec, ...]

    @property
    def takes(self) -> list[str]:
        """The names of its inputs."""
        return [spec.name for spec in self.inputs]

    def example(self, rows: int) -> "dict[str, np.ndarray]":
        """Inputs of so many rows, for warm-up and tests: {name: array}."""
        import numpy as np

        random = np.random.default_rng(0)
        found: dict[str, np.ndarray] = {}
        for spec in self.inputs:
            shape = (rows, *spec.shape[1:])
            if spec.name == "seed":
                found[spec.name] = np.arange(rows, dtype=np.int32)
            elif spec.dtype == tf.int32:  # a condition
                found[spec.name] = np.zeros(shape, np.int32)
            elif spec.dtype == tf.string:
                found[spec.name] = np.full(shape, b"")
            else:
                found[spec.name] = random.random(shape, dtype=np.float32)
        return found


def endpoints(model: "GenerativeModel", batch: int | None = None) -> list[Endpoint]:
    """The endpoints of a model, what it is for first; batch=None leaves the batch size open."""

    def spec(name: str, shape: Sequence[int | None], dtype: tf.DType = tf.float32) -> tf.TensorSpec:
        return tf.TensorSpec([batch, *shape], dtype, name=name)

    image = (spec("image", model.image_shape),)
    found = _sampling(model, spec) if model.can("sample") else []
    if model.can("translate"):
        found += [
            Endpoint("translate_xy", lambda image: {"image": model.translate(image, "Y")}, image),
            Endpoint("translate_yx", lambda image: {"image": model.translate(image, "X")}, image),
        ]
    if model.can("encode"):
        found.append(Endpoint("encode", model.encode, image))
    if model.can("reconstruct"):
        found.append(
            Endpoint("reconstruct", lambda image: {"image": model.reconstruct(image)}, image)
        )
    if model.can("log_prob"):
        # Its shape said again: a model may have compiled its own for an open batch before.
        found.append(
            Endpoint(
                "log_prob",
                lambda image: {"log_prob": tf.reshape(model.log_prob(image), [batch or -1])},
                image,
            )
        )
    return found


def _sampling(model: "GenerativeModel", spec: Callable[..., tf.TensorSpec]) -> list[Endpoint]:
    """`sample`, `noise`, `decode`."""
    seed = (spec("seed", (), tf.int32),)
    asked = model.condition
    condition = (spec(asked.name, asked.shape, asked.dtype),) if asked else ()

    def sample(seed: tf.Tensor, condition: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        return {"image": model.sample(seed, condition)}

    noise = model.noise(tf.zeros([1], tf.int32))
    parts = [spec(name, value.shape[1:]) for name, value in noise.items()]
    # By name, as signatures are.
    inputs = tuple(sorted([*parts, *condition], key=lambda s: s.name))

    def decode(*values: tf.Tensor, **steps: int) -> dict[str, tf.Tensor]:
        named = dict(zip([s.name for s in inputs], values, strict=True))
        chosen = named.pop(condition[0].name) if condition else None
        return {"image": model.generate(named, chosen, **steps)}

    found = [
        Endpoint("sample", sample, seed + condition),
        Endpoint("noise", lambda seed: dict(model.noise(seed)), seed),
        Endpoint("decode", decode, inputs),
    ]
    return found + (_steps(model, spec, found, condition) if model.can("denoise_step") else [])


def _steps(
    model: "GenerativeModel",
    spec: Callable[..., tf.TensorSpec],
    found: Sequence[Endpoint],
    condition: tuple[tf.TensorSpec, ...],
) -> list[Endpoint]:
    """`denoise_step`; `sample_N` and `decode_N` for each number of steps that is offered."""
    sample, noise, decode = found
    image = spec("x", model.image_shape)
    added = (spec("added", model.image_shape),) if model.adds_noise() else ()
    inputs = sorted((image, spec("step", (), tf.int32), *added, *condition), key=lambda s: s.name)
    name = condition[0].name if condition else ""

    def step(*values: tf.Tensor) -> dict[str, tf.Tensor]:
        named = dict(zip([s.name for s in inputs], values, strict=True))
        return model.denoise_step(condition=named.pop(name, None), **named)

    def in_steps(steps: int) -> list[Endpoint]:
        def of_seeds(seed: tf.Tensor, condition: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
            return {"image": model.generate(dict(noise.function(seed)), condition, steps=steps)}

        def of_noise(*values: tf.Tensor) -> dict[str, tf.Tensor]:
            return decode.function(*values, steps=steps)

        return [
            Endpoint(f"sample_{steps}", of_seeds, sample.inputs),
            Endpoint(f"decode_{steps}", of_noise, decode.inputs),
        ]

    more = [endpoint for steps in model.steps_offered() for endpoint in in_steps(steps)]
    return [Endpoint("denoise_step", step, tuple(inputs)), *more]
