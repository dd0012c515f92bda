"""Vector quantisation: codes that are rows of a codebook, learned without gradients."""

import math
import typing

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from keras_ae.training import replicas
from keras_ae.utils import seeds, validation

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
        self.size, self.width, self.decay = (
            validation.positive_int(size, "size"),
            validation.positive_int(width, "width"),
            decay,
        )
        options = {"trainable": False, "autocast": False, "aggregation": "only_first_replica"}
        self.codebook = self.add_weight(
            shape=(size, width), initializer="random_normal", name="codebook", **options
        )
        # Zero, so that after the first step every row is a mean of vectors, or one of them.
        self.counts = self.add_weight(shape=(size,), initializer="zeros", name="counts", **options)
        self.sums = self.add_weight(
            shape=(size, width), initializer="zeros", name="sums", **options
        )
        self.built = True

    def nearest(self, vectors):
        """The number of the nearest row: (n, width) -> int32 (n,)."""
        rows = ops.convert_to_tensor(self.codebook)
        # |v - e|^2 = |v|^2 - 2 v e + |e|^2, of which |v|^2 is the same for all rows
        distances = ops.sum(ops.square(rows), axis=-1) - 2 * ops.matmul(
            vectors, ops.transpose(rows)
        )  # (n, size)
        # Not Keras' own, which sees to -0.0 first, by an operation that ONNX has not.
        return tf.argmin(distances, axis=-1, output_type=tf.int32)

    def call(self, vectors):
        return self.rows(self.nearest(vectors))

    def straight_through(self, vectors):
        """The nearest rows, whose gradient goes to the vectors as it is, and their numbers: (n, width) -> (n, width), int32 (n,)."""
        numbers = self.nearest(vectors)
        return _straight_through(vectors, self.rows(numbers)), numbers

    def rows(self, numbers):
        """The rows of these numbers: int (n,) -> (n, width)."""
        return ops.take(self.codebook, numbers, axis=0)

    def perplexity(self):
        """How many rows are in use, exp of the entropy of their use in recent batches: a tensor ()."""
        use = ops.divide_no_nan(ops.convert_to_tensor(self.counts), ops.sum(self.counts))
        return ops.exp(-ops.sum(use * ops.log(use + 1e-10)))

    def usage(self, vectors, numbers, weights):
        """What `follow` needs of a batch, vectors (n, width), numbers (n,), weights (n,): how often each row was the nearest (size,), and
        the sums of the vectors that it was nearest to (size, width), weighted."""
        return ops.segment_sum(weights, numbers, self.size), ops.segment_sum(
            weights[:, None] * vectors, numbers, self.size
        )

    def follow(self, counts, sums, vectors, seed):
        """Moves the codebook, by the usage of one step; on several replicas, by that of all together.

        Args:
            counts, sums: as `usage` gives them.
            vectors: tensor (n, width), of which dead rows take one each.
            seed: int32 (2,), the same on all replicas.
        """
        counts, sums = replicas.sum_over_replicas((counts, sums))
        vectors = replicas.all_of_replicas(vectors)
        counts = self.decay * self.counts + (1 - self.decay) * counts
        sums = self.decay * self.sums + (1 - self.decay) * sums
        average = ops.mean(counts)
        dead = counts < DEAD * average
        draws = seeds.uniform((self.size,), seed) * ops.cast(ops.shape(vectors)[0], "float32")
        fresh = ops.take(vectors, ops.cast(draws, "int32"), axis=0)  # (size, width)
        counts = ops.where(dead, average, counts)
        sums = ops.where(dead[:, None], average * fresh, sums)
        self.counts.assign(counts)
        self.sums.assign(sums)
        self.codebook.assign(
            ops.where(counts[:, None] > 0, sums / counts[:, None], self.codebook)
        )  # none: all weights were zero

    def get_config(self):
        return {**super().get_config(), "size": self.size, "width": self.width, "decay": self.decay}


class Level(typing.NamedTuple):
    """What a codebook makes of the vectors of a batch: n of them for each of its examples."""

    quantizer: VectorQuantizer
    vectors: tf.Tensor  # (batch * n, width)
    numbers: tf.Tensor  # (batch * n,), of the nearest rows
    code: (
        tf.Tensor
    )  # (batch, n * width), the rows of each example side by side, with a straight-through gradient


