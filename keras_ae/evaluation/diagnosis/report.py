"""`keras_ae.diagnose`: looks for what commonly goes wrong."""

import math

import numpy as np

from keras_ae.evaluation.diagnosis import checks, facts
from keras_ae.evaluation.diagnosis.findings import Diagnosis
from keras_ae.utils import inputs

LEAST = 10  # examples; fewer say little about averages


def diagnose(model, x, validation=None, history=None):
    """Looks for what commonly goes wrong with a model and its data.

    | finding | looked at | needs |
    |---|---|---|
    | weights that are not numbers | all weights | |
    | data outside the support | x | |
    | unscaled data | x | |
    | reconstructions that are not numbers | reconstruct(x) | |
    | posterior collapse | the KL divergence of the codes of x | a VAE |
    | collapsed units | units of the code that x does not move; a poor reconstruction | |
    | a code larger than needed | the same, and a good reconstruction | |
    | codes off the prior | log p(z) of codes and of draws of the prior | a VAE |
    | dead codebook entries | the perplexity of the symbols of x | a VQVAE |
    | likelihood scale at its floor, or too large | the scale of a Gaussian | a learned scale |
    | overconfident pixels | the likelihood of each pixel | a Bernoulli likelihood |
    | underfitting | the error, beside two principal components of x | |
    | overfitting | the error, for a VAE the ELBO, of both | `validation` or `history` |
    | too few epochs | the loss of the last epochs | `history` |

    At most 1,000 examples of x and of validation are looked at. The same arguments give the same
    findings. The limits are constants of `keras_ae.evaluation.diagnosis`, each with its reason.

    Args:
        model: a trained model of keras_ae.
        x: array (n, *shape), training examples, n >= 10; integers are pixels 0-255.
        validation: array (m, *shape), examples that the model was not trained on, or None.
        history: what `fit` returned, or a dict of lists of numbers per epoch, or None.

    Returns:
        Diagnosis, a list of `Finding`s. Print it.

    Raises:
        ValueError: x or validation has another shape or holds no numbers; fewer than 10 examples.

    For example:

        vae = keras_ae.VAE((28, 28, 1), latent_dim=8, beta=50.0)
        history = vae.fit(x_train, epochs=3, verbose=0)
        print(keras_ae.diagnose(vae, x_train, history=history))
    """
    x = _checked(model, x, "x")
    validation = None if validation is None else _checked(model, validation, "validation")
    case = facts.Facts(model, x, validation, _curves(history))
    found, looked_at, left_out = [], [], {}
    for check in checks.CHECKS:
        if found and found[-1].name in checks.FATAL:
            left_out |= dict.fromkeys(check.names, f"because of: {found[-1].name}")
            continue
        reason = check.why_not(case, {finding.name for finding in found})
        if reason:
            left_out |= dict.fromkeys(check.names, reason)
            continue
        looked_at += check.names
        result = check.look(case)
        if result is not None:
            found.append(result)
    return Diagnosis(found, looked_at, left_out)


def _checked(model, x, name):
    """x as an array (n, *shape). Its values are not judged yet."""
    x = np.asarray(inputs.as_array(x))
    inputs.check(np.zeros_like(x), model.shape, (-math.inf, math.inf), name)
    if len(x) < LEAST:
        raise ValueError(f"Expected `{name}` to hold at least {LEAST} examples. Received: {len(x)}")
    return x


def _curves(history):
    """{name: list of one number per epoch}, of what `fit` returned. ValueError if it is neither."""
    curves = getattr(history, "history", history)
    if not isinstance(curves, dict) and curves is not None:
        raise ValueError(
            "Expected `history` to be what `fit` returned, or a dict of lists. "
            f"Received: {type(history).__name__}"
        )
    return curves or {}
