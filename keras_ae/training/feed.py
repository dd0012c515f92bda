"""Arrays on the device, fed to `fit` batch by batch: shuffled by index, gathered and transformed inside the graph."""

import math

import numpy as np
import tensorflow as tf

from keras_ae.training.keras_internals import DataAdapter
from keras_ae.utils import seeds


class Feed(DataAdapter):
    """Arrays of equal length as a stream of batches, without Python work for each step.

    It is a Keras data adapter: given to `keras.Model.fit`, it hands the train function a `Pass` of step numbers, and the batches are
    made where they are used, by `loops.compiled_loop`. For any other loop, `dataset()` is the same stream.

    What a pass holds follows from the seed and the number of the pass alone, so that a training that is resumed at its sixth epoch
    sees what it would have seen.

    Args:
        arrays: sequence of arrays or tensors of equal length. Their dtype is kept, but for float64, which becomes float32.
        batch_size: int. A last, smaller batch is kept.
        seed: int to shuffle anew at each pass; None to keep the order.
        transform: function of (seed, *batches) -> tuple of batches, seed being an int32 tensor (2,), another at each use; None: the
            batches as they are.
    """

    def __init__(self, arrays, batch_size, seed=None, transform=None):
        self.tensors = tuple(_on_device(array) for array in arrays)
        self.length, self._batch_size = len(self.tensors[0]), batch_size
        self.shuffled, self.seed, self.transform = (
            seed is not None,
            seeds.from_int(seed or 0),
            transform,
        )
        self.next_pass = 0  # the number of the next pass, set by `fit`
        self.steps_left = math.inf  # of this epoch, set by `fit` and `evaluate`

    batch_size = property(lambda self: self._batch_size)
    num_batches = property(lambda self: -(-self.length // self.batch_size))
    has_partial_batch = property(lambda self: self.partial_batch_size > 0)
    partial_batch_size = property(lambda self: self.length % self.batch_size)

    def get_tf_dataset(self):
        return self  # all that Keras does with it, on one device, is to iterate

    def __iter__(self):
        return Pass(self)

    def limit(self, steps):
        """Ends the passes after so many steps in all: int, or None for no limit."""
        self.steps_left = steps or math.inf

    def begin_pass(self):
        """The number of a pass that begins now: the one that was set, else one more than the last."""
        number, self.next_pass = self.next_pass, self.next_pass + 1
        return number

    def seed_and_order(self, number):
        """The seed and the order of the examples of a pass: int -> int32 (2,), int32 (length,)."""
        seed = seeds.fold(self.seed, number)
        rows = tf.range(self.length)
        return seed, tf.random.experimental.stateless_shuffle(rows, seed) if self.shuffled else rows

    def dataset(self):
        """The same stream as a tf.data.Dataset of batches, or of tuples of several, for a loop that asks for one. Its `feed` is this."""

        def one_pass(number):
            seed, order = self.seed_and_order(number)

            def one_batch(step):
                size = tf.minimum(self.batch_size, self.length - step * self.batch_size)
                batches = batch(
                    self.tensors, seed, order, step, size, self.batch_size, self.transform
                )
                return batches if len(batches) > 1 else batches[0]

            return tf.data.Dataset.range(self.num_batches, output_type=tf.int32).map(
                one_batch, num_parallel_calls=2
            )

        def begin(_):
            number = tf.numpy_function(lambda: np.int32(self.begin_pass()), [], tf.int32)
            return tf.ensure_shape(number, ())

        options = tf.data.Options()
        options.experimental_distribute.auto_shard_policy = (
            tf.data.experimental.AutoShardPolicy.DATA
        )  # each example to one worker
        options.autotune.enabled = False  # with it, every pass ends with up to some seconds of waiting for the tuner to stop
        dataset = tf.data.Dataset.range(1).map(begin).flat_map(one_pass)
        dataset = (
            dataset.apply(tf.data.experimental.assert_cardinality(self.num_batches))
            .prefetch(2)
            .with_options(options)
        )
        dataset.feed = self
        return dataset


def of(data):
    """The Feed that data is, or is a dataset of; else None."""
    source = getattr(data, "feed", data)
    return source if isinstance(source, Feed) else None


class Pass:
    """One pass over a Feed, whose batches are taken some at a time by the number of their steps."""

    def __init__(self, feed):
        self.feed, self.step, self.seed, self.order = feed, 0, None, None

    def __next__(self):  # Keras asks for an iterator
        return self.take(1)

    def take(self, steps):
        """The numbers of the next steps, at most `steps`: (first, last + 1).

        Raises:
            StopIteration: the pass is over.
        """
        if self.step == self.feed.num_batches:
            raise StopIteration
        if self.order is None:
            self.seed, self.order = self.feed.seed_and_order(self.feed.begin_pass())
        first, self.step = (
            self.step,
            min(self.step + min(steps, self.feed.steps_left), self.feed.num_batches),
        )
        self.feed.steps_left -= self.step - first
        return first, self.step


def batch(tensors, seed, order, step, size, batch_size, transform):
    """`size` examples from batch number `step` of a pass on: tuples of (length, ...) -> (size, ...)."""
    rows = order[step * batch_size : step * batch_size + size]
    rows = tf.pad(
        rows, [[0, size - tf.shape(rows)[0]]]
    )  # past the end the first example stands for what is not used
    batch = tuple(tf.gather(tensor, rows) for tensor in tensors)
    batch = batch if transform is None else transform(seeds.fold(seed, step), *batch)
    return tuple(
        tf.ensure_shape(tensor, (size if isinstance(size, int) else None, *tensor.shape[1:]))
        for tensor in batch
    )


def _on_device(array):
    tensor = tf.convert_to_tensor(array)
    return tf.cast(tensor, tf.float32) if tensor.dtype == tf.float64 else tensor
