"""The autoencoder: it encodes an example as a short code and reconstructs the example from it."""

import keras

from keras_ae.models.autoencoder import Autoencoder


@keras.saving.register_keras_serializable("keras_ae")
class AE(Autoencoder):
    """Autoencoder: the encoder g computes a code z = g(x), and the decoder explains x by p(x|z).

    objective(x) = -log p(x|g(x)), nats per example

    With a Gaussian likelihood of fixed scale this is the squared error, up to constants. With a
    Bernoulli likelihood it is the binary cross-entropy.
    `compile(loss="mse")` trains with that Keras loss of x and the reconstruction instead.

    Args:
        shape: tuple, the shape of one example: (height, width, channels) or (features,).
        latent_dim: int, the size of a code z.
        network: "dense", "conv" or a pair (encoder, decoder) of keras.Models. The encoder maps
            (batch, *shape) to (batch, latent_dim). The decoder maps (batch, latent_dim) to
            (batch, *shape of the likelihood's parameters).
        widths: units or filters of the hidden layers, from the input to the code.
            None: the default of the network.
        activation: Keras activation of the hidden layers, or "glu" for gated layers.
            None: the default of the network.
        likelihood: a name or a layer of `keras_ae.distributions`.
            None: "bernoulli" for images, "gaussian" for vectors.

    Input shape: (batch, *shape), floats in the support of the likelihood, or integers 0-255.
    Output shape: (batch, *shape).

    Raises:
        ValueError: an argument does not fit.

    For example:

        ae = keras_ae.AE((28, 28, 1), latent_dim=32)
        ae.fit(x_train, epochs=1)
        codes = ae.encode(x_train)  # (60, 32)
        images = ae.decode(codes)  # (60, 28, 28, 1)

    Source: Hinton & Salakhutdinov, "Reducing the dimensionality of data with neural networks",
    Science 313, 2006.
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
