"""The numbers of model cards. Each says how it was measured, so that it can be measured again.

A measurement is a dict {"name", "value", "standard_error", "unit", "protocol"}. The protocol holds
the arguments of the function of that name in this file; `measure(model, measurement)` repeats it.
A value is a mean over images, and the standard error is the error of that mean.
"""

import numpy as np

from keras_ae import datasets
from keras_ae.distributions import DiscretizedLogisticMixture
from keras_ae.evaluation import formulas, representation, sample_metrics
from keras_ae.utils import inputs

# The protocol of a quick look: at most so many images, importance samples, and drawn images.
QUICK = {"n_images": 500, "n_samples": 50, "n_drawn": 500}


def nll(
    model,
    dataset,
    split="test",
    binarize_seed=0,
    n_samples=5000,
    n_images=None,
    seed=0,
    verbose=0,
    backup=None,
):
    """Minus the importance-weighted bound of log p(x) of binarised images, nats per image.

    Args:
        model: a VAE with a likelihood of binary images.
        dataset: name of a data set.
        split: "test" or "train".
        binarize_seed: int, the seed of `datasets.binarize`, one fixed binarisation; None: the grey
            images as they are.
        n_samples: int, importance samples per image.
        n_images: int, measure only the first ones; None: all.
        seed: int, for the random draws.
        verbose: 1 for a progress bar.
        backup: path of a file that keeps what was computed, as in `VAE.log_likelihood`. After an
            interruption the same call goes on from there.

    Returns:
        dict, a measurement.

    Source: Burda et al., "Importance weighted autoencoders", ICLR 2016, section 5.
    """
    x = _binarized(dataset, split, n_images, binarize_seed)
    options = {"n_samples": n_samples, "seed": seed, "verbose": verbose, "backup": backup}
    values = -model.log_likelihood(x, **options).numpy()
    protocol = dict(
        dataset=dataset,
        split=split,
        binarize_seed=binarize_seed,
        n_samples=n_samples,
        n_images=len(x),
        seed=seed,
    )
    return _measurement("nll", values, "nats", protocol)


def negative_elbo(
    model, dataset, split="test", binarize_seed=0, n_samples=10, n_images=None, seed=0, verbose=0
):
    """Minus the evidence lower bound of binarised images, nats per image. Arguments: as `nll`."""
    x = _binarized(dataset, split, n_images, binarize_seed)
    values = np.concatenate(
        [
            -model.elbo(x[i : i + 1000], n_samples, seed=seed + i).numpy()
            for i in range(0, len(x), 1000)
        ]
    )
    protocol = dict(
        dataset=dataset,
        split=split,
        binarize_seed=binarize_seed,
        n_samples=n_samples,
        n_images=len(x),
        seed=seed,
    )
    return _measurement("negative_elbo", values, "nats", protocol)


def bits_per_dimension(
    model, dataset, split="test", n_samples=100, n_images=None, seed=0, verbose=0, backup=None
):
    """Minus log2 p(x), divided by the number of values of an image: height x width x channels.

    A file that stores an image by this model without loss needs about so many bits for each value.
    So it can be compared with a PNG file. p(x) is estimated by the importance-weighted bound.

    Args:
        model: a VAE with a DiscretizedLogisticMixture.
        dataset, split, n_images, seed, verbose, backup: as in `nll`.
        n_samples: int, importance samples per image.

    Returns:
        dict, a measurement.

    Raises:
        ValueError: a model with another likelihood.
    """
    likelihood = getattr(model, "likelihood_layer", None)
    if not isinstance(likelihood, DiscretizedLogisticMixture):
        raise ValueError(
            "Expected a VAE whose likelihood is a DiscretizedLogisticMixture: bits are counted by "
            f"probabilities of 256 levels. Received: {type(model).__name__} with "
            f"{type(likelihood).__name__}"
        )
    x = _images(dataset, split)[:n_images]
    options = {"n_samples": n_samples, "seed": seed, "verbose": verbose, "backup": backup}
    nats = -model.log_likelihood(x, **options).numpy()
    protocol = dict(dataset=dataset, split=split, n_samples=n_samples, n_images=len(x), seed=seed)
    values = nats / (x[0].size * np.log(2))
    return _measurement("bits_per_dimension", values, "bits per value", protocol)


def mse(model, dataset, split="test", n_images=None, verbose=0):
    """The squared error of the reconstruction per pixel of grey images in [0, 1].

    Arguments: as in `nll`.
    """
    values, protocol = _squared_errors(model, dataset, split, n_images, np.mean, verbose)
    return _measurement("mse", values, "per pixel", protocol)


