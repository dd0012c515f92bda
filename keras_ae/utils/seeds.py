"""Seeds and noise: the same seed gives the same result, and two replicas never share noise."""

import contextlib
import math
import random

import keras
import numpy as np
import tensorflow as tf

from keras_ae.utils import validation

# On CPUs, XLA's default algorithm takes more than ten times as long per number (TensorFlow 2.21).
ALGORITHM = "philox"


class SeedGenerator(keras.random.SeedGenerator):
    """A stream of seeds for stateless draws. Each replica of a strategy gets its own seeds.

    Give it to a Keras layer or model as an attribute: the layer then tracks its state. Without
    `seed`, `keras.utils.set_random_seed` determines the seeds.

    It corrects two things of `keras.random.SeedGenerator`. Under MirroredStrategy, the state of
    that class is equal on all replicas. And it is int64, but TensorFlow Probability needs int32.
    """

    def draw(self):
        """The next seed: an int32 tensor (2,)."""
        return _of_this_replica(self.draw_for_all())

    def draw_for_all(self):
        """The next seed, the same on all replicas: an int32 tensor (2,)."""
        return tf.cast(self.next(), tf.int32)


def from_int(seed):
    """Turns a user's `seed=` into an int32 tensor (2,). ValueError if it is not an integer."""
    if not validation.is_integer(seed):
        raise ValueError(
            "Expected `seed` to be an integer or None. "
            f"Received: seed={seed!r} (of type {type(seed).__name__})"
        )
    seed = int(seed)
    return tf.constant([seed & 0x7FFFFFFF, seed >> 31 & 0x7FFFFFFF], tf.int32)


def fresh():
    """A new seed from Keras' global generator: int."""
    return int(keras.random.randint((), 0, 2**31 - 1))


@contextlib.contextmanager
def global_seed(seed):
    """Inside, draws without their own seed are as after `keras.utils.set_random_seed(seed)`.

    Draws after it depend on the state before it, not on `seed`.
    """
    # The states of the generators that Keras shuffles with.
    numpy, python = np.random.get_state(), random.getstate()  # noqa: NPY002
    later = fresh()
    keras.utils.set_random_seed(seed)
    try:
        yield
    finally:
        keras.utils.set_random_seed(later)
        np.random.set_state(numpy)  # noqa: NPY002
        random.setstate(python)


def split(seed, n):
    """Splits a seed into `n` independent ones: int32 (2,) -> a list of n int32 (2,)."""
    return tf.unstack(tf.random.experimental.stateless_split(seed, n))


def fold(seed, number):
    """A different seed for each number: int32 (2,), int or int32 () -> int32 (2,)."""
    return tf.random.experimental.stateless_fold_in(seed, number, alg=ALGORITHM)


def uniform(shape, seed):
    """Draws from [0, 1): float32 of `shape`. seed: int32 (2,)."""
    return tf.random.stateless_uniform(shape, seed, alg=ALGORITHM)


def normal(shape, seed):
    """Draws from N(0, 1): float32 of `shape`. seed: int32 (2,)."""
    # XLA turns the inverse distribution function into vector instructions. The Box-Muller
    # transform of tf.random.stateless_normal takes longer.
    # The lowest draw is -1 + 2**-24, because erfinv(-1) is minus infinity.
    u = tf.random.stateless_uniform(shape, seed, minval=-1.0 + 2.0**-24, maxval=1.0, alg=ALGORITHM)
    return math.sqrt(2) * tf.math.erfinv(u)


def _of_this_replica(seed):
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return seed
    return fold(seed, context.replica_id_in_sync_group)
