"""Normalising flows: their networks, and the flows as functions of z and their parameters.

Each function returns f(z) and log |det df/dz| together. `flow_posteriors` and `priors` make
distributions of them. The parameters have the shape (batch, ...), and z has the shape
(..., batch, n): there may be several z for each example.
"""

import itertools
import math

import keras
import numpy as np
from keras import ops

from keras_ae.distributions import base

# The bound of the diagonals of a Sylvester flow's triangular matrices. With 1 the determinant could
# be zero.
LARGEST_DIAGONAL = 0.999
# Smaller squared lengths are replaced by this, so that no division is by zero.
NEARLY_ZERO = 1e-24


class MaskedNetwork(keras.Layer):
    """A multilayer perceptron whose i-th outputs depend only on the inputs 1 to i - 1.

    (batch, n) -> loc and log scale, (batch, n) each.
    A new network returns zeros, so that the flow starts as the identity. |log scale| < 3.

    Args:
        n: int, the number of inputs.
        widths: sequence of ints, the units of the hidden layers.
        activation: Keras activation of the hidden layers.
        context: int, the size of a second input (batch, context), on which all outputs depend.
            0: there is no second input.

    Source: Germain et al., "MADE: masked autoencoder for distribution estimation", ICML 2015,
    equations 8 and 9.
    """

    def __init__(self, n, widths=(256, 256), activation="gelu", context=0, **kwargs):
        kwargs.setdefault("dtype", "float32")  # it is part of a density
        super().__init__(**kwargs)
        self.activation = keras.activations.get(activation)
        self.masks = _masks(n, widths)
        starts = ["glorot_uniform"] * len(widths) + ["zeros"]
        self.kernels = [
            self.add_weight(shape=mask.shape, initializer=start, name=f"kernel_{i}", autocast=False)
            for i, (mask, start) in enumerate(zip(self.masks, starts, strict=True))
        ]
        self.biases = [
            self.add_weight(
                shape=mask.shape[1:], initializer="zeros", name=f"bias_{i}", autocast=False
            )
            for i, mask in enumerate(self.masks)
        ]
        self.of_context = None
        if context:
            shape = (context, widths[0])
            self.of_context = self.add_weight(shape=shape, name="kernel_of_context", autocast=False)
        self.built = True

    def call(self, x, context=None):
        h = x
        layers = zip(self.kernels, self.biases, self.masks, strict=True)
        for i, (kernel, bias, mask) in enumerate(layers):
            h = self.activation(h) if i else h
            h = ops.matmul(h, kernel * mask) + bias  # (batch, n) -> (batch, width) -> (batch, 2 n)
            if i == 0 and context is not None:
                h = h + ops.matmul(context, self.of_context)  # (batch, context) -> (batch, width)
        loc, raw_log_scale = ops.split(h, 2, axis=-1)
        return loc, 3.0 * ops.tanh(raw_log_scale / 3.0)


def _masks(n, widths):
    """The masks of the kernels of a `MaskedNetwork`: 1 where a unit may see a unit before it.

    Each unit has a degree. A hidden unit of degree d depends only on the inputs 1 to d.
    """
    degrees = [np.arange(1, n + 1)]  # of the inputs
    degrees += [np.arange(width) % max(n - 1, 1) + 1 for width in widths]
    masks = [below[:, None] <= above[None] for below, above in itertools.pairwise(degrees)]
    # Output i sees degrees below i. There are two outputs for each i.
    masks += [np.tile(degrees[-1][:, None] < degrees[0][None], 2)]
    return [mask.astype("float32") for mask in masks]


class CouplingNetwork(keras.Layer):
    """Predicts from one part of a vector how a coupling changes the other part.

    (batch, n) -> loc and log scale, (batch, size) each.
    A new network returns zeros, so that the flow starts as the identity. |log scale| < 3.

    Args:
        n: int, the size of the part that is kept.
        size: int, the size of the part that is changed.
        width: int, the units of each of the two hidden layers.
    """

    def __init__(self, n, size, width, **kwargs):
        kwargs.setdefault("dtype", "float32")  # it is part of a density
        super().__init__(**kwargs)
        start = [{"activation": "gelu"}, {"activation": "gelu"}, {"kernel_initializer": "zeros"}]
        widths = (width, width, 2 * size)
        self.layers = [
            keras.layers.Dense(width, dtype=self.dtype, **options)
            for width, options in zip(widths, start, strict=True)
        ]
        for layer, fan_in in zip(self.layers, (n, width, width), strict=True):
            layer.build((None, fan_in))
        self.built = True

    def call(self, x):
        for layer in self.layers:
            x = layer(x)  # (batch, n) -> (batch, width) -> (batch, 2 size)
        loc, raw_log_scale = ops.split(x, 2, axis=-1)
        return loc, 3.0 * ops.tanh(raw_log_scale / 3.0)


