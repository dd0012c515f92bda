"""The vector-quantised autoencoder: a code of discrete symbols."""

import keras
from keras import ops

from keras_ae.models.autoencoder import Autoencoder, trained_by
from keras_ae.models.quantization import Quantized, VectorQuantizer
from keras_ae.utils import validation


@keras.saving.register_keras_serializable("keras_ae")
class VQVAE(Quantized, Autoencoder):
    """Vector-quantised autoencoder: a code is a few symbols, the numbers of rows of a codebook.

    z = the rows nearest to g(x)
    objective(x) = -log p(x|z) + commitment * |g(x) - z|^2, nats per example

    g(x) has latent_dim values. It is cut into latent_dim / width vectors, and each vector is
    replaced by the nearest row of the codebook.
    The gradient of z passes to g(x) unchanged (straight-through). The codebook learns by moving
    averages, without a gradient.
    The logs hold loss, reconstruction, commitment (including its weight) and perplexity, and
    loss = reconstruction + commitment. The perplexity is the number of rows in use: exp of the
    entropy of their use in recent batches.

    Args:
        shape, latent_dim, network, widths, activation, likelihood: as in `AE`. For one symbol per
            part of the image: `network=keras_ae.networks.residual(shape, n, n, shape, code="map")`
            with n = latent_dim, which is 49 * width for 28x28 images.
        size: int, the number of rows of the codebook.
        width: int, the size of a row. It must divide latent_dim.
            None: latent_dim, so that a code is one symbol.
        commitment: float >= 0, the weight of the commitment term.

    Input and output shape: as in `AE`. `encode` returns the rows, `symbols` their numbers.

    Raises:
        ValueError: an argument does not fit.

    For example:

        model = keras_ae.VQVAE((28, 28, 1), latent_dim=64, size=128, width=16)
        symbols = model.symbols(x_train)  # (60, 4), integers from 0 to 127
        images = model.decode_symbols(symbols)  # (60, 28, 28, 1)

    Source: van den Oord et al., "Neural discrete representation learning", NeurIPS 2017, equation 3
    and appendix A.1.
    """

    limits = "It has no prior over its symbols: random symbols do not decode to a realistic image."
    told = ("size", "width")
    examples = (
        "model.encode(x)  # codes",
        "model.symbols(x)  # the codes as numbers of rows of the codebook",
        "model.reconstruct(x)  # x: {input}",
    )
    logged = ("reconstruction", "commitment", "perplexity")
    why_no_loss = trained_by("a VQVAE", "-log p(x|z) and its commitment")

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
            shape, latent_dim, network, widths, activation, likelihood, latent_dim, **kwargs
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
        """The codebooks: a list of one VectorQuantizer."""
        return [self.quantizer]

    @property
    def map_shapes(self):
        """The shape of the map that the symbols of a code form: a list of one (height, width).

        It is the shape of the last map of the encoder, with one or more symbols per place, side by
        side. If the places do not divide the number of symbols, the map is a single row.
        """
        # A subclassed encoder has no `output`.
        functional = hasattr(self.encoder, "output")
        outputs = [layer.output for layer in self.encoder.layers] if functional else []
        maps = [output for output in outputs if len(output.shape) == 4]
        height, width = maps[-1].shape[1:3] if maps else (1, 1)
        per_place, rest = divmod(self.symbols_per_code, height * width)
        return [(1, self.symbols_per_code) if rest else (height, width * per_place)]

    def get_config(self):
        config = {"size": self.quantizer.size, "width": self.width, "commitment": self.commitment}
        return {**super().get_config(), **config}

    def _levels(self, x):
        vectors = ops.reshape(self.encoder(x), (-1, self.latent_dim))
        return [self._level(self.quantizer, vectors)]
