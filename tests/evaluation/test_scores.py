import json
import math

import numpy as np
import pytest
import tensorflow as tf
from eagerly import eagerly

import keras_ae
from keras_ae import datasets, distributions
from keras_ae.evaluation import representation, scores
from keras_ae.utils import seeds


@pytest.fixture(autouse=True)
def without_tracing():
    with eagerly():
        yield


@pytest.fixture
def y():
    return np.arange(20) % 3


def vae(**options):
    return keras_ae.VAE((8, 8, 1), 3, widths=(8,), **options)


def test_reconstruction_against_numpy(images):
    model = keras_ae.AE((8, 8, 1), 3, widths=(8,))
    found = keras_ae.evaluate(model, images)
    squares = (np.asarray(model.reconstruct(images)) - images) ** 2
    assert found["mse"] == pytest.approx(squares.mean(), rel=1e-5)
    assert found["psnr"] == pytest.approx(-10 * np.log10(squares.mean()), rel=1e-5)
    assert found["active_units"] == np.sum(np.var(model.encode(images), axis=0) > 0.01)
    assert set(found) == {"mse", "psnr", "ssim", "active_units"}


def test_ssim_by_its_formula(images):
    """For images no larger than the window there is one window: the formula itself."""
    blurred = (images + np.roll(images, 1, axis=1)) / 2
    window = np.exp(-0.5 * ((np.arange(8) - 3.5) / 1.5) ** 2)
    window = np.outer(window, window) / window.sum() ** 2
    values = []
    for a, b in zip(images[..., 0], blurred[..., 0], strict=True):
        means = [np.sum(window * image) for image in (a, b)]
        variances = [
            np.sum(window * image**2) - mean**2 for image, mean in zip((a, b), means, strict=True)
        ]
        covariance = np.sum(window * a * b) - means[0] * means[1]
        luminance = (2 * means[0] * means[1] + 0.01**2) / (means[0] ** 2 + means[1] ** 2 + 0.01**2)
        values.append(luminance * (2 * covariance + 0.03**2) / (sum(variances) + 0.03**2))
    assert scores._errors(images, blurred, (8, 8, 1))["ssim"] == pytest.approx(
        np.mean(values), rel=1e-4
    )


def test_a_model_of_vectors_has_no_ssim(vectors):
    assert set(keras_ae.evaluate(keras_ae.AE((5,), 2, widths=()), vectors)) == {
        "mse",
        "active_units",
    }


def test_a_dae_is_measured_on_noise_too(images):
    model = keras_ae.DAE((8, 8, 1), 3, widths=(8,))
    found = keras_ae.evaluate(model, images, seed=4)
    expected = np.mean((model.reconstruct(model.corrupt(images, seed=4)) - images) ** 2)
    assert found["denoising_mse"] == pytest.approx(expected, rel=1e-5)
    assert found["denoising_psnr"] == pytest.approx(-10 * math.log10(expected), rel=1e-5)


def test_likelihoods_are_the_models_own(images):
    model = vae()
    found = keras_ae.evaluate(model, images, n_samples=20, seed=2)
    elbo, bound = (
        model.elbo(images, 10, seed=2).numpy(),
        model.log_likelihood(images, 20, seed=2).numpy(),
    )
    assert found["elbo"] == pytest.approx(elbo.mean(), rel=1e-6)
    assert found["log_likelihood"] == pytest.approx(bound.mean(), rel=1e-6)
    assert found["log_likelihood_standard_error"] == pytest.approx(
        bound.std(ddof=1) / math.sqrt(20), rel=1e-5
    )
    assert found["nll_bpd"] == pytest.approx(-bound.mean() / math.log(2) / 64, rel=1e-6)
    assert found["negative_elbo_bpd"] > found["nll_bpd"]
    exact = distributions.kl_divergence(model.posterior(images), model.prior, None).numpy().mean()
    assert (
        found["kl"]
        == pytest.approx(exact, rel=1e-6)
        == pytest.approx(sum(found["kl_per_dimension"]), rel=1e-4)
    )


