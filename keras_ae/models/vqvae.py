"""The vector-quantised autoencoder: a code of discrete symbols."""

import keras
from keras import ops

from keras_ae.models.autoencoder import Autoencoder, trained_by
from keras_ae.models.quantization import Quantized, VectorQuantizer
from keras_ae.utils import validation


@keras.saving.register_keras_serializable("keras_ae")
class VQVAE(Quantized, Autoencoder):
    """Vector-quantised variational autoencoder: a code is a few symbols, each the number of a row of a codebook.

    z = rows of the codebook nearest to g(x),    objective(x) = -log p(x|z) + commitment * |g(x) - z|^2, nats an example

    The code (latent_dim) is cut into latent_dim / width vectors. The gradient of z goes to g(x) as it is (straight-through); the codebook
    follows by moving averages, without a gradient. The logs hold loss, reconstruction, commitment (times its weight) and perplexity, the
    number of rows in use, exp of the entropy of their use in recent batches; loss = reconstruction + commitment.

    Args:
        shape, latent_dim, network, widths, activation, likelihood: as in `AE`. For a code with a symbol for each part of the image:
            `network=keras_ae.networks.residual(shape, n, n, shape, code="map")`, n = latent_dim = 49 * width for 28x28 images.
        size: int, the number of rows of the codebook.
        width: int, the size of a row, which divides latent_dim; None: latent_dim, one symbol an example.
        commitment: float >= 0.

    Input and output shape: as in `AE`. `encode` gives the rows, `symbols` their numbers.

    Raises:
        ValueError: an argument does not fit.

    Source: van den Oord et al., "Neural discrete representation learning", NeurIPS 2017, equation 3 and appendix A.1.
    """

    limits = "It has no prior over its symbols: symbols drawn at random decode to no likely image."
    told = ("size", "width")
    examples = (
        "model.encode(x)  # codes",
        "model.symbols(x)  # the codes as numbers of rows of the codebook",
        "model.reconstruct(x)  # x: {input}",
    )
    logged = ("reconstruction", "commitment", "perplexity")
    why_no_loss = trained_by("a VQVAE", "its log-likelihood and its commitment")

    def __init__(
        self,
        shape,
        latent_dim,
        network="dense",
        widths=None,
        activation=None,
        likelihood=None,
        size=512,
        width=None,
        commitment=0.25,
        **kwargs,
    ):
        validation.positive_int(size, "size")
        validation.at_least_zero(commitment, "commitment")
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
        width = latent_dim if width is None else validation.positive_int(width, "width")
        if latent_dim % width:
            raise ValueError(
                f"Expected `width` to divide latent_dim={latent_dim}. Received: width={width}"
            )
        self.width, self.commitment = width, commitment
        self.quantizer = VectorQuantizer(size, width)

    @property
    def quantizers(self):
        """The codebooks, a list: one, here."""
        return [self.quantizer]

    @property
    def map_shapes(self):
        """The maps that the symbols of a code make up, a list of (height, width): of one, here.

        It is the last map of the encoder, each of whose places has one symbol, or several side by side; a row, where that does not divide.
        """
        outputs = (
            [layer.output for layer in self.encoder.layers]
            if hasattr(self.encoder, "output")
            else []
        )  # not of a subclass
        height, width = next(
            (output.shape[1:3] for output in reversed(outputs) if len(output.shape) == 4), (1, 1)
        )
        each, rest = divmod(self.symbols_per_code, height * width)
        return [(1, self.symbols_per_code) if rest else (height, width * each)]

    def get_config(self):
        config = {"size": self.quantizer.size, "width": self.width, "commitment": self.commitment}
        return {**super().get_config(), **config}

    def _levels(self, x):
        vectors = ops.reshape(self.encoder(x), (-1, self.latent_dim))
        return [self._level(self.quantizer, vectors)]