def sse(model, dataset, split="test", n_images=None, verbose=0):
    """The squared error of the reconstruction per grey image in [0, 1], summed over its pixels.

    Arguments: as in `nll`.
    """
    values, protocol = _squared_errors(model, dataset, split, n_images, np.sum, verbose)
    return _measurement("sse", values, "per image", protocol)


def step_mse(model, dataset, split="test", n_images=None, verbose=0):
    """The squared error of the reconstruction per value of a sequence. Padded steps do not count.

    Args:
        model: a SequenceAE, or another model whose likelihood is Masked.
        dataset, split, n_images, verbose: as in `nll`.
    """
    x = inputs.to_float(_images(dataset, split)[:n_images], model.shape)
    squares = np.square(model.predict(x, batch_size=500, verbose=verbose).astype("float64") - x)
    # (n, steps, *features) -> (n, steps)
    squares = squares.reshape(*squares.shape[:2], -1).mean(axis=-1)
    mask_value = model.likelihood_layer.mask_value
    real = (
        np.full(squares.shape, True)
        if mask_value is None
        else np.asarray(inputs.is_real(x, mask_value, len(model.shape) - 1))
    )
    values = np.sum(squares, axis=1, where=real) / np.maximum(np.sum(real, axis=1), 1)
    return _measurement(
        "step_mse", values, "a value", dict(dataset=dataset, split=split, n_images=len(x))
    )


def psnr(model, dataset, split="test", n_images=None, seed=0, verbose=0):
    """The peak signal-to-noise ratio of reconstructed images, in dB. A DAE gets corrupted images.

    PSNR = -10 log10(mean squared error over all images, values in [0, 1])

    The standard error is computed by the delta method.

    Args:
        model: a model that reconstructs. A DAE corrupts its input; the error is that against the
            clean images.
        dataset, split, n_images, verbose: as in `nll`.
        seed: int, for the corruption of a DAE. Other models do not use it.
    """
    x = given = _images(dataset, split)[:n_images]
    protocol = dict(dataset=dataset, split=split, n_images=len(x))
    if hasattr(model, "corrupt"):
        starts = range(0, len(x), 1000)
        parts = [model.corrupt(x[i : i + 1000], seed=seed + i).numpy() for i in starts]
        given, protocol["seed"] = np.concatenate(parts), seed
    errors = _errors(model, given, x, np.mean, verbose)
    measured = _measurement("psnr", errors, "dB", protocol)
    slope = 10 / np.log(10) / measured["value"]  # the slope of -10 log10 at the mean
    error = measured["standard_error"] and slope * measured["standard_error"]
    return {**measured, "value": formulas.psnr(measured["value"]), "standard_error": error}


def activation_rate(model, dataset, split="test", n_images=None, verbose=0):
    """The share of a code's units that are above the threshold of the model's sparsity, in %.

    Arguments: as in `nll`.
    """
    x = _images(dataset, split)[:n_images]
    values = 100 * np.mean(np.abs(model.encode(x)) > model.sparsity.threshold, axis=1)
    return _measurement(
        "activation_rate", values, "%", dict(dataset=dataset, split=split, n_images=len(x))
    )


def cluster_accuracy(model, dataset, split="test", n_images=None, verbose=0):
    """The share of images that are in the cluster of their class, in %.

    Clusters are matched with classes one to one, in the way that makes this share largest.

    Args:
        model: an IDEC or a VaDE.
        dataset, split, n_images, verbose: as in `nll`. The matching is made on these images.

    Returns:
        dict, a measurement. Its standard error takes the matching as given.

    Source: Xie et al., "Unsupervised deep embedding for clustering analysis", ICML 2016,
    equation 10.
    """
    x, y = (array[:n_images] for array in _split(dataset, split))
    found = representation.clustering(model.clusters(x).numpy(), y, "cluster")
    right = round(found["cluster_accuracy"] / 100 * len(y))  # the number of matched images
    matched = 100.0 * (np.arange(len(y)) < right)  # their order does not matter
    return _measurement(
        "cluster_accuracy", matched, "%", dict(dataset=dataset, split=split, n_images=len(x))
    )


