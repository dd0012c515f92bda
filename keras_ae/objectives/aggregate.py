"""Objectives that shape q(z), the distribution of the codes of all examples together."""

import math

import keras
import tensorflow as tf
from keras import ops

from keras_ae import distributions
from keras_ae.objectives.base import Objective, elbo_terms
from keras_ae.utils import seeds, validation


@keras.saving.register_keras_serializable("keras_ae")
class TotalCorrelation(Objective):
    """objective(x) = -log p(x|z) + KL(q(z|x) || p(z)) + (beta - 1) * TC, nats per example

    TC = KL(q(z) || prod_j q(z_j))

    The beta-TCVAE. Beta weighs only the dependence between the dimensions. q(z) is the mean of
    q(z|x) over the training set, estimated from the batch. The logs also hold total_correlation.

    Source: Chen et al., "Isolating sources of disentanglement in variational autoencoders", NeurIPS
    2018, equations 4 and S6.
    """

    logged = ("total_correlation",)

    def check(self, vae):
        if not isinstance(vae.posterior_layer, distributions.DiagonalGaussian):
            received = type(vae.posterior_layer).__name__
            raise ValueError(
                'Expected posterior="diagonal" with the objective TotalCorrelation. '
                f"Received: {received}"
            )

    def loss(self, vae, params, x):
        reconstruction, kl, posterior, drawn = elbo_terms(vae, params, x)
        z = drawn.z
        correlation = total_correlation(posterior, z)
        vae.log(total_correlation=correlation)
        return reconstruction + kl + (vae.beta - 1) * correlation


def total_correlation(posterior, z):
    """log q(z) - sum_j log q(z_j), with q(z) = mean_i q(z|x_i) over the batch.

    Its mean estimates TC. The estimate is exact if the batch is the whole training set. In a small
    batch it is too large, by an amount that hardly depends on the encoder. (The paper also adds a
    constant for the size of the training set, which changes no gradient.)

    Args:
        posterior: q(z|x) of the batch, Gaussians with a diagonal covariance, batch shape (batch,).
        z: tensor (batch, latent_dim), a draw from it.

    Returns:
        tensor (batch,), nats.
    """
    tfd = distributions.tfd
    marginals = tfd.Normal(posterior.mean(), posterior.stddev())  # batch shape (batch, latent_dim)
    log_q = marginals.log_prob(z[:, tf.newaxis])  # (batch of z, batch of x, latent_dim)
    log_count = ops.log(ops.cast(ops.shape(z)[0], "float32"))
    joint = ops.logsumexp(ops.sum(log_q, axis=-1), axis=1) - log_count  # (batch,)
    each = ops.logsumexp(log_q, axis=1) - log_count  # (batch, latent_dim)
    return joint - ops.sum(each, axis=-1)


@keras.saving.register_keras_serializable("keras_ae")
class AdversarialTotalCorrelation(Objective):
    """objective(x) = -log p(x|z) + KL(q(z|x) || p(z)) + (beta - 1) * TC + D, nats per example

    TC = log q(z) / prod_j q(z_j)

    The FactorVAE. A discriminator learns to tell codes from codes whose dimensions were shuffled
    among the examples; its logit estimates TC, and D is its cross-entropy. D does not train the
    encoder, and TC does not train the discriminator. The logs also hold total_correlation and
    discriminator (D, which is log 4 at chance).

    Args:
        widths: sequence of ints, hidden layers of the discriminator.

    Source: Kim & Mnih, "Disentangling by factorising", ICML 2018, equations 2 and 3 (gamma there is
    beta - 1), algorithm 2.
    """

    logged = ("total_correlation", "discriminator")

    def __init__(self, widths=(256, 256), **kwargs):
        super().__init__(**kwargs)
        self.widths = tuple(validation.positive_int(width, "widths") for width in widths)

    def check(self, vae):
        layers = [keras.layers.Dense(width, activation="leaky_relu") for width in self.widths]
        self.discriminator = keras.Sequential(
            [keras.Input((vae.latent_dim,)), *layers, keras.layers.Dense(1)]
        )

    def loss(self, vae, params, x):
        reconstruction, kl, _, drawn = elbo_terms(vae, params, x)
        z = drawn.z
        frozen = [ops.stop_gradient(weight) for weight in self.discriminator.trainable_variables]
        logits, _ = self.discriminator.stateless_call(frozen, [], z)
        correlation = logits[:, 0]  # log q(z) / prod_j q(z_j): (batch, 1) -> (batch,)
        codes = ops.stop_gradient(z)
        real = self.discriminator(codes)[:, 0]
        shuffled = self.discriminator(_shuffled(codes, vae.draw_seed()))[:, 0]
        discriminator = ops.softplus(-real) + ops.softplus(shuffled)
        vae.log(total_correlation=correlation, discriminator=discriminator)
        return reconstruction + kl + (vae.beta - 1) * correlation + discriminator

    def get_config(self):
        return {**super().get_config(), "widths": self.widths}


