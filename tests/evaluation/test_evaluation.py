"""The evaluation of models: exact where the answer is known, refusing what cannot be compared."""

import dataclasses
import math

import numpy as np
import pytest
import tensorflow as tf

from tests.exporting.test_conditional import Striped
from tests.zoo import ROWS
from tfgen import data, evaluation, models
from tfgen.compiling import compiled
from tfgen.data.points import MIXTURES
from tfgen.errors import UserError
from tfgen.evaluation.samples import Comparison
from tfgen.metrics import features
from tfgen.metrics.diagnosis import diagnose


def quiet(*_):
    pass


@pytest.fixture(scope="module")
def splits(digits):
    return evaluation.Splits.load(digits, "train", "test")


@pytest.fixture(scope="module")
def judge(splits):
    return features.choose("auto", splits.train, splits.held_out, 17)


def protocol(found, **changes):
    given = dict(
        data="digits", size=0, train="train", split="test", n=200, seed=evaluation.FIRST_SEED, k=3,
        features=found.kind, features_hash=found.digest,
    )  # fmt: skip
    return evaluation.Protocol(**given | changes)


def few(splits, count):
    cut = {s: {k: v[:count] for k, v in getattr(splits, s).items()} for s in ("train", "held_out")}
    return dataclasses.replace(splits, **cut)


# --- likelihood: probabilistic principal components, whose marginal is a Gaussian ----------------


class UnitGaussian:
    """p(x|z) = N(mean, s^2) of real-valued pixels; levels are taken as numbers in [0, 1]."""

    parameters = 1

    def __init__(self, s, levels):
        self.s, self.levels = s, levels

    def log_prob(self, levels, mean):
        x = tf.cast(levels, tf.float32) / (self.levels - 1)
        terms = -0.5 * ((x - mean) / self.s) ** 2 - math.log(self.s * math.sqrt(2 * math.pi))
        return tf.reduce_sum(terms, axis=[1, 2, 3])

    def mean(self, mean):
        return mean


@pytest.fixture(scope="module")
def linear():
    """A VAE whose networks are set to x = W z + b + s eps, its exact posterior, and log p(x)."""
    import keras
    from keras import layers

    random = np.random.default_rng(0)
    d, z, s = 9, 2, 0.3
    w, b = 0.2 * random.normal(size=(d, z)), np.full(d, 0.5)
    precision = np.eye(z) + w.T @ w / s**2
    to_mean = np.linalg.solve(precision, w.T) / s**2
    # The exact posterior has a full covariance; a rotation of z makes it diagonal.
    turn = np.linalg.eigh(precision)[1]
    w, to_mean = w @ turn, turn.T @ to_mean
    variance = 1 / np.diag(turn.T @ precision @ turn)

    def set_networks(spoil=0.0):
        model = models.find("vae")((3, 3, 1), 64, latent_dim=z, network="dense", width=2)
        kernel = np.concatenate([(1 + spoil) * to_mean.T, np.zeros((d, z))], axis=1)
        bias = np.concatenate([-(1 + spoil) * to_mean @ b, np.log(variance) + spoil])
        model.encoder = keras.Sequential(
            [layers.Input((3, 3, 1)), layers.Flatten(), layers.Dense(2 * z)]
        )
        model.encoder.layers[-1].set_weights([kernel, bias])
        model.decoder = keras.Sequential(
            [layers.Input((z,)), layers.Dense(d), layers.Reshape((3, 3, 1))]
        )
        model.decoder.layers[0].set_weights([w.T, b])
        model.p = UnitGaussian(s, 64)
        return model

    x = (random.integers(64, size=(20, 3, 3, 1)) / 63).astype(np.float32)
    covariance = w @ w.T + s**2 * np.eye(d)
    centred = x.reshape(20, d) - b
    exact = -0.5 * (
        np.einsum("ni,ij,nj->n", centred, np.linalg.inv(covariance), centred)
        + np.linalg.slogdet(2 * np.pi * covariance)[1]
    )
    return set_networks, x, exact


