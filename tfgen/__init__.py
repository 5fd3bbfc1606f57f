"""tfgen: a zoo of generative models in Keras, in which a seed is an image, everywhere.

    import tfgen
    model = tfgen.load("runs/dcgan-digits")
    images = model.sample(range(64))            # [64, H, W, C] in [0, 1]

Nothing heavy is imported until it is used: a command line can check its flags before TensorFlow
loads.
"""

__version__ = "0.1.0"


def load(directory):
    """The finished model of a run directory; see `tfgen.run_dir.load`."""
    from tfgen import run_dir

    return run_dir.load(directory)
