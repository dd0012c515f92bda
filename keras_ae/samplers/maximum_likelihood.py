"""Densities that are trained by maximum likelihood, each a plain `keras.Model`."""

import keras
from keras import ops


class MaximumLikelihood(keras.Model):
    """A model whose output is log p(x), (batch,), nats, and whose loss is -log p(x), so that `fit(x)` needs no target."""

    def compile(self, optimizer="adam", **options):
        super().compile(optimizer, loss=_negative, **options)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return super().compute_loss(
            x, y_pred, y_pred, sample_weight, training
        )  # of replicas and weights, Keras takes care


def _negative(_, log_prob):
    return -ops.cast(log_prob, "float32")
