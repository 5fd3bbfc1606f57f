"""What a sample is asked for beside its seed: a class, a caption, an image of another domain.

A model's `condition` is one of these, or None. Each knows the tensor that networks take, rows to
show where nobody asks for any, how to read and check what a user gives, how to say a row in words,
and what a run and its exports have to carry, so that whoever samples can do the same there.

| condition | a user gives | networks take |
|---|---|---|
| `Labels(classes)` | `label`: a number or a name | "label", int32 [N] |
| `Captions(vocabulary, length, examples)` | `caption`: a sentence | "tokens", int32 [N, T] |
| `Images(domain, image_shape)` | a folder, a file or an array | "image", float32 [N, H, W, C] |

This file loads no TensorFlow, for devices that have a LiteRT file alone.
"""

import dataclasses
import functools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Any

import numpy as np

from tfgen.data import text
from tfgen.data.fitting import Fitting
from tfgen.data.folder import read_pictures
from tfgen.errors import UserError, nearest

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

MOST_SHOWN = 10  # rows of a figure


class Condition:
    """A kind of condition.

    Attributes: argument, the word that a user gives it by; kind, what that is called in a sentence;
    name, dtype, shape: of the tensor, its type and the shape of a row; file: what carries it beside
    a LiteRT file, which cannot.
    """

    argument: str
    kind: str
    name: str
    dtype: Any = np.int32
    file: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        return ()

    @property
    def description(self) -> str:
        """What a user may ask for, in words."""
        raise NotImplementedError

    def wanted(self, who: str) -> str:
        """What is to be given, as a sentence about the model."""
        return f"{who} samples by {self.kind}: give {self.description}"

    def misfit(self, given: Any, count: int, who: str) -> UserError:
        """What is said of something that is no row, or of another number of them."""
        return UserError(
            f"{self.wanted(who)}; one for all or one for each of {count} seeds. Given is "
            f"{shorten(repr(given), 80)}."
        )

    def choices(self) -> np.ndarray:
        """The rows that there are to choose from, or some of them."""
        raise NotImplementedError

    def rows(self, given: Any, count: int, who: str = "the model") -> np.ndarray:
        """What a user gave, one for all or one for each of `count` samples -> [count, *shape].

        who: the model, as an error calls it.

        Raises: UserError for what does not fit.
        """
        raise NotImplementedError

    def words(self, rows: np.ndarray) -> list[str]:
        """What each row asks for."""
        raise NotImplementedError

    def metadata(self) -> dict[str, Any]:
        """What a file has to say of it, for JSON; `from_metadata` reads it."""
        raise NotImplementedError

    def defaults(self, seeds: Sequence[int] | np.ndarray) -> np.ndarray:
        """A row for each seed, where nobody asks for any: the choices in turn."""
        every = self.choices()
        return every[np.arange(len(seeds)) % len(every)]

    def shown(self, most: int = MOST_SHOWN) -> np.ndarray:
        """Some rows for a figure, evenly from the choices."""
        every = self.choices()
        return every[:: max(1, len(every) // most)][:most]

    def of_data(self, arrays: Mapping[str, np.ndarray], count: int) -> np.ndarray:
        """Rows to measure samples by, for held-out images; by default the choices in turn."""
        return self.defaults(range(count))

    @property
    def reader(self) -> "keras.layers.Layer | None":
        """A layer that reads what users type within TensorFlow, strings [B] -> rows; or None."""
        return None

    def left_out(self, typed: "tf.Tensor", rows: "tf.Tensor") -> "dict[str, tf.Tensor]":
        """What of it has not come into the rows, within TensorFlow: {name: strings [B]}."""
        return {}


@dataclasses.dataclass(frozen=True)
class Labels(Condition):
    """A class, by its number or, where the data give names, by its name."""

    classes: tuple[str, ...]
    argument, kind, name, file = "label", "class", "label", "classes.json"

    @classmethod
    def numbered(cls, count: int) -> "Labels":
        """Classes that have no names but their numbers."""
        return cls(tuple(map(str, range(count))))

    @property
    def named(self) -> bool:
        return self != self.numbered(len(self.classes))

    @property
    def limits(self) -> str:
        """Numbers and names, in words."""
        names = f", or a name: {', '.join(self.classes)}" if self.named else ""
        return f"0 to {len(self.classes) - 1}{shorten(names, 200, placeholder=' ...')}"

    @property
    def description(self) -> str:
        return f"`label`, {self.limits}"

    def choices(self) -> np.ndarray:
        return np.arange(len(self.classes), dtype=np.int32)

    def rows(self, given: Any, count: int, who: str = "the model") -> np.ndarray:
        labels = np.asarray(given)
        if labels.dtype.kind == "U":
            labels = np.vectorize(lambda name: self.parse(name, who), otypes=[np.int64])(labels)
        if labels.dtype.kind not in "bui" or labels.shape not in ((), (1,), (count,)):
            raise self.misfit(given, count, who)
        outside = labels[(labels < 0) | (labels >= len(self.classes))]
        if outside.size:
            raise UserError(f"`label={outside.flat[0]}` is out of range: {who} has {self.limits}.")
        return np.broadcast_to(labels.astype(np.int32), (count,))

    def parse(self, typed: str, who: str = "the model") -> int:
        """The number of a class, as "3" or as "cat"; a number is never taken for a name.

        Raises: UserError for a name that no class has.
        """
        if re.fullmatch(r"-?\d+", typed):
            return int(typed)
        if typed not in self.classes:
            near = nearest(typed, self.classes)
            hint = f" Did you mean {near!r}?" if near else ""
            raise UserError(f"{who} has no class {typed!r}.{hint} It has {self.limits}.")
        return self.classes.index(typed)

    def words(self, rows: np.ndarray) -> list[str]:
        return [self.classes[label] for label in np.asarray(rows)]

    def metadata(self) -> dict[str, Any]:
        names = {"classes": list(self.classes)} if self.named else {}
        return {"num_classes": len(self.classes), **names}


@dataclasses.dataclass(frozen=True)
class Captions(Condition):
    """A sentence of the words that a model has seen.

    Args: vocabulary; length, T, how many words are read; examples, some captions of these words.
    """

    vocabulary: tuple[str, ...]
    length: int
    examples: tuple[str, ...] = ()
    argument, kind, name, file = "caption", "caption", "tokens", "vocabulary.json"

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.length,)

    @property
    def description(self) -> str:
        return f"`caption`, as {', '.join(map(repr, self.examples[:1])) or 'a sentence'}"

    def choices(self) -> np.ndarray:
        return text.encode(self.examples, self.vocabulary, self.length)

    def rows(self, given: Any, count: int, who: str = "the model") -> np.ndarray:
        found = np.asarray(given)
        if found.dtype.kind == "U" and found.shape in ((), (count,)):
            found = text.encode(np.atleast_1d(found).tolist(), self.vocabulary, self.length)
        fits = found.shape in ((1, *self.shape), (count, *self.shape))
        if found.dtype.kind not in "ui" or not fits:
            raise self.misfit(given, count, who)
        return np.broadcast_to(found.astype(np.int32), (count, *self.shape))

    def words(self, rows: np.ndarray) -> list[str]:
        return [text.decode(row, self.vocabulary) for row in np.asarray(rows)]

    def metadata(self) -> dict[str, Any]:
        return {
            "num_classes": 0,
            "vocabulary": list(self.vocabulary),
            "length": self.length,
            "examples": list(self.examples),
        }

    def of_data(self, arrays: Mapping[str, np.ndarray], count: int) -> np.ndarray:
        """Those of the images, again and again; fewer are spread over all, which may be sorted."""
        rows = arrays[self.name]
        if count < len(rows):
            return rows[np.arange(count) * len(rows) // count]
        return np.resize(rows, (count, *self.shape))

    @functools.cached_property
    def reader(self) -> "keras.layers.TextVectorization":
        return text.vectorizer(self.vocabulary, self.length)

    def left_out(self, typed: "tf.Tensor", rows: "tf.Tensor") -> "dict[str, tf.Tensor]":
        """{"unknown", "cut"}, strings [B].

        A server cannot refuse a row of a batch, so it says which words the model has never seen,
        "unknown", and which come after the last that it reads, "cut".
        """
        import tensorflow as tf

        parts = tf.strings.split(text.standardize(typed))
        cut = tf.strings.reduce_join(parts[:, self.length :], axis=1, separator=" ")
        words = parts.to_tensor(shape=[None, self.length])
        unknown = tf.where(rows == text.UNKNOWN, words, "")
        said = tf.strings.reduce_join(unknown, axis=1, separator=" ")
        return {"unknown": tf.strings.strip(tf.strings.regex_replace(said, " +", " ")), "cut": cut}


@dataclasses.dataclass(frozen=True)
class Images(Condition):
    """An image of a domain, which another is made of.

    Args: domain, its name; image_shape, (H, W, C).
    """

    domain: str
    image_shape: tuple[int, ...]
    argument, kind, name, dtype = "images", "image", "image", np.float32

    @property
    def shape(self) -> tuple[int, ...]:
        return self.image_shape

    @property
    def description(self) -> str:
        return f"`images` of {self.domain}, a folder of pictures"

    def defaults(self, seeds: Sequence[int] | np.ndarray) -> np.ndarray:
        """Noise of each seed, uniform in [0, 1]: the same images in every runtime."""
        import tensorflow as tf

        from tfgen import random

        given = tf.constant(np.asarray(seeds, np.int32))
        return np.asarray(random.uniform(given, self.image_shape, "golden"))

    def rows(self, given: Any, count: int, who: str = "the model") -> np.ndarray:
        if isinstance(given, (str, Path)):
            given = read_pictures(given, Fitting().to(self.image_shape))[1]
        images = np.asarray(given)
        if images.dtype.kind != "f" or images.shape != (count, *self.shape):
            raise UserError(
                f"{self.wanted(who)}, or {count} as floats in [0, 1], each {self.shape}. Given is "
                f"an array of {images.dtype}, {images.shape}."
            )
        return images.astype(np.float32)

    def words(self, rows: np.ndarray) -> list[str]:
        return [f"image {i} of {self.domain}" for i in range(len(rows))]

    def metadata(self) -> dict[str, Any]:
        return {"num_classes": 0}


# --- where there may be none ---------------------------------------------------------------------


def metadata(condition: Condition | None) -> dict[str, Any]:
    """What a file has to say of a model's condition, for JSON."""
    return condition.metadata() if condition else {"num_classes": 0}


def from_metadata(about: Mapping[str, Any]) -> Condition | None:
    """The condition of a model, of what a file says."""
    if "vocabulary" in about:
        examples = tuple(about.get("examples", ()))
        return Captions(tuple(about["vocabulary"]), about["length"], examples)
    if about.get("classes"):
        return Labels(tuple(about["classes"]))
    return Labels.numbered(about["num_classes"]) if about["num_classes"] else None


def defaults(condition: Condition | None, count: int) -> np.ndarray | None:
    """Rows to sample with where nobody asks for any; None for a model that takes none."""
    return condition.defaults(range(count)) if condition else None


def checked(
    known: Condition | None,
    who: str,
    count: int,
    condition: Any = None,
    label: Any = None,
    caption: Any = None,
) -> dict[str, Any]:
    """What a sampler takes beside seeds, of what a user gave by one of three words: {name: rows}.

    known: the model's condition; who: the model, as an error calls it; count: of the seeds.

    Raises: UserError for a condition that is missing, not wanted or of another kind, and for one
      that does not fit.
    """
    argument, given = _given(condition, label, caption)
    if known is None:
        if given is None:
            return {}
        raise UserError(f"{who} is not conditional: it takes no `{argument or 'label'}`.")
    if given is None or argument not in ("", known.argument):
        raise UserError(f"{known.wanted(who)}.")
    if getattr(given, "graph", None) is not None:  # a tensor that has no numbers yet
        return {known.name: given}
    return {known.name: known.rows(getattr(given, "numpy", lambda: given)(), count, who)}


def unchecked(
    who: str, count: int, condition: Any = None, label: Any = None, caption: Any = None
) -> dict[str, np.ndarray]:
    """The same for a sampler whose classes and words are not known here, as a server's.

    {"label": int32 [N]}, or {"caption": strings [N]}.

    Raises: UserError for a class by its name, and for another number of conditions.
    """
    argument, given = _given(condition, label, caption)
    if given is None:
        return {}
    values = np.asarray(given)
    if values.shape not in ((), (1,), (count,)):
        raise UserError(f"{who} takes one condition for all or one for each of {count} seeds.")
    words = values.dtype.kind == "U"
    if words and argument != "label":
        return {"caption": np.broadcast_to(values.astype(object), (count,))}
    if not (np.char.isdecimal(values).all() if words else values.dtype.kind in "bui"):
        raise UserError(f"{who} knows classes by their numbers alone, and `label` is {given!r}.")
    numbers = [int(value) for value in values.flat]
    outside = [number for number in numbers if not 0 <= number < 2**31]
    if outside:
        raise UserError(f"`label={outside[0]}` is out of range: classes are numbered from 0 on.")
    return {"label": np.resize(np.array(numbers, np.int32), count)}


def _given(condition: Any, label: Any, caption: Any) -> tuple[str, Any]:
    """(the word that it was given by, what was given); "" where it was given by its place."""
    named = {"": condition, "label": label, "caption": caption}
    found = {word: value for word, value in named.items() if value is not None}
    if len(found) > 1:
        raise UserError("give one condition: `label` or `caption`, as the model wants.")
    return next(iter(found.items()), ("", None))
