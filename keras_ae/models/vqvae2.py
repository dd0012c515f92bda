"""The vector-quantised autoencoder with two maps of symbols: a coarse one and a fine one."""

import math

import keras
from keras import ops

from keras_ae import distributions, networks
from keras_ae.models.autoencoder import Autoencoder, trained_by
from keras_ae.models.quantization import Quantized, VectorQuantizer
from keras_ae.utils import inputs, validation


@keras.saving.register_keras_serializable("keras_ae")
class VQVAE2(Quantized, Autoencoder):
    """VQ-VAE-2 of images: a code is a top map of symbols and a bottom map of twice its size.

    h = encoder(x)
    z_top = rows nearest to g_top(h),  z_bottom = rows nearest to g_bottom(h, z_top)
    z = (z_top, z_bottom)
    objective(x) = -log p(x|z)
        + commitment * (|g_top(h) - z_top|^2 + |g_bottom(h, z_top) - z_bottom|^2), nats per example

    Each place of the top map sees a larger part of the image and encodes the large structures.
    The bottom map is encoded given the top map, and encodes the details that the top map leaves.
    The decoder sees both.
    Each map has its own codebook, which learns as in a `VQVAE`. The gradient passes straight
    through each codebook. The gradient of z_bottom also reaches z_top.
    The logs hold loss, reconstruction, commitment (including its weight) and the perplexity of both
    codebooks, and loss = reconstruction + commitment.

    A code holds the rows of both maps side by side: first the top map, then the bottom map, each in
    reading order. So latent_dim is not an argument: it is `width` times the number of symbols of
    both `map_shapes`. For 28x28 images and two widths, the maps are 7x7 and 14x14.
    `keras_ae.samplers.fit(model, x, kind="pixelcnn")` fits a prior of the top map, and a prior of
    the bottom map given the top map.

    Args:
        shape: (height, width, channels) of one image, of any height and width. For a sampler,
            choose multiples of 2 ** len(widths).
        widths: sequence of at least two ints, the channels of the convolutions. Each convolution
            halves height and width. The last one leads to the top map, the others to the bottom
            map.
        activation, likelihood: as in `AE`.
        size: int, the number of rows of each codebook.
        width: int, the size of a row.
        commitment: float >= 0, the weight of the commitment term.
        blocks: int >= 0, the number of residual blocks at each resolution, in the encoders and in
            the decoder.

    Input and output shape: as in `AE`. `encode` returns the rows, `symbols` their numbers.

    Raises:
        ValueError: an argument does not fit.

    For example:

        model = keras_ae.VQVAE2((28, 28, 1), widths=(8, 16), size=64, width=4, blocks=0)
        symbols = model.symbols(x_train)  # (60, 245): 7x7 of the top map, 14x14 of the bottom map

    Source: Razavi et al., "Generating diverse high-fidelity images with VQ-VAE-2", NeurIPS 2019,
    section 3.1 and algorithm 1.
    """

    limits = "It has no prior over its symbols: random symbols do not decode to a realistic image."
    told = ("size", "width")
    examples = (
        "model.encode(x)  # codes",
        "model.symbols(x)  # the codes as numbers of rows of the codebook",
        "model.reconstruct(x)  # x: {input}",
    )
    logged = ("reconstruction", "commitment", "top_perplexity", "bottom_perplexity")
    why_no_loss = trained_by("a VQVAE2", "-log p(x|z) and its commitment")

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
        likelihood = "bernoulli" if likelihood is None else likelihood
        likelihood = distributions.get(distributions.Likelihood, likelihood)
        params = (*shape[:-1], likelihood.params_size(shape[-1]))
        encoder, bottom_encoder, decoder = networks.two_levels(
            shape, width, params, widths, activation or "gelu", blocks
        )
        code_size, latent_dim = encoder.output_shape[-1], decoder.input_shape[-1]
        network = (encoder, decoder)
        super().__init__(shape, latent_dim, network, None, None, likelihood, code_size, **kwargs)
        self._network |= {"widths": widths, "activation": activation, "blocks": blocks}
        self.width, self.commitment, self.map_shapes = width, commitment, [top, bottom]
        self.bottom_encoder = bottom_encoder
        self.top_quantizer = VectorQuantizer(size, width)
        self.quantizer = VectorQuantizer(size, width)

    @property
    def quantizers(self):
        """The codebooks, a list: the one of the top map, the one of the bottom map."""
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
        top_size = math.prod(self.map_shapes[0]) * self.width
        # The vectors of the top map and the features for the bottom map
        vectors, features = ops.split(self.encoder(x), [top_size], axis=-1)
        top = self._level(self.top_quantizer, vectors)
        vectors = self.bottom_encoder([top.code, features])
        return [top, self._level(self.quantizer, vectors)]
