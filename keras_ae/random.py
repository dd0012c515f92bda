"""Seeds: the same seed gives the same result, and two replicas never share noise."""

import keras
import tensorflow as tf


class SeedGenerator(keras.random.SeedGenerator):
    """A stream of seeds for stateless draws; each replica of a `tf.distribute` strategy sees its own.

    A Keras layer or model that holds one as an attribute tracks its state. Seeded by `keras.utils.set_random_seed` unless
    `seed` is given.

    Under MirroredStrategy the state of `keras.random.SeedGenerator` is equal on all replicas, and it is int64 where TensorFlow
    Probability wants int32. Both are mended here.
    """

    def draw(self):
        """Returns the next seed: an int32 tensor of shape (2,)."""
        return _of_this_replica(tf.cast(self.next(), tf.int32))


def from_int(seed):
    """Turns a user's `seed=` into an int32 tensor of shape (2,)."""
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise ValueError(f"Expected `seed` to be an integer or None. Received: seed={seed!r} (of type {type(seed).__name__})")
    return tf.constant([seed & 0x7FFFFFFF, seed >> 31 & 0x7FFFFFFF], tf.int32)


def split(seed, n):
    """Splits one seed into `n` independent ones: int32 (2,) -> a list of n int32 (2,)."""
    return tf.unstack(tf.random.experimental.stateless_split(seed, n))


def _of_this_replica(seed):
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return seed
    return tf.random.experimental.stateless_fold_in(seed, context.replica_id_in_sync_group)
