"""VQ-VAE: a grid of codes, each one of a book of K vectors, and a learned prior over such grids.

A. van den Oord, O. Vinyals, K. Kavukcuoglu. Neural Discrete Representation Learning. NeurIPS 2017.
https://arxiv.org/abs/1711.00937

    c(x)    = argmin_k |z_e(x) - e_k|,   z_q(x) = e_c               equations 1 and 2, at each place
    L       = -log p(x|z_q) + |sg[z_e] - e|^2 + beta |z_e - sg[e]|^2        equation 3
    z_q     = z_e + sg[e - z_e]             the gradient passes straight through, section 3.2
    log p(x) >= log p(x|z_q(x)) + log p(c(x))      section 3.1: q(c|x) is certain

The codebook follows the encoder by gradients of the second term, or by averages that forget
(appendix A.1), codebook="ema":

    N_k <- d N_k + (1 - d) n_k,   m_k <- d m_k + (1 - d) sum of the z_e of code k,   e_k = m_k / N_k

A code that too few places use is dead: it is set to a place of the batch, drawn at random, and so
comes back (Dhariwal et al. 2020, Jukebox, section 3.1); at first all are. The prior reads codes row
by row, and gives each a distribution from those before it: p(c) = prod_i p(c_i | c_<i).

Shapes: x [B, H, W, C];  z_e, z_q [B, h, w, D], h = H / 2^depth;  c [B, h * w];  e [K, D].

Departures from the paper: encoder and decoder have no residual blocks, where the paper's have two
each, and fewer channels than its 256; the likelihood is the one that fits the data's levels. The
prior is trained beside the rest, on codes as they are, and not after it; it is a stack of gated
causal convolutions along the rows, where the paper has a PixelCNN.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

import keras
import tensorflow as tf
from keras import layers

from tfgen import accumulation, random, replicas, sizes
from tfgen.compiling import looping
from tfgen.declared import Count, Likelihood, Network, Range, Share, Weight
from tfgen.errors import one_of
from tfgen.layers import Dropout, coders
from tfgen.layers.shared_width import with_width
from tfgen.model import GenerativeModel
from tfgen.objectives import likelihoods, losses


def conv_encoder(
    image_shape: Sequence[int],
    outputs: int,
    width: int,
    depth: int,
    dropout: Callable[[str], keras.Layer],
) -> keras.Model:
    stack = [layers.Input(image_shape), layers.Conv2D(width, 3, 1, "same", activation="silu")]
    for i in range(depth):
        stack += [
            layers.Conv2D(2 * width, 4, 2, "same", activation="silu"),
            dropout(f"encoder {i + 1}"),
        ]
    last = layers.Conv2D(outputs, 1, dtype="float32")
    return keras.Sequential([*stack, last], name="z_e")


def conv_decoder(
    code_shape: Sequence[int],
    image_shape: Sequence[int],
    outputs: int,
    width: int,
    depth: int,
    dropout: Callable[[str], keras.Layer],
) -> keras.Model:
    stack = [layers.Input(code_shape), layers.Conv2D(2 * width, 3, 1, "same", activation="silu")]
    for i in range(depth):
        stack += [
            dropout(f"decoder {i + 1}"),
            layers.Conv2DTranspose(max(1, 2 * width >> i), 4, 2, "same", activation="silu"),
        ]
    last = layers.Conv2D(outputs, 3, padding="same", dtype="float32")
    h, w, _ = code_shape
    cut = coders.cut((h << depth, w << depth), image_shape[:2])
    return keras.Sequential([*stack, last, *cut], name="p")


class CausalPrior(keras.layers.Layer):
    """Logits of each code from all before it:  c [B, N] int32 -> [B, N, K].

    Kernels of 3 whose taps lie d = 1, 2, 4, ... places apart: n layers see 2 (2^n - 1) + 1 codes
    back. There are as many as take the last place to the first, and at least three.

    Args: places: N; codes: K; width: channels; dropout: a function of a stream's name.
    """

    def __init__(
        self,
        places: int,
        codes: int,
        width: int,
        dropout: Callable[[str], keras.Layer],
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.places, self.codes = places, codes
        # One more than the codes: what stands before the first place.
        self.embedding = layers.Embedding(codes + 1, width)
        self.position = self.add_weight(
            name="position", shape=(places, width), initializer=keras.initializers.RandomNormal()
        )
        self.dilations = [1, 2, 4]
        while 2 * sum(self.dilations) + 1 < places - 1:
            self.dilations.append(2 * self.dilations[-1])
        self.stack = [
            (layers.Conv1D(2 * width, 3, padding="causal", dilation_rate=d), dropout(f"prior {d}"))
            for d in self.dilations
        ]
        self.logits = layers.Dense(codes, dtype="float32")
        self.embedding.build((None, places))
        for layer in sum(self.stack, ()):
            layer.build((None, places, width))
        self.logits.build((None, places, width))
        self.built = True

    def call(self, c: tf.Tensor, training: bool = False) -> tf.Tensor:
        before = tf.concat([tf.fill([tf.shape(c)[0], 1], self.codes), c[:, :-1]], axis=1)
        x = self.embedding(before) + self.position
        for convolution, drop in self.stack:
            value, gate = tf.split(convolution(drop(x, training=training)), 2, axis=-1)
            x += tf.tanh(value) * tf.sigmoid(gate)
        return self.logits(x)


@keras.saving.register_keras_serializable("tfgen")
class VQVAE(GenerativeModel):
    """A VQ-VAE with its prior; its likelihood is a lower bound.

    Args:
      image_shape, levels, seed: see `GenerativeModel`.
      codes: K, vectors in the book.
      code_dim: D, numbers of each vector.
      depth: how often the image is halved: the grid of codes is h = H / 2^depth, w = W / 2^depth,
        rounded up at each halving.
      width: filters of the first layer.
      codebook: how it follows the encoder: "ema", averages that forget, or "gradient".
      commitment: beta, the weight of the term that keeps the encoder near its codes.
      decay: d of the averages: the share of them that a step keeps.
      restart: a code that is used less than this share of even use is dead; 0: none ever is.
      prior_width: channels of the prior.
      dropout: share of channels dropped in training.
      likelihood: p(x|z_q): "auto" fits the data's levels.
      encoder: a network of the user's own (`tfgen/networks.py`), [H, W, C] -> [h, w, D].
      decoder: the same, [h, w, D] -> [H, W, N], the parameters of p(x|z_q).

    The prior's network is causal and stays: another could see the code that it is to foretell.
    """

    paper = ("van den Oord et al. 2017", "https://arxiv.org/abs/1711.00937")
    likelihood_kind = "lower bound"
    terms = ("loss", "distortion", "rate", "commitment", "perplexity")

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int,
        seed: int = 0,
        codes: Count = 64,
        code_dim: Count = 16,
        depth: Annotated[int, Range(0, 1000)] = 2,
        width: Count = 32,
        codebook: Literal["ema", "gradient"] = "ema",
        commitment: Weight = 0.25,
        decay: Share = 0.99,
        restart: Weight = 0.03,
        prior_width: Count = 64,
        dropout: Share = 0.0,
        likelihood: Likelihood = "auto",
        encoder: Network = None,
        decoder: Network = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(image_shape, levels, seed, **kwargs)
        self.codes, self.code_dim = codes, code_dim
        self.depth, self.width = depth, width
        self.codebook = one_of("codebook", codebook, ("ema", "gradient"))
        self.commitment, self.decay, self.restart = commitment, decay, restart
        self.prior_width, self.dropout = prior_width, dropout
        self.likelihood = likelihood

        h, w, c = self.image_shape
        self.grid = sizes.halved((h, w), depth)
        self.places = self.grid[0] * self.grid[1]
        self.p = likelihoods.choose(likelihood, levels)

        def drop(stream: str) -> keras.Layer:
            return Dropout(dropout, stream, self.dropout_masks)

        code_shape, outputs = (*self.grid, code_dim), self.p.outputs(c)
        self.encoder = self.choose_network(
            "encoder",
            encoder,
            self.image_shape,
            code_shape,
            lambda: conv_encoder(self.image_shape, code_dim, width, depth, drop),
        )
        self.decoder = with_width(
            self.p,
            self.choose_network(
                *("decoder", decoder, code_shape, (h, w, outputs)),
                lambda: conv_decoder(code_shape, self.image_shape, outputs, width, depth, drop),
            ),
        )
        self.prior_network = CausalPrior(self.places, codes, prior_width, drop)
        self.e = self.add_weight(
            name="e",
            shape=(codes, code_dim),
            initializer=keras.initializers.RandomNormal(stddev=1.0),
            trainable=codebook == "gradient",
            aggregation="mean",
        )
        # N_k in shares of even use, and m_k in the same unit. At first every code is dead.
        self.usage = self._average("usage", (codes,))
        self.sums = self._average("sums", (codes, code_dim))

    def _average(self, name: str, shape: Sequence[int]) -> keras.Variable:
        return self.add_weight(
            name=name, shape=shape, initializer="zeros", trainable=False, aggregation="mean"
        )

    # --- training --------------------------------------------------------------------------------

    def trained(self) -> dict[str, list[keras.Variable]]:
        networks = self.encoder.trainable_variables + self.decoder.trainable_variables
        if self.codebook == "gradient":
            networks = [*networks, self.e]
        return {"vq": networks, "prior": self.prior_network.trainable_variables}

    def nearest(self, z_e: tf.Tensor) -> tf.Tensor:
        """c: the index of the nearest code at each place. [B, h, w, D] -> int32 [B, h * w]."""
        z = tf.reshape(z_e, [-1, self.code_dim])
        # |z|^2 is the same for all codes.
        distances = tf.reduce_sum(tf.square(self.e), axis=1) - 2.0 * tf.matmul(
            z, self.e, transpose_b=True
        )
        return tf.reshape(tf.argmin(distances, axis=1, output_type=tf.int32), [-1, self.places])

    def looked_up(self, c: tf.Tensor) -> tf.Tensor:
        """The vectors of codes: [B, h * w] -> [B, h, w, D]."""
        return tf.reshape(tf.gather(self.e, c), [-1, *self.grid, self.code_dim])

    def prior_log_prob(self, c: tf.Tensor, training: bool = False) -> tf.Tensor:
        """log p(c): [B, h * w] -> [B], nats."""
        logits = self.prior_network(c, training=training)
        return -tf.reduce_sum(
            tf.nn.sparse_softmax_cross_entropy_with_logits(labels=c, logits=logits), axis=1
        )

    def forward(
        self, image: tf.Tensor, training: bool
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor], tf.Tensor, tf.Tensor]:
        """What encoder and decoder descend on [B], the terms of each image, dict of [B], z_e and c.

        The term "loss" is the bound: the best weights are chosen by it, with the prior's rate.
        """
        z_e = self.encoder(self.to_unit(image), training=training)
        c = self.nearest(z_e)
        e = self.looked_up(c)
        z_q = z_e + tf.stop_gradient(e - z_e)
        log_p = self.p.log_prob(tf.cast(image, tf.int32), self.decoder(z_q, training=training))

        def squared(difference: tf.Tensor) -> tf.Tensor:
            return tf.reduce_sum(tf.square(difference), axis=[1, 2, 3])

        commitment = squared(z_e - tf.stop_gradient(e))
        loss = -log_p + self.commitment * commitment
        if self.codebook == "gradient":
            loss += squared(tf.stop_gradient(z_e) - e)
        rate = -self.prior_log_prob(c, training)
        terms = {"distortion": -log_p, "rate": rate, "commitment": commitment}
        terms["loss"] = terms["distortion"] + terms["rate"]
        return loss, terms, z_e, c

    @accumulation.in_parts
    def train_step(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        gradients, terms = accumulation.over_parts(self, batch["image"], self.pass_of)
        for name, weights in self.trained().items():
            self.take_step(name, gradients[name], weights)

        # Of the codes, all replicas know the use that all make of them.
        c = tf.reshape(replicas.all_rows(terms.pop("c")), [-1])
        z = tf.reshape(replicas.all_rows(terms.pop("z_e")), [-1, self.code_dim])
        self.update_codebook(z, c)
        return self.end_step(perplexity=self.perplexity(c), **terms)

    def pass_of(
        self, image: tf.Tensor
    ) -> tuple[dict[str, list[tf.Tensor | None]], dict[str, tf.Tensor]]:
        """Of images [B, H, W, C]: (the gradient of each optimizer, terms with z_e and c)."""
        with tf.GradientTape(persistent=True) as tape:
            loss, terms, z_e, c = self.forward(image, training=True)
            loss, terms = tf.reduce_mean(loss), losses.means(terms)
        descents = {"vq": loss, "prior": terms["rate"]}
        owned = self.trained()
        found = {name: self.gradients(tape, of, owned[name]) for name, of in descents.items()}
        return found, terms | {"z_e": z_e, "c": c}

    def update_codebook(self, z: tf.Tensor, c: tf.Tensor) -> None:
        """The averages of N places z [N, D] of codes c [N], and the codes that they revive."""
        even = tf.cast(tf.size(c), tf.float32) / self.codes
        chosen = tf.one_hot(c, self.codes) / even
        usage = self.decay * self.usage + (1.0 - self.decay) * tf.reduce_sum(chosen, axis=0)
        sums = self.decay * self.sums + (1.0 - self.decay) * tf.matmul(chosen, z, transpose_a=True)
        e = tf.convert_to_tensor(self.e)
        if self.codebook == "ema":
            e = sums / tf.maximum(usage, 1e-6)[:, None]

        dead = usage < self.restart
        seed = tf.cast(self.step, tf.int32)[None] + self.seed
        u = random.uniform(seed, [self.codes], "restart")[0]
        places = tf.gather(z, tf.cast(u * tf.cast(tf.size(c), tf.float32), tf.int32))
        self.e.assign(tf.where(dead[:, None], places, e))
        self.usage.assign(tf.where(dead, 1.0, usage))
        self.sums.assign(tf.where(dead[:, None], places, sums))

    def perplexity(self, c: tf.Tensor) -> tf.Tensor:
        """exp of the entropy of the codes' shares; K if all are used alike."""
        shares = tf.reduce_mean(tf.one_hot(tf.reshape(c, [-1]), self.codes), axis=0)
        return tf.exp(-tf.reduce_sum(shares * tf.math.log(tf.maximum(shares, 1e-10))))

    def test_step(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        _, terms, _, c = self.forward(batch["image"], training=False)
        return losses.means(terms) | {"perplexity": self.perplexity(c)}

    # --- sampling --------------------------------------------------------------------------------

    def noise(self, seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"u": random.uniform(seeds, [self.places], "u")}

    @looping
    def draw_codes(self, u: tf.Tensor) -> tf.Tensor:
        """Codes from uniforms, one after the other: [B, h * w] -> int32 [B, h * w].

        Each is the first of a cumulative probability above its uniform.
        """
        order = tf.range(self.places)

        def draw(i: tf.Tensor, c: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            p = tf.nn.softmax(tf.gather(self.prior_network(c), i, axis=1))
            below = tf.cumsum(p, axis=1)[:, :-1] <= tf.gather(u, i, axis=1)[:, None]
            chosen = tf.reduce_sum(tf.cast(below, tf.int32), axis=1)
            return i + 1, tf.where(order == i, chosen[:, None], c)

        start = tf.zeros_like(u, tf.int32)
        _, c = tf.while_loop(lambda i, _: i < self.places, draw, (tf.constant(0), start))
        return c

    def generate(
        self, noise: dict[str, tf.Tensor], condition: tf.Tensor | None = None
    ) -> tf.Tensor:
        return self.decode(self.looked_up(self.draw_codes(noise["u"])))

    samples_are = "means of p(x|z)"

    def sample_draws(self, seeds: tf.Tensor, condition: tf.Tensor | None = None) -> tf.Tensor:
        """As `sample`, but draws of p(x|z_q), from the same codes: the likelihood is of these."""
        u = random.uniform(seeds, self.image_shape, "pixels")
        e = self.looked_up(self.draw_codes(self.noise(seeds)["u"]))
        return self.p.draw(self.parameters(e), u)

    # --- codes and density -----------------------------------------------------------------------

    def indices(self, x: tf.Tensor) -> tf.Tensor:
        """The codes of images in [0, 1]: int32 [B, h * w]."""
        return self.nearest(self.encoder(x, training=False))

    def encode(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        """The vectors of the codes, one after the other: {"mean": [B, h * w * D]}."""
        e = self.looked_up(self.indices(x))
        return {"mean": tf.reshape(e, [-1, self.places * self.code_dim])}

    def decode(self, z: tf.Tensor, condition: tf.Tensor | None = None) -> tf.Tensor:
        """The mean of p(x|z_q): [B, h * w * D] -> images in [0, 1]."""
        return self.p.mean(self.parameters(z))

    def parameters(self, z: tf.Tensor) -> tf.Tensor:
        """The parameters of p(x|z_q): [B, h * w * D] -> [B, H, W, C * n]."""
        return self.decoder(tf.reshape(z, [-1, *self.grid, self.code_dim]), training=False)

    def reconstruct(self, x: tf.Tensor) -> tf.Tensor:
        """Images in [0, 1] -> images in [0, 1]."""
        return self.decode(self.encode(x)["mean"])

    def draw_prior(self, seeds: tf.Tensor, condition: tf.Tensor | None = None) -> tf.Tensor:
        """The vectors of codes that the prior draws: int32 [B] -> [B, h * w * D]."""
        e = self.looked_up(self.draw_codes(self.noise(seeds)["u"]))
        return tf.reshape(e, [-1, self.places * self.code_dim])

    def draw_posterior(self, x: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
        """The vectors of the images' codes: nothing is drawn."""
        return self.encode(x)["mean"]

    def log_prob(self, x: tf.Tensor) -> tf.Tensor:
        """log p(x|z_q(x)) + log p(c(x)), a lower bound: images in [0, 1] -> [B], nats."""
        c = self.indices(x)
        parameters = self.decoder(self.looked_up(c), training=False)
        return self.p.log_prob(self.to_levels(x), parameters) + self.prior_log_prob(c)
