"""Several layers of latent variables, from the top down: a posterior and a prior in which each layer depends on those above it.

The layers lie side by side in one code, so that a VAE with a hierarchy is a VAE: every objective, prior, network and measure is the same.
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
    """q(z|x) = prod_l q(z_l | x, z_1, ..., z_l-1), z_1 being the top layer.

    The encoder gives features of x; a small network for each layer makes of them, and of the layers above, the parameters of q(z_l | ...).

    Args:
        sizes: sequence of ints, the latent_dim of each layer z_l.
        layer: the posterior of each layer given those above, "diagonal", "full", or a layer of `keras_ae.distributions`; or as many.
        width: int, the units of the one hidden layer of each network.
        activation: of the hidden layer; "glu" and "gated_tanh" give a gated one.
        features: int, the number of features; None: width.

    Input shape: (batch, features). Output: batch shape (batch,), event shape (sum(sizes),).

    Raises:
        ValueError: an argument does not fit.

    Source: Tomczak & Welling, "VAE with a VampPrior", AISTATS 2018, section 4; top-down: Sonderby et al., "Ladder variational
    autoencoders", NeurIPS 2016.
    """

    def __init__(
        self, sizes, layer="diagonal", width=300, activation="glu", features=None, **kwargs
    ):
        super().__init__(**kwargs)
        self.sizes, self.width, self.activation = (
            _sizes(sizes),
            validation.positive_int(width, "width"),
            activation,
        )
        self.features = validation.positive_int(width if features is None else features, "features")
        layer = layer if isinstance(layer, (tuple, list)) else [layer] * len(self.sizes)
        if len(layer) != len(self.sizes):
            raise ValueError(
                f"Expected one posterior, or {len(self.sizes)}, one a layer. Received: {len(layer)}"
            )
        self.layers = [registry.get(Posterior, one) for one in layer]
        for one in self.layers:
            if isinstance(one, FlowPosterior):
                raise ValueError(
                    f"Expected layers whose means are known, such as 'diagonal' or 'full'. Received: {type(one).__name__}"
                )
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
        return draws.Chain(
            self.sizes, [_given(network, layer, features) for network, layer in pairs]
        )

    def centre(self, features):
        return self(features).centre()

    def get_config(self):
        layers = [keras.saving.serialize_keras_object(layer) for layer in self.layers]
        config = {
            "sizes": self.sizes,
            "layer": layers,
            "width": self.width,
            "activation": self.activation,
        }
        return {**super().get_config(), **config, "features": self.features}


@keras.saving.register_keras_serializable("keras_ae")
class HierarchicalPrior(Prior):
    """p(z) = p(z_1) prod_l p(z_l | z_1, ..., z_l-1), z_1 being the top layer, the others Gaussian with a diagonal covariance.

    Args:
        sizes: sequence of ints, the latent_dim of each layer z_l.
        top: p(z_1): a name or a layer of `keras_ae.distributions`; a VampPrior is made of the posterior of z_1.
        width: int, units of the two hidden layers of each network.
        activation: of the hidden layers; "glu" gives gated ones.

    Output: batch shape (), event shape (sum(sizes),).

    Raises:
        ValueError: an argument does not fit.

    Source: as HierarchicalPosterior.
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
        return draws.Chain(
            self.sizes,
            [lambda above: self.top(), *(_given(network, self.layer) for network in self.networks)],
        )

    def get_config(self):
        config = super().get_config()
        del config["latent_dim"]
        top = keras.saving.serialize_keras_object(self.top)
        return {
            **config,
            "sizes": self.sizes,
            "top": top,
            "width": self.width,
            "activation": self.activation,
        }


def _given(network, layer, *features):
    """The conditional distribution of a layer: a function of the layers above."""
    return lambda above: layer(network([*features, *above]))


def _sizes(sizes):
    sizes = tuple(sizes) if isinstance(sizes, (tuple, list)) else (sizes,)
    if not sizes:
        raise ValueError(
            f"Expected at least one layer of latent variables. Received: latent_dim={sizes}"
        )
    return tuple(validation.positive_int(size, "latent_dim") for size in sizes)
