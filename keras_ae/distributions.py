"""Priors, posteriors and likelihoods: Keras layers that give `tfp.distributions` objects.

The working successor of `tfp.layers` on Keras 3. A layer owns or receives parameters and, called, returns a distribution:

    likelihood = keras_ae.distributions.Bernoulli()
    logits = keras.layers.Dense(likelihood.params_size(784))(features)      # inside the call() of any keras.Model
    likelihood(logits).log_prob(x)                                          # (batch,)

Anything that a tfp distribution can say is five lines:

    @keras.saving.register_keras_serializable("mine")
    class Poisson(keras_ae.distributions.Likelihood):
        support = (0.0, float("inf"))

        def call(self, params):
            return self.independent(tfd.Poisson(log_rate=params))

A distribution is no tensor: call these layers inside a subclassed model, on tensors, not on a `keras.Input`. Parameters are float32
under every dtype policy. This file and densities.py are the only ones that import tensorflow_probability.
"""

import math

import keras
import tensorflow as tf
import tensorflow_probability as tfp
from keras import ops

from keras_ae import densities, parts
from keras_ae.flows import MaskedNetwork

tfb, tfd = tfp.bijectors, tfp.distributions

SMALLEST_SCALE = 1e-5


class Distribution(keras.Layer):
    """A layer that returns a `tfp.distributions.Distribution` from its parameters.

    A subclass defines `call(params)` and, where its parameters are not one a value, `params_size(event_shape)`.
    """

    def __init__(self, **kwargs):
        kwargs.setdefault("dtype", "float32")  # log-densities in half precision are worthless
        super().__init__(**kwargs)

    def params_size(self, event_shape):
        """The number of parameters of one event.

        Args:
            event_shape: int or tuple of ints, the shape of one example.
        """
        return _size(event_shape)

    def symbolic_call(self, *args, **kwargs):
        raise TypeError(
            f"{type(self).__name__} returns a distribution, which cannot be a node of a functional Keras model. Expected: a call "
            f"with tensors, inside the call() of a subclassed keras.Model. Received: a KerasTensor"
        )


# Likelihoods p(x|z): the decoder's output -> a distribution over arrays


class Likelihood(Distribution):
    """p(x|z): takes the decoder's output, (batch, *shape[:-1], shape[-1] * params per value), gives a distribution over x.

    Attributes:
        support: (low, high), the closed interval of values that x may take.
    """

    support = (-math.inf, math.inf)

    def independent(self, distribution):
        """Makes all axes but the first one event: batch shape (batch,), event shape as the parameters'."""
        return tfd.Independent(distribution, reinterpreted_batch_ndims=len(distribution.batch_shape) - 1)


@keras.saving.register_keras_serializable("keras_ae")
class Bernoulli(Likelihood):
    """p(x|z) = prod_i Bernoulli(x_i; sigmoid(logits_i)), for binary x.

    For grey values in [0, 1], log p(x|z) is minus the cross-entropy, its mean over all binarisations of x.

    Input shape: (batch, *shape), logits. Output: batch shape (batch,), event shape `shape`.
    """

    support = (0.0, 1.0)

    def call(self, logits):
        return densities.IndependentBernoulli(logits)


@keras.saving.register_keras_serializable("keras_ae")
class ContinuousBernoulli(Likelihood):
    """p(x|z) = prod_i C(l_i) l_i^x_i (1 - l_i)^(1 - x_i) with l = sigmoid(logits), a density on [0, 1].

    Input shape: (batch, *shape), logits. Output: batch shape (batch,), event shape `shape`.

    Source: Loaiza-Ganem & Cunningham, "The continuous Bernoulli", NeurIPS 2019, equations 6 to 8.
    """

    support = (0.0, 1.0)

    def call(self, logits):
        return self.independent(tfd.ContinuousBernoulli(logits=logits))


