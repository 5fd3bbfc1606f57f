"""What each of the GAN family adds: labels, codes found without them, an encoder."""

import math
import types

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from scipy import stats

from tests import zoo
from tests.support import runs
from tests.zoo import GAN, Row
from tfgen import data, random, settings
from tfgen.analysis.explore import pictures
from tfgen.compiling import compiled
from tfgen.errors import UserError
from tfgen.layers import adversaries, planes
from tfgen.metrics import classes
from tfgen.reports import figures
from tfgen.training import building

DENSE = dict(network="dense", width=32, depth=2, latent_dim=2)


def trained(name, steps, **arguments):
    model = Row(name, DENSE | arguments, 0, zoo.TOY_SHAPE, 17).build()
    for optimizer in model.optimizers.values():
        optimizer.learning_rate = 2e-3
        optimizer.beta_1 = 0.5
    step = compiled(model.train_step)
    for i in range(steps):
        step(zoo.toys(seed=i))
    return model


# --- conditional ---------------------------------------------------------------------------------


@pytest.mark.parametrize("normalisation", ["none", "spectral"])
def test_planes_of_labels(normalisation):
    """Ones in the plane of the image's own label: the tutorial that many copy scrambles them."""
    conv = adversaries.conv(6, 4, 2, normalisation, bias_initializer="random_normal")
    layer = planes.ConvBeside(conv)
    label = np.array([3, 0, 9, 3])
    x = np.random.default_rng(0).uniform(-1, 1, (4, 8, 6, 3)).astype(np.float32)
    found = layer([x, np.eye(10, dtype="f")[label]]).numpy()
    beside = np.zeros((4, 8, 6, 10), np.float32)
    for i, k in enumerate(label):
        beside[i, :, :, k] = 1
    seen = planes.Beside()([x, np.eye(10, dtype="f")[label]])
    assert np.array_equal(seen, np.concatenate([x, beside], -1))
    assert conv.kernel.shape == (4, 4, 13, 6)
    np.testing.assert_allclose(found, conv(seen), atol=1e-6)
    again = planes.ConvBeside.from_config(layer.get_config())
    assert again.conv.get_config() == conv.get_config()


@pytest.mark.parametrize("network", ["conv", "dense", "residual"])
def test_a_label_is_seen_with_the_image_of_its_row(network):
    model = Row("conditional_gan", GAN | dict(network=network), 0).build()
    label = np.array([3, 0, 9, 3], np.int32)
    x = tf.constant(np.random.default_rng(0).uniform(-1, 1, (4, 8, 8, 1)), tf.float32)
    both = model.verdict(x, label).numpy()
    alone = np.concatenate([model.verdict(x[i : i + 1], label[i : i + 1]) for i in range(4)])
    np.testing.assert_allclose(both, alone, atol=1e-5)
    assert np.abs(both - model.verdict(x, label[::-1]).numpy()).max() > 1e-4


def test_projection_is_an_inner_product_with_the_features():
    model = Row("conditional_gan", GAN | dict(condition="projection"), 0).build()
    x = np.random.default_rng(0).uniform(-1, 1, (5, 8, 8, 1)).astype(np.float32)
    v, bias = (w.numpy() for w in model.D.layers[-2].weights)
    phi = keras.Model(model.D.inputs[0], model.D.get_layer("features").output)(x).numpy()
    at_zero = model.D(x).numpy()[:, 0]
    for k in range(10):
        found = model.verdict(x, np.full(5, k, np.int32)).numpy()[:, 0]
        np.testing.assert_allclose(found, at_zero + phi @ v[:, k] + bias[k], atol=1e-5)


