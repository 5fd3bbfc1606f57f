"""Rules that derive a model's settings from its data: a rule a family, all of them here.

A config names its rule in a line, `rule = rules.gan`; docs/rules.md has them as tables. A rule is a
function of the data and of the settings as they are so far, and sets what follows:

    def rule(data: rules.Data, settings: rules.Settings) -> None:
        settings["model.depth"] = rules.halvings(data)

What a user has given, and what the config's `ON` says for the data set by its name, stands: setting
it has no effect, and reading it gives the value that stands, for the rest to follow from. So a rule
sets first what others depend on. The settings of a config file are those for pictures of up to 16
pixels a side and a few thousand of them: for such data no rule here changes anything.

A rule ends with `work`, the multiplications that a step takes for each picture. From it follow the
batch, where a step would be too long on a small machine, and the estimate that a user is told.
"""

import dataclasses
import math
from collections.abc import Callable, Collection, Mapping
from typing import Any

from tfgen.errors import UserError

SMALL = 16  # pixels a side that a config file's own settings are for
MANY = 10_000  # pictures that are too many to be learnt by heart
# Multiplications a second, forwards and backwards, of two cores; what else a step does is in it.
SPEED = 4e10
LEAST_BATCH = 16
# What a unit of NADE costs, in multiplications.
NADE_UNIT = 100
# Weights of one dense layer, and of all together.
LARGEST_LAYER = 8_000_000
MOST_WEIGHTS = 100_000_000
# Numbers of an image, as `tfgen.models.pca.LARGEST`.
MOST_CORRELATED = 4096


@dataclasses.dataclass(frozen=True)
class Data:
    """What a rule knows of the data: pictures of height x width x channels, and how many."""

    height: int
    width: int
    channels: int
    levels: int
    count: int

    @property
    def side(self) -> int:
        """The shorter one."""
        return min(self.height, self.width)

    @property
    def pixels(self) -> int:
        return self.height * self.width

    @property
    def values(self) -> int:
        """D, the numbers of a picture."""
        return self.pixels * self.channels

    @property
    def larger(self) -> bool:
        """Whether a config file's own settings are for smaller pictures."""
        return max(self.height, self.width) > SMALL

    @property
    def many(self) -> bool:
        return self.count >= MANY and self.side > 1  # not of points in the plane


class Settings:
    """The settings of a run as a rule sees them: by dotted names, what is fixed stays.

    Args: values: {name: value} of the config; fixed: names of those that no rule may change.
    """

    def __init__(self, values: Mapping[str, Any], fixed: Collection[str] = ()) -> None:
        self.values, self.fixed = dict(values), frozenset(fixed)
        self.before = dict(values)
        self.seconds = 0.0  # that a step takes on two cores; 0: no rule knows

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def __getitem__(self, key: str) -> Any:
        return self.values[key]

    def __setitem__(self, key: str, value: Any) -> None:
        if key in self.values and key not in self.fixed:
            self.values[key] = value

    def fix(self, values: Mapping[str, Any]) -> None:
        """Sets them where they are not fixed, for no later rule to change."""
        for key, value in values.items():
            self[key] = value
        self.fixed |= values.keys()

    def get(self, key: str, other: Any) -> Any:
        """The value, or another where the model has no such setting."""
        return self.values.get(key, other)

    @property
    def derived(self) -> dict[str, Any]:
        """{name: value} of what rules have changed."""
        return {key: v for key, v in self.values.items() if v != self.before[key]}


Rule = Callable[[Data, Settings], None]


def none(data: Data, settings: Settings) -> None:
    """That of a config without one."""


# --- what rules share ----------------------------------------------------------------------------


def halvings(data: Data, least: int = 4) -> int:
    """How often a picture is halved to no fewer than `least` pixels a side, twice or more."""
    return max(2, math.floor(math.log2(data.side / least)))


def doublings(data: Data) -> int:
    """How often 16 pixels a side are doubled for these: 1 at 28 and 32, 2 at 64, 3 at 128."""
    return max(0, round(math.log2(max(data.height, data.width) / SMALL)))


