"""Keras' `fit`, as models have it: it takes images too, or the steps that a device takes alone."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgen import images
from tfgen.errors import UserError


class Fit(keras.Model):
    """Keras' model, that a user's images can be given to as they are."""

    # Of the model, see `GenerativeModel`.
    image_shape: tuple[int, ...]
    levels: int
    seed: int
    num_classes: int
    data_features: tuple[str, ...]
    can: Callable[[str], bool]
    # Makes the train function of a run whose images the device holds.
    steps_on_device: Callable[[Any], Callable[[Any], Any]] | None = None
    train_function: Any  # Keras', see `make_train_function`

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        validation_data: Any = None,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """Keras' `fit`, which takes images too, as `tfgen.train` does.

        Args:
          x: images [N, H, W, C], uint8 levels or floats in [0, 1]; or what Keras takes, batches of
            {"image": uint8 levels, "label": int32}.
          y: labels [N], for a model that learns from them.
          batch_size: of images; 32 by default.
          validation_data: images, or (images, labels).

        Raises: UserError for images that do not fit, in words.
        """
        if not hasattr(x, "shape"):
            given = dict(batch_size=batch_size, validation_data=validation_data)
            return super().fit(x, y, **given, **kwargs)
        shuffle = kwargs.pop("shuffle", True)
        levels, batches = self._batches("x", x, y, batch_size or 32, shuffle)
        if validation_data is not None:
            held = validation_data if isinstance(validation_data, tuple) else (validation_data,)
            pictures, numbers = (*held, None)[:2]
            _, validation_data = self._batches("validation_data", pictures, numbers)
        # Keras would warn that it does not shuffle what is shuffled.
        given = dict(validation_data=validation_data, shuffle=False)
        history = super().fit(batches, **given, **kwargs)
        if self.can("fit_after_training"):
            self.fit_after_training(levels)
        return history

    def _batches(
        self, name: str, given: Any, labels: Any = None, batch_size: int = 32, shuffle: bool = False
    ) -> tuple[np.ndarray, tf.data.Dataset]:
        """Images -> (their levels, a tf.data.Dataset of batches).  Raises: UserError."""
        kind = type(self).__name__
        more = [*self.data_features, *(["other"] if self.can("translate") else [])]
        if more:
            raise UserError(
                f"{kind} learns from more than images: give a tf.data.Dataset of batches with "
                f"{' and '.join(map(repr, ['image', *more]))}, as tfgen.data.batches makes them."
            )
        levels = images.levels_of(name, given, self.levels)
        if levels.shape[1:] != self.image_shape:
            raise UserError(
                f"{name} holds images of {levels.shape[1:]}; the model was made with "
                f"image_shape={self.image_shape}."
            )
        if len(levels) < batch_size:
            raise UserError(f"{name} holds {len(levels)} images, less than a batch: {batch_size}.")
        rows = {"image": levels}
        if labels is not None:
            rows["label"] = images.labels_of(labels, len(levels))
        elif self.num_classes:
            raise UserError(f"{kind} learns from labels: give them beside the images, as y.")
        data = tf.data.Dataset.from_tensor_slices(rows)
        data = data.shuffle(len(levels), seed=self.seed) if shuffle else data
        return levels, data.batch(batch_size, drop_remainder=True)

    @property
    def distribute_strategy(self) -> tf.distribute.Strategy:
        """What Keras distributes data by: not at all where `steps_on_device` takes its own.

        What TensorFlow distributes is read by threads that it tunes, and tearing those down can
        take a minute at the end of a training (TensorFlow 2.21).
        """
        if self.steps_on_device is not None:
            return tf.distribute.get_strategy()
        return super().distribute_strategy

    def make_train_function(self, force: bool = False) -> None:
        """What `fit` calls: Keras' own, or where the device holds the images, many steps there."""
        if self.steps_on_device is None:
            super().make_train_function(force)
        elif self.train_function is None or force:
            self.train_function = self.steps_on_device(self)
