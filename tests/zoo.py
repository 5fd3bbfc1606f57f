"""One row a model: its name, tiny arguments, and the number of parameters, counted by hand.

A second row of a model tries other arguments, and says in `variant` which. A model that changes the
training of another and nothing else names it as `parent`: what is exported of the two is one. So
does a row whose likeness to another makes a file of its own superfluous.

`test_zoo.py` holds what must be true of every row; `test_catalogue.py` fails where a row is
missing.
"""

import dataclasses
import os

import numpy as np
import pytest


@dataclasses.dataclass(frozen=True, eq=False)
class Row:
    name: str
    arguments: dict
    parameters: int | None  # None: not counted by hand
    image_shape: tuple = (8, 8, 1)
    levels: int = 17
    variant: str = ""
    parent: str = ""

    @property
    def id(self):
        return f"{self.name}-{self.variant}" if self.variant else self.name

    def build(self):
        import keras

        from tfgen import models
        from tfgen.training import optimizers

        keras.utils.set_random_seed(1)
        model = models.find(self.name)(self.image_shape, self.levels, seed=3, **self.arguments)
        model.compile({name: optimizers.Adam(1e-3) for name in model.trained()})
        return model

    def batch(self, size=8, seed=0):
        """A random batch in the data's form."""
        random = np.random.default_rng(seed)
        shape = (size, *self.image_shape)
        image, label, other = (
            random.integers(0, self.levels, shape, dtype=np.uint8),
            random.integers(0, 10, size, dtype=np.int32),
            random.integers(0, self.levels, shape, dtype=np.uint8),
        )
        tokens = random.integers(1, 6, (size, WORDS["length"]), dtype=np.int32)
        return {"image": image, "label": label, "other": other, "tokens": tokens}


def of_file(path):
    """The row of a user's own model: the arguments that its config has, on digits."""
    from tfgen import settings

    file = os.path.abspath(path)
    return Row(file, settings.find(file).model.to_dict(), None)


TOY_SHAPE, TOY_CLASSES = (2, 2, 1), 3


def toys(count=64, seed=0):
    """Images of four pixels, of 17 levels: the label lights one of three, the last is noise."""
    random = np.random.default_rng(seed)
    label = random.integers(0, TOY_CLASSES, count).astype(np.int32)
    image = np.zeros((count, 4), np.uint8)
    image[np.arange(count), label] = 16
    image[:, 3] = random.integers(0, 17, count)
    return {"image": image.reshape(-1, *TOY_SHAPE), "label": label}


def rows_of(inputs, start, stop):
    """Some rows of each input."""
    return {name: value[start:stop] for name, value in inputs.items()}


GAN = dict(latent_dim=6, width=4, depth=2, kernel=4)
WORDS = dict(
    vocabulary=("a", "red", "blue", "dot"),
    examples=("a red dot", "a blue dot", "dot"),
    length=4,
    embedding=4,
    text_dim=7,
    condition_dim=3,
)
HEARD = {name: value for name, value in WORDS.items() if name != "condition_dim"}
UNET = dict(width=4, sampling_steps=3, dropout=0.1)

