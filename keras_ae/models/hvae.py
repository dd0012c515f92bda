"""The hierarchical variational autoencoder: several layers of latent variables."""

import keras

from keras_ae.distributions.hierarchical import HierarchicalPosterior, HierarchicalPrior
from keras_ae.models.vae import VAE


@keras.saving.register_keras_serializable("keras_ae")
class HVAE(VAE):
    """Hierarchical VAE: layers of latent variables from the top, z_1, down, each of which depends on those above.

    p(x, z) = p(x|z_1..z_L) p(z_1) prod_l p(z_l|z_1..z_l-1),    q(z|x) = q(z_1|x) prod_l q(z_l|x, z_1..z_l-1)
    objective(x) = -log p(x|z) + beta * (log q(z|x) - log p(z)),  z ~ q(z|x), nats an example

    A code is all layers side by side, the top one first; `split` parts it. All else is as in a VAE, whose posterior and prior are
    `HierarchicalPosterior` and `HierarchicalPrior`, with gated hidden layers.

    Args:
        shape, network, widths, activation, likelihood, beta, objective: as in `VAE`.
        latent_dim: tuple of ints, the sizes of the layers from the top down. The attribute `latent_dim` is their sum.
        prior: p(z_1), as in `VAE`.
        posterior: of each layer given those above, "diagonal" or "full", or a layer of `keras_ae.distributions`; or a tuple of as many.
        width: int, features of x that the encoder gives to all layers, and units of the layers' own networks.

    Input and output shape: as in `VAE`.

    Raises:
        ValueError: an argument does not fit.

    Source: Tomczak & Welling, "VAE with a VampPrior", AISTATS 2018, section 4; top-down: Sonderby et al., "Ladder variational
    autoencoders", NeurIPS 2016.
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
        total = prior.latent_dim
        super().__init__(
            shape,
            total,
            network,
            widths,
            activation,
            likelihood,
            prior,
            posterior,
            beta,
            objective,
            **kwargs,
        )

    def split(self, z):
        """The layers of codes, from the top down: (batch, latent_dim) -> a list of (batch, size)."""
        starts = [sum(self.prior_layer.sizes[:i]) for i in range(1, len(self.prior_layer.sizes))]
        return keras.ops.split(self.checked_code(z), starts, axis=-1)

    def get_config(self):
        config = {"latent_dim": self.prior_layer.sizes, "width": self.prior_layer.width}
        config |= {"prior": keras.saving.serialize_keras_object(self.prior_layer.top)}
        config |= {
            "posterior": [
                keras.saving.serialize_keras_object(layer) for layer in self.posterior_layer.layers
            ]
        }
        return {**super().get_config(), **config}
