"""What scikit-learn fits to codes: clusters, mixtures, principal components.

scikit-learn is imported on use: pip install "keras-ae[datasets]".
"""

import importlib

import numpy as np


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
    return sklearn("cluster").KMeans(clusters, n_init=starts, random_state=seed).fit(codes)


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
    options = {
        "n_neighbors": min(neighbours, len(first)),
        "assign_labels": "cluster_qr",
        "random_state": 0,
    }
    labels[:most] = (
        sklearn("cluster")
        .SpectralClustering(clusters, affinity="nearest_neighbors", **options)
        .fit_predict(first)
    )
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
    options = {
        "covariance_type": "diag" if covariance == "diagonal" else covariance,
        "random_state": seed,
    }
    if labels is None:
        return sklearn("mixture").GaussianMixture(components, n_init=starts, **options).fit(codes)
    groups = [codes[labels == number] for number in range(components)]
    weights = np.array([len(group) for group in groups]) / sum(map(len, groups))
    means = np.stack([group.mean(axis=0) for group in groups])
    # A little of the covariance of all, as a group may be small.
    shrunk = [0.99 * np.cov(group.T, bias=True) + 0.01 * np.cov(codes.T) for group in groups]
    precisions = np.linalg.inv(
        np.reshape(shrunk, (components, codes.shape[1], codes.shape[1]))
        + 1e-6 * np.eye(codes.shape[1])
    )
    if covariance == "diagonal":
        precisions = np.stack([1 / np.diag(covariance) for covariance in np.linalg.inv(precisions)])
    options |= {"weights_init": weights, "means_init": means, "precisions_init": precisions}
    return sklearn("mixture").GaussianMixture(components, **options).fit(codes)


def pca(x, components):
    """Principal components of x: array (n, d) -> sklearn.decomposition.PCA, fitted. Raises ImportError without scikit-learn."""
    return sklearn("decomposition").PCA(components, svd_solver="covariance_eigh").fit(x)


def sklearn(module):
    """A module of scikit-learn, imported on use. Raises ImportError if it is not installed."""
    try:
        return importlib.import_module(f"sklearn.{module}")
    except ImportError as error:
        raise ImportError(
            'Expected the package scikit-learn, which measures what codes tell of classes: pip install "keras-ae[datasets]". '
            "Received: none installed"
        ) from error
