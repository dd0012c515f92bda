"""The regularised autoencoder: an AE without noise, sampled by a density fitted to its codes."""

import keras
import tensorflow as tf

from keras_ae.models.ae import AE
from keras_ae.models.autoencoder import trained_by
from keras_ae.utils import validation


@keras.saving.register_keras_serializable("keras_ae")
class RAE(AE):
    """Regularised autoencoder: an AE with small codes and a smooth decoder.

    z = g(x),  objective(x) = -log p(x|z) + beta/2 * |z|^2 + decay * |theta|^2, nats per example

    theta are the kernels of the decoder. The two penalties make points between the codes decode
    well too. To draw images, fit a density to the codes: `keras_ae.samplers.fit(model, x)`.
    The logs hold loss, reconstruction and penalty, and loss = reconstruction + penalty.

    Args:
        shape, latent_dim, network, widths, activation, likelihood: as in `AE`.
        beta: float >= 0, the weight of the penalty on the codes.
        decay: float >= 0, the weight of the penalty on the decoder's kernels.

    Input and output shape: as in `AE`.

    Raises:
        ValueError: an argument does not fit.

    For example:

        rae = keras_ae.RAE((28, 28, 1), latent_dim=16)
        walks = rae.interpolate(x_train[:4], x_train[4:8], steps=5)  # (4, 5, 28, 28, 1)

    Source: Ghosh et al., "From variational to deterministic autoencoders", ICLR 2020, equations 7
    and 8 (RAE-L2).
    """

    limits = "It has no prior. After training, `keras_ae.samplers.fit` fits one to its codes."
    logged = ("reconstruction", "penalty")
    why_no_loss = trained_by("an RAE", "-log p(x|z) and its penalties")

    def __init__(
        self,
        shape,
        latent_dim,
        network="dense",
        widths=None,
        activation=None,
        likelihood=None,
        beta=0.1,
        decay=1e-3,
        **kwargs,
    ):
        validation.at_least_zero(beta, "beta")
        validation.at_least_zero(decay, "decay")
        super().__init__(shape, latent_dim, network, widths, activation, likelihood, **kwargs)
        self.beta, self.decay = beta, decay

    def objective(self, x, target):
        z = tf.cast(self.code_of(x), "float32")
        reconstruction = -self.likelihood(z).log_prob(target)
        kernels = [weight for weight in self.decoder.trainable_weights if len(weight.shape) > 1]
        squares = [tf.reduce_sum(tf.square(tf.cast(kernel, "float32"))) for kernel in kernels]
        of_codes = 0.5 * self.beta * tf.reduce_sum(tf.square(z), axis=-1)  # (batch,)
        penalty = of_codes + self.decay * tf.add_n(squares)  # (batch,)
        self.log(reconstruction=reconstruction, penalty=penalty)
        return reconstruction + penalty

    def get_config(self):
        return {**super().get_config(), "beta": self.beta, "decay": self.decay}
