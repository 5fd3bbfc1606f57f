"""CycleGAN on digit_styles: white digits into blue slanted ones on yellow, and back.

python -m train.run --model=cyclegan
"""

from ml_collections import ConfigDict

from tfgen import rules, settings

rule = rules.translation

# Section 4 and appendix 7.1: batches of 1, 200 epochs of some 1,300 images; 9 blocks for 256x256.
PAPER = {
    "steps": 260_000,
    "batch_size": 1,
    "save_every": 10_000,
    "data.size": "256",
    "model.width": 64,
    "model.depth": 2,
    "model.blocks": 9,
    "model.identity_weight": 0.5,
    "model.patch_width": 64,
    "model.patch_depth": 3,
    "model.enlarge": 286 / 256,
    "model.mirror": True,
    "optimizers.G.learning_rate": 2e-4,
    "optimizers.D.learning_rate": 2e-4,
}
SISTERS = (
    *("apple2orange", "summer2winter_yosemite", "horse2zebra", "monet2photo", "cezanne2photo"),
    *("ukiyoe2photo", "vangogh2photo", "maps", "facades", "iphone2dslr_flower"),
)
# Emoji of 32 x 32, whose colours should stay, and which a mirror does not spoil.
EMOJI = {
    "data.size": "32",
    "steps": 8000,
    "save_every": 1000,
    "batch_size": 8,
    "model.width": 32,
    "model.depth": 1,
    "model.blocks": 3,
    "model.patch_width": 32,
    "model.identity_weight": 0.5,
    "model.mirror": True,
}
ON = {f"cycle_gan/{name}": PAPER for name in SISTERS} | {"emoji_styles": EMOJI}


def get_config() -> ConfigDict:
    config = settings.defaults()
    config.data.name = "digit_styles"
    config.steps = 2500
    config.save_every = 500
    config.batch_size = 16
    config.model = ConfigDict(
        dict(
            width=16,
            depth=1,  # 16x16 pixels stand one halving: digits are thin
            blocks=3,
            patch_width=32,
            patch_depth=1,  # patches of 16 pixels: the whole digit
            # The paper's 0.5, for colours that should stay, keeps white ink white: digits come out
            # as their negatives, another shape (accuracy of 0.02 in the place of 0.9).
            identity_weight=0.0,
            # No jitter, the paper's 286 / 256 and mirroring: a mirrored digit is none or another
            # one, and a crop of 16 pixels from 18 cuts off strokes at the border.
            enlarge=1.0,
            mirror=False,
        )
    )
    for name in ("G", "D"):
        # Larger than the paper's 0.0002: batches are of 16, and there are 2,500 of them.
        config.optimizers[name] = settings.adam(1e-3, beta_1=0.5, decay="linear")
    return config
