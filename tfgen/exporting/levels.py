"""Images as they are compared between runtimes: whole levels."""

import numpy as np


def pixels(images: np.ndarray) -> np.ndarray:
    """float [N, H, W, C] in [0, 1] -> uint8, the form in which pictures are compared."""
    return np.round(np.clip(np.asarray(images, np.float64), 0, 1) * 255).astype(np.uint8)
