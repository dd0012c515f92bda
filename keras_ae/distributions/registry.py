"""Finds distributions by name, chooses the likelihood for a shape, and computes KL divergences."""

import tensorflow_probability as tfp

from keras_ae.distributions import draws
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
    """KL(q || p) = E_q[log q(z) - log p(z)], in nats per example.

    It is exact if TensorFlow Probability has a closed form. Otherwise it is the estimate
    log q(z) - log p(z) from one draw z. For two chains with parts of equal sizes it is the sum over
    the parts: the KL divergence of each part given the earlier parts of z.

    Args:
        posterior: tfd.Distribution q, batch shape (batch,).
        prior: tfd.Distribution p, batch shape () or (batch,).
        z: a draw of q, a tensor (..., batch, latent_dim) or a `Draw`. Only the estimate needs it.

    Returns:
        tensor (batch,), or (..., batch) for an estimate.

    For example:

        q = keras_ae.distributions.DiagonalGaussian()(np.zeros((5, 4), "float32"))
        p = keras_ae.distributions.StandardNormal(2)()
        keras_ae.distributions.kl_divergence(q, p, q.sample())  # (5,)
    """
    if are_chains(posterior, prior):
        return sum(kl_of_parts(posterior, prior, z))
    try:
        return tfd.kl_divergence(posterior, prior)
    except NotImplementedError:
        if isinstance(z, draws.Draw):
            return z.log_prob() - prior.log_prob(z.z)
        return posterior.log_prob(z) - prior.log_prob(z)


def kl_of_parts(posterior, prior, z):
    """The terms of `kl_divergence` of two chains, one for each part: a list, nats per example."""
    if isinstance(z, draws.Draw):
        parts, q, states, advance = z.steps
    else:
        parts = posterior.split(z)
        q, states, advance = posterior.given(parts), None, None
    p = prior.given(parts, states if advance == prior.advance else None)
    return list(map(kl_divergence, q, p, parts))


def are_chains(posterior, prior):
    """Whether both are chains with parts of equal sizes."""
    chains = all(isinstance(one, draws.Chain) for one in (posterior, prior))
    return chains and posterior.sizes == prior.sizes


def log_prob(distribution, draw):
    """log p(z) of a `Draw`, perhaps from another distribution: (..., *batch)."""
    if isinstance(distribution, draws.Chain):
        return distribution.log_prob_of(draw)
    return distribution.log_prob(draw.z)


def get(kind, identifier, *args):
    """Makes a distribution layer from its name or its config.

    Args:
        kind: Likelihood, Posterior or Prior.
        identifier: a name in `NAMES[kind]`, a serialised layer, or a layer, which is returned as it
            is.
        args: constructor arguments, used with a name. A prior needs latent_dim.

    Returns:
        a layer of that kind.

    Raises:
        ValueError: identifier is none of these.

    For example:

        keras_ae.distributions.get(keras_ae.distributions.Prior, "mixture", 20)
    """
    return validation.layer_of(kind.__name__.lower(), identifier, NAMES[kind], kind, *args)


def likelihood_for(shape, identifier=None):
    """Makes the likelihood layer for examples of this shape.

    Args:
        shape: tuple, the shape of one example.
        identifier: as in `get`. None: "bernoulli" for shapes of at least three axes, such as
            images; otherwise "gaussian".

    Returns:
        Likelihood.

    Raises:
        ValueError: as in `get`.
    """
    default = "bernoulli" if len(shape) >= 3 else "gaussian"
    return get(Likelihood, default if identifier is None else identifier)
