"""RBM on digits: PCD, centred; binary units on `digits_binary`, Gaussian ones on `digits`.

python -m train.run --model=rbm --config.data.name=digits_binary
"""

from ml_collections import ConfigDict

from tfgen import rules, settings

rule = rules.machine

ON = {"digits_binary": {"steps": 6000, "model.k": 5}}


def get_config() -> ConfigDict:
    config = settings.defaults()
    config.steps = 2000
    config.batch_size = 100
    config.model = ConfigDict(dict(hidden=100, sigma=0.15, k=2, centred=True, decay=1e-3))
    config.optimizers.rbm = settings.adam(2e-3, decay="cosine")
    return config
