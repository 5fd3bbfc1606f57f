"""The evaluation of a finished run: what metrics.json holds."""

import hashlib
import math
from collections.abc import Callable, Sequence
from importlib import metadata
from typing import TYPE_CHECKING, Any

from tfgen import data, evaluation
from tfgen.errors import NotMeasurable, UserError, one_of
from tfgen.evaluation.protocol import FIRST_SEED, MOST_BOUNDED, MOST_SAMPLES, Protocol, Splits
from tfgen.metrics import features as feature_networks
from tfgen.metrics import kept_classifier
from tfgen.metrics.inception import WANTED

if TYPE_CHECKING:
    from tfgen.evaluation.finished import FinishedRun


KINDS = ("auto", "classifier", "inception", "textures")


def check(
    n: int,
    k: int,
    nll_n: int,
    features: str,
    inception: tuple[str, str],
    parts: Sequence[str],
) -> None:
    """Raises: UserError for arguments of `measure` that cannot be meant."""
    one_of("features", features, KINDS)
    for part in parts:
        one_of("parts", part, evaluation.PARTS)
    if n < 0:
        raise UserError(f"`n={n}`: the number of samples is positive.")
    if nll_n < 0:
        raise UserError(f"`nll_n={nll_n}`: the number of images is positive.")
    if k < 1:
        raise UserError(f"`k={k}`: a bound takes at least 1 importance sample.")
    check_inception(features, inception)


def check_inception(features: str, inception: tuple[str, str]) -> None:
    """Raises: UserError for weights without `features=inception`, or that without weights."""
    if (features == "inception") != bool(inception[0]) or (inception[1] and not inception[0]):
        raise UserError(
            "`features=inception` and `inception=PATH` go together, with `inception_sha256=HEX` "
            "where the digest of the file's source is known: the weights are "
            f"{WANTED}, and yours to bring."
        )


def measure(
    run: "FinishedRun",
    split: str = "",
    n: int = 0,
    k: int = 1000,
    nll_n: int = 0,
    features: str = "auto",
    inception: tuple[str, str] = ("", ""),
    parts: Sequence[str] = evaluation.PARTS,
    progress: Callable[[str, float], None] = lambda stage, share: None,
) -> tuple[dict[str, Any], Splits]:
    """(what metrics.json holds, the splits) of a finished `Run`.

    Args:
      split: by default the data's test split, else the run's validation split.
      n: samples; 0: as many as there are held-out images.
      k: importance samples of a bound.
      nll_n: held-out images whose likelihood is measured, the first; 0: all, but at most
        MOST_BOUNDED where each takes k samples.
      features: one of KINDS; inception: (path, SHA-256 or "") of its weights.
      parts: what is measured, some of `evaluation.PARTS`.
      progress: called with (stage, share of the whole).

    Raises: UserError for arguments that cannot be meant, an unfinished run, or a split that cannot
      be measured.
    """
    check(n, k, nll_n, features, inception, parts)
    if not run.dir.complete:
        raise UserError(f"the run in {run.dir.address} is not complete: it has no card.md yet.")
    config, model = run.config, run.model
    # Read before what takes minutes: it may be broken.
    training_facts = run.dir.read_json(run.dir.training) if run.dir.training.exists() else {}
    chosen = config["data"]
    training, split = run.training, split or run.test
    splits = Splits.load(run.source, training.split, split, model)
    network, without_features = None, {}
    if "samples" in parts:
        progress("features", 0.0)
        try:
            network = feature_networks.choose(
                features, splits.train, splits.held_out, training.levels, inception
            )
            kept_classifier.keep(run.outputs.classifier, network)
        except NotMeasurable as error:
            without_features = {"samples": str(error)}
            parts = [part for part in parts if part != "samples"]
    protocol = Protocol(
        data=data.name_of(chosen),
        size=chosen["size"],
        train=training.split,
        split=split,
        n=n or min(len(splits.held_out["image"]), MOST_SAMPLES),
        seed=FIRST_SEED,
        k=k,
        features=network.kind if network else "",
        features_hash=network.digest if network else "",
        nll_n=likelihood_of(nll_n, len(splits.held_out["image"]), model),
    )
    content = evaluation.evaluate(
        model, splits, protocol, network, progress, parts, chosen["directory"]
    )
    content["not_measured"] |= without_features
    about = {
        "name": run.name,
        "density": model.likelihood_kind,
        "seed": config["seed"],
        "sha256": hashlib.sha256(run.dir.model.read_bytes()).hexdigest(),
        "training": training_facts,
    }
    versions = {p: metadata.version(p) for p in ("tensorflow", "keras", "numpy", "scikit-learn")}
    described = {
        "kind": network.kind if network else "",
        "distance": network.distance if network else "FDC",
        "accuracy": network.accuracy if network else {},
    }
    found = {"model": about, "features": described, **content, "versions": versions}
    return _finite(found), splits


def likelihood_of(given: int, count: int, model: Any) -> int | None:
    """How many of so many held-out images the likelihood is measured of, the first; None: all."""
    number = given or (MOST_BOUNDED if model.can("elbo") else count)
    return number if number < count else None


def _finite(value: Any) -> Any:
    """The same with null for what JSON has no number for."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
