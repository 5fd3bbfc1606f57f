"""The width that all pixels share is learned, and settles at the error that there is."""

import numpy as np
import pytest
import tensorflow as tf

from tfgen import models
from tfgen.objectives import likelihoods


def test_the_likeliest_width_is_the_root_of_the_mean_squared_error():
    """Rybkin et al. 2021, section 3.2; bins of one level add a twelfth to the variance."""
    p = likelihoods.choose("shared_gaussian", 256)
    random = np.random.default_rng(0)
    m = np.full((1, 40, 40, 3), 0.0, np.float32)
    x = np.clip(np.rint(127.5 + random.normal(0, 12.0, m.shape)), 0, 255)
    error = np.sqrt(np.mean(np.square(x - 127.5)))
    log_s = np.linspace(-1.5, -0.5, 61)
    log_p = [
        p.log_prob(x.astype(np.int32), np.append(m, np.full((1, 40, 40, 1), v), axis=-1)).numpy()[0]
        for v in log_s.astype(np.float32)
    ]
    best = np.exp(log_s[np.argmax(log_p)]) * 255 / 8
    assert best**2 + 1 / 12 == pytest.approx(error**2, rel=0.02)


@pytest.mark.parametrize("name", ["vq_vae", "gsn"])
def test_every_decoder_learns_one(name):
    """Of the VAE the zoo's row of draws in colour has it, from the step to the exports."""
    model = models.find(name)((8, 8, 1), 17, likelihood="shared_gaussian", width=4)
    weights = [w for ws in model.trained().values() for w in ws]
    (log_s,) = [w for w in weights if w.path.endswith("log_s")]
    image = np.random.default_rng(0).integers(0, 17, (4, 8, 8, 1)).astype(np.uint8)
    with tf.GradientTape() as tape:
        if name == "gsn":
            loss = model.step_terms({"image": image}, tf.range(4), training=True)["loss"]
        else:
            loss = model.forward(image, training=True)[0]
    assert abs(tape.gradient(loss, log_s.value)) > 0
