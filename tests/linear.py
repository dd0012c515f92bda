"""A linear Gaussian VAE, of which everything is known exactly."""

import numpy as np
from scipy import stats

import keras_ae
from keras_ae import distributions
from keras_ae.distributions import base


def linear_vae(posterior, latent_dim=2, features=5, scale=0.7):
    """p(x|z) = N(W z + b, scale^2 I), p(z) = N(0, I), so p(x) = N(b, W W^T + scale^2 I)."""
    vae = keras_ae.VAE(
        (features,),
        latent_dim,
        widths=(),
        likelihood=distributions.Gaussian(scale),
        posterior=posterior,
    )
    rng = np.random.default_rng(0)
    vae.decoder.set_weights([rng.standard_normal(w.shape) for w in vae.decoder.get_weights()])
    weights, bias = vae.decoder.get_weights()
    exact = stats.multivariate_normal(bias, weights.T @ weights + scale**2 * np.eye(features))
    return vae, exact


def exact_posterior(vae, scale=0.7):
    """Sets the encoder to the true posterior.

    It is N((W W^T + s^2 I)^-1 W (x - b), s^2 (W W^T + s^2 I)^-1), its covariance as L L^T.
    """
    weights, bias = (w.astype("float64") for w in vae.decoder.get_weights())
    n = len(weights)
    precision = np.linalg.inv(weights @ weights.T + scale**2 * np.eye(n))
    chol = np.linalg.cholesky(scale**2 * precision)
    kernel = np.zeros((weights.shape[1], vae.posterior_layer.params_size(n)))
    offset = np.zeros(kernel.shape[1])
    kernel[:, :n] = weights.T @ precision
    offset[:n] = -bias @ kernel[:, :n]
    offset[n : 2 * n] = np.log(np.expm1(np.diag(chol) - base.SMALLEST_SCALE))  # softplus^-1
    offset[2 * n :] = chol[1, 0] * np.sqrt(n)
    vae.encoder.set_weights([kernel, offset])