def lasting(settings: Settings, steps: int, looks: int = 10) -> None:
    """Sets the steps, and with them how often the run looks at the validation split and saves."""
    if "steps" in settings.fixed:
        return
    settings["steps"] = steps
    every = settings["log_every"]
    often = max(1, settings["steps"] // (looks * every)) * every
    if settings["eval_every"]:
        settings["eval_every"] = often
    settings["save_every"] = max(often, settings["save_every"] // every * every)


def epochs(data: Data, settings: Settings, number: int, most: int) -> int:
    """The steps of so many passes over the data: at least those of the config, at most `most`."""
    steps = number * data.count // settings["batch_size"]
    return max(settings["steps"], min(most, round(steps, -3)))


def undropped(data: Data, settings: Settings) -> None:
    """No dropout for many pictures: it is for those that are learnt by heart."""
    if data.many and "model.dropout" in settings:
        settings["model.dropout"] = 0.0


# Parameters of a value of an image, as `tfgen.objectives.likelihoods` has them.
PARAMETERS = {"bernoulli": 1, "fixed_logistic": 1, "shared_gaussian": 1, "mixture": 15}
PARAMETERS["coupled_mixture"] = 17


def outputs(data: Data, settings: Settings) -> int:
    """Parameters of p(x|.) for each value of an image."""
    name = settings.get("model.likelihood", "auto")
    if name == "auto" and data.levels <= 32:
        name = "bernoulli" if data.levels == 2 else "categorical"
    return data.levels if name == "categorical" else PARAMETERS.get(name, 2)


def as_wide(most: int, values: int) -> int:
    """The units of a dense layer of so many inputs, a multiple of 100, `most` where they fit."""
    return max(100, min(most, LARGEST_LAYER // values // 100 * 100))


def work(settings: Settings, multiplications: float, keep_batch: bool = False) -> None:
    """Says what a step takes for a picture, and makes batches smaller whose steps take seconds.

    multiplications: of one pass forwards; one backwards takes two more.
    """
    each = 3.0 * multiplications / SPEED
    parts = settings.get("model.critic_steps", 1)
    if not keep_batch:
        while settings["batch_size"] * each > 1.0 and settings["batch_size"] >= 2 * LEAST_BATCH:
            before = settings["batch_size"]
            settings["batch_size"] = max(LEAST_BATCH, before // 2 // parts * parts)
            if settings["batch_size"] == before:  # it is given
                break
    settings.seconds = settings["batch_size"] * each


def of_few(data: Data, settings: Settings) -> None:
    """Of fewer images than a batch has, a batch is all of them, if its parts come out even.

    Whatever a rule has fixed.
    """
    sharers = ("model.critic_steps", "accumulate", "replicas")
    parts = math.prod(max(1, settings.get(name, 1)) for name in sharers)
    most = data.count // parts * parts
    if 0 < most < settings["batch_size"]:
        settings.values["batch_size"] = most


def for_larger(rule: Rule, values: Mapping[str, Any]) -> Rule:
    """The rule, but for settings of a paper's own for pictures of more than 16 pixels a side."""

    def both(data: Data, settings: Settings) -> None:
        if data.larger:
            settings.fix(values)
        rule(data, settings)

    return both


# --- adversaries ---------------------------------------------------------------------------------


def gan(data: Data, settings: Settings) -> None:
    """Of convolutional GANs: those of Radford et al. 2016, section 4 and figure 1."""
    if not data.larger:
        return
    network = settings.get("model.network", "conv")
    wide = data.channels > 1 or data.side >= 64
    if network != "dense":
        settings["model.depth"] = halvings(data)
    if network == "conv":
        settings["model.width"] = 128 if wide else settings["model.width"]
        settings["model.kernel"] = 5 if data.side >= 64 else 4
    settings["batch_size"] = 128 * settings.get("model.critic_steps", 1)
    settings["model.ema"] = 0.999
    lasting(settings, 50_000 if wide else 20_000, 25 if wide else 10)
    work(settings, adversaries(data, settings), keep_batch=True)


def dense_gan(data: Data, settings: Settings) -> None:
    """Of the first GAN: the sizes of Goodfellow et al. 2014, as far as they fit."""
    if not data.larger:
        return
    settings["model.width"] = as_wide(1024, data.values)
    settings["batch_size"] = 100
    settings["model.ema"] = 0.999
    lasting(settings, 50_000)
    work(settings, adversaries(data, settings), keep_batch=True)


def captioned_gan(data: Data, settings: Settings) -> None:
    """Of images from captions: its config is for 32x32, and larger ones are halved more often."""
    if data.larger:
        settings["model.depth"] = halvings(data)
        work(settings, adversaries(data, settings), keep_batch=True)


def adversaries(data: Data, settings: Settings) -> float:
    """Multiplications of G and D, twice: a step of both takes some four passes of each."""
    width, depth = settings["model.width"], settings["model.depth"]
    if settings.get("model.network", "conv") == "dense":
        return 4.0 * (data.values * width + (depth - 1) * width**2)
    taps = settings.get("model.kernel", 4) ** 2
    first = taps * data.channels * width * data.pixels / 4
    rest = sum(taps * 2 * (width << i) ** 2 * data.pixels / 4 ** (i + 2) for i in range(depth - 1))
    return 4.0 * (first + rest)


# --- autoencoders --------------------------------------------------------------------------------


def coder(data: Data, settings: Settings) -> None:
    """Of autoencoders and VAEs: convolutions to 4 to 8 pixels a side, and latents for them."""
    undropped(data, settings)
    if not data.larger:
        return
    settings["model.latent_dim"] = settings["model.latent_dim"] << doublings(data)
    if "model.active" in settings:
        settings["model.active"] = settings["model.active"] << doublings(data)
    lasting(settings, epochs(data, settings, 10, 20_000), 8)
    n = outputs(data, settings)
    if settings["model.network"] == "conv":
        settings["model.depth"] = halvings(data)
        draws = settings.get("model.samples", 1)
        width = settings["model.width"]
        each = 9 * width * data.pixels  # of a filter of the first layer and its mirror
        work(settings, each * (data.channels * (1 + draws * n) + 2 * width * (1 + draws)))
    else:
        settings["model.width"] = as_wide(500, data.values * n)
        work(settings, data.values * settings["model.width"] * (1 + n))


def vq_vae(data: Data, settings: Settings) -> None:
    """Of vector quantisation: a grid of 7 to 16 codes a side, out of a larger book."""
    undropped(data, settings)
    if not data.larger:
        return
    settings["model.depth"] = halvings(data, 8)
    settings["model.width"] = 64
    settings["model.codes"] = 256
    lasting(settings, epochs(data, settings, 10, 20_000), 8)
    width, n = settings["model.width"], outputs(data, settings) * data.channels
    work(settings, data.pixels * width * (9 * n + 16 * width))


def pca(data: Data, settings: Settings) -> None:
    """Of principal components: one pass over the data, up to 20,000 pictures.

    Raises: UserError for more numbers an image than a covariance matrix can be solved for.
    """
    if data.values > MOST_CORRELATED:
        raise UserError(
            f"pca solves for the covariance of {data.values:,} numbers an image, and can do so for "
            f"{MOST_CORRELATED:,}: set `data.size` to 32 or less."
        )
    if data.larger:
        settings["model.latent_dim"] = settings["model.latent_dim"] << doublings(data)
    if data.many:
        settings["steps"] = min(data.count, 20_000) // settings["batch_size"]
        every = settings["log_every"]
        settings["save_every"] = max(1, settings["steps"] // every) * every


def gsn(data: Data, settings: Settings) -> None:
    """Of the chain of a denoising autoencoder: 500 units, or what fits."""
    undropped(data, settings)
    if not data.larger:
        return
    n = outputs(data, settings)
    settings["model.width"] = as_wide(500, data.values * n)
    lasting(settings, epochs(data, settings, 5, 10_000), 4)
    turns = settings["model.walkback"]
    work(settings, turns * data.values * settings["model.width"] * (1 + n))


def diffusion(data: Data, settings: Settings) -> None:
    """Of denoisers: a U-Net of 20 features, some 400,000 weights."""
    undropped(data, settings)
    if not data.larger or settings["model.network"] == "dense":
        return
    settings["model.width"] = 20
    # Of larger images samples are what is looked at (Ho et al. 2020, table 2).
    settings["model.loss"] = "simple"
    lasting(settings, epochs(data, settings, 10, 20_000), 8)
    # Stages of a quarter of the pixels and twice the features cost the same; measured at 28x28.
    work(settings, 280 * settings["model.width"] ** 2 * settings["model.blocks"] * data.pixels)


# --- densities -----------------------------------------------------------------------------------


def made(data: Data, settings: Settings) -> None:
    """Of masked layers: with fewer than D - 1 units a pixel misses some of those before it."""
    n = outputs(data, settings)
    if data.larger:
        settings["model.hidden"] = as_wide(-(-data.values // 100) * 100, data.values * n)
    _autoregressive(data, settings, data.values * settings["model.hidden"] * (1 + n))


def nade(data: Data, settings: Settings) -> None:
    """Of a hidden layer a pixel: the config's units, each of which is computed D times."""
    # A unit is written, read and summed more than it is multiplied.
    _autoregressive(data, settings, NADE_UNIT * data.values * settings["model.hidden"])


def _autoregressive(data: Data, settings: Settings, multiplications: float) -> None:
    undropped(data, settings)
    if data.larger:
        lasting(settings, epochs(data, settings, 5, 10_000))
        work(settings, multiplications)


def fvsbn(data: Data, settings: Settings) -> None:
    """That of the others, for as many pixels as have weights among one another.

    Raises: UserError for more.
    """
    n = outputs(data, settings)
    weights = n * data.values * (data.values - 1) // 2
    if weights > MOST_WEIGHTS:
        raise UserError(
            f"fvsbn has weights from each number of an image to each after it: {weights:,} for "
            f"{data.height}x{data.width}x{data.channels}. Set `data.size` to 32, or take nade, "
            "whose units stand between."
        )
    _autoregressive(data, settings, weights)


def pixels(data: Data, settings: Settings) -> None:
    """Of PixelCNN and PixelRNN: features for each channel, mixtures for fine levels.

    An image has as many terms as numbers, and small batches say enough: after 115,000 images of
    Fashion-MNIST in batches of 32 PixelCNN has 3.02 bits/dim, after 100,000 in those of 100 3.24
    (validation split).
    """
    undropped(data, settings)
    if not data.larger:
        return
    settings["batch_size"] = 32
    if data.channels > 1:
        settings["model.width"] = 16 * data.channels
    if data.levels > 64:
        settings["model.likelihood"] = "coupled_mixture" if data.channels > 1 else "mixture"
    lasting(settings, epochs(data, settings, 5, 10_000))
    width, depth = settings["model.width"], settings["model.depth"]
    work(settings, 21 * width**2 * depth * data.pixels)


def nice(data: Data, settings: Settings) -> None:
    """Of dense couplings: the 1,000 units of the paper, as far as they fit."""
    undropped(data, settings)
    if not data.larger:
        return
    settings["model.width"] = as_wide(1000, data.values)
    lasting(settings, epochs(data, settings, 10, 10_000))
    width, depth = settings["model.width"], settings["model.depth"]
    each = 2 * data.values * width + (depth - 1) * width**2
    work(settings, settings["model.couplings"] * each)


def realnvp(data: Data, settings: Settings) -> None:
    """Of convolutional couplings: a scale more for each doubling, where pixels are even."""
    undropped(data, settings)
    if not data.larger or settings["model.network"] != "conv":
        return
    scales = 2 + doublings(data)
    while data.height % 2 ** (scales - 1) or data.width % 2 ** (scales - 1):
        scales -= 1
    settings["model.scales"] = scales
    lasting(settings, epochs(data, settings, 5, 10_000))
    width, depth = settings["model.width"], settings["model.depth"]
    each = width * (27 * data.channels + 11 * width * depth)
    work(settings, 4 * settings["model.couplings"] * each * data.pixels)


def machine(data: Data, settings: Settings) -> None:
    """Of Boltzmann machines: 500 hidden units, those of Hinton and of Salakhutdinov."""
    if not data.larger:
        return
    settings["model.hidden"] = as_wide(500, data.values)
    work(settings, (2 + 2 * settings["model.k"]) * data.values * settings["model.hidden"])


# --- games of other networks ---------------------------------------------------------------------


def began(data: Data, settings: Settings) -> None:
    """Of balanced autoencoders: images are halved to 7 to 16 pixels a side, as in the paper."""
    if not data.larger:
        return
    settings["model.depth"] = halvings(data, 8)
    lasting(settings, 50_000, 25)
    width = settings["model.width"]
    work(settings, 4 * 3 * 9 * 2.7 * width**2 * data.pixels, keep_batch=True)


def growing(data: Data, settings: Settings) -> None:
    """Of progressive growing: the steps of the paper, which has 16 images in a batch."""
    if not data.larger:
        return
    steps = 500_000 if data.side < 64 else 800_000
    lasting(settings, steps, steps // 10_000)
    base, most = settings["model.base"], settings["model.width"]
    features = [(s, min(most, base * 2 // s)) for s in _sides(data)]
    work(settings, 4 * sum(18 * f**2 * s**2 for s, f in features) * 2, keep_batch=True)


def _sides(data: Data) -> list[int]:
    return [4 << i for i in range(max(1, int(math.log2(data.side / 4)) + 1))]


def translation(data: Data, settings: Settings) -> None:
    """Of CycleGAN: section 4 and appendix 7.1 of the paper, 200 epochs in batches of one."""
    if not data.larger:
        return
    settings["model.depth"] = 2
    settings["model.width"] = settings["model.patch_width"] = 64
    settings["model.blocks"] = 9 if data.side >= 256 else 6
    settings["model.patch_depth"] = max(1, min(3, round(math.log2(data.side / 16))))
    settings["batch_size"] = 1
    lasting(settings, min(260_000, round(200 * data.count, -3)), 25)
    width, blocks = settings["model.width"], settings["model.blocks"]
    inner = 9 * (4 * width) ** 2 * 2 * blocks * data.pixels / 16 + 2 * 36 * width**2 * data.pixels
    work(settings, 3 * inner)
