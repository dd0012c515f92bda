"""Seeds and noise: the same seed gives the same result, and two replicas never share noise."""

import contextlib
import math
import random

import keras
import numpy as np
import tensorflow as tf

from keras_ae.utils import validation

ALGORITHM = "philox"  # XLA's own choice on CPUs takes more than ten times as long for each number (TensorFlow 2.21)


class SeedGenerator(keras.random.SeedGenerator):
    """A stream of seeds for stateless draws; each replica of a `tf.distribute` strategy sees its own.

    A Keras layer or model that holds one as an attribute tracks its state. Seeded by `keras.utils.set_random_seed` unless
    `seed` is given.

    Under MirroredStrategy the state of `keras.random.SeedGenerator` is equal on all replicas, and it is int64 where TensorFlow
    Probability wants int32. Both are mended here.
    """

    def draw(self):
        """Returns the next seed: an int32 tensor of shape (2,)."""
        return _of_this_replica(self.draw_for_all())

    def draw_for_all(self):
        """Returns the next seed, the same on all replicas: an int32 tensor of shape (2,)."""
        return tf.cast(self.next(), tf.int32)


def from_int(seed):
    """Turns a user's `seed=` into an int32 tensor of shape (2,)."""
    if not validation.is_integer(seed):
        raise ValueError(
            f"Expected `seed` to be an integer or None. Received: seed={seed!r} (of type {type(seed).__name__})"
        )
    seed = int(seed)
    return tf.constant([seed & 0x7FFFFFFF, seed >> 31 & 0x7FFFFFFF], tf.int32)


def fresh():
    """A seed from Keras' global generator: int."""
    return int(keras.random.randint((), 0, 2**31 - 1))


@contextlib.contextmanager
def global_seed(seed):
    """Within it, all that draws without a seed of its own draws as after `keras.utils.set_random_seed(seed)`. What is drawn after it
    follows from what was set before it, and not from seed."""
    numpy, python = np.random.get_state(), random.getstate()  # noqa: NPY002, the generators that Keras shuffles with
    later = fresh()
    keras.utils.set_random_seed(seed)
    try:
        yield
    finally:
        keras.utils.set_random_seed(later)
        np.random.set_state(numpy)  # noqa: NPY002
        random.setstate(python)


def split(seed, n):
    """Splits one seed into `n` independent ones: int32 (2,) -> a list of n int32 (2,)."""
    return tf.unstack(tf.random.experimental.stateless_split(seed, n))


def fold(seed, number):
    """Another seed for each number: int32 (2,), int or int32 () -> int32 (2,)."""
    return tf.random.experimental.stateless_fold_in(seed, number, alg=ALGORITHM)


def uniform(shape, seed):
    """Draws from [0, 1): float32 of that shape. seed: int32 (2,)."""
    return tf.random.stateless_uniform(shape, seed, alg=ALGORITHM)


def normal(shape, seed):
    """Draws from N(0, 1): float32 of that shape. seed: int32 (2,)."""
    # By the inverse of the distribution function, which XLA turns into vector instructions; the Box-Muller transform of
    # tf.random.stateless_normal takes it longer. The lowest draw is -1 + 2**-24: erfinv(-1) would be minus infinity.
    u = tf.random.stateless_uniform(shape, seed, minval=-1.0 + 2.0**-24, maxval=1.0, alg=ALGORITHM)
    return math.sqrt(2) * tf.math.erfinv(u)


def _of_this_replica(seed):
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return seed
    return fold(seed, context.replica_id_in_sync_group)