def test_the_same_seed_gives_the_same_numbers_and_they_are_json(images, y):
    model = vae(prior="flow", posterior="full")  # a KL that is estimated
    first = keras_ae.evaluate(model, images, y, n_samples=20)
    assert (
        first == keras_ae.evaluate(model, images, y, n_samples=20) == json.loads(json.dumps(first))
    )
    assert first["kl"] != keras_ae.evaluate(model, images, n_samples=20, seed=1)["kl"]
    assert "kl_per_dimension" not in first


@pytest.mark.parametrize("posterior", ["diagonal", "full"])
def test_kl_per_dimension_of_a_standard_normal_prior_is_exact(posterior, images):
    model = vae(posterior=posterior)
    q = model.posterior(images)
    loc, scale = q.mean().numpy(), q.stddev().numpy()
    exact = np.mean(0.5 * (loc**2 + scale**2 - 1) - np.log(scale), axis=0)
    np.testing.assert_allclose(scores.kl_per_dimension(model, images), exact, rtol=1e-4, atol=1e-6)


def test_kl_per_dimension_of_a_mixture_by_sampling(images):
    model = vae(prior="mixture")
    found = scores.kl_per_dimension(model, images[:2])
    prior, tfd = model.prior, distributions.tfd
    parts = prior.components_distribution
    q = model.posterior(images[:2])
    z = q.sample(50_000, seed=seeds.from_int(0))
    for dim in range(3):
        marginal = tfd.MixtureSameFamily(
            prior.mixture_distribution, tfd.Normal(parts.mean()[:, dim], parts.stddev()[:, dim])
        )
        of_dim = tfd.Normal(q.mean()[:, dim], q.stddev()[:, dim])
        estimates = tf.reduce_mean(
            of_dim.log_prob(z[..., dim]) - marginal.log_prob(z[..., dim]), axis=0
        )
        assert found[dim] == pytest.approx(float(tf.reduce_mean(estimates)), abs=0.01)


def test_representation_is_of_codes_fitted_on_half_or_on_train(images, y):
    model = keras_ae.AE((8, 8, 1), 3, widths=(8,))
    codes = np.asarray(model.encode(images))
    first, second = representation.halves(codes, y, seed=3)
    found = keras_ae.evaluate(model, images, y, seed=3)
    assert found["linear_probe"] == representation.linear_probe(first, second)
    assert found["knn"] == representation.nearest_neighbours(first, second)
    assert keras_ae.evaluate(model, images, y, train=(images, y))[
        "linear_probe"
    ] == representation.linear_probe((codes, y), (codes, y))
    assert (
        found["kmeans_nmi"]
        == representation.clustering(representation.kmeans(codes, 3, seed=3).labels_, y)[
            "kmeans_nmi"
        ]
    )


def test_integers_are_pixels(images):
    model = keras_ae.AE((8, 8, 1), 3, widths=(8,))
    pixels = np.round(255 * images).astype("uint8")
    assert keras_ae.evaluate(model, pixels[..., 0]) == pytest.approx(
        keras_ae.evaluate(model, pixels / 255), rel=1e-3
    )


@pytest.mark.parametrize(
    "x, y, message",
    [
        (np.zeros((4, 7, 8, 1)), None, "Received: shape"),
        (
            np.zeros((4, 8, 8, 1)),
            np.zeros(3),
            r"one class for each of 4 examples.*Received: \(3,\)",
        ),
        (np.zeros((4, 8, 8, 1)), np.zeros(4), "two classes at least"),
        (np.full((4, 8, 8, 1), np.nan), None, "4|256 NaN"),
    ],
)
def test_what_does_not_fit_is_refused(x, y, message):
    with pytest.raises(ValueError, match=message):
        keras_ae.evaluate(keras_ae.AE((8, 8, 1), 3, widths=()), x, y)


