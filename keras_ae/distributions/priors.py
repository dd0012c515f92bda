"""Priors p(z): no input, parameters of their own, a distribution over codes."""

import math

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from keras import ops

from keras_ae.distributions import base, tfp_extensions
from keras_ae.distributions.flows import CouplingNetwork, MaskedNetwork
from keras_ae.utils import validation

tfb, tfd = tfp.bijectors, tfp.distributions


class Prior(base.Distribution):
    """p(z): called with nothing, gives one distribution over codes, (latent_dim,). Its weights train with the model.

    Args:
        latent_dim: int, the size of a code.
    """

    def __init__(self, latent_dim, **kwargs):
        super().__init__(**kwargs)
        self.latent_dim = validation.positive_int(latent_dim, "latent_dim")

    def __call__(self):
        return self.call()  # Layer.__call__ cannot be called without an argument

    def join(self, vae, posterior):
        """Called once by the VAE that the prior is given to. posterior: function of x, q(z|x) over the codes that the prior is of."""

    def get_config(self):
        return {**super().get_config(), "latent_dim": self.latent_dim}


@keras.saving.register_keras_serializable("keras_ae")
class StandardNormal(Prior):
    """p(z) = N(z; 0, I). Output: batch shape (), event shape (latent_dim,)."""

    def call(self):
        return tfd.MultivariateNormalDiag(tf.zeros(self.latent_dim), tf.ones(self.latent_dim))


@keras.saving.register_keras_serializable("keras_ae")
class GaussianMixture(Prior):
    """p(z) = sum_k w_k N(z; loc_k, diag(scale_k)^2), weights, locs and scales trained. Batch shape (), event shape (latent_dim,).

    Args:
        latent_dim: int, the size of a code.
        components: int, the number of Gaussians.

    Raises:
        ValueError: an argument is not a positive integer.
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
        # A Keras variable handed straight to a tfd object gets no gradient, so each is converted first, here and below.
        return tfd.MixtureSameFamily(
            tfd.Categorical(logits=ops.convert_to_tensor(self.logits)), self._gaussians()
        )

    def start(self, weights, loc, covariances):
        """Sets the mixture.

        Args:
            weights: array (components,), above 0.
            loc: array (components, latent_dim).
            covariances: array (components, latent_dim), variances; of a `FullGaussianMixture` (components, latent_dim, latent_dim).
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
    """p(z) = sum_k w_k N(z; loc_k, L_k L_k^T), L_k lower triangular with a positive diagonal, all trained. Batch shape (), event shape
    (latent_dim,). A cluster may lie along any direction, not only along the dimensions of the code.

    Args:
        latent_dim: int, the size of a code.
        components: int, the number of Gaussians.

    Raises:
        ValueError: an argument is not a positive integer.
    """

    def __init__(self, latent_dim, components=10, **kwargs):
        super().__init__(latent_dim, components, **kwargs)
        shape = (components, latent_dim, latent_dim)
        self.below = self.add_weight(
            shape=shape, initializer="zeros", name="below", autocast=False
        )  # of which L takes those below

    def _gaussians(self):
        loc, raw_scale, below = map(ops.convert_to_tensor, (self.loc, self.raw_scale, self.below))
        strictly_lower = tf.constant(np.tri(self.latent_dim, k=-1), tf.float32)
        return tfp_extensions.FewGaussians(
            loc, tf.linalg.diag(base.positive(raw_scale)) + below * strictly_lower
        )

    def _start_scales(self, covariances):
        scale = np.linalg.cholesky(covariances)  # (components, latent_dim, latent_dim)
        self.raw_scale.assign(base.raw_of(np.diagonal(scale, axis1=1, axis2=2)))
        self.below.assign(np.tril(scale, -1))


@keras.saving.register_keras_serializable("keras_ae")
class AutoregressiveFlow(Prior):
    """p(z) of z = f(u), u ~ N(0, I), f a chain of masked autoregressive flows, trained. Batch shape (), event shape (latent_dim,).

    Each flow is z_i = loc_i(z_1..i-1) + scale_i(z_1..i-1) u_i, and between two the order of the values is reversed. It starts as N(0, I).
    A density takes one pass of the networks, a draw latent_dim of them.

    Args:
        latent_dim: int, the size of a code.
        flows: int, the number of flows.
        width: int, units of each of the two hidden layers of a flow's network.

    Raises:
        ValueError: an argument is not a positive integer.

    Source: Papamakarios et al., "Masked autoregressive flow for density estimation", NeurIPS 2017, equations 3 and 4; as a prior: Chen et
    al., "Variational lossy autoencoder", ICLR 2017, section 3.2.
    """

    def __init__(self, latent_dim, flows=3, width=256, **kwargs):
        super().__init__(latent_dim, **kwargs)
        self.flows, self.width = (
            validation.positive_int(flows, "flows"),
            validation.positive_int(width, "width"),
        )
        self.networks = [
            MaskedNetwork(self.latent_dim, (width, width), name=f"flow_{i}") for i in range(flows)
        ]

    def call(self):
        reverse = tfb.Permute(list(range(self.latent_dim))[::-1])
        chain = []
        for network in self.networks:
            chain += [reverse, tfb.MaskedAutoregressiveFlow(network)]
        start = tfd.MultivariateNormalDiag(tf.zeros(self.latent_dim), tf.ones(self.latent_dim))
        return tfd.TransformedDistribution(start, tfb.Chain(chain[1:]))

    def get_config(self):
        return {**super().get_config(), "flows": self.flows, "width": self.width}