ROWS = [
    # G: 6 * 5 + 5, 5 * 64 + 64; D: 64 * 5 + 5, 5 + 1.
    Row("gan", dict(latent_dim=6, width=5, depth=1, objective="minimax"), 750),
    # G: 6 * 32, 16, 16 * 8 * 4, 8, 16 * 4 + 1; D: 16 * 4 + 4, 16 * 4 * 8, 16, 32 + 1.
    Row("dcgan", GAN | dict(ema=0.9), 1422),
    Row("lsgan", GAN | dict(smoothing=0.1), 1422, parent="gan"),
    # Without a norm D's second layer has 8 biases, and no 16; differences need no last bias.
    Row("wgan", GAN | dict(critic_steps=2, instance_noise=0.1), 1413, parent="gan"),
    Row("wgan_gp", GAN | dict(critic_steps=2), 1413, parent="gan"),
    Row("dragan", GAN, 1414, parent="gan"),
    # The DCGAN's without D's last bias.
    Row("relativistic_gan", GAN | dict(ema=0.9), 1421, parent="gan"),
    Row(
        "relativistic_gan",
        GAN | dict(objective="relativistic", critic_steps=2),
        1421,
        variant="pairs",
        parent="gan",
    ),
    Row("r1_gan", GAN | dict(augment="color,translation,cutout"), 1414, parent="gan"),
    # Not the hinge: at first no score is beyond it, and D's last bias has no gradient.
    Row("sngan", GAN | dict(objective="least_squares"), 1414, parent="gan"),
    # G: 6 * 64 + 64; 20, 8, 144, 8, 148; 8, 37. D: 8, 40, 148; 148, 148; 5 + 1.
    Row(
        "sngan",
        dict(
            latent_dim=6,
            width=4,
            depth=1,
            kernel=3,
            network="residual",
            minibatch_stddev=True,
            objective="minimax",
        ),
        1319,
        variant="residual",
    ),
    # 10 more inputs of G, 32 each, and of D, 64 each.
    Row("conditional_gan", GAN, 2374),
    # 32 * 10 + 10 in D, in the place of the planes.
    Row(
        "conditional_gan",
        GAN | dict(conditioning="projection", normalisation="spectral"),
        2064,
        variant="projection",
        parent="conditional_gan",
    ),
    Row(
        "conditional_gan",
        GAN | dict(conditioning="auxiliary"),
        2064,
        variant="auxiliary",
        parent="conditional_gan",
    ),
    # The DCGAN's, 12 more inputs of G, and Q: 32 * 12 + 12.
    Row("infogan", GAN, 2202),
    # Encoder: 9 * 4 + 4, twice 148; 9 * 4 * 8 + 8, twice 584; 16 * 8 * 5 + 5. Decoder: 5 * 64 + 64,
    # four times 9 * 4 * 4 + 4, 9 * 4 + 1. G: the same with 6 * 64 + 64.
    Row("began", dict(latent_dim=6, code_dim=5, width=4, depth=1), 4535),
    # G; D with 6 planes more: 452, 528, 33; E 596, 32 * 6 + 6.
    Row("bigan", GAN, 2600),
    # 4 and 2 features a pixel. G: 6 * 64 + 64, 148, 5; 74, 38, 3; D: 260, 5, 8, 184; 4, 38, 76.
    Row("progan", dict(latent_dim=6, width=4, base=8, schedule="1,1"), 1291),
    # G: 1792, 2320, 51; 4640, 51. D: 4129, 64, 2464; 64, 4640.
    Row(
        "progan",
        dict(latent_dim=6, width=16, base=64, schedule="1", divisors="1,2", fade=0.0),
        20215,
        (8, 8, 3),
        256,
        "colour",
        "progan",
    ),
    Row("vae", dict(latent_dim=3, network="conv", width=2, dropout=0.2), 1499),
    # 48 * 5 + 5, 5 * 4 + 4; 2 * 5 + 5, 5 * 48 + 48; the width of all pixels.
    Row(
        "vae",
        dict(latent_dim=2, width=5, draw=True, likelihood="shared_gaussian"),
        573,
        (4, 4, 3),
        256,
        "draws in colour",
    ),
    # f: 64 * 5 + 5, 5 * 3 + 3; g: 3 * 5 + 5, 5 * 64 + 64.
    Row("autoencoder", dict(latent_dim=3, width=5, error="squared", components=2), 747),
    Row(
        "autoencoder",
        dict(latent_dim=3, network="conv", width=2),
        1144,
        variant="conv, log",
        parent="autoencoder",
    ),
    # f: 64 * 5 + 5, 5 * 3 + 3; the biases of g: 5, 64.
    Row("contractive_autoencoder", dict(latent_dim=3, width=5, activation="sigmoid"), 412),
    Row(
        "denoising_autoencoder", dict(latent_dim=3, width=5, dropout=0.2), 747, parent="autoencoder"
    ),
    Row(
        "denoising_autoencoder",
        dict(latent_dim=3, width=5, corruption="masking"),
        747,
        variant="masking",
        parent="autoencoder",
    ),
    Row("pca", dict(latent_dim=3, components=2), 0),
    Row("sparse_autoencoder", dict(latent_dim=6, active=2, width=5), 780),
    Row("beta_vae", dict(latent_dim=3, network="conv", width=2, beta=3.0), 1499, parent="vae"),
    Row(
        "beta_vae",
        dict(latent_dim=3, network="conv", width=2, capacity=5.0, capacity_steps=10, warmup=5),
        1499,
        variant="capacity",
        parent="vae",
    ),
    Row(
        "iwae",
        dict(latent_dim=3, network="conv", width=2, samples=4, dropout=0.2),
        1499,
        parent="vae",
    ),
    Row("beta_tcvae", dict(latent_dim=3, network="conv", width=2, beta=3.0), 1499, parent="vae"),
    # The VAE's, and D: 3 * 4 + 4, 4 * 1 + 1.
    Row(
        "factor_vae",
        dict(latent_dim=3, network="conv", width=2, critic_width=4, critic_depth=1),
        1520,
        parent="vae",
    ),
    # The VAE's, and 10 planes to 2 filters of 9, 10 more inputs to 16 units.
    Row("cvae", dict(latent_dim=3, network="conv", width=2), 1839),
    # f: 64 * 5 + 5, 5 * 6 + 6; g: 3 * 5 + 5, 5 * 128 + 128.
    Row(
        "vae",
        dict(latent_dim=3, width=5, components=2, likelihood="gaussian", draw=True),
        1149,
        variant="fitted prior, Gaussian",
    ),
    Row("wae_mmd", dict(latent_dim=3, width=5), 747),
    # The autoencoder's, 2 codes; D: 2 * 4 + 4, 4 * 4 + 4, 4 * 1 + 1.
    # Its codes are normal, as those of the row before, which is exported.
    Row(
        "adversarial_autoencoder",
        dict(latent_dim=2, width=5, critic_width=4),
        773,
        parent="autoencoder",
    ),
    Row(
        "adversarial_autoencoder",
        dict(latent_dim=2, width=5, critic_width=4, prior="swiss_roll", labels=True),
        813,
        variant="labels",
    ),
    Row(
        "adversarial_autoencoder",
        dict(latent_dim=2, width=5, critic_width=4, prior="mixture"),
        773,
        variant="mixture",
        parent="adversarial_autoencoder",
    ),
    Row(
        "sparse_autoencoder",
        dict(latent_dim=6, active=2, width=5, sparsity="kl"),
        780,
        variant="kl",
        parent="sparse_autoencoder",
    ),
    # The DCGAN's, and E: 16 * 4 + 4, 16 * 4 * 8, 2 * 8, 32 * 12 + 12.
    Row("vae_gan", GAN | dict(ema=0.9), 2414),
    # Encoder 427, decoder 825, prior 377.
    Row("vq_vae", dict(codes=5, code_dim=3, width=2, depth=2, prior_width=4), 1629),
    Row(
        "vq_vae",
        dict(codes=5, code_dim=3, width=2, depth=1, prior_width=4, codebook="gradient"),
        1608,
        variant="gradient",
        parent="vq_vae",
    ),
    # Of the weights those that act count: 64 * 63 / 2 * 17 + 64 * 17.
    Row("fvsbn", {}, 35360),
    Row("fvsbn", dict(likelihood="mixture"), 17640, (4, 4, 3), 256, "colour", "fvsbn"),
    # W 63 * 5, for nothing follows the last pixel, c 5, V 64 * 5 * 17, b 64 * 17.
    Row("nade", dict(hidden=5), 6848),
    # Degrees 13, 26, 38, 51, 63: 191 from pixels + 5, 15 among them + 5, 129 * 17 + 64 * 17.
    Row("made", dict(hidden=5, depth=2), 3497, parent="made"),
    # Of 64 * 5 + 5, 5 * 64 * 17 + 64 * 17 those that one of three orders connects at least.
    # 295 + 5, 254 * 17 + 64 * 17.
    Row("made", dict(hidden=5, depth=1, masks=3, orders="random"), 5706, variant="orders"),
    # A layer: vertical, horizontal, link, residual; the first 168 + 56 + 64 + 20, the others
    # 200 + 72 + 64 + 20; then 20, and 4 * 17 + 17. A mask holds 8 of the first at zero.
    Row("pixelcnn", dict(width=4, depth=3, first_reach=2), 1117),
    # Layers of 450 and 786, 42 and 6 * 50 + 50 of the head; held at zero 3 * 12 of the first.
    Row(
        "pixelcnn",
        dict(width=6, depth=2, first_reach=1, likelihood="coupled_mixture", dropout=0.1),
        1592,
        (4, 4, 3),
        32,
        "colour",
    ),
    # Labels: 10 * 16 for each of three gates, less 10 * 8 of the last vertical one.
    Row(
        "pixelcnn",
        dict(width=4, depth=3, first_reach=2, conditional=True),
        1517,
        variant="labels",
        parent="pixelcnn",
    ),
    # 108 at first, of which 4 are held at zero, 420 an LSTM, 105 at last.
    Row("pixelrnn", dict(width=4, depth=2, reach=2), 1049),
    # 126 - 12, 954 - 2 * 48 - 12, 357 - 102.
    Row(
        "pixelrnn",
        dict(width=6, depth=1, reach=1, recurrence="diagonal", likelihood="mixture"),
        1215,
        (4, 4, 3),
        32,
        "diagonal, colour",
    ),
    # Two couplings of 325 + 384, less 32 * 5 from what is not seen and 32 * 6 to what is kept; s.
    Row("nice", dict(width=5, depth=1, couplings=2), 778),
    # Couplings of 182, 431 - 2 * 9 * 3 - 2 * 2 * 28, 265 and 265; s, 4 limits; q 707;
    # affine maps of 1, 4, 2, 2 channels.
    Row(
        "realnvp",
        dict(width=3, depth=1, couplings=1, dequantisation="variational", dropout=0.1),
        1770,
    ),
    # Three couplings of 15 - 5 + 24 - 12; s, limits; affine maps of 2 numbers.
    Row(
        "realnvp",
        dict(network="dense", width=5, depth=1, couplings=3),
        83,
        (1, 1, 2),
        256,
        "points",
        "realnvp",
    ),
    # W 64 * 5, a 64, b 5.
    Row("rbm", dict(hidden=5, chains=8, steps=6), 389, (8, 8, 1), 2),
    Row("rbm", dict(hidden=5, algorithm="cd", centred=True, steps=6), 389, variant="gaussian"),
    # 389, and W 5 * 64, a 5, b 64.
    Row(
        "dbn",
        dict(hidden=5, each=2, steps=6, algorithm="pcd", centred=True),
        778,
        (8, 8, 1),
        2,
    ),
    # 389, and 5 * 5 + 10, twice: no machine turned over, but the third.
    Row("dbn", dict(hidden=5, each=1, depth=3, steps=6), 459, (4, 4, 4), 17, "gaussian", "dbn"),
    # f: 64 * 5 + 5, 5 * 3 + 3; g: 3 * 5 + 5, 5 * 64 * 17 + 64 * 17.
    Row("gsn", dict(latent_dim=3, width=5, walkback=2, steps=4, dropout=0.1), 6891),
    # G: 9 * 64, 16 * 16 * 8, 9 * 8 * 8, 16 * 8 * 4, 9 * 4 + 1, and 22 for each of 16 + 8 + 8 + 4
    # filters; D: 136, 2048, 32; match: 80 * 7 + 7, 80 + 1, 7 * 7.
    # Text: 6 * 4, 3 * (4 * 7 + 7 * 7 + 14); augment: 7 * 6 + 6.
    Row(
        "text_to_image",
        # At first the last bias of D has no gradient but with least squares.
        GAN | dict(WORDS, width=8, contrast=0.5, diversity=0.1, ema=0.9, objective="least_squares"),
        7799,
    ),
    # G: 9 * 16, 16 * 4 * 2, 9 * 2 + 1, 22 * (4 + 2); small D: 68, match: 20 * 7 + 7, 20 + 1, 7 * 7;
    # refiner: 40, 16 * 4 * 8, 9 * 11 * 8, four times 9 * 8 * 8, 16 * 8 * 4, 65, and 16 for each of
    # six norms of 8, 8 for one of 4.
    Row(
        "text_to_image",
        GAN | dict(WORDS, stacked=True, ema=0.9),
        6355,
        variant="stacked",
    ),
    # G and F: 49 * 2, 4; 9 * 2 * 4, 8; twice 9 * 4 * 4, 8; 9 * 4 * 2, 4; 49 * 2 + 1.
    # Each D: 16 * 3 + 3, 16 * 3 * 6, 12, 16 * 6 + 1.
    Row(
        "cyclegan",
        dict(width=2, depth=1, blocks=1, patch_width=3, patch_depth=1, pool=12, enlarge=1.25),
        2218,
    ),
    # Time 80, 272; in 40; blocks 380, 380, 568, 568, attention four times 8, 60, 20; out 45.
    Row("ddpm", UNET | dict(steps=9, prediction="v"), 2685, (4, 4, 1)),
    # Time 80, 272, labels 10 * 16; in 64 * 4 + 4; a block 20, 68, 20; out 4 * 128 + 128.
    Row(
        "ddpm",
        UNET
        | dict(
            conditional=True,
            guidance=0.5,
            eta=1.0,
            prediction="x0",
            variance="learned",
            network="dense",
            half_life=0,
        ),
        1520,
        variant="labels, dense",
    ),
    # Time 80, 272; in 64 * 4 + 4; a block 20, 68, 20; out 4 * 64 + 64.
    Row("edm", UNET | dict(network="dense", churn=1.0, sigma_max=3.0), 1040),
    # That without churn, y 7 * 16; phi: 6 * 4, 3 * (4 * 7 + 7 * 7 + 14).
    Row("glide", UNET | HEARD | dict(network="dense", sigma_max=3.0), 1449),
    Row("score_matching", dict(width=4, network="dense", noises=3, each=2, sigma_max=1.0), 1040),
    # The VAE's, and 4 pseudo-inputs of 64 pixels.
    Row("vamp_vae", dict(latent_dim=3, network="conv", width=2, pseudo_inputs=4), 1755),
]

