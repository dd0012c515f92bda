"""How `fit` and `evaluate` run their steps on one device: one by one, or in a loop inside XLA."""

import math

import keras
import tensorflow as tf

from keras_ae.training import feed, keras_internals
from keras_ae.utils import onednn

# At most this many bytes of the arrays are gathered at once for a loop inside XLA.
BLOCK_BYTES = 2**28
FASTER = "convolutions are faster if keras_ae is imported before TensorFlow and Keras"


def suits_xla(model):
    """Whether XLA makes the model faster on the devices found, and the reason: (bool, str)."""
    if tf.config.list_physical_devices("GPU"):
        return True, "a GPU"
    networks = (model.encoder, model.decoder)
    layers = [layer for network in networks for layer in keras_internals.all_layers(network)]
    if any("Conv" in type(layer).__name__ for layer in layers):
        return False, "convolutions on a CPU"
    recurrent = any(isinstance(layer, keras.layers.RNN) for layer in layers)
    return True, f"a {'recurrent' if recurrent else 'dense'} network on a CPU"


def state_of_onednn():
    """Whether oneDNN runs the operations outside XLA, and what to do if it could: a str."""
    if keras_internals.uses_onednn():
        return "oneDNN on"
    could = "avx2" in onednn.processor_flags()
    return "oneDNN off" + (f" ({FASTER})" if could else "")


def run_inside_xla(model):
    """Whether the steps of a compiled model run as a loop inside XLA, with data from a Feed."""
    in_scope = keras_internals.is_made_in_a_scope(model)
    return model.jit_compile and not model.run_eagerly and not in_scope


def take_a_feed(model):
    """Whether the steps of a compiled model make their batches from a Feed themselves."""
    several = model.distribute_strategy.num_replicas_in_sync > 1
    return run_inside_xla(model) or (several and not model.run_eagerly)


def fastest(model, function, step_function):
    """The fastest way to run the steps that an iterator stands for, on one device.

    Args:
        model: a compiled model.
        function: Keras' own function of an iterator. It runs for every other kind of iterator.
        step_function: function of one batch, a tuple of tensors.

    Returns:
        function of an iterator. A pass over a Feed runs as a loop inside XLA.
    """
    loop = compiled_loop(lambda batch: step_function(batch))

    def run(iterator):
        if isinstance(iterator, feed.Pass):
            loop(iterator, model.steps_per_execution)
            return model.get_metrics_result()
        return function(iterator)

    return run


def compiled_loop(step_function):
    """Makes run(a_pass, steps): it runs up to `steps` next batches of a Pass inside XLA.

    The steps are a loop in one XLA program. So neither Python nor TensorFlow's runtime costs
    time between them. All batches are made before the loop: inside it, XLA would make them again
    in every operation that reads them. A smaller last batch runs without XLA, because XLA would
    compile a second program for it.

    Args:
        step_function: function of one batch, a tuple of tensors. It updates variables. Its
            return value is dropped.
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
        # (steps * size, ...) -> (steps, size, ...)
        loop([tf.reshape(tensor, (steps, size, *tensor.shape[1:])) for tensor in batch], n)

    @tf.function(autograph=False)
    def last_batch(tensors, seed, order, step, size, batch_size, transform):
        step_function(feed.batch(tensors, seed, order, step, size, batch_size, transform))

    def run(a_pass, steps):
        source, (first, last) = a_pass.feed, a_pass.take(steps)
        whole, size = source.length // source.batch_size, source.batch_size
        arguments = (source.tensors, a_pass.seed, a_pass.order)
        most = min(steps, whole, max(1, BLOCK_BYTES // _bytes_per_batch(source)))
        for start in range(first, min(last, whole), most or 1):
            # The last loop of a pass may have fewer steps. It is the same XLA program.
            n = min(last, whole, start + most) - start
            at, n = tf.constant(start), tf.constant(n)
            whole_batches(*arguments, at, n, most, size, source.transform)
        if last > whole:
            at, rest = tf.constant(whole), source.partial_batch_size
            last_batch(*arguments, at, rest, size, source.transform)

    return run


def _bytes_per_batch(source):
    """The bytes that one batch of a Feed takes."""
    per_example = sum(t.dtype.size * math.prod(t.shape[1:]) for t in source.tensors)
    return source.batch_size * per_example
