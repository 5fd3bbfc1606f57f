"""WGAN on digits: the DCGAN's networks, three steps of the critic for one of G.

python -m train.run --model=wgan
"""

from typing import TYPE_CHECKING

from tfgen import rules, settings

if TYPE_CHECKING:
    from ml_collections import ConfigDict


dcgan = settings.config_file("dcgan")
gan = settings.config_file("gan")

POINTS = gan.POINTS | {"steps": 4000, "batch_size": 3 * gan.POINTS["batch_size"]}
# The paper's own: five steps of the critic, batches of 64, clipping at 0.01, RMSProp at a rate of
# 0.00005, with the alpha of 0.99 that the authors' code has.
PAPER = {
    "batch_size": 5 * 64,
    "model.critic_steps": 5,
    "model.clip": 0.01,
    **settings.for_both(learning_rate=5e-5, beta_1=0.0, beta_2=0.99),
}
rule = rules.for_larger(dcgan.rule, PAPER)

ON = dcgan.LARGER | {"ring": POINTS, "grid": POINTS}


def get_config() -> "ConfigDict":
    config = dcgan.get_config()
    config.steps = 4000
    # Digits take a shorter way than the paper's: fewer steps of the critic, each of which may go
    # further. They were tuned with Adam's own beta_2, 0.999.
    config.model.critic_steps = 3
    config.batch_size = 3 * 64  # of all steps of the critic together
    config.model.clip = 0.03
    for name in ("G", "D"):
        config.optimizers[name] = settings.adam(2e-4, beta_1=0.0)
    return config