def accuracy(model, dataset, split="test", n_images=None, verbose=0):
    """The share of images whose own label is the most probable one for a ConditionalVAE, in %.

    Arguments: as in `nll`.
    """
    x, y = (array[:n_images] for array in _split(dataset, split))
    right = 100.0 * (np.argmax(model.classify(x), axis=1) == y)
    return _measurement("accuracy", right, "%", dict(dataset=dataset, split=split, n_images=len(x)))


def perplexity(model, dataset, split="test", n_images=None, verbose=0):
    """How many symbols of its codebook a VQVAE uses: exp of the entropy of their shares.

    It is the size of the codebook if all symbols are equally frequent. It is no mean, and so it has
    no standard error. Arguments: as in `nll`.
    """
    x = _images(dataset, split)[:n_images]
    symbols = np.concatenate(
        [np.ravel(model.symbols(x[i : i + 1000])) for i in range(0, len(x), 1000)]
    )
    value = float(formulas.perplexity(np.bincount(symbols).astype("float64")))
    protocol = dict(dataset=dataset, split=split, n_images=len(x))
    return {
        "name": "perplexity",
        "value": value,
        "standard_error": None,
        "unit": "symbols",
        "protocol": protocol,
    }


METRICS = {
    "nll": nll,
    "negative_elbo": negative_elbo,
    "bits_per_dimension": bits_per_dimension,
    "mse": mse,
    "sse": sse,
    "step_mse": step_mse,
    "psnr": psnr,
    "activation_rate": activation_rate,
    "cluster_accuracy": cluster_accuracy,
    "accuracy": accuracy,
    "perplexity": perplexity,
    **sample_metrics.METRICS,
}
# How far apart two machines may be with the same weights and seeds, since they sum float32 in
# different orders.
TOLERANCES = {
    "nll": 0.05,
    "negative_elbo": 0.05,
    "bits_per_dimension": 0.001,
    "mse": 1e-5,
    "sse": 0.005,
    "step_mse": 1e-5,
    "psnr": 0.01,
    "activation_rate": 0.05,
    "cluster_accuracy": 0.2,
    "accuracy": 0.05,
    "perplexity": 0.5,
    "recognisable": 0.1,
    "frechet_distance": 0.01,
    "precision": 0.2,
    "recall": 0.2,
}


def measure(model, measurement, **overrides):
    """Repeats a measurement of a model card.

    Args:
        model: the model.
        measurement: dict, as the functions of this file return it.
        overrides: arguments of the protocol to change, such as n_images=500. Those that the
            measurement does not have are ignored.

    Returns:
        dict, a measurement.
    """
    name = measurement["name"]
    known = METRICS | {name: function for name, (function, _) in model.own_metrics.items()}
    if name not in known:
        raise ValueError(
            f"Expected a measurement named one of {', '.join(known)}. Received: {name!r}"
        )
    protocol = measurement["protocol"]
    changed = {key: value for key, value in overrides.items() if key in protocol}
    return known[name](model, **{**protocol, **changed})


def tolerance(model, name):
    """How far apart two machines may be in a metric, with the same weights and seeds."""
    return TOLERANCES[name] if name in TOLERANCES else model.own_metrics[name][1]


def quick(model, measurement):
    """The measurement on few images with few importance samples: a number to compare in seconds."""
    fewer = {
        key: min(value, measurement["protocol"].get(key, value)) for key, value in QUICK.items()
    }
    return measure(model, measurement, **fewer)


def _squared_errors(model, dataset, split, n_images, over_pixels, verbose):
    x = _images(dataset, split)[:n_images]
    return _errors(model, x, x, over_pixels, verbose), dict(
        dataset=dataset, split=split, n_images=len(x)
    )


def _errors(model, x, target, over_pixels, verbose):
    """The squared error of the reconstruction of each example: (n,)."""
    reconstruction = model.predict(x, batch_size=500, verbose=verbose)
    return formulas.squared_errors(reconstruction, target / 255, over_pixels)


def _binarized(dataset, split, n_images, seed):
    x = _images(dataset, split)[:n_images]
    return x if seed is None else datasets.binarize(x, seed=seed)


def _images(dataset, split):
    return _split(dataset, split)[0]


def _split(dataset, split):
    if split not in ("train", "test"):
        raise ValueError(f'Expected `split` to be "train" or "test". Received: {split!r}')
    train, test = datasets.load(dataset)
    return train if split == "train" else test


def _measurement(name, values, unit, protocol):
    standard_error = (
        float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None
    )
    return {
        "name": name,
        "value": float(np.mean(values)),
        "standard_error": standard_error,
        "unit": unit,
        "protocol": protocol,
    }
