"""Text to image: a D that minds the text, a G that hears it, captions in every runtime."""

import json

import numpy as np
import pytest
import tensorflow as tf

from tests.support import runs, servers
from tests.support.browser import CHROMIUM, visit
from tests.zoo import GAN, ROWS, WORDS, Row
from tfgen import random, settings
from tfgen.analysis import explore
from tfgen.compiling import compiled
from tfgen.data import text
from tfgen.errors import UserError
from tfgen.exporting import demo, golden, saved_model, sources, tflite
from tfgen.models.text_to_image import Texts, TextToImage
from tfgen.objectives import augmentation

SEEDS = np.arange(5, dtype=np.int32)


CAPTIONS = ["a red dot", "a blue dot", "dot", "red red", "a"]


def build(**arguments):
    return Row("text_to_image", GAN | WORDS | arguments, 0).build()


@pytest.fixture(scope="module")
def model():
    model = build(ema=0.9)
    step = compiled(model.train_step)
    for i in range(3):
        step(Row("text_to_image", GAN | WORDS, 0).batch(seed=i))
    # After three steps all images are grey: larger kernels show what they depend on.
    for weight in model.weights:
        if weight.path.endswith(("kernel", "embeddings")):
            weight.assign(4.0 * weight)
    return model


@pytest.mark.slow
def test_what_is_after_the_last_word_does_not_count(model):
    """The encoder ends with the last word, however long its rows are."""
    longer = build(length=9)
    longer.painter["text"].set_weights(model.painter["text"].get_weights())
    short, long = (
        m.painter["text"](m.condition.rows(CAPTIONS, len(CAPTIONS))) for m in (model, longer)
    )
    np.testing.assert_allclose(short, long, atol=1e-6)
    assert np.abs(np.diff(short, axis=0)).max(axis=1).min() > 1e-3
    # Without a word it is nothing, and no number that is none.
    assert np.array_equal(model.painter["text"](np.zeros((2, 4), np.int32)), np.zeros((2, 7)))


def texts_of(model, t, others):
    """The texts t of a batch with wrong ones of our choice."""
    phi, wrong = (model.painter["text"](tokens) for tokens in (t, others))
    return Texts(t, phi, wrong, np.ones(len(t), "f"))


# --- the objective -------------------------------------------------------------------------------


def test_a_right_image_with_a_wrong_text_is_a_fake(model):
    """Algorithm 1 by hand, the rows whose neighbour has the same caption without a wrong text."""
    rng = np.random.default_rng(0)
    x, fake = rng.normal(size=(2, 4, 8, 8, 1)).astype(np.float32)
    t = model.condition.defaults(range(4))
    others = np.roll(t, 1, axis=0)
    same = np.all(others == t, axis=1)
    assert same.tolist() == [True, False, False, False]
    texts = texts_of(model, t, others)._replace(differs=1.0 - same.astype("f"))
    total, found = model.of_D(x, [fake], texts, np.arange(4), training=False)

    def log_d(images, tokens):
        score = model.match([model.D(images), model.painter["text"](tokens)])[0]
        return np.asarray(tf.math.log_sigmoid(score)[:, 0]), np.asarray(
            tf.math.log_sigmoid(-score)[:, 0]
        )

    right, made = log_d(x, t)[0], log_d(fake, t)[1]
    wrong = np.where(same, made, log_d(x, others)[1])
    expected = -(right + (wrong + made) / 2).mean()
    np.testing.assert_allclose(total, expected, rtol=1e-5)
    np.testing.assert_allclose(found["D_real"], np.exp(right).mean(), rtol=1e-5)


def test_one_pass_of_the_texts_reads_as_two_do(model):
    texts = model.read(tf.constant(model.condition.defaults(range(4))))
    others = model.captions_of_others(texts.t)
    for phi, alone in ((texts.phi, texts.t), (texts.wrong, others)):
        np.testing.assert_allclose(phi, model.painter["text"](alone), atol=1e-6)


