"""Samples of `export.batch` against real images, each shard by some worker: memory does not grow.

As `sets.compare` has it, but for what needs all images at once (neighbours, a classifier between
the sets) and for errors. The Frechet distance is the same number. KID is over all pairs, not over
subsets (`tfgen/metrics/moments.py`).
"""

import dataclasses
import functools
from collections.abc import Iterable, Sequence
from typing import Any

from tfgen import engine, startup
from tfgen.evaluation import sets
from tfgen.evaluation.absent import Absent
from tfgen.evaluation.protocol import VERSION
from tfgen.metrics import moments
from tfgen.metrics.moments import Moments
from tfgen.shards.folder import Folder
from tfgen.shards.plan import SIZE


@dataclasses.dataclass(frozen=True)
class Part:
    """Sums of what some workers have seen: of samples, and of either half of the real images."""

    of: dict[str, Moments]

    def __add__(self, other: "Part") -> "Part":
        both = self.of.keys() & other.of.keys()
        return Part(self.of | other.of | {name: self.of[name] + other.of[name] for name in both})


class Looker:
    """Holds the features' network; called with the number of a part, sums its features.

    Parts: the shards of samples, then blocks of the one half of the real images, then of the other.
    """

    def __init__(
        self, images: str, against: sets.Pictures, features: str, inception: tuple[str, str]
    ) -> None:
        self.folder, self.against = Folder(images), against
        self.shards = len(self.folder.read_manifest()["shards"])
        self.network = sets.network_of(against, features, inception)
        self.halves = sets.halves(len(against.images))

    @property
    def parts(self) -> int:
        return self.shards + sum(-(-len(half) // SIZE) for half in self.halves)

    def __call__(self, number: int) -> Part:
        if number < self.shards:
            return self._seen("samples", sets.Pictures(self.folder.images(number), 256, ""))
        number -= self.shards
        for name, half in zip(("one", "other"), self.halves, strict=True):
            blocks = -(-len(half) // SIZE)
            if number < blocks:
                rows = half[number * SIZE :][:SIZE]
                some = dataclasses.replace(self.against, images=self.against.images[rows])
                return self._seen(name, some)
            number -= blocks
        raise IndexError(number)

    def _seen(self, name: str, pictures: sets.Pictures) -> Part:
        return Part({name: Moments.of(self.network.features(pictures.unit))})


def opened(images: str, against: Any, features: str, inception: tuple[str, str]) -> Looker:
    """What a worker looks with: of one thread."""
    startup.one_thread()
    return Looker(images, against(), features, inception)


def merged(parts: Iterable[Part]) -> Part:
    """The sums of all."""
    return functools.reduce(Part.__add__, parts, Part({}))


def compare(
    images: str,
    against: Any,
    features: str = "auto",
    inception: tuple[str, str] = ("", ""),
    runner: str = engine.LOCAL,
    flags: Sequence[str] = (),
    workers: int = 0,
) -> dict[str, Any]:
    """What module says; `result` is that of `sets.compare`.

    Args:
      images: a folder of `export.batch`; against: () -> `sets.Pictures`, sent to the workers.
      features, inception: as `sets.compare` has them; runner, flags, workers: see
        `engine.for_each`.

    Raises: UserError for images of two sizes, and a folder that is not whole.
    """
    folder = Folder(images)
    about = folder.read_manifest()
    looker = Looker(images, against(), features, inception)
    sets.check_size(tuple(about["image_shape"]), images, looker.against)
    opener = functools.partial(opened, images, against, features, inception)
    part = engine.merged(range(looker.parts), opener, merged, folder.path, runner, flags, workers)
    one, other = part.of["one"], part.of["other"]
    absent = Absent()
    return {
        "protocol": {
            **{"images": images, "of": about["seeds"]["count"]},
            **{"against": looker.against.name, "of_against": one.count + other.count},
            **{"shape": about["image_shape"], "features": looker.network.kind},
            **{"features_hash": looker.network.digest, "distance": looker.network.distance},
            "version": VERSION,
        },
        "results": _measured(one + other, part.of["samples"], absent),
        "errors": {},
        "floor": {"n": one.count, **_measured(one, other, Absent())},
        "not_measured": absent.reasons,
    }


def _measured(real: Moments, fake: Moments, absent: Absent) -> dict[str, float]:
    return absent.unless(("frechet",), lambda: [moments.frechet(real, fake)]) | absent.unless(
        ("kid",), lambda: [moments.unbiased_mmd(real, fake)]
    )
