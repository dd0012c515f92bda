"""How good codes are: what simple methods of scikit-learn read from them of classes. In %, as in published tables.

scikit-learn is imported on use: pip install "keras-ae[datasets]".
"""

import numpy as np


def linear_probe(train, test):
    """The accuracy of a linear classifier of standardised codes: ridge regression onto the classes, penalty 1.

    Args:
        train, test: pairs (codes (n, d), classes (n,)), to fit and to measure.

    Returns:
        float, %.

    Raises:
        ImportError: scikit-learn is not installed.

    Source: the protocol of Alain & Bengio, "Understanding intermediate layers using linear classifier probes", 2016, by least squares,
    which has one solution and needs no seed.
    """
    linear = _sklearn("linear_model")
    scale = train[0].std(axis=0)
    center, scale = train[0].mean(axis=0), np.where(scale > 0, scale, 1)
    probe = linear.RidgeClassifier(alpha=1.0).fit((train[0] - center) / scale, train[1])
    return 100 * float(probe.score((test[0] - center) / scale, test[1]))


def nearest_neighbours(train, test, neighbours=5):
    """The accuracy of the vote of the nearest neighbours, in Euclidean distance, among the training codes.

    Args:
        train, test: pairs (codes (n, d), classes (n,)), to search and to measure.
        neighbours: int, how many vote.

    Returns:
        float, %.

    Raises:
        ImportError: scikit-learn is not installed.
    """
    found = _sklearn("neighbors").KNeighborsClassifier(min(neighbours, len(train[0])), algorithm="brute")
    return 100 * float(found.fit(*train).score(*test))


def kmeans(codes, clusters, seed=0, starts=10):
    """k-means clusters: the best of several starts.

    Args:
        codes: array (n, d).
        clusters: int, how many.
        seed: int, of the starts.
        starts: int, how many.

    Returns:
        sklearn.cluster.KMeans, fitted; `labels_` are the clusters (n,).

    Raises:
        ImportError: scikit-learn is not installed.
    """
    return _sklearn("cluster").KMeans(clusters, n_init=starts, random_state=seed).fit(codes)


def spectral(codes, clusters, neighbours=10, most=5000):
    """Spectral clusters of the graph of nearest neighbours: they follow the shape of what lies together, where k-means sees balls.

    Args:
        codes: array (n, d).
        clusters: int, how many.
        neighbours: int, how many each code is tied to.
        most: int, how many codes are clustered, the first ones, for the time that it takes.

    Returns:
        int array (n,); -1 for the codes that are not among the first ones.

    Raises:
        ImportError: scikit-learn is not installed.

    Source: von Luxburg, "A tutorial on spectral clustering", 2007, section 4; assignment: Damle et al., "Simple, direct and efficient
    multi-way spectral clustering", 2019.
    """
    labels, first = np.full(len(codes), -1), np.asarray(codes)[:most]
    options = {"n_neighbors": min(neighbours, len(first)), "assign_labels": "cluster_qr", "random_state": 0}
    labels[:most] = _sklearn("cluster").SpectralClustering(clusters, affinity="nearest_neighbors", **options).fit_predict(first)
    return labels


def gaussian_mixture(codes, components, seed=0, covariance="full", starts=1, labels=None):
    """A mixture of Gaussians, by expectation-maximisation: the likeliest of several starts, or from labels.

    Args:
        codes: array (n, d).
        components: int, how many Gaussians.
        seed: int, of the starts.
        covariance: "full" or "diagonal".
        starts: int, how many.
        labels: int array (n,), 0, ..., components - 1, each at least once, or -1 where it is not known: a clustering to start from, once;
            None: k-means.

    Returns:
        sklearn.mixture.GaussianMixture, fitted.

    Raises:
        ImportError: scikit-learn is not installed.
    """
    options = {"covariance_type": "diag" if covariance == "diagonal" else covariance, "random_state": seed}
    if labels is None:
        return _sklearn("mixture").GaussianMixture(components, n_init=starts, **options).fit(codes)
    groups = [codes[labels == number] for number in range(components)]
    weights = np.array([len(group) for group in groups]) / sum(map(len, groups))
    means = np.stack([group.mean(axis=0) for group in groups])
    # A little of the covariance of all, as a group may be small.
    shrunk = [0.99 * np.cov(group.T, bias=True) + 0.01 * np.cov(codes.T) for group in groups]
    precisions = np.linalg.inv(np.reshape(shrunk, (components, codes.shape[1], codes.shape[1])) + 1e-6 * np.eye(codes.shape[1]))
    if covariance == "diagonal":
        precisions = np.stack([1 / np.diag(covariance) for covariance in np.linalg.inv(precisions)])
    options |= {"weights_init": weights, "means_init": means, "precisions_init": precisions}
    return _sklearn("mixture").GaussianMixture(components, **options).fit(codes)


def clustering(clusters, y, name="kmeans"):
    """How well clusters agree with classes.

    accuracy = max over matchings m of clusters with classes, one to one, of the share of examples with m(cluster) = class, by the
    Hungarian method; NMI, mutual information over the arithmetic mean of the entropies; ARI, the Rand index adjusted for chance.

    Args:
        clusters, y: arrays (n,).
        name: str, what the numbers are called after.

    Returns:
        dict of floats, %: {name}_accuracy, {name}_nmi, {name}_ari.

    Raises:
        ImportError: scikit-learn is not installed.

    Source: Xie et al., "Unsupervised deep embedding for clustering analysis", ICML 2016, equation 10.
    """
    metrics = _sklearn("metrics")
    from scipy.optimize import linear_sum_assignment  # scikit-learn depends on scipy

    counts = metrics.cluster.contingency_matrix(y, clusters)  # (classes, clusters)
    matched = counts[linear_sum_assignment(counts, maximize=True)].sum()
    return {
        f"{name}_accuracy": 100 * float(matched) / len(y),
        f"{name}_nmi": 100 * float(metrics.normalized_mutual_info_score(y, clusters)),
        f"{name}_ari": 100 * float(metrics.adjusted_rand_score(y, clusters)),
    }


def halves(x, y, seed=0):
    """Two random halves of examples and their classes: ((x, y), (x, y)), the same for the same seed."""
    order = np.random.default_rng(seed).permutation(len(x))
    first, second = np.sort(order[: len(x) // 2]), np.sort(order[len(x) // 2 :])
    return (x[first], y[first]), (x[second], y[second])


def pca(x, components):
    """Principal components of x: array (n, d) -> sklearn.decomposition.PCA, fitted. Raises ImportError without scikit-learn."""
    return _sklearn("decomposition").PCA(components, svd_solver="covariance_eigh").fit(x)


def _sklearn(module):
    import importlib

    try:
        return importlib.import_module(f"sklearn.{module}")
    except ImportError as error:
        raise ImportError(
            'Expected the package scikit-learn, which measures what codes tell of classes: pip install "keras-ae[datasets]". '
            "Received: none installed"
        ) from error
