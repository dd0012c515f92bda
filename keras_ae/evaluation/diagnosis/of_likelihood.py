"""Looks at p(x|z): its scale, and how certain it is."""

import math

import numpy as np

from keras_ae.distributions import base
from keras_ae.evaluation.diagnosis import names
from keras_ae.evaluation.diagnosis.findings import Finding

# A scale below a thousandth of the spread of x: values that are known to three digits.
FLOOR_RATIO, FLOOR_SHARE = 1e-3, 1.0
# With such a scale, an example whose reconstruction is the mean is as likely as itself.
SCALE_RATIO = 3.0
# A value that costs so much had a probability below 1 in 20,000.
SURPRISE = 10.0
SURPRISE_SHARE = 10.0


def scale(facts):
    """A learned scale that is as small as it can be, or wider than the data."""
    floor = max(10 * base.SMALLEST_SCALE, FLOOR_RATIO * math.sqrt(facts.variance))
    at_floor = 100 * np.mean(facts.scales < floor)
    if at_floor > FLOOR_SHARE:
        return Finding(
            *(names.AT_FLOOR, at_floor, "% of the values", FLOOR_SHARE),
            f"{at_floor:.0f}% of the standard deviations of p(x|z) are below {floor:.2g}; the "
            f"smallest possible one is {base.SMALLEST_SCALE:g}.",
            "The model knows these values exactly, so their density grows without bound, and the "
            "loss says nothing about the others. Columns that are constant, or copies, do that.",
            "Drop constant columns; add a little noise to x; fix the scale, "
            "likelihood=keras_ae.distributions.Gaussian(0.1).",
        )
    if facts.variance == 0:
        return None
    ratio = float(np.median(facts.scales)) / math.sqrt(facts.variance)
    if ratio <= SCALE_RATIO:
        return None
    return Finding(
        *(names.TOO_WIDE, ratio, "times the spread of x", SCALE_RATIO),
        f"The scale of p(x|z) is {np.median(facts.scales):.3g}, while the values of x vary by "
        f"{math.sqrt(facts.variance):.3g}.",
        "With so wide a likelihood all reconstructions are equally good: the model learns nothing.",
        "Standardise x; train for longer or with a larger learning rate.",
    )


def overconfidence(facts):
    """Saturated logits: values that the model took for nearly impossible."""
    facts = facts.of_new  # what was learned by heart is explained well
    logits = np.asarray(facts.distribution.distribution.logits, "float64")
    logits = logits.reshape(len(facts.x), -1)
    losses = np.logaddexp(0, logits) - facts.columns * logits
    share = 100 * np.nansum(losses[losses > SURPRISE]) / np.nansum(losses)
    if share <= SURPRISE_SHARE:
        return None
    return Finding(
        *(names.OVERCONFIDENT_PIXELS, share, "% of -log p(x|z)", SURPRISE_SHARE),
        f"{share:.0f}% of -log p(x|z) comes from values to which the model gave a probability "
        f"below {math.exp(-SURPRISE):.0e}. Its largest logit is {np.abs(logits).max():.0f}.",
        "The model is certain, and wrong: its logits are saturated. It learned examples by heart, "
        "or took too large steps.",
        "A smaller learning rate; fewer epochs or more examples; weight decay.",
    )
