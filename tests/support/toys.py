"""GANs that are trained on the toys of `tests/zoo.py`."""

from tests import zoo
from tests.zoo import Row
from tfgen.compiling import compiled

DENSE = dict(network="dense", width=32, depth=2, latent_dim=2)


def trained(name, steps, **arguments):
    model = Row(name, DENSE | arguments, 0, zoo.TOY_SHAPE, 17).build()
    for optimizer in model.optimizers.values():
        optimizer.learning_rate = 2e-3
        optimizer.beta_1 = 0.5
    step = compiled(model.train_step)
    for i in range(steps):
        step(zoo.toys(seed=i))
    return model