def test_with_the_exact_posterior_every_bound_is_exact(linear):
    set_networks, x, exact = linear
    model = set_networks()
    np.testing.assert_allclose(model.elbo(x, samples=1).numpy(), exact, rtol=1e-4)
    np.testing.assert_allclose(model.log_prob(x, samples=7).numpy(), exact, rtol=1e-4)


@pytest.mark.slow
def test_bounds_rise_with_k_up_to_the_exact_likelihood(linear):
    """With an encoder that is off, over nested groups of the same 4,096 draws (Jensen)."""
    set_networks, x, exact = linear
    model = set_networks(spoil=0.8)
    log_weight = model._importance(tf.constant(x))
    draws = compiled(lambda: tf.map_fn(log_weight, tf.range(4096), fn_output_signature="float32"))
    log_w = draws().numpy().astype(np.float64)
    bounds = []
    for k in (1, 2, 8, 64, 4096):
        groups = log_w.reshape(-1, k, len(x))
        bounds.append((np.logaddexp.reduce(groups, axis=1) - math.log(k)).mean())
    assert (np.diff(bounds) > 0).all()
    assert bounds[0] < exact.mean() - 0.3
    assert bounds[-1] == pytest.approx(exact.mean(), abs=0.05)
    # And what the model says are the first and the last of them.
    assert model.elbo(x, samples=4096).numpy().mean() == pytest.approx(bounds[0], rel=1e-4)
    assert model.log_prob(x, samples=4096).numpy().mean() == pytest.approx(bounds[-1], rel=1e-4)


# --- every model of the zoo ----------------------------------------------------------------------


ASKED = (
    *("sample", "log_prob", "elbo", "class_log_prob", "log_density", "log_partition", "encode"),
    *("reconstruct", "draw_prior", "indices", "cluster", "denoise", "translate"),
)


def measured():
    """Of the rows that can the same the first one, as parameters."""
    found = {}
    for row in ROWS:
        model = models.find(row.name)
        able = tuple(callable(getattr(model, name, None)) for name in ASKED)
        found.setdefault((able, model.features), row)
    quick = ("vae",)
    return [
        pytest.param(row, marks=() if row.id in quick else pytest.mark.slow, id=row.id)
        for row in found.values()
    ]


@pytest.mark.parametrize("row", measured())
def test_every_model_is_measured_by_what_it_can(row):
    """Untrained: the numbers are poor, but each capability gives its own, and all are finite."""
    model = row.build()
    random = np.random.default_rng(0)

    def some(n):
        image = random.integers(row.levels, size=(n, *row.image_shape), dtype=np.uint8)
        kept = {"image": image, "label": np.arange(n, dtype=np.int32) % 3}
        wanted = (
            *(["other"] if model.can("translate") else []),
            *(["tokens"] * bool(model.features)),
        )
        return kept | {name: row.batch(n)[name] for name in wanted}

    about = data.ImageData(
        "noise", "train", 160, row.image_shape, row.levels, ("a", "b", "c"), (), None
    )
    splits = evaluation.Splits(about, some(160), some(90))
    found = features.textures_of(splits.train["image"], row.levels)
    stages = []
    content = evaluation.evaluate(
        model, splits, protocol(found, n=80), found, lambda stage, share: stages.append(share)
    )
    results = content["results"]
    assert all(math.isfinite(v) for v in results.values() if not isinstance(v, str))
    for capability, key in (
        ("log_prob", "nll"),
        ("sample", "frechet"),
        ("reconstruct", "mse"),
        ("denoise", "denoised_psnr"),
        ("translate", "cycle_error"),
    ):
        assert model.can(capability) == (key in results), key
    assert model.can("encode") == ("probe" in results)
    if model.can("code_kl"):
        whole, _ = model.code_kl(splits.unit(splits.held_out["image"]))
        assert results["kl"] == pytest.approx(float(np.mean(whole)), rel=1e-4)
        assert len(content["details"]["kl_per_unit"]) == model.latent_dim
    assert (np.diff(stages) > -1e-9).all()
    assert stages[-1] == 1.0
    if model.can("elbo"):
        assert results["nll"] <= results["neg_elbo"] + 1e-3
        estimated = model.density == "estimate"
        assert results["nll_kind"] == (
            "no bound: k = 3, Z by AIS" if estimated else "upper bound, k = 3"
        )
    elif model.density == "lower bound":
        assert results["nll_kind"] == "upper bound, one term"
    if model.can("sample"):
        assert set(content["not_measured"]) == {"score", "class_entropy", "rarest_class"}
        assert "memoriser" in content["baselines"]
    else:
        assert set(content["baselines"]) == {"untranslated"}


