"""Posteriors q(z|x) that are flows: a Gaussian of the encoder's, bent by a chain of invertible functions.

    vae = keras_ae.VAE(shape, latent_dim=20, posterior="iaf")

A flow reaches densities that no Gaussian has, and so a tighter bound. A draw comes with its density, in one pass; other codes have a
density only where the flow can be inverted.
"""

import math

import keras
from keras import ops

from keras_ae.distributions import base, densities, draws, flows
from keras_ae.distributions.posteriors import Posterior
from keras_ae.utils import validation


class FlowPosterior(Posterior):
    """q(z|x) of z = f_K(... f_1(u)), u ~ N(loc, diag(scale)^2): log q(z|x) = log N(u) - sum_k log |det df_k|.

    A subclass states `split(params)`: the encoder's output -> loc, raw_scale, each (batch, latent_dim), and a list of the functions f_k,
    (..., batch, latent_dim) -> f_k(z) and log |det df_k/dz|, (..., batch). Its `evaluates_any_code` is False unless it states `inverse`
    too.

    Args:
        flows: int, K.
    """

    evaluates_any_code = False

    def __init__(self, flows, **kwargs):
        super().__init__(**kwargs)
        self.flows = validation.positive_int(flows, "flows")

    def split(self, params):
        raise NotImplementedError

    def inverse(self, params):
        """The function z -> u, for a flow that has one: (..., batch, latent_dim) -> the same. None: only draws have a density."""

    def call(self, params):
        loc, raw_scale, chain = self.split(params)

        def forward(z):
            total = 0.0
            for function in chain:
                z, log_determinant = function(z)
                total = total + log_determinant
            return z, total

        start = densities.DiagonalNormal(loc, base.positive(raw_scale))
        return draws.Flow(start, draws.Map(forward, self.inverse(params)))

    def centre(self, params):
        """The deterministic code, (batch, latent_dim): f_K(... f_1(loc)), the flow's image of the mean of u. The mean of z is not known."""
        flow = self(params)
        return flow.bijector.forward(flow.distribution.mean())

    def get_config(self):
        return {**super().get_config(), "flows": self.flows}


@keras.saving.register_keras_serializable("keras_ae")
class PlanarFlow(FlowPosterior):
    """q(z|x) of z = f_K(... f_1(u)), u ~ N(loc, diag(scale)^2), f_k(z) = z + u_k tanh(w_k^T z + b_k), all parameters the encoder's.

    Each flow moves z in one direction. They cannot be inverted: only draws have a density.

    Args:
        flows: int, K.

    Input shape: (batch, 2 * latent_dim + flows * (2 * latent_dim + 1)): loc, scale before softplus, all u, all w (times sqrt(latent_dim)
    both), and all b. Output: batch shape (batch,), event shape (latent_dim,).

    Raises:
        ValueError: flows is not a positive integer.

    Source: Rezende & Mohamed, "Variational inference with normalizing flows", ICML 2015, equations 10 to 13; `flows.planar`.
    """

    def __init__(self, flows=8, **kwargs):
        super().__init__(flows, **kwargs)

    def params_size(self, event_shape):
        return 2 * base.size(event_shape) * (1 + self.flows) + self.flows

    def split(self, params):
        n, k = (params.shape[-1] - self.flows) // (2 * (1 + self.flows)), self.flows
        loc, raw_scale, u, w, b = ops.split(
            params, (n, 2 * n, (2 + k) * n, (2 + 2 * k) * n), axis=-1
        )
        # Divided, so that a fresh network starts near the Gaussian; else the noise of many flows comes in.
        u, w = (
            ops.split(vectors / math.sqrt(n), k, axis=-1) for vectors in (u, w)
        )  # (batch, k n) -> k x (batch, n)
        b = ops.split(b, k, axis=-1)  # (batch, k) -> k x (batch, 1)
        return (
            loc,
            raw_scale,
            [_given(flows.planar, *of_one) for of_one in zip(u, w, b, strict=True)],
        )


