"""Score matching on digits, and on `ring` and `grid`, whose scores are known.

python -m train.run --model=score_matching --config.data.name=ring
"""

from typing import TYPE_CHECKING

from tfgen import settings

if TYPE_CHECKING:
    from ml_collections import ConfigDict

ddpm = settings.config_file("ddpm")

rule = ddpm.rule
# Points in the plane, in a square from -1 to 1: fewer steps of a smaller network than DDPM's.
_FEWER = {"steps": 4000, "model.width": 64, "model.half_life": 140}
ON = {name: ddpm.POINTS | _FEWER for name in ("ring", "grid")}


def get_config() -> "ConfigDict":
    config = ddpm.get_config()
    config.steps = 4000
    for bounds in ("waves", "prediction", "loss"):  # no level has a likelihood here
        del config.model[bounds]
    config.model.each = 20
    return config