# --- samples -------------------------------------------------------------------------------------


def test_baselines_rank_as_they_must(splits, judge):
    """By what they know: memoriser, class pixels, a Gaussian, independent pixels."""
    found = Comparison(splits, protocol(judge, n=400), judge).baselines()
    order = ["memoriser", "class pixels", "Gaussian", "independent pixels"]
    distances = [found[name]["frechet"] for name in order]
    assert distances == sorted(distances)
    assert found["memoriser"]["copies"] == 1.0
    assert found["memoriser"]["copy_ratio"] == pytest.approx(0.0, abs=1e-6)
    assert found["Gaussian"]["copies"] < 0.05


def test_the_floor_is_real_images_against_others(splits, judge):
    floor = Comparison(splits, protocol(judge, n=400), judge).floor()
    assert floor["n"] == 400
    assert floor["two_sample"] == pytest.approx(0.5, abs=0.06)
    assert floor["coverage"] == pytest.approx(1 - 2.0**-5, abs=0.03)
    assert abs(floor["kid"]) < 0.1
    # With fewer than 2 n training images the draws are as large as they can be.
    floor = Comparison(few(splits, 300), protocol(judge, n=200), judge).floor()
    assert floor["n"] == 150


@pytest.mark.slow
def test_a_perfect_sampler_of_the_ring_is_found_perfect():
    source = data.open_source("ring")
    splits = evaluation.Splits.load(source, "train", "test")
    found = features.choose("auto", splits.train, splits.held_out, 65536)
    comparison = Comparison(splits, protocol(found, data="ring", n=2500), found)
    mixture = MIXTURES["ring"]
    images = mixture.to_image(mixture.sample(2500, np.random.default_rng(5)))
    results = comparison.measure(splits.quantised(images))
    assert results["modes"] == 8
    assert results["high_quality"] == pytest.approx(0.9889, abs=0.007)
    assert results["frechet"] < 0.01
    assert results["two_sample"] == pytest.approx(0.5, abs=0.05)
    collapsed = splits.quantised(mixture.to_image(mixture.means[np.zeros(2500, int)]))
    assert comparison.measure(collapsed)["modes"] == 1


def test_too_few_images_are_named(splits, judge):
    with pytest.raises(UserError, match="64 features needs at least 65 images, got 40"):
        evaluation.evaluate(ROWS[0].build(), splits, protocol(judge, n=40), judge, quiet)
    with pytest.raises(UserError, match=r"has 447 images .* --n=447"):
        evaluation.evaluate(ROWS[0].build(), splits, protocol(judge, n=448), judge, quiet)


def test_samples_are_compared_at_the_levels_of_the_data(splits):
    images = np.array([0.0, 0.03, 0.04, 0.999, 1.2, -1.0], np.float32)
    np.testing.assert_allclose(splits.quantised(images) * 16, [0, 0, 1, 16, 16, 0])


def test_a_split_that_was_trained_on_is_refused(digits):
    with pytest.raises(UserError, match="shares images with 'train'"):
        evaluation.Splits.load(digits, "train", "train[:10%]")