def test_compare_sets_baselines_beside_models(images, y):
    from sklearn.decomposition import PCA

    ae, model = keras_ae.AE((8, 8, 1), 2, widths=(8,)), vae()
    train = (images[::-1].copy(), y[::-1].copy())
    table = scores.compare([ae, model], images, y, train=train, n_samples=10)
    assert [row["model"] for row in table] == [
        "AE, 2 latent",
        "VAE, 3 latent",
        "PCA, 2 components",
        "PCA, 3 components",
        "k-means, 3 clusters",
    ]
    expected = keras_ae.evaluate(model, images, y, train=train, n_samples=10)
    assert (
        table[1]["elbo"] == expected["elbo"]
        and table[1]["knn"] == expected["knn"]
        and "kl_per_dimension" not in table[1]
    )
    flat = images.reshape(20, -1)
    pca = PCA(3).fit(flat)
    assert table[3]["mse"] == pytest.approx(
        np.mean((pca.inverse_transform(pca.transform(flat)) - flat) ** 2), rel=1e-4
    )
    assert table[4]["mse"] > 0 and "knn" not in table[4] and "kmeans_accuracy" in table[4]


def test_compare_without_train_measures_on_the_half_that_was_not_fitted(images, y):
    model = keras_ae.AE((8, 8, 1), 2, widths=(8,))
    train, test = representation.halves(images, y, seed=5)
    assert scores.compare({"mine": model}, images, y, seed=5) == scores.compare(
        {"mine": model}, *test, train=train, seed=5
    )


def test_models_of_one_name_are_told_apart_and_of_two_shapes_refused(images, y):
    models = [keras_ae.AE((8, 8, 1), 2, widths=()) for _ in range(3)]
    names = [row["model"] for row in scores.compare(models, images, y)]
    assert names[:3] == ["AE, 2 latent", "AE, 2 latent #2", "AE, 2 latent #3"]
    for wrong in ([], [models[0], keras_ae.AE((5,), 2, widths=())]):
        with pytest.raises(ValueError, match=f"all of one shape. Received: {len(wrong)}"):
            scores.compare(wrong, images, y)


def test_a_table_prints_as_text_and_as_markdown():
    table = scores.Table(
        [{"model": "a", "mse": 0.01234567, "n": 3}, {"model": "long", "psnr": 12.3456}]
    )
    assert str(table) == "model      mse  n   psnr\na      0.01235  3\nlong               12.35"
    assert table.to_markdown() == (
        "| model | mse | n | psnr |\n| --- | ---: | ---: | ---: |\n"
        "| a | 0.01235 | 3 |  |\n| long |  |  | 12.35 |"
    )
    assert str(scores.Table()) == scores.Table().to_markdown() == ""


@pytest.mark.full_data
def test_principal_components_reconstruct_mnist_as_recomputed():
    """PCA on MNIST's test set, mse per pixel: 2 d 0.05567, 8 d 0.03744, 30 d 13.866 / 784."""
    (x, y), (x_test, y_test) = datasets.load("mnist")
    flat, flat_test = (
        array.reshape(len(array), -1).astype("float32") / 255 for array in (x, x_test)
    )
    for components, error in ((2, 0.05567), (8, 0.03744), (30, 13.866 / 784)):
        pca = representation.pca(flat, components)
        found = scores._errors(
            flat_test, pca.inverse_transform(pca.transform(flat_test)), (28, 28, 1)
        )
        assert found["mse"] == pytest.approx(error, abs=1e-5)


@pytest.mark.full_data
def test_evaluate_finds_what_the_card_of_vae_mnist_says():
    """The ELBO of the first 1,000 binarised test images, within its standard error."""
    (x_train, y_train), (x, y) = datasets.load("mnist")
    train = datasets.binarize(x_train[:10_000], seed=1), y_train[:10_000]
    found = keras_ae.evaluate(
        keras_ae.load("vae_mnist"), datasets.binarize(x)[:1000], y[:1000], train=train, n_samples=50
    )
    card = {metric["name"]: metric["value"] for metric in keras_ae.info("vae_mnist").metrics}
    near = 4 * found["elbo_standard_error"]
    assert found["elbo"] == pytest.approx(-card["negative_elbo"], abs=near)
    assert found["elbo"] < found["log_likelihood"] < near - card["nll"] and found["knn"] > 85
