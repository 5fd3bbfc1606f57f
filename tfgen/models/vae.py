"""Variational autoencoder.

D. P. Kingma and M. Welling. Auto-Encoding Variational Bayes. ICLR 2014.
https://arxiv.org/abs/1312.6114

    p(z)   = N(0, I)
    q(z|x) = N(mu(x), diag(sigma(x)**2))                            equation 9
    z      = mu + sigma * eps,   eps ~ N(0, I)                      reparameterisation, section 2.4
    ELBO   = E_q[log p(x|z)] - KL(q(z|x) || p(z))  <=  log p(x)     equation 3

    L_k    = E log 1/k sum_i p(x, z_i) / q(z_i|x),   z_i ~ q        Burda et al. 2016, equation 8
    ELBO   = L_1 <= L_k <= log p(x): with many samples `log_prob` is the tighter bound.

Shapes: x [B, H, W, C];  mu, logvar, eps, z [B, Z];  parameters of p(x|z) [B, H, W, C * n].

Departures from the paper: Adam for Adagrad. The likelihood is the one that fits the data's levels
(Bernoulli for 2, categorical for few, discretised logistic for many), where the paper has Bernoulli
and Gaussian: a Gaussian density of grey levels is no probability of them. `network="conv"` replaces
the multi-layer perceptrons of appendix C by strided convolutions; `dropout` acts in both networks.
"""

import math

import keras
import tensorflow as tf

from tfgen import likelihoods, losses, random
from tfgen.layers import Dropout, coders
from tfgen.model import GenerativeModel