def test_the_auxiliary_classifier_is_in_both_losses():
    model = Row("conditional_gan", GAN | dict(condition="auxiliary"), 0).build()
    random = np.random.default_rng(0)
    log_c = np.log(random.dirichlet(np.ones(10), (2, 3))).astype(np.float32)
    score = random.normal(size=(2, 3, 1)).astype(np.float32)
    label = np.array([1, 5, 9], np.int32)
    real, fake = (
        tf.constant(np.concatenate([s, c], -1)) for s, c in zip(score, log_c, strict=True)
    )
    D_x, D_fake = 1 / (1 + np.exp(-score[..., 0]))
    missed = -log_c[:, np.arange(3), label]
    d_loss = -np.log(D_x) - np.log(1 - D_fake) + missed[0] + missed[1]
    np.testing.assert_allclose(model.d_loss(real, fake, None, label), d_loss, rtol=1e-4)
    g_loss = -np.log(D_fake) + missed[1]
    np.testing.assert_allclose(model.g_loss(fake, None, label), g_loss, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("condition", ["planes", "projection", "auxiliary"])
def test_samples_are_of_the_class_that_was_asked_for(condition):
    model = trained("conditional_gan", 500, condition=condition, num_classes=zoo.TOY_CLASSES)
    label = np.arange(150, dtype=np.int32) % zoo.TOY_CLASSES
    images = model.sample(np.arange(150), label).numpy().reshape(150, 4)
    right = images[:, :3].argmax(axis=1) == label
    assert right.mean() > 0.95


# --- InfoGAN -------------------------------------------------------------------------------------


def test_the_bound_of_the_mutual_information():
    model = Row("infogan", GAN, 0).build()
    noise = model.noise(tf.range(4))
    logits = np.random.default_rng(0).normal(size=(4, 10)).astype(np.float32)
    means = np.random.default_rng(1).normal(size=(4, 2)).astype(np.float32)
    verdict = tf.concat([tf.zeros([4, 1]), logits, means], axis=-1)
    k = np.floor(noise["u"].numpy()[:, 0] * 10).astype(int)
    log_q = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    expected = log_q[np.arange(4), k] + math.log(10)
    expected += stats.norm.logpdf(noise["c"], means, 1).sum(axis=1)
    np.testing.assert_allclose(model.information(verdict, noise), expected, rtol=1e-5)


@pytest.mark.parametrize("fresh", [False, True])
def test_the_information_is_of_images_and_the_codes_that_made_them(fresh):
    """Also where G's update draws others: what is logged is what D's update was of."""
    row = Row("infogan", GAN | dict(fresh_noise=fresh, critic_steps=2, normalisation="none"), 0)
    model, batch = row.build(), row.batch()
    # Larger kernels show what the images depend on.
    for weight in model.trainable_variables:
        weight.assign(10.0 * weight)
    for optimizer in model.optimizers.values():
        optimizer.learning_rate = 0.0
    seeds = model.training_seeds(batch["image"])[1::2]
    noise = model.noise(seeds)
    fake = model.G(model.latent(noise), training=True)
    other = model.noise(random.derived(seeds, "fresh noise"))
    expected, wrong = (
        np.mean(model.information(model.verdict(fake), codes)) for codes in (noise, other)
    )
    assert abs(expected - wrong) > 0.1
    terms = model.train_step(batch)
    assert float(terms["information"]) == pytest.approx(expected, rel=1e-4)
    # G descends on the codes that its own images are of.
    if fresh:
        noise, fake = other, model.G(model.latent(other), training=True)
    verdict = model.verdict(fake)
    g_loss = np.logaddexp(0, -verdict[:, 0]) - model.information(verdict, noise)
    assert float(terms["g_loss"]) == pytest.approx(np.mean(g_loss), rel=1e-4)


def test_categories_are_uniform_and_are_what_samples_are_made_of():
    model = Row("infogan", GAN, 0).build()
    z = model.draw_prior(tf.range(5000)).numpy()
    codes = z[:, 6:16]
    assert np.array_equal(np.unique(codes), [0, 1])
    assert (codes.sum(axis=1) == 1).all()
    np.testing.assert_allclose(codes.mean(axis=0), 0.1, atol=0.02)
    np.testing.assert_array_equal(model.decode(z[:5]), model.sample(np.arange(5)))
    each = model.of_each_category(z[:2]).numpy()
    assert each.shape == (20, 18)
    np.testing.assert_array_equal(each[:10, 6:16], np.eye(10))
    np.testing.assert_array_equal(each[:10, :6], np.tile(z[:1, :6], (10, 1)))


@pytest.mark.slow
def test_classes_are_found_without_labels():
    """Three kinds of images: the categorical code of three values comes to be their class."""
    best = 0.0
    for start in range(3):  # the game has bad ends; one of three starts must do
        model = trained("infogan", 800, categories=3, continuous=1, normalisation="none")
        batch = zoo.toys(300, seed=10_000 + start)
        found = model.cluster(batch["image"].astype(np.float32) / 16).numpy()
        best = max(best, classes.adjusted_rand_index(batch["label"], found))
        if best > 0.9:
            break
    assert best > 0.9


def test_the_adjusted_rand_index():
    labels = np.array([0, 0, 1, 1])
    assert classes.adjusted_rand_index(labels, np.array([5, 5, 2, 2])) == 1.0
    # Hubert and Arabie's formula by hand: (0 - 2/3) / (2 - 2/3) for the crossed partition.
    assert classes.adjusted_rand_index(labels, np.array([0, 1, 0, 1])) == pytest.approx(-0.5)


# --- BiGAN ---------------------------------------------------------------------------------------


def test_bigan_judges_pairs():
    model = Row("bigan", GAN, 0).build()
    x = tf.constant(np.random.default_rng(0).uniform(-1, 1, (4, 8, 8, 1)), tf.float32)
    z = model.noise(tf.range(4))["z"]
    assert np.abs(model.pair(x, z).numpy() - model.pair(x, z[::-1]).numpy()).max() > 1e-5
    # Images go to [0, 1] and back for it, which rounds.
    code = model.encode((x + 1) / 2)["mean"]
    np.testing.assert_allclose(model.verdict(x), model.pair(x, code), rtol=1e-5)
    batch = Row("bigan", GAN, 0).batch()
    before = [w.numpy() for w in model.E.trainable_variables]
    model.train_step(batch)
    assert any(
        not np.array_equal(a, w) for a, w in zip(before, model.E.trainable_variables, strict=True)
    )


def test_both_losses_of_bigan():
    """With D's outputs p on (x, E(x)) and q on (G(z), z): the two sums of logarithms."""
    model = Row("bigan", GAN, 0).build()
    batch = Row("bigan", GAN, 0).batch()
    x = tf.constant(batch["image"] / 8 - 1, tf.float32)
    z = model.noise(tf.range(8))["z"]
    p = tf.sigmoid(model.pair(x, model.E(x))).numpy()
    q = tf.sigmoid(model.pair(model.G(z), z)).numpy()
    terms = model.test_step(batch)
    d_loss = -np.log(p).mean() - np.log(1 - q).mean()
    assert float(terms["d_loss"]) == pytest.approx(d_loss, rel=1e-4)
    g_loss = -np.log(q).mean() - np.log(1 - p).mean()
    assert float(terms["g_loss"]) == pytest.approx(g_loss, rel=1e-4)


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
    quick = [("dcgan", "mnist"), ("sngan", "cifar10")]
    slow = [
        *(("dcgan", name) for name in ("fashion_mnist", "cifar10", "celeb_a")),
        *(("gan", "mnist"), ("infogan", "mnist"), ("conditional_gan", "fashion_mnist")),
        *(("wgan", "mnist"), ("wgan_gp", "cifar10"), ("began", "celeb_a"), ("bigan", "mnist")),
        *(("progan", name) for name in ("cifar10", "celeb_a")),
    ]
    return quick + [pytest.param(*pair, marks=pytest.mark.slow) for pair in slow]


@pytest.mark.parametrize(("model", "name"), of_paper())
def test_the_papers_settings_train_on_stand_ins(model, name, stand_ins):
    config = settings.find(model, name)
    assert set(settings.config_file(model).ON) >= {name}
    settings.check(config)
    training = data.open_source(name, str(stand_ins), config.data.size).load("train")
    config.model.width = 4
    if "generator_width" in config.model:
        config.model.generator_width = 0
    config.batch_size = 4 * config.model.get("critic_steps", 1)
    built = building.build(model, config, training)
    size = config.data.size
    assert (
        built.image_shape
        == training.shape
        == ((size, size, *training.shape[2:]) if size else (28, 28, 1))
    )
    batch = next(iter(data.batches(training, config.batch_size, 0, 0)))
    terms = built.train_step(batch)
    assert all(np.isfinite(float(value)) for value in terms.values())
    samples = built.sample([1, 2], built.conditions(2)).numpy()
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
    drawn = {key: pixels for key, _, _, pixels in pictures(model, digits.load("validation"))}
    assert set(shown) <= set(drawn)
    assert ("classes" in drawn) == (name in ("conditional_gan", "bigan"))
    assert all(pixels.dtype == np.uint8 and pixels.std() > 0 for pixels in drawn.values())


def test_a_grid_of_classes_by_noise_holds_each_sample(digits):
    """Row r, column k: the image of seed r with label k."""
    model = Row("conditional_gan", GAN, 0).build()
    drawn = {key: pixels for key, _, _, pixels in pictures(model, digits.load("validation"))}
    seeds = np.arange(8, dtype=np.int32).repeat(10)
    images = model.sample(seeds, np.tile(np.arange(10, dtype=np.int32), 8)).numpy()
    assert np.array_equal(drawn["classes"], figures.tile(images, 10))