def _shuffled(z, seed):
    """A draw from prod_j q(z_j): each dimension of z (batch, latent_dim), shuffled by itself."""
    order = ops.argsort(seeds.uniform(ops.shape(z), seed), axis=0)
    return ops.take_along_axis(z, order, axis=0)


@keras.saving.register_keras_serializable("keras_ae")
class MMD(Objective):
    """objective(x) = -log p(x|z) + beta * KL(q(z|x) || p(z)) + weight * MMD^2(q(z), p(z))

    In nats per example. The InfoVAE: all codes of a batch together must look like draws from the
    prior, but each single code is free to describe its x. With beta=0 it is the Wasserstein
    autoencoder (WAE-MMD). The logs also hold mmd, the estimate of MMD^2. The estimate is unbiased,
    so it can be below zero.

    Args:
        weight: float >= 0, nats per unit of MMD^2.
        bandwidth: float > 0, h in the kernel exp(-|a - b|^2 / (2 h^2)); None: sqrt(latent_dim).

    Source: Zhao et al., "InfoVAE", AAAI 2019, equation 6, with beta = 1 - alpha and weight =
    alpha + lambda - 1; Tolstikhin et al., "Wasserstein auto-encoders", ICLR 2018, algorithm 2;
    Gretton et al., JMLR 2012, lemma 6.
    """

    logged = ("mmd",)

    def __init__(self, weight=100.0, bandwidth=None, **kwargs):
        super().__init__(**kwargs)
        if bandwidth is not None and not bandwidth > 0:
            raise ValueError(
                "Expected `bandwidth` to be a positive number or None. "
                f"Received: bandwidth={bandwidth!r}"
            )
        self.weight, self.bandwidth = validation.at_least_zero(weight, "weight"), bandwidth

    def loss(self, vae, params, x):
        reconstruction, kl, _, drawn = elbo_terms(vae, params, x)
        z = drawn.z
        drawn = vae.prior.sample(ops.shape(z)[0], seed=vae.draw_seed())
        mmd = squared_mmd(z, drawn, self.bandwidth or math.sqrt(vae.latent_dim))
        vae.log(mmd=mmd * ops.ones_like(kl))
        return reconstruction + vae.beta * kl + self.weight * mmd

    def get_config(self):
        return {**super().get_config(), "weight": self.weight, "bandwidth": self.bandwidth}


def squared_mmd(a, b, bandwidth):
    """An unbiased estimate of MMD^2 = E k(a, a') + E k(b, b') - 2 E k(a, b).

    k(a, b) = exp(-|a - b|^2 / (2 bandwidth^2))

    Args:
        a, b: tensors (n, d), n draws from each of two distributions.
        bandwidth: float > 0.

    Returns:
        scalar; zero if n < 2.

    Source: Gretton et al., "A kernel two-sample test", JMLR 2012, lemma 6.
    """
    n = ops.cast(ops.shape(a)[0], "float32")

    def kernels(a, b):
        squares = ops.sum(ops.square(a[:, tf.newaxis] - b), axis=-1)  # (n, d), (n, d) -> (n, n)
        return ops.sum(ops.exp(-squares / (2 * bandwidth**2)))

    within = kernels(a, a) + kernels(b, b) - 2 * n  # a draw is not compared with itself
    between = 2 * kernels(a, b) / n**2 * ops.cast(n > 1, "float32")
    return ops.divide_no_nan(within, n * (n - 1)) - between
