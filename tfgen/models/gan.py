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
(`penalty`), D's normalisation or the networks, each by the class attribute and argument of that
name, so that a course can change one factor at a time. Losses and penalties are in
`tfgen/objectives`, the networks in `tfgen/layers/adversaries.py`, and what any game has, whatever
its networks, in `tfgen/game.py`.

Shapes: x, G(z) [B, H, W, C] in (-1, 1);  z [B, Z] uniform in (-1, 1);  D [B] logits or scores.

Departures from the paper: leaky ReLU where D has maxout and dropout; Adam for momentum. A batch
holds the images of all k updates of D, and the G update reuses the images that the last of them has
seen, so that a step costs one pass of G less (`fresh_noise=True` draws z anew, as algorithm 1 has
it). With `ema` > 0 samples come from an exponential average of G's weights (Karras et al. 2018,
section 5): the last weights of a GAN circle around, their average does not.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, NamedTuple

import keras
import tensorflow as tf

from tfgen import accumulation, networks, random
from tfgen.declared import Count, Network, Range, Weight
from tfgen.errors import UserError, one_of
from tfgen.game import Game
from tfgen.layers import adversaries
from tfgen.objectives import adversarial


class Part(NamedTuple):
    """What one update of D is made from: images in (-1, 1), their labels, seeds and noise."""

    x: tf.Tensor
    label: tf.Tensor | None
    seeds: tf.Tensor
    noise: dict[str, tf.Tensor]


