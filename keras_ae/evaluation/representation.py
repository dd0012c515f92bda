"""How good codes are: how well simple methods of scikit-learn find the classes in them, in %.

scikit-learn is imported when it is used: pip install "keras-ae[datasets]".
"""

import numpy as np

from keras_ae.utils import fits
from keras_ae.utils.fits import gaussian_mixture, kmeans, pca, spectral

__all__ = [
    "clustering",
    "gaussian_mixture",
    "halves",
    "kmeans",
    "linear_probe",
    "nearest_neighbours",
    "pca",
    "spectral",
]


def linear_probe(train, test):
    """The accuracy of a linear classifier of standardised codes: ridge regression, penalty 1.

    Args:
        train, test: pairs (codes (n, d), classes (n,)), to fit and to measure.

    Returns:
        float, %.

    Raises:
        ImportError: scikit-learn is not installed.

    Source: Alain & Bengio, "Understanding intermediate layers using linear classifier probes",
    2016; here by least squares, which has one solution and needs no seed.
    """
    linear = fits.sklearn("linear_model")
    scale = train[0].std(axis=0)
    center, scale = train[0].mean(axis=0), np.where(scale > 0, scale, 1)
    probe = linear.RidgeClassifier(alpha=1.0).fit((train[0] - center) / scale, train[1])
    return 100 * float(probe.score((test[0] - center) / scale, test[1]))


def nearest_neighbours(train, test, neighbours=5):
    """The accuracy of a vote of the nearest training codes, by Euclidean distance.

    Args:
        train, test: pairs (codes (n, d), classes (n,)), to search in and to measure.
        neighbours: int, how many vote.

    Returns:
        float, %.

    Raises:
        ImportError: scikit-learn is not installed.
    """
    found = fits.sklearn("neighbors").KNeighborsClassifier(
        min(neighbours, len(train[0])), algorithm="brute"
    )
    return 100 * float(found.fit(*train).score(*test))


def clustering(clusters, y, name="kmeans"):
    """How well clusters agree with classes.

    accuracy = max_m mean_i [m(cluster_i) = y_i], over all one-to-one matchings m of clusters with
    classes, found by the Hungarian method. NMI is the mutual information divided by the arithmetic
    mean of the entropies. ARI is the Rand index, adjusted for chance.

    Args:
        clusters, y: arrays (n,).
        name: str, the first part of the names of the numbers.

    Returns:
        dict of floats, %: {name}_accuracy, {name}_nmi, {name}_ari.

    Raises:
        ImportError: scikit-learn is not installed.

    Source: Xie et al., "Unsupervised deep embedding for clustering analysis", ICML 2016,
    equation 10.
    """
    metrics = fits.sklearn("metrics")
    from scipy.optimize import linear_sum_assignment  # scikit-learn depends on scipy

    counts = metrics.cluster.contingency_matrix(y, clusters)  # (classes, clusters)
    matched = counts[linear_sum_assignment(counts, maximize=True)].sum()
    return {
        f"{name}_accuracy": 100 * float(matched) / len(y),
        f"{name}_nmi": 100 * float(metrics.normalized_mutual_info_score(y, clusters)),
        f"{name}_ari": 100 * float(metrics.adjusted_rand_score(y, clusters)),
    }


def halves(x, y, seed=0):
    """Two random halves of examples and classes: ((x, y), (x, y)). One seed, one result."""
    order = np.random.default_rng(seed).permutation(len(x))
    first, second = np.sort(order[: len(x) // 2]), np.sort(order[len(x) // 2 :])
    return (x[first], y[first]), (x[second], y[second])
