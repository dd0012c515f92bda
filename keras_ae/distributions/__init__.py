"""Priors, posteriors and likelihoods: Keras layers that return `tfp.distributions` objects.

They do for Keras 3 what `tfp.layers` did for Keras 2. A layer takes parameters, or has its own as
weights, and returns a distribution:

    likelihood = keras_ae.distributions.Bernoulli()
    # These lines stand inside the call() of a keras.Model.
    logits = keras.layers.Dense(likelihood.params_size(784))(features)
    likelihood(logits).log_prob(x)  # (batch,)

Any tfp distribution becomes a likelihood in five lines:

    @keras.saving.register_keras_serializable("mine")
    class Poisson(keras_ae.distributions.Likelihood):
        support = (0.0, float("inf"))

        def call(self, params):
            return self.independent(tfd.Poisson(log_rate=params))

A distribution is not a tensor. So call these layers on tensors inside a subclassed model, not on a
`keras.Input`. Parameters are float32 under every dtype policy.

What belongs here: densities, and layers that make them. Nothing here knows a model or training.
"""

from keras_ae.distributions.base import Distribution
from keras_ae.distributions.columns import Columns
from keras_ae.distributions.draws import Draw, draw
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
    Observed,
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
from keras_ae.distributions.registry import (
    NAMES,
    get,
    kl_divergence,
    kl_of_parts,
    likelihood_for,
    log_prob,
    tfd,
)
from keras_ae.distributions.top_down import TopDownPosterior, TopDownPrior, image_params

__all__ = [
    "NAMES",
    "AutoregressiveFlow",
    "Bernoulli",
    "Columns",
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
    "Observed",
    "PlanarFlow",
    "Posterior",
    "Prior",
    "RealNVP",
    "StandardNormal",
    "SylvesterFlow",
    "TopDownPosterior",
    "TopDownPrior",
    "VampPrior",
    "draw",
    "get",
    "image_params",
    "kl_divergence",
    "kl_of_parts",
    "likelihood_for",
    "log_prob",
    "tfd",
]
