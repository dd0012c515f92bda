"""What a VAE minimises: objectives, parts like priors and likelihoods that combine with every network and distribution.

    vae = keras_ae.VAE((28, 28, 1), latent_dim=20, objective="iwae")
    vae = keras_ae.VAE((28, 28, 1), latent_dim=10, beta=6.0, objective=keras_ae.objectives.TotalCorrelation())

Whatever the objective, `elbo` and `log_likelihood` measure the model by the same bounds.
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
    """What a VAE minimises. A subclass states `loss(vae, params, x)`, a (batch,) tensor in nats whose mean is minimised.

    It may report parts of it by `vae.log(name=...)`: reconstruction, kl, and the names in the class attribute `logged`.

    Attributes:
        scheduled: True for one that reads `vae.step`, the number of training steps so far.
        is_default: True for the one that needs no mention on a card.
    """

    logged = ()
    scheduled = False
    is_default = False

    def __init__(self, **kwargs):
        kwargs.setdefault("dtype", "float32")  # nats, which half precision rounds too far
        super().__init__(**kwargs)

    def check(self, vae):
        """Raises ValueError if the objective does not fit the VAE's other parts; makes the weights that depend on them."""

    def loss(self, vae, params, x):
        """What is minimised.

        Args:
            vae: the VAE.
            params: tensor (batch, n), what the encoder said of its input; `vae.posterior_of(params)` is q(z|x).
            x: float tensor (batch, *shape), what is to be explained.

        Returns:
            tensor (batch,), nats.
        """
        raise NotImplementedError


def _elbo_terms(vae, params, x):
    """-log p(x|z), KL(q || p), q and z, one draw for each example, with the first two logged."""
    q, p = vae.posterior_of(params), vae.prior
    drawn = distributions.draw(q, vae.draw_seed())  # z ~ q(z|x): (batch, latent_dim)
    reconstruction = -vae.likelihood(drawn.z).log_prob(x)
    kl = distributions.kl_divergence(q, p, drawn)
    vae.log(reconstruction=reconstruction, kl=kl)
    return reconstruction, kl, q, drawn.z


@keras.saving.register_keras_serializable("keras_ae")
class ELBO(Objective):
    """objective(x) = -log p(x|z) + beta * KL(q(z|x) || p(z)),  z ~ q(z|x), nats an example

    Source: Kingma & Welling, "Auto-encoding variational Bayes", ICLR 2014, equation 10; beta: Higgins et al., ICLR 2017, equation 4.
    """

    is_default = True

    def loss(self, vae, params, x):
        reconstruction, kl, _, _ = _elbo_terms(vae, params, x)
        return reconstruction + vae.beta * kl


@keras.saving.register_keras_serializable("keras_ae")
class FreeBits(Objective):
    """objective(x) = -log p(x|z) + beta * sum_j max(nats, KL_j), nats an example

    KL_j is the KL divergence of dimension j, its mean over the batch. Each dimension has `nats` for nothing, and is not pressed to
    tell less, so that none is given up early in training.

    Args:
        nats: float >= 0.

    Needs a posterior and a prior that factorise over the dimensions: "diagonal" and "standard_normal".

    Source: Kingma et al., "Improved variational inference with inverse autoregressive flow", NeurIPS 2016, equation 15.
    """

    def __init__(self, nats=0.1, **kwargs):
        super().__init__(**kwargs)
        self.nats = validation.at_least_zero(nats, "nats")

    def check(self, vae):
        kinds = distributions.DiagonalGaussian, distributions.StandardNormal
        if not all(
            isinstance(part, kind)
            for part, kind in zip((vae.posterior_layer, vae.prior_layer), kinds, strict=True)
        ):
            received = f"{type(vae.posterior_layer).__name__} and {type(vae.prior_layer).__name__}"
            raise ValueError(
                'Expected posterior="diagonal" and prior="standard_normal" with the objective FreeBits, which needs the KL divergence of '
                f"each dimension. Received: {received}"
            )

    def loss(self, vae, params, x):
        reconstruction, _, posterior, _ = _elbo_terms(vae, params, x)
        tfd = distributions.tfd
        marginals = tfd.Normal(posterior.mean(), posterior.stddev())
        kl = ops.mean(
            tfd.kl_divergence(marginals, tfd.Normal(0.0, 1.0)), axis=0
        )  # (batch, latent_dim) -> (latent_dim,)
        return reconstruction + vae.beta * ops.sum(ops.maximum(self.nats, kl))

    def get_config(self):
        return {**super().get_config(), "nats": self.nats}


