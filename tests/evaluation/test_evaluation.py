import contextlib

import numpy as np
import pytest
from eagerly import eagerly
from scipy.optimize import linear_sum_assignment

import keras_ae
from keras_ae import datasets, evaluation
from keras_ae.evaluation import sample_metrics
from keras_ae.presets import published


@pytest.fixture(scope="module")
def x_test():
    return datasets.load("digits")[1][0]


def test_squared_errors_are_those_of_numpy(x_test):
    model = keras_ae.AE((8, 8, 1), 3, widths=(16,))
    errors = (np.asarray(model.reconstruct(x_test)) - x_test / 255.0) ** 2
    mse, sse = evaluation.mse(model, "digits"), evaluation.sse(model, "digits")
    assert mse["value"] == pytest.approx(errors.mean(), rel=1e-5) and mse["unit"] == "per pixel"
    assert (
        sse["value"] == pytest.approx(errors.mean() * 64, rel=1e-5) and sse["unit"] == "per image"
    )
    assert sse["standard_error"] == pytest.approx(
        errors.sum(axis=(1, 2, 3)).std(ddof=1) / np.sqrt(360), rel=1e-4
    )


def test_bits_are_those_of_the_likelihood(x_test):
    likelihood = keras_ae.distributions.DiscretizedLogisticMixture(1)
    vae = keras_ae.VAE((8, 8, 1), 2, widths=(16,), likelihood=likelihood)
    vae.set_weights([np.zeros(w.shape) for w in vae.get_weights()])
    # p(x|z) does not depend on z: a logistic around 1/2 of scale 1/2.
    measured = evaluation.bits_per_dimension(vae, "digits", n_samples=1000)
    edges = np.concatenate([[-np.inf], (np.arange(255) + 0.5) / 255, [np.inf]])
    probabilities = np.diff(1 / (1 + np.exp(-(edges - 0.5) / 0.5)))
    expected = -np.log2(probabilities)[x_test].mean()
    assert measured["value"] == pytest.approx(expected, rel=1e-4)
    assert measured["unit"] == "bits per value"


def test_bits_need_probabilities_of_levels():
    with pytest.raises(
        ValueError, match="DiscretizedLogisticMixture.*Received: VAE with Bernoulli"
    ):
        evaluation.bits_per_dimension(keras_ae.VAE((8, 8, 1), 2, widths=(16,)), "digits")


def test_the_error_of_a_step_leaves_padding_out(monkeypatch):
    x = np.random.default_rng(0).random((5, 4, 2), dtype="float32")
    x[:3, 3], x[0, 1:] = -1, -1
    monkeypatch.setattr(datasets, "load", lambda name: ((x, None), (x, None)))
    model = keras_ae.SequenceAE((4, 2), 3, widths=(4,), mask_value=-1)
    errors = (np.asarray(model.reconstruct(x)) - x) ** 2
    expected = [np.mean(e[:n]) for e, n in zip(errors, (1, 3, 3, 4, 4), strict=True)]
    measured = evaluation.step_mse(model, "mine")
    assert measured["value"] == pytest.approx(np.mean(expected), rel=1e-5)
    assert measured["standard_error"] == pytest.approx(
        np.std(expected, ddof=1) / np.sqrt(5), rel=1e-5
    )
    assert evaluation.measure(model, measured)["value"] == measured["value"]


def test_psnr_is_that_of_the_noise_where_the_model_does_nothing(x_test):
    """A DAE that gives back what it sees: 64 inputs, a linear code of 64, identity weights."""
    dae = keras_ae.DAE((8, 8, 1), 64, widths=(), likelihood="gaussian")
    dae.set_weights(
        [np.eye(64) if w.shape == (64, 64) else np.zeros(w.shape) for w in dae.get_weights()]
    )
    noisy = np.asarray(dae.corrupt(x_test, seed=0))
    measured = evaluation.psnr(dae, "digits")
    assert measured["value"] == pytest.approx(
        -10 * np.log10(np.mean((noisy - x_test / 255.0) ** 2)), abs=1e-4
    )
    shuffled = np.random.default_rng(0).choice(
        ((noisy - x_test / 255.0) ** 2).mean(axis=(1, 2, 3)), (2000, 360)
    )
    assert measured["standard_error"] == pytest.approx(
        np.std(-10 * np.log10(shuffled.mean(axis=1))), rel=0.1
    )  # the bootstrap's


def test_psnr_of_a_model_that_corrupts_nothing_is_that_of_its_reconstruction():
    ae = keras_ae.AE((8, 8, 1), 3, widths=(16,))
    measured, mse = evaluation.psnr(ae, "digits"), evaluation.mse(ae, "digits")
    assert measured["value"] == pytest.approx(-10 * np.log10(mse["value"]))
    assert measured["protocol"] == mse["protocol"]  # no seed
    assert evaluation.measure(ae, measured) == measured


