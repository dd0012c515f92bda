"""Prior and posterior of a convolutional hierarchy, which share one top-down pass.

Both are chains over the layers of latent variables, and walk down the same network. So the state of
a walk, made by one of them, serves the other, and the decoder.
"""

import math
import typing

import keras
import tensorflow as tf

from keras_ae.distributions import draws, registry, shifted
from keras_ae.distributions.hierarchical import checked_posterior
from keras_ae.distributions.posteriors import Posterior
from keras_ae.distributions.priors import Prior


class State(typing.NamedTuple):
    """Where a walk from the top layer down has come to.

    Attributes:
        h: tensor (..., height, width, channels), the features of the top-down pass.
        prior: the prior of the next layer, given the layers above it. None after the last layer.
    """

    h: tf.Tensor
    prior: typing.Any


@keras.saving.register_keras_serializable("keras_ae")
class TopDownPrior(Prior):
    """p(z) = p(z_1) prod_l p(z_l | z_1, ..., z_l-1), where z_1 is the top layer.

    The layers below the top are Gaussian with a diagonal covariance. A scale lies between exp(-3)
    and exp(3).

    Args:
        network: keras_ae.networks.TopDown, shared with the posterior and the decoder.
        top: p(z_1), a name or a layer of `keras_ae.distributions`.

    Output: batch shape (), event shape (sum of the layers' sizes,).

    Source: Sonderby et al., "Ladder variational autoencoders", NeurIPS 2016, section 2.1.
    """

    def __init__(self, network, top="standard_normal", **kwargs):
        super().__init__(sum(network.sizes), **kwargs)
        self.network, self.sizes = network, network.sizes
        self.top = registry.get(Prior, top, self.sizes[0])

    @property
    def inner(self):
        return [self.top]

    def join(self, vae, posterior):
        self.top.join(vae, lambda x: posterior(x).first)

    def call(self):
        below = [lambda state: state.prior] * (len(self.sizes) - 1)
        return draws.Chain(self.sizes, [lambda _: self.top(), *below], Walk(self.network))

    def get_config(self):
        config = super().get_config()
        del config["latent_dim"]
        return {**config, **_config(self.network, self.top)}

    @classmethod
    def from_config(cls, config):
        network = keras.saving.deserialize_keras_object(config["network"])
        return cls(**{**config, "network": network})


@keras.saving.register_keras_serializable("keras_ae")
class TopDownPosterior(Posterior):
    """q(z|x) = q(z_1|x) prod_l q(z_l | x, z_1, ..., z_l-1), where z_1 is the top layer.

    q(z_l|...) is described by its distance from the prior of the same layer, N(m, diag(s)^2):
    N(m + s * shift, diag(s * exp(d))^2), where shift and d are computed from the encoder's features
    and from the top-down pass, and -4 < d < 4.

    Args:
        network: keras_ae.networks.TopDown, shared with the prior and the decoder.
        top: q(z_1|x): "diagonal", "full", or a layer of `keras_ae.distributions`.

    Input shape: (batch, n), as the encoder of `keras_ae.networks.top_down` returns it. What follows
    after it is for the top layer too, such as the evidence of a `LabelledPosterior`.
    Output: batch shape (batch,), event shape (sum of the layers' sizes,).

    Source: Vahdat & Kautz, "NVAE", NeurIPS 2020, section 3.2.
    """

    def __init__(self, network, top="diagonal", **kwargs):
        super().__init__(**kwargs)
        self.network, self.sizes = network, network.sizes
        self.top = checked_posterior(top)
        # The resolutions with latent maps, the lowest one first, as the encoder orders its features
        self._places = sorted(set(network.places), reverse=True)
        features = [math.prod(network.maps[place]) for place in self._places]
        self._sizes = [self.top.params_size(self.sizes[0]), *features]
        self.built = True

    @property
    def inner(self):
        return [self.top]

    def params_size(self, event_shape):
        return sum(self._sizes)

    def call(self, params):
        more = params.shape[-1] - sum(self._sizes)
        first, *flat, more = tf.split(params, [*self._sizes, more], axis=-1)
        features = {
            place: tf.reshape(one, (-1, *self.network.maps[place]))
            for place, one in zip(self._places, flat, strict=True)
        }
        numbers = enumerate(self.network.places, start=1)
        below = [self._given(number, features[place]) for number, place in numbers]
        first = tf.concat([tf.cast(first, "float32"), tf.cast(more, "float32")], axis=-1)
        return draws.Chain(self.sizes, [lambda _: self.top(first), *below], Walk(self.network))

    def centre(self, params):
        return self(params).centre()

    def get_config(self):
        return {**super().get_config(), **_config(self.network, self.top)}

    @classmethod
    def from_config(cls, config):
        network = keras.saving.deserialize_keras_object(config["network"])
        return cls(**{**config, "network": network})

    def _given(self, number, features):
        """q of the layer `number`, as a function of the state of the walk."""

        def conditional(state):
            shift, raw = self.network.posterior(number, state.h, features)
            return shifted.Shifted(state.prior, shift, _limited(raw, 4))

        return conditional


def image_params(prior, drawn):
    """The parameters of p(x|z), if the draw has gone the way from the top down to the image.

    Args:
        prior: the layer of the prior.
        drawn: `Draw` of the posterior.

    Returns:
        tensor (..., *output_shape of the network), or None.
    """
    if not isinstance(prior, TopDownPrior) or drawn.steps is None:
        return None
    if drawn.steps.advance != Walk(prior.network):
        return None
    return prior.network.last(drawn.steps.states[-1].h)


class Walk:
    """How a chain goes on after each part: state, number of the part, part -> the next state.

    Walks down the same network are equal.
    """

    def __init__(self, network):
        self.network = network

    def __eq__(self, other):
        return isinstance(other, Walk) and self.network is other.network

    def __hash__(self):
        return id(self.network)

    def __call__(self, state, number, part):
        if number == 0:
            h = self.network.start(part)
        else:
            h = self.network.merge(number, state.h, part)
        if number + 1 == len(self.network.sizes):
            return State(h, None)
        loc, raw = self.network.prior(number + 1, h)
        return State(h, shifted.Base(loc, tf.exp(_limited(raw, 3))))


def _limited(raw, limit):
    """Any number -> a number between -limit and limit; small numbers stay as they are."""
    return limit * tf.tanh(raw / limit)


def _config(network, top):
    serialized = keras.saving.serialize_keras_object
    return {"network": serialized(network), "top": serialized(top)}
