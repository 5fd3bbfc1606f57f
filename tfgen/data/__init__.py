"""A name -> images: embedded sets, any TFDS name, or a folder of images, all by the same door.

    source = data.open_source("digits")            # or "mnist", "celeb_a", "./my/pictures"
    train = source.load("train[:90%]")             # slices as in TFDS
    for batch in data.batches(train, 64, seed=0):
        batch["image"], batch["label"]             # uint8 [B, H, W, C], int32 [B]

An image is uint8 levels 0 .. L - 1 and stays so until the model scales it.
"""

from tfgen.data.opening import changed, name_of, of_run, open_source
from tfgen.data.pipeline import arrays, batches, check_batch_size, evaluation_batches
from tfgen.data.source import EMBEDDED, ImageData

__all__ = [
    "EMBEDDED",
    "ImageData",
    "arrays",
    "batches",
    "changed",
    "check_batch_size",
    "evaluation_batches",
    "name_of",
    "of_run",
    "open_source",
]