@keras.saving.register_keras_serializable("keras_ae")
class SylvesterFlow(FlowPosterior):
    """q(z|x) of z = f_K(... f_1(u)), u ~ N(loc, diag(scale)^2), f_k(z) = z + Q_k R_k tanh(S_k Q_k^T z + b_k), all parameters the encoder's.

    R and S are triangular, Q is a product of Householder reflections. They cannot be inverted: only draws have a density.

    Args:
        flows: int, K.
        reflections: int, how many make a Q; latent_dim of them make any orthogonal matrix.

    Input shape: (batch, 2 * latent_dim + flows * latent_dim * (latent_dim + 2 + reflections)): loc, scale before softplus, and for each
    flow the triangles (times sqrt(latent_dim)), a diagonal, b and the reflections, as `flows.sylvester` takes them. Output: batch shape
    (batch,), event shape (latent_dim,).

    Raises:
        ValueError: an argument is not a positive integer.

    Source: van den Berg et al., "Sylvester normalizing flows for variational inference", UAI 2018, section 3.2, H-SNF.
    """

    def __init__(self, flows=4, reflections=8, **kwargs):
        super().__init__(flows, **kwargs)
        self.reflections = validation.positive_int(reflections, "reflections")

    def params_size(self, event_shape):
        n = base.size(event_shape)
        return 2 * n + self.flows * n * (n + 2 + self.reflections)

    def split(self, params):
        k, linear = self.flows, 2 + self.flows * (2 + self.reflections)
        n = (math.isqrt(linear**2 + 4 * k * params.shape[-1]) - linear) // (
            2 * k
        )  # params = k n^2 + linear n
        loc, raw_scale, rest = ops.split(params, (n, 2 * n), axis=-1)
        chain = []
        for of_one in ops.split(rest, k, axis=-1):
            triangles, diagonal, b, reflections = ops.split(
                of_one, (n * n, n * (n + 1), n * (n + 2)), axis=-1
            )
            triangles = ops.reshape(
                triangles / math.sqrt(n), (-1, n, n)
            )  # (batch, n * n) -> (batch, n, n)
            reflections = ops.reshape(reflections, (-1, self.reflections, n))
            chain.append(_given(flows.sylvester, triangles, diagonal, b, reflections))
        return loc, raw_scale, chain

    def get_config(self):
        return {**super().get_config(), "reflections": self.reflections}


@keras.saving.register_keras_serializable("keras_ae")
class InverseAutoregressiveFlow(FlowPosterior):
    """q(z|x) of z = f_K(... f_1(u)), u ~ N(loc, diag(scale)^2), f_k(z)_i = s_i z_i + m_i, s and m of z_1 to z_i-1 and of x.

    Masked networks of this layer's own give s and m; the encoder gives them a context, h(x). Between two flows the order of the values is
    reversed. A draw and its density take one pass of each network, the density of any other code latent_dim passes.

    Args:
        flows: int, K.
        width: int, units of each of the two hidden layers of a flow's network.
        context: int, the size of h(x).

    Input shape: (batch, 2 * latent_dim + context): loc, scale before softplus, and h. Output: batch shape (batch,), event shape
    (latent_dim,).

    Raises:
        ValueError: an argument is not a positive integer.

    Source: Kingma et al., "Improved variational inference with inverse autoregressive flow", NeurIPS 2016, section 4 and
    algorithm 1, without its gate; `flows.inverse_autoregressive` says why.
    """

    evaluates_any_code = True

    def __init__(self, flows=4, width=128, context=64, **kwargs):
        super().__init__(flows, **kwargs)
        self.width, self.context = (
            validation.positive_int(width, "width"),
            validation.positive_int(context, "context"),
        )

    def params_size(self, event_shape):
        return 2 * base.size(event_shape) + self.context

    def build(self, input_shape):
        n = (input_shape[-1] - self.context) // 2
        widths, context = (self.width, self.width), self.context
        self.networks = [
            flows.MaskedNetwork(n, widths, context=context, name=f"flow_{i}")
            for i in range(self.flows)
        ]
        super().build(input_shape)

    def split(self, params):
        n = (params.shape[-1] - self.context) // 2
        loc, raw_scale, context = ops.split(params, (n, 2 * n), axis=-1)
        chain = []
        for network in self.networks:
            chain += [_reversed, _given(flows.inverse_autoregressive, network, context)]
        return loc, raw_scale, chain[1:]

    def inverse(self, params):
        context = params[..., -self.context :]

        def to_start(z):
            for number, network in reversed(list(enumerate(self.networks))):
                z = flows.inverted_autoregressive(z, network, context)
                z = ops.flip(z, axis=-1) if number else z
            return z

        return to_start

    def get_config(self):
        return {**super().get_config(), "width": self.width, "context": self.context}


def _given(function, *parameters):
    """The function of z alone."""
    return lambda z: function(z, *parameters)


def _reversed(z):
    return ops.flip(z, axis=-1), 0.0
