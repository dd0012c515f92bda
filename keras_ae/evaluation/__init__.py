"""Numbers that measure a model, on a data set (for cards) or on arrays of your own.

    vae = keras_ae.load("vae_digits")
    (x_train, y_train), (x_test, y_test) = keras_ae.datasets.load("digits")
    keras_ae.evaluation.negative_elbo(vae, "digits")        # one number, and how it was measured
    keras_ae.evaluate(vae, x_test, n_samples=10)            # all numbers, on arrays of your own
    print(keras_ae.evaluation.compare([vae], x_test, y_test, n_samples=10))

What belongs here: measures, each defined once. Nothing here trains a model or draws a picture.
"""

from keras_ae.evaluation.classifiers import classifier
from keras_ae.evaluation.diagnosis import Diagnosis, Finding, diagnose
from keras_ae.evaluation.metrics import (
    METRICS,
    QUICK,
    TOLERANCES,
    accuracy,
    activation_rate,
    bits_per_dimension,
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
from keras_ae.evaluation.sample_metrics import measure_samples
from keras_ae.evaluation.samples import frechet_distance, precision_recall, recognisable
from keras_ae.evaluation.scores import compare, evaluate

__all__ = [
    "METRICS",
    "QUICK",
    "TOLERANCES",
    "Diagnosis",
    "Finding",
    "accuracy",
    "activation_rate",
    "bits_per_dimension",
    "classifier",
    "cluster_accuracy",
    "compare",
    "diagnose",
    "evaluate",
    "frechet_distance",
    "measure",
    "measure_samples",
    "mse",
    "negative_elbo",
    "nll",
    "perplexity",
    "precision_recall",
    "psnr",
    "quick",
    "recognisable",
    "sse",
    "step_mse",
    "tolerance",
]
