"""The baselines among the published numbers, computed again."""

import functools

import numpy as np
import pytest

from keras_ae import corruption, datasets
from keras_ae.evaluation import representation, sample_metrics
from keras_ae.presets import published
from keras_ae.utils import seeds

pytestmark = pytest.mark.full_data
# Checked below, and the size of PNG files with the emoji.
APART = {"step_mse", "bits_per_dimension", *sample_metrics.METRICS}
OURS = [row for row in published.ROWS if row[-1] == published.OURS and row[0] not in APART]
REAL = [row for row in published.ROWS if row[3] == published.REAL]


def noisy(x, seed):
    return np.asarray(corruption.GaussianCorruption(0.5).corrupt(x, seeds.from_int(seed)))


def pca_error(train, test, model):
    pca = representation.pca(train, int(model.split()[1]))
    return np.mean((pca.inverse_transform(pca.transform(test)) - test) ** 2)


def noise_error(train, test, model):
    return np.mean((noisy(test, 0) - test) ** 2)


def linear_error(train, test, model):
    """Least squares from the noisy pixels and a constant to the clean pixels, clipped to [0, 1]."""

    def inputs(x, seed):
        return np.concatenate([noisy(x, seed), np.ones((len(x), 1), "float32")], axis=1)

    seen = inputs(train, 1)
    weights = np.linalg.lstsq(seen.T @ seen, seen.T @ train, rcond=None)[0]
    return np.mean((np.clip(inputs(test, 0) @ weights, 0, 1) - test) ** 2)


# By the first word of the model.
ERRORS = {"PCA": pca_error, "the": noise_error, "best": linear_error}


@functools.cache
def error_of(model, dataset):
    """The squared error of a baseline on the test images, mean per value."""
    (train, _), (test, _) = datasets.load(dataset)
    train, test = (x.reshape(len(x), -1).astype("float32") / 255 for x in (train, test))
    return ERRORS[model.split()[0].rstrip(",")](train, test, model)


@pytest.mark.parametrize("row", OURS, ids=lambda row: f"{row[1]}, {row[3]}, {row[0]}")
def test_a_baseline_has_the_printed_value(row):
    metric, dataset, _, model, value, _ = row
    error = error_of(model, dataset)
    if metric == "psnr":
        assert -10 * np.log10(error) == pytest.approx(value, abs=0.02)  # the noise is random
    else:
        assert error == pytest.approx(value, abs=6e-6)  # half of the last digit


@pytest.mark.parametrize("dataset", sorted({row[1] for row in REAL}))
def test_real_images_have_the_printed_values(dataset):
    found = sample_metrics.judge(datasets.load(dataset)[1][0][:3000] / 255, dataset, 3000)
    values = {measurement["name"]: measurement["value"] for measurement in found}
    printed = {row[0]: row[4] for row in REAL if row[1] == dataset}
    assert values == pytest.approx(printed, abs=0.1)
    assert values["frechet_distance"] == pytest.approx(printed["frechet_distance"], abs=0.01)


def test_the_baseline_of_padded_strokes():
    """The mean error of the steps that are not padding, then the mean over drawings.

    For the principal components, the mean of the step replaces padding. That favours them.
    """
    (value,) = [row[4] for row in published.ROWS if row[0] == "step_mse"]
    (train, _), (test, _) = datasets.load("omniglot_strokes")
    real = (train != -1).any(axis=-1, keepdims=True)
    mean = np.mean(train, axis=0, where=real)
    pca = representation.pca(np.where(real, train, mean).reshape(len(train), -1), 24)
    real = (test != -1).any(axis=-1)
    filled = np.where(real[..., None], test, mean).reshape(len(test), -1)
    reconstructed = pca.inverse_transform(pca.transform(filled)).reshape(test.shape)
    squares = ((reconstructed - test) ** 2).mean(axis=-1)  # (n, 48)
    errors = np.sum(squares, axis=1, where=real) / real.sum(axis=1)  # (n,)
    assert np.mean(errors) == pytest.approx(value, abs=6e-6)
