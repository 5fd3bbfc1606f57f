"""EDM on digits: the DDPM's U-Net, of 16 features.

python -m train.run --model=edm
python -m train.run --model=edm --config.model.conditional=True
"""

from typing import TYPE_CHECKING

from tfgen import settings

if TYPE_CHECKING:
    from ml_collections import ConfigDict

ddpm = settings.config_file("ddpm")

rule = ddpm.rule
ON = {"ring": ddpm.POINTS, "grid": ddpm.POINTS}


def get_config() -> "ConfigDict":
    config = ddpm.get_config()
    config.steps = 4000
    for bounds in ("waves", "prediction", "loss"):  # no level has a likelihood here
        del config.model[bounds]
    return config