@pytest.mark.slow
def test_conditional_models_are_asked_for_their_labels(splits, judge):
    """Real images of the label that was asked for pass; those of the next label fail."""
    from tfgen.evaluation.samples import conditional

    by_label = np.argsort(splits.train["label"], kind="stable")
    rows = by_label.reshape(-1)[:: len(by_label) // 500][:500]
    images, labels = splits.unit(splits.train["image"][rows]), splits.train["label"][rows]
    good = conditional(images, labels, splits, judge)
    assert good["label_accuracy"] > 0.95
    assert good["cas"] > 0.85
    wrong = conditional(images, (labels + 1) % 10, splits, judge)
    assert wrong["label_accuracy"] < 0.05
    assert wrong["cas"] < 0.1


def test_labels_go_to_the_model_in_turn():
    tf.random.set_seed(0)
    model = Striped()
    about = data.ImageData("noise", "train", 4, (4, 4, 1), 256, (), (), None)
    splits = evaluation.Splits(about, {}, {})
    images, labels = evaluation.draw(model.sample, model, splits, 7, 100)
    np.testing.assert_array_equal(labels, [0, 1, 2, 0, 1, 2, 0])
    expected = model.sample(np.arange(100, 107), labels).numpy()
    np.testing.assert_allclose(images, expected, atol=0.5 / 255 + 1e-6)


# --- protocol and diagnosis ----------------------------------------------------------------------


def test_different_protocols_are_refused_by_name(judge):
    one = dataclasses.asdict(protocol(judge))
    evaluation.check_same(one, dict(one))
    with pytest.raises(UserError) as error:
        evaluation.check_same(one, one | {"n": 100, "split": "train"}, ("a", "b"))
    assert "n: 200 in a, 100 in b" in str(error.value)
    assert "split: 'test' in a, 'train' in b" in str(error.value)
    assert "seed" not in str(error.value)


def names(results, details=(), floor=(), baselines=()):
    return [f.name for f in diagnose(results, dict(details), dict(floor), dict(baselines))]


def test_diagnosis_names_what_is_wrong():
    classes = {"classes": "abc", "real_shares": [0.3, 0.3, 0.4]}
    assert names({}, classes | {"class_shares": [0.05, 0.35, 0.6]}) == ["modes missing"]
    unreached = {"unreached": ("It has not grown.", "Train it longer.")}
    assert names({}, unreached) == ["training unfinished"]
    assert names({}, {"unreached": None}) == []
    assert names({"modes": 7}, {"modes": 8}) == ["modes missing"]
    assert names({"coverage": 0.3}, floor={"coverage": 0.96}) == ["coverage low"]
    assert names({"copy_ratio": 0.1, "copies": 0.9}) == ["memorising"]
    gaussian = {"Gaussian": {"frechet": 8.0}}
    assert names({"frechet": 9.0}, baselines=gaussian) == ["worse than a Gaussian"]
    kl = {"kl_per_unit": [0.0, 0.0]}
    assert names({"active_units": 0, "kl": 0.0}, kl) == ["posterior collapsed"]
    assert names({"active_units": 1, "kl": 3.0}, {"kl_per_unit": [3.0, 0.0]}) == ["dead codes"]
    terms = {"train": {"D_real": 0.9, "D_fake": 0.2}, "held-out": {"D_real": 0.4}}
    assert names({}, {"terms": terms}) == ["discriminator overfits"]
    sure = {"nll": 90.0, "nll_reverse": 90.05, "log_z_error": 0.05, "log_z_chains": 200.0}
    assert names(sure) == []
    assert names(sure | {"nll_reverse": 89.95}) == []  # by chance
    for change in ({"nll_reverse": 89.8}, {"nll_reverse": 90.2}, {"log_z_chains": 46.0}):
        assert names(sure | change) == ["log Z unsure"]
    terms = {"train": {"loss": 60.0}, "held-out": {"loss": 90.0}}
    assert names({"nll": 90.0}, {"terms": terms}) == ["overfits"]


def test_diagnosis_is_silent_where_all_is_well():
    sure = {"nll_reverse": 90.0, "log_z_error": 0.02, "log_z_chains": 200.0}
    good = sure | {
        "modes": 8, "coverage": 0.9, "copy_ratio": 1.0, "copies": 0.01, "frechet": 1.0,
        "active_units": 2, "kl": 6.0, "nll": 90.0,
    }  # fmt: skip
    terms = {"loss": 90.0, "D_real": 0.6, "D_fake": 0.3}
    details = {"modes": 8, "kl_per_unit": [3.0, 3.0], "terms": {"train": terms, "held-out": terms}}
    assert names(good, details, {"coverage": 0.97}, {"Gaussian": {"frechet": 8.0}}) == []
