"""Every private name of Keras that we touch, each a named function with the reason, so that it can go when Keras has a public one."""

import contextlib

import keras
from keras.src.backend.common import global_state
from keras.src.layers.layer import CallContext
from keras.src.trainers.data_adapters.data_adapter import DataAdapter

__all__ = [
    "DataAdapter"
]  # Keras takes any subclass as the data of `fit`, but does not export the class (Keras 3.15)


@contextlib.contextmanager
def training_mode(training):
    """Tells all layers that are called inside whether they train, as the call of an outer layer would.

    A loss that calls layers has no outer layer: Keras passes `training` down from `call` alone, not from `compute_loss`.
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
    """Before `compile`: Keras keeps the loss of an earlier compile when the new one is None."""
    model.loss = model._compile_loss = None


def has_metrics(model):
    """Whether `compile` was given metrics."""
    return model._compile_metrics is not None


def add_to_logged_loss(model, amount):
    """Adds to the sum whose mean `fit` shows as the loss. Keras weighs the losses of replicas alike, whatever they hold."""
    model._loss_tracker.total.assign_add(amount)


def is_made_in_a_scope(model):
    """Whether the model was made in the scope of a strategy; `distribute_strategy` does not tell."""
    return model._distribute_strategy is not None


def all_layers(model):
    """The model and all layers in it, however deep."""
    return list(model._flatten_layers())


def outputs_of_layers(model):
    """Pairs of a layer and an output of it, for all layers in functional models: symbolic tensors, which have shapes alone."""
    for layer in model._flatten_layers():
        for node in getattr(layer, "_inbound_nodes", ()):
            yield from ((layer, output) for output in node.outputs)


def seed_generators(model):
    """The generators of random seeds of all layers."""
    return [generator for layer in model._flatten_layers() for generator in layer._seed_generators]


def first_epoch(model):
    """The number of the first epoch of `fit` where a backup was restored, else None."""
    return model._initial_epoch


def set_first_epoch(model, number):
    """Lets `fit` begin at another epoch, as keras.callbacks.BackupAndRestore does."""
    model._initial_epoch = number


def mark_padding(tensor, mask):
    """Tells Keras' metrics which steps to leave out: they look for the mask on the prediction."""
    tensor._keras_mask = mask
    return tensor


class BlockwiseProgress(keras.callbacks.ProgbarLogger):
    """Keras' progress bar, which would count to the end of a block of steps also where the data end before it: 448/430."""

    def _update_progbar(self, batch, logs=None):
        super()._update_progbar(batch if self.target is None else min(batch, self.target - 1), logs)


class KerasHooks(keras.Model):
    """What Keras asks a model by private names while it trains."""

    def _get_metrics_result_or_logs(self, logs):
        # On several workers a step returns no logs, and Keras would take them for all that there is.
        return super()._get_metrics_result_or_logs(logs) if logs else self.get_metrics_result()

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        # Under a strategy, Keras averages the replicas' first batches to learn their shape, and fails where they differ in size.
        super()._maybe_symbolic_build(data_batch=self.example_batch())

    def example_batch(self):
        """A batch of zeros, as `fit` feeds them: (x, y)."""
        raise NotImplementedError
