"""What an input array is: (batch, *shape), floats as they are, integers 0-255 as pixels. How it is checked, and fed to a model."""

import keras
import numpy as np
import tensorflow as tf


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
    x = tf.convert_to_tensor(x)
    if x.shape.rank == len(shape) and shape[-1] == 1 and len(shape) == 3:
        x = x[..., tf.newaxis]  # (batch, height, width) -> (batch, height, width, 1)
    if x.shape.rank != len(shape) + 1 or not x.shape[1:].is_compatible_with(shape):
        expected = f"(batch, {', '.join(map(str, shape))})"
        raise ValueError(f"Expected an array of shape {expected}. Received: shape={tuple(x.shape)}")
    if x.dtype == tf.uint8 or (x.dtype.is_integer and len(shape) == 3):
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
        raise ValueError(f"Expected `{name}` to have the shape {expected}. Received: shape={x.shape}")
    if x.size == 0:
        raise ValueError(f"Expected `{name}` to hold at least one example. Received: shape={x.shape}")
    low, high = support
    if x.dtype == np.uint8 or (x.dtype.kind in "iu" and len(shape) == 3):
        low, high = 0, 255
    smallest, largest = float(x.min()), float(x.max())
    if np.isnan(smallest) or np.isnan(largest):
        raise ValueError(f"Expected `{name}` to hold finite numbers. Received: {int(np.isnan(x).sum())} NaN values")
    if smallest < low or largest > high or np.isinf([smallest, largest]).any():
        raise ValueError(
            f"Expected the values of `{name}` to lie in [{low}, {high}], the support of the model's likelihood "
            f"(integer images: 0 to 255). Received: values from {smallest:g} to {largest:g}, dtype={x.dtype}"
        )


def is_eager(x):
    """True for numpy arrays, lists and eager tensors; False for a tensor inside a graph."""
    return not (tf.is_tensor(x) and not hasattr(x, "numpy")) and not isinstance(x, keras.KerasTensor)


def in_batches(function, x, batch_size=1000):
    """Applies `function` to slices of x along the first axis and joins the results, so that memory stays bounded."""
    if not is_eager(x) or len(x) <= batch_size:
        return function(x)
    return tf.concat([function(x[i : i + batch_size]) for i in range(0, len(x), batch_size)], axis=0)


def batches(arrays, batch_size, seed=None, transform=None):
    """Feeds arrays to `fit`: like keras.Model.fit's own feed, without its wait at the end of each pass.

    Args:
        arrays: sequence of arrays or tensors of equal length; their dtype is kept.
        batch_size: int. A last, smaller batch is kept.
        seed: int to shuffle anew at each pass, reproducibly; None to keep the order.
        transform: function of (key, *batches) -> element, key being an int64 tensor (2,), another at each use; None: the batches.

    Returns:
        tf.data.Dataset of tuples of batches.
    """
    tensors, n = [tf.convert_to_tensor(array) for array in arrays], len(arrays[0])
    count = -(-n // batch_size)
    transform = transform or (lambda key, *batch: batch)

    def one_pass(key):
        order = tf.range(n)
        if seed is not None:
            order = tf.random.experimental.stateless_shuffle(order, seed=[seed, key])

        def one_batch(step):
            rows = order[step * batch_size : (step + 1) * batch_size]
            return transform(tf.stack([key, step]), *(tf.gather(tensor, rows) for tensor in tensors))

        return tf.data.Dataset.range(count).map(one_batch, num_parallel_calls=2)

    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA  # each example to one worker
    options.autotune.enabled = False  # with it, every pass ends with up to some seconds of waiting for the tuner to stop
    keys = tf.data.Dataset.random(seed=0 if seed is None else seed, rerandomize_each_iteration=True).take(1)
    dataset = keys.flat_map(one_pass).apply(tf.data.experimental.assert_cardinality(count))
    return dataset.prefetch(2).with_options(options)
