"""tfgen: a zoo of generative models in Keras, in which a seed is an image, everywhere.

    import tfgen

    run = tfgen.train("dcgan", "digits", workdir="runs/dcgan")
    images = run.sample(range(64))              # float32 [64, H, W, C] in [0, 1]
    run.evaluate()
    run.export("saved_model")
    tfgen.load("runs/dcgan").model              # a Keras model
    tfgen.load("zoo:dcgan/digits").sample(7)    # one that came with tfgen, trained

Nothing heavy is imported until it is used: a command line can check its flags before TensorFlow
loads.
"""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tfgen import registration

if TYPE_CHECKING:
    from tfgen.run import Run

__version__ = "0.2.0"

__all__ = ["evaluate", "load", "train"]

registration.install()


def load(directory: str | os.PathLike, out: str | os.PathLike = "", *, sha256: str = "") -> "Run":
    """A finished run; its `model` is the Keras model.

    Args:
      directory: its folder; a preset that came with tfgen, "dcgan/digits" or "zoo:dcgan/digits"; or
        a `.zip` that `export.pack` made.
      out: a folder for what is made of it, measurements, pages and exports; "": the run's own, of a
        preset or zip one beneath runs/.
      sha256: of the zip, in hexadecimal, where it is known from elsewhere.

    Raises: UserError if there is no run, it is not finished, or a file of it is broken.
    """
    from tfgen import presets
    from tfgen.run import Run

    place = presets.locate(directory, sha256)
    run = Run(place.path, out=out or place.out)
    run.model  # noqa: B018 - loaded now, so that a run that is not finished is refused here
    return run


def train(
    model: Any,
    data: Any = "",
    *,
    workdir: str | os.PathLike = "",
    labels: Any = None,
    validation: Any = None,
    steps: int | None = None,
    batch_size: int | None = None,
    settings: Mapping[str, Any] | None = None,
    optimizers: Any = None,
    init: str | os.PathLike = "",
    callbacks: Sequence[Any] = (),
    verbose: bool = True,
) -> "Run":
    """Trains a model, or goes on where an earlier call stopped. All that `train.run` does.

    Args:
      model: the name of a model of the zoo ("dcgan"), the path of a file that defines one and
        `get_config` ("./my_gan.py"), or a model that was made: `VAE(image_shape=..., levels=...)`.
      data: the name of a data set ("digits", any TFDS name), a folder ("./pictures"); images, uint8
        or float in [0, 1], [N, H, W, C]; a tf.data.Dataset of such, or of (image, label); or a
        source that `tfgen.data.open_source` gave. By default that of the model's config.
      workdir: the run directory, a folder or "gs://bucket/run"; by default runs/<model>-<data>.
      labels: int [N], of images that are given as an array.
      validation: (images, labels) or images that are not trained on, where arrays are given; by
        default a tenth of them. Of a named data set, a split: "train[90%:]".
      steps, batch_size: as settings.
      settings: any others by their names in a config: {"model.width": 32, "log_every": 50}.
      optimizers: of a class that has no config: {name: Keras optimizer} for each of the model's
        `trained()`, or one optimizer or its name for all. By default what `compile` was given.
      init: a run whose weights this one begins with.
      callbacks: of Keras, called beside our own.
      verbose: whether to show progress on stdout.

    Returns: the `Run`.
    Raises: UserError for bad input, with the run directory as it was; OSError for a failing disk;
      Interrupted after SIGINT or SIGTERM, when a checkpoint is written.
    """
    from tfgen.training import front

    return front.train(
        model,
        data,
        workdir=workdir,
        labels=labels,
        validation=validation,
        steps=steps,
        batch_size=batch_size,
        settings=dict(settings or {}),
        optimizers=optimizers,
        init=init,
        callbacks=callbacks,
        verbose=verbose,
    )


def evaluate(
    images: Any,
    against: Any,
    *,
    features: str = "auto",
    inception: tuple[str, str] = ("", ""),
    n: int = 0,
    size: str = "",
    runner: str = "",
    flags: Sequence[str] = (),
    workers: int = 0,
) -> dict[str, Any]:
    """Measures one set of images against another, whatever made them.

    Args:
      images, against: samples and real images; each an array, uint8 or float in [0, 1],
        [N, H, W, C], a folder ("./pictures"), or a name with a split ("digits:test").
      features: what they are compared in: "auto" or "textures", or "inception" with (path, SHA-256
        or "") of its weights in `inception` (`tfgen/metrics/inception.py`): then FID, inception
        score, KID and PRDC are as papers have them.
      n: of how many images, the first of each; 0: of all.
      size: what pictures of folders are brought to, as in `config.data.size`.
      runner, flags, workers: where one is given, `images` is a folder of `run.export_batch`, and
        workers of Apache Beam measure it as they made it: Frechet distance and KID of as many
        images as there are (`tfgen/evaluation/at_scale.py`).

    Returns: what `tfgen/evaluation/sets.py` says: protocol, results, errors, floor.
    Raises: UserError for input that cannot be meant.
    """
    from tfgen import startup

    with startup.loading_tensorflow():
        from tfgen.evaluation import pictures
    return pictures.evaluate(images, against, features, inception, n, size, runner, flags, workers)