class Quantized:
    """The verbs of a model whose code is rows of codebooks, and how the codebooks learn.

    A subclass has a `width`, a `commitment`, `quantizers`, a list of VectorQuantizers, and `map_shapes`, the map that the symbols of each
    make up. It states `_levels(x)`, a list of a Level for each. In `logged`, their perplexities come last.
    """

    @property
    def symbols_per_code(self):
        """int, how many symbols a code has."""
        return self.latent_dim // self.width

    def symbols(self, x):
        """The numbers of the rows that stand for x, map after map: array (batch, *shape) -> int32 (batch, symbols_per_code)."""
        z = ops.reshape(
            self.encode(x), (-1, self.symbols_per_code, self.width)
        )  # (batch, latent_dim) -> (batch, symbols, width)
        return self._map_by_map(lambda quantizer, rows: quantizer.nearest(rows), z)

    def decode_symbols(self, symbols):
        """The mean of p(x|z) of these symbols: int (batch, symbols_per_code) -> (batch, *shape). Raises ValueError as `checked_symbols`."""
        symbols = self.checked_symbols(symbols)
        z = self._map_by_map(
            lambda quantizer, numbers: quantizer.rows(numbers), symbols
        )  # (batch, symbols, width)
        return self.decode(ops.reshape(z, (-1, self.latent_dim)))

    def checked_symbols(self, symbols):
        """Symbols as an int32 array (batch, symbols_per_code).

        Raises:
            ValueError: another shape or kind; a number that the codebook has no row for.
        """
        symbols, size = np.asarray(symbols), self.quantizers[0].size
        if (
            symbols.ndim != 2
            or symbols.shape[1] != self.symbols_per_code
            or symbols.dtype.kind not in "iu"
        ):
            expected, received = (
                f"(batch, {self.symbols_per_code})",
                f"shape={symbols.shape}, dtype={symbols.dtype}",
            )
            raise ValueError(f"Expected integer symbols of shape {expected}. Received: {received}")
        if symbols.size and (symbols.min() < 0 or symbols.max() >= size):
            raise ValueError(
                f"Expected symbols from 0 to {size - 1}. Received: from {symbols.min()} to {symbols.max()}"
            )
        return symbols.astype("int32")

    def objective(self, x, target):
        levels = self._levels(x)
        reconstruction = -self.likelihood(_code(levels)).log_prob(target)
        commitment = self.commitment * sum(_distances(level) for level in levels)  # (batch,)
        self.keep(levels=levels)
        for name, level in zip(self.logged[-len(levels) :], levels, strict=True):
            self.log(**{name: level.quantizer.perplexity() * ops.ones_like(commitment)})
        self.log(reconstruction=reconstruction, commitment=commitment)
        return reconstruction + commitment

    def end_step(self, record):
        for level in record.kept["levels"]:
            symbols = (
                ops.shape(level.numbers)[0] // ops.shape(record.kept["weights"])[0]
            )  # of an example
            weights = ops.repeat(record.kept["weights"], symbols)  # (batch,) -> (batch * n,)
            counts, sums = level.quantizer.usage(level.vectors, level.numbers, weights)
            level.quantizer.follow(counts, sums, level.vectors, self._seeds.draw_for_all())

    # Inside

    def code_of(self, x):
        return _code(self._levels(x))

    def _level(self, quantizer, vectors):
        """The Level of the vectors of each example side by side: (batch, n * width)."""
        length = vectors.shape[-1]
        vectors = ops.reshape(
            ops.cast(vectors, "float32"), (-1, quantizer.width)
        )  # (batch, n * width) -> (batch * n, width)
        rows, numbers = quantizer.straight_through(vectors)
        return Level(
            quantizer, vectors, numbers, ops.reshape(rows, (-1, length))
        )  # rows -> (batch, n * width)

    def _map_by_map(self, function, array):
        """A function of a quantizer and its part of an array, (batch, symbols, ...) in all, (batch * n, ...) a part; side by side again."""
        sizes, results, start = [math.prod(shape) for shape in self.map_shapes], [], 0
        for quantizer, n in zip(self.quantizers, sizes, strict=True):
            part = ops.reshape(
                array[:, start : start + n], (-1, *array.shape[2:])
            )  # (batch, n, ...) -> (batch * n, ...)
            result = function(quantizer, part)
            results.append(
                ops.reshape(result, (-1, n, *result.shape[1:]))
            )  # (batch * n, ...) -> (batch, n, ...)
            start += n
        return ops.concatenate(results, axis=1)


@tf.custom_gradient
def _straight_through(vectors, rows):
    """The rows, exactly; their gradient is that of the vectors."""
    return tf.identity(rows), lambda upstream: (upstream, tf.zeros_like(rows))


def _code(levels):
    """The codes of the levels side by side: (batch, latent_dim)."""
    return ops.concatenate([level.code for level in levels], axis=-1)


def _distances(level):
    """Of the vectors from their rows, squared and added up, by example: (batch,). The gradient goes to the vectors alone."""
    code = ops.stop_gradient(level.code)
    return ops.sum(ops.square(ops.reshape(level.vectors, ops.shape(code)) - code), axis=-1)
