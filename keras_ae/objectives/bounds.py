"""Objectives that are bounds of log p(x), or weigh the two terms of the ELBO."""

import math

import keras
import tensorflow as tf
from keras import ops

from keras_ae import distributions, schedules
from keras_ae.objectives.base import Objective, elbo_terms
from keras_ae.utils import validation


@keras.saving.register_keras_serializable("keras_ae")
class ELBO(Objective):
    """objective(x) = -log p(x|z) + beta * KL(q(z|x) || p(z)),  z ~ q(z|x), nats per example

    Source: Kingma & Welling, "Auto-encoding variational Bayes", ICLR 2014, equation 10; beta:
    Higgins et al., ICLR 2017, equation 4.
    """

    is_default = True

    def loss(self, vae, params, x):
        reconstruction, kl, _, _ = elbo_terms(vae, params, x)
        return reconstruction + vae.beta * kl


@keras.saving.register_keras_serializable("keras_ae")
class FreeBits(Objective):
    """objective(x) = -log p(x|z) + beta * sum_j max(free, KL_j), nats per example

    KL_j is the KL divergence of dimension j of the code, averaged over the batch; in a hierarchy
    (HVAE), that of layer j. free is the argument `nats`: so many nats of each KL_j cost nothing,
    so that training does not give up a dimension, or a layer, early. Except in a hierarchy, the
    posterior must be "diagonal" and the prior "standard_normal".

    Args:
        nats: free nats per dimension or layer, a number of at least 0, or a schedule of
            `keras_ae.schedules`, such as WarmUp(8_000, start=0.5, end=0.0).

    Source: Kingma et al., "Improved variational inference with inverse autoregressive flow",
    NeurIPS 2016, equation 15.
    """

    def __init__(self, nats=0.1, **kwargs):
        super().__init__(**kwargs)
        self.nats = schedules.get(nats, "nats")
        self.scheduled = isinstance(self.nats, schedules.Schedule)

    def check(self, vae):
        is_diagonal = isinstance(vae.posterior_layer, distributions.DiagonalGaussian)
        is_plain = is_diagonal and isinstance(vae.prior_layer, distributions.StandardNormal)
        sizes = getattr(vae.posterior_layer, "sizes", None)
        is_hierarchy = sizes is not None and sizes == getattr(vae.prior_layer, "sizes", None)
        if not (is_plain or is_hierarchy):
            received = f"{type(vae.posterior_layer).__name__} and {type(vae.prior_layer).__name__}"
            raise ValueError(
                'Expected an HVAE, or posterior="diagonal" and prior="standard_normal" with the '
                "objective FreeBits, which needs the KL divergence of each layer or dimension. "
                f"Received: {received}"
            )

    def loss(self, vae, params, x):
        reconstruction, _, posterior, drawn = elbo_terms(vae, params, x)
        nats = schedules.at(self.nats, vae.step)
        if drawn.steps is not None:
            terms = distributions.kl_of_parts(posterior, vae.prior, drawn)
            kl = ops.stack([ops.mean(term) for term in terms])  # (layers,)
        else:
            tfd = distributions.tfd
            marginals = tfd.Normal(posterior.mean(), posterior.stddev())
            kl = tfd.kl_divergence(marginals, tfd.Normal(0.0, 1.0))
            kl = ops.mean(kl, axis=0)  # (batch, latent_dim) -> (latent_dim,)
        return reconstruction + vae.beta * ops.sum(ops.maximum(nats, kl))

    def get_config(self):
        return {**super().get_config(), "nats": keras.saving.serialize_keras_object(self.nats)}


@keras.saving.register_keras_serializable("keras_ae")
class Capacity(Objective):
    """objective(x) = -log p(x|z) + weight * |KL(q(z|x) || p(z)) - capacity(step)|, nats per example

    The code comes to hold as many nats as the capacity. If the capacity grows during training, one
    dimension after the other comes into use.

    Args:
        capacity: nats of the KL term, a number or a schedule of `keras_ae.schedules`, such as
            WarmUp(100_000, end=25.0).
        weight: float >= 0, gamma in the paper.

    Source: Burgess et al., "Understanding disentangling in beta-VAE", 2018, equation 8.
    """

    scheduled = True

    def __init__(self, capacity=25.0, weight=1000.0, **kwargs):
        super().__init__(**kwargs)
        self.capacity = schedules.get(capacity, "capacity")
        self.weight = validation.at_least_zero(weight, "weight")

    def loss(self, vae, params, x):
        reconstruction, kl, _, _ = elbo_terms(vae, params, x)
        return reconstruction + self.weight * ops.abs(kl - schedules.at(self.capacity, vae.step))

    def get_config(self):
        return {
            **super().get_config(),
            "capacity": keras.saving.serialize_keras_object(self.capacity),
            "weight": self.weight,
        }


