"""The comparison of `speed.py`: tfgen's networks, trained the way that Keras' tutorials write it.

No line here is clever or slow on purpose. The networks are rebuilt with Keras' own Dropout and
BatchNormalization; everything else is what a reader of the DCGAN and VAE tutorials would have.
"""

import keras
import tensorflow as tf
from keras import layers, ops

from tfgen import data, models
from tfgen.layers import adversaries, leaky


class Dropout(layers.Dropout):
    """Keras' dropout with the signature of tfgen's; whole channels, as there."""

    def __init__(self, rate, stream, seeds):
        super().__init__(rate)

    def build(self, shape):
        self.noise_shape = (None, 1, 1, None) if len(shape) == 4 else None


def dataset(training, batch_size, model):
    low, high = model.x_range
    arrays = data.arrays(training)
    images = arrays["image"].astype("float32") / (training.levels - 1)
    images = images * (high - low) + low
    if isinstance(model, ConditionalGAN):
        images = (images, keras.utils.to_categorical(arrays["label"], model.num_classes))
    batch_size //= getattr(model, "d_steps", 1)  # the tutorial shows D one batch several times
    return (
        tf.data.Dataset.from_tensor_slices(images)
        .shuffle(training.size)
        .batch(batch_size, drop_remainder=True)
        .repeat()
        .prefetch(tf.data.AUTOTUNE)
    )


def build(name, config, training):
    arguments = dict(config.model)
    if name == "conditional_gan":
        arguments["num_classes"] = len(training.classes)
    source = models.find(name)(training.shape, training.levels, **arguments)
    for layer in _layers_of(source):
        if isinstance(layer, layers.BatchNormalization):
            layer.synchronized = False
    ways = {"dcgan": DCGAN, "vae": VAE, "wgan_gp": WGANGP, "conditional_gan": ConditionalGAN}
    ways |= {"ddpm": DDPM}
    return ways[name](source, config)


def _layers_of(model):
    for layer in model.layers:
        yield layer
        yield from getattr(layer, "layers", ())


def with_keras_slopes(network):
    """The same layers, their weights drawn anew, but Keras' LeakyReLU for tfgen's."""

    def own(layer):
        return layers.LeakyReLU(leaky.SLOPE) if isinstance(layer, leaky.LeakyReLU) else layer

    return keras.models.clone_model(network, clone_function=own)


class DCGAN(keras.Model):
    """After keras.io/examples/generative/dcgan_overriding_train_step."""

    x_range = (-1.0, 1.0)

    def __init__(self, source, config):
        super().__init__()
        self.generator, self.discriminator = source.G, with_keras_slopes(self.judge(source))
        self.latent_dim = source.latent_dim
        self.seed_generator = keras.random.SeedGenerator(0)
        adam = config.optimizers
        self.compile(
            *(
                keras.optimizers.Adam(adam[n].learning_rate, beta_1=adam[n].beta_1)
                for n in ("D", "G")
            ),
            keras.losses.BinaryCrossentropy(from_logits=True),
        )

    def judge(self, source):
        return source.D

    def compile(self, d_optimizer, g_optimizer, loss_fn):
        super().compile()
        self.d_optimizer, self.g_optimizer, self.loss_fn = d_optimizer, g_optimizer, loss_fn
        self.d_loss_metric = keras.metrics.Mean(name="d_loss")
        self.g_loss_metric = keras.metrics.Mean(name="g_loss")

    @property
    def metrics(self):
        return [self.d_loss_metric, self.g_loss_metric]

    def latents(self, n):
        return keras.random.uniform((n, self.latent_dim), -1, 1, seed=self.seed_generator)

    def train_step(self, real_images):
        batch_size = ops.shape(real_images)[0]
        ones, zeros = ops.ones((batch_size, 1)), ops.zeros((batch_size, 1))
        generated_images = self.generator(self.latents(batch_size), training=True)
        with tf.GradientTape() as tape:
            real = self.discriminator(real_images, training=True)
            fake = self.discriminator(generated_images, training=True)
            d_loss = self.loss_fn(ones, real) + self.loss_fn(zeros, fake)
        grads = tape.gradient(d_loss, self.discriminator.trainable_weights)
        self.d_optimizer.apply_gradients(
            zip(grads, self.discriminator.trainable_weights, strict=True)
        )

        with tf.GradientTape() as tape:
            generated_images = self.generator(self.latents(batch_size), training=True)
            g_loss = self.loss_fn(ones, self.discriminator(generated_images, training=True))
        grads = tape.gradient(g_loss, self.generator.trainable_weights)
        self.g_optimizer.apply_gradients(zip(grads, self.generator.trainable_weights, strict=True))
        self.d_loss_metric.update_state(d_loss)
        self.g_loss_metric.update_state(g_loss)
        return {"d_loss": self.d_loss_metric.result(), "g_loss": self.g_loss_metric.result()}


