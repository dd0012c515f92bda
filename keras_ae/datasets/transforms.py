"""Makes images binary, and makes images move."""

import functools
import math

import numpy as np

from keras_ae.utils import validation


def binarize(x, seed=0):
    """Binarises images for testing: one draw of Bernoulli(x / 255) per pixel.

    The same seed gives the same draws.

    Args:
        x: uint8 images, or floats in [0, 1].
        seed: int.

    Returns:
        float32 array of 0 and 1, with x's shape.

    Raises:
        ValueError: x is float and not in [0, 1].
    """
    x = _unit(x)
    return (np.random.default_rng(seed).random(x.shape, dtype="float32") < x).astype("float32")


def binarize_threshold(x, threshold=0.5):
    """Binarises images by a threshold: 1 if a pixel is above it, else 0.

    Args:
        x: uint8 images, or floats in [0, 1].
        threshold: float, on the scale [0, 1].

    Returns:
        float32 array of 0 and 1, with x's shape.

    Raises:
        ValueError: x is float and not in [0, 1].
    """
    return (_unit(x) > threshold).astype("float32")


def binarize_dynamic(x, batch_size=128, seed=0):
    """Binarises images for `fit`: each pass draws each pixel again, from Bernoulli(x / 255).

    Args:
        x: uint8 images, or floats in [0, 1].
        batch_size: int. A smaller last batch is kept.
        seed: int. It determines the order of the images and the draws.

    Returns:
        tf.data.Dataset of float32 batches of 0 and 1. Each pass has another order.

    Raises:
        ValueError: x is float and not in [0, 1].

    Example:

        vae = keras_ae.VAE((28, 28, 1), latent_dim=2)
        vae.fit(keras_ae.datasets.binarize_dynamic(x_train), verbose=0)

    Source: Burda et al., "Importance weighted autoencoders", ICLR 2016, section 5.
    """
    x = np.asarray(x)
    from keras_ae.training import feed

    return feed.Feed([x if x.dtype == np.uint8 else _unit(x)], batch_size, seed, _drawn).dataset()


def moving(images, steps=20, seed=0):
    """Makes each image a sequence of frames, in which it moves to the left or to the right.

    It moves by one pixel per frame. What leaves on one side enters on the other. The first frame
    is the image itself.

    Args:
        images: array (n, height, width, channels).
        steps: int, the number of frames.
        seed: int, for the directions.

    Returns:
        array (n, steps, height, width, channels), with the images' dtype.

    Raises:
        ValueError: `images` has another shape; `steps` is not a positive integer.

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
    """One draw of Bernoulli(pixel) per pixel, in the graph: float32 of 0 and 1."""
    import tensorflow as tf

    from keras_ae.utils import seeds

    batch = tf.cast(batch, tf.float32) / (255.0 if batch.dtype == tf.uint8 else 1.0)
    return (tf.cast(seeds.uniform(tf.shape(batch), seed) < batch, tf.float32),)


def move_dynamic(x, batch_size=128, seed=0, rotation=10.0, shift=0.1):
    """Pairs for `fit`: images that each pass rotates and shifts at random, and the originals.

    An autoencoder that is trained on these pairs works like a `DAE`: its codes do not depend on
    how an image was moved. The clusters of an `IDEC` do not, either.

    Args:
        x: images (n, height, width, channels), uint8, or floats in [0, 1].
        batch_size: int. A smaller last batch is kept.
        seed: int. It determines the order of the images and the draws.
        rotation: float >= 0, in degrees. Angles are uniform from -rotation to rotation, about
            the centre of the image.
        shift: float >= 0, the largest shift along each axis, as a fraction of the image. Shifts
            are uniform, too. Pixels from outside the image are black.

    Returns:
        tf.data.Dataset of pairs of float32 batches. Each pass has another order.

    Raises:
        ValueError: x is not an array of images; rotation or shift is below 0.

    Example:

        ae = keras_ae.AE((28, 28, 1), latent_dim=10)
        ae.fit(keras_ae.datasets.move_dynamic(x_train[..., np.newaxis]), verbose=0)

    Source: Guo et al., "Deep embedded clustering with data augmentation", ACML 2018, section 4.2.
    """
    x = np.asarray(x)
    if x.ndim != 4:
        raise ValueError(
            f"Expected images of shape (n, height, width, channels). Received: shape={x.shape}"
        )
    if not (rotation >= 0 and shift >= 0):
        raise ValueError(
            "Expected `rotation` and `shift` to be at least 0. "
            f"Received: rotation={rotation!r}, shift={shift!r}"
        )
    images = [x if x.dtype == np.uint8 else _unit(x)]
    from keras_ae.training import feed

    return feed.Feed(images, batch_size, seed, functools.partial(_moved, rotation, shift)).dataset()


def _moved(rotation, shift, seed, batch):
    """The images of a batch, each moved at random, and the originals: float32, in the graph."""
    import tensorflow as tf

    from keras_ae.utils import seeds

    batch = tf.cast(batch, tf.float32) / (255.0 if batch.dtype == tf.uint8 else 1.0)
    n, height, width = tf.shape(batch)[0], *batch.shape[1:3]
    angle, down, right = tf.unstack(2 * seeds.uniform((3, n), seed) - 1)  # (n,) each, from -1 to 1
    cos, sin = tf.cos(angle * math.radians(rotation)), tf.sin(angle * math.radians(rotation))
    x, y = (width - 1) / 2, (height - 1) / 2  # the centre; a rotation leaves it in place
    right, down = right * shift * width, down * shift * height
    zero = tf.zeros_like(cos)
    # Pixel (x, y) gets its value from (a x + b y + c, d x + e y + f).
    abc = [cos, -sin, x - cos * x + sin * y + right]
    def_ = [sin, cos, y - sin * x - cos * y + down]
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=batch,
        transforms=tf.stack([*abc, *def_, zero, zero], axis=1),  # (n, 8)
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
            "Expected uint8 images or floats in [0, 1]. "
            f"Received: values from {x.min():g} to {x.max():g}"
        )
    return x