@keras.saving.register_keras_serializable("keras_ae")
class RealNVP(Prior):
    """p(z) of z = f(u), u ~ N(0, I), f a chain of affine couplings, trained. Batch shape (), event shape (latent_dim,).

    Each coupling keeps one half of the values, a, and changes the other: b -> loc(a) + scale(a) b; the next one keeps what this one has
    changed. It starts as N(0, I). A density takes one pass of the networks, and so does a draw.

    Args:
        latent_dim: int >= 2, the size of a code.
        flows: int, the number of couplings.
        width: int, units of each of the two hidden layers of a coupling's network.

    Raises:
        ValueError: an argument is not a positive integer, or latent_dim is 1, which has no halves.

    Source: Dinh et al., "Density estimation using Real NVP", ICLR 2017, equations 4, 5, 7 and 8.
    """

    def __init__(self, latent_dim, flows=6, width=256, **kwargs):
        super().__init__(latent_dim, **kwargs)
        if latent_dim < 2:
            raise ValueError(
                f"Expected `latent_dim` to be at least 2 for RealNVP, which has halves. Received: latent_dim={latent_dim}"
            )
        self.flows, self.width = (
            validation.positive_int(flows, "flows"),
            validation.positive_int(width, "width"),
        )
        sizes = [latent_dim // 2, latent_dim - latent_dim // 2]
        # The size that each coupling keeps: those of even number the first half, the others the second.
        self.networks = [
            CouplingNetwork(sizes[i % 2], sizes[1 - i % 2], width, name=f"flow_{i}")
            for i in range(flows)
        ]

    def call(self):
        start = tfd.MultivariateNormalDiag(tf.zeros(self.latent_dim), tf.ones(self.latent_dim))
        return tfp_extensions.Flow(
            start, tfb.Invert(tfp_extensions.Map(self._to_start, self._from_start))
        )

    def _to_start(self, z):
        """u and log |det du/dz|: (..., latent_dim) -> (..., latent_dim), (...)."""
        halves, total = self._halves(z), 0.0
        for i, network in reversed(list(enumerate(self.networks))):
            loc, log_scale = network(halves[i % 2])
            halves[1 - i % 2] = (halves[1 - i % 2] - loc) * ops.exp(-log_scale)
            total -= ops.sum(log_scale, axis=-1)
        return ops.concatenate(halves, axis=-1), total

    def _from_start(self, u):
        halves = self._halves(u)
        for i, network in enumerate(self.networks):
            loc, log_scale = network(halves[i % 2])
            halves[1 - i % 2] = loc + halves[1 - i % 2] * ops.exp(log_scale)
        return ops.concatenate(halves, axis=-1)

    def _halves(self, z):
        return list(
            ops.split(z, [self.latent_dim // 2], axis=-1)
        )  # (..., latent_dim) -> 2 x (..., about latent_dim / 2)

    def get_config(self):
        return {**super().get_config(), "flows": self.flows, "width": self.width}


@keras.saving.register_keras_serializable("keras_ae")
class VampPrior(Prior):
    """p(z) = 1/K sum_k q(z|u_k), the posterior of K trained inputs u_k of the VAE's own. Batch shape (), event shape (latent_dim,).

    The best prior for the ELBO is the mean of q(z|x) over all x; this is the mean over K examples, which training makes up. They can
    start from real ones: `prior.pseudo_inputs.assign(x_train[:500])`, once the VAE is made.

    Args:
        latent_dim: int, the size of a code.
        components: int, K.

    Raises:
        ValueError: an argument is not a positive integer; the posterior knows the density of its own draws only; or the prior is used
            outside a VAE.

    Source: Tomczak & Welling, "VAE with a VampPrior", AISTATS 2018, equation 9.
    """

    def __init__(self, latent_dim, components=500, **kwargs):
        super().__init__(latent_dim, **kwargs)
        self.components = validation.positive_int(components, "components")
        self._posterior = None

    def join(self, vae, posterior):
        if not vae.posterior_layer.evaluates_any_code:
            received = type(vae.posterior_layer).__name__
            raise ValueError(
                "Expected a posterior that knows the density of any code with a VampPrior, such as 'diagonal', 'full' or 'iaf'. "
                f"Received: {received}"
            )
        low, high = vae.likelihood_layer.support
        start = (
            "random_normal"
            if math.isinf(low)
            else keras.initializers.RandomUniform(low, low + 0.1 * min(high - low, 1.0))
        )
        shape = (self.components, *vae.shape)
        self.pseudo_inputs = self.add_weight(
            shape=shape, initializer=start, name="pseudo_inputs", autocast=False
        )
        self._posterior = lambda: posterior(ops.clip(self.pseudo_inputs, low, high))

    def call(self):
        if self._posterior is None:
            raise ValueError(
                "Expected a VampPrior to be the prior of a VAE, whose posterior it is made of. Received: one by itself"
            )
        return tfd.MixtureSameFamily(
            tfd.Categorical(logits=tf.zeros(self.components)), self._posterior()
        )

    def get_config(self):
        return {**super().get_config(), "components": self.components}
