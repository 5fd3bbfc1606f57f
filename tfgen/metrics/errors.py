"""How far a number would move with other samples: standard errors without a formula of their own.

    theta(P)  for random parts P of the samples, m of n, drawn without replacement
    Var theta = m / (n - m) Var_P theta(P),   m = 4/5 n              Shao and Wu 1989, section 2

The held-out images stay: all that is compared is compared with the same. A bootstrap with
replacement would have samples twice, at a distance of 0 from themselves: neighbours would be found
where there are none. On digits, 447 training images against as many held-out ones, this gives .26
for a Frechet distance, .020, .029 and .020 for precision, recall and coverage; the deviations over
20 other draws are .27, .018, .021 and .019.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

ROUNDS = 20
# Of a normal distribution: 95 % lie within so many standard errors.
WITHIN = 1.96


def by_parts(
    measure: Callable[[np.ndarray], Mapping[str, float]],
    n: int,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> dict[str, float]:
    """{metric: standard error} of what `measure(rows)` gives for all n rows.

    Metrics that some part lacks are left out.
    """
    found: dict[str, list[float]] = {}
    for rows in parts(n, rounds, seed):
        for name, value in measure(rows).items():
            found.setdefault(name, []).append(value)
    return {name: of_parts(values, n) for name, values in found.items() if len(values) == rounds}


def parts(n: int, rounds: int = ROUNDS, seed: int = 0) -> list[np.ndarray]:
    """Rows of each part, int [m]."""
    random = np.random.default_rng(seed)
    return [random.permutation(n)[: 4 * n // 5] for _ in range(rounds)]


def of_parts(values: Sequence[float] | np.ndarray, n: int) -> float:
    """The standard error of what each of the `parts` of n samples gave."""
    kept = 4 * n // 5
    return math.sqrt(kept / (n - kept)) * float(np.std(values, ddof=1))


def of_share(share: float, n: int) -> float:
    """Of a share of n images that have some property each by itself."""
    return math.sqrt(max(share * (1.0 - share), 0.0) / n)


def told_apart(one: float, other: float, *errors: float) -> bool:
    """Whether two numbers differ by more than 1.96 of their difference's standard error."""
    return abs(one - other) > WITHIN * math.hypot(*errors)
