"""Posteriors q(z|x): they turn the encoder's output into a distribution over codes."""

import math

import keras
import tensorflow as tf
import tensorflow_probability as tfp
from keras import ops

from keras_ae.distributions import base, densities


class Posterior(base.Distribution):
    """q(z|x): takes the encoder's output and returns a distribution over codes z.

    Input shape: (batch, params_size(latent_dim)).
    Output: batch shape (batch,), event shape (latent_dim,).

    Attributes:
        evaluates_any_code: bool. False: it knows only the density of its own draws.
    """

    evaluates_any_code = True

    def build(self, input_shape):
        """Makes the posterior's own weights, if it has any.

        Args:
            input_shape: (None, params_size(latent_dim)).
        """
        self.built = True

    def centre(self, params):
        """The deterministic code: the mean of q(z|x), if it is known.

        Args:
            params: tensor (batch, params_size(latent_dim)), the encoder's output.

        Returns:
            tensor (batch, latent_dim).
        """
        return self(params).mean()


@keras.saving.register_keras_serializable("keras_ae")
class DiagonalGaussian(Posterior):
    """q(z|x) = N(z; loc, diag(scale)^2).

    Input shape: (batch, 2 * latent_dim): loc, then the scale before softplus.
    Output: batch shape (batch,), event shape (latent_dim,).

    For example:

        posterior = keras_ae.distributions.DiagonalGaussian()
        params = np.zeros((5, posterior.params_size(3)), "float32")  # (5, 6)
        posterior(params).sample()  # (5, 3)

    Source: Kingma & Welling, "Auto-encoding variational Bayes", ICLR 2014, equation 9.
    """

    def params_size(self, event_shape):
        return 2 * base.size(event_shape)

    def call(self, params):
        # (batch, 2 * latent_dim) -> 2 x (batch, latent_dim)
        loc, raw_scale = ops.split(params, 2, axis=-1)
        return densities.DiagonalNormal(loc, base.positive(raw_scale))


@keras.saving.register_keras_serializable("keras_ae")
class FullGaussian(Posterior):
    """q(z|x) = N(z; loc, L L^T), where L is lower triangular with a positive diagonal.

    Input shape: (batch, 2 * latent_dim + latent_dim * (latent_dim - 1) / 2): loc, the diagonal of L
    before softplus, and the entries of L below its diagonal, times sqrt(latent_dim), in the order
    of `tfp.math.fill_triangular`.
    Output: batch shape (batch,), event shape (latent_dim,).

    For example:

        posterior = keras_ae.distributions.FullGaussian()
        params = np.zeros((5, posterior.params_size(3)), "float32")  # (5, 9)
        posterior(params).sample()  # (5, 3)
    """

    def params_size(self, event_shape):
        n = base.size(event_shape)
        return 2 * n + n * (n - 1) // 2

    def call(self, params):
        # params = 2 n + n (n - 1) / 2  =>  n = (sqrt(9 + 8 params) - 3) / 2
        n = (math.isqrt(9 + 8 * params.shape[-1]) - 3) // 2
        loc, raw_diagonal, entries = ops.split(params, (n, 2 * n), axis=-1)
        # tfb.FillScaleTriL would do the same. But under XLA the gradient of its set_diag does not
        # compile when the batch size is unknown.
        scale = tf.linalg.diag(base.positive(raw_diagonal))  # (batch, n, n)
        if n > 1:
            # Division by sqrt(n) lets a new network start near a diagonal L. Without it, the draws
            # are so noisy at first that the model stops using most dimensions.
            # (batch, n (n - 1) / 2) -> (batch, n - 1, n - 1)
            below = tfp.math.fill_triangular(entries / math.sqrt(n))
            leading = [(0, 0)] * (below.shape.rank - 2)
            # -> (batch, n, n): one row above and one column on the right move it below the diagonal
            scale += tf.pad(below, (*leading, (1, 0), (0, 1)))
        return densities.TriangularNormal(loc, scale)
