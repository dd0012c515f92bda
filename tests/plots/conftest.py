import functools
import os
import pathlib

import keras
import matplotlib
import matplotlib.text
import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.testing.compare import compare_images

import keras_ae

BASELINE = pathlib.Path(__file__).parent / "baseline"
RAMP = np.linspace(-0.28, 0.28, 8)
RIGHT = np.tile(RAMP, (8, 1))  # bright at the right
UP = np.tile(RAMP[::-1, None], (1, 8))  # bright at the top
PATTERNS = np.stack([RIGHT.ravel(), UP.ravel()]).astype("float32")  # (2, 64), orthogonal


@functools.cache
def linear(kind, scale=0.2, **options):
    """A model of 8 x 8 images with weights set by hand, the same object for all tests.

    decode(z) = 0.5 + z_1 RIGHT + z_2 UP, and encode is the inverse. The posterior of a VAE has
    the standard deviations scale and 2 * scale.
    """
    is_vae = kind is keras_ae.VAE
    encoder = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(4 if is_vae else 2)]
    )
    decoder = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(64), keras.layers.Reshape((8, 8, 1))]
    )
    inverse = PATTERNS.T / (PATTERNS**2).sum(axis=1)  # (64, 2)
    raw = np.log(np.expm1(np.array([scale, 2 * scale], "float32")))  # before softplus
    if is_vae:
        encoder.layers[-1].set_weights(
            [np.hstack([inverse, np.zeros((64, 2))]), np.concatenate([np.zeros(2), raw])]
        )
    else:
        encoder.layers[-1].set_weights([inverse, np.zeros(2)])
    decoder.layers[0].set_weights([PATTERNS, np.full(64, 0.5)])
    return kind((8, 8, 1), 2, network=(encoder, decoder), likelihood="gaussian", **options)


@pytest.fixture
def ae():
    return linear(keras_ae.AE)


@pytest.fixture
def dae():
    return linear(keras_ae.DAE)


@pytest.fixture
def vae():
    return linear(keras_ae.VAE)


@pytest.fixture
def codes():
    """(30, 2): three groups of ten, at the right, above, and at the lower left."""
    centers = np.repeat([[1.0, 0.0], [0.0, 1.0], [-0.6, -0.8]], 10, axis=0)
    return centers + 0.15 * np.random.default_rng(0).uniform(-1, 1, (30, 2))


@pytest.fixture
def x(codes):
    """The images with the codes `codes`."""
    return (0.5 + codes @ PATTERNS).reshape(-1, 8, 8, 1).astype("float32")


@pytest.fixture
def y():
    return np.repeat([0, 1, 2], 10)


@pytest.fixture
def same_picture(tmp_path):
    """Compares a figure without its texts with a picture in baseline/.

    UPDATE_BASELINES=1 writes these pictures again.
    """

    def compare(figure, name, tolerance=0.5):
        for text in figure.findobj(matplotlib.text.Text):
            text.set_visible(False)
        expected, actual = BASELINE / f"{name}.png", tmp_path / f"{name}.png"
        figure.savefig(expected if os.environ.get("UPDATE_BASELINES") else actual, dpi=40)
        if not os.environ.get("UPDATE_BASELINES"):
            assert compare_images(str(expected), str(actual), tolerance) is None

    return compare


@pytest.fixture(autouse=True)
def no_global_state_changes():
    before = dict(matplotlib.rcParams)
    yield
    assert dict(matplotlib.rcParams) == before and not pyplot.get_fignums()
