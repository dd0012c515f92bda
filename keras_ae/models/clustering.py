"""What IDEC and VaDE share: codes that gather around centres, found without any class. Both are trained in two stages:

model.fit(x)                # an autoencoder, IDEC, or a VAE, VaDE
model.start_clusters(x)     # clusters of its codes
model.fit(x)                # both together
model.clusters(x)           # (batch,): 0, 1, ..., clusters - 1
"""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from keras_ae.utils import inputs, validation


class Clustering:
    """The verbs of a model that finds clusters. A subclass states `_start(codes, labels, seed)` and `_probabilities(z)`."""

    limits = "Its clusters are those that the codes show, which need not be the classes that one has in mind, and have no names."

    @property
    def has_clusters(self):
        """bool, whether `start_clusters` has been called, now or before the model was saved."""
        with tf.init_scope():  # also while a graph is traced
            return bool(ops.convert_to_numpy(self.started) > 0)

    def kinds_of_samples(self):
        return (
            ("cluster", self.n_clusters) if self.has_clusters and hasattr(self, "sample") else None
        )

    def start_clusters(self, x, labels=None, seed=0):
        """Starts the clusters from those of the codes of x. From here on `fit` trains them, together with the networks.

        Args:
            x: array (n, *shape), examples of what the model was trained on so far.
            labels: int array (n,), 0, ..., clusters - 1, a clustering of x by other means to start from, or -1 where it is not known; for
                example `keras_ae.representation.spectral(vade.encode(x), clusters)`. None: the class's own, which its docstring tells.
            seed: int, of what is drawn in the class's own.

        Raises:
            ValueError: as in `encode`; fewer examples than clusters; labels of another kind, or a cluster without an example.
            ImportError: scikit-learn is not installed, which the class's own takes.
        """
        if len(x) < self.n_clusters:
            raise ValueError(
                f"Expected at least one example a cluster, {self.n_clusters}. Received: {len(x)}"
            )
        if labels is not None:
            labels = np.asarray(labels)
            known = set(labels.ravel().tolist()) - {-1}
            if (
                labels.shape != (len(x),)
                or labels.dtype.kind not in "iu"
                or known != set(range(self.n_clusters))
            ):
                expected = f"one integer an example, -1 or 0 to {self.n_clusters - 1}, each of these at least once"
                raise ValueError(
                    f"Expected `labels` to be {expected}. Received: shape={labels.shape}, dtype={labels.dtype}"
                )
        self._start(x, labels, seed)
        self.started.assign(1.0)

    def cluster_probabilities(self, x):
        """What each cluster has of x: array (batch, *shape) -> (batch, clusters), rows that add up to 1. Nothing is drawn.

        Raises:
            ValueError: as in `encode`; the clusters have not been started.
        """
        if not self.has_clusters:
            raise ValueError(
                "Expected `start_clusters(x)` before the clusters are asked for. Received: a model without clusters"
            )
        return inputs.in_batches(self._probabilities, self.encode(x))

    def clusters(self, x):
        """The most probable cluster of x: array (batch, *shape) -> int32 (batch,). Raises ValueError as `cluster_probabilities`."""
        return ops.cast(ops.argmax(self.cluster_probabilities(x), axis=-1), "int32")

    def _state(self, name, shape=(), value=0.0):
        """A variable that is not trained; replicas, which all assign the same to it, share it."""
        start = keras.initializers.Constant(value)
        options = {
            "trainable": False,
            "dtype": "float32",
            "autocast": False,
            "aggregation": "only_first_replica",
        }
        return self.add_weight(shape=shape, initializer=start, name=name, **options)


def at_least_two(clusters):
    """The number of clusters; ValueError if it is not an integer of at least 2."""
    if validation.positive_int(clusters, "clusters") < 2:
        raise ValueError("Expected `clusters` to be at least 2. Received: clusters=1")
    return clusters
