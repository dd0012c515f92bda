"""How models run the steps of `fit` and `evaluate`: the only file, beside models/autoencoder.py, that touches Keras' training internals."""

import math

import keras
import tensorflow as tf

from keras_ae import distribute
from keras_ae.training import feed, saving

BLOCK_BYTES = 2**28  # of the arrays, at most, that are gathered at once for a loop inside XLA


class Stepped(saving.Saved):
    """A keras.Model of examples of the shape `self.shape` whose steps run inside XLA where they can, and on several workers."""

    def make_train_function(self, force=False):
        if self.train_function is None or force:
            if not self.optimizer.built:  # else its variables are made in the first step, which TensorFlow then traces twice
                with self.distribute_strategy.scope():
                    self.optimizer.build(self.trainable_variables)
            super().make_train_function(force)
            self.train_function = self._fastest(self.train_function, self.train_step)

    def make_test_function(self, force=False):
        if self.test_function is None or force:
            super().make_test_function(force)
            self.test_function = self._fastest(self.test_function, self.test_step)

    def get_metrics_result(self):
        # On several workers each number that is read is a collective operation: they are read at the end of an epoch only.
        in_a_step = tf.inside_function() and distribute.several_workers(self.distribute_strategy)
        return {} if in_a_step else super().get_metrics_result()

    def _get_metrics_result_or_logs(self, logs):
        return super()._get_metrics_result_or_logs(logs) if logs else self.get_metrics_result()

    def _fastest(self, function, step_function):
        """Keras' function of an iterator; where that is a pass over a Feed, a loop inside XLA over its steps; or a step of all workers."""
        loop, one_step = compiled_loop(lambda batch: step_function(batch)), step_of_workers(self.distribute_strategy, step_function)

        def run(iterator):
            if isinstance(iterator, feed.Pass):
                loop(iterator, self.steps_per_execution)
                return self.get_metrics_result()
            if isinstance(iterator, tf.distribute.DistributedIterator) and distribute.several_workers(self.distribute_strategy):
                one_step(iterator)
                return {}
            return function(iterator)

        return run

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        # Under a strategy, Keras averages the replicas' first batches to learn their shape, and fails where they differ in size.
        example = tf.zeros((1, *self.shape))
        super()._maybe_symbolic_build(data_batch=(example, self.training_target(example, None)))


def as_list(callbacks):
    """The callbacks that fit or evaluate is given, one, several or none, as a list."""
    callbacks = callbacks.callbacks if isinstance(callbacks, keras.callbacks.CallbackList) else callbacks
    return list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks] * (callbacks is not None)


class Progress(keras.callbacks.ProgbarLogger):
    """Keras' progress bar, which would count to the end of a block of steps also where the data end before it: 448/430."""

    def _update_progbar(self, batch, logs=None):
        super()._update_progbar(batch if self.target is None else min(batch, self.target - 1), logs)


def step_of_workers(strategy, step_function):
    """Makes a function of a distributed iterator that runs one step on all replicas and returns nothing.

    Keras' own averages the logs of each step over the workers, one collective operation for each, along an axis that they lack
    (keras-team/keras#20585).
    """

    @tf.function(autograph=False)
    def run(iterator):
        strategy.run(step_function, args=(next(iterator),))

    return run


def compiled_loop(step_function):
    """Makes run(a_pass, steps), which calls step_function on the next batches of a Pass, at most `steps`, inside XLA.

    The steps are a loop in one XLA program, so that neither Python nor TensorFlow's runtime stands between them. The batches are made
    before it, all at once: inside, XLA would make them again in every operation that reads them. A smaller last batch is run without
    XLA, which would compile a second program for it.

    Args:
        step_function: function of one batch, a tuple of tensors. It updates variables; what it returns is dropped.
    """

    @tf.function(jit_compile=True, autograph=False)
    def loop(batches, n):
        def one_step(step):
            step_function(tuple(tensor[step] for tensor in batches))
            return (step + 1,)

        tf.while_loop(lambda step: step < n, one_step, (0,))

    @tf.function(autograph=False)
    def whole_batches(tensors, seed, order, first, n, steps, size, transform):
        batch = feed.batch(tensors, seed, order, first, steps * size, size, transform)
        loop([tf.reshape(tensor, (steps, size, *tensor.shape[1:])) for tensor in batch], n)

    @tf.function(autograph=False)
    def last_batch(tensors, seed, order, step, size, batch_size, transform):
        step_function(feed.batch(tensors, seed, order, step, size, batch_size, transform))

    def run(a_pass, steps):
        source, (first, last) = a_pass.feed, a_pass.take(steps)
        whole, size = source.length // source.batch_size, source.batch_size
        arguments = (source.tensors, a_pass.seed, a_pass.order)
        bytes_a_batch = size * sum(tensor.dtype.size * math.prod(tensor.shape[1:]) for tensor in source.tensors)
        most = min(steps, whole, max(1, BLOCK_BYTES // bytes_a_batch))
        for start in range(first, min(last, whole), most or 1):
            n = min(last, whole, start + most) - start  # the last loop of a pass may have fewer steps, in the same program
            whole_batches(*arguments, tf.constant(start), tf.constant(n), most, size, source.transform)
        if last > whole:
            last_batch(*arguments, tf.constant(whole), source.partial_batch_size, size, source.transform)

    return run
