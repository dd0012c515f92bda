"""Several layers of latent variables, from the top down: each depends on the layers above it.

The layers lie side by side in one code. So a hierarchy is a VAE like any other, and works with the
same objectives, priors, networks and metrics.
"""

import keras

from keras_ae.distributions import draws, registry
from keras_ae.distributions.flow_posteriors import FlowPosterior
from keras_ae.distributions.posteriors import DiagonalGaussian, Posterior
from keras_ae.distributions.priors import Prior
from keras_ae.networks import Conditioner
from keras_ae.utils import validation


@keras.saving.register_keras_serializable("keras_ae")
class HierarchicalPosterior(Posterior):
    """q(z|x) = prod_l q(z_l | x, z_1, ..., z_l-1), where z_1 is the top layer.

    The encoder computes features of x. A small network for each layer turns the features and the
    layers above into the parameters of q(z_l | ...).

    Args:
        sizes: sequence of ints, the latent_dim of each layer z_l.
        layer: the posterior of every layer: "diagonal", "full", or a layer of
            `keras_ae.distributions`. Or a sequence of these, one per layer.
        width: int, the units of the hidden layer of each network.
        activation: activation of the hidden layer; "glu" and "gated_tanh" make it a gated layer.
        features: int, the number of features of x. None: width.

    Input shape: (batch, features).
    Output: batch shape (batch,), event shape (sum(sizes),).

    Raises:
        ValueError: an argument does not fit.

    For example:

        posterior = keras_ae.distributions.HierarchicalPosterior((2, 3), width=16)
        posterior(features).sample()  # (2, 5): z_1 and z_2 of two examples

    Source: Tomczak & Welling, "VAE with a VampPrior", AISTATS 2018, section 4; top-down: Sonderby
    et al., "Ladder variational autoencoders", NeurIPS 2016.
    """

    def __init__(
        self, sizes, layer="diagonal", width=300, activation="glu", features=None, **kwargs
    ):
        super().__init__(**kwargs)
        self.sizes = _sizes(sizes)
        self.width = validation.positive_int(width, "width")
        self.activation = activation
        self.features = validation.positive_int(width if features is None else features, "features")
        self.layers = _posteriors(layer, len(self.sizes))
        self.networks = [
            Conditioner(
                (self.features, *self.sizes[:i]),
                one.params_size(size),
                (width,),
                activation,
                name=f"layer_{i}",
            )
            for i, (one, size) in enumerate(zip(self.layers, self.sizes, strict=True))
        ]
        self.built = True

    @property
    def inner(self):
        return self.layers

    def params_size(self, event_shape):
        return self.features

    def call(self, features):
        pairs = zip(self.networks, self.layers, strict=True)
        conditionals = [_given(network, layer, features) for network, layer in pairs]
        return draws.Chain(self.sizes, conditionals)

    def centre(self, features):
        return self(features).centre()

    def get_config(self):
        return {
            **super().get_config(),
            "sizes": self.sizes,
            "layer": [keras.saving.serialize_keras_object(layer) for layer in self.layers],
            "width": self.width,
            "activation": self.activation,
            "features": self.features,
        }


@keras.saving.register_keras_serializable("keras_ae")
class HierarchicalPrior(Prior):
    """p(z) = p(z_1) prod_l p(z_l | z_1, ..., z_l-1), where z_1 is the top layer.

    The layers below the top are Gaussian with a diagonal covariance.

    Args:
        sizes: sequence of ints, the latent_dim of each layer z_l.
        top: p(z_1), a name or a layer of `keras_ae.distributions`. A VampPrior is made of the
            posterior of z_1.
        width: int, the units of each of the two hidden layers of each network.
        activation: activation of the hidden layers; "glu" and "gated_tanh" make them gated layers.

    Output: batch shape (), event shape (sum(sizes),).

    Raises:
        ValueError: an argument does not fit.

    For example:

        prior = keras_ae.distributions.HierarchicalPrior((2, 3), width=16)
        prior().sample(4)  # (4, 5): z_1 and z_2 of four codes

    Source: as for HierarchicalPosterior.
    """

    def __init__(self, sizes, top="standard_normal", width=300, activation="glu", **kwargs):
        self.sizes = _sizes(sizes)
        super().__init__(sum(self.sizes), **kwargs)
        self.width, self.activation = validation.positive_int(width, "width"), activation
        self.top = registry.get(Prior, top, self.sizes[0])
        self.layer = DiagonalGaussian()
        self.networks = [
            Conditioner(
                self.sizes[:i], 2 * self.sizes[i], (width, width), activation, name=f"layer_{i}"
            )
            for i in range(1, len(self.sizes))
        ]

    @property
    def inner(self):
        return [self.top]

    def join(self, vae, posterior):
        self.top.join(vae, lambda x: posterior(x).first)

    def call(self):
        below = [_given(network, self.layer) for network in self.networks]
        return draws.Chain(self.sizes, [lambda above: self.top(), *below])

    def get_config(self):
        config = super().get_config()
        del config["latent_dim"]
        return {
            **config,
            "sizes": self.sizes,
            "top": keras.saving.serialize_keras_object(self.top),
            "width": self.width,
            "activation": self.activation,
        }


def _given(network, layer, *features):
    """The conditional distribution of a layer, as a function of the list of the layers above it."""
    return lambda above: layer(network([*features, *above]))


def _sizes(sizes):
    """The sizes of the layers, as a tuple. Raises ValueError if they do not fit."""
    sizes = tuple(sizes) if isinstance(sizes, (tuple, list)) else (sizes,)
    if not sizes:
        raise ValueError(
            f"Expected at least one layer of latent variables. Received: latent_dim={sizes}"
        )
    return tuple(validation.positive_int(size, "latent_dim") for size in sizes)


def _posteriors(layer, number):
    """The posteriors of all layers, as a list. Raises ValueError if they do not fit."""
    layer = layer if isinstance(layer, (tuple, list)) else [layer] * number
    if len(layer) != number:
        raise ValueError(
            f"Expected one posterior, or {number}, one per layer. Received: {len(layer)}"
        )
    return [checked_posterior(one) for one in layer]


def checked_posterior(layer):
    """The posterior of one layer, from its name or config. Raises ValueError for a flow."""
    posterior = registry.get(Posterior, layer)
    if isinstance(posterior, FlowPosterior):
        raise ValueError(
            "Expected posteriors whose means are known, such as 'diagonal' or 'full'. "
            f"Received: {type(posterior).__name__}"
        )
    return posterior
