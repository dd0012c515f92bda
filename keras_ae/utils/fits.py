"""scikit-learn's models of codes: clusters, mixtures, principal components.

scikit-learn is imported on use: pip install "keras-ae[datasets]".
"""

import importlib

import numpy as np


def kmeans(codes, clusters, seed=0, starts=10):
    """k-means clusters: the best of several starts.

    Args:
        codes: array (n, d).
        clusters: int, the number of clusters.
        seed: int, for the starts.
        starts: int, the number of starts.

    Returns:
        sklearn.cluster.KMeans, fitted. Its `labels_` (n,) are the clusters.

    Raises:
        ImportError: scikit-learn is not installed.
    """
    return sklearn("cluster").KMeans(clusters, n_init=starts, random_state=seed).fit(codes)


def spectral(codes, clusters, neighbours=10, most=5000):
    """Spectral clusters of the nearest-neighbour graph.

    They follow clusters of any shape; k-means finds only round ones.

    Args:
        codes: array (n, d).
        clusters: int, the number of clusters.
        neighbours: int, the number of neighbours of each code in the graph.
        most: int. Only this many codes, the first ones, are clustered, to save time.

    Returns:
        int array (n,): the cluster of each code; -1 for codes after the first `most`.

    Raises:
        ImportError: scikit-learn is not installed.

    Source: von Luxburg, "A tutorial on spectral clustering", 2007, section 4. Assignment to
    clusters: Damle et al., "Simple, direct and efficient multi-way spectral clustering", 2019.
    """
    labels, first = np.full(len(codes), -1), np.asarray(codes)[:most]
    model = sklearn("cluster").SpectralClustering(
        clusters,
        affinity="nearest_neighbors",
        n_neighbors=min(neighbours, len(first)),
        assign_labels="cluster_qr",
        random_state=0,
    )
    labels[:most] = model.fit_predict(first)
    return labels


def gaussian_mixture(codes, components, seed=0, covariance="full", starts=1, labels=None):
    """A mixture of Gaussians, fitted by expectation-maximisation.

    It is the most likely result of several starts. With `labels`, the only start is from them.

    Args:
        codes: array (n, d).
        components: int, the number of Gaussians.
        seed: int, for the starts.
        covariance: "full" or "diagonal".
        starts: int, the number of starts.
        labels: int array (n,), a clustering to start from: 0, ..., components - 1, each at least
            once, or -1 for unknown. None to start from k-means.

    Returns:
        sklearn.mixture.GaussianMixture, fitted.

    Raises:
        ImportError: scikit-learn is not installed.
    """
    covariance_type = "diag" if covariance == "diagonal" else covariance
    options = {"covariance_type": covariance_type, "random_state": seed}
    if labels is None:
        return sklearn("mixture").GaussianMixture(components, n_init=starts, **options).fit(codes)
    groups = [codes[labels == number] for number in range(components)]
    weights = np.array([len(group) for group in groups]) / sum(map(len, groups))
    means = np.stack([group.mean(axis=0) for group in groups])
    precisions = _precisions(codes, groups)
    if covariance == "diagonal":
        precisions = np.stack([1 / np.diag(covariance) for covariance in np.linalg.inv(precisions)])
    options |= {"weights_init": weights, "means_init": means, "precisions_init": precisions}
    return sklearn("mixture").GaussianMixture(components, **options).fit(codes)


def _precisions(codes, groups):
    """The inverse covariance of each group of codes: (len(groups), d, d)."""
    d = codes.shape[1]
    # A group may be small. So a little of the covariance of all codes is mixed in.
    shrunk = [0.99 * np.cov(group.T, bias=True) + 0.01 * np.cov(codes.T) for group in groups]
    return np.linalg.inv(np.reshape(shrunk, (len(groups), d, d)) + 1e-6 * np.eye(d))


def pca(x, components):
    """Principal components of x: array (n, d) -> sklearn.decomposition.PCA, fitted.

    Raises:
        ImportError: scikit-learn is not installed.
    """
    # The smaller of two problems: d x d, or the singular values of x itself.
    solver = "covariance_eigh" if len(x) >= x.shape[1] else "full"
    return sklearn("decomposition").PCA(components, svd_solver=solver).fit(x)


def sklearn(module):
    """A module of scikit-learn, imported on use. Raises ImportError if it is not installed."""
    try:
        return importlib.import_module(f"sklearn.{module}")
    except ImportError as error:
        raise ImportError(
            "Expected the package scikit-learn, which fits clusters, mixtures and classifiers: "
            'pip install "keras-ae[datasets]". Received: none installed'
        ) from error
