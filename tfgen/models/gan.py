"""Generative adversarial network: a generator and a discriminator play against each other.

I. Goodfellow, J. Pouget-Abadie, M. Mirza, B. Xu, D. Warde-Farley, S. Ozair, A. Courville and
Y. Bengio. Generative Adversarial Nets. NeurIPS 2014. https://arxiv.org/abs/1406.2661

    min_G max_D  E log D(x) + E log(1 - D(G(z)))                    equation 1

    for each step:                                                  algorithm 1
        k times:  D ascends  log D(x) + log(1 - D(G(z)))
        once:     G descends log(1 - D(G(z)))                       minimax, or
                  G ascends  log D(G(z))                            non-saturating, section 3

For a fixed G the best D is p(x) / (p(x) + p_G(x)), and the value is then 2 JSD(p, p_G) - log 4
(proposition 1, theorem 1). At the start D wins easily, log(1 - D(G(z))) is flat and G learns
nothing: that is what the non-saturating loss is for.

This is the root of the family. Its members change the loss (`objective`), a penalty on D's gradient
(`penalty`), D's normalisation or the networks, each by the argument of that name, so that a course
can change one factor at a time. The table of losses and penalties is in
`tfgen/objectives/adversarial.py`, the networks are in `tfgen/layers/adversaries.py`.

Shapes: x, G(z) [B, H, W, C] in (-1, 1);  z [B, Z] uniform in (-1, 1);  D [B] logits or scores.

Departures from the paper: leaky ReLU where D has maxout and dropout; Adam for momentum. A batch
holds the images of all k updates of D, and the G update reuses the images that the last of them has
seen, so that a step costs one pass of G less (`fresh_noise=True` draws z anew, as algorithm 1 has
it). With `ema` > 0 samples come from an exponential average of G's weights (Karras et al. 2018,
section 5): the last weights of a GAN circle around, their average does not.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

import keras
import tensorflow as tf

from tfgen import networks, random
from tfgen.declared import Count, Network, Range, Share, Steps, Weight
from tfgen.errors import UserError, one_of
from tfgen.layers import adversaries
from tfgen.model import GenerativeModel
from tfgen.objectives import adversarial


@keras.saving.register_keras_serializable("tfgen")
class GAN(GenerativeModel):
    """A GAN; its likelihood is implicit.

    Args:
      image_shape, levels, seed: see `GenerativeModel`.
      objective: the pair of losses, see `tfgen/objectives/adversarial.py`.
      penalty: what D pays for its gradient, see `tfgen/objectives/adversarial.py`.
      penalty_weight: of the penalty in what D descends on.
      clip: D's weights are kept in [-clip, clip] (Arjovsky et al. 2017); 0: as they are.
      critic_steps: k, updates of D for one of G. The batch is divided among them.
      network: the kind of G and D, see `tfgen/layers/adversaries.py`.
      normalisation: of D's layers.
      pooling: what a residual D makes of its last features at all places.
      latent_dim: Z, the number of latents.
      width: units of a hidden layer (dense); filters at half the size (conv); features (residual).
      generator_width: of G, if not that of D; 0: it is.
      depth: hidden layers (dense), or how often D halves the size and G doubles it.
      kernel: side of a convolution's kernel, in pixels.
      ema: decay of the average of G's weights that samples come from; 0 samples from G itself.
      fresh_noise: whether the G update draws z anew, for the images that D was shown.
      smoothing: D's target for real images is 1 - smoothing (Salimans et al. 2016, section 3.4).
      instance_noise: the standard deviation of what is added to all images that D sees, which
        range from -1 to 1 (Soenderby et al. 2017, section 3.1); 0: nothing.
      noise_steps: steps over which the instance noise falls to 0.
      minibatch_stddev: whether D is told how much a batch varies (Karras et al. 2018, section 3).
      augment: what changes all images that D sees, names of `adversarial.AUGMENTATIONS` with commas
        (Zhao et al. 2020).
      generator: a network of the user's own (`tfgen/networks.py`), [Z] -> [H, W, C] in (-1, 1).
      discriminator: the same, [H, W, C] -> [1], a logit or a score.

    What makes the default networks has no effect on a user's own: `network`, `normalisation`,
    `pooling`, `minibatch_stddev`, `width`, `generator_width`, `depth` and `kernel`.
    """

    paper = ("Goodfellow et al. 2014", "https://arxiv.org/abs/1406.2661")
    x_range = (-1.0, 1.0)
    likelihood = "implicit"
    prior = "uniform"
    terms: tuple[str, ...] = ("d_loss", "g_loss", "D_real", "D_fake", "spread")

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int,
        seed: int = 0,
        objective: Literal[
            "minimax", "non_saturating", "least_squares", "wasserstein", "hinge"
        ] = "non_saturating",
        penalty: Literal["none", "gradient", "dragan", "r1"] = "none",
        penalty_weight: Weight = 10.0,
        clip: Weight = 0.0,
        critic_steps: Count = 1,
        network: Literal["dense", "conv", "residual"] = "dense",
        normalisation: Literal["none", "batch", "layer", "spectral"] = "none",
        pooling: Literal["mean", "sum"] = "mean",
        latent_dim: Count = 100,
        width: Count = 128,
        generator_width: Annotated[int, Range(0)] = 0,
        depth: Annotated[int, Range(0)] = 2,
        kernel: Count = 4,
        ema: Share = 0.0,
        fresh_noise: bool = False,
        smoothing: Share = 0.0,
        instance_noise: Weight = 0.0,
        noise_steps: Steps = 1000,
        minibatch_stddev: bool = False,
        augment: str = "",
        generator: Network = None,
        discriminator: Network = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(image_shape, levels, seed, **kwargs)
        self.objective = one_of("objective", objective, adversarial.OBJECTIVES)
        self.penalty = one_of("penalty", penalty, adversarial.PENALTIES)
        self.penalty_weight = penalty_weight
        self.clip = clip
        self.critic_steps = critic_steps
        self.network = network
        self.normalisation = normalisation
        self.pooling = one_of("pooling", pooling, adversaries.POOLINGS)
        self.latent_dim = latent_dim
        self.width = width
        self.generator_width = generator_width
        self.depth = depth
        self.kernel = kernel
        self.ema = ema
        self.fresh_noise = fresh_noise
        self.smoothing = smoothing
        self.instance_noise = instance_noise
        self.noise_steps = noise_steps
        self.minibatch_stddev = minibatch_stddev
        self.augment = augment
        adversarial.check_target(objective, smoothing)
        self.augmentations = [
            one_of("augmentation", name, adversarial.AUGMENTATIONS)
            for name in augment.split(",")
            if name
        ]
        if critic_steps < 1:
            raise UserError(f"critic_steps is {critic_steps}: D needs at least 1 for one of G.")
        if generator is None or discriminator is None:
            adversaries.check(network, normalisation, self.image_shape, depth)
        self.G = self.choose_network(
            "generator", generator, *self.shapes_of_G(), self.make_generator
        )
        self.D = self.choose_network(
            "discriminator", discriminator, *self.shapes_of_D(), self.make_discriminator
        )
        by_batch = normalisation == "batch"
        if discriminator is not None:
            by_batch = adversaries.has_batch_norm(self.D)
        if penalty != "none" and by_batch:
            raise UserError(
                "a penalty is on D's gradient at each image, and batch normalisation makes D a "
                "function of the whole batch: set `model.normalisation` to layer or none, "
                "or take it out of a discriminator of your own."
            )
        if ema:
            # A default is made once more: ProGAN's is no graph of layers, which could be cloned.
            self.G_average = (
                self.make_generator() if generator is None else networks.another(self.G)
            )
            self.G_average.trainable = False
            self.G_average.set_weights(self.G.get_weights())

    # --- networks ------------------------------------------------------------------------------

    def shapes_of_G(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """What goes into G and what comes out of it, without the batch."""
        return (self.latent_dim,), self.image_shape

    def shapes_of_D(self) -> tuple[Any, tuple[int, ...]]:
        """The same of D: a shape, or a list of shapes, and what D says."""
        return self.image_shape, (1,)

    def make_generator(self) -> keras.Model:
        (inputs,), _ = self.shapes_of_G()
        return adversaries.generator(
            self.network,
            inputs,
            self.image_shape,
            self.generator_width or self.width,
            self.depth,
            self.kernel,
        )

    def make_discriminator(self, outputs: int = 1, name: str = "D", beside: int = 0) -> keras.Model:
        return adversaries.discriminator(
            self.network,
            self.image_shape,
            self.width,
            self.depth,
            self.kernel,
            self.normalisation,
            outputs,
            name,
            self.minibatch_stddev,
            # A difference of scores knows no bias.
            bias=self.objective != "wasserstein",
            beside=beside,
            pooling=self.pooling,
        )

    def latent(self, noise: dict[str, tf.Tensor], label: tf.Tensor | None = None) -> tf.Tensor:
        """What G starts from: noise -> [B, latent_dim, and more]."""
        return noise["z"]

    def score(
        self, x: tf.Tensor, label: tf.Tensor | None = None, training: bool = False
    ) -> tf.Tensor:
        """D(x) and what else D says: images in (-1, 1) -> [B, 1 + n]."""
        return self.D(x, training=training)

    # --- training ------------------------------------------------------------------------------

    def trained(self) -> dict[str, list[keras.Variable]]:
        return {"G": self.G.trainable_variables, "D": self.D.trainable_variables}

    def updates(self, name: str) -> int:
        return self.critic_steps if name == "D" else 1

    def train_step(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        # Algorithm 1.
        images = self.to_range(self.to_unit(batch["image"]))
        for x, label, seeds, noise in self.parts(images, batch.get("label")):
            # D: ascend log D(x) + log(1 - D(G(z))), or what the objective has in its place.
            with tf.GradientTape() as G_tape:
                fake = self.G(self.latent(noise, label), training=True)
            real, made = self.augmented(x, seeds, "real"), self.augmented(fake, seeds, "fake")
            with tf.GradientTape() as D_tape:
                D_x, D_fake = self.scores(real, made, label)
                penalty = self.penalty_of_D(real, made, label, seeds)
                d_loss = self.d_loss(D_x, D_fake, noise, label) + self.penalty_weight * penalty
                d_loss = tf.reduce_mean(d_loss)
            self.minimize("D", D_tape, d_loss)
            self.after_D(D_x, D_fake)

        # G: ascend log D(G(z)), or descend log(1 - D(G(z))), with the D just updated.
        with G_tape:
            drawn = noise
            if self.fresh_noise:
                drawn = self.noise(random.derived(seeds, "fresh noise"))
                fake = self.G(self.latent(drawn, label), training=True)
            D_G = self.score(self.augmented(fake, seeds, "G"), label, training=True)
            g_loss = tf.reduce_mean(self.g_loss(D_G, drawn, label))
        self.minimize("G", G_tape, g_loss)

        if self.ema:
            self.average_generator()
        return self.end_step(
            d_loss=d_loss,
            g_loss=g_loss,
            penalty=tf.reduce_mean(penalty),
            spread=adversarial.spread(x, fake),
            **self.score_terms(D_x, D_fake, noise, label),
        )

    def parts(
        self, x: tf.Tensor, label: tf.Tensor | None
    ) -> Iterator[tuple[tf.Tensor, tf.Tensor | None, tf.Tensor, dict[str, tf.Tensor]]]:
        """A batch in k parts, (images, labels, seeds, noise) of each.

        Every k-th row: so the parts of N replicas are together those of one.
        """
        k = self.critic_steps
        seeds = self.training_seeds(x)
        noise = self.noise(seeds)  # at once: it is made of many small ops
        if x.shape[0] is not None and x.shape[0] % k:
            raise UserError(
                f"a batch of {x.shape[0]} images cannot be divided among {k} updates of D: set "
                f"`batch_size` to a multiple of {k}."
            )
        for i in range(k):
            part = {name: rows[i::k] for name, rows in noise.items()}
            yield x[i::k], None if label is None else label[i::k], seeds[i::k], part

    def augmented(
        self, x: tf.Tensor, seeds: tf.Tensor, stream: str, training: bool = True
    ) -> tf.Tensor:
        """Images as D sees them: noisy, and in training augmented.

        D knows noisy images alone, at the noise of the step: what it says of clean ones means
        nothing. Augmentation makes more of the images of training, and others need none.
        """
        if training:
            x = adversarial.augmented(x, self.augmentations, seeds, f"augment {stream}")
        if self.instance_noise:
            left = 1.0 - tf.cast(self.step, tf.float32) / max(self.noise_steps, 1)
            noise = random.normal(seeds, x.shape[1:], f"instance noise {stream}")
            x += self.instance_noise * tf.maximum(left, 0.0) * noise
        return x

    def scores(
        self, x: tf.Tensor, fake: tf.Tensor, label: tf.Tensor | None, training: bool = True
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """D of real and of generated images, given as D sees them."""
        # Two passes, and not one of all: two cores make them side by side, and norms of a batch,
        # made of both kinds, would tell D which is which.
        return self.score(x, label, training), self.score(fake, label, training)

    def penalty_of_D(
        self,
        x: tf.Tensor,
        fake: tf.Tensor,
        label: tf.Tensor | None,
        seeds: tf.Tensor,
        training: bool = True,
    ) -> tf.Tensor:
        """What D pays for its gradient at images, given as D sees them, [B]."""
        if self.penalty == "none":
            return tf.zeros_like(x[:, 0, 0, 0])

        def D(images: tf.Tensor) -> tf.Tensor:
            return self.score(images, label, training=training)[:, 0]

        return adversarial.penalty(self.penalty, D, x, fake, seeds)

    def d_loss(
        self,
        D_x: tf.Tensor,
        D_fake: tf.Tensor,
        noise: dict[str, tf.Tensor] | None = None,
        label: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """What D descends on, for each row, from scores: [B, 1 + n], [B, 1 + n] -> [B]."""
        loss, _ = adversarial.OBJECTIVES[self.objective]
        if self.objective in adversarial.WITH_TARGET:
            return loss(D_x[:, 0], D_fake[:, 0], 1.0 - self.smoothing)
        return loss(D_x[:, 0], D_fake[:, 0])

    def g_loss(
        self,
        D_fake: tf.Tensor,
        noise: dict[str, tf.Tensor] | None = None,
        label: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """What G descends on, for each row: [B, 1 + n] -> [B]."""
        return adversarial.OBJECTIVES[self.objective][1](D_fake[:, 0])

    def after_D(self, D_x: tf.Tensor, D_fake: tf.Tensor) -> None:
        """What follows an update of D."""
        if self.clip:
            for weight in self.D.trainable_variables:
                weight.assign(tf.clip_by_value(weight, -self.clip, self.clip))

    def score_terms(
        self,
        D_x: tf.Tensor,
        D_fake: tf.Tensor,
        noise: dict[str, tf.Tensor] | None = None,
        label: tf.Tensor | None = None,
    ) -> dict[str, tf.Tensor]:
        """Terms to look at: what D gives real and generated images, a probability, or a score."""
        scores = self.objective in ("wasserstein", "hinge", "least_squares")
        of = tf.identity if scores else tf.sigmoid
        return {
            "D_real": tf.reduce_mean(of(D_x[:, 0])),
            "D_fake": tf.reduce_mean(of(D_fake[:, 0])),
        }

    def average_generator(self) -> None:
        # A shorter memory at first: the average forgets the random start.
        t = tf.cast(self.step, tf.float32)
        decay = tf.minimum(self.ema, (1.0 + t) / (10.0 + t))
        # Batch normalisation's statistics are averaged with the weights that they belong to.
        for averages, network in self.averaged():
            for average, now in zip(averages.weights, network.weights, strict=True):
                average.assign_sub((1.0 - decay) * (average - now))

    def averaged(self) -> list[tuple[keras.Model, keras.Model]]:
        """What samples come from: pairs of an average and the network that it is of."""
        return [(self.G_average, self.G)]

    def test_step(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        x = self.to_range(self.to_unit(batch["image"]))
        label = batch.get("label")
        seeds = tf.range(tf.shape(x)[0])
        noise = self.noise(seeds)
        # As D sees it in training: `generate` may cut off what is no image.
        fake = self.sampled(noise, label)
        real, made = (
            self.augmented(images, seeds, stream, training=False)
            for images, stream in ((x, "real"), (fake, "fake"))
        )
        D_x, D_fake = self.scores(real, made, label, training=False)
        penalty = self.penalty_of_D(real, made, label, seeds, training=False)
        d_loss = self.d_loss(D_x, D_fake, noise, label) + self.penalty_weight * penalty
        return self.ordered(
            d_loss=tf.reduce_mean(d_loss),
            g_loss=tf.reduce_mean(self.g_loss(D_fake, noise, label)),
            penalty=tf.reduce_mean(penalty),
            spread=adversarial.spread(x, fake),
            **self.score_terms(D_x, D_fake, noise, label),
        )

    def warnings(self, means: Mapping[str, float]) -> dict[str, str]:
        """What is wrong with the game: {term: mean over an interval} -> {kind: a sentence}."""
        return adversarial.warnings(means, self.objective)

    # --- sampling --------------------------------------------------------------------------------

    def noise(self, seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"z": 2.0 * random.uniform(seeds, [self.latent_dim], "z") - 1.0}

    def draw_prior(self, seeds: tf.Tensor, label: tf.Tensor | None = None) -> tf.Tensor:
        """What samples are made of: [B] -> [B, Z]."""
        return self.noise(seeds)["z"]

    def decode(self, z: tf.Tensor, label: tf.Tensor | None = None) -> tf.Tensor:
        """Of such a row, [B, Z], the image in [0, 1]."""
        return self.generate({"z": z}, label)

    def sampler(self) -> keras.Model:
        """The G that samples come from."""
        return self.G_average if self.ema else self.G

    def sampled(self, noise: dict[str, tf.Tensor], label: tf.Tensor | None = None) -> tf.Tensor:
        """G(z) of the sampler, in (-1, 1)."""
        return self.sampler()(self.latent(noise, label), training=False)

    def generate(
        self, noise: dict[str, tf.Tensor], condition: tf.Tensor | None = None
    ) -> tf.Tensor:
        return self.from_range(self.sampled(noise, condition))
