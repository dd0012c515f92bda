"""Numbers about a model, each with the protocol that measured it, so that it can be measured again.

A measurement is a dict {"name", "value", "standard_error", "unit", "protocol"}; the protocol holds the arguments of the function
of that name here, so `measure(model, measurement)` repeats it.
"""

import numpy as np

from keras_ae import datasets


def nll(model, dataset, split="test", binarize_seed=0, n_samples=5000, n_images=None, seed=0, verbose=0):
    """Minus the importance-weighted bound of log p(x), the mean over the binarised images of a data set, in nats an image.

    Args:
        model: a VAE with a likelihood of binary images.
        dataset: name of a data set.
        split: "test" or "train".
        binarize_seed: int, the seed of `datasets.binarize`: one fixed binarisation.
        n_samples: int, importance samples an image.
        n_images: int, only the first ones; None: all.
        seed: int, of the draws.
        verbose: 1 for a progress bar.

    Returns:
        a measurement; its standard_error is that of the mean over the images.

    Source: Burda et al., "Importance weighted autoencoders", ICLR 2016, section 5.
    """
    x = datasets.binarize(_images(dataset, split)[:n_images], seed=binarize_seed)
    values = -model.log_likelihood(x, n_samples=n_samples, seed=seed, verbose=verbose).numpy()
    protocol = dict(dataset=dataset, split=split, binarize_seed=binarize_seed, n_samples=n_samples, n_images=len(x), seed=seed)
    return _measurement("nll", values, protocol)


def negative_elbo(model, dataset, split="test", binarize_seed=0, n_samples=10, n_images=None, seed=0, verbose=0):
    """Minus the evidence lower bound, the mean over the binarised images of a data set, in nats an image. Arguments: as in `nll`."""
    x = datasets.binarize(_images(dataset, split)[:n_images], seed=binarize_seed)
    values = np.concatenate([-model.elbo(x[i : i + 1000], n_samples, seed=seed + i).numpy() for i in range(0, len(x), 1000)])
    protocol = dict(dataset=dataset, split=split, binarize_seed=binarize_seed, n_samples=n_samples, n_images=len(x), seed=seed)
    return _measurement("negative_elbo", values, protocol)


METRICS = {"nll": nll, "negative_elbo": negative_elbo}


def measure(model, measurement, **overrides):
    """Repeats a measurement of a model card.

    Args:
        model: the model.
        measurement: a dict as this module's functions return.
        overrides: arguments of the protocol to change, for example n_images=500.

    Returns:
        a measurement.
    """
    name = measurement["name"]
    if name not in METRICS:
        raise ValueError(f"Expected a measurement named one of {', '.join(METRICS)}. Received: {name!r}")
    return METRICS[name](model, **{**measurement["protocol"], **overrides})


def _images(dataset, split):
    if split not in ("train", "test"):
        raise ValueError(f'Expected `split` to be "train" or "test". Received: {split!r}')
    train, test = datasets.load(dataset)
    return (train if split == "train" else test)[0]


def _measurement(name, values, protocol):
    standard_error = float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None
    return {"name": name, "value": float(np.mean(values)), "standard_error": standard_error, "unit": "nats", "protocol": protocol}
