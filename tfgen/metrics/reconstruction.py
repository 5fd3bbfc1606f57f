"""How near reconstructions come: images [N, H, W, C] in [0, 1] -> means over the images."""

import numpy as np


def mse(x: np.ndarray, y: np.ndarray) -> float:
    """The mean squared error of a pixel."""
    return float(np.mean(np.square(np.asarray(x, np.float64) - y)))


def psnr(x: np.ndarray, y: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB, the mean over images of -10 log10 MSE (MSE >= 1e-10)."""
    errors = np.mean(np.square(np.asarray(x, np.float64) - y), axis=(1, 2, 3))
    return float(np.mean(-10.0 * np.log10(np.maximum(errors, 1e-10))))


def ssim(x: np.ndarray, y: np.ndarray) -> float:
    """Structural similarity, Wang et al. 2004, equation 13, in [-1, 1]; the mean over channels.

    A Gaussian window of 11 pixels and sigma 1.5, without padding, as in the paper; images smaller
    than that get the largest odd window that fits. K1 = 0.01, K2 = 0.03.
    """
    from scipy.ndimage import correlate1d

    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    size = min(11, *(n - 1 + n % 2 for n in x.shape[1:3]))
    window = np.exp(-0.5 * ((np.arange(size) - size // 2) / 1.5) ** 2)
    window /= window.sum()
    inside = slice(size // 2, -(size // 2) or None)

    def blur(image: np.ndarray) -> np.ndarray:
        image = correlate1d(correlate1d(image, window, axis=1), window, axis=2)
        return image[:, inside, inside]

    c1, c2 = 0.01**2, 0.03**2
    mx, my = blur(x), blur(y)
    vx, vy, vxy = blur(x * x) - mx * mx, blur(y * y) - my * my, blur(x * y) - mx * my
    similarity = (2 * mx * my + c1) * (2 * vxy + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    return float(similarity.mean())
