"""Networks of normalising flows: the functions of which a flow is made. The distributions themselves are in distributions.py."""

import itertools

import keras
import numpy as np
from keras import ops


class MaskedNetwork(keras.Layer):
    """A multilayer perceptron whose i-th outputs depend on inputs 1 to i - 1 alone: (batch, n) -> loc and log scale, (batch, n) each.

    It starts as zero, so that the flow starts as the identity. |log scale| < 3.

    Args:
        n: int, the number of inputs.
        widths: units of the hidden layers.
        activation: Keras activation of the hidden layers.

    Source: Germain et al., "MADE: masked autoencoder for distribution estimation", ICML 2015, equations 8 and 9.
    """

    def __init__(self, n, widths=(256, 256), activation="gelu", **kwargs):
        super().__init__(**kwargs)
        self.activation = keras.activations.get(activation)
        degrees = [np.arange(1, n + 1)]  # of the inputs; a hidden unit of degree d sees inputs 1 to d
        degrees += [np.arange(width) % max(n - 1, 1) + 1 for width in widths]
        self.masks = [below[:, None] <= above[None] for below, above in itertools.pairwise(degrees)]
        self.masks += [np.tile(degrees[-1][:, None] < degrees[0][None], 2)]  # output i sees degrees below i
        self.masks = [mask.astype("float32") for mask in self.masks]
        starts = ["glorot_uniform"] * len(widths) + ["zeros"]
        self.kernels = [
            self.add_weight(shape=mask.shape, initializer=start, name=f"kernel_{i}", autocast=False)
            for i, (mask, start) in enumerate(zip(self.masks, starts, strict=True))
        ]
        self.biases = [
            self.add_weight(shape=mask.shape[1:], initializer="zeros", name=f"bias_{i}", autocast=False)
            for i, mask in enumerate(self.masks)
        ]
        self.built = True

    def call(self, x):
        h = x
        for i, (kernel, bias, mask) in enumerate(zip(self.kernels, self.biases, self.masks, strict=True)):
            h = ops.matmul(self.activation(h) if i else h, kernel * mask) + bias  # (batch, n) -> (batch, width) -> (batch, 2 n)
        loc, raw_log_scale = ops.split(h, 2, axis=-1)
        return loc, 3.0 * ops.tanh(raw_log_scale / 3.0)
