"""Images made binary, and images that move."""

import functools
import math

import numpy as np

from keras_ae.utils import validation


def binarize(x, seed=0):
    """One draw of Bernoulli(x / 255) for every pixel, the same for the same seed: a fixed binarisation, for testing.

    Args:
        x: uint8 images, or floats in [0, 1].
        seed: int.

    Returns:
        float32 array of 0 and 1, of x's shape.
    """
    x = _unit(x)
    return (np.random.default_rng(seed).random(x.shape, dtype="float32") < x).astype("float32")


def binarize_threshold(x, threshold=0.5):
    """1 where a pixel is above the threshold, else 0. x: uint8 images, or floats in [0, 1] -> float32, of x's shape."""
    return (_unit(x) > threshold).astype("float32")


def binarize_dynamic(x, batch_size=128, seed=0):
    """Batches for `fit` in which every pixel is redrawn as Bernoulli(x / 255) each time it is used.

    Args:
        x: uint8 images, or floats in [0, 1].
        batch_size: int. A last, smaller batch is kept.
        seed: int; the order of the images and the draws follow from it.

    Returns:
        tf.data.Dataset of float32 batches of 0 and 1, shuffled anew at each pass.

    Source: Burda et al., "Importance weighted autoencoders", ICLR 2016, section 5.
    """
    x = np.asarray(x)
    from keras_ae.training import feed

    return feed.Feed([x if x.dtype == np.uint8 else _unit(x)], batch_size, seed, _drawn).dataset()


def moving(images, steps=20, seed=0):
    """Sequences of images that move by one pixel a frame, each to the left or to the right, and come in again on the other side.

    The first frame is the image itself.

    Args:
        images: array (n, height, width, channels).
        steps: int, the number of frames.
        seed: int, of the directions.

    Returns:
        array (n, steps, height, width, channels), of the images' dtype.

    Source: Gregor et al., "Temporal difference variational auto-encoder", ICLR 2019, section 5.2.
    """
    images = np.asarray(images)
    if images.ndim != 4:
        raise ValueError(
            f"Expected images of shape (n, height, width, channels). Received: shape={images.shape}"
        )
    validation.positive_int(steps, "steps")
    right = np.random.default_rng(seed).random(len(images)) < 0.5
    frames = np.empty((len(images), steps, *images.shape[1:]), images.dtype)
    for step in range(steps):
        frames[right, step] = np.roll(images[right], step, axis=2)
        frames[~right, step] = np.roll(images[~right], -step, axis=2)
    return frames


def _drawn(seed, batch):
    """One draw of Bernoulli(pixel) for every pixel, in the graph: float32 of 0 and 1."""
    import tensorflow as tf

    from keras_ae.utils import seeds

    batch = tf.cast(batch, tf.float32) / (255.0 if batch.dtype == tf.uint8 else 1.0)
    return (tf.cast(seeds.uniform(tf.shape(batch), seed) < batch, tf.float32),)


def move_dynamic(x, batch_size=128, seed=0, rotation=10.0, shift=0.1):
    """Batches for `fit` of pairs: images that are rotated and shifted anew each time they are used, and the same images as they are.

    `DAE`-like, an autoencoder so learns codes that do not tell how an image was moved, and an `IDEC` clusters that do not.

    Args:
        x: images (n, height, width, channels), uint8, or floats in [0, 1].
        batch_size: int. A last, smaller batch is kept.
        seed: int; the order of the images and the draws follow from it.
        rotation: float >= 0, degrees; angles are uniform from -rotation to rotation, about the middle of the image.
        shift: float >= 0, the largest shift of each axis, uniform too, as a share of the image. What moves in is black.

    Returns:
        tf.data.Dataset of pairs of float32 batches, shuffled anew at each pass.

    Raises:
        ValueError: x holds no images; rotation or shift is below 0.

    Source: Guo et al., "Deep embedded clustering with data augmentation", ACML 2018, section 4.2.
    """
    x = np.asarray(x)
    if x.ndim != 4:
        raise ValueError(
            f"Expected images of shape (n, height, width, channels). Received: shape={x.shape}"
        )
    if not (rotation >= 0 and shift >= 0):
        raise ValueError(
            f"Expected `rotation` and `shift` to be at least 0. Received: rotation={rotation!r}, shift={shift!r}"
        )
    images = [x if x.dtype == np.uint8 else _unit(x)]
    from keras_ae.training import feed

    return feed.Feed(images, batch_size, seed, functools.partial(_moved, rotation, shift)).dataset()


def _moved(rotation, shift, seed, batch):
    """The images of a batch moved, each by a draw of its own, and as they were: float32, in the graph."""
    import tensorflow as tf

    from keras_ae.utils import seeds

    batch = tf.cast(batch, tf.float32) / (255.0 if batch.dtype == tf.uint8 else 1.0)
    n, height, width = tf.shape(batch)[0], *batch.shape[1:3]
    angle, down, right = tf.unstack(2 * seeds.uniform((3, n), seed) - 1)  # (n,) each, from -1 to 1
    cos, sin = tf.cos(angle * math.radians(rotation)), tf.sin(angle * math.radians(rotation))
    x, y = (width - 1) / 2, (height - 1) / 2  # the middle, which a rotation leaves where it is
    right, down = right * shift * width, down * shift * height
    zero = tf.zeros_like(cos)
    # Where the value of a pixel (x, y) comes from: (a x + b y + c, d x + e y + f)
    rows = [
        cos,
        -sin,
        x - cos * x + sin * y + right,
        sin,
        cos,
        y - sin * x - cos * y + down,
        zero,
        zero,
    ]  # a, ..., f
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=batch,
        transforms=tf.stack(rows, axis=1),  # (n, 8)
        output_shape=[height, width],
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
        fill_value=0.0,
    )
    return moved, batch


def _unit(x):
    x = np.asarray(x)
    if x.dtype == np.uint8:
        return x.astype("float32") / 255
    x = x.astype("float32")
    if not (x.min() >= 0 and x.max() <= 1):
        raise ValueError(
            f"Expected uint8 images or floats in [0, 1]. Received: values from {x.min():g} to {x.max():g}"
        )
    return x
