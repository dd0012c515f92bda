"""What an input array is: (batch, *shape), floats as they are, integers 0-255 as pixels. How it is checked."""

import keras
import numpy as np
import tensorflow as tf


def example_shape(shape):
    """The shape of one example as a tuple: int or sequence of ints. ValueError if it is none."""
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    if not 1 <= len(shape) <= 4 or not all(isinstance(n, int) and n > 0 for n in shape):
        expected = "(height, width, channels) or (features,), or with a time axis before them, of positive integers"
        raise ValueError(f"Expected `shape` to be {expected}. Received: {shape}")
    return shape


def to_float(x, shape):
    """Makes the float32 tensor (batch, *shape) that the models compute with. Works on arrays and inside a graph.

    uint8, and any integer given for an image, is a pixel 0-255 and is divided by 255; bool and other integers are cast. An image
    of one channel may leave the channel axis out.

    Args:
        x: array or tensor, (batch, *shape), or (batch, height, width) where shape is (height, width, 1).
        shape: tuple, the shape of one example.

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
    """Raises ValueError unless x is an array that a model of this shape and this likelihood's support can take.

    Args:
        x: array or eager tensor, as in `to_float`.
        shape: tuple, the shape of one example.
        support: (low, high), the values that the likelihood can explain.
        name: how the error calls x.
    """
    x = np.asarray(x)
    if x.dtype.kind not in "fiub" and x.dtype != "bfloat16":
        raise ValueError(f"Expected `{name}` to hold numbers. Received: dtype={x.dtype}")
    channels_left_out = len(shape) == 3 and shape[-1] == 1 and x.shape[1:] == shape[:-1]
    if x.shape[1:] != shape and not channels_left_out:
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
            f"Expected `{name}` to hold finite numbers. Received: {int(np.isnan(x).sum())} NaN values"
        )
    if smallest < low or largest > high or np.isinf([smallest, largest]).any():
        raise ValueError(
            f"Expected the values of `{name}` to lie in [{low}, {high}], the support of the model's likelihood "
            f"(integer images: 0 to 255). Received: values from {smallest:g} to {largest:g}, dtype={x.dtype}"
        )


def is_real(x, mask_value, axes):
    """Which steps of sequences are no padding, a step of which all values equal mask_value: (..., *features) -> (...), bool.

    Args:
        x: float tensor.
        mask_value: float.
        axes: int, the number of axes of a step, len(features).
    """
    return tf.reduce_any(tf.not_equal(x, mask_value), axis=list(range(-axes, 0)))


def is_eager(x):
    """True for numpy arrays, lists and eager tensors; False for a tensor inside a graph."""
    return not (tf.is_tensor(x) and not hasattr(x, "numpy")) and not isinstance(
        x, keras.KerasTensor
    )


def in_batches(function, x, batch_size=1000):
    """Applies `function` to slices of x along the first axis and joins the results, so that memory stays bounded."""
    results = [function(batch) for batch in batches(x, batch_size)]
    return results[0] if len(results) == 1 else tf.concat(results, axis=0)


def batches(x, size):
    """Slices of x along the first axis: a list. Inside a graph, whose batches have an unknown length, x as it is."""
    return [x[i : i + size] for i in range(0, len(x), size)] if is_eager(x) else [x]


def split(fraction, *arrays):
    """The first part of each array, and the last fraction of it, as Keras' validation_split: (training, validation)."""
    if not all(array is None or is_array(array) for array in arrays) or not 0 < fraction < 1:
        raise ValueError(
            f"Expected `validation_split` in (0, 1), and arrays. Received: {fraction}, {type(arrays[0]).__name__}"
        )
    at = int(len(arrays[0]) * (1 - fraction))
    return tuple(
        tuple(a if a is None else a[part] for a in arrays) for part in (slice(at), slice(at, None))
    )


def is_array(x):
    """True for arrays, tensors and lists."""
    return tf.is_tensor(x) or hasattr(x, "__array__") or isinstance(x, list)


def as_array(x):
    """A data frame, a list or a variable as an array or a tensor; arrays and tensors as they are."""
    if isinstance(x, (tf.Variable, keras.Variable)):
        return tf.convert_to_tensor(x)
    return x if tf.is_tensor(x) else np.asarray(x)


def weights(sample_weight, count):
    """Weights of examples as a float32 array (count,). ValueError if they have another shape."""
    array = np.asarray(sample_weight, "float32")
    if array.shape != (count,):
        raise ValueError(
            f"Expected `sample_weight` to hold one weight for each example, shape ({count},). Received: shape={array.shape}"
        )
    return array


def check_dataset(dataset, shape):
    """Raises ValueError unless the batches of a tf.data.Dataset have a shape that a model of `shape` can take."""
    specs = (
        dataset.element_spec if isinstance(dataset.element_spec, tuple) else (dataset.element_spec,)
    )
    if (
        len(specs) == 3
        and isinstance(specs[2], tf.TensorSpec)
        and specs[2].shape.rank not in (None, 1)
    ):
        raise ValueError(
            "Expected the weights of a dataset of (x, y, sample_weight) to have the shape (batch,). "
            f"Received: shape={tuple(specs[2].shape)}"
        )
    for spec in specs[:2]:
        if isinstance(spec, tf.TensorSpec) and spec.shape.rank not in (None, 1):  # (batch,): labels
            to_float(tf.zeros([0 if n is None else n for n in spec.shape], spec.dtype), shape)
