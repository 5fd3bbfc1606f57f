"""What holds of the GAN family: lost games, the papers' settings, the latent tools."""

import types

import numpy as np
import pytest
import tensorflow_datasets as tfds

from tests.support import runs
from tests.zoo import GAN, Row
from tfgen import data, rules, settings
from tfgen.analysis.explore import pictures
from tfgen.data import conditions
from tfgen.errors import UserError
from tfgen.reports import figures
from tfgen.training import building

# --- what is said when the game is over ----------------------------------------------------------


PROVOKED = {
    # G's weights are thrown far off: its images are all alike.
    "the generator has collapsed": ("gan", {"optimizers.G.learning_rate": 0.3}),
    # G stands still, and D learns to know its images.
    "D wins outright": (
        "gan",
        {"optimizers.G.learning_rate": 1e-9, "optimizers.D.learning_rate": 3e-3},
    ),
    # Nothing bounds the critic.
    "the losses diverge": ("wgan", {"model.clip": 0.0, "optimizers.D.learning_rate": 0.05}),
}


@pytest.mark.slow
@pytest.mark.parametrize("said", PROVOKED)
def test_a_lost_game_is_noticed(said, tmp_path):
    model, changes = PROVOKED[said]
    small = {"model.width": 16, "steps": 300, "batch_size": 48, "log_every": 20, "save_every": 300}
    done = runs.train(model, tmp_path / "run", **small | changes)
    assert done.returncode == 0, done.stderr
    warnings = [line for line in done.stdout.splitlines() if line.startswith("Warning, step ")]
    assert sum(said in line for line in warnings) == 1, done.stdout[-2000:]
    assert said in (tmp_path / "run" / "card.md").read_text()


# --- the papers' settings for larger data --------------------------------------------------------


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory):
    """A folder of TFDS sets on disk with the names and features of the real ones, of 48 images."""
    folder = tmp_path_factory.mktemp("tfds")
    for name in ("mnist", "fashion_mnist", "cifar10", "celeb_a"):
        real = tfds.builder_cls(name)
        version = {"VERSION": real.VERSION}
        hidden = {"skip_registration": True}  # the real one keeps its name
        kind = types.new_class(
            name.title().replace("_", ""),
            (StandIn,),
            hidden,
            lambda body, v=version: body.update(v),
        )
        kind(data_dir=folder).download_and_prepare()
    return folder


class StandIn(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    VERSION = tfds.core.Version("0.0.0")

    def _info(self):
        self.real = tfds.builder(self.name).info.features
        return tfds.core.DatasetInfo(builder=self, features=self.real)

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(48), "test": self._generate_examples(8)}

    def _generate_examples(self, count):
        shape = self.real["image"].shape
        for i in range(count):
            example = {"image": np.random.default_rng(i).integers(0, 256, shape, dtype=np.uint8)}
            if "label" in self.real:
                example["label"] = i % 10
            if "id" in self.real:
                example["id"] = f"n{i}"
            for name in {"attributes", "landmarks", "identity"} & set(self.real):
                example[name] = dict.fromkeys(self.real[name], 1)
            yield i, example


def of_paper():
    """Of each kind of settings one, and all data sets."""
    quick = [("dcgan", "mnist")]
    slow = [
        ("sngan", "cifar10"),
        *(("dcgan", name) for name in ("fashion_mnist", "cifar10", "celeb_a")),
        *(("gan", "mnist"), ("infogan", "mnist"), ("conditional_gan", "fashion_mnist")),
        *(("wgan", "mnist"), ("wgan_gp", "cifar10"), ("began", "celeb_a"), ("bigan", "mnist")),
        *(("progan", name) for name in ("cifar10", "celeb_a")),
    ]
    return quick + [pytest.param(*pair, marks=pytest.mark.slow) for pair in slow]


@pytest.mark.parametrize(("model", "name"), of_paper())
def test_the_papers_settings_train_on_stand_ins(model, name, stand_ins):
    config = settings.find(model, name)
    training = data.open_source(name, str(stand_ins), config.data.size).load("train")
    about = rules.Data(*training.shape, levels=training.levels, count=50_000)
    assert settings.derive(model, config, about).values
    settings.check(config)
    config.model.width = 4
    if "generator_width" in config.model:
        config.model.generator_width = 0
    config.batch_size = 4 * config.model.get("critic_steps", 1)
    built = building.build(model, config, training)
    size = int(config.data.size)
    assert (
        built.image_shape
        == training.shape
        == ((size, size, *training.shape[2:]) if size else (28, 28, 1))
    )
    batch = next(iter(data.batches(training, config.batch_size, 0, 0)))
    terms = built.train_step(batch)
    assert all(np.isfinite(float(value)) for value in terms.values())
    samples = built.sample([1, 2], conditions.defaults(built.condition, 2)).numpy()
    assert samples.shape == (2, *training.shape)
    assert samples[0].tobytes() != samples[1].tobytes()


def test_a_batch_that_critic_steps_do_not_divide_is_refused_before_a_run_begins(digits):
    config = settings.find("wgan")
    config.batch_size = 64
    with pytest.raises(UserError, match="64 cannot be divided among 3 updates of D"):
        building.build("wgan", config, digits.load("train"))


# --- latent tools --------------------------------------------------------------------------------


OF_A_GENERATOR = ["traversals", "interpolation"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("gan", OF_A_GENERATOR),
        ("conditional_gan", [*OF_A_GENERATOR, "classes"]),
        ("infogan", [*OF_A_GENERATOR, "categories"]),
        ("bigan", ["traversals", "interpolation-linear", "arithmetic", "reconstructions"]),
    ],
)
def test_the_latent_tools_work_for_all(name, shown, digits):
    model = Row(name, GAN, 0).build()
    drawn = {row.key: pixels for row, pixels in pictures(model, digits.load("validation"))}
    assert set(shown) <= set(drawn)
    assert ("classes" in drawn) == (name in ("conditional_gan", "bigan"))
    assert all(pixels.dtype == np.uint8 and pixels.std() > 0 for pixels in drawn.values())


def test_a_grid_of_classes_by_noise_holds_each_sample(digits):
    """Row r, column k: the image of seed r with label k."""
    model = Row("conditional_gan", GAN, 0).build()
    drawn = {row.key: pixels for row, pixels in pictures(model, digits.load("validation"))}
    seeds = np.arange(8, dtype=np.int32).repeat(10)
    images = model.sample(seeds, np.tile(np.arange(10, dtype=np.int32), 8)).numpy()
    assert np.array_equal(drawn["classes"], figures.tile(images, 10))
