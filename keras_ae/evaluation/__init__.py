"""Numbers about a model, each defined once: by the name of a data set for cards, or on arrays of your own.

    keras_ae.evaluation.nll(vae, "mnist")                # a measurement, with the protocol that repeats it
    keras_ae.evaluate(vae, x_test)                       # everything that can be said of a model on x_test
    print(keras_ae.evaluation.compare([ae, vae], x_test, y_test))

What belongs here: measures. Nothing here trains a model or draws a picture.
"""

from keras_ae.evaluation.metrics import (
    METRICS,
    QUICK,
    TOLERANCES,
    accuracy,
    activation_rate,
    cluster_accuracy,
    measure,
    mse,
    negative_elbo,
    nll,
    perplexity,
    psnr,
    quick,
    sse,
    step_mse,
    tolerance,
)
from keras_ae.evaluation.scores import compare, evaluate

__all__ = [
    "METRICS",
    "QUICK",
    "TOLERANCES",
    "accuracy",
    "activation_rate",
    "cluster_accuracy",
    "compare",
    "evaluate",
    "measure",
    "mse",
    "negative_elbo",
    "nll",
    "perplexity",
    "psnr",
    "quick",
    "sse",
    "step_mse",
    "tolerance",
]
