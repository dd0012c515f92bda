"""Vector quantisation: codes that are rows of a codebook, learned without gradients."""

import keras
from keras import ops

from keras_ae import distribute, parts, random

DEAD = 0.05  # a row that is used less often than this share of the average is moved


@keras.saving.register_keras_serializable("keras_ae")
class VectorQuantizer(keras.Layer):
    """Replaces each vector by the nearest row of a codebook, which follows the vectors that it stands for.

    e_k = m_k / N_k,    N_k <- decay N_k + (1 - decay) n_k,    m_k <- decay m_k + (1 - decay) sum of the n_k vectors nearest to e_k

    Rows that hardly any vector is near to start again at a random vector of the batch.

    Args:
        size: int, the number of rows, K.
        width: int, the size of a row.
        decay: float in [0, 1), of the moving averages, a training step.

    Input and output shape: (n, width). Input and output are float32.

    Raises:
        ValueError: an argument does not fit.

    Source: van den Oord et al., "Neural discrete representation learning", NeurIPS 2017, equations 1, 2 and 6 to 8; restarts: Dhariwal
    et al., "Jukebox", 2020, section 3.
    """

    def __init__(self, size, width, decay=0.99, **kwargs):
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        if not 0 <= decay < 1:
            raise ValueError(f"Expected `decay` to lie in [0, 1). Received: decay={decay!r}")
        self.size, self.width, self.decay = parts.positive_int(size, "size"), parts.positive_int(width, "width"), decay
        options = {"trainable": False, "autocast": False, "aggregation": "only_first_replica"}
        self.codebook = self.add_weight(shape=(size, width), initializer="random_normal", name="codebook", **options)
        # Zero, so that after the first step every row is a mean of vectors, or one of them.
        self.counts = self.add_weight(shape=(size,), initializer="zeros", name="counts", **options)
        self.sums = self.add_weight(shape=(size, width), initializer="zeros", name="sums", **options)
        self.built = True

    def nearest(self, vectors):
        """The number of the nearest row: (n, width) -> int32 (n,)."""
        rows = ops.convert_to_tensor(self.codebook)
        # |v - e|^2 = |v|^2 - 2 v e + |e|^2, of which |v|^2 is the same for all rows
        distances = ops.sum(ops.square(rows), axis=-1) - 2 * ops.matmul(vectors, ops.transpose(rows))  # (n, size)
        return ops.cast(ops.argmin(distances, axis=-1), "int32")

    def call(self, vectors):
        return self.rows(self.nearest(vectors))

    def rows(self, numbers):
        """The rows of these numbers: int (n,) -> (n, width)."""
        return ops.take(self.codebook, numbers, axis=0)

    def usage(self, vectors, numbers):
        """What `follow` needs of a batch: (n, width), (n,) -> how often each row was the nearest (size,), and the sums (size, width)."""
        chosen = ops.one_hot(numbers, self.size, dtype="float32")  # (n, size)
        return ops.sum(chosen, axis=0), ops.matmul(ops.transpose(chosen), vectors)

    def follow(self, counts, sums, vectors, seed):
        """Moves the codebook, by the usage of one step; on several replicas, by that of all together.

        Args:
            counts, sums: as `usage` gives them.
            vectors: tensor (n, width), of which dead rows take one each.
            seed: int32 (2,), the same on all replicas.
        """
        counts, sums = distribute.sum_over_replicas((counts, sums))
        vectors = distribute.all_of_replicas(vectors)
        counts = self.decay * self.counts + (1 - self.decay) * counts
        sums = self.decay * self.sums + (1 - self.decay) * sums
        average = ops.mean(counts)
        dead = counts < DEAD * average
        draws = random.uniform((self.size,), seed) * ops.cast(ops.shape(vectors)[0], "float32")
        fresh = ops.take(vectors, ops.cast(draws, "int32"), axis=0)  # (size, width)
        counts = ops.where(dead, average, counts)
        sums = ops.where(dead[:, None], average * fresh, sums)
        self.counts.assign(counts)
        self.sums.assign(sums)
        self.codebook.assign(sums / counts[:, None])

    def get_config(self):
        return {**super().get_config(), "size": self.size, "width": self.width, "decay": self.decay}
