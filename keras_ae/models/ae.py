"""The autoencoder: a code, and a reconstruction from it."""

import keras

from keras_ae.models.autoencoder import Autoencoder


@keras.saving.register_keras_serializable("keras_ae")
class AE(Autoencoder):
    """Autoencoder: z = g(x), trained to explain x by p(x|z).

    objective(x) = -log p(x|g(x)), nats an example

    With a Gaussian likelihood that is the squared error, but for constants; with a Bernoulli likelihood the binary cross-entropy.
    `compile(loss="mse")` trains by exactly that loss of x and the reconstruction instead.

    Args:
        shape: tuple, the shape of one example: (height, width, channels) or (features,).
        latent_dim: int, the size of a code z.
        network: "dense", "conv" or a pair (encoder, decoder) of keras.Models, (batch, *shape) -> (batch, latent_dim) and
            (batch, latent_dim) -> (batch, *what the likelihood asks for).
        widths: units or filters of the hidden layers from the input to the code; None for the network's own.
        activation: Keras activation of the hidden layers, "glu" for gated ones; None for the network's own.
        likelihood: a name or a layer of `keras_ae.distributions`; None: "bernoulli" for images, "gaussian" for vectors.

    Input shape: (batch, *shape), floats in the likelihood's support, or integers 0-255. Output shape: (batch, *shape).

    Raises:
        ValueError: an argument does not fit.

    Source: Hinton & Salakhutdinov, "Reducing the dimensionality of data with neural networks", Science 313, 2006.
    """

    def __init__(
        self,
        shape,
        latent_dim,
        network="dense",
        widths=None,
        activation=None,
        likelihood=None,
        **kwargs,
    ):
        super().__init__(
            shape,
            latent_dim,
            network,
            widths,
            activation,
            likelihood,
            code_size=latent_dim,
            **kwargs,
        )

    def objective(self, x, target):
        return -self.likelihood(self.code_of(x)).log_prob(target)
