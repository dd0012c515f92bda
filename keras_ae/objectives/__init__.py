"""Objectives: what a VAE minimises. They combine with every network and distribution.

    vae = keras_ae.VAE((28, 28, 1), latent_dim=20, objective="iwae")
    objective = keras_ae.objectives.TotalCorrelation()
    vae = keras_ae.VAE((28, 28, 1), latent_dim=10, beta=6.0, objective=objective)

`elbo` and `log_likelihood` measure a model by the same bounds, whatever its objective.

What belongs here: losses of a VAE. Nothing here knows how a model is built or trained.
"""

from keras_ae.objectives.aggregate import (
    MMD,
    AdversarialTotalCorrelation,
    TotalCorrelation,
    squared_mmd,
    total_correlation,
)
from keras_ae.objectives.base import Objective
from keras_ae.objectives.bounds import ELBO, IWAE, Capacity, FreeBits
from keras_ae.objectives.registry import OBJECTIVES, get

__all__ = [
    "ELBO",
    "IWAE",
    "MMD",
    "OBJECTIVES",
    "AdversarialTotalCorrelation",
    "Capacity",
    "FreeBits",
    "Objective",
    "TotalCorrelation",
    "get",
    "squared_mmd",
    "total_correlation",
]
