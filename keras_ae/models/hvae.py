"""The hierarchical variational autoencoder: several layers of latent variables."""

import keras

from keras_ae.distributions.hierarchical import HierarchicalPosterior, HierarchicalPrior
from keras_ae.models.vae import VAE


@keras.saving.register_keras_serializable("keras_ae")
class HVAE(VAE):
    """Hierarchical VAE: several layers of latent variables, each depending on the layers above it.

    p(x, z) = p(x|z_1..z_L) p(z_1) prod_l p(z_l|z_1..z_l-1)
    q(z|x) = q(z_1|x) prod_l q(z_l|x, z_1..z_l-1)
    objective(x) = -log p(x|z) + beta * (log q(z|x) - log p(z)),  z ~ q(z|x), nats per example

    z_1 is the top layer. A code holds all layers side by side, the top one first; `split` separates
    them. An HVAE is a VAE whose posterior is a `HierarchicalPosterior` and whose prior is a
    `HierarchicalPrior`, both with gated hidden layers.

    Args:
        shape, network, widths, activation, likelihood, beta, objective: as in `VAE`.
        latent_dim: tuple of ints, the sizes of the layers from the top down. The attribute
            `latent_dim` is their sum.
        prior: p(z_1), as in `VAE`.
        posterior: q of each layer given the layers above it: "diagonal", "full", a layer of
            `keras_ae.distributions`, or a tuple with one of these per layer.
        width: int, the number of features of x that the encoder returns for all layers. It is also
            the number of units in the hidden layers of each layer's own networks.

    Input and output shape: as in `VAE`.

    Raises:
        ValueError: an argument does not fit.

    For example:

        hvae = keras_ae.HVAE((28, 28, 1), latent_dim=(10, 20))
        top, bottom = hvae.split(hvae.encode(x_train))  # (60, 10) and (60, 20)

    Source: Tomczak & Welling, "VAE with a VampPrior", AISTATS 2018, section 4; top-down: Sonderby
    et al., "Ladder variational autoencoders", NeurIPS 2016.
    """

    told = ("width",)

    def __init__(
        self,
        shape,
        latent_dim=(40, 40),
        network="dense",
        widths=None,
        activation=None,
        likelihood=None,
        prior="standard_normal",
        posterior="diagonal",
        beta=1.0,
        objective="elbo",
        width=300,
        **kwargs,
    ):
        posterior = HierarchicalPosterior(latent_dim, posterior, width)
        prior = HierarchicalPrior(latent_dim, prior, width)
        parts = (likelihood, prior, posterior, beta, objective)
        super().__init__(shape, prior.latent_dim, network, widths, activation, *parts, **kwargs)

    def split(self, z):
        """Splits codes into their layers, from the top down.

        Args:
            z: array (batch, latent_dim).

        Returns:
            list of tensors (batch, size of the layer).

        Raises:
            ValueError: z has another shape.
        """
        sizes = self.prior_layer.sizes
        starts = [sum(sizes[:i]) for i in range(1, len(sizes))]
        return keras.ops.split(self.checked_code(z), starts, axis=-1)

    def get_config(self):
        posteriors = [
            keras.saving.serialize_keras_object(layer) for layer in self.posterior_layer.layers
        ]
        return {
            **super().get_config(),
            "latent_dim": self.prior_layer.sizes,
            "width": self.prior_layer.width,
            "prior": keras.saving.serialize_keras_object(self.prior_layer.top),
            "posterior": posteriors,
        }
