"""Objectives by name."""

import inspect

from keras_ae.objectives.aggregate import MMD, AdversarialTotalCorrelation, TotalCorrelation
from keras_ae.objectives.base import Objective
from keras_ae.objectives.bounds import ELBO, IWAE, Capacity, FreeBits
from keras_ae.utils import validation

OBJECTIVES = {
    "elbo": ELBO,
    "free_bits": FreeBits,
    "capacity": Capacity,
    "iwae": IWAE,
    "total_correlation": TotalCorrelation,
    "adversarial_total_correlation": AdversarialTotalCorrelation,
    "mmd": MMD,
}


def get(identifier):
    """The objective of a name, a config or a layer.

    Raises:
        ValueError: it is none of these; its `loss` has another signature.
    """
    objective = validation.layer_of("objective", identifier, OBJECTIVES, Objective)
    received = list(inspect.signature(objective.loss).parameters)
    if len(received) != 3 or received[1] == "x":
        raise ValueError(
            "Expected an objective with `loss(self, vae, params, x)`: params is the output of the "
            "encoder, vae.posterior_of(params) is q(z|x), and x is the example to explain. "
            f"Received: loss(self, {', '.join(received)}) of {type(objective).__name__}"
        )
    return objective
