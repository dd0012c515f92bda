"""Bounds of log p(x) of a VAE: the evidence lower bound and the importance-weighted bound."""

import math

import keras
import tensorflow as tf

from keras_ae import distributions
from keras_ae.training import loops
from keras_ae.utils import inputs, seeds, validation

SAMPLES_PER_STEP = 50  # importance samples of each image that are decoded at once: 100 images make a matrix of 5,000 rows


class Bounds:
    """Estimates bounds of log p(x) from draws of q(z|x), some at a time, so that memory stays bounded.

    Args:
        vae: a VAE.
    """

    def __init__(self, vae):
        self.vae = vae
        # Traced once for all calls. Draws stay outside XLA, whose default generator is far slower on CPUs (TensorFlow 2.21).
        self._draw = tf.function(
            lambda x, n, seed: self._posterior(x).experimental_sample_and_log_prob(n, seed=seed)
        )
        self._elbos = tf.function(self._sum_of_elbos)
        self._weights = tf.function(self._log_sum_of_weights, jit_compile=loops.suits_xla(vae)[0])

    def elbo(self, x, n_samples, seed):
        """1/S sum_s log p(x|z_s) - KL(q || p): float tensor (batch, *shape) -> (batch,) nats."""
        return self._over_samples(self._elbos, tf.add_n, x, n_samples, 100, seed) / n_samples

    def importance_weighted(self, x, n_samples, batch_size, seed, verbose):
        """log 1/S sum_s p(x, z_s) / q(z_s|x): float tensor (batch, *shape) -> (batch,) nats."""

        def log_weights(batch, n, seed):
            return self._weights(batch, *self._draw(batch, n, seed))

        def log_sum(sums):
            return tf.reduce_logsumexp(sums, axis=0)

        total = self._over_samples(log_weights, log_sum, x, n_samples, batch_size, seed, verbose)
        return total - math.log(n_samples)

    def _posterior(self, x):
        return self.vae.posterior_of(self.vae.params_of(x))

    def _over_samples(self, function, join, x, n_samples, batch_size, seed, verbose=0):
        """Joins function(batch, n, seed) over all draws of each batch of x: -> (len(x),). Memory: batch_size * SAMPLES_PER_STEP rows."""
        validation.positive_int(n_samples, "n_samples")
        steps = [SAMPLES_PER_STEP] * (n_samples // SAMPLES_PER_STEP)
        steps += [n_samples % SAMPLES_PER_STEP] if n_samples % SAMPLES_PER_STEP else []
        batches = inputs.batches(x, batch_size)
        progress, results = (
            keras.utils.Progbar(len(batches), verbose=verbose, unit_name="batch"),
            [],
        )
        for batch, seed_of_batch in zip(batches, seeds.split(seed, len(batches)), strict=True):
            of_steps = seeds.split(seed_of_batch, len(steps))
            results.append(
                join(
                    [
                        function(batch, n, of_step)
                        for n, of_step in zip(steps, of_steps, strict=True)
                    ]
                )
            )
            progress.add(1)
        return tf.concat(results, axis=0)

    def _sum_of_elbos(self, x, n, seed):
        """sum_s log p(x|z_s) - KL(q || p) over n draws: (batch, *shape) -> (batch,)."""
        posterior, prior = self._posterior(x), self.vae.prior
        draw = distributions.draw(posterior, seed, n)  # z: (n, batch, latent_dim)
        kl = distributions.kl_divergence(posterior, prior, draw)
        return tf.reduce_sum(self.vae.log_likelihood_of(x, draw.z) - kl, axis=0)

    def _log_sum_of_weights(self, x, z, log_posterior):
        """log sum_s p(x, z_s) / q(z_s|x): (batch, *shape), (n, batch, latent_dim), (n, batch) -> (batch,)."""
        return tf.reduce_logsumexp(
            self.vae.log_likelihood_of(x, z) + self.vae.prior.log_prob(z) - log_posterior, axis=0
        )
