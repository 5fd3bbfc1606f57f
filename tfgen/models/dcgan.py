"""Deep convolutional generative adversarial network.

A. Radford, L. Metz, S. Chintala. Unsupervised Representation Learning with Deep Convolutional
Generative Adversarial Networks. ICLR 2016. https://arxiv.org/abs/1511.06434

The objective is that of Goodfellow et al. 2014 (https://arxiv.org/abs/1406.2661):

    D ascends  E log D(x) + E log(1 - D(G(z)))                      algorithm 1
    G ascends  E log D(G(z))                                        section 3, non-saturating

The guidelines for stable networks (section 3): strided and fractionally strided convolutions for
pooling; batch normalisation in both, but not in G's output and D's input; no hidden dense layers;
ReLU in G with tanh at the end, leaky ReLU (0.2) in D. Weights start at N(0, 0.02). Adam with
learning rate 0.0002 and beta_1 = 0.5, batches of 128 (section 4); the config holds them.

Shapes: x, G(z) [B, H, W, C] in (-1, 1);  z [B, Z] uniform in (-1, 1);  D [B, 1] logits. G: [Z] ->
[H/2^d, W/2^d, 2^(d-1) width] -> ... -> [H/2, W/2, width] -> [H, W, C], and D in a mirror, with d
= depth; for 64 x 64, depth 4 and width 128 this is figure 1.

Departures from the paper: the G update reuses the images that the D update has seen, so that a
step costs one pass of G (`fresh_noise=True` draws z anew, as algorithm 1 has it). With `ema` > 0
samples come from an exponential average of G's weights (Karras et al. 2018, section 5): the last
weights of a GAN circle around, their average does not.
"""

import keras
import tensorflow as tf
from keras import layers

from tfgen import losses, random
from tfgen.errors import UserError
from tfgen.model import GenerativeModel


def normal(mean=0.0):
    """A new initialiser for each layer: one shared instance would give equal kernels."""
    return keras.initializers.RandomNormal(mean, 0.02)


def batch_norm():
    # N replicas normalise by the statistics of the global batch, as one device does.
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    return layers.BatchNormalization(gamma_initializer=normal(1.0), synchronized=replicas > 1)


def generator(latent_dim, image_shape, width, depth, kernel):
    h, w, c = image_shape
    h, w, filters = h >> depth, w >> depth, width << (depth - 1)
    stack = [
        layers.Input((latent_dim,)),
        layers.Dense(h * w * filters, use_bias=False, kernel_initializer=normal()),
        layers.Reshape((h, w, filters)),
        batch_norm(),
        layers.ReLU(),
    ]
    for i in range(depth - 1):
        stack += [
            layers.Conv2DTranspose(
                filters >> (i + 1), kernel, 2, "same", use_bias=False, kernel_initializer=normal()
            ),
            batch_norm(),
            layers.ReLU(),
        ]
    image = layers.Conv2DTranspose(
        c, kernel, 2, "same", activation="tanh", kernel_initializer=normal()
    )
    return keras.Sequential([*stack, image], name="G")


def discriminator(image_shape, width, depth, kernel, outputs=1, name="D"):
    stack = [
        layers.Input(image_shape),
        layers.Conv2D(width, kernel, 2, "same", kernel_initializer=normal()),
        layers.LeakyReLU(0.2),
    ]
    for i in range(1, depth):
        stack += [
            layers.Conv2D(
                width << i, kernel, 2, "same", use_bias=False, kernel_initializer=normal()
            ),
            batch_norm(),
            layers.LeakyReLU(0.2),
        ]
    logit = layers.Dense(outputs, kernel_initializer=normal())
    return keras.Sequential([*stack, layers.Flatten(), logit], name=name)