def test_what_G_is_asked_for_in_a_step():
    """Captions, captions between, captions with another z: and what each weighs."""
    model = build(interpolation=0.25, diversity=1.0, normalisation="none")
    t, seeds = model.condition.defaults(range(4)), tf.range(4)
    texts = texts_of(model, t, np.roll(t, 1, axis=0))
    asked, fakes, kl, alike = model.painted(texts, seeds)
    assert fakes[0].shape == (12, *model.image_shape)
    np.testing.assert_allclose(
        asked, np.concatenate([texts.phi, (texts.phi + texts.wrong) / 2]), atol=1e-6
    )
    assert float(kl) > 0
    z = model.noise(seeds)["z"][:, : model.latent_dim]
    other = model.noise(random.derived(seeds, "other z"))["z"][:, : model.latent_dim]
    moved = np.abs(fakes[0][:4] - fakes[0][8:]).mean(axis=(1, 2, 3))
    apart = np.abs(z - other).mean(axis=1)
    np.testing.assert_allclose(alike, (1 / (moved / apart + 0.05)).mean(), rtol=1e-4)
    loss = [
        np.asarray(tf.math.softplus(-model.match([model.D(image), text])[0])).mean()
        for image, text in zip(tf.split(fakes[0][:8], 2), tf.split(asked, 2), strict=True)
    ]
    g_loss = model.of_G(fakes, asked, texts, seeds)
    np.testing.assert_allclose(g_loss, loss[0] + 0.25 * loss[1], rtol=1e-4)


def test_both_play_for_images_that_tell_their_texts():
    """Among the texts of the batch, those that say the same left out: by hand."""
    model, without = build(contrast=0.5, normalisation="none"), build(normalisation="none")
    without.set_weights(model.get_weights())
    x, fake = np.random.default_rng(0).normal(size=(2, 4, 8, 8, 1)).astype(np.float32)
    t, seeds = model.condition.defaults(range(4)), np.arange(4)
    texts = texts_of(model, t, np.roll(t, 1, axis=0))
    assert [tuple(row) for row in t].count(tuple(t[0])) == 2

    def unlike(images):
        _, u, v = (np.asarray(part) for part in model.match([model.D(images), texts.phi]))
        np.testing.assert_allclose([np.linalg.norm(u, axis=1), np.linalg.norm(v, axis=1)], 1, 1e-5)
        found = []
        for i in range(4):
            others = [j for j in range(4) if tuple(t[j]) != tuple(t[i])]
            scores = np.exp(np.array([u[i] @ v[j] for j in [i, *others]]) / 0.1)
            found.append(-np.log(scores[0] / scores.sum()))
        return np.mean(found)

    of_D = [m.of_D(x, [fake], texts, seeds)[0] for m in (model, without)]
    np.testing.assert_allclose(of_D[0] - of_D[1], 0.5 * unlike(x), rtol=1e-4)
    of_G = [m.of_G([tf.constant(fake)], texts.phi, texts, seeds) for m in (model, without)]
    np.testing.assert_allclose(of_G[0] - of_G[1], 0.5 * unlike(fake), rtol=1e-4)


def test_the_wrong_text_is_the_likest_other_one():
    words = ("a", "red", "blue", "big", "dot", "square")
    texts = ["a big red dot", "a big blue dot", "a red square", "a big red dot", "blue", "square"]
    t = tf.constant(text.encode(texts, words, 5))
    others = [text.decode(row, words) for row in TextToImage.captions_of_others(t).numpy()]
    expected = ["a big blue dot", "a big red dot", "a big red dot", "a big blue dot"]
    assert others == [*expected, "a big blue dot", "a red square"]
    one = tf.repeat(t[:1], 3, axis=0)
    assert np.array_equal(TextToImage.captions_of_others(one), one)


