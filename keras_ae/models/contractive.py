"""The contractive autoencoder: a code that small changes of the input leave where it is."""

import keras
import tensorflow as tf

from keras_ae.models.ae import AE
from keras_ae.models.autoencoder import trained_by
from keras_ae.utils import seeds, validation


@keras.saving.register_keras_serializable("keras_ae")
class ContractiveAE(AE):
    """Contractive autoencoder: an AE that pays for the sensitivity of its code to the input.

    objective(x) = -log p(x|g(x)) + weight * ||J||^2,  J = dg(x)/dx, nats an example

    J is the encoder's Jacobian, (latent_dim, size of x), and ||J|| its Frobenius norm. It is computed by backward passes through any
    encoder, not by a formula for one layer. The logs hold loss, reconstruction and penalty, and loss = reconstruction + penalty.

    Args:
        shape, latent_dim, network, widths, activation, likelihood: as in `AE`.
        weight: float >= 0, nats a unit of the squared norm.
        jacobian: "exact": all rows, latent_dim backward passes a step. Or an int, S: Hutchinson's estimate from S random combinations
            of the rows, E||v^T J||^2 = ||J||^2 for v ~ N(0, I), unbiased and S backward passes a step, for larger codes.

    Input and output shape: as in `AE`.

    Raises:
        ValueError: an argument does not fit.

    Source: Rifai et al., "Contractive auto-encoders", ICML 2011, equation 7; the estimate: Hutchinson, Communications in Statistics 1989.
    """

    logged = ("reconstruction", "penalty")
    why_no_loss = trained_by("a ContractiveAE", "its log-likelihood and its penalty")

    def __init__(
        self,
        shape,
        latent_dim,
        network="dense",
        widths=None,
        activation=None,
        likelihood=None,
        weight=0.1,
        jacobian="exact",
        **kwargs,
    ):
        validation.at_least_zero(weight, "weight")
        counted = validation.is_integer(jacobian) and jacobian >= 1
        if jacobian != "exact" and not counted:
            raise ValueError(
                f'Expected `jacobian` to be "exact" or a positive integer. Received: jacobian={jacobian!r}'
            )
        super().__init__(shape, latent_dim, network, widths, activation, likelihood, **kwargs)
        self.weight, self.jacobian = weight, jacobian

    def objective(self, x, target):
        reconstruction, penalty = (
            super().objective(x, target),
            self.weight * self._squared_jacobian(x, self.draw_seed()),
        )
        self.log(reconstruction=reconstruction, penalty=penalty)
        return reconstruction + penalty

    def squared_jacobian(self, x, seed=None):
        """The penalty without its weight, ||J||^2, exact or estimated, as `jacobian` says: (batch, *shape) -> (batch,).

        seed: int for a reproducible estimate, None for a fresh one.
        """
        return self._squared_jacobian(
            self.checked(x), self.draw_seed() if seed is None else seeds.from_int(seed)
        )

    def _squared_jacobian(self, x, seed):
        """||J||^2 in a graph: float tensor (batch, *shape), int32 (2,) -> (batch,)."""
        rows = self.latent_dim if self.jacobian == "exact" else self.jacobian
        shape = (rows, len(x) if tf.executing_eagerly() else tf.shape(x)[0], self.latent_dim)
        if self.jacobian == "exact":
            v = tf.broadcast_to(
                tf.eye(rows)[:, tf.newaxis], shape
            )  # (latent_dim, batch, latent_dim): a unit vector for each row
        else:
            v = seeds.normal(shape, seed) / rows**0.5  # (S, batch, latent_dim)
        tiled = tf.tile(
            x, (rows, *[1] * len(self.shape))
        )  # (batch, *shape) -> (rows * batch, *shape)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(tiled)
            code = tf.cast(self.code_of(tiled), "float32")
            combined = tf.reduce_sum(code * tf.reshape(v, (-1, self.latent_dim)))
        products = tape.gradient(combined, tiled)  # v^T J: (rows * batch, *shape)
        squares = tf.reduce_sum(
            tf.square(products), axis=list(range(1, len(self.shape) + 1))
        )  # (rows * batch,)
        return tf.reduce_sum(tf.reshape(squares, shape[:2]), axis=0)  # (rows, batch) -> (batch,)

    def get_config(self):
        return {**super().get_config(), "weight": self.weight, "jacobian": self.jacobian}
