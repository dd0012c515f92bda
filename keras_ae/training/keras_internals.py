"""Every private name of Keras and TensorFlow that we use, each in a named function that says why.

When there is a public name for it, the function can go.
"""

import contextlib

import keras
from keras.src.backend.common import global_state
from keras.src.layers.layer import CallContext
from keras.src.losses import loss as keras_loss
from keras.src.trainers.data_adapters.data_adapter import DataAdapter
from tensorflow.python.util import _pywrap_util_port

# Keras accepts any subclass of DataAdapter as data of `fit`, but does not export the class
# (Keras 3.15).
__all__ = ["DataAdapter"]


def uses_onednn():
    """Whether TensorFlow runs its operations by oneDNN. TensorFlow only logs it."""
    return bool(_pywrap_util_port.IsMklEnabled())


@contextlib.contextmanager
def training_mode(training):
    """Sets `training` for all layers that are called inside, as an outer layer's call would.

    A loss that calls layers has no outer layer. Keras passes `training` down only from `call`,
    not from `compute_loss`.
    """
    before = global_state.get_global_attribute("current_call_ctx")
    context = CallContext(entry_layer=None)
    context.set_value("training", training)
    global_state.set_global_attribute("current_call_ctx", context)
    try:
        yield
    finally:
        global_state.set_global_attribute("current_call_ctx", before)


def has_loss(model):
    """Whether `compile` was given a loss."""
    return model._compile_loss is not None


def forget_loss(model):
    """Removes the loss of an earlier compile. Keras keeps it if the next compile has no loss."""
    model.loss = model._compile_loss = None


def has_metrics(model):
    """Whether `compile` was given metrics."""
    return model._compile_metrics is not None


def log_loss(model, loss, count):
    """Logs the loss of `count` examples: `fit` logs the mean over examples.

    `compute_loss` has divided it by the number of replicas, as Keras does.
    """
    model._loss_tracker.update_state(
        keras_loss.unscale_loss_for_distribution(loss), sample_weight=count
    )


def add_to_logged_loss(model, amount):
    """Adds `amount` to the sum of losses; `fit` logs the mean of that sum.

    Keras gives all replicas the same weight, however many examples they hold.
    """
    model._loss_tracker.total.assign_add(amount)


def is_made_in_a_scope(model):
    """Whether the model was made inside the scope of a strategy.

    `distribute_strategy` does not tell: it returns the default strategy, too.
    """
    return model._distribute_strategy is not None


def all_layers(model):
    """The model and all layers in it, at any depth."""
    return list(model._flatten_layers())


def outputs_of_layers(model):
    """All (layer, output) pairs of the functional models inside `model`.

    The outputs are symbolic tensors: they have a shape and no values.
    """
    for layer in model._flatten_layers():
        for node in getattr(layer, "_inbound_nodes", ()):
            yield from ((layer, output) for output in node.outputs)


def seed_generators(model):
    """The seed generators of all layers."""
    return [generator for layer in model._flatten_layers() for generator in layer._seed_generators]


def first_epoch(model):
    """The number of the first epoch of `fit` if a backup was restored, else None."""
    return model._initial_epoch


def set_first_epoch(model, number):
    """Lets `fit` begin at this epoch, as keras.callbacks.BackupAndRestore does."""
    model._initial_epoch = number


def mark_padding(tensor, mask):
    """Tells Keras' metrics which steps to skip: they look for a mask on the prediction."""
    tensor._keras_mask = mask
    return tensor


class BlockwiseProgress(keras.callbacks.ProgbarLogger):
    """Keras' progress bar, for steps that run in blocks.

    The data may end inside a block. Keras counts to the end of the block all the same: 448/430.
    """

    def _update_progbar(self, batch, logs=None):
        super()._update_progbar(batch if self.target is None else min(batch, self.target - 1), logs)


class KerasHooks(keras.Model):
    """Private methods that Keras calls on a model while it trains."""

    def _get_metrics_result_or_logs(self, logs):
        # On several workers a step returns no logs. Keras would then log nothing.
        return super()._get_metrics_result_or_logs(logs) if logs else self.get_metrics_result()

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        # Under a strategy, Keras averages the first batches of the replicas to learn the shape.
        # That fails if the batches differ in size.
        super()._maybe_symbolic_build(data_batch=self.example_batch())

    def example_batch(self):
        """A batch of zeros, in the form that `fit` feeds: (x, y)."""
        raise NotImplementedError
