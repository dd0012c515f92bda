"""The picture of a training: its logs, epoch by epoch."""

from keras_ae.presets.cards import CURVES

LEAST = 2  # epochs


def are_missing(card):
    """Whether a ModelCard has logs of several epochs, but no picture of them."""
    return card.curves is None and _epochs(card.metadata["training"]) >= LEAST


def draw(training, folder):
    """Draws the logs of a training that took several epochs.

    Args:
        training: dict, of metadata.json, or None.
        folder: pathlib.Path.

    Returns:
        str, the name of the file; None if there is too little to draw.
    """
    if _epochs(training) < LEAST:
        return None
    from keras_ae import plots

    plots.training_curves(training["curve"]).savefig(folder / CURVES)
    return CURVES


def _epochs(training):
    return max(map(len, training["curve"].values()), default=0) if training else 0
