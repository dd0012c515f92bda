"""One step of training or testing, inside a graph, on one replica."""

import keras
import tensorflow as tf
from keras import ops

from keras_ae.training import keras_internals, records, replicas
from keras_ae.utils import inputs


class Steps:
    """The steps of a `Trainer`: the gradients, the loss and the metrics of a batch."""

    def training_input(self, x):
        """What the network sees in fit and evaluate: x itself, unless a subclass corrupts it."""
        return x

    def training_target(self, x, y):
        """What the objective explains: y if there is one, else x; float (batch, *shape)."""
        return x if y is None else inputs.to_float(y, self.shape)

    def train_step(self, data):
        gradients, kept = self.gradients(data)
        if gradients:
            self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
        # Replicas wait for each other to assign. So they assign here, after all that they share.
        self.end_step(records.Record(kept=kept))
        return self.get_metrics_result()

    def gradients(self, data):
        """The first half of a training step: it changes no weights, and shares nothing.

        Args:
            data: x, (x, y) or (x, y, sample_weight), tensors of one replica.

        Returns:
            list of gradients, one per trainable weight; dict of what was kept for `end_step`.
        """
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        with records.recording() as record, tf.GradientTape() as tape:
            y_pred = self(x, training=True)
            options = {"sample_weight": sample_weight, "training": True}
            loss = self.compute_loss(x, y, y_pred, **options)
            keras_internals.log_loss(self, loss, tf.shape(x)[0])
            loss = self.optimizer.scale_loss(loss)
        gradients = tape.gradient(loss, self.trainable_weights)
        self.compute_metrics(x, y, y_pred, sample_weight)
        return gradients, record.kept

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        x = inputs.to_float(x, self.shape)
        target, count = self.training_target(x, y), ops.shape(x)[0]
        sample_weight, shares = replicas.split_shares(sample_weight)
        if sample_weight is None:
            weights = ops.ones((count,))
        else:
            weights = ops.cast(ops.reshape(sample_weight, (-1,)), "float32")
        if self.distribute_strategy.num_replicas_in_sync > 1:
            x, target, weights = (replicas.never_empty(array) for array in (x, target, weights))
        seen = self.training_input(x)
        if keras_internals.has_loss(self):
            with keras_internals.training_mode(training):
                y_pred = self.reconstruction_of(seen)
            weights = self.weights_of_a_loss(target, None if sample_weight is None else weights)
        else:
            # Keras divides a loss from add_loss by the number of replicas, but not one we return.
            self.add_loss(self._mean_objective(seen, target, weights, count, training))
        loss = super().compute_loss(x, target, y_pred, weights)
        return loss if shares is None else self._by_share(loss, count, shares)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        sample_weight, _ = replicas.split_shares(sample_weight)
        if keras_internals.has_metrics(self):
            x = inputs.to_float(x, self.shape)
            if self.training_input.__func__ is not Steps.training_input:
                # Metrics judge the reconstruction of what the network saw.
                with keras_internals.training_mode(False):
                    y_pred = self.reconstruction_of(self.training_input(x))
            target = self.training_target(x, y)
            y, y_pred, sample_weight = self.seen_by_metrics(x, target, y_pred, sample_weight)
        return super().compute_metrics(x, y, y_pred, sample_weight)

    # Inside

    def _mean_objective(self, seen, target, weights, count, training):
        """The weighted mean of the objective: (). Its parts go to the logs."""
        with records.recording() as record, keras_internals.training_mode(training):
            objective = self.objective(seen, target)
            records.keep(weights=weights)
        for name, part in record.parts.items():
            self._parts[name].update_state(_mean(part, weights), sample_weight=count)
        return _mean(objective, weights)

    def _by_share(self, loss, count, shares):
        """The loss of a replica, weighted by the replica's share of the global batch.

        Keras divides by the number of replicas, as if all had the same number of examples.
        The log is corrected, too: Keras takes the loss for the mean of `count` examples.
        """
        n, count = self.distribute_strategy.num_replicas_in_sync, ops.cast(count, "float32")
        share = ops.sum(shares) * n  # 1 if the examples are spread evenly
        keras_internals.add_to_logged_loss(self, loss * n * (1 - share) * count)
        return loss * share


def _mean(values, weights):
    """sum(values * weights) / count: (batch,), (batch,) -> ()."""
    count = ops.cast(ops.shape(values)[0], "float32")
    return ops.sum(ops.cast(values, "float32") * weights) / count
