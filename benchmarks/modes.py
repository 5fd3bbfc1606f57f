"""Modes found on the ring and the grid of Gaussians, by each loss and penalty, over several seeds.

    python -m benchmarks.modes [--data=ring,grid] [--seeds=5] [--only=LABEL] [--readme]

Trains the configurations below with the settings of their configs, all in one process, and measures
2,500 samples: how many modes get one that is within three sigma, the share of such samples, and how
far the shares of modes are from even. What is done is kept in --runs and not trained again. Writes
benchmarks/results/modes-<data>.json, and a picture of the samples over training,
docs/modes-<data>.png; with --only the numbers alone, beside those that the file has of the others.
"""

import argparse
import json
import statistics
import sys
from pathlib import Path

from benchmarks import render
from benchmarks.table import RESULTS, ROOT
from tfgen import command, settings, startup
from tfgen.errors import one_of
from tfgen.files import atomic, write_text

# name: (model, settings)
CONFIGURATIONS = {
    "GAN, as in 2014, rates that stay": ("gan", {"model.objective": "minimax", "model.ema": 0.0, **{
        f"optimizers.{name}.decay": "none" for name in "GD"
    }}),
    "non-saturating": ("gan", {}),
    "least squares": ("lsgan", {}),
    "hinge, spectral norm": ("sngan", {}),
    "Wasserstein, clipped": ("wgan", {}),
    "Wasserstein, gradient penalty": ("wgan_gp", {}),
    "non-saturating, DRAGAN": ("dragan", {}),
    "non-saturating, R1": ("r1_gan", {}),
    "non-saturating, minibatch deviation": ("gan", {"model.minibatch_stddev": True}),
    "non-saturating, light R1, wider, longer": ("r1_gan", {
        "model.penalty_weight": 0.003, "model.width": 256, "steps": 16_000
    }),
    "score matching, Langevin's steps": ("score_matching", {}),
    "diffusion, 250 steps of DDPM": ("ddpm", {}),
    "diffusion, 40 steps of Heun": ("edm", {}),
}  # fmt: skip
# Of others, for the same mixtures: modes, share in per cent (facts of the papers' own tables).
PUBLISHED = {
    "ring": {
        "GAN (Srivastava et al. 2017)": (1, 99.3),
        "unrolled GAN (the same)": (7.6, 35.6),
        "VEEGAN (the same)": (8, 52.9),
        "GAN (Lin et al. 2018)": (6.3, 98.2),
        "PacGAN2 (the same)": (7.9, 95.6),
    },
    "grid": {
        "GAN (Srivastava et al. 2017)": (3.3, 0.5),
        "unrolled GAN (the same)": (23.6, 16),
        "VEEGAN (the same)": (24.6, 40),
        "GAN (Lin et al. 2018)": (17.3, 94.8),
        "PacGAN4 (the same)": (24.8, 93.6),
    },
}
SAMPLES = 2500
LOOKS = 4  # pictures over training
KEYS = ("modes", "high_quality", "reverse_kl")


