"""The methods that IDEC and VaDE share. Both find clusters of codes without labels, in two stages:

model.fit(x)  # trains the autoencoder (IDEC) or the VAE (VaDE)
model.start_clusters(x)  # finds clusters of the codes
model.fit(x)  # trains the networks and the clusters together
model.clusters(x)  # (batch,): 0, 1, ..., clusters - 1
"""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from keras_ae.utils import inputs, validation


class Clustering:
    """The verbs of a model that finds clusters.

    A subclass defines `_start(x, labels, seed)`, which sets the clusters, and
    `_probabilities(z)`, which maps codes (batch, latent_dim) to (batch, clusters).
    It has `n_clusters` and the variable `started`.
    """

    limits = (
        "It finds the clusters that the codes show. "
        "They have no names, and they need not match the classes that you have in mind."
    )

    @property
    def has_clusters(self):
        """bool, whether `start_clusters` has been called, in this process or before saving."""
        with tf.init_scope():  # so that it also works while a graph is traced
            return bool(ops.convert_to_numpy(self.started) > 0)

    def kinds_of_samples(self):
        can_draw = self.has_clusters and hasattr(self, "sample")
        return ("cluster", self.n_clusters) if can_draw else None

    def start_clusters(self, x, labels=None, seed=0):
        """Sets the first clusters from the codes of x. After this, `fit` trains the clusters too.

        Args:
            x: array (n, *shape), examples of the data that the model was trained on.
            labels: int array (n,), a clustering of x to start from: 0, ..., clusters - 1, or -1
                where it is not known. For example
                `keras_ae.representation.spectral(vade.encode(x), clusters)`.
                None: the method of the class, which its docstring names.
            seed: int, the seed of the random draws in the method of the class.

        Raises:
            ValueError: as in `encode`; fewer examples than clusters; labels of another shape or
                type; a cluster without an example.
            ImportError: the method of the class needs scikit-learn, which is not installed.
        """
        n = self.n_clusters
        if len(x) < n:
            raise ValueError(f"Expected at least one example per cluster, {n}. Received: {len(x)}")
        if labels is not None:
            labels = np.asarray(labels)
            known = set(labels.ravel().tolist()) - {-1}
            fits = labels.shape == (len(x),) and labels.dtype.kind in "iu"
            if not fits or known != set(range(n)):
                raise ValueError(
                    f"Expected `labels` to be one integer per example, -1 or 0 to {n - 1}, "
                    "and to hold each cluster at least once. "
                    f"Received: shape={labels.shape}, dtype={labels.dtype}"
                )
        self._start(x, labels, seed)
        self.started.assign(1.0)

    def cluster_probabilities(self, x):
        """The probability of each cluster for each example. Nothing is drawn at random.

        Args:
            x: array (batch, *shape).

        Returns:
            tensor (batch, clusters); each row adds up to 1.

        Raises:
            ValueError: as in `encode`; `start_clusters` has not been called.
        """
        if not self.has_clusters:
            raise ValueError(
                "Expected `start_clusters(x)` before this call. Received: a model without clusters"
            )
        return inputs.in_batches(self._probabilities, self.encode(x))

    def clusters(self, x):
        """The most probable cluster of each example.

        Args:
            x: array (batch, *shape).

        Returns:
            int32 tensor (batch,).

        Raises:
            ValueError: as in `cluster_probabilities`.
        """
        return ops.cast(ops.argmax(self.cluster_probabilities(x), axis=-1), "int32")

    def _state(self, name, shape=(), value=0.0):
        """A variable that is not trained. All replicas assign it the same value and share it."""
        start = keras.initializers.Constant(value)
        options = {
            "trainable": False,
            "dtype": "float32",
            "autocast": False,
            "aggregation": "only_first_replica",
        }
        return self.add_weight(shape=shape, initializer=start, name=name, **options)


def at_least_two(clusters):
    """The number of clusters; ValueError unless it is an integer of at least 2."""
    if validation.positive_int(clusters, "clusters") < 2:
        raise ValueError("Expected `clusters` to be at least 2. Received: clusters=1")
    return clusters