@keras.saving.register_keras_serializable("keras_ae")
class Gaussian(Likelihood):
    """p(x|z) = prod_i N(x_i; loc_i, scale_i^2).

    Args:
        scale: where the standard deviation comes from. A positive number: fixed. "trainable": one number, a weight of this layer.
            "predicted": the decoder gives one for each value.

    Input shape: (batch, *shape), or (batch, *shape[:-1], 2 * shape[-1]) when scale="predicted": first loc, then scale before
    softplus. Output: batch shape (batch,), event shape `shape`.

    Raises:
        ValueError: scale is none of these.
    """

    def __init__(self, scale=1.0, **kwargs):
        super().__init__(**kwargs)
        is_number = isinstance(scale, (int, float)) and not isinstance(scale, bool)
        if scale not in ("trainable", "predicted") and not (is_number and 0 < scale < math.inf):
            raise ValueError(f'Expected `scale` to be a positive number, "trainable" or "predicted". Received: scale={scale!r}')
        self.scale = scale
        if scale == "trainable":
            start = keras.initializers.Constant(math.log(math.e - 1))  # softplus(start) = 1
            self.raw_scale = self.add_weight(shape=(), initializer=start, name="raw_scale", autocast=False)

    def params_size(self, event_shape):
        return _size(event_shape) * (2 if self.scale == "predicted" else 1)

    def call(self, params):
        if self.scale == "predicted":
            loc, raw_scale = ops.split(params, 2, axis=-1)  # (batch, ..., 2 * channels) -> 2 x (batch, ..., channels)
            return self.independent(tfd.Normal(loc, _positive(raw_scale)))
        scale = _positive(ops.convert_to_tensor(self.raw_scale)) if self.scale == "trainable" else self.scale
        return self.independent(tfd.Normal(params, scale))

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


@keras.saving.register_keras_serializable("keras_ae")
class DiscretizedLogisticMixture(Likelihood):
    """p(x|z) = prod_i sum_k w_ik P(x_i; loc_ik, scale_ik), for pixels of 256 levels.

    P is a logistic variable rounded to the nearest level k / 255 and clipped to [0, 1]: a probability, so bits per dimension
    compare with those of other models of 8-bit images. x is given in [0, 1], as everywhere.

    Args:
        components: int, the number of logistics a value.

    Input shape: (batch, *shape[:-1], 3 * components * shape[-1]): mixture logits, loc, log scale. Output: batch shape
    (batch,), event shape `shape`.

    Raises:
        ValueError: components is not a positive integer.

    Source: Salimans et al., "PixelCNN++", ICLR 2017, equation 2 (channels are independent here).
    """

    support = (0.0, 1.0)

    def __init__(self, components=5, **kwargs):
        super().__init__(**kwargs)
        self.components = _positive_int(components, "components")

    def params_size(self, event_shape):
        return _size(event_shape) * 3 * self.components

    def call(self, params):
        channels = params.shape[-1] // (3 * self.components)
        shape = (*ops.shape(params)[:-1], channels, 3 * self.components)
        logits, loc, log_scale = ops.split(ops.reshape(params, shape), 3, axis=-1)  # 3 x (batch, ..., channels, components)
        scale = 0.5 * ops.exp(ops.clip(log_scale, -7.0, 7.0))
        pixels = densities.DiscretizedLogistic(0.5 + 0.5 * loc, scale)
        return self.independent(tfd.MixtureSameFamily(tfd.Categorical(logits=logits), pixels))

    def get_config(self):
        return {**super().get_config(), "components": self.components}


# Posteriors q(z|x): the encoder's output -> a distribution over codes


class Posterior(Distribution):
    """q(z|x): takes the encoder's output, (batch, params_size(latent_dim)), gives a distribution over z, (latent_dim,)."""


@keras.saving.register_keras_serializable("keras_ae")
class DiagonalGaussian(Posterior):
    """q(z|x) = N(z; loc, diag(scale)^2).

    Input shape: (batch, 2 * latent_dim): loc, then scale before softplus. Output: batch shape (batch,), event shape (latent_dim,).

    Source: Kingma & Welling, "Auto-encoding variational Bayes", ICLR 2014, equation 9.
    """

    def params_size(self, event_shape):
        return 2 * _size(event_shape)

    def call(self, params):
        loc, raw_scale = ops.split(params, 2, axis=-1)  # (batch, 2 * latent_dim) -> 2 x (batch, latent_dim)
        return densities.MultivariateNormalDiag(loc, _positive(raw_scale))


@keras.saving.register_keras_serializable("keras_ae")
class FullGaussian(Posterior):
    """q(z|x) = N(z; loc, L L^T), L lower triangular with a positive diagonal.

    Input shape: (batch, 2 * latent_dim + latent_dim * (latent_dim - 1) / 2): loc, the diagonal of L before softplus, and the entries
    below it, times sqrt(latent_dim), in the order of `tfp.math.fill_triangular`. Output: batch shape (batch,), event shape (latent_dim,).
    """

    def params_size(self, event_shape):
        n = _size(event_shape)
        return 2 * n + n * (n - 1) // 2

    def call(self, params):
        # params = 2 n + n (n - 1) / 2  =>  n = (sqrt(9 + 8 params) - 3) / 2
        n = (math.isqrt(9 + 8 * params.shape[-1]) - 3) // 2
        loc, raw_diagonal, entries = ops.split(params, (n, 2 * n), axis=-1)
        # Not tfb.FillScaleTriL: the gradient of its set_diag does not compile under XLA when the batch size is not static.
        scale = tf.linalg.diag(_positive(raw_diagonal))  # (batch, n, n)
        if n > 1:
            # Divided, so that a fresh network starts near a diagonal; else so much noise comes in that most dimensions are given up.
            below = tfp.math.fill_triangular(entries / math.sqrt(n))  # (batch, n (n - 1) / 2) -> (batch, n - 1, n - 1)
            scale += tf.pad(below, ((0, 0), (1, 0), (0, 1)))  # (batch, n - 1, n - 1) -> (batch, n, n), moved below the diagonal
        return densities.MultivariateNormalTriL(loc, scale)


