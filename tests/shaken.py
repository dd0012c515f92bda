"""Models with random weights, so that no part starts at zero."""

import numpy as np


def shaken(model, scale=0.05):
    """The model, with normal noise of this scale added to its weights."""
    random = np.random.default_rng(1)
    for weight in model.trainable_weights:
        weight.assign_add(scale * random.standard_normal(weight.shape))
    return model
