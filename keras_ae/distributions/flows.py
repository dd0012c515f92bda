"""Normalising flows: their networks, and each as a function of (z, parameters) that gives f(z) and log |det df/dz| at once.

The distributions that they make are in distributions.py. Of one set of parameters for each example, (batch, ...), there may be several z,
(..., batch, n).
"""

import itertools
import math

import keras
import numpy as np
from keras import ops

from keras_ae.distributions import base

LARGEST_DIAGONAL = (
    0.999  # of a triangular matrix of a Sylvester flow; at 1 the determinant may be 0
)
NEARLY_ZERO = 1e-24  # what a squared length is taken for where it is less


class MaskedNetwork(keras.Layer):
    """A multilayer perceptron whose i-th outputs depend on inputs 1 to i - 1 alone: (batch, n) -> loc and log scale, (batch, n) each.

    It starts as zero, so that the flow starts as the identity. |log scale| < 3.

    Args:
        n: int, the number of inputs.
        widths: units of the hidden layers.
        activation: Keras activation of the hidden layers.
        context: int, the size of a second input on which all outputs depend, (batch, context); 0: there is none.

    Source: Germain et al., "MADE: masked autoencoder for distribution estimation", ICML 2015, equations 8 and 9.
    """

    def __init__(self, n, widths=(256, 256), activation="gelu", context=0, **kwargs):
        kwargs.setdefault("dtype", "float32")  # it is a part of a density
        super().__init__(**kwargs)
        self.activation = keras.activations.get(activation)
        degrees = [
            np.arange(1, n + 1)
        ]  # of the inputs; a hidden unit of degree d sees inputs 1 to d
        degrees += [np.arange(width) % max(n - 1, 1) + 1 for width in widths]
        self.masks = [below[:, None] <= above[None] for below, above in itertools.pairwise(degrees)]
        self.masks += [
            np.tile(degrees[-1][:, None] < degrees[0][None], 2)
        ]  # output i sees degrees below i
        self.masks = [mask.astype("float32") for mask in self.masks]
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
        shape = (context, widths[0])
        self.of_context = (
            self.add_weight(shape=shape, name="kernel_of_context", autocast=False)
            if context
            else None
        )
        self.built = True

    def call(self, x, context=None):
        h = x
        for i, (kernel, bias, mask) in enumerate(
            zip(self.kernels, self.biases, self.masks, strict=True)
        ):
            h = (
                ops.matmul(self.activation(h) if i else h, kernel * mask) + bias
            )  # (batch, n) -> (batch, width) -> (batch, 2 n)
            if i == 0 and context is not None:
                h = h + ops.matmul(context, self.of_context)  # (batch, context) -> (batch, width)
        loc, raw_log_scale = ops.split(h, 2, axis=-1)
        return loc, 3.0 * ops.tanh(raw_log_scale / 3.0)


class CouplingNetwork(keras.Layer):
    """What a coupling does to one part of a vector, from the other part: (batch, n) -> loc and log scale, (batch, size) each.

    It starts as zero, so that the flow starts as the identity. |log scale| < 3.

    Args:
        n: int, the size of the part that is kept.
        size: int, the size of the part that is changed.
        width: int, units of each of the two hidden layers.
    """

    def __init__(self, n, size, width, **kwargs):
        kwargs.setdefault("dtype", "float32")  # it is a part of a density
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
    """f(z) = z + u^ tanh(w^T z + b): a shift along u^ alone, by what z is along w.

    u^ = u + (m(w^T u) - w^T u) w / |w|^2, m(a) > -1, so that w^T u^ > -1 and f can be inverted whatever u and w are.
    log |det df/dz| = log(1 + (1 - tanh^2) w^T u^).

    Here m(a) = softplus(a + log(e - 1)) - 1, m(0) = 0, so that u = 0 gives the identity; in the paper m(a) = softplus(a) - 1.

    Args:
        z: tensor (..., batch, n).
        u, w: tensors (batch, n).
        b: tensor (batch, 1).

    Returns:
        tensors f(z), (..., batch, n), and log |det df/dz|, (..., batch).

    Source: Rezende & Mohamed, "Variational inference with normalizing flows", ICML 2015, equations 10 to 12 and appendix A.1.
    """
    product = ops.sum(w * u, axis=-1, keepdims=True)  # (batch, 1)
    above = base.positive(product + math.log(math.expm1(1 - base.SMALLEST_SCALE)))  # w^T u^ + 1
    u = u + (above - 1 - product) * w / ops.maximum(
        ops.sum(ops.square(w), axis=-1, keepdims=True), NEARLY_ZERO
    )
    t = ops.tanh(ops.sum(w * z, axis=-1, keepdims=True) + b)  # (..., batch, 1)
    # 1 + (1 - t^2) w^T u^ = t^2 + (1 - t^2) above, a sum of what is not negative
    return z + u * t, ops.log(ops.square(t) + (1 - ops.square(t)) * above)[..., 0]