def test_a_penalty_is_on_right_images_with_their_text():
    settings = dict(normalisation="layer", penalty="r1", ema=0.0)
    model = build(**settings, penalty_weight=2.0)
    without = build(**settings, penalty_weight=0.0)
    without.set_weights(model.get_weights())
    x, fake = np.random.default_rng(0).normal(size=(2, 4, 8, 8, 1)).astype(np.float32)
    t, seeds = model.condition.defaults(range(4)), np.arange(4)
    texts = texts_of(model, t, np.roll(t, 1, axis=0))
    given = (tf.constant(x), [tf.constant(fake)], texts, seeds)
    with tf.GradientTape() as tape:
        tape.watch(given[0])
        score = model.match([model.D(given[0]), texts.phi])[0]
    slopes = np.sum(np.square(tape.gradient(score, given[0])), axis=(1, 2, 3))
    paid = model.of_D(*given)[0] - without.of_D(*given)[0]
    np.testing.assert_allclose(paid, 2.0 * np.mean(0.5 * slopes), rtol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("training", [True, False])
def test_each_stage_pays_between_the_images_that_its_D_sees(training):
    """Noisy, and in training augmented."""
    settings = dict(augment="color", instance_noise=0.3, noise_steps=2, normalisation="layer")
    settings |= dict(penalty="gradient", ema=0.0, stacked=True)
    model, without = (build(**settings, penalty_weight=weight) for weight in (2.0, 0.0))
    without.set_weights(model.get_weights())
    model.step.assign(1)
    without.step.assign(1)
    x, fake = np.random.default_rng(0).normal(size=(2, 4, 8, 8, 1)).astype(np.float32)
    halved = x.reshape(4, 4, 2, 4, 2, 1).mean(axis=(2, 4))
    t, seeds = model.condition.defaults(range(4)), tf.range(4)
    fakes = [tf.constant(fake[:, ::2, ::2]), fake]
    texts, expected = texts_of(model, t, np.roll(t, 1, axis=0)), 0.0
    e = random.uniform(seeds, [1, 1, 1], "gradient penalty")
    for real, made, (D, match) in zip((halved, x), fakes, model.stages(), strict=True):
        at = 0.0
        for part, images, kind in ((e, real, "real"), (1 - e, made, "fake")):
            images = augmentation.augmented(images, ["color"] * training, seeds, f"augment {kind}")
            noise = random.normal(seeds, images.shape[1:], f"instance noise {kind}")
            at += part * (images + 0.15 * noise)
        with tf.GradientTape() as tape:
            tape.watch(at)
            score = match([D(at), texts.phi])[0]
        norms = np.sqrt(np.sum(np.square(tape.gradient(score, at)), axis=(1, 2, 3)))
        expected += 2.0 * np.mean((norms - 1) ** 2)
    of_D = [m.of_D(tf.constant(x), fakes, texts, seeds, training)[0] for m in (model, without)]
    np.testing.assert_allclose(of_D[0] - of_D[1], expected, rtol=1e-3)


def test_a_look_at_the_penalty_leaves_spectral_norms_as_they_are():
    model = build(normalisation="spectral", penalty="r1", ema=0.0)
    before = model.get_weights()
    model.test_step(Row("text_to_image", GAN | WORDS, 0).batch())
    for weight, value in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, value)


def test_codes_are_draws_around_their_mean(model):
    phi = tf.repeat(model.painter["text"](model.condition.defaults(range(1))), 2000, axis=0)
    c, kl = model.code(phi, model.noise(tf.range(2000)), model.painter)
    mu, log_var = np.split(model.painter["augment"](phi[:1]).numpy()[0], 2)
    sigma = np.exp(log_var / 2)
    assert (np.abs(np.mean(c, axis=0) - mu) < 5 * sigma / np.sqrt(2000)).all()
    np.testing.assert_allclose(np.std(c, axis=0), sigma, rtol=5 / np.sqrt(2 * 2000))
    expected = 0.5 * np.sum(mu**2 + np.exp(log_var) - log_var - 1)
    np.testing.assert_allclose(kl, np.full(2000, expected), rtol=1e-4)


