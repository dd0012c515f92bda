"""Priors p(z): they take no input, hold their own weights and return a distribution over codes."""

import math

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from keras import ops

from keras_ae.distributions import base, densities, draws
from keras_ae.distributions.flows import CouplingNetwork, MaskedNetwork
from keras_ae.utils import validation

tfb, tfd = tfp.bijectors, tfp.distributions


class Prior(base.Distribution):
    """p(z): called without an argument, returns one distribution over codes.

    Its weights are trained with the model.

    Args:
        latent_dim: int, the size of a code.

    Output: batch shape (), event shape (latent_dim,).
    """

    def __init__(self, latent_dim, **kwargs):
        super().__init__(**kwargs)
        self.latent_dim = validation.positive_int(latent_dim, "latent_dim")

    def __call__(self):
        return self.call()  # Layer.__call__ cannot be called without an argument

    def join(self, vae, posterior):
        """The VAE that this prior belongs to calls this once. A prior that needs it overrides it.

        Args:
            vae: VAE.
            posterior: function x -> q(z|x), where z is the code that this prior describes.
        """

    def get_config(self):
        return {**super().get_config(), "latent_dim": self.latent_dim}


@keras.saving.register_keras_serializable("keras_ae")
class StandardNormal(Prior):
    """p(z) = N(z; 0, I).

    Args:
        latent_dim: int, the size of a code.

    Output: batch shape (), event shape (latent_dim,).

    For example:

        prior = keras_ae.distributions.StandardNormal(2)
        prior().log_prob(np.zeros((5, 2), "float32"))  # (5,)
    """

    def call(self):
        return _standard_normal(self.latent_dim)


@keras.saving.register_keras_serializable("keras_ae")
class GaussianMixture(Prior):
    """p(z) = sum_k w_k N(z; loc_k, diag(scale_k)^2), with trained w, loc and scale.

    Args:
        latent_dim: int, the size of a code.
        components: int, the number of Gaussians.

    Output: batch shape (), event shape (latent_dim,).

    Raises:
        ValueError: an argument is not a positive integer.

    For example:

        prior = keras_ae.distributions.GaussianMixture(2, components=3)
        prior().log_prob(np.zeros((5, 2), "float32"))  # (5,)
    """

    def __init__(self, latent_dim, components=10, **kwargs):
        super().__init__(latent_dim, **kwargs)
        self.components = validation.positive_int(components, "components")
        shape = (self.components, self.latent_dim)
        unit_scale = keras.initializers.Constant(math.log(math.e - 1))  # softplus(start) = 1
        self.logits = self.add_weight(
            shape=(self.components,), initializer="zeros", name="logits", autocast=False
        )
        self.loc = self.add_weight(
            shape=shape, initializer="random_normal", name="loc", autocast=False
        )
        self.raw_scale = self.add_weight(
            shape=shape, initializer=unit_scale, name="raw_scale", autocast=False
        )

    def call(self):
        # A Keras variable gets no gradient inside a tfd object, so each is converted to a tensor.
        logits = ops.convert_to_tensor(self.logits)
        return tfd.MixtureSameFamily(tfd.Categorical(logits=logits), self._gaussians())

    def start(self, weights, loc, covariances):
        """Sets the parameters of the mixture.

        Args:
            weights: array (components,), the weight of each Gaussian, above 0.
            loc: array (components, latent_dim), the means.
            covariances: array (components, latent_dim), the variances. For a
                `FullGaussianMixture`: (components, latent_dim, latent_dim), the covariances.
        """
        self.logits.assign(np.log(weights))
        self.loc.assign(loc)
        self._start_scales(covariances)

    def get_config(self):
        return {**super().get_config(), "components": self.components}

    def _gaussians(self):
        loc, raw_scale = map(ops.convert_to_tensor, (self.loc, self.raw_scale))
        return tfd.MultivariateNormalDiag(loc, base.positive(raw_scale))

    def _start_scales(self, variances):
        self.raw_scale.assign(base.raw_of(np.sqrt(variances)))


