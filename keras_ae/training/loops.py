"""How the steps of `fit` and `evaluate` run: one by one, in a loop inside XLA, or on several workers."""

import math

import keras
import tensorflow as tf

from keras_ae import distribute
from keras_ae.training import feed, keras_internals

BLOCK_BYTES = 2**28  # of the arrays, at most, that are gathered at once for a loop inside XLA


def suits_xla(model):
    """Whether XLA makes a model faster on the devices found, and why: (bool, str)."""
    if model.distribute_strategy.num_replicas_in_sync > 1:
        return False, "several replicas"
    if tf.config.list_physical_devices("GPU"):
        return True, "a GPU"
    layers = [
        layer
        for network in (model.encoder, model.decoder)
        for layer in keras_internals.all_layers(network)
    ]
    if any("Conv" in type(layer).__name__ for layer in layers):
        return False, "convolutions on a CPU"
    recurrent = any(isinstance(layer, keras.layers.RNN) for layer in layers)
    return True, f"a {'recurrent' if recurrent else 'dense'} network on a CPU"


def run_inside_xla(model):
    """Whether the steps of a compiled model are a loop inside XLA, which takes arrays from a Feed."""
    return (
        model.jit_compile
        and not model.run_eagerly
        and not keras_internals.is_made_in_a_scope(model)
    )


def fastest(model, function, step_function):
    """Keras' function of an iterator; where that is a pass over a Feed, a loop inside XLA over its steps; or a step of all workers."""
    loop, one_step = (
        compiled_loop(lambda batch: step_function(batch)),
        step_of_workers(model.distribute_strategy, step_function),
    )

    def run(iterator):
        if isinstance(iterator, feed.Pass):
            loop(iterator, model.steps_per_execution)
            return model.get_metrics_result()
        if isinstance(iterator, tf.distribute.DistributedIterator) and distribute.several_workers(
            model.distribute_strategy
        ):
            one_step(iterator)
            return {}
        return function(iterator)

    return run


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
        bytes_a_batch = size * sum(
            tensor.dtype.size * math.prod(tensor.shape[1:]) for tensor in source.tensors
        )
        most = min(steps, whole, max(1, BLOCK_BYTES // bytes_a_batch))
        for start in range(first, min(last, whole), most or 1):
            n = (
                min(last, whole, start + most) - start
            )  # the last loop of a pass may have fewer steps, in the same program
            whole_batches(
                *arguments, tf.constant(start), tf.constant(n), most, size, source.transform
            )
        if last > whole:
            last_batch(
                *arguments, tf.constant(whole), source.partial_batch_size, size, source.transform
            )

    return run
