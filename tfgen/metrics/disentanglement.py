"""Does each code unit know one factor of variation, and one unit each factor?

Codes are float [N, Z], the means of q(z|x); factors int [N, F], the true ones, of images drawn
evenly from the grid of factors. The variants are those of Locatello et al. 2019
(disentanglement_lib), which most tables use; where another is in use the docstring says so.
"""

import numpy as np


def discretise(codes: np.ndarray, bins: int = 20) -> np.ndarray:
    """Each unit in equal bins between its least and greatest value: int [N, Z]."""
    codes = np.asarray(codes, np.float64)
    low, high = codes.min(axis=0), codes.max(axis=0)
    width = np.where(high > low, high - low, 1.0) / bins
    return np.minimum((codes - low) / width, bins - 1).astype(int)


def mutual_information(codes: np.ndarray, factors: np.ndarray, bins: int = 20) -> np.ndarray:
    """I(unit; factor) of histograms, in nats: [Z, F].  Biased upwards for few images."""
    from sklearn.metrics import mutual_info_score

    binned = discretise(codes, bins)
    return np.array(
        [[mutual_info_score(f, unit) for f in np.transpose(factors)] for unit in binned.T]
    )


def mig(codes: np.ndarray, factors: np.ndarray) -> float:
    """Mutual information gap in [0, 1], Chen et al. 2018, equation 6.

    The mean over factors of the gap between the two units that know it best, over the factor's
    entropy. From means and histograms of 20 bins; Chen et al. sample the codes instead.
    """
    information = np.sort(mutual_information(codes, factors), axis=0)
    entropy = np.array([_entropy(f) for f in np.transpose(factors)])
    second = information[-2] if len(information) > 1 else 0.0
    return float(np.mean((information[-1] - second) / entropy))


def _entropy(values: np.ndarray) -> float:
    p = np.unique(values, return_counts=True)[1] / len(values)
    return -np.sum(p * np.log(p))


def dci(
    train: np.ndarray,
    train_factors: np.ndarray,
    test: np.ndarray,
    test_factors: np.ndarray,
    seed: int = 0,
) -> tuple[float, float, float]:
    """(disentanglement, completeness, informativeness), each in [0, 1]; Eastwood, Williams 2018.

    Importances are those of a random forest of 50 trees for each factor, as in the paper's random
    forest variant (disentanglement_lib boosts trees); informativeness is its test accuracy.
    """
    from sklearn.ensemble import RandomForestClassifier

    columns, accuracy = [], []
    for factor, test_factor in zip(
        np.transpose(train_factors), np.transpose(test_factors), strict=True
    ):
        # Every split may choose among all units: else the idle ones get a share by chance.
        forest = RandomForestClassifier(50, max_depth=12, max_features=None, random_state=seed)
        forest.fit(train, factor)
        columns.append(forest.feature_importances_)
        accuracy.append(forest.score(test, test_factor))
    importance = np.stack(columns, axis=1)
    return (*dci_from_importance(importance), float(np.mean(accuracy)))


def dci_from_importance(importance: np.ndarray) -> tuple[float, float]:
    """(disentanglement, completeness) of importances [Z, F] >= 0, section 2 of the paper."""
    importance = np.asarray(importance, np.float64) + 1e-11

    def one_minus_entropy(rows: np.ndarray) -> np.ndarray:
        p = rows / rows.sum(axis=1, keepdims=True)
        return 1.0 + np.sum(p * np.log(p), axis=1) / np.log(rows.shape[1])

    def weighted(rows: np.ndarray) -> float:
        if rows.shape[1] == 1:
            return 1.0
        return float(np.sum(one_minus_entropy(rows) * rows.sum(axis=1)) / rows.sum())

    return weighted(importance), weighted(importance.T)


def factor_vae_score(
    codes: np.ndarray, factors: np.ndarray, votes: int = 5000, batch: int = 64, seed: int = 0
) -> float:
    """The metric of Kim and Mnih 2018, section 4: the accuracy of a majority vote, in [0, 1].

    In batches that share one factor's value, the unit of least variance, relative to its variance
    over the data, votes for the factor. Half of the votes make the classifier, half test it. Units
    of standard deviation below 0.05 take no part; with none left the score is 0.
    """
    codes, factors = np.asarray(codes, np.float64), np.asarray(factors)
    spread = codes.var(axis=0)
    active = np.sqrt(spread) >= 0.05
    if not active.any():
        return 0.0
    codes, spread = codes[:, active], spread[active]
    random = np.random.default_rng(seed)
    groups = [[np.flatnonzero(f == v) for v in np.unique(f)] for f in factors.T]
    counts = np.zeros((2, codes.shape[1], factors.shape[1]))
    for i in range(2 * votes):
        k = random.integers(factors.shape[1])
        rows = random.choice(groups[k][random.integers(len(groups[k]))], batch)
        unit = np.argmin(codes[rows].var(axis=0) / spread)
        counts[i % 2, unit, k] += 1
    winner = counts[0].argmax(axis=1)
    return float(counts[1, np.arange(len(winner)), winner].sum() / votes)


def sap(
    train: np.ndarray, train_factors: np.ndarray, test: np.ndarray, test_factors: np.ndarray
) -> float:
    """Separated attribute predictability in [0, 1], Kumar et al. 2018, section 3.

    The mean over factors of the gap in test accuracy between the two units from which alone a
    linear support vector machine tells the factor best. All factors are taken as classes, as
    disentanglement_lib does; the paper regresses on continuous ones.
    """
    from sklearn.svm import LinearSVC

    train, test = np.asarray(train, np.float64), np.asarray(test, np.float64)
    gaps = []
    for factor, test_factor in zip(
        np.transpose(train_factors), np.transpose(test_factors), strict=True
    ):
        scores = []
        for i in range(train.shape[1]):
            judge = LinearSVC(C=0.01, class_weight="balanced", random_state=0)
            scores.append(
                judge.fit(train[:, i : i + 1], factor).score(test[:, i : i + 1], test_factor)
            )
        scores.sort()
        gaps.append(scores[-1] - (scores[-2] if len(scores) > 1 else 0.0))
    return float(np.mean(gaps))
