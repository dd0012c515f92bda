"""Checks of arguments. Each returns the value, or raises "Expected ... Received: ..."."""

import math

import numpy as np


def is_integer(value):
    """Whether the value is an integer; True and False are not."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def is_number(value):
    """Whether the value is a finite number; True and False are not."""
    return (is_integer(value) or isinstance(value, float)) and math.isfinite(value)


def positive_int(value, name, what=""):
    """The value as an int. ValueError if it is not a positive integer.

    `what` continues "a positive integer" in the message.
    """
    if not is_integer(value) or value < 1:
        raise ValueError(
            f"Expected `{name}` to be a positive integer{what}. Received: {name}={value!r}"
        )
    return int(value)


def at_least(value, name, least):
    """The value as an int. ValueError if it is not an integer of at least `least`."""
    if not is_integer(value) or value < least:
        raise ValueError(
            f"Expected `{name}` to be an integer of at least {least}. Received: {name}={value!r}"
        )
    return int(value)


def at_least_zero(value, name):
    """The value. ValueError if it is not a finite number of at least 0."""
    if not is_number(value) or value < 0:
        raise ValueError(
            f"Expected `{name}` to be a number of at least 0. Received: {name}={value!r}"
        )
    return value


def positive_widths(widths):
    """The sequence. ValueError if one of its items is not a positive integer."""
    if not all(isinstance(width, int) and width > 0 for width in widths):
        raise ValueError(
            f"Expected `widths` to be positive integers. Received: widths={tuple(widths)}"
        )
    return widths


def same_length(x, arrays, names):
    """Raises ValueError unless each array has as many examples as x. `names` name the arrays."""
    for array, name in zip(arrays, names, strict=False):
        if len(array) != len(x):
            raise ValueError(
                f"Expected as many examples in `{name}` as in `x`. "
                f"Received: {len(array)} and {len(x)}"
            )


def layer_of(role, identifier, names, kind, *args, **options):
    """The layer that a name, a config or a layer stands for.

    Args:
        role: str, the constructor's argument that the layer is for.
        identifier: a name, a serialised layer, or a layer, which is returned unchanged.
        names: dict of name -> class.
        kind: the class that the layer must be an instance of.
        args, options: constructor arguments, if `identifier` is a name.

    Raises:
        ValueError: `identifier` is none of these.
    """
    import keras

    if isinstance(identifier, dict):
        identifier = keras.saving.deserialize_keras_object(identifier)
    if isinstance(identifier, str) and identifier in names:
        identifier = names[identifier](*args, **options)
    if not isinstance(identifier, kind):
        known, name = ", ".join(map(repr, names)), "Keras" if kind is keras.Layer else kind.__name__
        article = "an" if name[0] in "AEIO" else "a"
        raise ValueError(
            f"Expected `{role}` to be one of {known}, or {article} {name} layer. "
            f"Received: {identifier!r}"
        )
    return identifier
