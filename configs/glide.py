"""GLIDE on shapes_by_caption: sprites of 32x32 from captions that training never showed.

python -m train.run --model=glide
"""

from typing import TYPE_CHECKING

from tfgen import settings

if TYPE_CHECKING:
    from ml_collections import ConfigDict

edm = settings.config_file("edm")

rule = edm.rule


def get_config() -> "ConfigDict":
    config = edm.get_config()
    config.data.name = "shapes_by_caption"
    config.steps = 4000
    config.batch_size = 32
    config.eval_every = 0
    config.model.update(
        dict(
            width=20,
            dropout=0.0,
            length=0,  # as many words as the longest caption has, up to 64
            embedding=32,
            text_dim=64,
        )
    )
    return config
