"""Posteriors q(z|x) that are flows: a Gaussian from the encoder, bent by invertible functions.

    vae = keras_ae.VAE(shape, latent_dim=20, posterior="iaf")

A flow can have densities that no Gaussian has, so the bound can be tighter. One pass computes a
draw and its density. The density of any other code needs the inverse of the flow.
"""

import math

import keras
from keras import ops

from keras_ae.distributions import base, densities, draws, flows
from keras_ae.distributions.posteriors import Posterior
from keras_ae.utils import validation


class FlowPosterior(Posterior):
    """q(z|x) is the density of z = f_K(... f_1(u)), u ~ N(loc, diag(scale)^2).

    log q(z|x) = log N(u; loc, diag(scale)^2) - sum_k log |det df_k|

    A subclass defines `split(params)`. If it also defines `inverse(params)`, it sets
    `evaluates_any_code` to True.

    Args:
        flows: int, K.

    Output: batch shape (batch,), event shape (latent_dim,).
    """

    evaluates_any_code = False

    def __init__(self, flows, **kwargs):
        super().__init__(**kwargs)
        self.flows = validation.positive_int(flows, "flows")

    def split(self, params):
        """Splits the encoder's output into the start of the flow and its functions.

        Args:
            params: tensor (batch, params_size(latent_dim)).

        Returns:
            loc and raw_scale, tensors (batch, latent_dim), and the list of the functions f_k. Each
            maps z, (..., batch, latent_dim), to f_k(z), of the same shape, and
            log |det df_k/dz|, (..., batch).
        """
        raise NotImplementedError

    def inverse(self, params):
        """The function z -> u: (..., batch, latent_dim) -> the same shape.

        None, as here, means that only the flow's own draws have a density.

        Args:
            params: tensor (batch, params_size(latent_dim)).
        """

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
        """The deterministic code f_K(... f_1(loc)). The mean of z itself is not known.

        Args:
            params: tensor (batch, params_size(latent_dim)), the encoder's output.

        Returns:
            tensor (batch, latent_dim).
        """
        flow = self(params)
        return flow.bijector.forward(flow.distribution.mean())

    def get_config(self):
        return {**super().get_config(), "flows": self.flows}


@keras.saving.register_keras_serializable("keras_ae")
class PlanarFlow(FlowPosterior):
    """q(z|x) is the density of z = f_K(... f_1(u)), f_k(z) = z + u_k tanh(w_k^T z + b_k).

    u ~ N(loc, diag(scale)^2). The encoder predicts all parameters.
    Each f_k moves z along one direction. It has no inverse in closed form, so only the flow's own
    draws have a density.

    Args:
        flows: int, K.

    Input shape: (batch, 2 * latent_dim + flows * (2 * latent_dim + 1)): loc, the scale before
    softplus, all u, all w (both times sqrt(latent_dim)), and all b.
    Output: batch shape (batch,), event shape (latent_dim,).

    Raises:
        ValueError: flows is not a positive integer.

    For example:

        posterior = keras_ae.distributions.PlanarFlow(flows=2)
        params = np.zeros((5, posterior.params_size(3)), "float32")  # (5, 20)
        posterior(params).sample()  # (5, 3)

    Source: Rezende & Mohamed, "Variational inference with normalizing flows", ICML 2015,
    equations 10 to 13. See `flows.planar`.
    """

    def __init__(self, flows=8, **kwargs):
        super().__init__(flows, **kwargs)

    def params_size(self, event_shape):
        return 2 * base.size(event_shape) * (1 + self.flows) + self.flows

    def split(self, params):
        n, k = (params.shape[-1] - self.flows) // (2 * (1 + self.flows)), self.flows
        ends = (n, 2 * n, (2 + k) * n, (2 + 2 * k) * n)
        loc, raw_scale, u, w, b = ops.split(params, ends, axis=-1)
        # Division by sqrt(n) lets a new network start near the Gaussian. Without it, many flows
        # make the first draws too noisy.
        # (batch, k * n) -> k x (batch, n)
        u, w = (ops.split(vectors / math.sqrt(n), k, axis=-1) for vectors in (u, w))
        b = ops.split(b, k, axis=-1)  # (batch, k) -> k x (batch, 1)
        chain = [_given(flows.planar, *params_k) for params_k in zip(u, w, b, strict=True)]
        return loc, raw_scale, chain


