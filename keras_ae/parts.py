"""The parts that a model is made of: a prior, a likelihood, a corruption, ... are each a name, a config or a layer."""

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


def get(role, identifier, names, kind, *args, **options):
    """The layer of a name, a config or a layer.

    Args:
        role: str, what the part is to the model, the name of the constructor's argument.
        identifier: a name, a serialised layer, or a layer, which is returned as it is.
        names: dict of the classes that have a name.
        kind: the class that every such part belongs to.
        args, options: constructor arguments, for a name.

    Raises:
        ValueError: it is none of these.
    """
    if isinstance(identifier, dict):
        identifier = keras.saving.deserialize_keras_object(identifier)
    if isinstance(identifier, str) and identifier in names:
        identifier = names[identifier](*args, **options)
    if not isinstance(identifier, kind):
        known, name = ", ".join(map(repr, names)), "Keras" if kind is keras.Layer else kind.__name__
        article = "an" if name[0] in "AEIO" else "a"
        raise ValueError(f"Expected `{role}` to be one of {known}, or {article} {name} layer. Received: {identifier!r}")
    return identifier


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


def positive_int(value, name):
    """The value; ValueError if it is not a positive integer."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"Expected `{name}` to be a positive integer. Received: {name}={value!r}")
    return value


def at_least_zero(value, name):
    """The value; ValueError if it is not a finite number of at least 0."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        raise ValueError(f"Expected `{name}` to be a number of at least 0. Received: {name}={value!r}")
    return value
