"""Fills missing values by a VAE: p(x_missing | x_observed), from weighted draws of q(z|x)."""

import tensorflow as tf

from keras_ae.models.bounds import SAMPLES_PER_STEP, in_steps
from keras_ae.training import loops
from keras_ae.utils import seeds


class Imputation:
    """Estimates the missing values of x, a few draws of z at a time to limit memory.

    A draw z_s of q(z|x_observed) has the weight p(x_observed|z_s) p(z_s) / q(z_s|x_observed),
    divided by the sum of all weights.

    Args:
        vae: a VAE whose likelihood is `Observed`.

    Source: Mattei & Frellsen, "MIWAE", ICML 2019, section 3.
    """

    def __init__(self, vae):
        self.vae = vae
        fast = {"jit_compile": loops.suits_xla(vae)[0]}
        # The draws of z stay outside XLA, as in `Bounds`.
        self._draw = tf.function(
            lambda x, n, seed: self._posterior(x).experimental_sample_and_log_prob(n, seed=seed)
        )
        self._weights = tf.function(self._log_weights, **fast)
        self._means = tf.function(self._weighted_mean, **fast)
        self._values = tf.function(self._draws_of_values)

    def mean(self, x, n_samples, batch_size, seed, verbose=0):
        """E[x_missing | x_observed] for what is missing, x for the rest.

        Args:
            x: float tensor (batch, *shape), NaN where a value is missing.
            n_samples, batch_size, seed, verbose: as in `bounds.in_steps`.

        Returns:
            tensor (batch, *shape).
        """
        filled = []
        for batch, _, steps in in_steps(x, n_samples, batch_size, seed, verbose):
            parts = [self._means(batch, *self._draw(batch, n, seed)) for n, seed in steps]
            # -> (steps, batch), (steps, batch, *shape)
            log_sums, means = (tf.stack(part) for part in zip(*parts, strict=True))
            filled.append(_fill(batch, _weighted(means, log_sums)))
        return tf.concat(filled, axis=0)

    def draws(self, k, x, n_samples, batch_size, seed, verbose=0):
        """k draws of x_missing given x_observed, and x for the rest.

        Args:
            k: int, the number of draws.
            x: float tensor (batch, *shape), NaN where a value is missing.
            n_samples, batch_size, seed, verbose: as in `bounds.in_steps`.

        Returns:
            tensor (k, batch, *shape).
        """
        filled = []
        for batch, seed_of_batch, steps in in_steps(x, n_samples, batch_size, seed, verbose):
            drawn = [self._draw(batch, n, seed) for n, seed in steps]
            z = tf.concat([z for z, _ in drawn], axis=0)  # (n_samples, batch, latent_dim)
            log_weights = tf.concat([self._weights(batch, *draw) for draw in drawn], axis=0)
            later = seeds.fold(seed_of_batch, n_samples)
            z = _resampled(z, log_weights, k, later)  # (k, batch, latent_dim)
            values = [
                self._values(z[i : i + SAMPLES_PER_STEP], seeds.fold(later, i))
                for i in range(0, k, SAMPLES_PER_STEP)
            ]
            filled.append(_fill(batch, tf.concat(values, axis=0)))
        return tf.concat(filled, axis=1)

    def _posterior(self, x):
        return self.vae.posterior_of(self.vae.params_of(x))

    def _log_weights(self, x, z, log_posterior):
        """log p(x, z) / q(z|x), nats.

        Args:
            x: float tensor (batch, *shape).
            z: tensor (n, batch, latent_dim), draws of q(z|x).
            log_posterior: tensor (n, batch), log q(z|x) of the draws.

        Returns:
            tensor (n, batch).
        """
        return self.vae.log_likelihood_of(x, z) + self.vae.prior.log_prob(z) - log_posterior

    def _weighted_mean(self, x, z, log_posterior):
        """The logarithm of the sum of the weights, (batch,), and sum_s w_s E[x|z_s]."""
        log_weights = self._log_weights(x, z, log_posterior)  # (n, batch)
        means = self.vae.likelihood_of(tf.reshape(z, (-1, self.vae.latent_dim))).mean()
        # (n * batch, *shape) -> (n, batch, *shape)
        means = tf.reshape(means, (tf.shape(z)[0], -1, *self.vae.shape))
        return tf.reduce_logsumexp(log_weights, axis=0), _weighted(means, log_weights)

    def _draws_of_values(self, z, seed):
        """One draw of p(x|z) for each code: (n, batch, latent_dim) -> (n, batch, *shape)."""
        likelihood = self.vae.likelihood_of(tf.reshape(z, (-1, self.vae.latent_dim)))
        values = tf.cast(likelihood.sample(seed=seed), tf.float32)  # (n * batch, *shape)
        return tf.reshape(values, (tf.shape(z)[0], -1, *self.vae.shape))


def _weighted(values, log_weights):
    """The weighted mean over the first axis: (n, batch, *shape), (n, batch) -> (batch, *shape)."""
    weights = tf.nn.softmax(log_weights, axis=0)
    axes = [1] * (len(values.shape) - 2)
    # (n, batch) -> (n, batch, 1, ..., 1)
    weights = tf.reshape(weights, tf.concat([tf.shape(weights), axes], axis=0))
    return tf.reduce_sum(weights * values, axis=0)


def _resampled(z, log_weights, k, seed):
    """k codes for each example, drawn by their weights: (n, batch, d) -> (k, batch, d)."""
    rows = tf.random.stateless_categorical(tf.transpose(log_weights), k, seed)  # (batch, k)
    z = tf.transpose(z, (1, 0, 2))  # (batch, n, d)
    return tf.transpose(tf.gather(z, rows, batch_dims=1), (1, 0, 2))


def _fill(x, values):
    """x, with `values` where it is NaN: (batch, *shape), (..., batch, *shape) -> the latter."""
    return tf.where(tf.math.is_nan(x), values, x)
