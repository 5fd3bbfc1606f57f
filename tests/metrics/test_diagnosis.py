"""Diagnosis names what is wrong, and nothing else."""

from tfgen.metrics.diagnosis import diagnose


def names(results, details=(), floor=(), baselines=()):
    return [f.name for f in diagnose(results, dict(details), dict(floor), dict(baselines))]


def test_diagnosis_names_what_is_wrong():
    classes = {"classes": "abc", "real_shares": [0.3, 0.3, 0.4]}
    assert names({}, classes | {"class_shares": [0.05, 0.35, 0.6]}) == ["modes missing"]
    unreached = {"unreached": ("It has not grown.", "Train it longer.")}
    assert names({}, unreached) == ["training unfinished"]
    assert names({}, {"unreached": None}) == []
    assert names({"modes": 7}, {"modes": 8}) == ["modes missing"]
    assert names({"coverage": 0.3}, floor={"coverage": 0.96}) == ["coverage low"]
    assert names({"copy_ratio": 0.1, "copies": 0.9}) == ["memorising"]
    gaussian = {"Gaussian": {"frechet": 8.0}}
    assert names({"frechet": 9.0}, baselines=gaussian) == ["worse than a Gaussian"]
    kl = {"kl_per_unit": [0.0, 0.0]}
    assert names({"active_units": 0, "kl": 0.0}, kl) == ["posterior collapsed"]
    assert names({"active_units": 1, "kl": 3.0}, {"kl_per_unit": [3.0, 0.0]}) == ["dead codes"]
    terms = {"train": {"D_real": 0.9, "D_fake": 0.2}, "held-out": {"D_real": 0.4}}
    assert names({}, {"terms": terms}) == ["discriminator overfits"]
    sure = {"nll": 90.0, "nll_reverse": 90.05, "log_z_error": 0.05, "log_z_chains": 200.0}
    assert names(sure) == []
    assert names(sure | {"nll_reverse": 89.95}) == []  # by chance
    for change in ({"nll_reverse": 89.8}, {"nll_reverse": 90.2}, {"log_z_chains": 46.0}):
        assert names(sure | change) == ["log Z unsure"]
    terms = {"train": {"loss": 60.0}, "held-out": {"loss": 90.0}}
    assert names({"nll": 90.0}, {"terms": terms}) == ["overfits"]


def test_diagnosis_is_silent_where_all_is_well():
    sure = {"nll_reverse": 90.0, "log_z_error": 0.02, "log_z_chains": 200.0}
    good = sure | {
        "modes": 8, "coverage": 0.9, "copy_ratio": 1.0, "copies": 0.01, "frechet": 1.0,
        "active_units": 2, "kl": 6.0, "nll": 90.0,
    }  # fmt: skip
    terms = {"loss": 90.0, "D_real": 0.6, "D_fake": 0.3}
    details = {"modes": 8, "kl_per_unit": [3.0, 3.0], "terms": {"train": terms, "held-out": terms}}
    assert names(good, details, {"coverage": 0.97}, {"Gaussian": {"frechet": 8.0}}) == []
