"""The regularised autoencoder: a VAE without noise, whose codes are sampled by a density fitted afterwards."""

import keras
import tensorflow as tf

from keras_ae.models.ae import AE
from keras_ae.models.autoencoder import trained_by
from keras_ae.utils import validation


@keras.saving.register_keras_serializable("keras_ae")
class RAE(AE):
    """Regularised autoencoder: an AE with small codes and a smooth decoder, so that what lies between its codes decodes well too.

    z = g(x),    objective(x) = -log p(x|z) + beta/2 * |z|^2 + decay * |theta|^2, nats an example

    theta are the kernels of the decoder. To draw images, fit a density to the codes: `keras_ae.samplers.fit(model, x)`. The logs hold
    loss, reconstruction and penalty, and loss = reconstruction + penalty.

    Args:
        shape, latent_dim, network, widths, activation, likelihood: as in `AE`.
        beta: float >= 0, the weight of the codes.
        decay: float >= 0, the weight of the decoder's kernels.

    Input and output shape: as in `AE`.

    Raises:
        ValueError: an argument does not fit.

    Source: Ghosh et al., "From variational to deterministic autoencoders", ICLR 2020, equations 7 and 8 (RAE-L2).
    """

    limits = "It has no prior: `keras_ae.samplers.fit` gives it one after training."
    logged = ("reconstruction", "penalty")
    why_no_loss = trained_by("an RAE", "its log-likelihood and its penalties")

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
        beta, decay = (
            validation.at_least_zero(beta, "beta"),
            validation.at_least_zero(decay, "decay"),
        )
        super().__init__(shape, latent_dim, network, widths, activation, likelihood, **kwargs)
        self.beta, self.decay = beta, decay

    def objective(self, x, target):
        z = tf.cast(self.code_of(x), "float32")
        reconstruction = -self.likelihood(z).log_prob(target)
        kernels = [weight for weight in self.decoder.trainable_weights if len(weight.shape) > 1]
        decoder = tf.add_n(
            [tf.reduce_sum(tf.square(tf.cast(kernel, "float32"))) for kernel in kernels]
        )
        penalty = 0.5 * self.beta * tf.reduce_sum(tf.square(z), axis=-1) + self.decay * decoder
        self.log(reconstruction=reconstruction, penalty=penalty)
        return reconstruction + penalty

    def get_config(self):
        return {**super().get_config(), "beta": self.beta, "decay": self.decay}
