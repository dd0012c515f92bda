"""Objectives: what a VAE minimises. They combine with every network and distribution.

    vae = keras_ae.VAE((28, 28, 1), latent_dim=20, objective="iwae")
    objective = keras_ae.objectives.TotalCorrelation()
    vae = keras_ae.VAE((28, 28, 1), latent_dim=10, beta=6.0, objective=objective)

`elbo` and `log_likelihood` measure a model by the same bounds, whatever its objective.
"""

import inspect
import math

import keras
import tensorflow as tf
from keras import ops

from keras_ae import distributions
from keras_ae.schedules import Schedule
from keras_ae.utils import seeds, validation


class Objective(keras.Layer):
    """What a VAE minimises. A subclass defines `loss(vae, params, x)`.

    The loss may report its parts by `vae.log(name=...)`: reconstruction, kl, and the names in the
    class attribute `logged`.

    Attributes:
        scheduled: True if the objective reads `vae.step`, the number of training steps so far.
        is_default: True for the objective that a card does not mention.
    """

    logged = ()
    scheduled = False
    is_default = False

    def __init__(self, **kwargs):
        kwargs.setdefault("dtype", "float32")  # half precision rounds nats too far
        super().__init__(**kwargs)

    def check(self, vae):
        """Raises ValueError if the objective does not fit the parts of the VAE. Makes its weights."""

    def loss(self, vae, params, x):
        """One number per example; training minimises their mean.

        Args:
            vae: the VAE.
            params: tensor (batch, n), the output of the encoder. `vae.posterior_of(params)` is
                q(z|x).
            x: float tensor (batch, *shape), the examples to explain.

        Returns:
            tensor (batch,), nats.
        """
        raise NotImplementedError


def _elbo_terms(vae, params, x):
    """-log p(x|z), KL(q || p), q and z, with one draw per example. Logs the first two."""
    q, p = vae.posterior_of(params), vae.prior
    drawn = distributions.draw(q, vae.draw_seed())  # z ~ q(z|x): (batch, latent_dim)
    reconstruction = -vae.likelihood(drawn.z).log_prob(x)
    kl = distributions.kl_divergence(q, p, drawn)
    vae.log(reconstruction=reconstruction, kl=kl)
    return reconstruction, kl, q, drawn.z


@keras.saving.register_keras_serializable("keras_ae")
class ELBO(Objective):
    """objective(x) = -log p(x|z) + beta * KL(q(z|x) || p(z)),  z ~ q(z|x), nats per example

    Source: Kingma & Welling, "Auto-encoding variational Bayes", ICLR 2014, equation 10; beta:
    Higgins et al., ICLR 2017, equation 4.
    """

    is_default = True

    def loss(self, vae, params, x):
        reconstruction, kl, _, _ = _elbo_terms(vae, params, x)
        return reconstruction + vae.beta * kl


@keras.saving.register_keras_serializable("keras_ae")
class FreeBits(Objective):
    """objective(x) = -log p(x|z) + beta * sum_j max(nats, KL_j), nats per example

    KL_j is the KL divergence of dimension j, averaged over the batch. The first `nats` of each
    dimension are free, so that training does not give up a dimension early. The posterior must be
    "diagonal" and the prior "standard_normal".

    Args:
        nats: float >= 0, free nats per dimension.

    Source: Kingma et al., "Improved variational inference with inverse autoregressive flow",
    NeurIPS 2016, equation 15.
    """

    def __init__(self, nats=0.1, **kwargs):
        super().__init__(**kwargs)
        self.nats = validation.at_least_zero(nats, "nats")

    def check(self, vae):
        is_diagonal = isinstance(vae.posterior_layer, distributions.DiagonalGaussian)
        if not (is_diagonal and isinstance(vae.prior_layer, distributions.StandardNormal)):
            received = f"{type(vae.posterior_layer).__name__} and {type(vae.prior_layer).__name__}"
            raise ValueError(
                'Expected posterior="diagonal" and prior="standard_normal" with the objective '
                f"FreeBits, which needs the KL divergence of each dimension. Received: {received}"
            )

    def loss(self, vae, params, x):
        reconstruction, _, posterior, _ = _elbo_terms(vae, params, x)
        tfd = distributions.tfd
        marginals = tfd.Normal(posterior.mean(), posterior.stddev())
        kl = tfd.kl_divergence(marginals, tfd.Normal(0.0, 1.0))
        kl = ops.mean(kl, axis=0)  # (batch, latent_dim) -> (latent_dim,)
        return reconstruction + vae.beta * ops.sum(ops.maximum(self.nats, kl))

    def get_config(self):
        return {**super().get_config(), "nats": self.nats}


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
        if isinstance(capacity, dict):
            capacity = keras.saving.deserialize_keras_object(capacity)
        if not isinstance(capacity, Schedule):
            validation.at_least_zero(capacity, "capacity")
        self.capacity = capacity
        self.weight = validation.at_least_zero(weight, "weight")

    def loss(self, vae, params, x):
        reconstruction, kl, _, _ = _elbo_terms(vae, params, x)
        capacity = self.capacity(vae.step) if isinstance(self.capacity, Schedule) else self.capacity
        return reconstruction + self.weight * ops.abs(kl - capacity)

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
        reconstruction, kl, posterior, z = _elbo_terms(vae, params, x)
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
        reconstruction, kl, _, z = _elbo_terms(vae, params, x)
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
    """A draw from prod_j q(z_j): shuffles each dimension among the examples, (batch, latent_dim)."""
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
        reconstruction, kl, _, z = _elbo_terms(vae, params, x)
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


OBJECTIVES = {
    "elbo": ELBO,
    "free_bits": FreeBits,
    "capacity": Capacity,
    "iwae": IWAE,
    "total_correlation": TotalCorrelation,
    "adversarial_total_correlation": AdversarialTotalCorrelation,
    "mmd": MMD,
}


def get(identifier):
    """The objective of a name, a config or a layer.

    Raises:
        ValueError: it is none of these; its `loss` has another signature.
    """
    objective = validation.layer_of("objective", identifier, OBJECTIVES, Objective)
    received = list(inspect.signature(objective.loss).parameters)
    if len(received) != 3 or received[1] == "x":
        raise ValueError(
            "Expected an objective with `loss(self, vae, params, x)`: params is the output of the "
            "encoder, vae.posterior_of(params) is q(z|x), and x is the example to explain. "
            f"Received: loss(self, {', '.join(received)}) of {type(objective).__name__}"
        )
    return objective
