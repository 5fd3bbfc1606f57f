"""What happens beside the training step: checks, the log, pictures, checkpoints, progress.

`Recorder` is one callback and not five, because the order of these things is the point: first the
check for finite terms, then the log, and the checkpoint last, so that whatever it says has happened
is on disk already.
"""

import contextlib
import math
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

import keras
import numpy as np
import tensorflow as tf

from tfgen import progress, startup
from tfgen.errors import Notice, UserError
from tfgen.reports import figures
from tfgen.training.checkpoints import Checkpoints
from tfgen.training.health import Health
from tfgen.training.hosts import ALONE, Alone, Hosts
from tfgen.training.log import Log
from tfgen.training.validation import Validation

if TYPE_CHECKING:
    from ml_collections import ConfigDict

    from tfgen.run_dir import RunDir

SLOW = 10.0  # seconds of a picture, from which on its cost is said

# How a training is shown.
Progress = progress.Steps | progress.Silence


class AfterSteps(keras.callbacks.Callback):
    """What follows a step, and when: the same on every worker, though the chief alone writes.

    Args: config, of the run; start, the steps done; hosts, who trains with this process.
    """

    checkpoints: Checkpoints

    def __init__(self, config: "ConfigDict", start: int, hosts: Alone | Hosts) -> None:
        super().__init__()
        self.config, self.start, self.hosts = config, start, hosts
        self.signal: int | None = None  # the number of a signal that asked us to stop

    @contextlib.contextmanager
    def stopping_on_signals(self) -> Iterator[None]:
        """Takes a signal as a wish to save and stop; a second one acts as always."""

        def stop(number: int, frame: FrameType | None) -> None:
            self.signal = number
            restore()

        asking = startup.signals("SIGTERM", "SIGINT", "SIGHUP")
        with startup.handling(asking, stop) as restore:
            yield

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None) -> None:
        step = self.start + batch + 1
        self.check_finite(step)
        if progress.lost.is_set():
            self.signal = self.signal or startup.SIGPIPE
        last = step == self.config.steps
        if step % self.config.log_every == 0 or last:
            self.write_log(step)
        enough = self.validate(step, last)
        due = step % self.config.save_every == 0 or last or enough
        if due:
            self.draw(step)
            self.save(step)
        stopped = self.hosts.stopping(step, self.signal)
        if stopped and not due:
            self.save(step)
        self.show(step)
        if stopped or enough:
            self.signal = stopped
            self.model.stop_training = True

    def validate(self, step: int, last: bool) -> bool:
        """Measures the validation split when it is time. Returns whether to stop early."""
        if not self.config.eval_every or (step % self.config.eval_every and not last):
            return False
        return bool(self.hosts.from_chief(self.look(step)))

    def check_finite(self, step: int) -> None:
        """Stops at the first term that is not finite."""
        sums = self.model.interval_sums.numpy()
        if not np.isfinite(sums).all():
            bad = [self.model.terms[i] for i in np.flatnonzero(~np.isfinite(sums))]
            first = min(int(self.model.finite_steps.numpy()) + 1, step)
            self._diverged(
                first, f"{' and '.join(bad)} {'is' if len(bad) == 1 else 'are'} not finite"
            )

    def _diverged(self, step: int, what: str) -> NoReturn:
        kept = self.checkpoints.steps()
        last = (
            f"the checkpoint of step {kept[-1]} is kept" if kept else "there is no checkpoint yet"
        )
        lower = [
            f"`optimizers.{name}.learning_rate={o.learning_rate / 10:g}`"
            for name, o in self.config.optimizers.items()
            if "learning_rate" in o  # one of Keras' own is made anew by who gave it
        ]
        raise UserError(
            f"training diverged at step {step}: {what}; {last}. "
            "A lower learning rate is the usual cure, "
            + (f"e.g. {' '.join(lower)}, " if lower else "")
            + "in a new `workdir`."
        )

    def write_log(self, step: int) -> None:
        """Ends an interval of the log: its sums begin anew."""
        sums = self.model.interval_sums
        sums.assign(np.zeros(sums.shape))

    def look(self, step: int) -> bool | None:
        """A look at the validation split; whether it ends the training, None where others know."""

    def draw(self, step: int) -> None: ...

    def save(self, step: int) -> None: ...

    def show(self, step: int) -> None: ...


class Follower(AfterSteps):
    """A worker that is not the chief: it keeps in step and writes nothing.

    checkpoints: the chief's.
    """

    def __init__(
        self, config: "ConfigDict", start: int, hosts: Hosts, checkpoints: Checkpoints
    ) -> None:
        super().__init__(config, start, hosts)
        self.checkpoints = checkpoints


