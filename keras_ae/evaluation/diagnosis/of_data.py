"""Looks at the data: do they fit the model?"""

import math

import numpy as np

from keras_ae.evaluation.diagnosis import names
from keras_ae.evaluation.diagnosis.findings import Finding

# Columns this far apart: the squared error of one is a millionth of that of the other.
COLUMN_RATIO = 1e3
# A network starts with outputs of about 1. It takes very long to reach values like these.
LARGEST_RMS = 10.0
# Pixels that end here were divided by 255 twice, or are an eighth as bright as they could be.
DARKEST = 1 / 8


def support(facts):
    """Values at which p(x|z) has no density."""
    try:
        facts.model.check_input(facts.raw)
    except ValueError as error:
        x, (low, high) = np.asarray(facts.raw, "float64"), facts.model.likelihood_layer.support
        bad = ~np.isfinite(x) | (x < low) | (x > high)
        return Finding(
            *(names.OUTSIDE, 100 * np.mean(bad), "% of the values", 0),
            str(error),
            "The likelihood has no density there, so the model takes no such data.",
            _advice_for(x, high),
        )
    return None


def _advice_for(x, high):
    if not np.isfinite(x).all():
        return "Fill or drop the examples with NaN or infinite values."
    if x.min() >= 0 and 1 < x.max() <= 255 and high == 1:
        return "Divide by 255, or pass the pixels as uint8; then that is done for you."
    return (
        "Bring the values into the support, such as (x - min) / (max - min) with the extremes of "
        "the training data. Or use likelihood='gaussian', which takes any numbers."
    )


def scaling(facts):
    """Values far from the size of 1, or columns far from each other."""
    if facts.likelihood.support == (0.0, 1.0):
        return _darkness(facts)
    spread = facts.spread
    ratio = spread.max() / spread.min() if len(spread) else 1.0
    rms = math.sqrt(np.nanmean(np.square(facts.columns)))
    meaning = (
        "A Gaussian likelihood weighs all errors alike. So the large values take all of the "
        "training, and the small ones count for nothing."
    )
    advice = (
        "Standardise the columns by the mean and the standard deviation of the training data, and "
        "train a new model."
    )
    if len(facts.model.shape) == 1 and ratio > COLUMN_RATIO:
        return Finding(
            *(names.UNSCALED, ratio, "times", COLUMN_RATIO),
            f"The standard deviations of the columns go from {spread.min():.3g} to "
            f"{spread.max():.3g}.",
            *(meaning, advice),
        )
    if rms > LARGEST_RMS:
        return Finding(
            *(names.UNSCALED, rms, "root mean square", LARGEST_RMS),
            f"The values go from {np.nanmin(facts.columns):.3g} to {np.nanmax(facts.columns):.3g}.",
            "A network starts with outputs of about 1, and learns such large ones slowly or not "
            "at all.",
            advice,
        )
    return None


def _darkness(facts):
    largest = np.nanmax(facts.columns)
    if largest >= DARKEST:
        return None
    return Finding(
        *(names.UNSCALED, largest, "largest value", DARKEST),
        f"No value is above {largest:.3g}, and the likelihood covers 0 to 1.",
        "The examples look alike to the model: nearly black.",
        "Were the pixels divided by 255 twice? Integer pixels are divided for you.",
    )
