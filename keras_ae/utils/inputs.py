"""Input arrays: what they are, (batch, *shape) with floats or pixels 0-255, and their checks."""

import keras
import numpy as np
import tensorflow as tf


def example_shape(shape):
    """The shape of one example as a tuple: int or sequence of ints. Else raises ValueError."""
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    if not 1 <= len(shape) <= 4 or not all(isinstance(n, int) and n > 0 for n in shape):
        raise ValueError(
            "Expected `shape` to be (height, width, channels) or (features,), or with a time axis "
            f"before them, of positive integers. Received: {shape}"
        )
    return shape


def to_float(x, shape):
    """Makes the float32 tensor (batch, *shape) that the models use. Works in a graph, too.

    uint8 values, and any integers of an image, are pixels 0-255. They are divided by 255. bool
    and other integers are cast. An image with one channel may lack the channel axis.

    Args:
        x: array or tensor, (batch, *shape), or (batch, height, width) if shape is
            (height, width, 1).
        shape: tuple, the shape of one example.

    Returns:
        float32 tensor (batch, *shape).

    Raises:
        ValueError: x has another shape.
    """
    x = tf.convert_to_tensor(as_array(x))
    if x.shape.rank == len(shape) and shape[-1] == 1 and len(shape) == 3:
        x = x[..., tf.newaxis]  # (batch, height, width) -> (batch, height, width, 1)
    if x.shape.rank != len(shape) + 1 or not x.shape[1:].is_compatible_with(shape):
        expected = f"(batch, {', '.join(map(str, shape))})"
        raise ValueError(f"Expected an array of shape {expected}. Received: shape={tuple(x.shape)}")
    if x.dtype == tf.uint8 or (x.dtype.is_integer and len(shape) >= 3):
        return tf.cast(x, tf.float32) / 255.0
    return tf.cast(x, tf.float32)


def check(x, shape, support, name="x"):
    """Raises ValueError unless a model accepts the array x.

    Args:
        x: array or eager tensor, as in `to_float`.
        shape: tuple, the shape of one example of the model.
        support: (low, high), the range of values that its likelihood can explain.
        name: the name of x in the error.
    """
    x = np.asarray(x)
    if x.dtype.kind not in "fiub" and x.dtype != "bfloat16":
        raise ValueError(f"Expected `{name}` to hold numbers. Received: dtype={x.dtype}")
    lacks_channels = len(shape) == 3 and shape[-1] == 1 and x.shape[1:] == shape[:-1]
    if x.shape[1:] != shape and not lacks_channels:
        expected = f"(batch, {', '.join(map(str, shape))})"
        raise ValueError(
            f"Expected `{name}` to have the shape {expected}. Received: shape={x.shape}"
        )
    if x.size == 0:
        raise ValueError(
            f"Expected `{name}` to hold at least one example. Received: shape={x.shape}"
        )
    low, high = support
    if x.dtype == np.uint8 or (x.dtype.kind in "iu" and len(shape) >= 3):
        low, high = 0, 255
    smallest, largest = float(x.min()), float(x.max())
    if np.isnan(smallest) or np.isnan(largest):
        raise ValueError(
            f"Expected `{name}` to hold finite numbers. "
            f"Received: {int(np.isnan(x).sum())} NaN values"
        )
    if smallest < low or largest > high or np.isinf([smallest, largest]).any():
        raise ValueError(
            f"Expected the values of `{name}` to lie in [{low}, {high}], the support of the "
            "model's likelihood (integer images: 0 to 255). "
            f"Received: values from {smallest:g} to {largest:g}, dtype={x.dtype}"
        )


def is_real(x, mask_value, axes):
    """Which steps of sequences are not padding: (..., *features) -> (...), bool.

    A step is padding if all its values equal mask_value.

    Args:
        x: float tensor.
        mask_value: float.
        axes: int, the number of axes of a step: len(features).
    """
    return tf.reduce_any(tf.not_equal(x, mask_value), axis=list(range(-axes, 0)))


def is_eager(x):
    """True for numpy arrays, lists and eager tensors; False for a tensor inside a graph."""
    in_graph = tf.is_tensor(x) and not hasattr(x, "numpy")
    return not in_graph and not isinstance(x, keras.KerasTensor)


def in_batches(function, x, batch_size=1000):
    """Applies `function` to slices of x along the first axis, and joins the results.

    So the memory needed does not grow with the length of x.
    """
    results = [function(batch) for batch in batches(x, batch_size)]
    return results[0] if len(results) == 1 else tf.concat(results, axis=0)


def batches(x, size):
    """Slices of x along the first axis: a list. Inside a graph, where len(x) is unknown, [x]."""
    return [x[i : i + size] for i in range(0, len(x), size)] if is_eager(x) else [x]


def split(fraction, *arrays):
    """Splits arrays as Keras' validation_split does: (training arrays, validation arrays).

    The validation arrays are the last fraction. None stays None.

    Raises:
        ValueError: fraction is not in (0, 1), or something else than arrays was given.
    """
    if not all(array is None or is_array(array) for array in arrays) or not 0 < fraction < 1:
        raise ValueError(
            "Expected `validation_split` in (0, 1), and arrays. "
            f"Received: {fraction}, {type(arrays[0]).__name__}"
        )
    at = int(len(arrays[0]) * (1 - fraction))
    training = tuple(array if array is None else array[:at] for array in arrays)
    return training, tuple(array if array is None else array[at:] for array in arrays)


def is_array(x):
    """True for arrays, tensors and lists."""
    return tf.is_tensor(x) or hasattr(x, "__array__") or isinstance(x, list)


def as_array(x):
    """Turns a data frame, a list or a variable into an array or a tensor; keeps these as is."""
    if isinstance(x, (tf.Variable, keras.Variable)):
        return tf.convert_to_tensor(x)
    return x if tf.is_tensor(x) else np.asarray(x)


def weights(sample_weight, count):
    """Weights of examples as a float32 array (count,). ValueError if they have another shape."""
    array = np.asarray(sample_weight, "float32")
    if array.shape != (count,):
        raise ValueError(
            f"Expected `sample_weight` to hold one weight for each example, shape ({count},). "
            f"Received: shape={array.shape}"
        )
    return array


def check_dataset(dataset, shape):
    """Raises ValueError unless a model of `shape` accepts the batches of a tf.data.Dataset."""
    specs = dataset.element_spec
    specs = specs if isinstance(specs, tuple) else (specs,)
    weights = specs[2] if len(specs) == 3 else None
    if isinstance(weights, tf.TensorSpec) and weights.shape.rank not in (None, 1):
        raise ValueError(
            "Expected the weights of a dataset of (x, y, sample_weight) to have the shape "
            f"(batch,). Received: shape={tuple(weights.shape)}"
        )
    for spec in specs[:2]:
        if isinstance(spec, tf.TensorSpec) and spec.shape.rank not in (None, 1):  # (batch,): labels
            to_float(tf.zeros([0 if n is None else n for n in spec.shape], spec.dtype), shape)
