"""What settings follow from the data, and what stands against it."""

import numpy as np
import pytest

from benchmarks import sizes
from tests.support import defaults
from tfgen import data, rules, settings
from tfgen.errors import UserError
from tfgen.objectives import likelihoods

DIGITS = rules.Data(8, 8, 1, levels=17, count=1000)
# Height, width, channels, levels and count of the embedded sets.
EMBEDDED = {
    "digits": DIGITS,
    "digits_binary": rules.Data(8, 8, 1, 2, 1000),
    "digit_styles": rules.Data(16, 16, 3, 256, 500),
    "ring": rules.Data(1, 1, 2, 65536, 20_000),
    "grid": rules.Data(1, 1, 2, 65536, 20_000),
    "shapes": rules.Data(32, 32, 3, 256, 11_520),
    "shapes_binary": rules.Data(16, 16, 1, 2, 470),
    "shapes_by_caption": rules.Data(32, 32, 3, 256, 11_568),
}
PHOTOS = rules.Data(64, 64, 3, levels=256, count=100_000)


def derived(model, about, name="./pictures", given=(), **changes):
    config = settings.find(model, name)
    config.update_from_flattened_dict({k.replace("__", "."): v for k, v in changes.items()})
    return config, settings.derive(model, config, about, given)


@pytest.mark.parametrize("model", settings.names())
def test_on_the_embedded_sets_configs_say_what_is_trained(model):
    """What was tuned and measured stands; on larger sets, where the config knows them by name."""
    own, on = settings.find(model).data.name, getattr(settings.config_file(model), "ON", {})
    for name, about in EMBEDDED.items():
        if not about.larger or name in on or name == own:
            assert not derived(model, about, name)[1].values, name


@pytest.mark.parametrize("name", ["digits", "digit_styles", "ring"])
def test_the_embedded_sets_are_as_the_table_says(name):
    found = data.open_source(name).load("train")
    assert rules.Data(*found.shape, found.levels, found.size) == EMBEDDED[name]


def test_a_folder_gets_what_a_set_gets_by_its_name():
    folder, _ = derived("dcgan", PHOTOS)
    faces, _ = derived("dcgan", PHOTOS, "celeb_a")
    assert folder.model == faces.model
    for key in ("steps", "batch_size", "eval_every", "save_every", "optimizers"):
        assert folder[key] == faces[key]
    # Radford et al. 2016, section 4 and figure 1: 1024 features of 4x4 at first.
    assert folder.model.width << folder.model.depth - 1 == 1024
    assert PHOTOS.side >> folder.model.depth == 4
    assert (folder.model.kernel, folder.batch_size) == (5, 128)


def test_what_is_given_stands_and_the_rest_follows_from_it():
    config, found = derived("vae", PHOTOS, given={"model.depth", "steps"}, steps=700)
    assert config.model.depth == settings.find("vae").model.depth
    assert config.steps == 700
    assert not {"model.depth", "steps", "eval_every"} & set(found.values)
    narrow = derived("dcgan", PHOTOS, given={"model.width"}, model__width=16)[1].seconds
    assert narrow < derived("dcgan", PHOTOS)[1].seconds / 10


def test_a_papers_own_settings_are_for_larger_images_alone():
    assert derived("wgan", PHOTOS)[0].batch_size == 5 * 64
    assert derived("wgan", DIGITS)[0].batch_size == settings.find("wgan").batch_size


@pytest.mark.parametrize("model", ["vae", "nade", "pixelcnn", "realnvp"])
def test_batches_are_smaller_where_a_step_would_take_seconds(model):
    large = rules.Data(256, 256, 1, levels=2, count=1000)
    config, found = derived(model, large)
    assert rules.LEAST_BATCH <= config.batch_size < settings.find(model).batch_size
    fixed, same = derived(model, large, given={"batch_size"})
    assert fixed.batch_size == settings.find(model).batch_size
    assert found.seconds < same.seconds


def test_a_batch_of_few_images_is_all_of_them():
    four, one = (rules.Data(16, 16, 3, 256, count) for count in (4, 1))
    assert derived("vae", four)[0].batch_size == 4
    assert derived("vae", four, given={"batch_size"})[0].batch_size == 100
    assert derived("vae", one)[0].batch_size == 1
    # As does one of a paper's own settings, which no later rule changes.
    assert derived("r1_gan", rules.Data(64, 64, 3, 256, 54))[0].batch_size == 54
    # D takes three parts of a batch in turn, which one image cannot have.
    assert settings.find("wgan").model.critic_steps == 3
    assert derived("wgan", four)[0].batch_size == 3
    assert derived("wgan", one)[0].batch_size == settings.find("wgan").batch_size


