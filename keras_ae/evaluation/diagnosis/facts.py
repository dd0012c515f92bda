"""What a diagnosis measures. Each number is measured once, when it is asked for."""

import functools

import numpy as np

from keras_ae import distributions
from keras_ae.evaluation import scores
from keras_ae.utils import inputs, seeds

MOST = 1000  # examples


class Facts:
    """Numbers about a model and examples.

    Args:
        model: a model of keras_ae.
        x: array (n, *shape).
        validation: array (m, *shape), or None.
        curves: dict of lists of one number per epoch.
    """

    def __init__(self, model, x, validation, curves):
        self.model, self.curves = model, curves
        self.raw = x
        self.validation = None if validation is None else prepared(model, validation)

    @functools.cached_property
    def x(self):
        """float array (n, *shape), at most `MOST` examples, evenly spaced."""
        return prepared(self.model, self.raw)

    @functools.cached_property
    def of_new(self):
        """The facts about the validation examples, or about x if there are none."""
        if self.validation is None:
            return self
        return Facts(self.model, self.validation, None, self.curves)

    @functools.cached_property
    def likelihood(self):
        """The likelihood layer, or of one that skips something the layer inside."""
        layer = self.model.likelihood_layer
        return layer.inner[0] if len(layer.inner) == 1 else layer

    @functools.cached_property
    def is_vae(self):
        return hasattr(self.model, "elbo")

    @functools.cached_property
    def codes(self):
        """float64 array (n, latent_dim)."""
        return np.asarray(self.model.encode(self.x), "float64")

    @functools.cached_property
    def distribution(self):
        """p(x|z) of the codes of x."""
        return self.model.likelihood(self.codes.astype("float32"))

    @functools.cached_property
    def columns(self):
        """The values of x that count: float64 (n, values), NaN for padding and what is missing."""
        return columns(self.model, self.x)

    @functools.cached_property
    def reconstruction(self):
        """float64 array (n, values)."""
        return np.reshape(np.asarray(self.model.reconstruct(self.x), "float64"), (len(self.x), -1))

    @functools.cached_property
    def variance(self):
        """The mean squared distance of the values to the means of their columns."""
        return float(np.nanmean(np.square(self.columns - column_means(self.columns))))

    @functools.cached_property
    def spread(self):
        """The standard deviation of each column that is not constant: float64 (any,)."""
        squares = np.square(self.columns - column_means(self.columns))
        sizes = np.max(np.abs(np.nan_to_num(self.columns)), axis=0)
        spread = np.sqrt(column_means(squares))
        return spread[spread > 1e-6 * sizes]

    @functools.cached_property
    def error(self):
        """The mean squared error of the reconstruction, per value."""
        return float(np.nanmean(np.square(self.columns - self.reconstruction)))

    @functools.cached_property
    def explained(self):
        """The share of the variance that the reconstruction explains: at most 1."""
        return 1 - self.error / self.variance if self.variance else float(self.error == 0)

    def explained_by_components(self, components):
        """The share of the variance that so many principal components of x explain."""
        centred = self.columns - column_means(self.columns)
        # Centred at zero, so that what is missing is the mean of its column.
        powers = np.square(np.linalg.svd(np.nan_to_num(centred), compute_uv=False))
        return float(powers[:components].sum() / powers.sum()) if powers.sum() else 1.0

    @functools.cached_property
    def kl(self):
        """KL(q(z|x) || p(z)) of a VAE, nats per example."""
        return float(np.mean(scores.kl(self.model, self.x), dtype="float64"))

    @functools.cached_property
    def unused(self):
        """Which units of the code x does not move: bool array (latent_dim,)."""
        if not self.is_vae:
            variances = self.codes.var(axis=0)
            return variances <= 1e-6 * max(variances.max(), 1e-12)
        try:
            return scores.kl_per_dimension(self.model, self.x) < scores.ACTIVE
        except ValueError:  # the posterior or the prior has no known marginals
            return self.codes.var(axis=0) < scores.ACTIVE

    @functools.cached_property
    def distance_to_prior(self):
        """E_p[log p(z)] - E_q[log p(z)] of a VAE, nats per dimension of the code.

        It is zero if the codes of examples lie like draws from the prior.
        """
        z = self.model.encode(self.x, sample=True, seed=0)
        prior = self.model.prior
        drawn = prior.log_prob(prior.sample(MOST, seed=seeds.from_int(1)))
        nats = np.mean(drawn, dtype="float64") - np.mean(prior.log_prob(z), dtype="float64")
        return float(nats) / self.model.latent_dim

    @functools.cached_property
    def scales(self):
        """The standard deviations of p(x|z), without those of padding: float64 array (any,)."""
        scale = np.reshape(np.asarray(self.distribution.stddev(), "float64"), (len(self.x), -1))
        return scale[~np.isnan(self.columns)]

    @functools.cached_property
    def has_learned_scale(self):
        layer = self.likelihood
        return isinstance(layer, distributions.Gaussian) and isinstance(layer.scale, str)

    def losses(self, x):
        """What is to be small for examples, one number each.

        It is minus the ELBO of a VAE, in nats, and the squared error per value of other models.
        """
        if self.is_vae:
            return -np.asarray(self.model.elbo(x, 1, seed=0), "float64")
        reconstruction = np.reshape(np.asarray(self.model.reconstruct(x), "float64"), (len(x), -1))
        return np.nanmean(np.square(columns(self.model, x) - reconstruction), axis=1)


def prepared(model, x):
    """Examples as floats, at most `MOST` of them, evenly spaced: (n, *shape) -> the same."""
    rows = np.linspace(0, len(x) - 1, min(MOST, len(x))).astype(int)
    return inputs.to_float(x[rows], model.shape).numpy()


def columns(model, x):
    """The values that count: (n, *shape) -> float64 (n, values), NaN for padding."""
    mask_value = model.likelihood_layer.mask_value
    x = np.asarray(x, "float64")
    if mask_value is not None:
        # (n, steps, *features) -> (n, steps)
        real = inputs.is_real(x.astype("float32"), mask_value, x.ndim - 2).numpy()
        x = np.where(real.reshape(*real.shape, *[1] * (x.ndim - 2)), x, np.nan)
    return x.reshape(len(x), -1)


def column_means(values):
    """The mean of each column without NaN, zero for a column without numbers: (n, d) -> (d,)."""
    counts = np.maximum(np.sum(~np.isnan(values), axis=0), 1)
    return np.nansum(values, axis=0) / counts
