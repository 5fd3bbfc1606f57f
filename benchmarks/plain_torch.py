"""The comparison of `speed.py` in PyTorch: the same networks, objectives and optimizers.

A script that imports neither TensorFlow nor tfgen: the two libraries in one process can hang on a
GPU. It is run by `speed.py`, with a job in JSON, and reads numbers of steps from its input.

    python benchmarks/plain_torch.py '{"model": "dcgan", "way": "torch", ...}'

The images are on the device, a batch is rows of a permutation, and nothing waits for a loss: the
fastest plain way. "torch" runs eagerly, "torch.compile" has both networks compiled.
"""

import json
import sys
import time
from types import SimpleNamespace

import numpy as np
import torch
import torch._inductor.config
from torch import nn
from torch.nn import functional as F


def runner(job, images):
    """A function that trains for `steps` and returns the seconds."""
    gpu = job["device"] == "gpu"
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = job["tf32"]
    torch.backends.cudnn.benchmark = True  # kernels are tried out, as PyTorch's guide advises
    if job["way"] == "torch.compile":
        # With its own layout of images PyTorch 2.11 stops in the gradient of D's convolutions.
        torch._inductor.config.layout_optimization = False
    device = torch.device("cuda" if gpu else "cpu")
    levels = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous().to(device)
    networks = {"dcgan": dcgan, "vae": vae}[job["model"]]
    with torch.device(device):
        step = networks(job, job["way"] == "torch.compile")
    batch = job["batch_size"]

    def run(steps):
        began = time.perf_counter()
        epochs = steps * batch // len(levels) + 1
        order = torch.cat([torch.randperm(len(levels), device=device) for _ in range(epochs)])
        for i in range(steps):
            step(levels[order[i * batch : (i + 1) * batch]])
        if gpu:
            torch.cuda.synchronize()
        return time.perf_counter() - began

    return run


def adam(parameters, settings):
    rate, betas = settings["learning_rate"], (settings["beta_1"], settings["beta_2"])
    return torch.optim.Adam(parameters, rate, betas)


def dcgan(job, compiled):
    m, top = SimpleNamespace(**job["settings"]), job["levels"] - 1
    h, w, c = job["shape"]
    h, w, filters = h >> m.depth, w >> m.depth, m.width << (m.depth - 1)
    pad = (m.kernel - 2) // 2
    G = [nn.Linear(m.latent_dim, h * w * filters, bias=False), nn.Unflatten(1, (filters, h, w))]
    G += [nn.BatchNorm2d(filters), nn.ReLU(True)]
    D = [nn.Conv2d(c, m.width, m.kernel, 2, pad), nn.LeakyReLU(0.2, True)]
    for i in range(m.depth - 1):
        inner, outer = filters >> i, filters >> (i + 1)
        G += [
            nn.ConvTranspose2d(inner, outer, m.kernel, 2, pad, bias=False),
            nn.BatchNorm2d(outer),
            nn.ReLU(True),
        ]
        inner, outer = m.width << i, m.width << (i + 1)
        D += [
            nn.Conv2d(inner, outer, m.kernel, 2, pad, bias=False),
            nn.BatchNorm2d(outer),
            nn.LeakyReLU(0.2, True),
        ]
    G = nn.Sequential(*G, nn.ConvTranspose2d(m.width, c, m.kernel, 2, pad), nn.Tanh())
    D = nn.Sequential(*D, nn.Flatten(), nn.Linear(filters * h * w, 1))
    average = [p.detach().clone() for p in G.parameters()]
    g_optimizer, d_optimizer = (
        adam(n.parameters(), job["optimizers"][k]) for n, k in [(G, "G"), (D, "D")]
    )
    weights = list(G.parameters())
    if compiled:
        G, D = torch.compile(G), torch.compile(D)

    def step(image):
        x = image.float() / top * 2 - 1
        fake = G(torch.rand(len(x), m.latent_dim, device=x.device) * 2 - 1)
        d_loss = F.softplus(-D(x)).mean() + F.softplus(D(fake.detach())).mean()
        d_optimizer.zero_grad()
        d_loss.backward()
        d_optimizer.step()
        g_loss = F.softplus(-D(fake)).mean()
        g_optimizer.zero_grad()
        g_loss.backward()
        g_optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(average, weights, 1 - m.ema)

    return step


def vae(job, compiled):
    m, levels = SimpleNamespace(**job["settings"]), job["levels"]
    h, w, c = job["shape"]
    k, hidden = m.width, 8 * m.width
    flat = h // 4 * (w // 4) * 2 * k

    def drop(maps):
        return nn.Dropout2d(m.dropout) if maps else nn.Dropout(m.dropout)

    encoder = nn.Sequential(
        *(nn.Conv2d(c, k, 3, 1, 1), nn.GELU(), drop(True)),
        *(nn.Conv2d(k, 2 * k, 3, 2, 1), nn.GELU(), drop(True)),
        *(nn.Conv2d(2 * k, 2 * k, 3, 2, 1), nn.GELU(), drop(True)),
        *(nn.Flatten(), nn.Linear(flat, hidden), nn.GELU(), drop(False)),
        nn.Linear(hidden, 2 * m.latent_dim),
    )
    decoder = nn.Sequential(
        *(nn.Linear(m.latent_dim, hidden), nn.GELU(), drop(False)),
        *(nn.Linear(hidden, flat), nn.GELU(), nn.Unflatten(1, (2 * k, h // 4, w // 4))),
        *(nn.ConvTranspose2d(2 * k, 2 * k, 3, 2, 1, 1), nn.GELU(), drop(True)),
        *(nn.ConvTranspose2d(2 * k, k, 3, 2, 1, 1), nn.GELU(), drop(True)),
        nn.Conv2d(k, c * levels, 3, 1, 1),
    )
    weights = [*encoder.parameters(), *decoder.parameters()]
    optimizer = adam(weights, job["optimizers"]["vae"])
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, job["steps"])
    if compiled:
        encoder, decoder = torch.compile(encoder), torch.compile(decoder)

    def step(image):
        mu, logvar = encoder(image.float() / (levels - 1)).chunk(2, dim=1)
        z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
        logits = decoder(z).unflatten(1, (levels, c))
        distortion = F.cross_entropy(logits, image.long(), reduction="none").sum((1, 2, 3)).mean()
        kl = 0.5 * (mu**2 + logvar.exp() - logvar - 1).sum(1).mean()
        optimizer.zero_grad()
        (distortion + kl).backward()
        optimizer.step()
        decay.step()

    return step


def main():
    job = json.loads(sys.argv[1])
    run = runner(job, np.load(job["images"])["image"])
    run(20)  # warm-up, and what torch.compile compiles
    print("ready", flush=True)
    for line in sys.stdin:
        print(run(int(line)), flush=True)


if __name__ == "__main__":
    main()