def test_grey_and_binary_pixels_are_two_protocols():
    vae = keras_ae.VAE((8, 8, 1), 3, widths=(16,))
    with eagerly():
        binary, grey = (
            evaluation.negative_elbo(vae, "digits", binarize_seed=seed) for seed in (0, None)
        )
    assert binary["value"] != grey["value"]
    rows = [
        published.beside(
            {"name": "negative_elbo", "protocol": {"dataset": "mnist", "binarize_seed": seed}}
        )
        for seed in (0, None)
    ]
    assert rows[0] == [] and rows[1][0][1] == 146.95


def test_activation_rate():
    model = keras_ae.SparseAE((8, 8, 1), 10, widths=())
    weights = model.get_weights()
    weights[0][:], weights[1][:] = (
        0,
        [1] * 3 + [-1] * 7,
    )  # the encoder's: three units are always active
    model.set_weights(weights)
    assert evaluation.activation_rate(model, "digits")["value"] == pytest.approx(30)


def test_the_accuracy_of_clusters_is_that_of_the_largest_matching():
    (x, y), (x_test, y_test) = datasets.load("digits")
    model = keras_ae.IDEC((8, 8, 1), 3, widths=())
    model.start_clusters(x, labels=y)
    counts = np.array(
        [np.bincount(y_test[model.clusters(x_test) == c], minlength=10) for c in range(10)]
    )
    found = evaluation.cluster_accuracy(model, "digits")
    share = (
        max(
            counts[range(10), order].sum()
            for order in (np.arange(10), *linear_sum_assignment(counts, True)[1:])
        )
        / 360
    )
    assert found["value"] == pytest.approx(100 * share) and found["unit"] == "%"
    assert found["standard_error"] == pytest.approx(100 * np.sqrt(share * (1 - share) / 359))


def test_perplexity_counts_the_symbols_in_use(x_test):
    model = keras_ae.VQVAE((8, 8, 1), 8, widths=(16,), size=32, width=2)
    found = evaluation.perplexity(model, "digits", n_images=200)
    counts = np.unique(model.symbols(x_test[:200]), return_counts=True)[1] / 800
    assert (
        found["value"] == pytest.approx(np.exp(-np.sum(counts * np.log(counts))), rel=1e-6)
        and 1 < found["value"] <= 32
    )
    model.quantizer.codebook.assign(
        np.tile(1e3 * np.arange(32)[:, None], 2)
    )  # the first row is the nearest
    assert evaluation.perplexity(model, "digits")["value"] == pytest.approx(1)


def test_accuracy():
    model = keras_ae.ConditionalVAE((8, 8, 1), 2, widths=(16,), width=8)
    (x_test, y_test) = datasets.load("digits")[1]
    found = evaluation.accuracy(model, "digits")
    assert (
        found["value"]
        == pytest.approx(100 * np.mean(np.argmax(model.classify(x_test), axis=1) == y_test))
        and found["unit"] == "%"
    )


@pytest.mark.parametrize("name", sorted({*evaluation.METRICS} - {*sample_metrics.METRICS}))
def test_a_measurement_can_be_repeated_and_has_a_quick_form(name):
    classes = {
        "psnr": keras_ae.DAE,
        "activation_rate": keras_ae.SparseAE,
        "mse": keras_ae.AE,
        "sse": keras_ae.AE,
    }
    classes |= {
        "perplexity": keras_ae.VQVAE,
        "cluster_accuracy": keras_ae.IDEC,
        "accuracy": keras_ae.ConditionalVAE,
    }
    more = {}
    if name == "bits_per_dimension":
        more["likelihood"] = keras_ae.distributions.DiscretizedLogisticMixture(1)
    model = classes.get(name, keras_ae.VAE)((8, 8, 1), 3, widths=(16,), **more)
    if name == "cluster_accuracy":
        model.start_clusters(datasets.load("digits")[1][0])
    options = {"n_samples": 60} if name in ("nll", "negative_elbo", "bits_per_dimension") else {}
    with eagerly() if options else contextlib.nullcontext():
        measured = evaluation.METRICS[name](model, "digits", n_images=100, **options)
        assert evaluation.measure(model, measured) == measured
        quick = evaluation.quick(
            model, {**measured, "protocol": {**measured["protocol"], "n_images": 1000}}
        )
    assert (
        quick["protocol"]["n_images"] == 360 and quick["protocol"].get("n_samples", 50) == 50
    )  # the set has no more
    assert name in evaluation.TOLERANCES


def test_errors():
    model = keras_ae.AE((8, 8, 1), 3, widths=(16,))
    with pytest.raises(ValueError, match='"train" or "test". Received: \'validation\''):
        evaluation.mse(model, "digits", split="validation")
    with pytest.raises(ValueError, match="one of nll.*Received: 'fid'"):
        evaluation.measure(model, {"name": "fid", "protocol": {}})