@keras.saving.register_keras_serializable("tfgen")
class VAE(GenerativeModel):
    """A variational autoencoder; its density is a lower bound.

    Args:
      image_shape, levels, seed: see `GenerativeModel`.
      latent_dim: Z, the number of latents.
      network: "dense" (the paper's), "conv" (height and width divisible by 4) or "linear".
      width: hidden units ("dense") or filters of the first layer ("conv").
      dropout: share of hidden units dropped in training.
      samples: L, draws of z for each image of a step.
      warmup: steps over which the weight of the KL term rises from 0 to 1 (Sonderby et al. 2016).
      free_bits: nats an image that the KL term may take without a penalty (Kingma et al. 2016,
        equation 15, with all latents in one group and image by image).
      likelihood: p(x|z): "auto", "bernoulli", "categorical" or "logistic".
      draw: whether a sample is a draw from p(x|z), where by default it is the mean of p(x|z).
    """

    paper = ("Kingma and Welling 2014", "https://arxiv.org/abs/1312.6114")
    density = "lower bound"
    prior = "normal"
    terms = ("loss", "distortion", "kl")

    def __init__(
        self,
        image_shape,
        levels,
        seed=0,
        latent_dim=20,
        network="dense",
        width=500,
        dropout=0.0,
        samples=1,
        warmup=0,
        free_bits=0.0,
        likelihood="auto",
        draw=False,
        **kwargs,
    ):
        super().__init__(image_shape, levels, seed, **kwargs)
        self.samples = samples
        self.warmup = warmup
        self.free_bits = free_bits
        self.latent_dim = latent_dim
        self.network = network
        self.width = width
        self.dropout = dropout
        self.likelihood = likelihood
        self.draw = draw

        self.p = likelihoods.choose(likelihood, levels)

        def drop(stream):
            return Dropout(dropout, stream, self.training_seeds)

        h, w, c = self.image_shape
        encoder, decoder = coders.find(network, self.image_shape)
        self.encoder = keras.Sequential(encoder(self.image_shape, 2 * latent_dim, width, drop))
        parameters_shape = (h, w, c * self.p.parameters)
        self.decoder = keras.Sequential(decoder(latent_dim, parameters_shape, width, drop))

    # --- training --------------------------------------------------------------------------------

    def trained(self):
        return {"vae": self.encoder.trainable_variables + self.decoder.trainable_variables}

    def draw_codes(self, image, seeds, training):
        """L draws of z an image: (mu [B, Z], logvar [B, Z], z [B, L, Z], log p(x|z) [B, L])."""
        x = self.to_range(self.to_unit(image))
        mu, logvar = tf.split(self.encoder(x, training=training), 2, axis=-1)
        eps = random.normal(seeds, [self.samples, self.latent_dim], "eps")
        z = mu[:, None] + tf.exp(0.5 * logvar)[:, None] * eps
        parameters = self.decoder(tf.reshape(z, [-1, self.latent_dim]), training=training)
        levels = tf.repeat(tf.cast(image, tf.int32), self.samples, axis=0)
        log_p = tf.reshape(self.p.log_prob(levels, parameters), [-1, self.samples])
        return mu, logvar, z, log_p

    def kl(self, mu, logvar, z):
        """KL(q(z|x) || p(z)): [B], nats; for this prior in closed form, without the draws z."""
        return losses.kl_to_standard_normal(mu, logvar)

    def objective(self, distortion, kl, training):
        """What is descended on, from the two terms of an image: [B], [B] -> [B]."""
        if not training:
            return distortion + kl
        if self.free_bits:
            kl = tf.maximum(kl, self.free_bits)
        if not self.warmup:
            return distortion + kl
        return distortion + tf.minimum(1.0, tf.cast(self.step, tf.float32) / self.warmup) * kl

    def neg_elbo(self, image, seeds, training):
        """The negative ELBO and its two terms: dict of [B], in nats."""
        mu, logvar, z, log_p = self.draw_codes(image, seeds, training)
        distortion, kl = -tf.reduce_mean(log_p, axis=1), self.kl(mu, logvar, z)
        loss = self.objective(distortion, kl, training)
        return {"loss": loss, "distortion": distortion, "kl": kl}

    def train_step(self, batch):
        # Algorithm 1: L draws of eps for each image of the minibatch.
        image = batch["image"]
        with tf.GradientTape() as tape:
            terms = losses.means(self.neg_elbo(image, self.training_seeds(image), training=True))
        self.minimize("vae", tape, terms["loss"])
        return self.end_step(**terms)

    def test_step(self, batch):
        seeds = tf.range(tf.shape(batch["image"])[0])
        return losses.means(self.neg_elbo(batch["image"], seeds, training=False))

    # --- sampling --------------------------------------------------------------------------------

    def noise(self, seeds):
        noise = {"z": random.normal(seeds, [self.latent_dim], "z")}
        if self.draw:
            noise["u"] = random.uniform(seeds, self.image_shape, "u")
        return noise

    def generate(self, noise, label=None):
        parameters = self.decoder(noise["z"], training=False)
        return self.p.draw(parameters, noise["u"]) if self.draw else self.p.mean(parameters)

    # --- codes and density -----------------------------------------------------------------------

    def encode(self, x):
        """q(z|x): images in [0, 1] -> {"mean": [B, Z], "log_var": [B, Z]}."""
        mu, logvar = tf.split(self.encoder(self.to_range(x), training=False), 2, axis=-1)
        return {"mean": mu, "log_var": logvar}

    def reconstruct(self, x):
        """The mean of p(x|z) at z = mu(x): images in [0, 1] -> images in [0, 1]."""
        return self.p.mean(self.decoder(self.encode(x)["mean"], training=False))

    # Compiled: a thousand draws are a thousand turns of a loop.
    @tf.function(reduce_retracing=True)
    def log_prob(self, x, samples=100):
        """L_k with k = samples, a lower bound on log p(x): images in [0, 1] -> [B], nats.

        Every image is measured with the same draws of eps, so the value of one does not depend on
        the others in the batch. Memory does not grow with `samples`.
        """
        log_w = self._importance(x)

        def add(i, total):
            w = log_w(i)
            top = tf.maximum(total, w)
            return i + 1, top + tf.math.log(tf.exp(total - top) + tf.exp(w - top))

        return self._stream(samples, add, log_w(0)) - math.log(samples)

    @tf.function(reduce_retracing=True)
    def elbo(self, x, samples=100):
        """The ELBO, its expectation over q by `samples` draws: images in [0, 1] -> [B], nats."""
        log_w = self._importance(x)
        return self._stream(samples, lambda i, total: (i + 1, total + log_w(i)), log_w(0)) / samples

    def _importance(self, x):
        """A function i -> log p(x, z_i) / q(z_i|x) for the i-th draw of z, [B]."""
        q = self.encode(x)
        mu, logvar = q["mean"], q["log_var"]
        levels = self.to_levels(x)
        log_prior = self.log_prior()

        def log_weight(i):
            eps = random.normal(tf.reshape(i, [1]), [self.latent_dim], "importance eps")
            z = mu + tf.exp(0.5 * logvar) * eps
            log_p = self.p.log_prob(levels, self.decoder(z, training=False))
            return log_p + log_prior(z) - losses.normal_log_prob(z, mu, logvar)

        return log_weight

    def log_prior(self):
        """A function z -> log p(z): [..., Z] -> [...], nats."""
        return lambda z: losses.normal_log_prob(z, tf.zeros_like(z), tf.zeros_like(z))

    @staticmethod
    def _stream(samples, body, first):
        _, total = tf.while_loop(lambda i, _: i < samples, body, (tf.constant(1), first))
        return total