@keras.saving.register_keras_serializable("keras_ae")
class FullGaussianMixture(GaussianMixture):
    """p(z) = sum_k w_k N(z; loc_k, L_k L_k^T), with trained w, loc and L.

    L_k is lower triangular with a positive diagonal. A cluster may be long in any direction, not
    only along the dimensions of the code.

    Args:
        latent_dim: int, the size of a code.
        components: int, the number of Gaussians.

    Output: batch shape (), event shape (latent_dim,).

    Raises:
        ValueError: an argument is not a positive integer.

    For example:

        prior = keras_ae.distributions.FullGaussianMixture(2, components=3)
        prior().log_prob(np.zeros((5, 2), "float32"))  # (5,)
    """

    def __init__(self, latent_dim, components=10, **kwargs):
        super().__init__(latent_dim, components, **kwargs)
        shape = (components, latent_dim, latent_dim)
        # Square matrices; L takes only their entries below the diagonal.
        self.below = self.add_weight(shape=shape, initializer="zeros", name="below", autocast=False)

    def _gaussians(self):
        loc, raw_scale, below = map(ops.convert_to_tensor, (self.loc, self.raw_scale, self.below))
        strictly_lower = tf.constant(np.tri(self.latent_dim, k=-1), tf.float32)
        diagonal = tf.linalg.diag(base.positive(raw_scale))  # (components, latent_dim, latent_dim)
        return densities.FewGaussians(loc, diagonal + below * strictly_lower)

    def _start_scales(self, covariances):
        scale = np.linalg.cholesky(covariances)  # (components, latent_dim, latent_dim)
        self.raw_scale.assign(base.raw_of(np.diagonal(scale, axis1=1, axis2=2)))
        self.below.assign(np.tril(scale, -1))


@keras.saving.register_keras_serializable("keras_ae")
class AutoregressiveFlow(Prior):
    """p(z) is the density of z = f(u), u ~ N(0, I), for a chain f of masked autoregressive flows.

    Each flow is z_i = loc_i(z_1..i-1) + scale_i(z_1..i-1) u_i. Between two flows the order of the
    values is reversed. Before training, p(z) = N(z; 0, I).
    A density takes one pass through the networks. A draw takes latent_dim passes.

    Args:
        latent_dim: int, the size of a code.
        flows: int, the number of flows.
        width: int, the units of each of the two hidden layers of a flow's network.

    Output: batch shape (), event shape (latent_dim,).

    Raises:
        ValueError: an argument is not a positive integer.

    For example:

        prior = keras_ae.distributions.AutoregressiveFlow(2, flows=2, width=8)
        prior().log_prob(np.zeros((5, 2), "float32"))  # (5,)

    Source: Papamakarios et al., "Masked autoregressive flow for density estimation", NeurIPS 2017,
    equations 3 and 4; as a prior: Chen et al., "Variational lossy autoencoder", ICLR 2017,
    section 3.2.
    """

    def __init__(self, latent_dim, flows=3, width=256, **kwargs):
        super().__init__(latent_dim, **kwargs)
        self.flows = validation.positive_int(flows, "flows")
        self.width = validation.positive_int(width, "width")
        self.networks = [
            MaskedNetwork(self.latent_dim, (width, width), name=f"flow_{i}") for i in range(flows)
        ]

    def call(self):
        reverse = tfb.Permute(list(range(self.latent_dim))[::-1])
        chain = []
        for network in self.networks:
            chain += [reverse, tfb.MaskedAutoregressiveFlow(network)]
        without_first_reverse = tfb.Chain(chain[1:])
        return tfd.TransformedDistribution(_standard_normal(self.latent_dim), without_first_reverse)

    def get_config(self):
        return {**super().get_config(), "flows": self.flows, "width": self.width}


