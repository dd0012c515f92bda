"""Posteriors q(z|x): the encoder's output -> a distribution over codes."""

import math

import keras
import tensorflow as tf
import tensorflow_probability as tfp
from keras import ops

from keras_ae.distributions import base, tfp_extensions


class Posterior(base.Distribution):
    """q(z|x): takes the encoder's output, (batch, params_size(latent_dim)), gives a distribution over z, (latent_dim,).

    Attributes:
        evaluates_any_code: False for one that knows the density of its own draws only.
    """

    evaluates_any_code = True

    def build(self, input_shape):
        """Makes the weights of its own, if it has any. input_shape: (None, params_size(latent_dim))."""
        self.built = True

    def centre(self, params):
        """The deterministic code, (batch, latent_dim): the mean of q(z|x), where it is known."""
        return self(params).mean()


@keras.saving.register_keras_serializable("keras_ae")
class DiagonalGaussian(Posterior):
    """q(z|x) = N(z; loc, diag(scale)^2).

    Input shape: (batch, 2 * latent_dim): loc, then scale before softplus. Output: batch shape (batch,), event shape (latent_dim,).

    Source: Kingma & Welling, "Auto-encoding variational Bayes", ICLR 2014, equation 9.
    """

    def params_size(self, event_shape):
        return 2 * base.size(event_shape)

    def call(self, params):
        loc, raw_scale = ops.split(
            params, 2, axis=-1
        )  # (batch, 2 * latent_dim) -> 2 x (batch, latent_dim)
        return tfp_extensions.DiagonalNormal(loc, base.positive(raw_scale))


@keras.saving.register_keras_serializable("keras_ae")
class FullGaussian(Posterior):
    """q(z|x) = N(z; loc, L L^T), L lower triangular with a positive diagonal.

    Input shape: (batch, 2 * latent_dim + latent_dim * (latent_dim - 1) / 2): loc, the diagonal of L before softplus, and the entries
    below it, times sqrt(latent_dim), in the order of `tfp.math.fill_triangular`. Output: batch shape (batch,), event shape (latent_dim,).
    """

    def params_size(self, event_shape):
        n = base.size(event_shape)
        return 2 * n + n * (n - 1) // 2

    def call(self, params):
        # params = 2 n + n (n - 1) / 2  =>  n = (sqrt(9 + 8 params) - 3) / 2
        n = (math.isqrt(9 + 8 * params.shape[-1]) - 3) // 2
        loc, raw_diagonal, entries = ops.split(params, (n, 2 * n), axis=-1)
        # Not tfb.FillScaleTriL: the gradient of its set_diag does not compile under XLA when the batch size is not static.
        scale = tf.linalg.diag(base.positive(raw_diagonal))  # (batch, n, n)
        if n > 1:
            # Divided, so that a fresh network starts near a diagonal; else so much noise comes in that most dimensions are given up.
            below = tfp.math.fill_triangular(
                entries / math.sqrt(n)
            )  # (batch, n (n - 1) / 2) -> (batch, n - 1, n - 1)
            leading = [(0, 0)] * (below.shape.rank - 2)
            scale += tf.pad(
                below, (*leading, (1, 0), (0, 1))
            )  # (batch, n - 1, n - 1) -> (batch, n, n), moved below the diagonal
        return tfp_extensions.TriangularNormal(loc, scale)
