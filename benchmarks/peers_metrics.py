"""What the packages of papers make of small arrays: what tests/metrics/test_published.py holds.

    python -m venv peers && peers/bin/pip install torch-fidelity pytorch-fid prdc
    peers/bin/python benchmarks/peers_metrics.py

In an environment of its own: nothing of tfgen is imported, and the tests install none of these.
"""

import json

import numpy as np


def arrays():
    """Features of real and of generated images, [1200, 6] and [1100, 6], and logits [1100, 7]."""
    random = np.random.default_rng(7)
    real = random.normal(size=(1200, 6))
    fake = random.normal(0.2, 1.3, size=(1100, 6))
    logits = random.normal(0.0, 2.0, size=(1100, 7))
    return real, fake, logits


def main():
    import torch
    from prdc import compute_prdc
    from pytorch_fid.fid_score import calculate_frechet_distance
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
    from torch_fidelity.metric_isc import isc_features_to_metric
    from torch_fidelity.metric_kid import kid_features_to_metric

    real, fake, logits = arrays()
    one, other = (fid_features_to_statistics(torch.tensor(x)) for x in (real, fake))
    moments = [m for x in (real, fake) for m in (x.mean(axis=0), np.cov(x, rowvar=False))]
    quiet = {"verbose": False}
    found = {
        "pytorch-fid": {"fid": calculate_frechet_distance(*moments)},
        "torch-fidelity": {
            **fid_statistics_to_metric(one, other, False),
            **isc_features_to_metric(torch.tensor(logits), splits=10, shuffle=False),
            **kid_features_to_metric(torch.tensor(fake), torch.tensor(real), **quiet),
        },
        "prdc": compute_prdc(real_features=real, fake_features=fake, nearest_k=5),
    }
    print(json.dumps(found, indent=1, default=float))


if __name__ == "__main__":
    main()