def main(argv=None):
    """Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.modes")
    parser.add_argument("--data", default="ring,grid")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--runs", default="runs/modes", help="where what is done is kept")
    parser.add_argument("--only", default="", help="one of the configurations, by its label")
    parser.add_argument("--readme", action="store_true", help="write it into README.md, RESULTS.md")
    return command.status(_run, parser.parse_args(argv))


def _run(options):
    with startup.loading_tensorflow():
        import tensorflow  # noqa: F401
    if options.only:
        one_of("configuration", options.only, CONFIGURATIONS)
    for name in options.data.split(","):
        path = RESULTS / f"modes-{name}.json"
        found, pictures = {}, {}
        if options.only and path.exists():
            found = json.loads(path.read_text("utf-8"))["configurations"]
        for i, (label, (model, changes)) in enumerate(CONFIGURATIONS.items()):
            if options.only not in ("", label):
                continue
            kept = Path(options.runs) / f"{name}-{i}.npz"
            if not kept.exists():
                keep(kept, [train(name, model, changes, seed) for seed in range(options.seeds)])
            found[label], pictures[label] = read(kept)
            print(row(label, found[label]), flush=True)
        found = {label: found[label] for label in CONFIGURATIONS if label in found}
        content = {"data": name, "seeds": options.seeds, "configurations": found}
        write_text(path, json.dumps(content, indent=1) + "\n")
        if not options.only:
            draw(ROOT / "docs" / f"modes-{name}.png", name, pictures)
        print(f"\nwrote {path}")
        if options.readme:
            render.write(insert, content)


def keep(path, runs):
    """Writes the numbers of all seeds and the samples of the first."""
    import numpy as np

    path.parent.mkdir(parents=True, exist_ok=True)
    numbers = {key: [run[0][key] for run in runs] for key in KEYS}
    with atomic(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, looks=np.stack(runs[0][1]), **numbers)


def read(path):
    """({metric: a number of each seed}, samples at each look)."""
    import numpy as np

    with np.load(path) as kept:
        # No sample of high quality: there are no shares of modes, and JSON knows no infinity.
        numbers = {key: [x if np.isfinite(x) else None for x in kept[key].tolist()] for key in KEYS}
        return numbers, kept["looks"]


def train(name, model_name, changes, seed):
    """({metric: number}, points of seed-0-like samples at each look)."""
    import numpy as np

    from tfgen import data
    from tfgen.data.points import MIXTURES
    from tfgen.metrics import modes
    from tfgen.training import building

    config = settings.find(model_name, name)
    config.update_from_flattened_dict(changes | {"seed": seed})
    training = data.open_source(name).load("train")
    model = building.build(model_name, config, training)
    mixture, looks = MIXTURES[name], []
    for look in range(LOOKS):
        start = config.steps * look // LOOKS
        batches = data.batches(training, config.batch_size, seed, start)
        steps = config.steps * (look + 1) // LOOKS - start
        model.fit(batches, steps_per_epoch=steps, verbose=0, shuffle=False)
        looks.append(mixture.to_points(model.sample(np.arange(SAMPLES, dtype=np.int32))))
    return dict(zip(KEYS, modes.modes(looks[-1], mixture.means, mixture.sigma), strict=True)), looks


def row(label, metrics):
    """Of a Markdown table."""
    of = {"modes": (1, 1), "high_quality": (100, 1), "reverse_kl": (1, 3)}
    cells = []
    for key, (scale, digits) in of.items():
        if None in metrics[key]:
            cells.append("")
            continue
        values = [scale * value for value in metrics[key]]
        spread = statistics.stdev(values) if len(values) > 1 else 0.0
        cells.append(f"{statistics.mean(values):.{digits}f} ± {spread:.{digits}f}")
    return f"| {label} | " + " | ".join(cells) + " |"


def markdown(content):
    """The table of one data set, the published rows below."""
    total = {"ring": 8, "grid": 25}[content["data"]]
    lines = [
        f"| `{content['data']}` | modes of {total} ↑ | high quality, % ↑ | reverse KL ↓ |",
        "|---|---:|---:|---:|",
        *(row(label, metrics) for label, metrics in content["configurations"].items()),
        *(
            f"| *{label}* | {modes} | {share} | |"
            for label, (modes, share) in PUBLISHED[content["data"]].items()
        ),
    ]
    return lines


def insert(text, content):
    """A document with the table between its marks."""
    begin = f"<!-- modes of {content['data']} -->"
    return render.between(text, begin, "<!-- end of modes -->", markdown(content))


def draw(path, name, pictures):
    """Rows are configurations, columns looks: samples over the mixture's means."""
    from matplotlib.figure import Figure

    from tfgen.data.points import MIXTURES

    mixture = MIXTURES[name]
    figure = Figure((2.0 * len(pictures), 2.1 * LOOKS), layout="constrained")
    axes = figure.subplots(LOOKS, len(pictures), squeeze=False)
    for column, (label, looks) in zip(axes.T, pictures.items(), strict=True):
        column[0].set_title(label.replace(", ", ",\n"), fontsize=8)
        for i, (axis, points) in enumerate(zip(column, looks, strict=True)):
            axis.plot(*mixture.means.T, "o", ms=9, mfc="none", mec="#bbbbbb", zorder=0)
            axis.plot(*points.T, ".", ms=1.5, color="#1f5fa8", alpha=0.5)
            axis.set(
                xlim=(-mixture.extent, mixture.extent),
                ylim=(-mixture.extent, mixture.extent),
                xticks=[],
                yticks=[],
                aspect="equal",
            )
            if axis is axes[i][0]:
                axis.set_ylabel(f"{100 * (i + 1) // LOOKS} % of steps", fontsize=8)
    figure.savefig(path, dpi=90)


if __name__ == "__main__":
    sys.exit(main())
