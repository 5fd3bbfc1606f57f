"""Checkpoints: everything that a step depends on, written atomically, one kept back in case.

A checkpoint holds every weight (the step and the log's open interval among them) and every
optimizer. Data order and noise are functions of (seed, step), so they need no room in it.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import tensorflow as tf

from tfgen.errors import UserError, without_ops
from tfgen.files import plain

if TYPE_CHECKING:
    from tfgen.model import GenerativeModel


class Checkpoints:
    """The checkpoints of a run, numbered by step; the newest three are kept."""

    def __init__(self, directory: Path, model: "GenerativeModel") -> None:
        self.directory = directory
        self.model = model
        optimizers = {f"optimizer_{name}": opt for name, opt in model.optimizers.items()}
        # The weights by their order, and not as parts of the model: layers that were appended to a
        # list are among `model.weights`, and TensorFlow's checkpoint does not see them.
        self.checkpoint = tf.train.Checkpoint(weights=list(model.weights), **optimizers)
        self.manager = self._new_manager()

    def _new_manager(self) -> tf.train.CheckpointManager:
        self.directory.mkdir(parents=True, exist_ok=True)
        folder = str(plain(self.directory))
        return tf.train.CheckpointManager(self.checkpoint, folder, max_to_keep=3)

    def save(self, step: int) -> None:
        """Writes a checkpoint; those before it stay whole if that fails.

        Raises: OSError if it cannot be written.
        """
        try:
            self.manager.save(checkpoint_number=step)
        except tf.errors.OpError as error:
            before = "Those before it are intact" if self.steps() else "There is none before it"
            raise OSError(
                f"cannot write the checkpoint of step {step} in {self.directory}: "
                f"{without_ops(error.message)}. "
                f"{before}: free some space and run the same command again."
            ) from None

    def restore(self, say: Callable[[str], None]) -> int:
        """Restores the newest checkpoint that can be read. Returns its step, or 0 if there is none.

        One that cannot be read (cut short by a crash of the machine, say) is reported by `say`,
        removed, and the one before it is taken.

        Raises: UserError if there are checkpoints and none can be read.
        """
        found = self.steps()
        for step in reversed(found):
            path = self.directory / f"ckpt-{step}"
            try:
                self.restore_step(step)
                return step
            except (tf.errors.OpError, AssertionError, ValueError, IndexError) as error:
                reason = str(getattr(error, "message", error)).strip().splitlines()[0]
                say(f"checkpoint {path} cannot be read ({reason}); taking the one before.")
        if found:
            raise UserError(
                f"none of the checkpoints in {self.directory} can be read. "
                "Take the folder away to train from the start."
            )
        return 0

    def restore_step(self, step: int) -> None:
        """Restores one checkpoint, or raises what TensorFlow does."""
        file = str(plain(self.directory) / f"ckpt-{step}")
        self.checkpoint.restore(file).assert_existing_objects_matched()

    def forget_after(self, step: int) -> None:
        """Removes checkpoints later than `step`: unreadable ones, which training writes again."""
        for later in self.steps():
            if later > step:
                for file in self.directory.glob(f"ckpt-{later}.*"):
                    file.unlink()
        # The manager's own list, without them.
        self.manager = self._new_manager()

    def steps(self) -> list[int]:
        """The steps of the checkpoints on disk, ascending; the index file is written last."""
        names = [f.stem.removeprefix("ckpt-") for f in self.directory.glob("ckpt-*.index")]
        return sorted(int(name) for name in names if name.isdecimal())
