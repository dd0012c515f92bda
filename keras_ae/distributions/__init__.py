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
under every dtype policy.

What belongs here: densities, and layers that make them. Nothing here knows of a model or of training.
"""

from keras_ae.distributions.base import Distribution
from keras_ae.distributions.flow_posteriors import (
    InverseAutoregressiveFlow,
    PlanarFlow,
    SylvesterFlow,
)
from keras_ae.distributions.hierarchical import HierarchicalPosterior, HierarchicalPrior
from keras_ae.distributions.labelled import LabelledPosterior, LabelledPrior
from keras_ae.distributions.likelihoods import (
    Bernoulli,
    ContinuousBernoulli,
    DiscretizedLogisticMixture,
    Gaussian,
    Likelihood,
    Masked,
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
from keras_ae.distributions.registry import NAMES, get, kl_divergence, likelihood_for, tfd
from keras_ae.distributions.tfp_extensions import Draw, draw

__all__ = [
    "NAMES",
    "AutoregressiveFlow",
    "Bernoulli",
    "ContinuousBernoulli",
    "DiagonalGaussian",
    "DiscretizedLogisticMixture",
    "Distribution",
    "Draw",
    "FullGaussian",
    "FullGaussianMixture",
    "Gaussian",
    "GaussianMixture",
    "HierarchicalPosterior",
    "HierarchicalPrior",
    "InverseAutoregressiveFlow",
    "LabelledPosterior",
    "LabelledPrior",
    "Likelihood",
    "Masked",
    "PlanarFlow",
    "Posterior",
    "Prior",
    "RealNVP",
    "StandardNormal",
    "SylvesterFlow",
    "VampPrior",
    "draw",
    "get",
    "kl_divergence",
    "likelihood_for",
    "tfd",
]