@keras.saving.register_keras_serializable("keras_ae")
class SylvesterFlow(FlowPosterior):
    """q(z|x) is the density of z = f_K(... f_1(u)), f_k(z) = z + Q_k R_k tanh(S_k Q_k^T z + b_k).

    u ~ N(loc, diag(scale)^2). The encoder predicts all parameters.
    R and S are triangular, and Q is a product of Householder reflections. A flow has no inverse in
    closed form, so only its own draws have a density.

    Args:
        flows: int, K.
        reflections: int, the number of reflections in each Q. A product of latent_dim reflections
            can be any orthogonal matrix.

    Input shape: (batch, 2 * latent_dim + flows * latent_dim * (latent_dim + 2 + reflections)): loc,
    the scale before softplus, and for each flow the triangles (times sqrt(latent_dim)), a diagonal,
    b and the reflections, as `flows.sylvester` takes them.
    Output: batch shape (batch,), event shape (latent_dim,).

    Raises:
        ValueError: an argument is not a positive integer.

    For example:

        posterior = keras_ae.distributions.SylvesterFlow(flows=2, reflections=1)
        params = np.zeros((5, posterior.params_size(3)), "float32")  # (5, 42)
        posterior(params).sample()  # (5, 3)

    Source: van den Berg et al., "Sylvester normalizing flows for variational inference", UAI 2018,
    section 3.2, H-SNF.
    """

    def __init__(self, flows=4, reflections=8, **kwargs):
        super().__init__(flows, **kwargs)
        self.reflections = validation.positive_int(reflections, "reflections")

    def params_size(self, event_shape):
        n = base.size(event_shape)
        return 2 * n + self.flows * n * (n + 2 + self.reflections)

    def split(self, params):
        k, linear = self.flows, 2 + self.flows * (2 + self.reflections)
        # params = k n^2 + linear n  =>  n = (sqrt(linear^2 + 4 k params) - linear) / (2 k)
        n = (math.isqrt(linear**2 + 4 * k * params.shape[-1]) - linear) // (2 * k)
        loc, raw_scale, rest = ops.split(params, (n, 2 * n), axis=-1)
        chain = []
        for params_k in ops.split(rest, k, axis=-1):
            ends = (n * n, n * (n + 1), n * (n + 2))
            triangles, diagonal, b, reflections = ops.split(params_k, ends, axis=-1)
            # (batch, n * n) -> (batch, n, n)
            triangles = ops.reshape(triangles / math.sqrt(n), (-1, n, n))
            # (batch, reflections * n) -> (batch, reflections, n)
            reflections = ops.reshape(reflections, (-1, self.reflections, n))
            chain.append(_given(flows.sylvester, triangles, diagonal, b, reflections))
        return loc, raw_scale, chain

    def get_config(self):
        return {**super().get_config(), "reflections": self.reflections}


@keras.saving.register_keras_serializable("keras_ae")
class InverseAutoregressiveFlow(FlowPosterior):
    """q(z|x) is the density of z = f_K(... f_1(u)), f_k(z)_i = s_i z_i + m_i.

    u ~ N(loc, diag(scale)^2). s_i and m_i depend on z_1 to z_i-1 and on x.
    Masked networks, which are weights of this layer, compute s and m. They see x through a context
    h(x), which the encoder predicts. Between two flows the order of the values is reversed.
    A draw and its density together take one pass through each network. The density of any other
    code takes latent_dim passes.

    Args:
        flows: int, K.
        width: int, the units of each of the two hidden layers of a flow's network.
        context: int, the size of h(x).

    Input shape: (batch, 2 * latent_dim + context): loc, the scale before softplus, and h.
    Output: batch shape (batch,), event shape (latent_dim,).

    Raises:
        ValueError: an argument is not a positive integer.

    For example:

        posterior = keras_ae.distributions.InverseAutoregressiveFlow(flows=2, width=8, context=4)
        params = np.zeros((5, posterior.params_size(3)), "float32")  # (5, 10)
        posterior(params).sample()  # (5, 3)

    Source: Kingma et al., "Improved variational inference with inverse autoregressive flow",
    NeurIPS 2016, section 4 and algorithm 1, without the gate. `flows.inverse_autoregressive`
    explains why.
    """

    evaluates_any_code = True

    def __init__(self, flows=4, width=128, context=64, **kwargs):
        super().__init__(flows, **kwargs)
        self.width = validation.positive_int(width, "width")
        self.context = validation.positive_int(context, "context")

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
        return loc, raw_scale, chain[1:]  # the values are reversed between flows only

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
    """`function` with these parameters, as a function of z alone."""
    return lambda z: function(z, *parameters)


def _reversed(z):
    """z in reverse order, and the log-determinant, which is zero."""
    return ops.flip(z, axis=-1), 0.0
