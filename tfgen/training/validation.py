"""Watching the validation split while a model trains: the best weights kept, and an early stop.

Everything here is a function of the weights and of the validation split, so a resumed run sees what
an untouched one sees. The test split is never opened.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import keras

from tfgen import data, evaluation, files, reading
from tfgen.compiling import compiled
from tfgen.errors import NotMeasurable, UserError, one_of
from tfgen.metrics import distances, kept_classifier
from tfgen.metrics import features as feature_networks
from tfgen.training.log import Log

if TYPE_CHECKING:
    import numpy as np
    from ml_collections import ConfigDict

    from tfgen.data.source import ImageData
    from tfgen.model import GenerativeModel
    from tfgen.run_dir import RunDir


FRECHET, KID = "frechet", "kid"
DISTANCES = {FRECHET: distances.frechet, KID: distances.unbiased_mmd}
SAMPLES = 1000


class Validation:
    """Measures every `eval_every` steps and keeps the weights of the least `metric`.

    Args:
      run, config, model: of the run; training, validation: its splits, `ImageData`.
      start: the steps done.

    The metric is a term of `test_step`, or a distance between 1,000 samples and the validation
    images in the evaluation's features: "frechet", or "kid" between the samples and as many images
    at most. "auto" is a distance where a model that samples has no likelihood, else "loss". Without
    labels that is the KID: of some hundred images the Frechet distance is half bias in those
    features, while the KID of real images is 0 on average, and takes any number of them.

    A Frechet distance takes more validation images than there are features: with fewer "auto" is
    the KID too.

    Raises: UserError for an unknown metric, or too few images for it.
    """

    def __init__(
        self,
        run: "RunDir",
        config: "ConfigDict",
        model: "GenerativeModel",
        training: "ImageData",
        validation: "ImageData",
        start: int,
    ) -> None:
        self.run, self.config, self.model = run, config, model
        self.held_out = data.arrays(validation)
        self.metric = config.eval_metric
        if self.metric == "auto":
            samples = model.likelihood_kind == "implicit" and model.can("sample")
            labelled = feature_networks.targets(self.held_out) or training.shape[:2] == (1, 1)
            enough = validation.size > feature_networks.UNITS
            self.metric = (FRECHET if labelled and enough else KID) if samples else "loss"
        one_of("eval_metric", self.metric, [*model.terms, *DISTANCES])
        # Traced once, not at every look.
        self._test = evaluation.compiled_test_step(model, self.held_out)
        self._sample = compiled(model.sample)
        self.features: feature_networks.Features | None = None
        if self.metric in DISTANCES:
            self._prepare_features(training, validation)
        self.names = [*model.terms, *([self.metric] if self.features else [])]
        self._check_log(start)
        self.log = Log(run.validation, self.names, start, config.eval_every)
        column = self.names.index(self.metric)
        self.rows = {step: row[column] for step, row in self.log.rows.items()}
        for step, path in self._kept().items():
            if step > start:
                path.unlink()

    def _check_log(self, start: int) -> None:
        """Raises: UserError where the run was watched by another metric, as by an older version."""
        if not start or not self.run.validation.exists():
            return
        names, _ = reading.read_rows(self.run.validation)
        if self.metric not in names:
            raise UserError(
                f"{self.run.validation} was begun by another version, which watched "
                f"{', '.join(names)}, and "
                f"not {self.metric}: train anew in another `workdir`."
            )

    def _prepare_features(self, training: "ImageData", validation: "ImageData") -> None:
        self.splits = evaluation.Splits(training, data.arrays(training), self.held_out)
        try:
            self.features = feature_networks.choose(
                "auto", self.splits.train, self.held_out, training.levels
            )
            kept_classifier.keep(self.run.classifier, self.features)
            self.real = self.features.features(self.splits.unit(self.held_out["image"]))
            self._distance(self.real)
        except NotMeasurable as error:
            other = "" if self.metric == KID else "`eval_metric=kid`, "
            raise UserError(
                f"{error}; the validation split {validation.split!r} has {validation.size}. Choose "
                f"another with `data.validation`, {other}or do not watch it: `eval_every=0`."
            ) from None

    def measure(self) -> dict[str, float]:
        """{metric: number} of the model as it is."""
        found = evaluation.mean_terms(self.model, self.held_out, self._test)
        if self.features:
            samples, _ = evaluation.draw(self._sample, self.model, self.splits, SAMPLES)
            found[self.metric] = self._distance(self.features.features(samples))
        return found

    def _distance(self, features: "np.ndarray") -> float:
        real = self.real[:SAMPLES] if self.metric == KID else self.real
        return DISTANCES[self.metric](real, features)

    def record(self, step: int) -> dict[str, float]:
        """Measures, logs, and keeps the weights if they are the best. Returns the metrics."""
        found = self.measure()
        better = not self.rows or found[self.metric] < min(self.rows.values())
        self.rows[step] = found[self.metric]
        if better:
            with files.atomic(self._path(step)) as temporary:
                self.model.save_networks(temporary)
        # A column for each, whatever `test_step` reports, and in whatever order.
        self.log.write(step, {name: found.get(name, float("nan")) for name in self.names})
        return found

    @property
    def best(self) -> tuple[int, float] | None:
        """(step, value) of the best so far, the first of equals; None before any."""
        return min(self.rows.items(), key=lambda row: (row[1], row[0])) if self.rows else None

    @property
    def _best_step(self) -> int:
        assert self.best  # nobody asks before a first look
        return self.best[0]

    @property
    def exhausted(self) -> bool:
        """Whether the last `patience` evaluations brought nothing better."""
        if not self.config.patience or not self.rows:
            return False
        since = sum(step > self._best_step for step in self.rows)
        return since >= self.config.patience

    def forget_superseded(self) -> None:
        """Removes all kept weights but the best; not before a checkpoint of now is on disk."""
        for step, path in self._kept().items():
            if step != self._best_step:
                path.unlink()

    def restore_best(self) -> None:
        """Sets the model to the best weights."""
        kept = keras.saving.load_model(self._path(self._best_step), compile=False)
        self.model.set_weights(kept.get_weights())

    def _path(self, step: int) -> Path:
        return self.run.checkpoints / f"best-{step}.keras"

    def _kept(self) -> dict[int, Path]:
        paths = self.run.checkpoints.glob("best-*.keras")
        return {int(path.stem.partition("-")[2]): path for path in paths}
