"""What codes [N, Z] know of labels [N]."""

import numpy as np

from tfgen.errors import NotMeasurable


def linear_probe(
    train: np.ndarray, train_labels: np.ndarray, test: np.ndarray, test_labels: np.ndarray
) -> float:
    """Test accuracy of a logistic regression on standardised codes.

    Raises: NotMeasurable for training codes of one class alone.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if len(np.unique(train_labels)) < 2:
        raise NotMeasurable("a linear probe needs training images of 2 classes, and all are of one")
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    return float(probe.fit(train, train_labels).score(test, test_labels))


def knn_accuracy(
    train: np.ndarray,
    train_labels: np.ndarray,
    test: np.ndarray,
    test_labels: np.ndarray,
    k: int = 5,
) -> float:
    """Test accuracy of k nearest neighbours in code space, Euclidean.

    Raises: NotMeasurable for fewer than k training codes.
    """
    from sklearn.neighbors import KNeighborsClassifier

    if len(train) < k:
        raise NotMeasurable(f"{k} nearest neighbours need {k} training images, got {len(train)}")
    train, test = np.asarray(train, np.float64), np.asarray(test, np.float64)
    return float(KNeighborsClassifier(k).fit(train, train_labels).score(test, test_labels))