# All rows, as parameters. While working some are looked at: a game, one pass with draws, one with a
# step of its own, pixel after pixel, a machine. The others wait for the whole suite.
LOOKED_AT = ("dcgan", "vae", "vq_vae", "pixelcnn", "rbm")
EACH = [
    pytest.param(row, marks=() if row.id in LOOKED_AT else pytest.mark.slow, id=row.id)
    for row in ROWS
]
# A model of one's own, in place of all rows: TFGEN_MODEL=./my_gan.py pytest tests/test_zoo.py
if os.environ.get("TFGEN_MODEL"):
    EACH = [pytest.param(of_file(os.environ["TFGEN_MODEL"]), id="own")]

# The rows that are exported, as parameters. One is looked at while working.
SOON = ("dcgan",)
EXPORTED = [
    pytest.param(row, marks=() if row.id in SOON else pytest.mark.slow, id=row.id)
    for row in ROWS
    if not row.parent
]

# Of these, what a host could take otherwise than the runtime: a seed, codes, a label, a loop over
# pixels, one of a chain. A host in C, a server and a browser run what the runtime has loaded, and
# the runtime's own tests hold every row; so they are tried with these.
HOSTS = ("dcgan", "vae", "cvae", "pixelcnn", "rbm")
HOSTED = [param for param in EXPORTED if param.id in HOSTS]


