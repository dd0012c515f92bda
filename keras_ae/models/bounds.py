"""Bounds of log p(x) of a VAE: the evidence lower bound and the importance-weighted bound."""

import math

import keras
import tensorflow as tf

from keras_ae import distributions
from keras_ae.training import loops
from keras_ae.utils import inputs, seeds, validation

# The number of importance samples per image that are decoded at once.
# With 100 images this makes a matrix of 5,000 rows.
SAMPLES_PER_STEP = 50


class Bounds:
    """Estimates bounds of log p(x) from draws of q(z|x), a few draws at a time to limit memory.

    Args:
        vae: a VAE.
    """

    def __init__(self, vae):
        self.vae = vae
        # Each function is traced once for all calls.
        self._elbos = tf.function(self._sum_of_elbos)
        self._kls = tf.function(self._sum_of_kls)
        if loops.suits_xla(vae)[0]:
            # The draws stay outside XLA: its generator is far slower on CPUs (TensorFlow 2.21).
            self._draw = tf.function(
                lambda x, n, seed: self._posterior(x).experimental_sample_and_log_prob(n, seed=seed)
            )
            self._weights = tf.function(self._log_sum_of_weights, jit_compile=True)
            self._log_weights = lambda x, n, seed: self._weights(x, *self._draw(x, n, seed))
        else:
            self._log_weights = tf.function(self._log_sum_of_weights_of_draws)

    def elbo(self, x, n_samples, seed):
        """1/S sum_s log p(x|z_s) - KL(q || p): float tensor (batch, *shape) -> (batch,) nats."""
        return self._over_samples(self._elbos, tf.add_n, x, n_samples, 100, seed) / n_samples

    def kl_of_parts(self, x, n_samples, seed):
        """KL(q || p) of each part of a chain: float tensor (batch, *shape) -> (batch, parts)."""
        return self._over_samples(self._kls, tf.add_n, x, n_samples, 100, seed) / n_samples

    def importance_weighted(self, x, n_samples, batch_size, seed, verbose, kept=None):
        """log 1/S sum_s p(x, z_s) / q(z_s|x): float tensor (batch, *shape) -> (batch,) nats."""

        def log_sum(sums):
            return tf.reduce_logsumexp(sums, axis=0)

        plan = x, n_samples, batch_size, seed, verbose
        total = self._over_samples(self._log_weights, log_sum, *plan, kept)
        return total - math.log(n_samples)

    def _posterior(self, x):
        return self.vae.posterior_of(self.vae.params_of(x))

    def _over_samples(self, function, join, x, n_samples, batch_size, seed, verbose=0, kept=None):
        """Calls `function` until each example has n_samples draws, and joins the results.

        Args:
            function: function(batch, n, seed) -> (len(batch),), a result over n draws.
            join: turns the list of results of one batch into one result.
            x, n_samples, batch_size, seed, verbose: as in `in_steps`.
            kept: Partial, the results of earlier batches, or None.

        Returns:
            tensor (len(x),).
        """
        joined = [] if kept is None else kept.results()
        steps_of_all = in_steps(x, n_samples, batch_size, seed, verbose, len(joined))
        for batch, _, steps in steps_of_all:
            joined.append(join([function(batch, n, seed_of_step) for n, seed_of_step in steps]))
            if kept is not None:
                kept.write(joined)
        if kept is not None:
            kept.delete()
        return tf.concat(joined, axis=0)

    def _sum_of_elbos(self, x, n, seed):
        """sum_s log p(x|z_s) - KL(q || p) over n draws: (batch, *shape) -> (batch,)."""
        posterior, prior = self._posterior(x), self.vae.prior
        draw = distributions.draw(posterior, seed, n)  # draw.z: (n, batch, latent_dim)
        kl = distributions.kl_divergence(posterior, prior, draw)
        return tf.reduce_sum(self.vae.log_likelihood_of_draw(x, draw) - kl, axis=0)  # (batch,)

    def _sum_of_kls(self, x, n, seed):
        """KL(q || p) of the parts, added over n draws: (batch, *shape) -> (batch, parts)."""
        posterior, prior = self._posterior(x), self.vae.prior
        terms = distributions.kl_of_parts(posterior, prior, distributions.draw(posterior, seed, n))
        # A term that needs no draw lacks the axis of the draws.
        terms = [tf.broadcast_to(term, (n, tf.shape(x)[0])) for term in terms]
        return tf.reduce_sum(tf.stack(terms, axis=-1), axis=0)

    def _log_sum_of_weights_of_draws(self, x, n, seed):
        """log sum_s p(x, z_s) / q(z_s|x) over n draws: (batch, *shape) -> (batch,) nats."""
        draw = distributions.draw(self._posterior(x), seed, n)
        log_prior = distributions.log_prob(self.vae.prior, draw)
        log_joint = self.vae.log_likelihood_of_draw(x, draw) + log_prior  # (n, batch)
        return tf.reduce_logsumexp(log_joint - draw.log_prob(), axis=0)

    def _log_sum_of_weights(self, x, z, log_posterior):
        """log sum_s p(x, z_s) / q(z_s|x).

        Args:
            x: float tensor (batch, *shape).
            z: tensor (n, batch, latent_dim), draws of q(z|x).
            log_posterior: tensor (n, batch), log q(z|x) of the draws.

        Returns:
            tensor (batch,), nats.
        """
        log_joint = self.vae.log_likelihood_of(x, z) + self.vae.prior.log_prob(z)
        return tf.reduce_logsumexp(log_joint - log_posterior, axis=0)  # (n, batch) -> (batch,)


def in_steps(x, n_samples, batch_size, seed, verbose=0, done=0):
    """Plans n_samples draws of q(z|x) for each example, so that the memory is limited.

    At most batch_size * SAMPLES_PER_STEP codes are decoded at once.

    Args:
        x: float tensor (batch, *shape).
        n_samples: int, the number of draws per example.
        batch_size: int, the number of examples per batch.
        seed: int32 (2,).
        verbose: 1 for a progress bar.
        done: int, the number of batches to leave out.

    Yields:
        (batch of x, seed of the batch, [(number of draws, seed of these draws), ...]).
    """
    validation.positive_int(n_samples, "n_samples")
    full, rest = divmod(n_samples, SAMPLES_PER_STEP)
    numbers = [SAMPLES_PER_STEP] * full + ([rest] if rest else [])
    batches = inputs.batches(x, batch_size)
    progress = keras.utils.Progbar(len(batches), verbose=verbose, unit_name="batch")
    progress.update(done)
    pairs = list(zip(batches, seeds.split(seed, len(batches)), strict=True))
    for batch, seed_of_batch in pairs[done:]:
        steps = zip(numbers, seeds.split(seed_of_batch, len(numbers)), strict=True)
        yield batch, seed_of_batch, list(steps)
        progress.add(1)
