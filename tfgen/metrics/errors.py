"""How far a number would move with other images: standard errors without a formula of their own.

    theta(H)  for random halves H of the images, drawn without replacement
    Var theta = m / (n - m) Var_H theta(H),   m = floor(n / 2)       Shao and Wu 1989, section 2

A bootstrap with replacement would have images twice, at a distance of 0 from themselves: neighbours
would be found where there are none. Numbers that are not smooth in the images vary more over halves
than over whole sets: the error of a Frechet distance is some 1.2 times too great, of coverage 1.5,
near a perfect sampler 2. So what is called told apart is.
"""

import math
from collections.abc import Callable, Mapping

import numpy as np

ROUNDS = 20
# Of a normal distribution: 95 % lie within so many standard errors.
WITHIN = 1.96


def by_halves(
    measure: Callable[[np.ndarray, np.ndarray], Mapping[str, float]],
    real: int,
    fake: int,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> dict[str, float]:
    """{metric: standard error} of what `measure(rows of real, rows of fake)` gives for all rows.

    real, fake: how many images there are of each. Metrics that some half lacks are left out.
    """
    random = np.random.default_rng(seed)
    found: dict[str, list[float]] = {}
    for _ in range(rounds):
        rows = [random.permutation(n)[: n // 2] for n in (real, fake)]
        for name, value in measure(*rows).items():
            found.setdefault(name, []).append(value)
    n = min(real, fake)
    scale = math.sqrt((n // 2) / (n - n // 2))
    return {
        name: scale * float(np.std(values, ddof=1))
        for name, values in found.items()
        if len(values) == rounds
    }


def of_share(share: float, n: int) -> float:
    """Of a share of n images that have some property each by itself."""
    return math.sqrt(max(share * (1.0 - share), 0.0) / n)


def told_apart(one: float, other: float, *errors: float) -> bool:
    """Whether two numbers differ by more than 1.96 of their difference's standard error.

    Where both are of the same held-out images this asks for a little more than it need.
    """
    return abs(one - other) > WITHIN * math.hypot(*errors)