def test_many_images_are_not_learnt_by_heart():
    many, few = (rules.Data(8, 8, 1, 17, count) for count in (60_000, 1000))
    assert derived("vae", many)[0].model.dropout == 0.0
    assert derived("vae", few)[0].model.dropout == settings.find("vae").model.dropout


@pytest.mark.parametrize(
    ("side", "times"), [(8, 2), (16, 2), (28, 2), (32, 3), (48, 3), (64, 4), (96, 4), (128, 5)]
)
def test_images_are_halved_to_four_to_eight_pixels(side, times):
    assert rules.halvings(rules.Data(side, side, 3, 256, 1000)) == times


def test_what_a_model_cannot_hold_is_refused_by_its_name():
    with pytest.raises(UserError, match=r"fvsbn.*64x64x3.*`data.size`"):
        derived("fvsbn", PHOTOS)


def test_a_rule_of_ones_own_model(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "from tfgen import rules, settings\n"
        "from tfgen.models import VAE\n"
        "def rule(data, chosen):\n"
        "    rules.coder(data, chosen)\n"
        "    chosen['model.width'] = data.side\n"
        "class Mine(VAE):\n"
        "    pass\n"
        "def get_config():\n"
        "    config = settings.defaults()\n"
        "    config.model.network = 'conv'\n"
        "    return config\n"
    )
    config, _ = derived(str(file), PHOTOS)
    assert (config.model.width, config.model.depth) == (64, 4)


@pytest.mark.parametrize("name", likelihoods.KINDS)
def test_parameters_of_a_value_are_those_of_the_likelihoods(name):
    levels = 2 if name == "bernoulli" else 256
    about = rules.Data(8, 8, 3, levels, 1000)
    said = rules.outputs(about, rules.Settings({"model.likelihood": name}))
    assert said == -(-likelihoods.choose(name, levels).outputs(3) // 3)


# --- what the defaults cost ----------------------------------------------------------------------

MOST_WEIGHTS, MOST_BYTES = 75_000_000, 1_000_000_000


# What cannot be, with why in the error.
NAMED = [("fvsbn", (64, 64, 3)), ("pca", (64, 64, 3))]


def fitting():
    """(model, shape) of all that can be."""
    for model in settings.names():
        for shape in sizes.SIZES:
            if (model, shape) not in NAMED:
                yield model, shape


def sized(model, shape):
    """The largest in every run of the tests, the others in long ones."""
    return pytest.param(model, shape, marks=() if shape == sizes.SIZES[-1] else pytest.mark.long)


@pytest.mark.parametrize(("model", "shape"), [sized(*pair) for pair in fitting()], ids=str)
def test_the_defaults_of_a_model_fit_at_every_size(model, shape):
    """Its weights, bytes in a training, and its largest dense layer: built, and not filled."""
    weights, held, dense = defaults.cost(defaults.weightless(model, shape))
    assert weights <= MOST_WEIGHTS
    assert held <= MOST_BYTES
    assert dense <= rules.LARGEST_LAYER


@pytest.mark.parametrize(("model", "shape"), NAMED, ids=str)
def test_what_cannot_be_is_named_before_anything_is_built(model, shape):
    with pytest.raises(UserError, match=r"`data.size`"):
        sizes.config_for(model, shape)


FAMILIES = (
    *("vae", "vq_vae", "pca", "gsn", "nade", "made", "fvsbn", "pixelcnn", "pixelrnn", "nice"),
    *("realnvp", "rbm", "dcgan", "gan", "began", "progan", "text_to_image", "cyclegan"),
)


@pytest.mark.parametrize("model", FAMILIES)
def test_one_of_each_family_takes_steps_at_28x28_by_default(model):
    config, _ = sizes.config_for(model, (28, 28, 1))
    config.batch_size = 2 * config.model.get("critic_steps", 1)
    made = sizes.taking_steps(model, (28, 28, 1), config, compiled=False)
    first, second = next(made), next(made)
    for terms in (first, second):
        assert all(np.isfinite(value) for value in terms.values())
    assert first != second


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize(("model", "shape"), fitting(), ids=str)
def test_every_model_takes_steps_at_every_size_within_8_gb(model, shape, record_property):
    found = sizes.measure(model, shape)
    record_property("found", found)
    assert found["finite"]
    assert found["peak memory, MB"] < 8000