class Recorder(AfterSteps):
    """Watches a run from step `start` on and writes its directory.

    Args:
      run, config: where and what; terms: the model's; checkpoints: how it is saved; start: the
        steps done.
      progress: called with (step, means) at every interval, and between with (step, None).
      preview: makes the picture of a checkpoint, uint8 [height, width, 3].
      validation: a `Validation`, or None for a run that does not watch.
      hosts: who trains with this process.
    """

    def __init__(
        self,
        run: "RunDir",
        config: "ConfigDict",
        terms: Sequence[str],
        checkpoints: Checkpoints,
        start: int,
        progress: Progress,
        preview: Callable[[], np.ndarray],
        validation: Validation | None = None,
        hosts: Alone | Hosts = ALONE,
    ) -> None:
        super().__init__(config, start, hosts)
        self.run, self.checkpoints = run, checkpoints
        self.log = Log(run.log, terms, start, config.log_every)
        self.progress = progress
        self.preview = preview
        self.validation = validation
        self.fit_after_training = lambda: None  # what a model does before it samples
        self.try_figures = lambda: None  # those of the end, at step 0
        self.events = _event_writer(run.tensorboard)

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        model = self.model
        self.health = Health(model, self.progress.say) if model.can("warnings") else None
        if not self.start:
            began = time.monotonic()
            self.draw(0)
            self.tell_cost_of_pictures(time.monotonic() - began)
            self.try_figures()

    def tell_cost_of_pictures(self, seconds: float) -> None:
        """What those to come will take, if the first was slow: drawn pixel after pixel, say."""
        count = math.ceil(self.config.steps / self.config.save_every)
        if seconds > SLOW:
            said = (
                f"a picture of samples takes {seconds:.0f} s, and each of {count} checkpoints has "
                f"one: {seconds * count / 60:.0f} minutes in all. A larger `save_every` makes them "
                "fewer."
            )
            warnings.warn(said, Notice, stacklevel=2)

    def end(self, step: int) -> None:
        """What the last step does, for a training that a user's callback has stopped before it."""
        if step > self.log.last:
            self.write_log(step)
        self.validate(step, last=True)
        self.draw(step)
        self.save(step)

    def look(self, step: int) -> bool:
        watch = self.validation
        assert watch
        found = watch.record(step)
        assert watch.best
        best, value = watch.best
        metric = watch.metric
        self.progress.say(
            f"validation at step {step}: {metric} {found[metric]:.4f}"
            + (", the best so far" if best == step else f" (best {value:.4f} at step {best})")
        )
        self.write_events(step, {f"validation/{name}": value for name, value in found.items()})
        return watch.exhausted

    def write_log(self, step: int) -> None:
        # Not every interval is whole: a run that is prolonged may have ended within one.
        count = step - self.log.last
        sums = self.model.interval_sums.numpy()
        means = dict(zip(self.model.terms, (sums / count).tolist(), strict=True))
        super().write_log(step)
        self.log.write(step, means)
        self.progress(step, means)
        if self.health:
            self.health.check(step, means)
        self.write_events(step, means)

    def write_events(self, step: int, numbers: Mapping[str, float]) -> None:
        if self.events:
            with self.events.as_default(step):
                for name, value in numbers.items():
                    tf.summary.scalar(name, value)

    def show(self, step: int) -> None:
        self.progress(step, None)

    def draw(self, step: int) -> None:
        """What fixed seeds give, or fixed images of a domain.

        A picture that fails after one of step 0 has not costs no checkpoint: a `Notice` says so.
        """
        self.fit_after_training()
        try:
            pixels = self.preview()
        except Exception as error:
            if not step:
                raise
            said = f"the picture of step {step} could not be drawn: {error!r}."
            warnings.warn(said, Notice, stacklevel=2)
            return
        grid = self.run.sample_grid(step)
        figures.save(grid, pixels)
        if self.events:
            with self.events.as_default(step):
                _write_picture("samples", pixels, grid)

    def save(self, step: int) -> None:
        # A finite loss may have made the step to weights that are not: those are not worth keeping.
        for weight in self.model.trainable_variables:
            if not tf.reduce_all(tf.math.is_finite(weight)):
                self._diverged(step, f"the weights {weight.path!r} are not finite")
        self.checkpoints.save(step)
        if self.validation and self.validation.best:
            self.validation.forget_superseded()
        if self.events:
            self.events.flush()
        self.run.give()


def _event_writer(path: Path) -> tf.summary.SummaryWriter | None:
    """TensorBoard's events if the extra is installed, else None."""
    import importlib.util

    if importlib.util.find_spec("tensorboard") is None:
        return None
    return tf.summary.create_file_writer(str(path))


def _write_picture(name: str, pixels: np.ndarray, file: Path) -> None:
    """What `tf.summary.image` writes, of a PNG file that is there: it would compress it again."""
    height, width, _ = pixels.shape
    plugin = tf.compat.v1.SummaryMetadata.PluginData(plugin_name="images")
    picture = tf.constant([str(width).encode(), str(height).encode(), file.read_bytes()])
    tf.summary.write(name, picture, metadata=tf.compat.v1.SummaryMetadata(plugin_data=plugin))
