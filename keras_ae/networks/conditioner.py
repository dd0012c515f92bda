"""A small network with several inputs, for distributions that depend on other variables."""

import itertools

import keras
from keras import layers

from keras_ae.networks.layers import GATES, initializer, is_gated


@keras.saving.register_keras_serializable("keras_ae")
class Conditioner(layers.Layer):
    """A multilayer perceptron of several vectors.

    The first hidden layer is activation(sum_i W_i v_i + b). So a vector that is the same for many
    draws is multiplied once.

    Input shape: a list of tensors, v_i of shape (..., *batch, sizes[i]). A tensor may lack axes on
    the left. Output shape: (..., *batch, size).

    Args:
        sizes: sequence of ints, the sizes of the vectors.
        size: int, the size of the output.
        widths: sequence of ints, at least one: units of the hidden layers.
        activation: Keras activation of the hidden layers; "glu" or "gated_tanh": gated layers.
    """

    def __init__(self, sizes, size, widths, activation="gelu", **kwargs):
        super().__init__(**kwargs)
        self.activation = (
            GATES[activation]() if is_gated(activation) else keras.activations.get(activation)
        )
        factor = 2 if is_gated(activation) else 1
        pairs, dtype = list(itertools.pairwise(widths)), self.dtype_policy
        self.first = [
            layers.Dense(
                factor * widths[0],
                kernel_initializer=initializer(n, widths[0], activation),
                use_bias=i == 0,
                dtype=dtype,
            )
            for i, n in enumerate(sizes)
        ]
        self.hidden = [
            layers.Dense(factor * b, kernel_initializer=initializer(a, b, activation), dtype=dtype)
            for a, b in pairs
        ]
        self.last = layers.Dense(size, dtype=dtype)
        fans = [*sizes, *(a for a, _ in pairs), widths[-1]]
        for layer, fan_in in zip([*self.first, *self.hidden, self.last], fans, strict=True):
            layer.build((None, fan_in))
        self.built = True

    def call(self, vectors):
        h = sum(layer(vector) for layer, vector in zip(self.first, vectors, strict=True))
        for layer in self.hidden:
            h = layer(self.activation(h))  # (..., width) -> (..., width)
        return self.last(self.activation(h))  # (..., width) -> (..., size)