@keras.saving.register_keras_serializable("tfgen")
class DCGAN(GenerativeModel):
    """A DCGAN; its density is implicit.

    Args:
      image_shape, levels, seed: see `GenerativeModel`.
      latent_dim: Z.
      width: filters next to the image; they double with each halving of height and width.
      depth: d, how often the image is halved. Height and width must be divisible by 2**depth.
      kernel: height and width of the filters.
      ema: decay of the average of G's weights that samples come from; 0 samples from G itself.
      fresh_noise: whether the G update draws z anew.
    """

    paper = ("Radford et al. 2016", "https://arxiv.org/abs/1511.06434")
    x_range = (-1.0, 1.0)
    density = "implicit"
    prior = "uniform"
    terms = ("d_loss", "g_loss", "D_real", "D_fake")

    def __init__(
        self,
        image_shape,
        levels,
        seed=0,
        latent_dim=100,
        width=128,
        depth=4,
        kernel=5,
        ema=0.0,
        fresh_noise=False,
        **kwargs,
    ):
        super().__init__(image_shape, levels, seed, **kwargs)
        self.latent_dim = latent_dim
        self.width = width
        self.depth = depth
        self.kernel = kernel
        self.ema = ema
        self.fresh_noise = fresh_noise

        h, w, _ = self.image_shape
        if h % 2**depth or w % 2**depth:
            raise UserError(
                f"a DCGAN of depth {depth} halves the image {depth} times: {h}x{w} is not "
                f"divisible by {2**depth}. Set --config.model.depth lower, or --config.data.size "
                "to a multiple."
            )
        self.G = generator(latent_dim, self.image_shape, width, depth, kernel)
        self.D = discriminator(self.image_shape, width, depth, kernel)
        if ema:
            self.G_average = generator(latent_dim, self.image_shape, width, depth, kernel)
            self.G_average.trainable = False
            self.G_average.set_weights(self.G.get_weights())

    # --- training --------------------------------------------------------------------------------

    def trained(self):
        return {"G": self.G.trainable_variables, "D": self.D.trainable_variables}

    def train_step(self, batch):
        # Algorithm 1 of Goodfellow et al. with k = 1.
        x = self.to_range(self.to_unit(batch["image"]))
        seeds = self.training_seeds(x)
        z = self.noise(seeds)["z"]

        # D: ascend log D(x) + log(1 - D(G(z))).
        with tf.GradientTape() as G_tape:
            fake = self.G(z, training=True)
        with tf.GradientTape() as D_tape:
            D_x = self.D(x, training=True)
            D_fake = self.D(tf.stop_gradient(fake), training=True)
            d_loss = losses.discriminator_loss(D_x, D_fake)
        self.minimize("D", D_tape, d_loss)

        # G: ascend log D(G(z)), with the D just updated.
        with G_tape:
            if self.fresh_noise:
                fake = self.G(random.uniform(seeds, [self.latent_dim], "fresh z"), training=True)
            g_loss = losses.generator_loss(self.D(fake, training=True))
        self.minimize("G", G_tape, g_loss)

        if self.ema:
            self.average_generator()
        return self.end_step(
            d_loss=d_loss,
            g_loss=g_loss,
            D_real=tf.reduce_mean(tf.sigmoid(D_x)),
            D_fake=tf.reduce_mean(tf.sigmoid(D_fake)),
        )

    def average_generator(self):
        # A shorter memory at first: the average forgets the random start.
        t = tf.cast(self.step, tf.float32)
        decay = tf.minimum(self.ema, (1.0 + t) / (10.0 + t))
        # Batch normalisation's statistics are averaged with the weights that they belong to.
        for average, now in zip(self.G_average.weights, self.G.weights, strict=True):
            average.assign_sub((1.0 - decay) * (average - now))

    def test_step(self, batch):
        x = self.to_range(self.to_unit(batch["image"]))
        fake = self.to_range(self.sample(tf.range(tf.shape(x)[0])))
        D_x, D_fake = self.D(x, training=False), self.D(fake, training=False)
        return {
            "d_loss": losses.discriminator_loss(D_x, D_fake),
            "g_loss": losses.generator_loss(D_fake),
            "D_real": tf.reduce_mean(tf.sigmoid(D_x)),
            "D_fake": tf.reduce_mean(tf.sigmoid(D_fake)),
        }

    # --- sampling --------------------------------------------------------------------------------

    def noise(self, seeds):
        return {"z": 2.0 * random.uniform(seeds, [self.latent_dim], "z") - 1.0}

    def generate(self, noise, label=None):
        G = self.G_average if self.ema else self.G
        return self.from_range(G(noise["z"], training=False))
