"""What metrics.json holds."""


def content(name="vae", seed=0, nll=90.0, seconds=10.0, **protocol):
    """What a metrics.json holds, as far as the table reads it."""
    training = {
        "parameters": 5, "seconds": seconds, "in one process": True, "peak memory, MB": 800,
    }  # fmt: skip
    return {
        "model": {"name": name, "seed": seed, "density": "lower bound", "training": training},
        "protocol": {
            **{"data": "digits", "train": "train", "split": "test", "n": 447, "k": 10},
            **{"features": "classifier", "features_hash": "0", "version": 1},
            **protocol,
        },
        "features": {"kind": "classifier", "distance": "FDC", "accuracy": {"label": 0.97}},
        "results": {
            "nll": nll,
            "nll_kind": "upper bound, k = 10",
            "frechet": 2.0,
            "coverage": None,
        },
        "floor": {"frechet": 1.0},
        "baselines": {"Gaussian": {"frechet": 9.0}, "PCA of 3": {"mse": 0.1}},
        "diagnosis": [{"name": "dead codes", "problem": "", "advice": ""}],
        "not_measured": {},
        "versions": {"keras": "3"},
    }
