"""The vector-quantised autoencoder of two maps: what a picture shows in one, how it looks close up in the other."""

import math

import keras
from keras import ops

from keras_ae import distributions, networks
from keras_ae.models.autoencoder import Autoencoder, trained_by
from keras_ae.models.quantization import Quantized, VectorQuantizer
from keras_ae.utils import inputs, validation


@keras.saving.register_keras_serializable("keras_ae")
class VQVAE2(Quantized, Autoencoder):
    """VQ-VAE-2 of images: a code is two maps of symbols, a top one and a bottom one of twice its height and width.

    h = encoder(x),    z_top = rows nearest to g_top(h),    z_bottom = rows nearest to g_bottom(h, z_top),    z = (z_top, z_bottom)
    objective(x) = -log p(x|z) + commitment * (|g_top(h) - z_top|^2 + |g_bottom(h, z_top) - z_bottom|^2), nats an example

    The top map sees the most of the image at each place and takes what is large; the bottom map is encoded given the top one, and takes
    the details that it leaves. The decoder sees both. Each has a codebook, which learns as that of a `VQVAE`; its gradient goes straight
    through, that of z_bottom also to z_top. The logs hold loss, reconstruction, commitment (times its weight), and the perplexity of both
    codebooks; loss = reconstruction + commitment.

    A code is the rows of both maps side by side, those of the top map first, each map in reading order, so that latent_dim is not asked
    for: it is `width` for each symbol of `map_shapes`. For 28x28 images and two widths, a top map of 7x7 and a bottom one of 14x14.
    `keras_ae.samplers.fit(model, x, kind="pixelcnn")` gives a prior of the top map, and one of the bottom map given the top.

    Args:
        shape: (height, width, channels) of one image; any height and width. A sampler wants multiples of what the widths divide by.
        widths: sequence of ints, at least two: channels of the convolutions, each of which halves height and width. The last one leads to
            the top map, those before it to the bottom map.
        activation, likelihood: as in `AE`.
        size: int, the number of rows of each codebook.
        width: int, the size of a row.
        commitment: float >= 0.
        blocks: int >= 0, the number of residual blocks at each resolution, in the encoders and in the decoder.

    Input and output shape: as in `AE`. `encode` gives the rows, `symbols` their numbers.

    Raises:
        ValueError: an argument does not fit.

    Source: Razavi et al., "Generating diverse high-fidelity images with VQ-VAE-2", NeurIPS 2019, section 3.1 and algorithm 1.
    """

    limits = "It has no prior over its symbols: symbols drawn at random decode to no likely image."
    told = ("size", "width")
    examples = (
        "model.encode(x)  # codes",
        "model.symbols(x)  # the codes as numbers of rows of the codebook",
        "model.reconstruct(x)  # x: {input}",
    )
    logged = ("reconstruction", "commitment", "top_perplexity", "bottom_perplexity")
    why_no_loss = trained_by("a VQVAE2", "its log-likelihood and its commitment")

    def __init__(
        self,
        shape,
        widths=(32, 64),
        activation=None,
        likelihood=None,
        size=512,
        width=16,
        commitment=0.25,
        blocks=2,
        **kwargs,
    ):
        validation.positive_int(size, "size")
        validation.positive_int(width, "width")
        validation.at_least_zero(commitment, "commitment")
        validation.at_least(blocks, "blocks", 0)
        shape, widths = inputs.example_shape(shape), tuple(widths)
        *_, bottom, top = networks.sizes_of_levels(shape, widths)
        likelihood = distributions.get(
            distributions.Likelihood, "bernoulli" if likelihood is None else likelihood
        )
        params = (*shape[:-1], likelihood.params_size(shape[-1]))
        encoder, bottom_encoder, decoder = networks.two_levels(
            shape, width, params, widths, activation or "gelu", blocks
        )
        own, code_size, latent_dim = (
            (encoder, decoder),
            encoder.output_shape[-1],
            decoder.input_shape[-1],
        )
        super().__init__(shape, latent_dim, own, None, None, likelihood, code_size, **kwargs)
        self._network |= {"widths": widths, "activation": activation, "blocks": blocks}
        self.width, self.commitment, self.map_shapes = width, commitment, [top, bottom]
        self.bottom_encoder = bottom_encoder
        self.top_quantizer, self.quantizer = (
            VectorQuantizer(size, width),
            VectorQuantizer(size, width),
        )

    @property
    def quantizers(self):
        """The codebooks, a list: that of the top map, that of the bottom map."""
        return [self.top_quantizer, self.quantizer]

    def get_config(self):
        return {
            "name": self.name,
            "shape": self.shape,
            "widths": self._network["widths"],
            "activation": self._network["activation"],
            "likelihood": keras.saving.serialize_keras_object(self.likelihood_layer),
            "size": self.quantizer.size,
            "width": self.width,
            "commitment": self.commitment,
            "blocks": self._network["blocks"],
        }

    def _levels(self, x):
        h = self.encoder(x)
        vectors, features = ops.split(
            h, [math.prod(self.map_shapes[0]) * self.width], axis=-1
        )  # of the top map, of the bottom one
        top = self._level(self.top_quantizer, vectors)
        vectors = self.bottom_encoder([top.code, features])
        return [top, self._level(self.quantizer, vectors)]