@keras.saving.register_keras_serializable("keras_ae")
class Capacity(Objective):
    """objective(x) = -log p(x|z) + weight * |KL(q(z|x) || p(z)) - capacity(step)|, nats an example

    The code is made to hold as many nats as the capacity says, which grows in training: dimension after dimension comes into use.

    Args:
        capacity: the nats of the KL term, a number or a schedule (`keras_ae.schedules`), such as WarmUp(100_000, end=25.0).
        weight: float >= 0, gamma in the paper.

    Source: Burgess et al., "Understanding disentangling in beta-VAE", 2018, equation 8.
    """

    scheduled = True

    def __init__(self, capacity=25.0, weight=1000.0, **kwargs):
        super().__init__(**kwargs)
        if isinstance(capacity, dict):
            capacity = keras.saving.deserialize_keras_object(capacity)
        self.capacity = (
            capacity
            if isinstance(capacity, Schedule)
            else validation.at_least_zero(capacity, "capacity")
        )
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
    """objective(x) = -log 1/k sum_i p(x|z_i) p(z_i) / q(z_i|x),  z_i ~ q(z|x), nats an example

    The importance-weighted bound, between the ELBO (k = 1) and log p(x). The logs hold reconstruction and kl of the single draws, as
    the ELBO's, and loss <= reconstruction + kl.

    Args:
        k: int >= 1, draws an example.
        gradient: "dreg", the doubly reparameterised gradient of the encoder, whose signal does not fade as k grows; or "plain", that of
            the bound as it stands. Both have the same mean. A posterior that knows the density of its own draws only ("planar",
            "sylvester") takes the plain one.

    The VAE's beta must be 1.

    Source: Burda et al., "Importance weighted autoencoders", ICLR 2016, equation 8; Tucker et al., "Doubly reparameterized gradient
    estimators for Monte Carlo objectives", ICLR 2019, equation 9.
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
                "Expected beta=1 with the objective IWAE, whose bound has no separate KL term. Received: another beta"
            )
        if self.gradient == "dreg" and not vae.posterior_layer.evaluates_any_code:
            raise ValueError(
                f'Expected objective=IWAE(gradient="plain") with the posterior {type(vae.posterior_layer).__name__}, '
                'which knows the density of its own draws only. Received: gradient="dreg"'
            )

    def loss(self, vae, params, x):
        drawn = distributions.draw(vae.posterior_of(params), vae.draw_seed(), self.k)
        z = drawn.z  # (k, batch, latent_dim)
        if self.gradient == "dreg":
            z, scale_of_gradient = _with_scaled_gradient(z, tf.zeros(tf.shape(z)[:-1]))
            log_posterior = _log_prob_of_constant(vae, params, z)
        else:
            log_posterior = drawn.log_prob()
        log_likelihood, log_prior = (
            vae.log_likelihood_of(x, z),
            vae.prior.log_prob(z),
        )  # (k, batch) each
        vae.log(
            reconstruction=-ops.mean(log_likelihood, axis=0),
            kl=ops.mean(log_posterior - log_prior, axis=0),
        )
        log_weights = log_likelihood + log_prior - log_posterior
        bound = ops.logsumexp(log_weights, axis=0) - math.log(self.k)
        if self.gradient == "plain":
            return -bound
        # The gradient of sum_i w_i log weight_i, w_i constant: right for the decoder. Towards z it is multiplied by w_i once more.
        weights = ops.stop_gradient(
            tf.nn.softmax(log_weights, axis=0)
        )  # Keras' own warns where k = 1
        surrogate = -ops.sum(weights * log_weights + weights * scale_of_gradient, axis=0)
        return surrogate + ops.stop_gradient(-bound - surrogate)

    def get_config(self):
        return {**super().get_config(), "k": self.k, "gradient": self.gradient}


def _log_prob_of_constant(vae, params, z):
    """log q(z|x) of (n, batch, latent_dim) -> (n, batch), with a gradient towards z alone: not what the encoder says of x, and not the
    posterior's own weights.
    """
    constants = [
        (weight, ops.stop_gradient(weight)) for weight in vae.posterior_layer.trainable_variables
    ]
    with keras.StatelessScope(constants):
        return vae.posterior_of(ops.stop_gradient(params)).log_prob(z)


@tf.custom_gradient
def _with_scaled_gradient(z, zeros):
    """z and zeros as they are, (k, batch, n) and (k, batch). On the way back the gradient of z is multiplied by that of zeros, which is
    divided by its sum over k first, as whatever follows the objective scales both.
    """

    def gradient(of_z, of_zeros):
        factors = tf.math.divide_no_nan(of_zeros, tf.reduce_sum(of_zeros, axis=0))
        return of_z * factors[..., tf.newaxis], tf.zeros_like(of_zeros)

    return (tf.identity(z), tf.identity(zeros)), gradient


@keras.saving.register_keras_serializable("keras_ae")
class TotalCorrelation(Objective):
    """objective(x) = -log p(x|z) + KL(q(z|x) || p(z)) + (beta - 1) * TC,  TC = KL(q(z) || prod_j q(z_j)), nats an example

    The beta-TCVAE: beta presses on the dependence between the dimensions alone. q(z) is the mean of q(z|x) over the training set; it
    is estimated from the batch. The logs hold total_correlation too.

    Source: Chen et al., "Isolating sources of disentanglement in variational autoencoders", NeurIPS 2018, equations 4 and S6.
    """

    logged = ("total_correlation",)

    def check(self, vae):
        if not isinstance(vae.posterior_layer, distributions.DiagonalGaussian):
            received = type(vae.posterior_layer).__name__
            raise ValueError(
                f'Expected posterior="diagonal" with the objective TotalCorrelation. Received: {received}'
            )

    def loss(self, vae, params, x):
        reconstruction, kl, posterior, z = _elbo_terms(vae, params, x)
        correlation = total_correlation(posterior, z)
        vae.log(total_correlation=correlation)
        return reconstruction + kl + (vae.beta - 1) * correlation


def total_correlation(posterior, z):
    """log q(z) - sum_j log q(z_j), with q(z) = mean_i q(z|x_i) over the batch: (batch,) nats. Its mean estimates TC.

    Exact as the batch becomes the whole set; from a small batch it is too large, by an amount that hardly depends on the encoder. (In
    the paper the size of the training set enters too, as a constant, which trains nothing and is left out.)

    Args:
        posterior: q(z|x) of the batch, Gaussians with a diagonal covariance, batch shape (batch,).
        z: tensor (batch, latent_dim), a draw of it.
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
    """objective(x) = -log p(x|z) + KL(q(z|x) || p(z)) + (beta - 1) * TC + D,  TC = log q(z) / prod_j q(z_j), nats an example

    The FactorVAE: the ratio of densities is what a discriminator, trained along by its own cross-entropy D, tells codes from codes whose
    dimensions were shuffled among the examples. Neither term trains the network of the other. The logs hold total_correlation and
    discriminator (D, log 4 at chance).

    Args:
        widths: sequence of ints, hidden layers of the discriminator.

    Source: Kim & Mnih, "Disentangling by factorising", ICML 2018, equations 2 and 3, gamma there being beta - 1; algorithm 2.
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
        real, shuffled = (
            self.discriminator(codes)[:, 0],
            self.discriminator(_shuffled(codes, vae.draw_seed()))[:, 0],
        )
        discriminator = ops.softplus(-real) + ops.softplus(shuffled)
        vae.log(total_correlation=correlation, discriminator=discriminator)
        return reconstruction + kl + (vae.beta - 1) * correlation + discriminator

    def get_config(self):
        return {**super().get_config(), "widths": self.widths}


def _shuffled(z, seed):
    """Each dimension shuffled among the examples, by itself: (batch, latent_dim) -> the same, a draw of prod_j q(z_j)."""
    order = ops.argsort(seeds.uniform(ops.shape(z), seed), axis=0)
    return ops.take_along_axis(z, order, axis=0)


@keras.saving.register_keras_serializable("keras_ae")
class MMD(Objective):
    """objective(x) = -log p(x|z) + beta * KL(q(z|x) || p(z)) + weight * MMD^2(q(z), p(z)), nats an example

    The InfoVAE: the codes of a batch together shall look like draws of the prior, which leaves each of them free to tell of its x.
    With beta=0 it is the Wasserstein autoencoder (WAE-MMD). The logs hold mmd too, MMD^2, which can be below zero, as it is unbiased.

    Args:
        weight: float >= 0, nats a unit of MMD^2.
        bandwidth: float > 0, or None for sqrt(latent_dim): h in the kernel exp(-|a - b|^2 / (2 h^2)).

    Source: Zhao et al., "InfoVAE", AAAI 2019, equation 6, beta = 1 - alpha and weight = alpha + lambda - 1; Tolstikhin et al.,
    "Wasserstein auto-encoders", ICLR 2018, algorithm 2; Gretton et al., JMLR 2012, lemma 6.
    """

    logged = ("mmd",)

    def __init__(self, weight=100.0, bandwidth=None, **kwargs):
        super().__init__(**kwargs)
        if bandwidth is not None and not bandwidth > 0:
            raise ValueError(
                f"Expected `bandwidth` to be a positive number or None. Received: bandwidth={bandwidth!r}"
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
    """An unbiased estimate of MMD^2 = E k(a, a') + E k(b, b') - 2 E k(a, b), k(a, b) = exp(-|a - b|^2 / (2 bandwidth^2)).

    Args:
        a, b: tensors (n, d), draws of two distributions, n of each; zero where n < 2.
        bandwidth: float > 0.

    Returns:
        scalar.

    Source: Gretton et al., "A kernel two-sample test", JMLR 2012, lemma 6.
    """
    n = ops.cast(ops.shape(a)[0], "float32")

    def kernels(a, b):
        squares = ops.sum(ops.square(a[:, tf.newaxis] - b), axis=-1)  # (n, d), (n, d) -> (n, n)
        return ops.sum(ops.exp(-squares / (2 * bandwidth**2)))

    within = (
        kernels(a, a) + kernels(b, b) - 2 * n
    )  # without each draw beside itself, where the kernel is 1
    return ops.divide_no_nan(within, n * (n - 1)) - 2 * kernels(a, b) / n**2 * ops.cast(
        n > 1, "float32"
    )


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
        ValueError: it is none of these, or its `loss` has another signature.
    """
    objective = validation.layer_of("objective", identifier, OBJECTIVES, Objective)
    received = list(inspect.signature(objective.loss).parameters)
    if len(received) != 3 or received[1] == "x":
        raise ValueError(
            "Expected an objective with `loss(self, vae, params, x)`: params is what the encoder said, and vae.posterior_of(params) "
            f"is q(z|x); x is what is to be explained. Received: loss(self, {', '.join(received)}) of {type(objective).__name__}"
        )
    return objective
