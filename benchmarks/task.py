"""The task of every contestant: sizes and images. Imports neither TensorFlow nor PyTorch."""

import itertools

import numpy as np

from keras_ae import datasets

PIXELS, WIDTHS, LATENT = (
    784,
    (200, 200),
    20,
)  # encoder 784-200-200-(20 + 20), decoder 20-200-200-784, relu
BATCH, LEARNING_RATE = 128, 1e-3
SAMPLES = 5000  # importance samples of one image in the race "likelihood"


def images(count):
    """The first `count` training images of MNIST: uint8 (count, 28, 28, 1)."""
    (x, _), _ = _mnist(count)
    return x[:count]


def floats(count):
    """The same, as float32 in [0, 1]."""
    return images(count).astype("float32") / 255


def binary(count):
    """The first `count` test images, each pixel black or white: float32 (count, 28, 28, 1)."""
    _, (x, _) = _mnist(count)
    return datasets.binarize(x[:count])


def _mnist(count):
    try:
        return datasets.load("mnist")
    except FileNotFoundError:
        if count > 1_280:  # a quick look needs no more
            raise
        return datasets.load("mnist_5k")


def dense_weights(seed=0):
    """Weights of the dense network: a list of float32 arrays.

    The order is: encoder, then decoder; of each layer the kernel (in, out), then the bias (out,).

    Glorot uniform, as Keras starts a Dense layer; for peers without an initialisation of their own.
    """
    rng = np.random.default_rng(seed)
    sizes = [(PIXELS, *WIDTHS, 2 * LATENT), (LATENT, *WIDTHS[::-1], PIXELS)]
    weights = []
    for n_in, n_out in [pair for chain in sizes for pair in itertools.pairwise(chain)]:
        limit = np.sqrt(6 / (n_in + n_out))
        weights += [
            rng.uniform(-limit, limit, (n_in, n_out)).astype("float32"),
            np.zeros(n_out, "float32"),
        ]
    return weights
