"""Looks at the training: did it diverge, learn too little, or learn by heart?"""

import math

import numpy as np

from keras_ae.evaluation.diagnosis import names, of_codes
from keras_ae.evaluation.diagnosis.findings import Finding

# Two straight directions are what is easiest to learn. The tenth is for a VAE, which smooths.
COMPONENTS, UNDERFITTING = 2, 0.9
# Test errors of the zoo are up to 1.4 times the training errors.
ERROR_RATIO = 2.0
# A VAE that explains new examples worse by as much as all of the information in its codes.
ELBO_SHARE = 100.0
# A difference that chance makes once in a thousand times.
STANDARD_ERRORS = 3.0
# A validation loss that lost half of what it had gained.
RISE_SHARE = 50.0
# If the loss falls as exp(-3 t), from t = 0 to 1, the last fifth brings 4% of the fall.
LAST_FIFTH = 5.0


def weights(facts):
    """Weights that are NaN or infinite."""
    arrays = [np.asarray(weight, "float64") for weight in facts.model.get_weights()]
    count = sum(int(np.sum(~np.isfinite(array))) for array in arrays)
    if not count:
        return None
    return Finding(
        *(names.NOT_NUMBERS, count, "weights", 0),
        f"{count:,} of {sum(array.size for array in arrays):,} weights are NaN or infinite.",
        "The training diverged. Every output is NaN from then on.",
        "Make the model anew. Train with a smaller learning rate or clipnorm=1.0 in the optimizer, "
        "on data of a size near 1.",
    )


def reconstructions(facts):
    """Reconstructions that are NaN or infinite, made by weights that are numbers."""
    share = 100 * np.mean(~np.isfinite(facts.reconstruction))
    if not share:
        return None
    return Finding(
        *(names.NO_RECONSTRUCTION, share, "% of the values", 0),
        "reconstruct(x) holds NaN or infinite values, though all weights are numbers.",
        "A number inside the network is too large for its type.",
        "Scale the data, use a smaller learning rate, or the float32 policy.",
    )


def underfitting(facts):
    """A reconstruction that is worse than that of a few principal components."""
    components = min(COMPONENTS, facts.model.latent_dim)
    simple, explained = 100 * facts.explained_by_components(components), 100 * facts.explained
    if explained >= UNDERFITTING * simple:
        return None
    return Finding(
        *(names.UNDERFITTING, explained, "% of the variance", UNDERFITTING * simple),
        f"The reconstruction explains {explained:.3g}% of the variance of x. {components} "
        f"principal components explain {simple:.3g}%.",
        "The model has not learned even what is easiest.",
        "More epochs, a larger learning rate, wider or more layers, a larger code; scaled data; a "
        "smaller penalty or beta.",
    )


def overfitting(facts):
    """New examples that are explained far worse than x; or a validation loss that rose."""
    texts = (
        "The model explains what it was trained on, and new examples far worse.",
        "keras.callbacks.EarlyStopping(restore_best_weights=True); more examples; a smaller "
        "network or code; noise on x, as in a DAE; weight decay.",
    )
    if facts.validation is None:
        return _rise(facts, texts)
    losses = [facts.losses(x) for x in (facts.x, facts.validation)]
    training, new = map(np.mean, losses)
    chance = STANDARD_ERRORS * math.sqrt(sum(np.var(part) / len(part) for part in losses))
    if new - training <= chance:
        return None
    if not facts.is_vae:
        ratio = new / training if training else math.inf if new else 1.0
        measured = f"The squared error is {training:.3g} per value on x, {new:.3g} on validation."
        if ratio <= ERROR_RATIO:
            return None
        numbers = ratio, "times the error", ERROR_RATIO
        return Finding(names.OVERFITTING, *numbers, measured, *texts)
    share = 100 * (new - training) / max(facts.kl, of_codes.LEAST_KL)
    if share <= ELBO_SHARE:
        return None
    return Finding(
        *(names.OVERFITTING, share, "% of the KL", ELBO_SHARE),
        f"The ELBO is {-training:.4g} nats on x, {-new:.4g} on validation. KL is {facts.kl:.3g}.",
        *texts,
    )


def _rise(facts, texts):
    """Overfitting, as the validation loss of the history shows it."""
    losses = np.asarray(facts.curves["val_loss"], "float64")
    fall = losses[0] - losses.min()
    share = 100 * (losses[-1] - losses.min()) / fall if fall > 0 else math.inf
    if share <= RISE_SHARE or losses[-1] == losses.min():
        return None
    return Finding(
        *(names.OVERFITTING, share, "% of its fall", RISE_SHARE),
        f"The validation loss fell from {losses[0]:.4g} to {losses.min():.4g} in epoch "
        f"{losses.argmin() + 1}, and rose to {losses[-1]:.4g} in epoch {len(losses)}.",
        *texts,
    )


def epochs(facts):
    """A loss that was still falling at the end."""
    name = "val_loss" if "val_loss" in facts.curves else "loss"
    losses = np.asarray(facts.curves[name], "float64")
    before = losses[-1 - max(1, len(losses) // 5)]
    fall = losses[0] - losses[-1]
    share = 100 * (before - losses[-1]) / fall if fall > 0 else 0.0
    if share <= LAST_FIFTH:
        return None
    return Finding(
        *(names.TOO_FEW_EPOCHS, share, "% of the fall", LAST_FIFTH),
        f"{name} fell from {losses[0]:.4g} to {losses[-1]:.4g} in {len(losses)} epochs; the last "
        f"fifth of them brought {share:.0f}% of that.",
        "The loss was still falling when the training ended.",
        "More epochs: `fit` goes on from here. Or a larger learning rate.",
    )