@keras.saving.register_keras_serializable("keras_ae")
class RealNVP(Prior):
    """p(z) is the density of z = f(u), u ~ N(0, I), for a chain f of affine couplings.

    Each coupling keeps one half of the values, a, and changes the other half, b, to
    loc(a) + scale(a) b. The next coupling keeps the half that this one has changed.
    Before training, p(z) = N(z; 0, I).
    A density takes one pass through the networks, and so does a draw.

    Args:
        latent_dim: int >= 2, the size of a code.
        flows: int, the number of couplings.
        width: int, the units of each of the two hidden layers of a coupling's network.

    Output: batch shape (), event shape (latent_dim,).

    Raises:
        ValueError: an argument is not a positive integer, or latent_dim is 1.

    For example:

        prior = keras_ae.distributions.RealNVP(2, flows=2, width=8)
        prior().log_prob(np.zeros((5, 2), "float32"))  # (5,)

    Source: Dinh et al., "Density estimation using Real NVP", ICLR 2017, equations 4, 5, 7 and 8.
    """

    def __init__(self, latent_dim, flows=6, width=256, **kwargs):
        super().__init__(latent_dim, **kwargs)
        if latent_dim < 2:
            raise ValueError(
                "Expected `latent_dim` to be at least 2, because RealNVP cuts a code into halves. "
                f"Received: latent_dim={latent_dim}"
            )
        self.flows = validation.positive_int(flows, "flows")
        self.width = validation.positive_int(width, "width")
        sizes = [latent_dim // 2, latent_dim - latent_dim // 2]
        # Couplings with an even number keep the first half, the others keep the second half.
        self.networks = [
            CouplingNetwork(sizes[i % 2], sizes[1 - i % 2], width, name=f"flow_{i}")
            for i in range(flows)
        ]

    def call(self):
        to_start = draws.Map(self._to_start, self._from_start)
        return draws.Flow(_standard_normal(self.latent_dim), tfb.Invert(to_start))

    def get_config(self):
        return {**super().get_config(), "flows": self.flows, "width": self.width}

    def _to_start(self, z):
        """u and log |det du/dz|: (..., latent_dim) -> (..., latent_dim), (...)."""
        halves, total = self._halves(z), 0.0
        for i, network in reversed(list(enumerate(self.networks))):
            loc, log_scale = network(halves[i % 2])
            halves[1 - i % 2] = (halves[1 - i % 2] - loc) * ops.exp(-log_scale)
            total -= ops.sum(log_scale, axis=-1)
        return ops.concatenate(halves, axis=-1), total

    def _from_start(self, u):
        """z = f(u): (..., latent_dim) -> (..., latent_dim)."""
        halves = self._halves(u)
        for i, network in enumerate(self.networks):
            loc, log_scale = network(halves[i % 2])
            halves[1 - i % 2] = loc + halves[1 - i % 2] * ops.exp(log_scale)
        return ops.concatenate(halves, axis=-1)

    def _halves(self, z):
        # (..., latent_dim) -> 2 x (..., about latent_dim / 2)
        return list(ops.split(z, [self.latent_dim // 2], axis=-1))


@keras.saving.register_keras_serializable("keras_ae")
class VampPrior(Prior):
    """p(z) = 1/K sum_k q(z|u_k), the mean posterior of K trained inputs u_k.

    The best prior for the ELBO is the mean of q(z|x) over all x. This prior is the mean over K
    inputs, which are weights and are trained. They can start from real examples: once the VAE is
    made, `prior.pseudo_inputs.assign(x_train[:500])`.

    Args:
        latent_dim: int, the size of a code.
        components: int, K.

    Output: batch shape (), event shape (latent_dim,).

    Raises:
        ValueError: an argument is not a positive integer; the posterior knows only the density of
            its own draws; or the prior is called without a VAE.

    For example:

        prior = keras_ae.distributions.VampPrior(2, components=3)
        vae = keras_ae.VAE((4,), 2, widths=(8,), prior=prior)
        vae.prior.log_prob(np.zeros((5, 2), "float32"))  # (5,)

    Source: Tomczak & Welling, "VAE with a VampPrior", AISTATS 2018, equation 9.
    """

    def __init__(self, latent_dim, components=500, **kwargs):
        super().__init__(latent_dim, **kwargs)
        self.components = validation.positive_int(components, "components")
        self._posterior = None

    def join(self, vae, posterior):
        if not vae.posterior_layer.evaluates_any_code:
            raise ValueError(
                "Expected a posterior that knows the density of any code with a VampPrior, such as "
                f"'diagonal', 'full' or 'iaf'. Received: {type(vae.posterior_layer).__name__}"
            )
        low, high = vae.likelihood_layer.support
        start = "random_normal"
        if not math.isinf(low):
            start = keras.initializers.RandomUniform(low, low + 0.1 * min(high - low, 1.0))
        shape = (self.components, *vae.shape)
        self.pseudo_inputs = self.add_weight(
            shape=shape, initializer=start, name="pseudo_inputs", autocast=False
        )
        self._posterior = lambda: posterior(ops.clip(self.pseudo_inputs, low, high))

    def call(self):
        if self._posterior is None:
            raise ValueError(
                "Expected a VampPrior to be the prior of a VAE, because it is made of the VAE's "
                "posterior. Received: a VampPrior without a VAE"
            )
        equal_weights = tfd.Categorical(logits=tf.zeros(self.components))
        return tfd.MixtureSameFamily(equal_weights, self._posterior())

    def get_config(self):
        return {**super().get_config(), "components": self.components}


def _standard_normal(latent_dim):
    """N(0, I): batch shape (), event shape (latent_dim,)."""
    return tfd.MultivariateNormalDiag(tf.zeros(latent_dim), tf.ones(latent_dim))