class WGANGP(DCGAN):
    """After keras.io/examples/generative/wgan_gp, with its penalty mended: uniform lines."""

    def __init__(self, source, config):
        super().__init__(source, config)
        self.d_steps = config.model.critic_steps
        self.gp_weight = config.model.penalty_weight

    def gradient_penalty(self, batch_size, real_images, fake_images):
        alpha = keras.random.uniform((batch_size, 1, 1, 1), 0, 1, seed=self.seed_generator)
        interpolated = real_images + alpha * (fake_images - real_images)
        with tf.GradientTape() as gp_tape:
            gp_tape.watch(interpolated)
            pred = self.discriminator(interpolated, training=True)
        grads = gp_tape.gradient(pred, [interpolated])[0]
        norm = ops.sqrt(ops.sum(ops.square(grads), axis=[1, 2, 3]) + 1e-12)
        return ops.mean((norm - 1.0) ** 2)

    def train_step(self, real_images):
        batch_size = ops.shape(real_images)[0]
        for _ in range(self.d_steps):
            with tf.GradientTape() as tape:
                fake_images = self.generator(self.latents(batch_size), training=True)
                fake_logits = self.discriminator(fake_images, training=True)
                real_logits = self.discriminator(real_images, training=True)
                d_cost = ops.mean(fake_logits) - ops.mean(real_logits)
                gp = self.gradient_penalty(batch_size, real_images, fake_images)
                d_loss = d_cost + gp * self.gp_weight
            grads = tape.gradient(d_loss, self.discriminator.trainable_variables)
            self.d_optimizer.apply_gradients(
                zip(grads, self.discriminator.trainable_variables, strict=True)
            )
        with tf.GradientTape() as tape:
            generated_images = self.generator(self.latents(batch_size), training=True)
            g_loss = -ops.mean(self.discriminator(generated_images, training=True))
        grads = tape.gradient(g_loss, self.generator.trainable_variables)
        self.g_optimizer.apply_gradients(
            zip(grads, self.generator.trainable_variables, strict=True)
        )
        self.d_loss_metric.update_state(d_loss)
        self.g_loss_metric.update_state(g_loss)
        return {"d_loss": self.d_loss_metric.result(), "g_loss": self.g_loss_metric.result()}


class ConditionalGAN(DCGAN):
    """After keras.io/examples/generative/conditional_gan, with its planes of labels mended."""

    def __init__(self, source, config):
        super().__init__(source, config)
        self.num_classes, self.image_shape = source.num_classes, source.image_shape

    def judge(self, source):
        """The tutorial's D takes the planes themselves: the same weights, on more channels."""
        h, w, c = source.image_shape
        return adversaries.discriminator(
            source.network,
            (h, w, c + source.num_classes),
            source.width,
            source.depth,
            source.kernel,
            source.normalisation,
        )

    def train_step(self, data):
        real_images, one_hot_labels = data
        h, w, _ = self.image_shape
        planes = ops.repeat(ops.repeat(one_hot_labels[:, None, None, :], h, axis=1), w, axis=2)
        batch_size = ops.shape(real_images)[0]
        latents = ops.concatenate([self.latents(batch_size), one_hot_labels], axis=1)
        generated_images = self.generator(latents)
        combined_images = ops.concatenate(
            [
                ops.concatenate([generated_images, planes], -1),
                ops.concatenate([real_images, planes], -1),
            ],
            axis=0,
        )
        labels = ops.concatenate([ops.zeros((batch_size, 1)), ops.ones((batch_size, 1))], axis=0)
        with tf.GradientTape() as tape:
            predictions = self.discriminator(combined_images, training=True)
            d_loss = self.loss_fn(labels, predictions)
        grads = tape.gradient(d_loss, self.discriminator.trainable_weights)
        self.d_optimizer.apply_gradients(
            zip(grads, self.discriminator.trainable_weights, strict=True)
        )

        latents = ops.concatenate([self.latents(batch_size), one_hot_labels], axis=1)
        with tf.GradientTape() as tape:
            fake_images = self.generator(latents, training=True)
            fake = ops.concatenate([fake_images, planes], -1)
            predictions = self.discriminator(fake, training=True)
            g_loss = self.loss_fn(ops.ones((batch_size, 1)), predictions)
        grads = tape.gradient(g_loss, self.generator.trainable_weights)
        self.g_optimizer.apply_gradients(zip(grads, self.generator.trainable_weights, strict=True))
        self.d_loss_metric.update_state(d_loss)
        self.g_loss_metric.update_state(g_loss)
        return {"d_loss": self.d_loss_metric.result(), "g_loss": self.g_loss_metric.result()}