def kind(model):
    """What requests to a model look like: the noise of a sample, and what it is asked for."""
    noise = sorted(model.noise(np.zeros(1, np.int32))) if model.can("noise") else []
    condition = model.condition.name if model.condition else ""
    return "z" in noise, len(noise) > 1, condition


# What a file does whatever it computes is tried with a row of each kind.
KINDS = {
    (True, False, ""): "vae",
    (True, False, "label"): "cvae",
    (True, True, ""): "infogan",
    (True, True, "label"): "adversarial_autoencoder-labels",
    (False, False, ""): "pixelcnn",
    (False, True, ""): "rbm",
    (True, False, "tokens"): "text_to_image",
}

# The rows that are saved and read from disk: one of each kind, one whose pictures are in colour and
# one that makes images of images. The graphs that are saved are looked at for every row, and
# LiteRT's gates save and convert those of every row.
SAVED = [
    param
    for param in EXPORTED
    if param.id in (*KINDS.values(), *HOSTS, "vae-draws in colour", "cyclegan")
]

# Rows that are trained on two replicas: of each way to take a step, to draw noise and to couple a
# batch one. What differs from another in a loss of single images alone is left out.
REPLICATED = [
    row
    for row in ROWS
    if row.id
    in (
        *(
            "dcgan",
            "wgan",
            "dragan",
            "sngan",
            "relativistic_gan",
        ),
        *("began", "progan", "beta_vae-capacity", "beta_tcvae", "factor_vae"),
        *("vq_vae", "sparse_autoencoder-kl", "wae_mmd"),
        *("adversarial_autoencoder-labels", "made-orders", "realnvp", "rbm", "dbn-gaussian"),
        *("gsn", "text_to_image", "cyclegan"),
    )
]

# Of these, those whose steps are graphs there as in the command: a step that branches or loops,
# for a graph alone refuses to merge replicas within a branch, and of each family one more.
# `tests/test_replicas.py` holds that no other row branches.
REPLICATED_IN_GRAPHS = ("dcgan", "beta_tcvae", "progan", "rbm", "dbn-gaussian", "gsn")
