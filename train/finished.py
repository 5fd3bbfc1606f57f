"""A finished run as the commands that look at it need it: the model, and the images of its data."""

import dataclasses

from tfgen import quiet
from tfgen.run_dir import RunDir


@dataclasses.dataclass(frozen=True)
class Finished:
    """What a command is given.

    Args:
      run: its directory; name, config: of the model and of the run; model: the trained one.
      source: of its data; training, validation: the splits as the run had them, `ImageData`.
      test: the name of the split that the run has not seen.
    """

    run: RunDir
    name: str
    config: dict
    model: object
    source: object
    training: object
    validation: object
    test: str

    def images(self, arrays):
        """The images of a split's arrays in [0, 1], float32 [N, H, W, C]."""
        return arrays["image"].astype("float32") / (self.training.levels - 1)


def open_run(path):
    """The run in a folder; loads TensorFlow.

    Raises: UserError if there is none, or it is not finished.
    """
    run = RunDir(path)
    name, config = run.read_config()
    with quiet.loading_tensorflow():
        import tensorflow  # noqa: F401

        import tfgen
        from tfgen import data
    model, chosen = tfgen.load(run.path), config["data"]
    source = data.of_run(chosen)
    training, validation = source.training_and_validation(
        chosen["split"], chosen["validation"], model.features
    )
    training, validation = model.view(training), model.view(validation)
    test = "test" if "test" in source.splits else validation.split
    return Finished(run, name, config, model, source, training, validation, test)
