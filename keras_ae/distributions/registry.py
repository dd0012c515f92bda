"""Distributions by name, the likelihood that fits a shape, and the KL divergence of any two."""

import tensorflow_probability as tfp

from keras_ae.distributions import tfp_extensions
from keras_ae.distributions.flow_posteriors import (
    InverseAutoregressiveFlow,
    PlanarFlow,
    SylvesterFlow,
)
from keras_ae.distributions.likelihoods import (
    Bernoulli,
    ContinuousBernoulli,
    DiscretizedLogisticMixture,
    Gaussian,
    Likelihood,
)
from keras_ae.distributions.posteriors import DiagonalGaussian, FullGaussian, Posterior
from keras_ae.distributions.priors import (
    AutoregressiveFlow,
    FullGaussianMixture,
    GaussianMixture,
    Prior,
    RealNVP,
    StandardNormal,
    VampPrior,
)
from keras_ae.utils import validation

tfd = tfp.distributions

NAMES = {
    Likelihood: {
        "bernoulli": Bernoulli,
        "continuous_bernoulli": ContinuousBernoulli,
        "gaussian": Gaussian,
        "discretized_logistic_mixture": DiscretizedLogisticMixture,
    },
    Posterior: {
        "diagonal": DiagonalGaussian,
        "full": FullGaussian,
        "planar": PlanarFlow,
        "sylvester": SylvesterFlow,
        "iaf": InverseAutoregressiveFlow,
    },
    Prior: {
        "standard_normal": StandardNormal,
        "mixture": GaussianMixture,
        "full_mixture": FullGaussianMixture,
        "flow": AutoregressiveFlow,
        "realnvp": RealNVP,
        "vamp": VampPrior,
    },
}


def kl_divergence(posterior, prior, z):
    """KL(q || p) = E_q[log q(z) - log p(z)], (batch,) nats: exact where TensorFlow Probability knows it, else estimated at z.

    Of two chains of equal sizes it is the sum over their parts, given the parts of z before.

    Args:
        posterior: tfd.Distribution q, batch shape (batch,).
        prior: tfd.Distribution p.
        z: a draw of q, used where there is no closed form: a tensor (batch, latent_dim), or a `Draw`.
    """
    chains = isinstance(posterior, tfp_extensions.Chain) and isinstance(prior, tfp_extensions.Chain)
    if chains and posterior.sizes == prior.sizes:
        parts, q = _steps(posterior, z)
        return sum(map(kl_divergence, q, prior.given(parts), parts))
    try:
        return tfd.kl_divergence(posterior, prior)
    except NotImplementedError:
        is_draw = isinstance(z, tfp_extensions.Draw)
        return (z.log_prob() if is_draw else posterior.log_prob(z)) - prior.log_prob(
            z.z if is_draw else z
        )


def _steps(chain, z):
    """The parts of z and the distribution of each given those before."""
    if isinstance(z, tfp_extensions.Draw):
        return z.steps
    parts = chain.split(z)
    return parts, chain.given(parts)


def get(kind, identifier, *args):
    """The layer of a name, a config or a layer.

    Args:
        kind: Likelihood, Posterior or Prior.
        identifier: a name of that kind, a serialised layer, or a layer, which is returned as it is.
        args: constructor arguments, for a name: latent_dim for a prior.
    """
    return validation.layer_of(kind.__name__.lower(), identifier, NAMES[kind], kind, *args)


def likelihood_for(shape, identifier=None):
    """The likelihood of a name, a config or a layer; of None, "bernoulli" for examples of the shape of an image, else "gaussian"."""
    default = "bernoulli" if len(shape) >= 3 else "gaussian"
    return get(Likelihood, default if identifier is None else identifier)
