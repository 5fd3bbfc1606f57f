"""What samples come from: it is asked by signatures (`endpoints.py`), wherever it runs."""

import dataclasses
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tfgen.data import conditions
from tfgen.errors import Notice, UserError
from tfgen.seeds import checked

Arrays = Mapping[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Source:
    """A run, a file or a server: seeds -> images, all at once or by their noise.

    Args:
      name: the source, as errors call it.
      ask: (signature, {input: array}) -> {output: array}; raises UserError where that fails.
      rows: what a user asks for beside seeds, as `conditions.checked` takes it after the count of
        seeds -> {input: rows}.
      condition: that of the model, where it is known and there is one.
    """

    name: str
    ask: Callable[[str, Arrays], Arrays]
    rows: Callable[..., dict[str, np.ndarray]]
    condition: conditions.Condition | None = None

    def __call__(self, seeds: Any, condition: Any = None, **word: Any) -> np.ndarray:
        """Seeds [N], a condition, by its place or its word -> images float32 [N, H, W, C].

        Raises: UserError for seeds and conditions that do not fit, and for an answer that is not an
          image in [0, 1] for each seed.
        """
        given = checked(seeds)
        rows = self.rows(len(given), condition, **word)
        # Texts are read by a signature of their own.
        texts = [name for name, value in rows.items() if value.dtype == object]
        answer = self.ask((texts or ["sample"])[0], {"seed": given, **rows})
        return self._images(answer, len(given))

    def images(self, inputs: Arrays) -> np.ndarray:
        """The same of inputs as the signature `sample` takes them, {name: [N, ...]}."""
        return self._images(self.ask("sample", inputs), len(next(iter(inputs.values()))))

    def noise(self, seeds: np.ndarray) -> dict[str, np.ndarray]:
        """What samples of int32 seeds [N] are made of: {name: [N, ...]}."""
        return dict(self.ask("noise", {"seed": seeds}))

    def decode(self, noise: Arrays, rows: Arrays) -> np.ndarray:
        """Images float32 [N, H, W, C] of noise, and of the rows of a condition, {input: [N, ...]}.

        Raises: UserError as `__call__` does, and for rows of texts: no signature decodes by them.
        """
        if any(value.dtype == object for value in rows.values()):
            raise UserError(f"{self.name} reads captions for samples as they are alone: ask a run.")
        return self._images(self.ask("decode", {**noise, **rows}), len(next(iter(noise.values()))))

    def _images(self, outputs: Arrays, count: int) -> np.ndarray:
        """The images of an answer; a `Notice` says which words of captions were left out.

        Raises: UserError for an answer without, and for captions of unknown words.
        """
        unknown, cut = (
            sorted({_word(text) for text in np.ravel(outputs.get(key, ()))} - {""})
            for key in ("unknown", "cut")
        )
        if unknown:
            words = ", ".join(map(repr, unknown))
            raise UserError(f"the model at {self.name} has never seen {words}.")
        if cut:
            what = ", ".join(map(repr, cut))
            said = f"the model at {self.name} leaves out {what}: too long."
            warnings.warn(said, Notice, stacklevel=4)
        images = np.asarray(outputs.get("image", np.zeros(0)))
        wrong = _wrong(images, count)
        if wrong:
            raise UserError(f"{self.name} answers, but {wrong}: it is no sampler of images.")
        return images.astype(np.float32)


def _word(text: Any) -> str:
    return text.decode() if isinstance(text, bytes) else str(text)


def _wrong(images: np.ndarray, count: int) -> str:
    """What is wrong with an answer to so many seeds, a clause; "" where nothing is."""
    if images.ndim != 4 or images.dtype.kind not in "fiu":
        return f"not with images [N, H, W, C], but {images.dtype} {images.shape}"
    if len(images) != count:
        return f"with {len(images)} images for {count} seeds"
    # What eight bits make of 0 and 1 lies a little beside them.
    inside = images.size and images.min() > -0.1 and images.max() < 1.1
    if not (inside and np.isfinite(images).all()):
        return "with numbers that are not in [0, 1]"
    return ""
