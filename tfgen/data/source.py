"""Where images come from: TFDS builders (our embedded ones among them) and folders.

A source knows its splits and opens one by a spec with slices, e.g. "train[:90%]" or "train+test".
"""

import contextlib
import dataclasses
import importlib
import io
import os
import re
import socket
import sys
import urllib.parse
import urllib.request
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tfgen.data.fitting import Fitting
from tfgen.data.prepared import check_description, check_records, unreadable_description
from tfgen.data.rows import Recorded
from tfgen.data.trained_classes import of_training
from tfgen.errors import Notice, UserError

if TYPE_CHECKING:
    import tensorflow as tf
    import tensorflow_datasets as tfds


# Data sets that need no network: the module of this package that defines the TFDS builder.
EMBEDDED = {
    "digits": "digits",
    "digits_binary": "digits",
    "shapes": "shapes",
    "shapes_binary": "shapes",
    "shapes_by_caption": "shapes",
    "ring": "points",
    "grid": "points",
    "digit_styles": "digit_styles",
}
# Made at each start from what a package of the system holds, each by `source` of its module here.
PACKAGED = ("emoji", "emoji_styles", "photographs")

LEAST = 5  # images of which a tenth, rounded, is one


@dataclasses.dataclass(frozen=True)
class ImageData:
    """One split: `size` images of one shape, in an order that never changes.

    `examples()` gives a tf.data.Dataset of {"image": uint8 [H, W, C], "label": int32 []}; without
    "label" where the data have none, and with what `load` was asked to add. "caption" is a string
    []; where an image may have several this is its first, and "captions", strings [K], has all, ""
    after the last. `parts` says which rows of which split these are. `examples` is a `Rows` where
    they can be had in any order.
    """

    name: str
    split: str
    size: int
    shape: tuple[int, int, int]
    levels: int
    classes: tuple[str, ...]
    parts: tuple[tuple[str, int, int], ...]
    examples: Callable
    factors: tuple[str, ...] = ()  # the names of "factors", where the data have known ones
    other: "ImageData | None" = None  # the second domain, where there are two
    fingerprint: str = ""  # of names and content: another one, other images
    drawn_of: int = 0  # the levels of "grey", of which each training step draws its images
    left_out: str = ""  # which images of the split are not among these, a clause

    def overlaps(self, other: "ImageData") -> bool:
        """Whether the two hold some of the same images."""
        if self.other and other.other and self.other.overlaps(other.other):
            return True
        return any(
            mine[0] == theirs[0] and max(mine[1], theirs[1]) < min(mine[2], theirs[2])
            for mine in self.parts
            for theirs in other.parts
        )


class Source:
    """What the kinds of source share: split specs and the choice of a validation split.

    Attributes: labels, what those are to the data, see `trained_classes.of_training`.
    """

    labels = "declared"

    def __init__(self, name: str, splits: Mapping[str, Any]) -> None:
        self.name = name
        self.splits = splits  # tfds.core.SplitDict

    def load(self, split: str, extra: Sequence[str] = ()) -> ImageData:
        """The split as `ImageData`; `extra` names features to keep where there are such.

        Raises: UserError for a bad split, or for images that the zoo cannot use.
        """
        raise NotImplementedError

    def instructions(self, spec: str) -> tuple[tuple[str, int, int], ...]:
        """A spec -> [(split, from, to)] with absolute rows.  Raises: UserError for a bad spec."""
        import tensorflow_datasets as tfds

        have = ", ".join(f"{k} ({v.num_examples})" for k, v in self.splits.items())
        try:
            parts = tfds.core.ReadInstruction.from_spec(spec).to_absolute(self.splits)
        except (ValueError, KeyError, AssertionError, TypeError):
            raise UserError(
                f"split {spec!r} is not in {self.name}, which has {have}. "
                "A slice reads train[:90%] or train[100:200]."
            ) from None
        parts = tuple(
            (
                p.splitname,
                p.from_ or 0,
                self.splits[p.splitname].num_examples if p.to is None else p.to,
            )
            for p in parts
        )
        counts = [stop - start for _, start, stop in parts]
        if not sum(counts) or min(counts) < 0:  # train[90%:10%]
            raise UserError(f"split {spec!r} of {self.name} is empty; the data set has {have}.")
        return parts

    def training_and_validation(
        self, split: str, validation: str = "", extra: Sequence[str] = ()
    ) -> tuple[ImageData, ImageData]:
        """The two splits as `ImageData`, with `extra` features; see `load`.

        validation="" takes the data's own, or, if there is none, the last tenth of `split`.

        Raises: UserError if the two share images, or `split` has too few to hold some out.
        """
        if not validation:
            if "validation" in self.splits and "validation" not in split:
                validation = "validation"
            elif re.fullmatch(r"\w+", split):
                self._check_tenth(split)
                split, validation = f"{split}[:90%]", f"{split}[90%:]"
            else:
                raise UserError(
                    f"{self.name} has no validation split and {split!r} is a slice already: name "
                    "one, e.g. `data.split='train[:90%]'` "
                    "`data.validation='train[90%:]'`."
                )
        data, held_out = self.pair(split, validation, extra)
        if data.overlaps(held_out):
            raise UserError(f"the splits {split!r} and {validation!r} of {self.name} share images.")
        return data, held_out

    def pair(
        self, split: str, held_out: str, extra: Sequence[str] = ()
    ) -> tuple[ImageData, ImageData]:
        """Two splits as `ImageData`, of the classes that the first has.

        A `Notice` says which images of the second are of others, and left out.

        Raises: UserError if that leaves none of the second.
        """
        loaded = self.load(split, extra), self.load(held_out, extra)
        one, other = of_training(*loaded, self.labels)
        if other.left_out:
            warnings.warn(f"{other.left_out}.", Notice, stacklevel=3)
        return one, other

    def _check_tenth(self, split: str) -> None:
        """Raises: UserError for a split whose last tenth, rounded, holds no image."""
        count = sum(stop - start for _, start, stop in self.instructions(split))
        if count < LEAST:
            slices = f"`data.split={split}[:-1]` `data.validation={split}[-1:]`"
            raise UserError(
                f"{self.name} has {count} images in its split {split!r}. Of {LEAST} or more a "
                "tenth is held out. Add images"
                + (f", or say which are held out, by slices: {slices}." if count > 1 else ".")
            )


