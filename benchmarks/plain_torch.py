"""The comparison of `speed.py` in PyTorch: the same networks, objectives and optimizers."""

import time

import torch
from torch import nn
from torch.nn import functional as F

from tfgen import data


def runner(name, config, training):
    """A function that trains for `steps` and returns the seconds."""
    levels = torch.from_numpy(data.arrays(training)["image"]).permute(0, 3, 1, 2).contiguous()
    step = {"dcgan": dcgan, "vae": vae}[name](config, training)

    def run(steps):
        began = time.perf_counter()
        order = torch.cat(
            [torch.randperm(len(levels)) for _ in range(steps * config.batch_size // 1000 + 1)]
        )
        for i in range(steps):
            step(levels[order[i * config.batch_size : (i + 1) * config.batch_size]])
        return time.perf_counter() - began

    return run


def adam(parameters, settings):
    return torch.optim.Adam(parameters, settings.learning_rate, (settings.beta_1, settings.beta_2))


def dcgan(config, training):
    m, top = config.model, training.levels - 1
    h, w, c = training.shape
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
        adam(G.parameters(), config.optimizers.G),
        adam(D.parameters(), config.optimizers.D),
    )

    def step(image):
        x = image.float() / top * 2 - 1
        fake = G(torch.rand(len(x), m.latent_dim) * 2 - 1)
        d_loss = F.softplus(-D(x)).mean() + F.softplus(D(fake.detach())).mean()
        d_optimizer.zero_grad()
        d_loss.backward()
        d_optimizer.step()
        g_loss = F.softplus(-D(fake)).mean()
        g_optimizer.zero_grad()
        g_loss.backward()
        g_optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(average, list(G.parameters()), 1 - m.ema)
        return float(d_loss.detach()), float(g_loss.detach())

    return step


def vae(config, training):
    m, levels = config.model, training.levels
    h, w, c = training.shape
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
    optimizer = adam([*encoder.parameters(), *decoder.parameters()], config.optimizers.vae)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config.steps)

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
        return float(distortion.detach()), float(kl.detach())

    return step
