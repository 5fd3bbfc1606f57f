"""What a training is of, and what each process of it needs: data, model, the way it takes steps."""

import dataclasses
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tfgen import accumulation, data, models, progress
from tfgen.training import building, compilation, deriving, devices, hosts, sharing
from tfgen.training.callbacks import AfterSteps

if TYPE_CHECKING:
    import keras
    from ml_collections import ConfigDict

    from tfgen.data.source import ImageData, Source
    from tfgen.model import GenerativeModel


@dataclasses.dataclass(frozen=True)
class Job:
    """What is to be trained.

    Args:
      name: of the model, as `models.find` takes it; config: all settings, checked.
      model: one that the user made; None: it is built from the config.
      source: of the data; None: it is opened from the config.
      optimizers: {name: Keras optimizer}; None: those of the config.
      callbacks: of Keras, called after our own.
      given: the dotted names of the settings that the user chose, where the others follow from the
        data by the rule of the model (`tfgen/rules.py`); None: the config stands as it is.
      derived: of those that follow, their names, once the data are open.
      say: called with each sentence for the user; with `progress.silent` no progress is shown.
    """

    name: str
    config: Any
    model: Any = None
    source: Any = None
    optimizers: dict | None = None
    callbacks: Sequence = ()
    given: Collection[str] | None = None
    derived: list[str] = dataclasses.field(default_factory=list)
    say: Callable[[str], None] = progress.say

    @property
    def kind(self) -> "type[GenerativeModel]":
        return models.find(self.name) if self.model is None else type(self.model)


def prepare(job: Job, workers: int = 1) -> "tuple[Source, GenerativeModel, ImageData, ImageData]":
    """What a training needs: (source of the data, model, training split, validation split).

    workers: how many processes train together; each is to call it.

    Raises: UserError for settings that no model of this name, or not with these data, can have.
    """
    config = job.config
    tf.config.experimental.enable_tensor_float_32_execution(config.tf32)
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()
    strategy = devices.make_strategy(config.replicas, workers)
    source = job.source or data.of_run(config.data)
    training, validation = source.training_and_validation(
        config.data.split, config.data.validation, job.kind.data_features
    )
    if job.given is not None:
        job.derived[:] = deriving.derive(job.name, config, training, job.given)
    if job.model is None:
        model = building.build(job.name, config, training, strategy, job.optimizers)
    else:
        model = building.adopt(job.model, config, training, strategy, job.optimizers)
    training, validation = model.prepare_data(training), model.prepare_data(validation)
    data.check_batch_size(training, config.batch_size)
    if config.accumulate > 1:
        accumulation.trace(model, data.batches(training, config.batch_size, config.seed))
    return source, model, training, validation


def stepping(
    model: "GenerativeModel",
    config: "ConfigDict",
    training: "ImageData",
    start: int,
    say: Callable[[str], None],
    team: hosts.Alone | hosts.Hosts = hosts.ALONE,
) -> tf.data.Dataset:
    """Sets how the model takes its steps, says so, and returns what `fit` is given for them."""
    replicas = model.distribute_strategy.num_replicas_in_sync
    how, why = compilation.chosen(config.compile, config.deterministic, replicas, team.count)
    say(why)
    most = compilation.steps_of_a_call(how)
    model.steps_per_execution = building.steps_per_execution(config, replicas, start, most)
    order = config.batch_size, config.seed, start, config.data.flip
    if team.count > 1:
        own = data.batches(training, *order, share=(team.index, team.count))
        return sharing.batches(model, own)
    if how == "none":
        return data.batches(training, *order)
    if replicas > 1:
        return sharing.batches(model, data.batches(training, *order), how, say)
    return compilation.calls(model, training, *order, how, say)


def fit(
    model: "GenerativeModel",
    config: "ConfigDict",
    batches: tf.data.Dataset,
    start: int,
    recorder: AfterSteps,
    callbacks: "Sequence[keras.callbacks.Callback]" = (),
) -> None:
    """Keras' `fit` over the remaining steps, as one epoch: steps are the only unit of length."""
    with recorder.stopping_on_signals():
        model.fit(
            batches,
            steps_per_epoch=config.steps - start,
            verbose=0,
            shuffle=False,
            callbacks=[recorder, *callbacks],
        )