def planar(z, u, w, b):
    """f(z) = z + u^ tanh(w^T z + b): shifts z along u^. How far depends only on w^T z.

    u^ = u + (m(w^T u) - w^T u) w / |w|^2, with m(a) > -1. So w^T u^ > -1, and f can be inverted for
    all u and w.
    log |det df/dz| = log(1 + (1 - tanh^2) w^T u^).

    Here m(a) = softplus(a + log(e - 1)) - 1. So m(0) = 0, and u = 0 gives the identity. In the
    paper m(a) = softplus(a) - 1.

    Args:
        z: tensor (..., batch, n).
        u, w: tensors (batch, n).
        b: tensor (batch, 1).

    Returns:
        tensors f(z), (..., batch, n), and log |det df/dz|, (..., batch).

    Source: Rezende & Mohamed, "Variational inference with normalizing flows", ICML 2015,
    equations 10 to 12 and appendix A.1.
    """
    product = ops.sum(w * u, axis=-1, keepdims=True)  # (batch, 1)
    above = base.positive(product + math.log(math.expm1(1 - base.SMALLEST_SCALE)))  # w^T u^ + 1
    squared_length = ops.maximum(ops.sum(ops.square(w), axis=-1, keepdims=True), NEARLY_ZERO)
    u = u + (above - 1 - product) * w / squared_length  # u^
    t = ops.tanh(ops.sum(w * z, axis=-1, keepdims=True) + b)  # (..., batch, 1)
    # 1 + (1 - t^2) w^T u^ = t^2 + (1 - t^2) above. No term of this sum is negative.
    determinant = ops.square(t) + (1 - ops.square(t)) * above
    return z + u * t, ops.log(determinant)[..., 0]


def sylvester(z, triangles, diagonal, b, reflections):
    """f(z) = z + Q R tanh(S Q^T z + b): changes z in all directions at once.

    Q is orthogonal: a product of Householder reflections I - 2 v v^T / |v|^2. R and S are upper
    triangular. Their diagonals r and s are below 1, so that f can be inverted.
    log |det df/dz| = sum_i log(1 + (1 - tanh_i^2) r_i s_i).

    Args:
        z: tensor (..., batch, n).
        triangles: tensor (batch, n, n). Above the diagonal: R. On the diagonal: the diagonal of R
            before tanh. Below the diagonal: S, transposed.
        diagonal: tensor (batch, n), the diagonal of S before tanh.
        b: tensor (batch, n).
        reflections: tensor (batch, k, n), the vector v of each reflection.

    Returns:
        tensors f(z), (..., batch, n), and log |det df/dz|, (..., batch).

    Source: van den Berg et al., "Sylvester normalizing flows for variational inference", UAI 2018,
    equations 8, 11, 12 and 15.
    """
    n = z.shape[-1]
    above, unit = np.triu(np.ones((n, n), "float32"), 1), np.eye(n, dtype="float32")
    # Masks, because the gradients of set_diag and diag_part do not compile under XLA when the batch
    # size is unknown.
    diagonal_of_r = ops.sum(unit * triangles, axis=-1)  # (batch, n, n) -> (batch, n)
    r, s = (LARGEST_DIAGONAL * ops.tanh(raw) for raw in (diagonal_of_r, diagonal))
    matrix_r = above * triangles + unit * r[..., None]  # (batch, n, n)
    matrix_s = above * ops.swapaxes(triangles, -1, -2) + unit * s[..., None]  # (batch, n, n)
    squares = ops.maximum(ops.sum(ops.square(reflections), axis=-1, keepdims=True), NEARLY_ZERO)
    units = ops.unstack(reflections / ops.sqrt(squares), axis=-2)  # (batch, k, n) -> k x (batch, n)
    turned = z
    for v in units:
        turned = turned - 2 * v * ops.sum(v * turned, axis=-1, keepdims=True)  # at the end: Q^T z
    t = ops.tanh(_times(matrix_s, turned) + b)
    change = _times(matrix_r, t)
    for v in reversed(units):
        change = change - 2 * v * ops.sum(v * change, axis=-1, keepdims=True)  # at the end: Q R t
    return z + change, ops.sum(ops.log(1 + (1 - ops.square(t)) * r * s), axis=-1)


def inverse_autoregressive(z, network, context):
    """f(z)_i = s_i z_i + m_i, where m and log s are the outputs of the network.

    s_i and m_i depend on z_1 to z_i-1 and on the context.
    log |det df/dz| = sum_i log s_i.

    The paper also has f(z)_i = g_i z_i + (1 - g_i) m_i with a gate g. At first the gate must be
    nearly open. Then m has hardly any effect, and the flow learns more slowly. Here |log s| < 3
    keeps the flow stable.

    Args:
        z: tensor (..., batch, n).
        network: a MaskedNetwork.
        context: tensor (batch, size), what the encoder tells the network about x.

    Returns:
        tensors f(z), (..., batch, n), and log |det df/dz|, (..., batch).

    Source: Kingma et al., "Improved variational inference with inverse autoregressive flow",
    NeurIPS 2016, section 4 and algorithm 1.
    """
    m, log_s = network(z, context)
    return ops.exp(log_s) * z + m, ops.sum(log_s, axis=-1)


def inverted_autoregressive(z, network, context):
    """The inverse of `inverse_autoregressive`. It takes n passes through the network.

    Each pass makes one more value right, from the first to the last.

    Args:
        z: tensor (..., batch, n).
        network: a MaskedNetwork.
        context: tensor (batch, size).

    Returns:
        tensor f^-1(z), (..., batch, n).
    """

    def is_left(i, start):
        return i < n

    def step(i, start):
        m, log_s = network(start, context)
        return i + 1, (z - m) * ops.exp(-log_s)

    n = z.shape[-1]
    first = (0, ops.zeros_like(z))
    return ops.while_loop(is_left, step, first, maximum_iterations=n)[1]


def _times(matrix, vector):
    """The product of matrix and vector: (batch, n, n), (..., batch, n) -> (..., batch, n)."""
    return ops.matmul(matrix, vector[..., None])[..., 0]
