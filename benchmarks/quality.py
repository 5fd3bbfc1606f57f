"""What a finished run on digits is worth: likelihood and the classes of its samples.

python -m benchmarks.quality --workdir=runs/vae-digits [--split=test]

A model with a density: the ELBO and the bound L_k (k = 1000) in nats per image, beside the
trivial floors. A model that samples: how 1,000 samples fall into the ten classes, judged by a
support vector machine trained on the real training split.
"""

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

import tfgen
from tfgen import data
from tfgen.run_dir import RunDir


def likelihood(model, images, samples=1000):
    """(ELBO, L_samples) as means over images [N, H, W, C] in [0, 1], nats."""
    x = tf.constant(images)
    elbo = model.elbo(x, samples=200)
    bound = model.log_prob(x, samples=samples)
    return float(tf.reduce_mean(elbo)), float(tf.reduce_mean(bound))


def independent_pixels(train, held_out, levels, pseudo=0.1):
    """Nats per image of a categorical for each pixel, counted on the training images."""
    total = 0.0
    for row, column in np.ndindex(train.shape[1:3]):
        counts = np.bincount(train[:, row, column, 0], minlength=levels) + pseudo
        log_p = np.log(counts / counts.sum())
        total -= log_p[held_out[:, row, column, 0]].mean()
    return total


def class_shares(model, train, labels, levels, count=1000):
    """Share of each class among `count` samples."""
    judge = classifier(train, labels, levels)
    samples = model.sample(np.arange(count)).numpy()
    return np.bincount(judge.predict(samples.reshape(count, -1)), minlength=10) / count


def classifier(train, labels, levels):
    from sklearn.svm import SVC

    return SVC(gamma="scale").fit(train.reshape(len(train), -1) / (levels - 1), labels)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workdir", required=True)
    parser.add_argument("--split", default="test")
    options = parser.parse_args()
    model = tfgen.load(options.workdir)
    _, config = RunDir(options.workdir).read_config()
    source = data.open_source(config["data"]["name"])
    train, held_out = (data.arrays(source.load(split)) for split in ("train", options.split))
    levels = model.levels
    if model.can("log_prob"):
        elbo, bound = likelihood(model, (held_out["image"] / (levels - 1)).astype("float32"))
        floor = independent_pixels(train["image"], held_out["image"], levels)
        print(
            f"{options.split} NLL of {len(held_out['image'])} images, nats, {levels} levels: "
            f"ELBO {-elbo:.2f}, L_1000 {-bound:.2f} (independent pixels {floor:.2f})"
        )
    if model.can("sample"):
        judge = classifier(train["image"], train["label"], levels)
        real = held_out["image"].reshape(len(held_out["image"]), -1) / (levels - 1)
        shares = class_shares(model, train["image"], train["label"], levels)
        print("classes of 1,000 samples, %:", " ".join(f"{100 * s:.1f}" for s in shares))
        right = judge.score(real, held_out["label"])
        print(f"least {100 * shares.min():.1f} %; the judge is {right:.3f} right")


if __name__ == "__main__":
    main()