def test_the_second_stage_sees_the_first_and_does_not_teach_it():
    model = build(stacked=True, ema=0.0)
    noise, t = model.noise(tf.range(3)), model.condition.defaults(range(3))
    with tf.GradientTape() as tape:
        c, _ = model.code(model.painter["text"](t), noise, model.painter)
        small, full = model.paint(noise, c, model.G, model.painter, False)
        loss = tf.reduce_sum(full)
    assert (small.shape, full.shape) == ((3, 4, 4, 1), (3, 8, 8, 1))
    gradients = tape.gradient(loss, model.G.trainable_variables)
    assert gradients == [None] * len(gradients)
    changed = model.painter["refiner"]([small + 0.5, c], training=False)
    assert np.abs(changed - full).max() > 1e-6


# --- sampling ------------------------------------------------------------------------------------


def test_captions_and_their_numbers_give_the_same_images(model):
    numbers = model.condition.rows(CAPTIONS, len(CAPTIONS))
    images = model.sample(SEEDS, CAPTIONS).numpy()
    assert np.array_equal(images, model.sample(SEEDS, numbers))
    same = model.sample(SEEDS, "a red dot").numpy()
    assert np.array_equal(same[0], model.sample(SEEDS, ["a red dot"] * 5).numpy()[0])
    assert len({image.tobytes() for image in same}) == 5
    other = model.sample(SEEDS, "a blue dot").numpy()
    assert all(np.abs(a - b).max() > 1e-6 for a, b in zip(same, other, strict=True))
    with pytest.raises(UserError, match=r"samples by caption"):
        model.sample(SEEDS)


@pytest.mark.slow
def test_latents_can_be_explored_with_a_caption(model, digits):
    """And a model that makes images of images has none."""
    held_out = digits.load("validation[:20]")
    drawn = list(explore.pictures(model, held_out))
    assert [figure.key for figure, _ in drawn] == ["traversals", "interpolation"]
    assert all(pixels.std() > 0 for _, pixels in drawn)
    cyclegan = next(row for row in ROWS if row.name == "cyclegan").build()
    with pytest.raises(UserError, match=r"CycleGAN has no codes"):
        list(explore.pictures(cyclegan, held_out))


# --- data ----------------------------------------------------------------------------------------


def test_every_caption_is_learned_from_and_a_step_and_row_decide_which(model):
    """What a step is told of the same images: of the step and the row alone a function."""
    texts = ["a red dot", "dot", "a blue dot"]
    every = np.tile(model.condition.rows(texts, len(texts)), (64, 1, 1))
    batch = {"tokens": every[:, 0], "every_tokens": every}

    def told(step, rows):
        seeds = random.training_seeds(3, tf.constant(step), 64)[:rows]
        t = text.told({name: value[:rows] for name, value in batch.items()}, seeds)
        return model.condition.words(t.numpy())

    first, second = told(0, 64), told(1, 64)
    assert set(first) == set(second) == set(texts)
    assert first != second
    assert told(0, 64) == first
    assert told(0, 20) == first[:20]


def test_settings_for_coco_are_the_papers():
    """Section 5: 64x64, 100 latents; and no word of a caption is cut."""
    config = settings.find("text_to_image", "coco_captions")
    assert (config.data.size, config.model.depth) == ("64", 4)
    assert (config.model.latent_dim, config.model.length) == (100, 0)


def test_data_without_captions_are_refused(tmp_path):
    done = runs.train("text_to_image", tmp_path / "run", data__name="digits")
    assert done.returncode == 2
    assert "learns from captions, and digits has none" in done.stderr
    assert not (tmp_path / "run").exists()


# --- runtimes ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    root = tmp_path_factory.mktemp("text")
    (root / "float32.tflite").write_bytes(tflite.convert(model, "float32"))
    (root / "vocabulary.json").write_text(json.dumps(golden.about(model)))
    return root, saved_model.export(model, "text", root)


