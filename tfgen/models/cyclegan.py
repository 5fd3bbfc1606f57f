"""CycleGAN: translation between two domains of images without a pair to learn from.

J.-Y. Zhu, T. Park, P. Isola, A. A. Efros. Unpaired Image-to-Image Translation using
Cycle-Consistent Adversarial Networks. ICCV 2017. https://arxiv.org/abs/1703.10593

G makes an image of Y of one of X, F the way back, and a discriminator for each domain tells its
images from those that are made. There are many maps that make images of Y look right; the one that
F can undo keeps what the image shows (section 3):

    adversarial  E (D_Y(G(x)) - 1)^2 + E (D_X(F(y)) - 1)^2                  section 4, least squares
    cycle        E |F(G(x)) - x| + E |G(F(y)) - y|                                     equation 2
    identity     E |G(y) - y| + E |F(x) - x|                               section 5.2: colours stay
    G, F descend adversarial + lambda (cycle + mu identity)
    D_Y descends E (D_Y(y) - 1)^2 / 2 + E D_Y(G(x'))^2 / 2, and D_X likewise

x' and y' come from a pool of the last 50 images that were made (section 4, after Shrivastava et al.
2017): half of the time a discriminator sees an earlier one, which takes the new one's place. So it
does not forget what the generators did before. The pool is in checkpoints, and a run that was
stopped goes on with it; training alone needs it, so that the model's file has none.

Real images are jittered as in the authors' code: enlarged from 256 to 286 pixels (by cubic
interpolation), cropped to 256 where chance has it, and mirrored half of the time. Measurements on
held-out images do without.

Shapes: x, y, G(x), F(y) [B, H, W, C] in (-1, 1); D of patches, [B, h, w, 1]. |.| is the mean over
pixels.

Departures from the paper: batches larger than 1 by the config, and the pool takes the rows of a
batch at once: they draw different places in it. What is learned of X and of Y has one optimizer for
G and F, and one for both discriminators, which is the same as four. Other sizes than 256 are
enlarged by the same factor, to the nearest pixel, and not rounded to levels before the crop. The
identity's weight is .5 for all data, as in the authors' code; the paper has it for paintings alone.
Instance norms (epsilon 1e-5, as PyTorch's) learn a scale and a shift, as the batch norms in their
place would; the authors' code in PyTorch has none. D's layers of stride 1 are padded to keep the
size: of 256 pixels there are 32 x 32 scores, not 30 x 30, and those at the border see zeros. A
layer of stride 2 in G has its zeros below and on the right alone.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import keras
import tensorflow as tf

from tfgen import accumulation, networks, random, replicas
from tfgen.data.conditions import Images
from tfgen.declared import Count, Network, Range, Weight
from tfgen.errors import UserError, one_of
from tfgen.layers import image_to_image
from tfgen.model import GenerativeModel


@keras.saving.register_keras_serializable("tfgen")
class CycleGAN(GenerativeModel):
    """Two generators between two domains; it makes images of images, and none of seeds.

    Args:
      image_shape, levels, seed: see `GenerativeModel`; of both domains.
      width: filters at the full size in generators; see `tfgen/layers/image_to_image.py`.
      depth: how often generators halve the size.
      blocks: residual blocks of generators, at the smallest size.
      patch_width: filters of the discriminators' first layer.
      patch_depth: how often discriminators halve the size.
      cycle_weight: lambda, of the cycles in what generators descend on.
      identity_weight: mu, of the identities, beside a cycle's weight of 1.
      pool: how many images that were made are kept; 0: discriminators see the new ones alone.
      enlarge: by how much real images are enlarged before they are cropped to their size: 286
        pixels for 256; 1: not.
      mirror: whether half of the real images are mirrored, left to right.
      generator: a network of the user's own (`tfgen/networks.py`), [H, W, C] -> [H, W, C] in
        (-1, 1): it is G, and F is another of the same layers with weights of its own.
      discriminator: the same, [H, W, C] -> [H / 2^p, W / 2^p, 1], rounded up, with p = patch_depth:
        it is D_X, and D_Y is another.

    Raises: UserError for images that are too small, and for an `enlarge` below 1.
    """

    paper = ("Zhu et al. 2017", "https://arxiv.org/abs/1703.10593")
    x_range = (-1.0, 1.0)
    likelihood_kind = "implicit"
    terms = ("loss", "d_loss", "adversarial", "cycle", "identity", "D_real", "D_fake")
    # What it makes is of an image, not of a seed.
    sample = None  # type: ignore[assignment]

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int,
        seed: int = 0,
        width: Count = 64,
        depth: Annotated[int, Range(0, 1000)] = 2,
        blocks: Annotated[int, Range(0, 1000)] = 9,
        patch_width: Count = 64,
        patch_depth: Annotated[int, Range(0, 1000)] = 3,
        cycle_weight: Weight = 10.0,
        identity_weight: Weight = 0.5,
        pool: Annotated[int, Range(0)] = 50,
        enlarge: Annotated[float, Range(1)] = 1.1171875,
        mirror: bool = True,
        generator: Network = None,
        discriminator: Network = None,
    ) -> None:
        super().__init__(image_shape, levels, seed)
        if generator is None:
            image_to_image.check_generator(self.image_shape, depth)
        if discriminator is None:
            image_to_image.check_discriminator(self.image_shape, patch_depth)
        self.width, self.depth, self.blocks = width, depth, blocks
        self.patch_width, self.patch_depth = patch_width, patch_depth
        self.cycle_weight, self.identity_weight = cycle_weight, identity_weight
        self.pool = pool
        self.enlarge, self.mirror = enlarge, mirror
        if enlarge < 1.0:
            raise UserError(
                f"enlarge is {enlarge:g}: images are enlarged and then cropped to their size. Set "
                "`model.enlarge` to 1 (as they are) or more."
            )

        def make_generator(name: str) -> keras.Model:
            return image_to_image.generator(self.image_shape, width, depth, blocks, name)

        def make_discriminator(name: str) -> keras.Model:
            return image_to_image.patch_discriminator(
                self.image_shape, patch_width, patch_depth, name
            )

        scores = image_to_image.shape_of_scores(self.image_shape, patch_depth)
        self.G, self.F = self.choose_two(
            "generator", generator, self.image_shape, make_generator, ("G", "F")
        )
        self.D_X, self.D_Y = self.choose_two(
            "discriminator", discriminator, scores, make_discriminator, ("D_X", "D_Y")
        )
        self.pool_x, self.pool_y = (
            self.add_weight(
                name=name,
                shape=(pool, *self.image_shape),
                initializer="zeros",
                trainable=False,
                aggregation="only_first_replica",
            )
            for name in ("pool_x", "pool_y")
        )

    def choose_two(
        self,
        argument: str,
        given: Network,
        outputs: Sequence[int],
        make: Callable[[str], keras.Model],
        names: tuple[str, str],
    ) -> tuple[keras.Model, keras.Model]:
        """Two networks of images, of the same layers: a user's own and another, or our own two."""
        first, second = names
        one = self.choose_network(argument, given, self.image_shape, outputs, lambda: make(first))
        return one, make(second) if given is None else networks.another(one)

    @classmethod
    def data_arguments(cls, data: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
        if data.other is None:
            raise UserError(
                f"cyclegan translates between two domains, and {data.name} is one: name two with "
                "a comma (`data.name=mnist,fashion_mnist`), or a set or folder with splits "
                "trainA and trainB (cycle_gan/horse2zebra, ./pictures)."
            )
        return {}

    @property
    def condition(self) -> Images:
        return Images("X", self.image_shape)

    # --- training ------------------------------------------------------------------------------

    def training_only(self) -> list[keras.Variable]:
        return [*super().training_only(), self.pool_x, self.pool_y]

    def trained(self) -> dict[str, list[keras.Variable]]:
        return {
            "G": self.G.trainable_variables + self.F.trainable_variables,
            "D": self.D_X.trainable_variables + self.D_Y.trainable_variables,
        }

    @accumulation.in_parts
    def train_step(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        x, y = (self.to_range(self.to_unit(batch[name])) for name in ("image", "other"))
        seeds = self.training_seeds(x)
        x, y = self.jittered(x, seeds, "jitter of X"), self.jittered(y, seeds, "jitter of Y")
        gradients, terms = accumulation.over_parts(self, (x, y), self.gradient_of_G)
        self.take_step("G", gradients)

        # D: images of the pool in the place of the new ones.
        fake_x, fake_y = terms.pop("fake_x"), terms.pop("fake_y")
        fake_x = self.from_pool(self.pool_x, fake_x, random.derived(seeds, "pool of X"))
        fake_y = self.from_pool(self.pool_y, fake_y, random.derived(seeds, "pool of Y"))
        shown = x, y, fake_x, fake_y
        gradients, of_D = accumulation.over_parts(self, shown, self.gradient_of_D)
        self.take_step("D", gradients)
        return self.end_step(**terms, **of_D)

    def gradient_of_G(
        self, images: tuple[tf.Tensor, tf.Tensor]
    ) -> tuple[list[tf.Tensor | None], dict[str, tf.Tensor]]:
        """(the gradient of G and F, their terms and images) for images of X and Y."""
        x, y = images
        with tf.GradientTape() as tape:
            fake_y, fake_x = self.G(x, training=True), self.F(y, training=True)
            terms = self.of_generators(x, y, fake_x, fake_y)
        gradients = self.gradients(tape, terms["loss"], self.trained()["G"])
        return gradients, terms | {"fake_x": fake_x, "fake_y": fake_y}

    def gradient_of_D(
        self, images: Sequence[tf.Tensor]
    ) -> tuple[list[tf.Tensor | None], dict[str, tf.Tensor]]:
        """(the gradient of D_X and D_Y, their terms) for images of X and Y, real and made."""
        with tf.GradientTape() as tape:
            terms = self.of_discriminators(*images)
        return self.gradients(tape, terms["d_loss"], self.trained()["D"]), terms

    def jittered(self, x: tf.Tensor, seeds: tf.Tensor, stream: str) -> tf.Tensor:
        """Images enlarged, cropped and mirrored, each by its seed: [B, H, W, C] -> the same."""
        _, *size, _ = x.shape
        u = random.uniform(seeds, [3], stream)
        larger = [round(self.enlarge * side) for side in size]
        if larger != size:
            x = image_to_image.resized(x, larger)
            x = tf.clip_by_value(x, *self.x_range)  # which the cubic overshoots at edges
            for axis, (side, of) in enumerate(zip(size, larger, strict=True)):
                first = tf.cast(tf.floor(u[:, axis] * (of - side + 1)), tf.int32)
                index = first[:, None] + tf.range(side)
                x = tf.gather(x, index, axis=axis + 1, batch_dims=1)
        if self.mirror:
            x = tf.where(u[:, 2, None, None, None] < 0.5, x[:, :, ::-1], x)
        return x

    def of_generators(
        self, x: tf.Tensor, y: tf.Tensor, fake_x: tf.Tensor, fake_y: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """What G and F descend on, and its parts."""
        adversarial = _from_one(self.D_Y(fake_y)) + _from_one(self.D_X(fake_x))
        cycle = _distance(self.F(fake_y), x) + _distance(self.G(fake_x), y)
        identity = tf.constant(0.0)
        if self.identity_weight:  # two passes more
            identity = _distance(self.G(y), y) + _distance(self.F(x), x)
        loss = adversarial + self.cycle_weight * (cycle + self.identity_weight * identity)
        return dict(loss=loss, adversarial=adversarial, cycle=cycle, identity=identity)

    def of_discriminators(
        self, x: tf.Tensor, y: tf.Tensor, fake_x: tf.Tensor, fake_y: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """What D_X and D_Y descend on, and what they give real and made images."""
        real = [self.D_X(x), self.D_Y(y)]
        fake = [self.D_X(fake_x), self.D_Y(fake_y)]
        # (D - 0)^2 = ((D + 1) - 1)^2
        loss = tf.add_n(
            [_from_one(r) + _from_one(f + 1.0) for r, f in zip(real, fake, strict=True)]
        )
        means = [tf.reduce_mean(tf.add_n(two)) / 2.0 for two in (real, fake)]
        return dict(d_loss=loss / 2.0, D_real=means[0], D_fake=means[1])

    def from_pool(self, pool: keras.Variable, fake: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
        """Made images or earlier ones, [b, H, W, C]; the pool takes those that were not seen.

        A function of seed and step, and of the rows of all replicas: N of them keep one pool.
        """
        fake = tf.stop_gradient(fake)
        if not self.pool:
            return fake
        fakes, seeds = replicas.all_rows(fake), replicas.all_rows(seeds)
        rows = tf.shape(fakes)[0]
        swapped = tf.minimum(rows, self.pool)  # the rows beyond pass by
        seen = tf.cast(self.step, tf.int32) * rows
        filling = seen < self.pool
        # The first images fill the pool in order; later rows draw places, no two the same.
        in_order = (seen + tf.range(swapped)) % self.pool
        drawn = tf.argsort(random.uniform(seeds[:1], [self.pool], "place")[0], stable=True)
        places = tf.where(filling, in_order, drawn[:swapped])
        earlier = tf.gather(tf.convert_to_tensor(pool), places)
        # A model from a file has a step, and its pool is empty.
        empty = tf.reduce_all(earlier == 0.0, axis=[1, 2, 3], keepdims=True)
        new = fakes[:swapped]
        swap = random.uniform(seeds[:swapped], [1, 1, 1], "swap") < 0.5
        stored = tf.where(filling | swap | empty, new, earlier)
        pool.assign(
            tf.tensor_scatter_nd_update(tf.convert_to_tensor(pool), places[:, None], stored)
        )
        shown = tf.where(swap & ~filling & ~empty, earlier, new)
        return replicas.own_rows(tf.concat([shown, fakes[swapped:]], axis=0))

    def test_step(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        x, y = (self.to_range(self.to_unit(batch[name])) for name in ("image", "other"))
        fake_y, fake_x = self.G(x), self.F(y)
        terms = self.of_generators(x, y, fake_x, fake_y)
        return self.ordered(**terms, **self.of_discriminators(x, y, fake_x, fake_y))

    # --- translation -----------------------------------------------------------------------------

    def translate(self, x: tf.Tensor, to: str = "Y") -> tf.Tensor:
        """Images of the other domain in [0, 1], [B, H, W, C] -> the same; to: "Y" or "X".

        Raises: UserError for another domain.
        """
        network = {"Y": self.G, "X": self.F}[one_of("domain", to, ("X", "Y"))]
        return self.from_range(network(self.to_range(tf.cast(x, tf.float32)), training=False))


def _from_one(scores: tf.Tensor) -> tf.Tensor:
    """E (D - 1)^2"""
    return tf.reduce_mean(tf.square(scores - 1.0))


def _distance(one: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(tf.abs(one - other))
