"""Priors, posteriors and likelihoods: Keras layers that give `tfp.distributions` objects.

The working successor of `tfp.layers` on Keras 3. A layer owns or receives parameters and, called, returns a distribution:

    likelihood = keras_ae.distributions.Bernoulli()
    logits = keras.layers.Dense(likelihood.params_size(784))(features)      # inside the call() of any keras.Model
    likelihood(logits).log_prob(x)                                          # (batch,)

Anything that a tfp distribution can say is five lines:

    @keras.saving.register_keras_serializable("mine")
    class Poisson(keras_ae.distributions.Likelihood):
        support = (0.0, float("inf"))

        def call(self, params):
            return self.independent(tfd.Poisson(log_rate=params))

A distribution is no tensor: call these layers inside a subclassed model, on tensors, not on a `keras.Input`. Parameters are float32
under every dtype policy. Each kind has a file of its own; this one ties them together.
"""

import tensorflow_probability as tfp

from keras_ae import densities, parts
from keras_ae.flow_posteriors import InverseAutoregressiveFlow, PlanarFlow, SylvesterFlow
from keras_ae.likelihoods import Bernoulli, ContinuousBernoulli, DiscretizedLogisticMixture, Gaussian, Likelihood, Masked
from keras_ae.parts import Distribution
from keras_ae.posteriors import DiagonalGaussian, FullGaussian, Posterior
from keras_ae.priors import AutoregressiveFlow, FullGaussianMixture, GaussianMixture, Prior, RealNVP, StandardNormal, VampPrior

tfd = tfp.distributions

__all__ = [
    "AutoregressiveFlow",
    "Bernoulli",
    "ContinuousBernoulli",
    "DiagonalGaussian",
    "DiscretizedLogisticMixture",
    "Distribution",
    "FullGaussian",
    "FullGaussianMixture",
    "Gaussian",
    "GaussianMixture",
    "InverseAutoregressiveFlow",
    "Likelihood",
    "Masked",
    "PlanarFlow",
    "Posterior",
    "Prior",
    "RealNVP",
    "StandardNormal",
    "SylvesterFlow",
    "VampPrior",
    "get",
    "kl_divergence",
    "likelihood_for",
]

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
    """KL(q || p) = E_q[log q(z) - log p(z)], (batch,) nats: exact where TensorFlow Probability knows it, else estimated at z. Of two chains
    of equal sizes: the sum over their parts, given the parts of z before.

    Args:
        posterior: tfd.Distribution q, batch shape (batch,).
        prior: tfd.Distribution p.
        z: tensor (batch, latent_dim), a draw of q, used where there is no closed form.
    """
    chains = isinstance(posterior, densities.Chain) and isinstance(prior, densities.Chain)
    if chains and posterior.sizes == prior.sizes:
        (z, q), (_, p) = posterior.at(z), prior.at(z)
        return sum(map(kl_divergence, q, p, z))
    try:
        return tfd.kl_divergence(posterior, prior)
    except NotImplementedError:
        return posterior.log_prob(z) - prior.log_prob(z)


def get(kind, identifier, *args):
    """The layer of a name, a config or a layer.

    Args:
        kind: Likelihood, Posterior or Prior.
        identifier: a name of that kind, a serialised layer, or a layer, which is returned as it is.
        args: constructor arguments, for a name: latent_dim for a prior.
    """
    return parts.get(kind.__name__.lower(), identifier, NAMES[kind], kind, *args)


def likelihood_for(shape, identifier=None):
    """The likelihood of a name, a config or a layer; of None, "bernoulli" for examples of the shape of an image, else "gaussian"."""
    default = "bernoulli" if len(shape) >= 3 else "gaussian"
    return get(Likelihood, default if identifier is None else identifier)