# Priors p(z): no input, parameters of their own


class Prior(Distribution):
    """p(z): called with nothing, gives one distribution over codes, (latent_dim,). Its weights train with the model.

    Args:
        latent_dim: int, the size of a code.
    """

    def __init__(self, latent_dim, **kwargs):
        super().__init__(**kwargs)
        self.latent_dim = _positive_int(latent_dim, "latent_dim")

    def __call__(self):
        return self.call()  # Layer.__call__ cannot be called without an argument

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
        self.components = _positive_int(components, "components")
        shape = (self.components, self.latent_dim)
        unit_scale = keras.initializers.Constant(math.log(math.e - 1))  # softplus(start) = 1
        self.logits = self.add_weight(shape=(self.components,), initializer="zeros", name="logits", autocast=False)
        self.loc = self.add_weight(shape=shape, initializer="random_normal", name="loc", autocast=False)
        self.raw_scale = self.add_weight(shape=shape, initializer=unit_scale, name="raw_scale", autocast=False)

    def call(self):
        # A Keras variable handed straight to a tfd object gets no gradient, so each is converted first.
        logits, loc, raw_scale = map(ops.convert_to_tensor, (self.logits, self.loc, self.raw_scale))
        return tfd.MixtureSameFamily(tfd.Categorical(logits=logits), tfd.MultivariateNormalDiag(loc, _positive(raw_scale)))

    def get_config(self):
        return {**super().get_config(), "components": self.components}


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
        self.flows, self.width = _positive_int(flows, "flows"), _positive_int(width, "width")
        self.networks = [MaskedNetwork(self.latent_dim, (width, width), name=f"flow_{i}") for i in range(flows)]

    def call(self):
        reverse = tfb.Permute(list(range(self.latent_dim))[::-1])
        chain = []
        for network in self.networks:
            chain += [reverse, tfb.MaskedAutoregressiveFlow(network)]
        start = tfd.MultivariateNormalDiag(tf.zeros(self.latent_dim), tf.ones(self.latent_dim))
        return tfd.TransformedDistribution(start, tfb.Chain(chain[1:]))

    def get_config(self):
        return {**super().get_config(), "flows": self.flows, "width": self.width}


def kl_divergence(posterior, prior, z):
    """KL(q || p) = E_q[log q(z) - log p(z)], (batch,) nats: exact where TensorFlow Probability knows it, else estimated at z.

    Args:
        posterior: tfd.Distribution q, batch shape (batch,).
        prior: tfd.Distribution p.
        z: tensor (batch, latent_dim), a draw of q, used where there is no closed form.
    """
    try:
        return tfd.kl_divergence(posterior, prior)
    except NotImplementedError:
        return posterior.log_prob(z) - prior.log_prob(z)


NAMES = {
    Likelihood: {
        "bernoulli": Bernoulli,
        "continuous_bernoulli": ContinuousBernoulli,
        "gaussian": Gaussian,
        "discretized_logistic_mixture": DiscretizedLogisticMixture,
    },
    Posterior: {"diagonal": DiagonalGaussian, "full": FullGaussian},
    Prior: {"standard_normal": StandardNormal, "mixture": GaussianMixture, "flow": AutoregressiveFlow},
}


def get(kind, identifier, *args):
    """The layer of a name, a config or a layer.

    Args:
        kind: Likelihood, Posterior or Prior.
        identifier: a name of that kind, a serialised layer, or a layer, which is returned as it is.
        args: constructor arguments, for a name: latent_dim for a prior.
    """
    return parts.get(kind.__name__.lower(), identifier, NAMES[kind], kind, *args)


def _positive(raw):
    return ops.softplus(raw) + SMALLEST_SCALE


def _size(event_shape):
    return event_shape if isinstance(event_shape, int) else math.prod(event_shape)


def _positive_int(value, name):
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"Expected `{name}` to be a positive integer. Received: {name}={value!r}")
    return value
