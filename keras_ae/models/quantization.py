"""Vector quantisation: each code is made of rows of a codebook, which learns without gradients."""

import math
import typing

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from keras_ae.evaluation import formulas
from keras_ae.training import replicas
from keras_ae.utils import seeds, validation

# A row is dead, and starts again, if it is used less often than this share of the average row.
DEAD = 0.05


@keras.saving.register_keras_serializable("keras_ae")
class VectorQuantizer(keras.Layer):
    """Replaces each vector by the nearest row of a codebook. Each row follows its vectors.

    e_k = m_k / N_k
    N_k <- decay N_k + (1 - decay) n_k
    m_k <- decay m_k + (1 - decay) sum of the n_k vectors nearest to e_k

    e_k is row k. N_k and m_k are moving averages over the training steps.
    A row that is the nearest one of hardly any vector starts again at a random vector of the
    batch.

    Args:
        size: int, the number of rows.
        width: int, the size of a row.
        decay: float in [0, 1), the decay of the moving averages per training step.

    Input and output shape: (n, width). Input and output are float32.

    Raises:
        ValueError: an argument does not fit.

    For example:

        quantizer = keras_ae.quantization.VectorQuantizer(size=64, width=16)
        numbers = quantizer.nearest(features)  # (2,): the numbers of the nearest rows
        rows = quantizer.rows(numbers)  # (2, 16)

    Source: van den Oord et al., "Neural discrete representation learning", NeurIPS 2017, equations
    1, 2 and 6 to 8; restarts: Dhariwal et al., "Jukebox", 2020, section 3.
    """

    def __init__(self, size, width, decay=0.99, **kwargs):
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        if not 0 <= decay < 1:
            raise ValueError(f"Expected `decay` to lie in [0, 1). Received: decay={decay!r}")
        self.size = validation.positive_int(size, "size")
        self.width = validation.positive_int(width, "width")
        self.decay = decay
        options = {"trainable": False, "autocast": False, "aggregation": "only_first_replica"}
        self.codebook = self.add_weight(
            shape=(size, width), initializer="random_normal", name="codebook", **options
        )
        # Zeros, so that after the first step every row is a mean of vectors or one vector.
        options["initializer"] = "zeros"
        self.counts = self.add_weight(shape=(size,), name="counts", **options)
        self.sums = self.add_weight(shape=(size, width), name="sums", **options)
        self.built = True

    def nearest(self, vectors):
        """The number of the nearest row: (n, width) -> int32 (n,)."""
        rows = ops.convert_to_tensor(self.codebook)
        # |v - e|^2 = |v|^2 - 2 v e + |e|^2. The term |v|^2 is the same for all rows.
        products = ops.matmul(vectors, ops.transpose(rows))  # (n, size)
        distances = ops.sum(ops.square(rows), axis=-1) - 2 * products  # (n, size)
        # Not ops.argmin: it handles -0.0 by an operation that ONNX does not have.
        return tf.argmin(distances, axis=-1, output_type=tf.int32)

    def call(self, vectors):
        return self.rows(self.nearest(vectors))

    def straight_through(self, vectors):
        """The nearest rows and their numbers. The gradient passes to the vectors unchanged.

        Args:
            vectors: tensor (n, width).

        Returns:
            rows (n, width) and numbers, int32 (n,).
        """
        numbers = self.nearest(vectors)
        return _straight_through(vectors, self.rows(numbers)), numbers

    def rows(self, numbers):
        """The rows with these numbers: int (n,) -> (n, width)."""
        return ops.take(self.codebook, numbers, axis=0)

    def perplexity(self):
        """The number of rows in use: exp of the entropy of their use in recent batches, ()."""
        return formulas.perplexity(ops.convert_to_tensor(self.counts))

    def usage(self, vectors, numbers, weights):
        """How often each row was the nearest one in a batch, as `follow` needs it.

        Args:
            vectors: tensor (n, width).
            numbers: int tensor (n,), the numbers of the nearest rows.
            weights: tensor (n,), the weights of the vectors.

        Returns:
            counts (size,), the sum of the weights per row, and sums (size, width), the weighted sum
            of the vectors per row.
        """
        counts = ops.segment_sum(weights, numbers, self.size)
        return counts, ops.segment_sum(weights[:, None] * vectors, numbers, self.size)

    def follow(self, counts, sums, vectors, seed):
        """Moves the rows by the usage of one step. Several replicas add up their usage first.

        Args:
            counts: tensor (size,), as from `usage`.
            sums: tensor (size, width), as from `usage`.
            vectors: tensor (n, width). Each dead row starts again at one of these.
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
        # A count is zero only if the weights of all vectors so far were zero.
        means = sums / counts[:, None]
        self.codebook.assign(ops.where(counts[:, None] > 0, means, self.codebook))

    def get_config(self):
        return {**super().get_config(), "size": self.size, "width": self.width, "decay": self.decay}


class Level(typing.NamedTuple):
    """The vectors of a batch, n per example, and the rows of one codebook that replace them.

    Attributes:
        quantizer: the VectorQuantizer.
        vectors: tensor (batch * n, width).
        numbers: int32 tensor (batch * n,), the numbers of the nearest rows.
        code: tensor (batch, n * width), the rows of each example side by side, with a
            straight-through gradient.
    """

    quantizer: VectorQuantizer
    vectors: tf.Tensor
    numbers: tf.Tensor
    code: tf.Tensor


class Quantized:
    """The verbs and the training of a model whose code is made of rows of codebooks.

    A subclass defines `_levels(x)`, a list with one Level per quantizer, and these attributes:

    - `width`: the size of a row.
    - `commitment`: the weight of the commitment term.
    - `quantizers`: a list of VectorQuantizers.
    - `map_shapes`: for each quantizer, the shape of the map that its symbols form.
    - `logged`: its last names are the perplexities of the quantizers.
    """

    @property
    def symbols_per_code(self):
        """int, the number of symbols in a code."""
        return self.latent_dim // self.width

    def symbols(self, x):
        """The code of x as symbols: the numbers of its rows, one map after the other.

        Args:
            x: array (batch, *shape); integers are pixels 0-255.

        Returns:
            int32 tensor (batch, symbols_per_code).

        Raises:
            ValueError: as in `encode`.
        """
        shape = (-1, self.symbols_per_code, self.width)
        z = ops.reshape(self.encode(x), shape)  # (batch, latent_dim) -> (batch, symbols, width)
        return self._map_by_map(lambda quantizer, rows: quantizer.nearest(rows), z)

    def decode_symbols(self, symbols):
        """The mean of p(x|z), where z are the rows with these numbers.

        Args:
            symbols: int array (batch, symbols_per_code).

        Returns:
            tensor (batch, *shape).

        Raises:
            ValueError: as in `checked_symbols`.
        """
        symbols = self.checked_symbols(symbols)
        # (batch, symbols) -> (batch, symbols, width)
        z = self._map_by_map(lambda quantizer, numbers: quantizer.rows(numbers), symbols)
        return self.decode(ops.reshape(z, (-1, self.latent_dim)))

    def checked_symbols(self, symbols):
        """Symbols as an int32 array (batch, symbols_per_code).

        Raises:
            ValueError: another shape or type; a number without a row in the codebook.
        """
        symbols, size = np.asarray(symbols), self.quantizers[0].size
        shape_fits = symbols.ndim == 2 and symbols.shape[1] == self.symbols_per_code
        if not shape_fits or symbols.dtype.kind not in "iu":
            expected = f"(batch, {self.symbols_per_code})"
            received = f"shape={symbols.shape}, dtype={symbols.dtype}"
            raise ValueError(f"Expected integer symbols of shape {expected}. Received: {received}")
        if symbols.size and (symbols.min() < 0 or symbols.max() >= size):
            received = f"from {symbols.min()} to {symbols.max()}"
            raise ValueError(f"Expected symbols from 0 to {size - 1}. Received: {received}")
        return symbols.astype("int32")

    def objective(self, x, target):
        levels = self._levels(x)
        reconstruction = -self.likelihood(_code(levels)).log_prob(target)
        commitment = self.commitment * sum(_distances(level) for level in levels)  # (batch,)
        self.keep(used=[(level.vectors, level.numbers) for level in levels])
        for name, level in zip(self.logged[-len(levels) :], levels, strict=True):
            self.log(**{name: level.quantizer.perplexity() * ops.ones_like(commitment)})
        self.log(reconstruction=reconstruction, commitment=commitment)
        return reconstruction + commitment

    def end_step(self, record):
        of_examples = record.kept["weights"]
        for quantizer, (vectors, numbers) in zip(self.quantizers, record.kept["used"], strict=True):
            symbols_per_example = ops.shape(numbers)[0] // ops.shape(of_examples)[0]
            weights = ops.repeat(of_examples, symbols_per_example)  # (batch,) -> (batch * n,)
            counts, sums = quantizer.usage(vectors, numbers, weights)
            quantizer.follow(counts, sums, vectors, self._seeds.draw_for_all())

    # Inside

    def code_of(self, x):
        return _code(self._levels(x))

    def _level(self, quantizer, vectors):
        """The Level of the vectors (batch, n * width), side by side for each example."""
        length = vectors.shape[-1]
        vectors = ops.cast(vectors, "float32")
        vectors = ops.reshape(vectors, (-1, quantizer.width))  # -> (batch * n, width)
        rows, numbers = quantizer.straight_through(vectors)
        code = ops.reshape(rows, (-1, length))  # (batch * n, width) -> (batch, n * width)
        return Level(quantizer, vectors, numbers, code)

    def _map_by_map(self, function, array):
        """Applies a function to the part of an array that belongs to each quantizer.

        Args:
            function: function(quantizer, part), where part is (batch * n, ...) and n is the number
                of symbols in the map of the quantizer. It returns (batch * n, ...).
            array: array (batch, symbols, ...).

        Returns:
            tensor (batch, symbols, ...), the results side by side.
        """
        results, start = [], 0
        for quantizer, shape in zip(self.quantizers, self.map_shapes, strict=True):
            n = math.prod(shape)
            part = array[:, start : start + n]
            part = ops.reshape(part, (-1, *array.shape[2:]))  # (batch, n, ...) -> (batch * n, ...)
            result = function(quantizer, part)
            # (batch * n, ...) -> (batch, n, ...)
            results.append(ops.reshape(result, (-1, n, *result.shape[1:])))
            start += n
        return ops.concatenate(results, axis=1)


@tf.custom_gradient
def _straight_through(vectors, rows):
    """The rows. The gradient goes to the vectors instead of the rows."""
    return tf.identity(rows), lambda upstream: (upstream, tf.zeros_like(rows))


def _code(levels):
    """The codes of the levels side by side: (batch, latent_dim)."""
    return ops.concatenate([level.code for level in levels], axis=-1)


def _distances(level):
    """The squared distance of the vectors to their rows, summed over each example: (batch,).

    The gradient goes to the vectors only.
    """
    code = ops.stop_gradient(level.code)
    # (batch * n, width) -> (batch, n * width)
    vectors = ops.reshape(level.vectors, ops.shape(code))
    return ops.sum(ops.square(vectors - code), axis=-1)
