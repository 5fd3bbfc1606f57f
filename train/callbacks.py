"""What happens beside the training step: the guard, the log, pictures, checkpoints, progress.

`Recorder` is one callback and not five, because the order of these things is the point: first the guard,
then the log, and the checkpoint last, so that whatever it says has happened is on disk already.
"""

import csv
import io
import math
import os
import signal
import sys

import keras
import tensorflow as tf

from tfgen import figures, run_dir
from tfgen.errors import UserError


class Log:
    """log.csv: a row of means an interval. Rows of steps that a restart repeats are written once."""

    def __init__(self, path, start):
        self.path = path
        rows = []
        if start and path.exists():
            rows = [row for row in csv.DictReader(io.StringIO(path.read_text())) if _whole(row)]
            rows = [row for row in rows if int(row["step"]) <= start]
        self.names = list(rows[0])[1:] if rows else None
        text = "".join(_line(row.values()) for row in ([dict(zip(rows[0], rows[0]))] if rows else []) + rows)
        run_dir.write_text(path, text)

    def write(self, step, means):
        with open(self.path, "a") as file:
            if self.names is None:
                self.names = list(means)
                file.write(_line(["step", *self.names]))
            file.write(_line([step, *(repr(means[name]) for name in self.names)]))
            file.flush()
            os.fsync(file.fileno())


def _whole(row):
    """Whether a row was written to its end: a killed run can leave half a line."""
    return None not in row.values() and None not in row and row["step"].isdigit()


def _line(values):
    return ",".join(map(str, values)) + "\n"


class Recorder(keras.callbacks.Callback):
    """Watches a run from step `start` on and writes its directory.

    Args:
      run, config: where and what; means, checkpoints: the state to be saved; start: the steps done.
      progress: called with (step, means) at every interval and (step, None) at every step.
    """

    def __init__(self, run, config, means, checkpoints, start, progress):
        super().__init__()
        self.run, self.config = run, config
        self.means, self.checkpoints = means, checkpoints
        self.start = start
        self.log = Log(run.log, start)
        self.progress = progress
        self.signal = None  # the number of a signal that asked us to stop
        self.images = None
        self.last_means = {}
        self.events = _event_writer(run.tensorboard)

    def on_train_begin(self, logs=None):
        model = self.model
        self._sample = tf.function(lambda: model.sample(tf.range(64)))
        self._handlers = {s: signal.signal(s, self._stop) for s in (signal.SIGTERM, signal.SIGINT)}
        if not self.start:
            self.draw(0)

    def on_train_end(self, logs=None):
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _stop(self, number, frame):
        self.signal = number

    def on_train_batch_end(self, batch, logs):
        step = self.start + batch + 1
        self.guard(step, logs)
        self.means.add(logs)
        if step % self.config.log_every == 0:
            self.write_log(step)
        if step % self.config.save_every == 0 or step == self.config.steps:
            self.draw(step)
            self.save(step)
        elif self.signal:
            self.save(step)
        self.progress(step, None)
        if self.signal:
            self.model.stop_training = True

    def guard(self, step, logs):
        """Stops at the first loss that is not finite."""
        for name, value in logs.items():
            if not math.isfinite(value):
                self._diverged(step, f"the term {name!r} is {value}")

    def _diverged(self, step, what):
        kept = self.checkpoints.steps()
        last = f"the checkpoint of step {kept[-1]} is kept" if kept else "there is no checkpoint yet"
        raise UserError(
            f"training diverged at step {step}: {what}; {last}. "
            "A lower learning rate is the usual cure, e.g. "
            + " ".join(
                f"--config.optimizers.{name}.learning_rate={o.learning_rate / 10:g}"
                for name, o in self.config.optimizers.items()
            )
            + ", in a new --workdir."
        )

    def write_log(self, step):
        self.last_means = self.means.means()
        self.means.clear()
        self.log.write(step, self.last_means)
        self.progress(step, self.last_means)
        if self.events:
            with self.events.as_default(step):
                for name, value in self.last_means.items():
                    tf.summary.scalar(name, value)

    def draw(self, step):
        """The grid of the fixed seeds."""
        path = self.run.sample_grid(step)
        images = self._sample().numpy()
        figures.sample_grid(path, images)
        if self.events:
            with self.events.as_default(step):
                tf.summary.image("samples", figures.tile(images, 8)[None])

    def save(self, step):
        # A finite loss may have made the step to weights that are not: those are not worth keeping.
        for weight in self.model.trainable_variables:
            if not tf.reduce_all(tf.math.is_finite(weight)):
                self._diverged(step, f"the weights {weight.path!r} are not finite")
        self.checkpoints.save(step)
        if self.events:
            self.events.flush()


def _event_writer(path):
    """TensorBoard's events if the extra is installed, else None."""
    import importlib.util

    if importlib.util.find_spec("tensorboard") is None:
        return None
    return tf.summary.create_file_writer(str(path))


class Progress:
    """A bar on a terminal, a line an interval elsewhere."""

    def __init__(self, steps, start, batch_size):
        from tqdm import tqdm

        self.batch_size = batch_size
        self.steps = steps
        terminal = sys.stdout.isatty()
        self.bar = (
            tqdm(total=steps, initial=start, unit="step", file=sys.stdout, dynamic_ncols=True)
            if terminal
            else None
        )

    def __call__(self, step, means):
        if self.bar is not None:
            if means is None:
                self.bar.update(step - self.bar.n)
            else:
                self.bar.set_postfix({k: f"{v:.4g}" for k, v in means.items()}, refresh=False)
        elif means is not None:
            terms = "  ".join(f"{name} {value:.4f}" for name, value in means.items())
            print(f"step {step}/{self.steps}  {terms}", flush=True)

    def close(self):
        if self.bar is not None:
            self.bar.close()
