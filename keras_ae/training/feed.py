"""Arrays on the device, fed to `fit` in batches.

Shuffling is by index. Batches are gathered and transformed inside the graph.
"""

import math

import numpy as np
import tensorflow as tf

from keras_ae.training.keras_internals import DataAdapter
from keras_ae.utils import seeds


class Feed(DataAdapter, tf.distribute.DistributedDataset):
    """A stream of batches from arrays of equal length, without Python work at each step.

    It is a Keras data adapter: `keras.Model.fit` accepts it as data. It gives the train function
    a `Pass`, which holds step numbers. `loops` and `replicated` make the batches where they use
    them. So it also is a DistributedDataset, which Keras does not distribute again. `dataset()`
    is the same stream for any other loop.

    The data of a pass depend only on the seed and the number of the pass. So a training that
    resumes at its sixth epoch sees the data it would have seen.

    Args:
        arrays: sequence of arrays or tensors of equal length. They keep their dtype, except
            float64, which becomes float32.
        batch_size: int. A smaller last batch is kept.
        seed: int to shuffle at each pass; None to keep the order.
        transform: function of (seed, *batches) -> tuple of batches, or None to leave the batches
            unchanged. Its seed is an int32 tensor (2,), a different one at each step.
    """

    def __init__(self, arrays, batch_size, seed=None, transform=None):
        self.tensors = tuple(_on_device(array) for array in arrays)
        self.length, self._batch_size = len(self.tensors[0]), batch_size
        self.shuffled, self.seed = seed is not None, seeds.from_int(seed or 0)
        self.transform = transform
        self.next_pass = 0  # the number of the next pass; `fit` sets it
        self.steps_left = math.inf  # in this epoch; `fit` and `evaluate` set it

    batch_size = property(lambda self: self._batch_size)
    num_batches = property(lambda self: -(-self.length // self.batch_size))
    has_partial_batch = property(lambda self: self.partial_batch_size > 0)
    partial_batch_size = property(lambda self: self.length % self.batch_size)

    def get_tf_dataset(self):
        return self  # Keras only iterates over it

    def __iter__(self):
        return Pass(self)

    def limit(self, steps):
        """Ends the passes after this many steps in total: int, or None for no limit."""
        self.steps_left = steps or math.inf

    def begin_pass(self):
        """The number of the pass that begins now: the number that was set, or the next one."""
        number, self.next_pass = self.next_pass, self.next_pass + 1
        return number

    def seed_and_order(self, number):
        """The seed and the order of the examples of a pass: int -> int32 (2,), int32 (length,)."""
        seed = seeds.fold(self.seed, number)
        rows = tf.range(self.length)
        return seed, tf.random.experimental.stateless_shuffle(rows, seed) if self.shuffled else rows

    def dataset(self):
        """The same stream as a tf.data.Dataset, for loops that need one.

        Returns:
            tf.data.Dataset of batches, or of tuples of batches if there are several arrays. Its
            attribute `feed` is this Feed.
        """

        def one_pass(number):
            seed, order = self.seed_and_order(number)
            steps = tf.data.Dataset.range(self.num_batches, output_type=tf.int32)

            def one_batch(step):
                size = tf.minimum(self.batch_size, self.length - step * self.batch_size)
                batches = batch(
                    self.tensors, seed, order, step, size, self.batch_size, self.transform
                )
                return batches if len(batches) > 1 else batches[0]

            return steps.map(one_batch, num_parallel_calls=2)

        def begin(_):
            number = tf.numpy_function(lambda: np.int32(self.begin_pass()), [], tf.int32)
            return tf.ensure_shape(number, ())

        options = tf.data.Options()
        # Each example goes to one worker.
        by_example = tf.data.experimental.AutoShardPolicy.DATA
        options.experimental_distribute.auto_shard_policy = by_example
        # With autotune, each pass ends with up to some seconds of waiting for the tuner to stop.
        options.autotune.enabled = False
        known_length = tf.data.experimental.assert_cardinality(self.num_batches)
        dataset = tf.data.Dataset.range(1).map(begin).flat_map(one_pass)
        dataset = dataset.apply(known_length).prefetch(2).with_options(options)
        dataset.feed = self
        return dataset


def of(data):
    """The Feed behind `data`, which is a Feed or a dataset of one; None for other data."""
    source = getattr(data, "feed", data)
    return source if isinstance(source, Feed) else None


class Pass:
    """One pass over a Feed. Its batches are taken a few at a time, by step number."""

    def __init__(self, feed):
        self.feed, self.step, self.seed, self.order = feed, 0, None, None

    def __next__(self):  # Keras expects an iterator
        return self.take(1)

    def take(self, steps):
        """The numbers of the next steps, at most `steps` of them: (first, last + 1).

        Raises:
            StopIteration: the pass is over.
        """
        if self.step == self.feed.num_batches:
            raise StopIteration
        if self.order is None:
            self.seed, self.order = self.feed.seed_and_order(self.feed.begin_pass())
        first = self.step
        last = first + min(steps, self.feed.steps_left)
        self.step = min(last, self.feed.num_batches)
        self.feed.steps_left -= self.step - first
        return first, self.step


def batch(tensors, seed, order, step, size, batch_size, transform, part=None):
    """The next `size` examples of a pass, from batch number `step` on.

    Args:
        tensors: tuple of tensors (length, ...).
        seed: int32 (2,), the seed of the pass.
        order: int32 (length,), the order of the examples in the pass.
        step: int or int32 (), the number of the batch.
        size: int or int32 (), how many examples.
        batch_size: int, how many examples a batch has.
        transform: as in `Feed`. It sees the whole batch.
        part: (first, last + 1), int32 (): the examples to return; None for all.

    Returns:
        tuple of tensors (size, ...).
    """
    rows = order[step * batch_size : step * batch_size + size]
    # Past the end, row 0 fills the places. Nothing uses them.
    rows = tf.pad(rows, [[0, size - tf.shape(rows)[0]]])
    if part and transform is None:
        rows = rows[part[0] : part[1]]
    batch = tuple(tf.gather(tensor, rows) for tensor in tensors)
    if transform is not None:
        batch = transform(seeds.fold(seed, step), *batch)
        batch = tuple(tensor[part[0] : part[1]] for tensor in batch) if part else batch
    length = size if isinstance(size, int) and not part else None
    return tuple(tf.ensure_shape(tensor, (length, *tensor.shape[1:])) for tensor in batch)


def _on_device(array):
    tensor = tf.convert_to_tensor(array)
    return tf.cast(tensor, tf.float32) if tensor.dtype == tf.float64 else tensor
