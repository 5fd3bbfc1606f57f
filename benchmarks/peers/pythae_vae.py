"""pythae's VAE, with its own trainer, its own settings and its own sampler.

C. Chadebec, L. Vincent, S. Allassonniere. Pythae: Unifying Generative Autoencoders in Python.
NeurIPS 2022 Datasets and Benchmarks. https://arxiv.org/abs/2206.08309

A script for an environment of pythae's, which imports neither TensorFlow nor tfgen:

    python benchmarks/peers/pythae_vae.py '{"networks": "mlp", "images": ..., "cpu_seconds": ...}'

"conv" are the networks of pythae's benchmark on MNIST, with its 16 latents, rate 1e-4 and batches
of 100 (appendix D of the paper); "mlp" what a VAE without networks of the user's own has by
default. `images` are float32 [N, H, W, C] in [0, 1]. Training ends when the process has worked for
`cpu_seconds`. The last line of its output is a JSON object; samples, decoded means of p(x|z) in
[0, 1], are written to `samples`.
"""

import contextlib
import json
import resource
import sys
import tempfile
import time

import numpy as np
import torch
from pythae.models import VAE, VAEConfig
from pythae.models.nn.benchmarks.mnist import Decoder_Conv_AE_MNIST, Encoder_Conv_VAE_MNIST
from pythae.pipelines import TrainingPipeline
from pythae.samplers import NormalSampler
from pythae.trainers import BaseTrainerConfig
from pythae.trainers.training_callbacks import TrainingCallback


class TimeIsUp(Exception):
    pass


class Clock(TrainingCallback):
    """Counts steps, and ends the training when its time of work is over."""

    def __init__(self, cpu_seconds):
        self.end, self.steps = time.process_time() + cpu_seconds, 0

    def on_train_step_end(self, training_config, **kwargs):
        self.steps += 1
        if time.process_time() > self.end:
            raise TimeIsUp


def main(job):
    torch.manual_seed(0)
    images = np.load(job["images"]).transpose(0, 3, 1, 2)
    config = VAEConfig(input_dim=images.shape[1:], latent_dim=16)
    networks = {}
    if job["networks"] == "conv":
        networks = {
            "encoder": Encoder_Conv_VAE_MNIST(config),
            "decoder": Decoder_Conv_AE_MNIST(config),
        }
    model, clock = VAE(config, **networks), Clock(job["cpu_seconds"])
    with tempfile.TemporaryDirectory() as folder:
        training = BaseTrainerConfig(
            output_dir=folder,
            num_epochs=10_000,
            learning_rate=1e-4,
            per_device_train_batch_size=100,
            seed=0,
        )
        began = time.process_time()
        with contextlib.suppress(TimeIsUp):
            TrainingPipeline(model=model, training_config=training)(images, callbacks=[clock])
        seconds = time.process_time() - began
    samples = NormalSampler(model.eval()).sample(num_samples=job["n"], batch_size=500)
    np.save(job["samples"], samples.numpy().transpose(0, 2, 3, 1))
    found = {
        "cpu_seconds": round(seconds, 1),
        "steps": clock.steps,
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
