"""Text to image on shapes_by_caption: sprites of 32x32 from captions that training never showed.

python -m train.run --model=text_to_image
"""

from typing import TYPE_CHECKING

from tfgen import rules, settings

if TYPE_CHECKING:
    from ml_collections import ConfigDict


dcgan = settings.config_file("dcgan")

rule = rules.captioned_gan

# Section 5 of the paper: 64x64, 100 latents, batches of 64, a text code of 128.
COCO = {
    "steps": 200_000,
    "batch_size": 64,
    "save_every": 10_000,
    "data.size": "64",
    "model.latent_dim": 100,
    "model.depth": 4,
    "model.width": 64,
    "model.condition_dim": 128,
    "model.text_dim": 1024,
    "model.embedding": 256,
    "model.normalisation": "batch",
    "model.penalty": "none",
    "model.interpolation": 1.0,
    "model.contrast": 0.0,
    "model.diversity": 0.0,
    "optimizers.G.learning_rate": 2e-4,
    "optimizers.D.learning_rate": 2e-4,
    "optimizers.G.decay": "none",
    "optimizers.D.decay": "none",
}
# Pictures of 32 x 32, each with a name of its own: D sees them elsewhere each time.
EMOJI = {"data.size": "32", "steps": 15_000, "model.augment": "translation"}
ON = {"coco_captions": COCO, "emoji": EMOJI}


def get_config() -> "ConfigDict":
    config = dcgan.get_config()
    config.data.name = "shapes_by_caption"
    config.steps = 18_000
    config.save_every = 1000
    config.eval_every = 0
    config.batch_size = 32
    config.model.update(
        dict(
            length=0,  # as many words as the longest caption has, up to 64
            embedding=32,
            text_dim=64,
            kl=0.002,  # with more the codes of captions overlap, and G hears half of what is said
            # Here t' is the likest caption, and between the two lie images that are half of each.
            interpolation=0.0,
            contrast=3.0,  # without it D is late to know what a shape's word means
            diversity=0.03,  # too little: all seeds of a caption are one image
            depth=3,
            width=32,
            latent_dim=16,
            ema=0.999,
            # With batch normalisation D wins, and samples stay noisy; without any norm it is slow
            # to see colours.
            normalisation="layer",
            penalty="r1",
            penalty_weight=0.02,
        )
    )
    # With equal rates G waits for D to tell it about shapes, or D for images worth judging.
    for name, rate in (("G", 3e-3), ("D", 2e-3)):
        config.optimizers[name] = settings.adam(rate, beta_1=0.5, decay="cosine")
    return config
