"""The base class of all distribution layers, and functions for scales, which must be positive."""

import math

import keras
import numpy as np
from keras import ops

SMALLEST_SCALE = 1e-5


class Distribution(keras.Layer):
    """A layer that takes parameters and returns a `tfp.distributions.Distribution`.

    A subclass defines `call(params)`. If it needs more than one parameter per value, it also
    defines `params_size(event_shape)`.

    Attributes:
        inner: the distribution layers that this layer contains. The model's card lists them.
    """

    inner = ()

    def __init__(self, **kwargs):
        kwargs.setdefault("dtype", "float32")  # half precision is too coarse for log-densities
        super().__init__(**kwargs)

    def params_size(self, event_shape):
        """The number of parameters for one example.

        Args:
            event_shape: int or tuple of ints, the shape of one example.

        Returns:
            int.
        """
        return size(event_shape)

    def symbolic_call(self, *args, **kwargs):
        raise TypeError(
            "Expected a call with tensors, inside the call() of a subclassed keras.Model: "
            f"{type(self).__name__} returns a distribution, which cannot be a node of a functional "
            "Keras model. Received: a KerasTensor"
        )


def positive(raw):
    """Turns any number into a scale: softplus(raw) + SMALLEST_SCALE."""
    return ops.softplus(raw) + SMALLEST_SCALE


def raw_of(scale):
    """The inverse of `positive`: the raw numbers that it turns into these scales.

    Args:
        scale: array of floats above SMALLEST_SCALE.

    Returns:
        float64 array of the same shape.
    """
    scale = np.maximum(np.asarray(scale, "float64") - SMALLEST_SCALE, 1e-12)
    return scale + np.log(-np.expm1(-scale))  # log(exp(scale) - 1), written so as not to overflow


def size(event_shape):
    """The number of values in one example of this shape: int or tuple of ints -> int."""
    return event_shape if isinstance(event_shape, int) else math.prod(event_shape)
