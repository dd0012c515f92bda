"""The base of all distributions: layers that return a `tfp.distributions` object, and scales that stay positive."""

import math

import keras
import numpy as np
from keras import ops

SMALLEST_SCALE = 1e-5


class Distribution(keras.Layer):
    """A layer that returns a `tfp.distributions.Distribution` from its parameters.

    A subclass defines `call(params)` and, where its parameters are not one a value, `params_size(event_shape)`.

    Attributes:
        inner: the layers of distributions that it is made of, for the model's card.
    """

    inner = ()

    def __init__(self, **kwargs):
        kwargs.setdefault("dtype", "float32")  # log-densities in half precision are worthless
        super().__init__(**kwargs)

    def params_size(self, event_shape):
        """The number of parameters of one event.

        Args:
            event_shape: int or tuple of ints, the shape of one example.
        """
        return size(event_shape)

    def symbolic_call(self, *args, **kwargs):
        raise TypeError(
            f"{type(self).__name__} returns a distribution, which cannot be a node of a functional Keras model. Expected: a call "
            f"with tensors, inside the call() of a subclassed keras.Model. Received: a KerasTensor"
        )


def positive(raw):
    """A scale from any number: softplus, kept off zero."""
    return ops.softplus(raw) + SMALLEST_SCALE


def raw_of(scale):
    """What `positive` makes this scale of: float array, above SMALLEST_SCALE -> the same shape."""
    scale = np.maximum(np.asarray(scale, "float64") - SMALLEST_SCALE, 1e-12)
    return scale + np.log(-np.expm1(-scale))  # log(exp(scale) - 1), which does not overflow


def size(event_shape):
    """The number of values of one event: int or tuple of ints -> int."""
    return event_shape if isinstance(event_shape, int) else math.prod(event_shape)