class TfdsSource(Source):
    """Any TFDS data set with an `image` feature; prepared on first use."""

    def __init__(self, name: str, directory: str, fitting: Fitting) -> None:
        import tensorflow_datasets as tfds
        from google.protobuf.json_format import ParseError

        if name in EMBEDDED:
            importlib.import_module(
                f"tfgen.data.{EMBEDDED[name]}"
            )  # registers the builder with TFDS
        if name in EMBEDDED or not sys.stderr.isatty():
            tfds.disable_progress_bar()
        else:
            tfds.enable_progress_bar()
        self.name, self.directory, self.fitting = name, directory, fitting
        try:
            self.builder = self._open()
        except (tfds.core.DatasetNotFoundError, ValueError, KeyError) as error:
            raise UserError(self._unknown(name, error)) from None
        except ParseError:
            raise unreadable_description(name, directory) from None
        self._prepare()
        check_description(self.builder)
        self._whole: set[str] = set()  # splits whose files are
        super().__init__(name, self.builder.info.splits)

    def _open(self) -> "tfds.core.DatasetBuilder":
        import tensorflow_datasets as tfds

        return tfds.builder(self.name, data_dir=self.directory or None)

    @staticmethod
    def _unknown(name: str, error: Exception) -> str:
        from difflib import get_close_matches

        import tensorflow_datasets as tfds

        near = get_close_matches(name, [*EMBEDDED, *PACKAGED, *tfds.list_builders()], n=3)
        message = f"unknown data set {name!r}."
        if near and name not in near:
            message += f" Did you mean {' or '.join(map(repr, near))}?"
        elif near:
            message += f" {str(error).splitlines()[0]}"
        if os.path.isdir(name):
            message += f" For the folder of that name write './{name}'."
        return message + (
            f" Embedded, without network: {', '.join(EMBEDDED)}. From packages of the system: "
            f"{', '.join(PACKAGED)}. Any TFDS name will do, "
            "and any folder of images (a path that begins with '.', '/' or '~')."
        )

    def _prepare(self) -> None:
        builder = self.builder
        if builder.data_path.exists():
            return
        _check_reachable(builder)
        try:
            # TFDS reports on stdout, which belongs to our caller.
            with contextlib.redirect_stdout(
                io.StringIO() if builder.name in EMBEDDED else sys.stderr
            ):
                builder.download_and_prepare()
        except Exception as error:
            # Another process may have prepared the same data in the meantime.
            if builder.data_path.exists():
                self.builder = self._open()
                return
            network = "It may need the network. " if builder.name not in EMBEDDED else ""
            raise (Unreachable if network else UserError)(
                f"cannot prepare the data set {builder.name!r} in {builder.data_dir}: {error}. "
                f"{network}`data.directory` names another folder for data. "
                f"Embedded sets need no network: {', '.join(EMBEDDED)}."
            ) from error

    def load(self, split: str, extra: Sequence[str] = ()) -> ImageData:
        """See `Source.load`.

        Raises: UserError also for prepared files that are damaged.
        """
        import tensorflow as tf
        import tensorflow_datasets as tfds

        parts = self.instructions(split)
        read_first = {name for name, _, _ in parts} - self._whole
        check_records(self.builder, sorted(read_first))
        self._whole |= read_first
        info = self.builder.info
        # A data set of one unnamed feature has no keys.
        features = dict(info.features) if hasattr(info.features, "keys") else {}
        if "image" not in features:
            raise UserError(
                f"the data set {self.name!r} has no feature 'image', but {info.features}."
            )
        feature, label = features["image"], features.get("label")
        # Two bytes for the points of the plane, whose many levels stand for real numbers.
        kinds = (np.uint8, np.uint16) if self.name in EMBEDDED else (np.uint8,)
        if np.dtype(feature.np_dtype) not in kinds or len(feature.shape) != 3:
            raise UserError(
                f"the images of {self.name!r} are {np.dtype(feature.np_dtype)} {feature.shape}; "
                "this zoo trains on uint8 [height, width, channels]."
            )
        shape = self.fitting.shape(feature.shape)
        if None in shape:
            raise UserError(
                f"the images of {self.name!r} vary in size {feature.shape}: "
                "choose one with `data.size`, e.g. `data.size=64`."
            )
        metadata = info.metadata or {}
        levels = metadata.get("levels", 256)
        classes = tuple(label.names) if isinstance(label, tfds.features.ClassLabel) else ()
        # One shard after the other: an order that no thread can change.
        read = tfds.ReadConfig(try_autocache=False, interleave_cycle_length=1)

        several = "caption" in extra and "captions" in features
        most = self._most_captions(split) if several else 0

        def keep(example: dict[str, Any]) -> dict[str, Any]:
            image = example["image"]
            kept = {"image": self.fitting.fit(image, levels)}
            if classes:
                kept["label"] = tf.cast(example["label"], tf.int32)
            more = {key: example[key] for key in extra if key in features}
            if several:
                # As coco_captions has them, of some images more than of others.
                texts = example["captions"]["text"]
                more["captions"] = tf.pad(texts, [[0, most - tf.shape(texts)[0]]])
                more["captions"] = tf.ensure_shape(more["captions"], [most])
                more["caption"] = more["captions"][0]
            if "truth" in more:
                more["truth"] = self.fitting.fit(more["truth"], levels)
            return kept | more

        def examples() -> "tf.data.Dataset":
            data = self.builder.as_dataset(split=split, shuffle_files=False, read_config=read)
            return data.map(keep, num_parallel_calls=2, deterministic=True)

        place = f"{self.builder.data_path} {split} {self.fitting} {tuple(extra)}"
        size = sum(stop - start for _, start, stop in parts)
        factors = tuple(metadata.get("factors", ()))
        # What TFDS has prepared does not change but by another version of the set.
        counts = {name: info.splits[name].num_examples for name, _, _ in parts}
        return ImageData(
            *(self.name, split, size, shape, levels, classes, parts, Recorded(examples, place)),
            factors,
            fingerprint=f"{info.full_name} {counts}",
        )

    def _most_captions(self, split: str) -> int:
        """Of how many captions an image of the split has the most; images are not decoded."""
        import tensorflow_datasets as tfds

        only = tfds.decode.PartialDecoding({"captions": {"text"}})
        data = self.builder.as_dataset(split=split, shuffle_files=False, decoders=only)
        return max(len(example["captions"]["text"]) for example in data.as_numpy_iterator())


def splits_of(counts: Mapping[str, int]) -> "tfds.core.splits.SplitDict":
    """Splits of so many images as TFDS has them, which reads slices of them."""
    import tensorflow_datasets as tfds

    infos = [
        tfds.core.SplitInfo(name=name, shard_lengths=[count], num_bytes=0)
        for name, count in counts.items()
    ]
    return tfds.core.splits.SplitDict(infos)


class Unreachable(UserError):
    """A data set that has to be downloaded, and cannot."""


def _check_reachable(builder: "tfds.core.DatasetBuilder") -> None:
    """Fails at once without a network, where the download would retry for minutes.

    Raises: Unreachable, which names the host that cannot be found.
    """
    if urllib.request.getproxies():
        return  # the proxy resolves names, not this machine
    for url in builder.url_infos or ():
        host = urllib.parse.urlparse(url).hostname
        try:
            socket.getaddrinfo(host, None)
        except OSError:
            raise Unreachable(
                f"the data set {builder.name!r} has to be downloaded from {host}, which cannot be "
                f"reached, and {builder.data_dir} does not hold it. Embedded sets need no network: "
                f"{', '.join(EMBEDDED)}. A folder of data prepared elsewhere can be named with "
                "`data.directory`."
            ) from None
        return