def sylvester(z, triangles, diagonal, b, reflections):
    """f(z) = z + Q R tanh(S Q^T z + b), Q orthogonal, R and S upper triangular: a change in all directions at once.

    Q is a product of Householder reflections I - 2 v v^T / |v|^2. The diagonals of R and S, r and s, are below 1, so that f can be
    inverted. log |det df/dz| = sum_i log(1 + (1 - tanh_i^2) r_i s_i).

    Args:
        z: tensor (..., batch, n).
        triangles: tensor (batch, n, n): R above the diagonal, its diagonal before tanh, and S, transposed, below.
        diagonal: tensor (batch, n), that of S before tanh.
        b: tensor (batch, n).
        reflections: tensor (batch, k, n), v of each reflection.

    Returns:
        tensors f(z), (..., batch, n), and log |det df/dz|, (..., batch).

    Source: van den Berg et al., "Sylvester normalizing flows for variational inference", UAI 2018, equations 8, 11, 12 and 15.
    """
    n = z.shape[-1]
    above, unit = np.triu(np.ones((n, n), "float32"), 1), np.eye(n, dtype="float32")
    # By masks: a gradient through set_diag or diag_part of a batch whose size is not static does not compile under XLA.
    r = LARGEST_DIAGONAL * ops.tanh(
        ops.sum(unit * triangles, axis=-1)
    )  # (batch, n, n) -> (batch, n)
    s = LARGEST_DIAGONAL * ops.tanh(diagonal)
    upper = above * triangles + unit * r[..., None]  # R: (batch, n, n)
    other = above * ops.swapaxes(triangles, -1, -2) + unit * s[..., None]  # S: (batch, n, n)
    squares = ops.maximum(ops.sum(ops.square(reflections), axis=-1, keepdims=True), NEARLY_ZERO)
    units = ops.unstack(reflections / ops.sqrt(squares), axis=-2)  # (batch, k, n) -> k x (batch, n)
    turned = z  # Q^T z
    for v in units:
        turned = turned - 2 * v * ops.sum(v * turned, axis=-1, keepdims=True)
    t = ops.tanh(_times(other, turned) + b)
    change = _times(upper, t)
    for v in reversed(units):
        change = change - 2 * v * ops.sum(v * change, axis=-1, keepdims=True)
    return z + change, ops.sum(ops.log(1 + (1 - ops.square(t)) * r * s), axis=-1)


def inverse_autoregressive(z, network, context):
    """f(z)_i = s_i z_i + m_i, s_i and m_i functions of z_1 to z_i-1 and of the context: (m, log s) = network.

    log |det df/dz| = sum_i log s_i. The paper also has f(z)_i = g_i z_i + (1 - g_i) m_i with a gate g: as the gate has to be nearly open
    at first, m hardly counts, and such a flow learns more slowly. Here |log s| < 3 keeps it stable.

    Args:
        z: tensor (..., batch, n).
        network: a MaskedNetwork.
        context: tensor (batch, size), what the encoder says of x beside the start of z.

    Returns:
        tensors f(z), (..., batch, n), and log |det df/dz|, (..., batch).

    Source: Kingma et al., "Improved variational inference with inverse autoregressive flow", NeurIPS 2016, section 4 and algorithm 1.
    """
    m, log_s = network(z, context)
    return ops.exp(log_s) * z + m, ops.sum(log_s, axis=-1)


def inverted_autoregressive(z, network, context):
    """f^-1(z) of `inverse_autoregressive`, (..., batch, n) -> the same: n passes of the network, one value more right after each."""

    def step(i, start):
        m, log_s = network(start, context)
        return i + 1, (z - m) * ops.exp(-log_s)

    n = z.shape[-1]
    return ops.while_loop(
        lambda i, start: i < n, step, (0, ops.zeros_like(z)), maximum_iterations=n
    )[1]


def _times(matrix, vector):
    """(batch, n, n), (..., batch, n) -> (..., batch, n)."""
    return ops.matmul(matrix, vector[..., None])[..., 0]