@pytest.mark.slow
def test_the_same_images_of_captions_from_files(model, exported):
    root, version = exported
    keras_images = model.sample(SEEDS, CAPTIONS).numpy()
    for source in (version, root / "float32.tflite"):
        sample = sources.open_source(str(source))
        np.testing.assert_allclose(sample(SEEDS, CAPTIONS), keras_images, rtol=0, atol=1e-5)
        with pytest.raises(UserError, match=r"never seen 'pink'"):
            sample(SEEDS, ["a pink dot"] * 5)
    with pytest.raises(UserError, match=r"samples by caption: give `caption`, as"):
        sources.open_source(str(version))(SEEDS, np.zeros(5, np.int32))
    (root / "alone").mkdir()
    alone = root / "alone" / "float32.tflite"
    alone.write_bytes((root / "float32.tflite").read_bytes())
    with pytest.raises(UserError, match=r"vocabulary.json is not there"):
        sources.open_source(str(alone))(SEEDS, CAPTIONS)


@pytest.mark.slow
def test_a_server_says_which_words_it_does_not_know(exported):
    served = tf.saved_model.load(str(exported[1])).signatures["caption"]
    texts = ["A red, dot!", "a pink dot and more, much more", "nothing"]
    found = served(seed=tf.range(3), caption=tf.constant(texts))
    assert [text.decode() for text in found["unknown"].numpy()] == ["", "pink and", "nothing"]
    assert [text.decode() for text in found["cut"].numpy()] == ["", "more much more", ""]


@pytest.mark.slow
def test_the_same_images_of_captions_from_a_server(model, exported):
    root, _ = exported
    grpc, rest = servers.serve("text", root / "text")
    keras_images = model.sample(SEEDS, CAPTIONS).numpy()
    for source in (f"grpc://{grpc}/text", f"http://{rest}/v1/models/text"):
        sample = sources.open_source(source)
        np.testing.assert_allclose(sample(SEEDS, CAPTIONS), keras_images, rtol=0, atol=1e-5)
        with pytest.raises(UserError, match=r"never seen 'pink'"):
            sample(SEEDS, ["a pink dot"] * 5)


TYPING = """
async function report() {
  while (!window.tfgen && !document.querySelector("#status.error"))
    await new Promise((done) => setTimeout(done, 20));
  const box = document.getElementById("caption");
  const type = async (text) => {
    box.value = text;
    box.dispatchEvent(new Event("change"));
    await new Promise((done) => setTimeout(done, 1500));
    return [document.getElementById("unknown").textContent,
      document.getElementById("grid").toDataURL()];
  };
  const images = [];
  for (const [seed, text] of ASKED) images.push([...(await window.tfgen.sample(seed, text))]);
  const first = [box.value, document.getElementById("grid").toDataURL()];
  const result = { images, first, other: await type("a blue dot"), wrong: await type("pink dot") };
  await fetch("/report", { method: "POST", body: JSON.stringify(result) });
}
report();
"""


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed (.ci/run installs it)")
def test_captions_in_the_browser(model, tmp_path):
    site = tmp_path / "site"
    demo.write(model, "text_to_image", "shapes", "float32", site)
    asked = [[int(seed), text] for seed, text in zip(SEEDS, CAPTIONS, strict=True)]
    (site / "check.js").write_text(f"const ASKED = {json.dumps(asked)};\n{TYPING}")
    page = (site / "index.html").read_text()
    (site / "check.html").write_text(
        page.replace("</body>", '<script src="./check.js"></script></body>')
    )
    report = visit(site, "check.html", tmp_path / "profile")
    keras_images = model.sample(SEEDS, CAPTIONS).numpy()
    images = np.array(report["images"]).reshape(keras_images.shape)
    np.testing.assert_allclose(images, keras_images, rtol=0, atol=1e-5)
    assert report["first"][0] == "a red dot"
    assert report["other"][0] == ""
    assert report["other"][1] != report["first"][1]
    assert "never seen: pink. It knows: a, red, blue, dot." in report["wrong"][0]
    assert report["wrong"][1] == report["other"][1]