@keras.saving.register_keras_serializable("keras_ae")
class IWAE(Objective):
    """objective(x) = -log 1/k sum_i p(x|z_i) p(z_i) / q(z_i|x),  z_i ~ q(z|x), nats per example

    The importance-weighted bound. It lies between the ELBO (k = 1) and log p(x). The logs hold the
    reconstruction and kl of single draws, as for the ELBO, so loss <= reconstruction + kl. The
    VAE's beta must be 1.

    Args:
        k: int >= 1, draws per example.
        gradient: "plain": the gradient of the bound. "dreg": the doubly reparameterised gradient of
            the encoder, which has the same mean, and whose signal does not fade as k grows. It
            needs a posterior that knows the density of any code; "planar" and "sylvester" do not.

    Source: Burda et al., "Importance weighted autoencoders", ICLR 2016, equation 8; Tucker et al.,
    "Doubly reparameterized gradient estimators for Monte Carlo objectives", ICLR 2019, equation 9.
    """

    def __init__(self, k=5, gradient="dreg", **kwargs):
        super().__init__(**kwargs)
        if gradient not in ("dreg", "plain"):
            raise ValueError(
                f'Expected `gradient` to be "dreg" or "plain". Received: gradient={gradient!r}'
            )
        self.k, self.gradient = validation.positive_int(k, "k"), gradient

    def check(self, vae):
        if vae.schedule is not None or float(ops.convert_to_numpy(vae.beta)) != 1:
            raise ValueError(
                "Expected beta=1 with the objective IWAE, whose bound has no separate KL term. "
                "Received: another beta"
            )
        if self.gradient == "dreg" and not vae.posterior_layer.evaluates_any_code:
            raise ValueError(
                'Expected objective=IWAE(gradient="plain") with the posterior '
                f"{type(vae.posterior_layer).__name__}, which knows the density of its own draws "
                'only. Received: gradient="dreg"'
            )

    def loss(self, vae, params, x):
        drawn = distributions.draw(vae.posterior_of(params), vae.draw_seed(), self.k)
        z = drawn.z  # (k, batch, latent_dim)
        if self.gradient == "dreg":
            z, scale_of_gradient = _with_scaled_gradient(z, tf.zeros(tf.shape(z)[:-1]))
            log_posterior = _log_prob_of_constant(vae, params, z)
        else:
            log_posterior = drawn.log_prob()
        log_likelihood = vae.log_likelihood_of(x, z)  # (k, batch)
        log_prior = vae.prior.log_prob(z)  # (k, batch)
        vae.log(reconstruction=-ops.mean(log_likelihood, axis=0))
        vae.log(kl=ops.mean(log_posterior - log_prior, axis=0))
        log_weights = log_likelihood + log_prior - log_posterior
        bound = ops.logsumexp(log_weights, axis=0) - math.log(self.k)
        if self.gradient == "plain":
            return -bound
        # The gradient of sum_i w_i log weight_i with constant w_i. It is right for the decoder.
        # Towards z it is multiplied by w_i once more. (Keras' softmax warns if k = 1.)
        weights = ops.stop_gradient(tf.nn.softmax(log_weights, axis=0))
        surrogate = -ops.sum(weights * log_weights + weights * scale_of_gradient, axis=0)
        return surrogate + ops.stop_gradient(-bound - surrogate)

    def get_config(self):
        return {**super().get_config(), "k": self.k, "gradient": self.gradient}


def _log_prob_of_constant(vae, params, z):
    """log q(z|x): z (n, batch, latent_dim) -> (n, batch), with a gradient towards z only.

    Neither the encoder nor the posterior's own weights get a gradient.
    """
    own = vae.posterior_layer.trainable_variables
    constants = [(weight, ops.stop_gradient(weight)) for weight in own]
    with keras.StatelessScope(constants):
        return vae.posterior_of(ops.stop_gradient(params)).log_prob(z)


@tf.custom_gradient
def _with_scaled_gradient(z, zeros):
    """Returns z (k, batch, n) and zeros (k, batch) unchanged, and scales the gradient of z.

    The factor is the gradient of zeros, divided by its sum over k, since whatever follows the
    objective scales both gradients.
    """

    def gradient(of_z, of_zeros):
        factors = tf.math.divide_no_nan(of_zeros, tf.reduce_sum(of_zeros, axis=0))
        return of_z * factors[..., tf.newaxis], tf.zeros_like(of_zeros)

    return (tf.identity(z), tf.identity(zeros)), gradient