class VAE(keras.Model):
    """After keras.io/examples/generative/vae, with the categorical likelihood of tfgen's."""

    x_range = (0.0, 1.0)

    def __init__(self, source, config):
        super().__init__()
        self.encoder, self.decoder = (
            self.with_keras_dropout(n) for n in (source.encoder, source.decoder)
        )
        self.levels = source.levels
        self.seed_generator = keras.random.SeedGenerator(0)
        self.loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction=None)
        self.trackers = [
            keras.metrics.Mean(name=n) for n in ("loss", "reconstruction_loss", "kl_loss")
        ]
        adam = config.optimizers.vae
        rate = keras.optimizers.schedules.CosineDecay(adam.learning_rate, config.steps)
        self.compile(optimizer=keras.optimizers.Adam(rate))

    @staticmethod
    def with_keras_dropout(network):
        from tfgen.layers import Dropout as Ours

        return keras.Sequential(
            [layers.Input(network.input_shape[1:])]
            + [
                Dropout(layer.rate, None, None) if isinstance(layer, Ours) else layer
                for layer in network.layers
            ]
        )

    @property
    def metrics(self):
        return self.trackers

    def train_step(self, x):
        with tf.GradientTape() as tape:
            mean, log_var = ops.split(self.encoder(x, training=True), 2, axis=-1)
            epsilon = keras.random.normal(ops.shape(mean), seed=self.seed_generator)
            z = mean + ops.exp(0.5 * log_var) * epsilon
            logits = self.decoder(z, training=True)
            target = ops.cast(ops.round(x * (self.levels - 1)), "int32")
            reconstruction = ops.mean(ops.sum(self.loss_fn(target, logits), axis=(1, 2)))
            kl = -0.5 * (1 + log_var - ops.square(mean) - ops.exp(log_var))
            kl = ops.mean(ops.sum(kl, axis=1))
            loss = reconstruction + kl
        grads = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply_gradients(zip(grads, self.trainable_weights, strict=True))
        for tracker, value in zip(self.trackers, (loss, reconstruction, kl), strict=True):
            tracker.update_state(value)
        return {tracker.name: tracker.result() for tracker in self.trackers}


class DDPM(keras.Model):
    """After keras.io/examples/generative/ddpm: the squared error, of v, and an average."""

    x_range = (-1.0, 1.0)

    def __init__(self, source, config):
        super().__init__()
        self.network, self.ema_network = map(self.with_keras_dropout, (source.denoiser,) * 2)
        self.ema_network.set_weights(self.network.get_weights())
        self.timesteps, self.ema = source.steps, 0.999
        self.signal, self.spread = (
            tf.constant(value, tf.float32)
            for value in (source.q.abar**0.5, (1.0 - source.q.abar) ** 0.5)
        )
        self.seed_generator = keras.random.SeedGenerator(0)
        adam = config.optimizers.denoiser
        rate = keras.optimizers.schedules.CosineDecay(adam.learning_rate, config.steps)
        self.compile(loss=keras.losses.MeanSquaredError(), optimizer=keras.optimizers.Adam(rate))

    @staticmethod
    def with_keras_dropout(network):
        from tfgen.layers import Dropout as Ours

        def own(layer):
            return (
                layers.Dropout(layer.rate)
                if isinstance(layer, Ours)
                else layer.from_config(layer.get_config())
            )

        return keras.models.clone_model(network, clone_function=own)

    def train_step(self, images):
        batch_size = ops.shape(images)[0]
        seed = self.seed_generator
        t = keras.random.randint((batch_size,), 1, self.timesteps + 1, seed=seed)
        noise = keras.random.normal(ops.shape(images), seed=seed)
        a, s = (tf.gather(table, t)[:, None, None, None] for table in (self.signal, self.spread))
        with tf.GradientTape() as tape:
            time = ops.cast(t, "float32")[:, None]
            said = self.network([a * images + s * noise, time], training=True)
            loss = self.loss(a * noise - s * images, said)
        gradients = tape.gradient(loss, self.network.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.network.trainable_weights, strict=True))
        for weight, ema_weight in zip(self.network.weights, self.ema_network.weights, strict=True):
            ema_weight.assign(self.ema * ema_weight + (1 - self.ema) * weight)
        return {"loss": loss}
