"""The evaluation of models: exact where the answer is known, refusing what cannot be compared."""

import dataclasses
import math

import numpy as np
import pytest
import tensorflow as tf

from tests.support.striped import Striped
from tests.zoo import ROWS
from tfgen import data, evaluation, models
from tfgen.data.points import MIXTURES
from tfgen.errors import UserError
from tfgen.evaluation.samples import Comparison
from tfgen.metrics import features


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


ROWS_OF = {row.id: row for row in ROWS}


def few(splits, count):
    cut = {s: {k: v[:count] for k, v in getattr(splits, s).items()} for s in ("train", "held_out")}
    return dataclasses.replace(splits, **cut)


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
        found.setdefault((able, model.data_features), row)
    quick = ("vae",)
    return [
        pytest.param(row, marks=() if row.id in quick else pytest.mark.slow, id=row.id)
        for row in found.values()
    ]


@pytest.mark.usefixtures("hasty_judges")
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
            *(["tokens"] * bool(model.data_features)),
        )
        return kept | {name: row.batch(n)[name] for name in wanted}

    about = data.ImageData(
        "noise", "train", 160, row.image_shape, row.levels, ("a", "b", "c"), (), None
    )
    splits = evaluation.Splits(about, some(160), some(90))
    found = features.texture_features(splits.train["image"], row.levels)
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
        estimated = model.likelihood_kind == "estimate"
        assert results["nll_kind"] == (
            "no bound: k = 3, Z by AIS" if estimated else "upper bound, k = 3"
        )
    elif model.likelihood_kind == "lower bound":
        assert results["nll_kind"] == "upper bound, one term"
    if model.can("sample"):
        assert set(content["not_measured"]) == {"score", "class_entropy", "rarest_class"}
        assert "memoriser" in content["baselines"]
    else:
        assert set(content["baselines"]) == {"untranslated"}


# --- samples -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_baselines_rank_as_they_must(splits, judge):
    """By what they know: memoriser, class pixels, a Gaussian, independent pixels."""
    found = Comparison(splits, protocol(judge, n=400), judge).baselines()
    order = ["memoriser", "class pixels", "Gaussian", "independent pixels"]
    distances = [found[name]["frechet"] for name in order]
    assert distances == sorted(distances)
    assert found["memoriser"]["copies"] == 1.0
    assert found["memoriser"]["copy_ratio"] == pytest.approx(0.0, abs=1e-6)
    assert found["Gaussian"]["copies"] < 0.05


def test_a_perfect_model_scores_at_the_floor_and_a_memoriser_by_its_copies(splits, judge):
    """A model of half of the training images, whose samples are those of the other half."""
    rows = np.random.default_rng(0).permutation(len(splits.train["image"]))
    half = {key: value[rows[:500]] for key, value in splits.train.items()}
    comparison = Comparison(dataclasses.replace(splits, train=half), protocol(judge, n=400), judge)
    fresh = comparison.measure(splits.unit(splits.train["image"][rows[500:900]]))
    floor, errors = comparison.floor(), comparison.floor_errors()
    assert floor["n"] == 400
    for key in ("frechet", "kid", "precision", "recall", "density", "coverage", "two_sample"):
        assert abs(fresh[key] - floor[key]) < 3.5 * errors[key], key
    # Held-out digits are of other writers: not even real images reach what they have in common.
    assert floor["frechet"] > 1.5
    assert floor["coverage"] < 0.9
    assert floor["copies"] == pytest.approx(fresh["copies"], abs=0.05)
    memorised = comparison.measure(splits.unit(half["image"][:400]))
    assert memorised["copies"] == 1.0
    assert memorised["frechet"] == pytest.approx(floor["frechet"], abs=4 * errors["frechet"])


def test_draws_of_a_likelihood_are_measured_beside_its_means(splits, judge):
    model = ROWS_OF["vae"].build()
    seeds = np.arange(3, dtype=np.int32)
    images = model.sample_draws(seeds).numpy()
    levels = images * (model.levels - 1)
    np.testing.assert_allclose(levels, np.round(levels), atol=1e-5)
    assert model.samples_are == "means of p(x|z)"
    # The same as of a model that samples so.
    drawing = type(model).from_config(model.get_config() | {"draw": True})
    drawing.set_weights(model.get_weights())
    np.testing.assert_array_equal(drawing.sample(seeds).numpy(), images)


@pytest.mark.slow
def test_CAS_has_the_rows_of_real_images(splits, judge):
    found = Comparison(splits, protocol(judge, n=447), judge).cas_references()
    assert 0.9 < found["floor"] <= found["all training images"] + 0.02 < 1


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


@pytest.mark.slow
@pytest.mark.usefixtures("hasty_judges")
def test_what_few_images_do_not_allow_is_left_out_with_its_reason(splits):
    some = few(splits, 5)
    cut = dataclasses.replace(some, held_out={k: v[:1] for k, v in some.held_out.items()})
    found = features.texture_features(cut.train["image"], 17)
    model = ROWS_OF["cvae"].build()
    content = evaluation.evaluate(model, cut, protocol(found, n=1), found, quiet)
    results, absent = content["results"], content["not_measured"]
    assert all(math.isfinite(v) for v in results.values() if not isinstance(v, str))
    assert {"nll", "mse", "copy_ratio", "kl"} <= set(results)
    assert "at least 6 images, got 1" in absent["coverage"]
    assert {"frechet", "kid", "recall", "two_sample", "active_units", "nll_error"} <= set(absent)
    assert not set(results) & set(absent)
    # Of what one image cannot tell, no rule has anything to say.
    assert "posterior collapsed" not in [finding["name"] for finding in content["diagnosis"]]


def test_more_samples_than_real_images_are_compared_with_all_of_them(splits, judge):
    comparison = Comparison(few(splits, 300), protocol(judge, n=448), judge)
    assert len(comparison.real) == 300
    found = comparison.measure(splits.unit(splits.train["image"][300:748]))
    assert found["coverage"] > 0.5


def test_samples_are_compared_at_the_levels_of_the_data(splits):
    images = np.array([0.0, 0.03, 0.04, 0.999, 1.2, -1.0], np.float32)
    np.testing.assert_allclose(splits.quantised(images) * 16, [0, 0, 1, 16, 16, 0])


def test_a_split_that_was_trained_on_is_refused(digits):
    with pytest.raises(UserError, match="shares images with 'train'"):
        evaluation.Splits.load(digits, "train", "train[:10%]")


@pytest.mark.slow
def test_conditional_models_are_asked_for_their_labels(splits, judge):
    """Real images of the label that was asked for pass; those of the next label fail.

    Some 20 s: a network is trained on each as long as an evaluation trains it.
    """
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
    evaluation.check_same(one | {"size": 32}, one | {"size": "32"})  # of 0.1, and of now
    with pytest.raises(UserError) as error:
        evaluation.check_same(one, one | {"n": 100, "split": "train"}, ("a", "b"))
    assert "n: 200 in a, 100 in b" in str(error.value)
    assert "split: 'test' in a, 'train' in b" in str(error.value)
    assert "seed" not in str(error.value)
