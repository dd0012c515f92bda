"""The contractive autoencoder: small changes of the input hardly change its code."""

import keras
import tensorflow as tf

from keras_ae.models.ae import AE
from keras_ae.models.autoencoder import trained_by
from keras_ae.utils import seeds, validation


@keras.saving.register_keras_serializable("keras_ae")
class ContractiveAE(AE):
    """Contractive autoencoder: an AE that pays for the sensitivity of its code to the input.

    objective(x) = -log p(x|g(x)) + weight * ||J||^2,  J = dg(x)/dx, nats per example

    J is the encoder's Jacobian, a matrix (latent_dim, size of x). ||J|| is its Frobenius norm.
    Backward passes compute it, so any encoder works.
    The logs hold loss, reconstruction and penalty, and loss = reconstruction + penalty.

    Args:
        shape, latent_dim, network, widths, activation, likelihood: as in `AE`.
        weight: float >= 0, nats per unit of the squared norm.
        jacobian: "exact": all rows of J, by latent_dim backward passes per step.
            int S, for larger codes: Hutchinson's estimate from S random combinations of the rows,
            by S backward passes per step. It is unbiased: E||v^T J||^2 = ||J||^2 for v ~ N(0, I).

    Input and output shape: as in `AE`.

    Raises:
        ValueError: an argument does not fit.

    For example:

        model = keras_ae.ContractiveAE((28, 28, 1), latent_dim=32, jacobian=4)
        model.squared_jacobian(x_train)  # (60,): the estimate of ||J||^2 for each image

    Source: Rifai et al., "Contractive auto-encoders", ICML 2011, equation 7; the estimate:
    Hutchinson, Communications in Statistics 1989.
    """

    logged = ("reconstruction", "penalty")
    why_no_loss = trained_by("a ContractiveAE", "-log p(x|z) and its penalty")

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
        is_count = validation.is_integer(jacobian) and jacobian >= 1
        if jacobian != "exact" and not is_count:
            expected = '"exact" or a positive integer'
            raise ValueError(
                f"Expected `jacobian` to be {expected}. Received: jacobian={jacobian!r}"
            )
        super().__init__(shape, latent_dim, network, widths, activation, likelihood, **kwargs)
        self.weight, self.jacobian = weight, jacobian

    def objective(self, x, target):
        reconstruction = super().objective(x, target)
        penalty = self.weight * self._squared_jacobian(x, self.draw_seed())
        self.log(reconstruction=reconstruction, penalty=penalty)
        return reconstruction + penalty

    def squared_jacobian(self, x, seed=None):
        """The penalty without its weight, ||J||^2: exact or estimated, as set by `jacobian`.

        Args:
            x: array (batch, *shape); integers are pixels 0-255.
            seed: int for a reproducible estimate, None for a fresh one.

        Returns:
            tensor (batch,).

        Raises:
            ValueError: as in `encode`.
        """
        seed = self.draw_seed() if seed is None else seeds.from_int(seed)
        return self._squared_jacobian(self.checked(x), seed)

    def _squared_jacobian(self, x, seed):
        """The squared norm ||J||^2 in a graph: float (batch, *shape), int32 (2,) -> (batch,)."""
        exact = self.jacobian == "exact"
        rows = self.latent_dim if exact else self.jacobian
        batch = len(x) if tf.executing_eagerly() else tf.shape(x)[0]
        shape = (rows, batch, self.latent_dim)
        if exact:  # a unit vector for each row of J
            v = tf.broadcast_to(tf.eye(rows)[:, tf.newaxis], shape)  # (rows, batch, latent_dim)
        else:
            v = seeds.normal(shape, seed) / rows**0.5  # (rows, batch, latent_dim)
        axes = len(self.shape)
        tiled = tf.tile(x, (rows, *[1] * axes))  # (batch, *shape) -> (rows * batch, *shape)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(tiled)
            code = tf.cast(self.code_of(tiled), "float32")
            combined = tf.reduce_sum(code * tf.reshape(v, (-1, self.latent_dim)))
        products = tape.gradient(combined, tiled)  # v^T J: (rows * batch, *shape)
        squares = tf.square(products)
        norms = tf.reduce_sum(squares, axis=list(range(1, axes + 1)))  # (rows * batch,)
        return tf.reduce_sum(tf.reshape(norms, shape[:2]), axis=0)  # (rows, batch) -> (batch,)

    def get_config(self):
        return {**super().get_config(), "weight": self.weight, "jacobian": self.jacobian}
