"""The hierarchical variational autoencoder: several layers of latent variables."""

import keras
import tensorflow as tf

from keras_ae import distributions
from keras_ae.models import latent_maps
from keras_ae.models.vae import VAE
from keras_ae.utils import validation


@keras.saving.register_keras_serializable("keras_ae")
class HVAE(VAE):
    """Hierarchical VAE: several layers of latent variables, each depending on the layers above it.

    p(x, z) = p(x|z_1..z_L) p(z_1) prod_l p(z_l|z_1..z_l-1)
    q(z|x) = q(z_1|x) prod_l q(z_l|x, z_1..z_l-1)
    objective(x) = -log p(x|z) + beta * (log q(z|x) - log p(z)),  z ~ q(z|x), nats per example

    z_1 is the top layer. A code holds all layers side by side, the top one first, each as a vector;
    `split` separates them.

    Layers of ints are vectors. Their posterior and prior are a `HierarchicalPosterior` and a
    `HierarchicalPrior`, with gated hidden layers, and x is decoded from all layers at once.

    Layers below the top may also be maps, (height, width, channels). Then all layers lie on one
    way from the top down to the image: a convolutional network, which each layer changes and the
    next one reads. Prior, posterior and decoder share it. The posterior of a map is described by
    its distance from the prior of this map.

    Args:
        shape, activation, likelihood, beta, objective: as in `VAE`.
        latent_dim: tuple, the layers from the top down. Each is an int, or the (height, width,
            channels) of a map. Maps grow from the top down. A map has the height and width of one
            of the network's maps: for 28x28 images (14, 14), (7, 7), (4, 4). The attribute
            `latent_dim` is the number of all latent variables.
        network: as in `VAE`, "dense" by default. With maps, only "top_down".
        widths: as in `VAE`. With maps: the channels of the convolutions from the image up, each of
            which halves height and width, (32, 48, 64) by default.
        prior: p(z_1), as in `VAE`.
        posterior: q of each layer given the layers above it: "diagonal", "full", a layer of
            `keras_ae.distributions`, or a tuple with one of these per layer. With maps: q of the
            top layer.
        width: int, the number of features of x that the encoder returns for all layers. It is also
            the number of units in the hidden layers of each layer's own networks. Maps do not use
            it.
        blocks: int >= 0, with maps: residual blocks of the encoder at each resolution but the
            first.

    Input and output shape: as in `VAE`.

    Raises:
        ValueError: an argument does not fit.

    For example:

        hvae = keras_ae.HVAE((28, 28, 1), latent_dim=(10, 20))
        top, bottom = hvae.split(hvae.encode(x_train))  # (60, 10) and (60, 20)

        deep = keras_ae.HVAE((28, 28, 1), latent_dim=(10, (7, 7, 2)), widths=(8, 16))
        top, bottom = deep.split(deep.encode(x_train))  # (60, 10) and (60, 7, 7, 2)

    Source: Tomczak & Welling, "VAE with a VampPrior", AISTATS 2018, section 4; top-down: Sonderby
    et al., "Ladder variational autoencoders", NeurIPS 2016; maps: Vahdat & Kautz, "NVAE", NeurIPS
    2020, section 3; Child, "Very deep VAEs", ICLR 2021, section 3.
    """

    told = ("width", "blocks")

    def __init__(
        self,
        shape,
        latent_dim=(40, 40),
        network=None,
        widths=None,
        activation=None,
        likelihood=None,
        prior="standard_normal",
        posterior="diagonal",
        beta=1.0,
        objective="elbo",
        width=300,
        blocks=1,
        **kwargs,
    ):
        told = {}
        if latent_maps.are_in(latent_dim):
            chosen = (network, widths, activation, likelihood, prior, posterior, blocks)
            maps = latent_maps.parts(shape, latent_dim, *chosen, kwargs.get("missing", False))
            network, likelihood, prior, posterior, told = maps
            widths = activation = None
        else:
            network = "dense" if network is None else network
            posterior = distributions.HierarchicalPosterior(latent_dim, posterior, width)
            prior = distributions.HierarchicalPrior(latent_dim, prior, width)
        parts = (likelihood, prior, posterior, beta, objective)
        super().__init__(shape, prior.latent_dim, network, widths, activation, *parts, **kwargs)
        self._network |= told
        self._has_maps = bool(told)

    def split(self, z):
        """Splits codes into their layers, from the top down.

        Args:
            z: array (batch, latent_dim).

        Returns:
            list of tensors (batch, size of the layer), or (batch, height, width, channels) for a
            map.

        Raises:
            ValueError: z has another shape.
        """
        parts = tf.split(self.checked_code(z), self.prior_layer.sizes, axis=-1)
        if not self._has_maps:
            return parts
        latents = self.prior_layer.network.latents
        shapes = [(latent,) if isinstance(latent, int) else latent for latent in latents]
        return [tf.reshape(part, (-1, *shape)) for part, shape in zip(parts, shapes, strict=True)]

    def redraw(self, z, layers, seed=None):
        """Keeps the upper layers of codes, and draws the layers below them from the prior.

        The decoded codes show what the upper layers decide.

        Args:
            z: array (batch, latent_dim).
            layers: int, how many layers to keep, 0 to the number of layers.
            seed: int for a reproducible draw, None for a fresh one.

        Returns:
            tensor (batch, latent_dim).

        Raises:
            ValueError: z has another shape; there are not so many layers.

        For example:

            hvae = keras_ae.HVAE((28, 28, 1), latent_dim=(10, 20))
            z = hvae.encode(x_train)
            hvae.decode(hvae.redraw(z, layers=1))  # the same top layer, other details
        """
        z = self.checked_code(z)
        validation.at_least(layers, "layers", 0)
        if layers > len(self.prior_layer.sizes):
            raise ValueError(
                f"Expected `layers` to be at most {len(self.prior_layer.sizes)}, the number of "
                f"layers. Received: layers={layers}"
            )
        return self.prior.redraw(z, layers, self._seed(seed))

    def kl_of_layers(self, x, n_samples=10, seed=None):
        """How much each layer of the code holds: its part of KL(q(z|x) || p(z)).

        KL_1 = KL(q(z_1|x) || p(z_1))
        KL_l = E_q[KL(q(z_l|x, z_1..z_l-1) || p(z_l|z_1..z_l-1))],  and their sum is KL(q || p)

        A layer near 0 is not used: its posterior is the prior.

        Args:
            x: array (batch, *shape); integers are pixels 0-255.
            n_samples: int, the number of draws of z that estimate the expectations.
            seed: int for a reproducible draw, None for a fresh one.

        Returns:
            tensor (batch, number of layers), nats, the top layer first.

        Raises:
            ValueError: as in `encode`; n_samples < 1.

        For example:

            hvae = keras_ae.HVAE((28, 28, 1), latent_dim=(10, 20))
            np.mean(hvae.kl_of_layers(x_train), axis=0)  # (2,), nats per image

        Source: Sonderby et al., "Ladder variational autoencoders", NeurIPS 2016, section 3.
        """
        return self._bounds.kl_of_parts(self.checked(x), n_samples, self._seed(seed))

    def get_config(self):
        config = super().get_config()
        config["prior"] = keras.saving.serialize_keras_object(self.prior_layer.top)
        if self._has_maps:
            posterior = keras.saving.serialize_keras_object(self.posterior_layer.top)
            latents = self.prior_layer.network.latents
            return {**config, "latent_dim": latents, "posterior": posterior}
        layers = self.posterior_layer.layers
        return {
            **config,
            "latent_dim": self.prior_layer.sizes,
            "width": self.prior_layer.width,
            "posterior": [keras.saving.serialize_keras_object(layer) for layer in layers],
        }