@keras.saving.register_keras_serializable("tfgen")
class GAN(Game):
    """A GAN; its likelihood is implicit.

    Args:
      image_shape, levels, seed: see `GenerativeModel`.
      clip: D's weights are kept in [-clip, clip] (Arjovsky et al. 2017); 0: as they are.
      critic_steps: k, updates of D for one of G. The batch is divided among them.
      fresh_noise: whether the G update draws z anew, for the images that D was shown.
      network: the kind of G and D, see `tfgen/layers/adversaries.py`.
      normalisation: of D's layers.
      pooling: what a residual D makes of its last features at all places.
      width: units of a hidden layer (dense); filters at half the size (conv); features (residual).
      generator_width: of G, if not that of D; 0: it is.
      depth: hidden layers (dense), or how often D halves the size and G doubles it.
      kernel: side of a convolution's kernel, in pixels.
      minibatch_stddev: whether D is told how much a batch varies (Karras et al. 2018, section 3).
      generator: a network of the user's own (`tfgen/networks.py`), [Z] -> [H, W, C] in (-1, 1).
      discriminator: the same, [H, W, C] -> [1], a logit or a score.
      others: see `Game`.

    What makes the default networks has no effect on a user's own: `network`, `normalisation`,
    `pooling`, `minibatch_stddev`, `width`, `generator_width`, `depth` and `kernel`.
    """

    paper = ("Goodfellow et al. 2014", "https://arxiv.org/abs/1406.2661")

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int,
        seed: int = 0,
        clip: Weight = 0.0,
        critic_steps: Count = 1,
        fresh_noise: bool = False,
        network: Literal["dense", "conv", "residual"] = "dense",
        normalisation: Literal["none", "batch", "layer", "spectral"] = "none",
        pooling: Literal["mean", "sum"] = "mean",
        width: Count = 128,
        generator_width: Annotated[int, Range(0)] = 0,
        depth: Annotated[int, Range(0, 1000)] = 2,
        kernel: Count = 4,
        minibatch_stddev: bool = False,
        generator: Network = None,
        discriminator: Network = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(image_shape, levels, seed, **kwargs)
        self.clip = clip
        self.critic_steps = critic_steps
        self.fresh_noise = fresh_noise
        self.network = network
        self.normalisation = normalisation
        self.pooling = one_of("pooling", pooling, adversaries.POOLINGS)
        self.width = width
        self.generator_width = generator_width
        self.depth = depth
        self.kernel = kernel
        self.minibatch_stddev = minibatch_stddev
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
        own = discriminator is not None
        self.check_penalty(adversaries.has_batch_norm(self.D) if own else normalisation == "batch")
        if self.ema:
            self.G_average = (
                self.make_generator() if generator is None else networks.another(self.G)
            )
            self.start_averages()

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

    def make_discriminator(self) -> keras.Model:
        return self.like_D()

    def like_D(self, outputs: int = 1, name: str = "D", beside: int = 0) -> keras.Model:
        """A network of D's layers: [H, W, C], and numbers beside each pixel -> [outputs]."""
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
            bias=not self.objective.only_differences,
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

    def updates(self, name: str) -> int:
        return self.critic_steps if name == "D" else 1

    def batch_parts(self) -> tuple[int, str]:
        return self.critic_steps, "updates of D"

    @accumulation.in_parts
    def train_step(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        if self.accumulate > 1:
            return self.step_in_parts(batch)
        # Algorithm 1.
        for part in self.parts(self.to_range(self.to_unit(batch["image"])), batch.get("label")):
            x, label, seeds, noise = part
            # D: ascend log D(x) + log(1 - D(G(z))), or what the objective has in its place.
            with tf.GradientTape() as G_tape:
                fake = self.G(self.latent(noise, label), training=True)
            real, made = self.augmented(x, seeds, "real"), self.augmented(fake, seeds, "fake")
            with tf.GradientTape() as D_tape:
                d_loss, D_x, D_fake, penalty = self.of_D(real, made, part)
            self.minimize("D", D_tape, d_loss)
            self.after_D(D_x, D_fake)
        terms = self.score_terms(D_x, D_fake, part)

        # G: ascend log D(G(z)), or descend log(1 - D(G(z))), with the D just updated.
        if self.objective.g_compares:
            D_x = self.score(real, label, training=True)
        with G_tape:
            if self.fresh_noise:
                part = part._replace(noise=self.noise(random.derived(seeds, "fresh noise")))
                fake = self.G(self.latent(part.noise, label), training=True)
            D_fake = self.score(self.augmented(fake, seeds, "G"), label, training=True)
            g_loss = tf.reduce_mean(self.g_loss(D_x, D_fake, part))
        self.minimize("G", G_tape, g_loss)
        return self.end_step(
            d_loss=d_loss,
            g_loss=g_loss,
            penalty=tf.reduce_mean(penalty),
            spread=adversarial.spread(x, fake),
            **terms,
        )

    def step_in_parts(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """The same, but that each update gathers its gradient over parts of its images.

        G paints the images once more for its own update, so that D's keeps none of its passes.
        """
        for part in self.parts(self.to_range(self.to_unit(batch["image"])), batch.get("label")):
            gradients, found = accumulation.over_parts(self, part, self.gradient_of_D)
            self.take_step("D", gradients)
            D_x, D_fake = found["D_x"], found["D_fake"]
            self.after_D(D_x, D_fake)
        terms = self.score_terms(D_x, D_fake, part)
        gradients, of_G = accumulation.over_parts(self, part, self.gradient_of_G)
        self.take_step("G", gradients)
        return self.end_step(
            d_loss=found["d_loss"],
            g_loss=of_G["g_loss"],
            penalty=tf.reduce_mean(found["penalty"]),
            spread=adversarial.spread(part.x, of_G["fake"]),
            **terms,
        )

    def gradient_of_D(self, part: Part) -> tuple[list[tf.Tensor | None], dict[str, tf.Tensor]]:
        """(the gradient of D, its scores and losses) of a part of the images of an update."""
        x, label, seeds, noise = part
        fake = self.G(self.latent(noise, label), training=True)
        real, made = self.augmented(x, seeds, "real"), self.augmented(fake, seeds, "fake")
        with tf.GradientTape() as tape:
            d_loss, D_x, D_fake, penalty = self.of_D(real, made, part)
        found = dict(D_x=D_x, D_fake=D_fake, penalty=penalty, d_loss=d_loss)
        return self.gradients(tape, d_loss, self.trained()["D"]), found

    def gradient_of_G(self, part: Part) -> tuple[list[tf.Tensor | None], dict[str, tf.Tensor]]:
        """(the gradient of G, its loss and images) of the same."""
        x, label, seeds, noise = part
        if self.fresh_noise:
            noise = self.noise(random.derived(seeds, "fresh noise"))
        with tf.GradientTape() as tape:
            fake = self.G(self.latent(noise, label), training=True)
            D_x = D_fake = self.score(self.augmented(fake, seeds, "G"), label, training=True)
            if self.objective.g_compares:
                D_x = self.score(self.augmented(x, seeds, "real"), label, training=True)
            g_loss = tf.reduce_mean(self.g_loss(D_x, D_fake, part._replace(noise=noise)))
        return self.gradients(tape, g_loss, self.trained()["G"]), dict(g_loss=g_loss, fake=fake)

    def parts(self, x: tf.Tensor, label: tf.Tensor | None) -> Iterator[Part]:
        """A batch in k parts of every k-th row: those of N replicas are together those of one."""
        k = self.critic_steps
        seeds = self.training_seeds(x)
        noise = self.noise(seeds)  # at once: it is made of many small ops
        if x.shape[0] is not None:
            self.check_batch(x.shape[0])
        for i in range(k):
            drawn = {name: rows[i::k] for name, rows in noise.items()}
            yield Part(x[i::k], None if label is None else label[i::k], seeds[i::k], drawn)

    def of_D(
        self, real: tf.Tensor, made: tf.Tensor, part: Part
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        """What D descends on, a mean, from images as D sees them; its scores; the penalty, [B]."""
        # Two passes, and not one of all: two cores make them side by side, and norms of a
        # batch, made of both kinds, would tell D which is which.
        D_x, D_fake = (self.score(v, part.label, training=True) for v in (real, made))
        penalty = self.penalty_of_D(real, made, part)
        d_loss = self.d_loss(D_x, D_fake, part) + self.penalty_weight * penalty
        return tf.reduce_mean(d_loss), D_x, D_fake, penalty

    def penalty_of_D(
        self, real: tf.Tensor, made: tf.Tensor, part: Part, training: bool = True
    ) -> tf.Tensor:
        """What D pays for its gradient at images, given as D sees them, [B]."""

        def D(images: tf.Tensor) -> tf.Tensor:
            return self.score(images, part.label, training=training)[:, 0]

        return self.penalty(D, real, made, part.seeds)

    def d_loss(self, D_x: tf.Tensor, D_fake: tf.Tensor, part: Part) -> tf.Tensor:
        """What D descends on, for each row, from scores: [B, 1 + n], [B, 1 + n] -> [B]."""
        return self.objective.d_loss(D_x[:, 0], D_fake[:, 0])

    def g_loss(self, D_x: tf.Tensor, D_fake: tf.Tensor, part: Part) -> tf.Tensor:
        """What G descends on, for each row, from the same."""
        return self.objective.g_loss(D_x[:, 0], D_fake[:, 0])

    def after_D(self, D_x: tf.Tensor, D_fake: tf.Tensor) -> None:
        """What follows an update of D."""
        if self.clip:
            for weight in self.D.trainable_variables:
                weight.assign(tf.clip_by_value(weight, -self.clip, self.clip))

    def score_terms(self, D_x: tf.Tensor, D_fake: tf.Tensor, part: Part) -> dict[str, tf.Tensor]:
        """Terms to look at, from the scores of an update of D."""
        return self.objective.terms(D_x[:, 0], D_fake[:, 0])

    def test_step(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        x = self.to_range(self.to_unit(batch["image"]))
        seeds = tf.range(tf.shape(x)[0])
        part = Part(x, batch.get("label"), seeds, self.noise(seeds))
        # As D sees it in training: `generate` may cut off what is no image.
        fake = self.sampled(part.noise, part.label)
        real = self.augmented(x, seeds, "real", training=False)
        made = self.augmented(fake, seeds, "fake", training=False)
        D_x, D_fake = self.score(real, part.label), self.score(made, part.label)
        penalty = self.penalty_of_D(real, made, part, training=False)
        d_loss = self.d_loss(D_x, D_fake, part) + self.penalty_weight * penalty
        return self.ordered(
            d_loss=tf.reduce_mean(d_loss),
            g_loss=tf.reduce_mean(self.g_loss(D_x, D_fake, part)),
            penalty=tf.reduce_mean(penalty),
            spread=adversarial.spread(x, fake),
            **self.score_terms(D_x, D_fake, part),
        )

    # --- sampling --------------------------------------------------------------------------------

    def sampled(self, noise: dict[str, tf.Tensor], label: tf.Tensor | None = None) -> tf.Tensor:
        """G(z) of the sampler, in (-1, 1)."""
        return self.sampler()(self.latent(noise, label), training=False)

    def generate(
        self, noise: dict[str, tf.Tensor], condition: tf.Tensor | None = None
    ) -> tf.Tensor:
        return self.from_range(self.sampled(noise, condition))
