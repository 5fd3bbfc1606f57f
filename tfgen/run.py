"""A run and what can be done with it: what `tfgen.train` and `tfgen.load` return."""

import contextlib
import functools
import json
import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfgen import files, models, run_dir, startup
from tfgen.errors import Notice, UserError, one_of
from tfgen.run_dir import RunDir
from tfgen.seeds import checked

if TYPE_CHECKING:
    import numpy as np

    from tfgen.data.source import ImageData, Source
    from tfgen.evaluation import Splits
    from tfgen.model import GenerativeModel

EXPORTS = ("saved_model", "tflite", "demo")


class Run(os.PathLike):
    """A finished run: its directory, its model, its data.

    Args:
      path: the run directory.
      source: of the data, where it is at hand; else it is opened anew from the config.
      out: where what is made of the run goes: measurements, pages, exports; "": beside it.

    Attributes: path; dir, the paths of everything in it; outputs, those of what is made of it;
      name, of the model; config, a dict.
    """

    def __init__(
        self, path: str | os.PathLike, source: "Source | None" = None, out: str | os.PathLike = ""
    ) -> None:
        self.dir = RunDir(path)
        self.outputs = RunDir(out) if out else self.dir
        if self.outputs.path.is_file():
            raise UserError(f"`out={out}` is a file; wanted is a folder, new or there.")
        self.path = self.dir.path
        self._kind, self.config = self.dir.read_config()
        self.name = run_dir.short_name(self._kind)
        self._source = source

    def __fspath__(self) -> str:
        return str(self.path)

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def __repr__(self) -> str:
        return f"Run({self.dir.address!r}, {self.name!r} on {self.config['data']['name']!r})"

    def __getattr__(self, name: str) -> Any:
        # `tfgen.load` gave the model itself in version 0.1.
        try:
            known = not name.startswith("_") and hasattr(type(self.model), name)
        except UserError:
            known = False
        if not known:
            raise AttributeError(f"a run has no {name!r}; has its `model`?")
        warnings.warn(
            f"tfgen.load gives a run, whose model has {name!r}: write run.model.{name}",
            DeprecationWarning,
            stacklevel=2,
        )
        return getattr(self.model, name)

    # --- the model and the data ------------------------------------------------------------------

    @functools.cached_property
    def model(self) -> "GenerativeModel":
        """The trained Keras model, without optimizers.

        Raises: UserError if the run is not finished, or its model file is broken.
        """
        with startup.loading_tensorflow():
            return models.load(self.path)

    def finds_data(self, without: str) -> bool:
        """Whether the images are at hand; if not, a `Notice` says why.

        without: what is done without them, a clause, as in "reconstructions are left out".
        """
        try:
            self._splits  # noqa: B018 - opens them
        except UserError as error:
            warnings.warn(f"{error} So {without}.", Notice, stacklevel=3)
            return False
        return True

    @functools.cached_property
    def source(self) -> "Source":
        """Where the images come from.

        Raises: UserError for data that are not there any more, or were arrays.
        """
        from tfgen import data

        if self._source:
            return self._source
        try:
            return data.of_run(self.config["data"])
        except UserError as error:
            raise UserError(
                f"{error} The run in {self.dir.address} cannot be measured without the images that "
                "it was trained on; it samples and is exported without."
            ) from None

    @functools.cached_property
    def _splits(self) -> "tuple[ImageData, ImageData]":
        from tfgen.data import record

        chosen = self.config["data"]
        splits = self.source.training_and_validation(
            chosen["split"], chosen["validation"], self.model.data_features
        )
        other = record.changed(self.dir, *splits)
        if self.model.num_classes and record.classes(self.dir) not in (None, [*splits[0].classes]):
            raise UserError(
                f"{other}: the model knows classes by their places among these. Bring them back as "
                "they were to measure it; it samples and is exported without."
            )
        if other:
            warnings.warn(
                f"{other}: what is held out may have been trained on, and labels be others.",
                Notice,
                stacklevel=2,
            )
        return tuple(map(self.model.prepare_data, splits))

    @property
    def training(self) -> "ImageData":
        """The split that the run was trained on."""
        return self._splits[0]

    @property
    def validation(self) -> "ImageData":
        """The split that it was watched by."""
        return self._splits[1]

    @property
    def test(self) -> str:
        """The name of the split that the run has not seen; the validation split's without one."""
        return "test" if "test" in self.source.splits else self.validation.split

    def images(self, arrays: "dict[str, np.ndarray]") -> "np.ndarray":
        """The images of a split's arrays in [0, 1], float32 [N, H, W, C]."""
        return arrays["image"].astype("float32") / (self.training.levels - 1)

    # --- what it is for --------------------------------------------------------------------------

    def sample(
        self,
        seeds: int | Iterable[int],
        condition: Any = None,
        *,
        label: Any = None,
        caption: Any = None,
    ) -> "np.ndarray":
        """Images of seeds: float32 [N, H, W, C] in [0, 1]; the same seed is the same image.

        condition: for a conditional model, one for all seeds or one for each: labels, by number or
          name, or captions. `label` and `caption` are words for it.

        Raises: UserError for seeds that are none, and for a condition that is missing or does not
          fit.
        """
        from tfgen.data import conditions

        if not self.model.can("sample"):
            raise UserError(f"{self.name} makes images of images, not of seeds: see its translate.")
        wanted = checked(seeds)
        who, known = self.dir.address, self.model.condition
        given = conditions.checked(known, who, len(wanted), condition, label, caption)
        return self.model.sample(wanted, *given.values()).numpy()

    def evaluate(
        self,
        data: Any = None,
        *,
        labels: Any = None,
        validation: Any = None,
        split: str = "",
        n: int = 0,
        k: int = 1000,
        nll_n: int = 0,
        features: str = "auto",
        inception: tuple[str, str] = ("", ""),
        parts: Sequence[str] | str = (),
        verbose: bool = False,
        tell: Callable[[dict[str, Any]], None] = lambda content: None,
    ) -> dict[str, Any]:
        """Measures the run and writes metrics.json, report.html and copies.html.

        Returns: what the first holds.

        Args:
          data, labels, validation: as `tfgen.train` took them, for a run that was trained on arrays
            in another process.
          split: by default the data's test split, else the run's validation split.
          n: samples; 0: as many as there are held-out images, 10,000 at most.
          k: importance samples of a bound.
          nll_n: held-out images whose likelihood is measured, the first; 0: all, but at most 2,500
            where each takes k samples.
          features: "auto", "classifier", "textures", or "inception" with (path, SHA-256 or "") of
            its weights in `inception` (`tfgen/metrics/inception.py` says of which files).
          parts: what to measure, some of "samples", "likelihood", "codes", "translations",
            "captions"; by default all.
          verbose: whether to show progress on stdout.
          tell: called with what was measured before it is written, which a full disk may prevent.

        Raises: UserError for arguments that cannot be meant, or data of another fingerprint.
        """
        parts = [parts] if isinstance(parts, str) else parts
        self._take(data, labels, validation)
        with startup.loading_tensorflow():
            import tensorflow as tf

            from tfgen import evaluation, progress
            from tfgen.evaluation.measure import measure
        tf.config.experimental.enable_op_determinism()
        stages = progress.Stages() if verbose else progress.Silence()
        kept = self._keeps_results()
        try:
            content, splits = measure(
                self,
                split,
                n,
                k,
                nll_n,
                features,
                inception,
                tuple(parts) or evaluation.PARTS,
                stages,
            )
        finally:
            stages.close()
        tell(content)
        if kept:
            text = json.dumps(content, indent=2, allow_nan=False) + "\n"
            files.write_text(self.outputs.metrics, text)
            self._write_report(content, splits)
        return content

    def _keeps_results(self) -> bool:
        """Whether what is measured can be written; a `Notice` says if not."""
        folder = self.outputs.path
        if self.outputs is not self.dir:
            folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return True
        warnings.warn(
            f"{folder} cannot be written to: what is measured is not kept. `out=FOLDER` keeps it "
            "elsewhere.",
            Notice,
            stacklevel=3,
        )
        return False

    def report(self) -> Path:
        """Writes report.html from the last evaluation, the first if there was none. Its path."""
        measured = self.outputs if self.outputs.metrics.exists() else self.dir
        if not measured.metrics.exists():
            self.evaluate()
            return self.outputs.report
        from tfgen.evaluation import Splits

        content = measured.read_json(measured.metrics)
        protocol = content["protocol"]
        splits = Splits.load(self.source, protocol["train"], protocol["split"], self.model)
        self._write_report(content, splits)
        return self.outputs.report

    def _write_report(self, content: dict[str, Any], splits: "Splits") -> None:
        from tfgen.reports import copies, report

        files.write_text(self.outputs.report, report.page_of(self, content, splits))
        if "pairs" in content.get("details", {}):
            files.write_text(self.outputs.copies, copies.page_of(self, content, splits))
        self.outputs.give()

    def export(self, kind: str, **options: Any) -> Any:
        """Writes the model for another runtime.

        Args:
          kind: "saved_model", for TensorFlow Serving (version=); "tflite", for devices
            (precisions=, batch=); "demo", a page that runs in a browser (out=, precision=).

        Returns: the path; of "tflite" {precision: numbers of its file}.
        Raises: UserError for an unknown kind or an option that does not fit.
        """
        one_of("export", kind, EXPORTS)
        with startup.loading_tensorflow():
            from tfgen.exporting import demo, saved_model, tflite
        module = {"saved_model": saved_model, "tflite": tflite, "demo": demo}[kind]
        return module.export_run(self, **options)

    def export_batch(
        self,
        seeds: Any,
        out: str | os.PathLike,
        *,
        format: str = "tfrecord",
        label: Any = None,
        caption: Any = None,
        conditions: str | os.PathLike = "",
        rejects: str | os.PathLike = "",
        runner: str = "local",
        flags: Sequence[str] = (),
        workers: int = 0,
        verbose: bool = False,
    ) -> dict[str, Any]:
        """Writes samples by the million, by Apache Beam. Returns what out/manifest.json holds.

        A call that was stopped goes on where it did, and one with more seeds makes those alone.

        Args:
          seeds: int32 numbers, a list or a range; None where `conditions` has them.
          out: a folder, new or of the same job; `tfgen/shards/__init__.py` lists what it holds.
          format: "tfrecord", "png" or "npz" (`tfgen/shards/formats.py`).
          label, caption: one for all, where the model wants it; without, all that it has in turn.
          conditions, rejects: a CSV or Parquet file of seeds and what each is asked for, and where
            its bad rows go (`tfgen/exporting/table.py`).
          runner, flags: a Beam runner and its options, "FlinkRunner", ["flink_master=host:8081"];
            by default processes of this machine, `workers` of them, 0 for as many as cores.
          verbose: whether to show progress on stdout.

        Raises: UserError for what cannot be meant, and where Beam is not installed.
        """
        from tfgen import progress
        from tfgen.exporting import batch

        word = {"label": label, "caption": caption}
        shown = progress.Counting("sample") if verbose else progress.Silence()
        with contextlib.closing(shown):
            return batch.export(
                self.dir.address,
                seeds,
                out,
                format,
                conditions,
                rejects,
                runner,
                flags,
                workers,
                shown,
                **{key: value for key, value in word.items() if value is not None},
            )

    def explore(self) -> Path:
        """Writes explore.html, what the codes mean. Returns its path.

        Raises: UserError for a model without codes.
        """
        self.model  # noqa: B018 - a run that is not finished is refused before anything else
        from tfgen.analysis import explore

        return explore.explore(self)

    def warn_of_unreached(self) -> None:
        """Says, as a `Notice`, what the model has not come to in training."""
        left = self.model.unreached(self.model.steps_done)
        if left:
            warnings.warn(" ".join(left), Notice, stacklevel=3)

    def _take(self, data: Any, labels: Any, validation: Any) -> None:
        """Arrays in place of the source that the config cannot open."""
        if data is None:
            return
        from tfgen.data import changed
        from tfgen.data.in_memory import given

        source, chosen = given(data, labels, validation, self.model.levels), self.config["data"]
        source.check_fingerprint(chosen.get("fingerprint", ""))
        self._source = changed(source, chosen)
        for cached in ("source", "_splits"):
            self.__dict__.pop(cached, None)
