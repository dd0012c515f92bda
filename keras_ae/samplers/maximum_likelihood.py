"""The base of densities that are trained by maximum likelihood."""

import keras
from keras import ops


class MaximumLikelihood(keras.Model):
    """A keras.Model whose output is log p(x), (batch,), nats. `fit(x)` minimises -log p(x)."""

    def compile(self, optimizer="adam", **options):
        super().compile(optimizer, loss=_negative, **options)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        # No target: the output takes its place. Keras handles replicas and weights.
        return super().compute_loss(x, y_pred, y_pred, sample_weight, training)


def _negative(_, log_prob):
    return -ops.cast(log_prob, "float32")
