"""Text to image: G paints what a caption says, and D judges whether the two belong together.

S. Reed, Z. Akata, X. Yan, L. Logeswaran, B. Schiele, H. Lee. Generative Adversarial Text to Image
Synthesis (GAN-INT-CLS). ICML 2016. https://arxiv.org/abs/1605.05396
H. Zhang et al. StackGAN. ICCV 2017. https://arxiv.org/abs/1612.03242

phi(t) is the mean state of a recurrent network over the words of a caption. With the losses of
`gan.py`, logits s, and t' the caption of another image:

    s_r = D(x, phi(t)), s_w = D(x, phi(t')), s_f = D(G(z, c), phi(t))                algorithm 1
    D descends  -log s_r - (log(1 - s_w) + log(1 - s_f)) / 2                         (CLS)
    G descends  -log D(G(z, c), phi(t)) - log D(G(z, c_m), phi_m) + kl KL            (INT)

A real image with a wrong text is a fake: else D would judge images alone (section 4.2). phi_m = b
phi(t) + (1 - b) phi(t') has no image; G has to paint there too (section 4.3, b = 1/2). c is a draw
from N(mu(phi), sigma(phi)^2), which fills the space between few captions (StackGAN, section 3.1,
conditioning augmentation), KL its divergence from N(0, I).

`contrast`: D, of real images, and G, of its own, also descend -log p(t | x) among the captions of
the batch, p from cosines between D's codes of images and of texts (Zhang et al. 2021, XMC-GAN,
sections 4.1 and 4.2, https://arxiv.org/abs/2101.04702): what one word says then counts however
little it changes of an image.
`diversity`: G pays for images that another z leaves as they are, E 1 / (|G(z, c) - G(z', c)| / |z -
z'| + 0.05), or it would paint one image a caption (Mao et al. 2019, equation 4,
https://arxiv.org/abs/1903.05628).
`stacked`: the G above makes images of half the size; a second one is given them and c, and its own
D (StackGAN, section 3.3).

Shapes: x, G(z, c) [B, H, W, C] in (-1, 1);  z [B, Z];  t [B, T] numbers of words (`text.py`);
phi [B, P];  c [B, N];  s [B] logits;  D's codes [B, P].

Departures from the paper: t' is not any other caption of the batch, but the one that shares most
words with t: else D tells most of them by one thing that a caption says, and G learns that alone.
phi is learned with D and not beforehand; G takes it as it is. G hears z and c after every layer,
and D brings image and text together by a product of codes (both in `layers/captioned.py`). Both
stages learn at once, and the second one's gradient stops at the first one's image. Samples come
from an average of all networks that they need, as in `gan.py`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import keras
import tensorflow as tf

from tfgen import random, replicas
from tfgen.captioned import Captioned
from tfgen.data import text
from tfgen.declared import Count, Layers, Weight
from tfgen.game import Game
from tfgen.layers import adversaries, captioned
from tfgen.objectives import adversarial, divergences, losses


class Texts(NamedTuple):
    """Of the texts of a batch: numbers of words [B, T], phi and that of a wrong text [B, P], and
    whether this is another one, 0 or 1 [B]."""

    t: tf.Tensor
    phi: tf.Tensor
    wrong: tf.Tensor
    differs: tf.Tensor


@keras.saving.register_keras_serializable("tfgen")
class TextToImage(Captioned, Game):
    """A GAN of images given captions; its likelihood is implicit.

    Args:
      image_shape, levels, seed: see `GenerativeModel`.
      condition_dim: N, numbers of the condition drawn from it.
      kl: the weight of KL.
      interpolation: the weight of the loss at phi_m; 0: without.
      contrast: the weight of -log p(t | x), for D and for G.
      diversity: the weight of what G pays for images that z does not change (Mao et al. 2019).
      stacked: whether a second stage refines.
      normalisation: of the layers of D, see `tfgen/layers/adversaries.py`.
      width: filters of D at half the size.
      depth: how often D halves the size and G doubles it.
      kernel: side of a convolution's kernel, in pixels.
      others: see `Captioned` and `Game`.
    """

    paper = ("Reed et al. 2016", "https://arxiv.org/abs/1605.05396")
    prior = "normal"
    terms = (*Game.terms, "D_wrong", "kl_term")
    retired = (
        *("network", "critic_steps", "clip", "fresh_noise", "minibatch_stddev"),
        *("generator_width", "pooling", "generator", "discriminator"),
    )

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int,
        seed: int = 0,
        condition_dim: Count = 32,
        kl: Weight = 0.1,
        interpolation: Weight = 1.0,
        contrast: Weight = 0.0,
        diversity: Weight = 0.0,
        stacked: bool = False,
        objective: Literal[
            "minimax", "non_saturating", "least_squares", "wasserstein", "hinge"
        ] = "non_saturating",
        normalisation: Literal["none", "batch", "layer", "spectral"] = "batch",
        width: Count = 128,
        depth: Layers = 2,
        kernel: Count = 4,
        **kwargs: Any,
    ) -> None:
        self.condition_dim = condition_dim
        self.kl, self.interpolation = kl, interpolation
        self.contrast, self.diversity, self.stacked = contrast, diversity, stacked
        self.normalisation, self.width, self.depth, self.kernel = (
            normalisation,
            width,
            depth,
            kernel,
        )
        super().__init__(image_shape, levels, seed, objective=objective, **kwargs)
        adversaries.check("conv", normalisation, self.image_shape, depth)
        self.check_penalty(by_batch=normalisation == "batch")
        # Of D what it sees in images.
        self.G, self.D = self.make_generator(), self.seer(self.image_shape, depth, "D")
        if self.ema:
            self.G_average = self.make_generator()
        self.match = self.matcher(self.D)
        if stacked:
            small = self.sizes()[0]
            self.D_small = self.seer(small, self.depth - 1, "D_small")
            self.match_small = self.matcher(self.D_small)
        self.painter = self.painting()
        if self.ema:
            self.painter_average = self.painting()
            self.start_averages()

    # --- networks ------------------------------------------------------------------------------

    def sizes(self) -> list[tuple[int, ...]]:
        """The shapes of the images of each stage, small ones first."""
        h, w, c = self.image_shape
        return [(h // 2, w // 2, c), self.image_shape] if self.stacked else [self.image_shape]

    def make_generator(self) -> keras.Model:
        shape, depth = self.sizes()[0], self.depth - self.stacked
        inputs = self.latent_dim + self.condition_dim
        return captioned.generator(inputs, shape, self.width, depth, self.kernel)

    def seer(self, shape: Sequence[int], depth: int, name: str) -> keras.Model:
        image = keras.layers.Input(shape)
        features = adversaries.features(
            "conv", image, self.width, depth, self.kernel, self.normalisation
        )
        return keras.Model(image, features, name=name)

    def matcher(self, seer: keras.Model) -> keras.Model:
        shape, name = seer.output_shape[1:], f"match_{seer.name}"
        return captioned.matcher(shape, self.text_dim, self.normalisation, name)

    def painting(self) -> Any:
        """What samples need beside G: {part: network}, as one that Keras keeps."""
        parts = {
            "text": self.text_encoder("text"),
            "augment": keras.Sequential(
                [
                    keras.layers.Input((self.text_dim,)),
                    keras.layers.Dense(2 * self.condition_dim, dtype="float32"),
                ],
                name="augment",
            ),
        }
        if self.stacked:
            parts["refiner"] = captioned.refiner(
                self.image_shape, self.condition_dim, self.width, self.kernel
            )
        return parts

    def averaged(self) -> list[tuple[keras.Model, keras.Model]]:
        pairs = [(self.painter_average[part], self.painter[part]) for part in self.painter]
        return [*super().averaged(), *pairs]

    def trained(self) -> dict[str, list[keras.Variable]]:
        judges = [self.D, self.match, self.painter["text"]]
        painters = [self.G, self.painter["augment"]]
        if self.stacked:
            judges += [self.D_small, self.match_small]
            painters += [self.painter["refiner"]]
        return {
            name: [weight for part in parts for weight in part.trainable_variables]
            for name, parts in (("G", painters), ("D", judges))
        }

    # --- painting ------------------------------------------------------------------------------

    def code(
        self, phi: tf.Tensor, noise: dict[str, tf.Tensor], painter: Mapping[str, keras.Model]
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """A draw of c, and KL of its distribution: [B, P] -> [B, N], [B] nats."""
        mu, log_var = tf.split(painter["augment"](phi), 2, axis=-1)
        e = noise["z"][:, self.latent_dim :]
        return mu + tf.exp(0.5 * log_var) * e, divergences.kl_to_standard_normal(mu, log_var)

    def paint(
        self,
        noise: dict[str, tf.Tensor],
        c: tf.Tensor,
        G: keras.Model,
        painter: Mapping[str, keras.Model],
        training: bool,
    ) -> list[tf.Tensor]:
        """The images of each stage, small ones first."""
        z = noise["z"][:, : self.latent_dim]
        image = G(tf.concat([z, c], axis=-1), training=training)
        if not self.stacked:
            return [image]
        return [image, painter["refiner"]([tf.stop_gradient(image), c], training=training)]

    # --- training ------------------------------------------------------------------------------

    def train_step(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        # Algorithm 1.
        x = self.to_range(self.to_unit(batch["image"]))
        seeds = self.training_seeds(x)
        with tf.GradientTape() as D_tape:
            texts = self.read(text.told(batch, seeds))
        with tf.GradientTape() as G_tape:
            asked, fakes, kl, alike = self.painted(texts, seeds)
        with D_tape:
            first = [tf.stop_gradient(part[: tf.shape(x)[0]]) for part in fakes]
            d_loss, found = self.of_D(x, first, texts, seeds)
        self.minimize("D", D_tape, d_loss)

        with G_tape:
            g_loss = self.of_G(fakes, asked, texts, seeds)
            g_loss += self.kl * kl + self.diversity * alike
        self.minimize("G", G_tape, g_loss)
        return self.end_step(
            d_loss=d_loss,
            g_loss=g_loss,
            kl_term=kl,
            spread=adversarial.spread(x, first[-1]),
            **found,
        )

    def read(self, t: tf.Tensor) -> Texts:
        """The texts of a batch, [B, T], and of each a wrong one, in one pass."""
        others = self.captions_of_others(t)
        phi, wrong = tf.split(self.painter["text"](tf.concat([t, others], axis=0)), 2)
        # Where the other image has the same caption, it is no wrong one.
        differs = tf.cast(tf.reduce_any(t != others, axis=1), tf.float32)
        return Texts(t, phi, wrong, differs)

    def painted(
        self, texts: Texts, seeds: tf.Tensor
    ) -> tuple[tf.Tensor, list[tf.Tensor], tf.Tensor, tf.Tensor]:
        """G's images of all that it is asked for in a step, in one pass.

        The captions; between them and others (INT); the captions with another z. So many times B.

        Returns: (phi that D shall find in the images [2 B, P] or [B, P], images of each stage, KL,
        what G pays for images that z does not change).
        """
        phi, noise = tf.stop_gradient(texts.phi), self.noise(seeds)
        asked, drawn = [phi], [noise["z"]]
        if self.interpolation:
            asked, drawn = [phi, 0.5 * (phi + tf.stop_gradient(texts.wrong))], drawn * 2
        wanted = tf.concat(asked, axis=0)
        if self.diversity:
            asked = [*asked, phi]
            drawn = [*drawn, self.noise(random.derived(seeds, "other z"))["z"]]
        noise = {"z": tf.concat(drawn, axis=0)}
        c, kl = self.code(tf.concat(asked, axis=0), noise, self.painter)
        fakes = self.paint(noise, c, self.G, self.painter, True)
        rows, alike = tf.shape(phi)[0], 0.0
        if self.diversity:
            z, other = (part[:, : self.latent_dim] for part in (drawn[0], drawn[-1]))
            alike = losses.sameness(fakes[-1][:rows], fakes[-1][-rows:], z, other)
            alike = tf.reduce_mean(alike)
        return wanted, fakes, tf.reduce_mean(kl[:rows]), alike

    @staticmethod
    def captions_of_others(t: tf.Tensor) -> tf.Tensor:
        """Of the batch's other captions the one that shares most words with each: [B, T] -> [B, T].

        Over the rows of all replicas. Where all are the same, that one.
        """
        every = replicas.all_rows(t)
        shared = (t[:, None, :, None] == every[None, :, None, :]) & (t > 0)[:, None, :, None]
        count = tf.reduce_sum(tf.cast(tf.reduce_any(shared, axis=-1), tf.int32), axis=-1)
        same = tf.reduce_all(t[:, None] == every[None], axis=-1)
        return tf.gather(every, tf.argmax(tf.where(same, -1, count), axis=1))

    def stages(self) -> list[tuple[keras.Model, keras.Model]]:
        """(D, match) of each stage, small images first."""
        full = (self.D, self.match)
        return [(self.D_small, self.match_small), full] if self.stacked else [full]

    def of_D(
        self,
        x: tf.Tensor,
        fakes: list[tf.Tensor],
        texts: Texts,
        seeds: tf.Tensor,
        training: bool = True,
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """(what D descends on, what it gives each kind at full size)."""
        total = 0.0
        for fake, (D, match) in zip(fakes, self.stages(), strict=True):
            real = x if fake.shape[1] == x.shape[1] else tf.nn.avg_pool2d(x, 2, 2, "VALID")
            shown = (
                self.augmented(real, seeds, "real", training),
                self.augmented(fake, seeds, "fake", training),
            )
            s_r, s_w, s_f, unlike = self.judged(D, match, *shown, texts, training)
            # Each kind of fake counts half, with half of the real ones.
            by_image, by_text = (self.objective.d_loss(s_r[:, 0], s[:, 0]) for s in (s_f, s_w))
            loss = by_image + 0.5 * texts.differs * (by_text - by_image) + self.contrast * unlike
            paid = self.paid(D, match, texts.phi, *shown, seeds, training)
            total += tf.reduce_mean(loss + self.penalty_weight * paid)
        found = {"D_real": s_r, "D_fake": s_f, "D_wrong": s_w}
        return total, {name: tf.reduce_mean(tf.sigmoid(s)) for name, s in found.items()}

    def judged(
        self,
        D: keras.Model,
        match: keras.Model,
        real: tf.Tensor,
        fake: tf.Tensor,
        texts: Texts,
        training: bool,
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        """s_r, s_w, s_f, each [B, 1], and how unlike its text a real image is, [B]."""
        seen, made = D(real, training=training), D(fake, training=training)
        s_r, u, v = match([seen, texts.phi], training=training)
        s_w, *_ = match([seen, texts.wrong], training=training)
        s_f, *_ = match([made, texts.phi], training=training)
        return s_r, s_w, s_f, self.unlike(u, v, texts.t)

    @staticmethod
    def unlike(u: tf.Tensor, v: tf.Tensor, t: tf.Tensor) -> tf.Tensor:
        """-log p(t | x) among the batch's texts: codes of images and of their texts t -> [B]."""
        every_v, every_t = replicas.all_rows(v), replicas.all_rows(t)
        same = tf.reduce_all(t[:, None] == every_t[None], axis=-1)
        return losses.contrastive(u, v, every_v, same)

    def paid(
        self,
        D: keras.Model,
        match: keras.Model,
        phi: tf.Tensor,
        x: tf.Tensor,
        fake: tf.Tensor,
        seeds: tf.Tensor,
        training: bool,
    ) -> tf.Tensor:
        """The penalty on D's gradient at images, given as D sees them, [B]."""

        def score(images: tf.Tensor) -> tf.Tensor:
            return match([D(images, training=training), phi], training=training)[0][:, 0]

        return self.penalty(score, x, fake, seeds)

    def of_G(
        self,
        fakes: list[tf.Tensor],
        asked: tf.Tensor,
        texts: Texts,
        seeds: tf.Tensor,
        training: bool = True,
    ) -> tf.Tensor:
        """What G descends on, of images painted for phi [B, P], or for those between too."""
        rows = tf.shape(asked)[0]
        total, times = 0.0, rows // tf.shape(seeds)[0]
        for fake, (D, match) in zip(fakes, self.stages(), strict=True):
            shown = self.augmented(fake[:rows], tf.tile(seeds, [times]), "G", training)
            s, u, v = match([D(shown, training=training), asked], training=training)
            of_kinds = tf.reshape(self.objective.g_loss(None, s[:, 0]), [times, -1])
            weights = tf.concat([[1.0], tf.fill([times - 1], self.interpolation)], axis=0)
            total += tf.reduce_sum(weights * tf.reduce_mean(of_kinds, axis=1))
            first = tf.shape(texts.t)[0]
            unlike = self.unlike(u[:first], v[:first], texts.t)
            total += self.contrast * tf.reduce_mean(unlike)
        return total

    def test_step(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        x = self.to_range(self.to_unit(batch["image"]))
        seeds = tf.range(tf.shape(x)[0])
        texts, noise = self.read(batch["tokens"]), self.noise(seeds)
        c, kl = self.code(texts.phi, noise, self.painter)
        fakes = self.paint(noise, c, self.G, self.painter, False)
        d_loss, found = self.of_D(x, fakes, texts, seeds, training=False)
        g_loss = self.of_G(fakes, texts.phi, texts, seeds, training=False)
        return self.ordered(
            d_loss=d_loss,
            g_loss=g_loss + self.kl * tf.reduce_mean(kl),
            kl_term=tf.reduce_mean(kl),
            spread=adversarial.spread(x, fakes[-1]),
            **found,
        )

    # --- sampling --------------------------------------------------------------------------------

    def noise(self, seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"z": random.normal(seeds, [self.latent_dim + self.condition_dim], "z")}

    def generate(
        self, noise: dict[str, tf.Tensor], condition: tf.Tensor | None = None
    ) -> tf.Tensor:
        painter = self.painter_average if self.ema else self.painter
        c, _ = self.code(painter["text"](condition), noise, painter)
        return self.from_range(self.paint(noise, c, self.sampler(), painter, False)[-1])
