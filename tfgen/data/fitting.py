"""How images of any size become those that a model is trained on.

size 48x64, resize crop     the middle of the wanted shape, then resized
size 48x64, resize pad      resized until all of it fits, the rest in the colour of `background`
size 48x64, resize stretch  resized, each axis by its own factor
channels 1                  grey, .299 R + .587 G + .114 B (ITU-R BT.601)
channels 3                  greys in three equal channels
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tfgen.errors import UserError, one_of
from tfgen.sizes import CHANNELS, RESIZE, size_of

if TYPE_CHECKING:
    import tensorflow as tf

WHITE = "white"
GREY = (0.299, 0.587, 0.114)  # how bright red, green and blue are, ITU-R BT.601


@dataclasses.dataclass(frozen=True)
class Fitting:
    """What is done to each image that is read.

    Args:
      size: (height, width), or None: as they are.
      resize: one of `RESIZE`; channels: one of `CHANNELS`, "auto" leaves them.
      background: a colour, below what is transparent and beside what is padded.
    """

    size: tuple[int, int] | None = None
    resize: str = "crop"
    channels: str = "auto"
    background: str = WHITE

    def __post_init__(self) -> None:
        one_of("`data.resize`", self.resize, RESIZE)
        one_of("`data.channels`", self.channels, CHANNELS)
        self.colour()

    def to(self, image_shape: Sequence[int]) -> "Fitting":
        """The same to images of (H, W, C), whatever it was."""
        h, w, c = image_shape
        return dataclasses.replace(self, size=(h, w), channels=str(c))

    @property
    def changes(self) -> bool:
        """Whether an image may come out as another one."""
        return self.size is not None or self.channels != "auto"

    def colour(self) -> tuple[int, ...]:
        """The background, 0 .. 255 of red, green and blue.

        Raises: UserError for what is no colour.
        """
        from PIL import ImageColor

        try:
            return ImageColor.getrgb(self.background)[:3]
        except ValueError:
            raise UserError(
                f"`data.background` is {self.background!r}, but must be a colour: a name, as "
                "white, or #rrggbb."
            ) from None

    def shape(self, shape: Sequence[int | None]) -> tuple[Any, Any, Any]:
        """Of images of (H, W, C), where None varies, what they become."""
        h, w = self.size or shape[:2]
        return h, w, shape[2] if self.channels == "auto" else int(self.channels)

    def fit(self, image: "tf.Tensor", levels: int = 256) -> "tf.Tensor":
        """uint8 or uint16 levels [H, W, C] -> the same of the wanted size and channels."""
        import tensorflow as tf

        if not self.changes:
            return image
        dtype, pixels = image.dtype, tf.cast(image, tf.float32)
        channels = image.shape[-1]
        if self.channels == "1" and channels == 3:
            pixels = tf.tensordot(pixels, tf.constant(GREY), 1)[..., None]
        elif self.channels == "3" and channels == 1:
            pixels = tf.repeat(pixels, 3, axis=-1)
        if self.size and self.resize == "pad":
            pixels = self._pad(pixels, self.size, levels)
        elif self.size:
            part = _middle(pixels, self.size) if self.resize == "crop" else pixels
            pixels = tf.image.resize(part, self.size, antialias=True)
        return tf.cast(tf.clip_by_value(tf.round(pixels), 0.0, levels - 1.0), dtype)

    def _pad(self, image: "tf.Tensor", size: tuple[int, int], levels: int) -> "tf.Tensor":
        import tensorflow as tf

        inner = _inner(tf.shape(image)[:2], size)
        resized = tf.image.resize(image, inner, antialias=True)
        top, left = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
        bottom, right = size[0] - inner[0] - top, size[1] - inner[1] - left
        rgb = tf.constant(self.colour(), tf.float32) * ((levels - 1) / 255)
        if image.shape[-1] == 1:
            rgb = tf.reduce_sum(rgb * tf.constant(GREY), keepdims=True)
        # Padded with zeros as the difference from the background.
        around = tf.pad(resized - rgb, [[top, bottom], [left, right], [0, 0]]) + rgb
        return tf.ensure_shape(around, [*size, image.shape[-1]])


def of_settings(settings: Mapping[str, Any]) -> Fitting:
    """The fitting that the "data" of a config asks for; a run of before has fewer settings."""
    return Fitting(
        size_of(settings["size"]),
        settings.get("resize", "crop"),
        settings.get("channels", "auto"),
        settings.get("background", WHITE),
    )


def _middle(image: "tf.Tensor", size: tuple[int, int]) -> "tf.Tensor":
    """The largest part in the middle that has the shape of `size`."""
    import tensorflow as tf

    h, w = tf.shape(image)[0], tf.shape(image)[1]
    # h' / w' = size[0] / size[1], in whole numbers and at least one.
    height = tf.maximum(tf.minimum(h, w * size[0] // size[1]), 1)
    width = tf.maximum(tf.minimum(w, h * size[1] // size[0]), 1)
    top, left = (h - height) // 2, (w - width) // 2
    return image[top : top + height, left : left + width]


def _inner(shape: "tf.Tensor", size: tuple[int, int]) -> "tf.Tensor":
    """The largest (height, width) within `size` of the image's own shape, at least one pixel."""
    import tensorflow as tf

    factor = tf.reduce_min(tf.constant(size, tf.float64) / tf.cast(shape, tf.float64))
    scaled = tf.cast(tf.round(factor * tf.cast(shape, tf.float64)), tf.int32)
    return tf.clip_by_value(scaled, 1, tf.constant(size))
