"""The numbers of model cards about what a model draws: see `metrics` for what a measurement is.

What is drawn is `model.sample(n)`, which for most models is the mean of p(x|z): grey images. It is
judged by the classifier of the data set, and set beside the first training images.
"""

import functools

import numpy as np

from keras_ae import datasets
from keras_ae.evaluation import samples

BATCH = 500
RESAMPLES = 20  # for the standard error of the Frechet distance
UNITS = {"recognisable": "%", "frechet_distance": "", "precision": "%", "recall": "%"}


def measure_samples(model, dataset, *, n_drawn=3000, n_images=3000, seed=0):
    """Measures how the images that a model draws look: four numbers, for its card.

    recognisable: the share of draws that the classifier of the data set is 95 % sure about.
    frechet_distance, precision, recall: see the functions of these names; against training images.

    Args:
        model: a model with the method `sample`, of images (28, 28, 1).
        dataset: "mnist" or "fashion_mnist".
        n_drawn: int, how many images the model draws. They are clipped to [0, 1].
        n_images: int, how many training images they are compared with, the first ones.
        seed: int, for the draws.

    Returns:
        list of four dicts, measurements as the other functions here return them.

    Raises:
        ValueError: as `frechet_distance`; the model draws no images.

    Example:

        metrics = evaluation.measure_samples(vae, "mnist")  # for vae.save_to_preset
    """
    return judge(draw(model, n_drawn, seed), dataset, n_images, seed)


def judge(drawn, dataset, n_images, seed=0):
    """As `measure_samples`, of images that were drawn before."""
    real = datasets.load(dataset)[0][0][:n_images]
    sure = 100.0 * (samples.sureness(drawn, dataset) >= samples.SURE)
    own = samples.features_of(drawn, dataset)
    others = samples.features_of(real, dataset, "real")
    precision, recall = (100.0 * part for part in samples.inside(others, own, samples.NEIGHBOURS))
    values = {"recognisable": _mean(sure), "frechet_distance": _frechet(others, own)}
    values |= {"precision": _mean(precision), "recall": _mean(recall)}
    protocol = {"dataset": dataset, "n_drawn": len(drawn), "seed": seed}
    return [
        {
            "name": name,
            "value": value,
            "standard_error": error,
            "unit": UNITS[name],
            "protocol": protocol if name == "recognisable" else {**protocol, "n_images": len(real)},
        }
        for name, (value, error) in values.items()
    ]


def draw(model, n, seed=0):
    """Images that a model draws, clipped to [0, 1]: float32 array (n, *shape)."""
    if not hasattr(model, "sample"):
        raise ValueError(
            f"Expected a model that draws images by `sample`. Received: {type(model).__name__}"
        )
    parts = [model.sample(min(BATCH, n - i), seed=seed + i) for i in range(0, n, BATCH)]
    return np.clip(np.concatenate(parts), 0, 1)


def measure_one(name, model, dataset, *, n_drawn, seed, n_images=100):
    """The measurement of this name alone, as METRICS needs it."""
    found = measure_samples(model, dataset, n_drawn=n_drawn, n_images=n_images, seed=seed)
    return next(measurement for measurement in found if measurement["name"] == name)


METRICS = {name: functools.partial(measure_one, name) for name in UNITS}


def _mean(values):
    """The mean of values, and its standard error."""
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))


def _frechet(real, drawn):
    """The Frechet distance, and its standard error by the bootstrap."""
    rng = np.random.default_rng(0)
    again = [
        samples.frechet(*(part[rng.integers(len(part), size=len(part))] for part in (real, drawn)))
        for _ in range(RESAMPLES)
    ]
    return samples.frechet(real, drawn), float(np.std(again, ddof=1))
