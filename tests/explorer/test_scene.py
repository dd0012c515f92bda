"""What the explorer shows, against the verbs of the model and scikit-learn."""

import base64
import functools
import io
import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from sklearn.decomposition import PCA

import keras_ae
from keras_ae import datasets
from keras_ae.explorer import scene
from keras_ae.utils import seeds

FAMILIES = [keras_ae.AE, keras_ae.DAE, keras_ae.SparseAE, keras_ae.VAE]


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    """Makes a model and saves it, once for the same arguments: -> the folder."""

    @functools.cache
    def saved(kind=keras_ae.VAE, latent_dim=3, shape=(8, 8, 1), dataset="digits", **options):
        folder = tmp_path_factory.mktemp("presets") / kind.__name__
        kind(shape, latent_dim, widths=(16,), **options).save_to_preset(folder, dataset=dataset)
        return str(folder)

    return saved


@pytest.fixture(scope="module")
def scene_of(preset):
    """The scene of such a model, one for the same arguments."""
    return functools.cache(lambda *args, **options: scene.Scene(preset(*args, **options)))


@pytest.fixture
def eagerly():
    """Lets TensorFlow run its functions as they are written, which is faster for a single call."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def pixels(url):
    return np.asarray(
        Image.open(io.BytesIO(base64.b64decode(url.removeprefix("data:image/png;base64,"))))
    )


def test_axes_of_two_dimensions_are_the_dimensions():
    codes = np.random.default_rng(0).normal([1, -2], [0.5, 3], (500, 2))
    axes = scene.Axes.of(codes)
    np.testing.assert_array_equal(axes.coordinates(codes), codes)
    np.testing.assert_allclose(axes.moved(codes[0], [5, 6]), [5, 6])
    assert (axes.low < np.quantile(codes, 0.01, axis=0)).all() and (
        axes.high > np.quantile(codes, 0.99, axis=0)
    ).all()


def test_axes_of_more_dimensions_are_those_of_scikit_learn():
    draws = np.random.default_rng(0)
    codes = draws.standard_normal((500, 12)) @ draws.standard_normal((12, 12)) + 3
    axes, pca = scene.Axes.of(codes), PCA(8).fit(codes)
    np.testing.assert_allclose(axes.origin, codes.mean(axis=0))
    np.testing.assert_allclose(
        np.abs((axes.directions * pca.components_).sum(axis=1)), np.ones(8), rtol=1e-6
    )
    np.testing.assert_allclose(
        np.abs(axes.coordinates(codes)), np.abs(pca.transform(codes)), atol=1e-6
    )
    assert axes.names[0] == f"axis 1 ({100 * pca.explained_variance_ratio_[0]:.0f} %)"


def test_a_move_leaves_all_else_of_a_code_as_it_was():
    codes = np.random.default_rng(0).standard_normal((500, 12))
    axes = scene.Axes.of(codes)
    moved = axes.moved(codes[7], [0.25, -0.5])
    np.testing.assert_allclose(axes.coordinates(moved)[:2], [0.25, -0.5])
    np.testing.assert_allclose(
        axes.coordinates(moved)[2:], axes.coordinates(codes[7])[2:], atol=1e-9
    )
    change = moved - codes[7]
    np.testing.assert_allclose(
        change @ axes.directions[:2].T @ axes.directions[:2], change, atol=1e-9
    )
    np.testing.assert_allclose(axes.moved(moved, axes.coordinates(codes[7])), codes[7], atol=1e-9)


def test_codes_that_do_not_vary_still_have_axes_with_two_ends():
    axes = scene.Axes.of(np.ones((50, 4)))
    assert (axes.low < axes.high).all() and np.isfinite(axes.directions).all()


@pytest.mark.parametrize("kind", FAMILIES)
def test_a_look_is_what_the_model_says(kind, preset, scene_of):
    shown, model = scene_of(kind), keras_ae.load(preset(kind))
    (x,) = datasets.load("digits")[1][0][3:4]
    look = shown.look(x)
    assert look.noisy is None
    np.testing.assert_allclose(look.image, x / 255, atol=1e-6)
    np.testing.assert_allclose(look.code, model.encode(x[None])[0], atol=1e-5)
    np.testing.assert_allclose(look.reconstruction, model.reconstruct(x[None])[0], atol=1e-5)
    assert look.error == pytest.approx(
        np.mean((model.reconstruct(x[None])[0] - x / 255) ** 2), rel=1e-4
    )
    noisy = shown.look(x, noise=5)
    assert (
        np.abs(noisy.noisy - x / 255).max() > 0.1
        and noisy.noisy.min() >= 0
        and noisy.noisy.max() <= 1
    )
    np.testing.assert_array_equal(noisy.noisy, shown.look(x, noise=5).noisy)
    np.testing.assert_allclose(
        noisy.reconstruction, model.reconstruct(noisy.noisy[None])[0], atol=1e-5
    )
    if kind is keras_ae.DAE:
        np.testing.assert_allclose(noisy.noisy, model.corrupt(x[None], seed=5)[0], atol=1e-6)
    assert shown.denoises == (kind is keras_ae.DAE) and shown.has_likelihood == (
        kind is keras_ae.VAE
    )


def test_the_noise_of_a_dae_is_its_own(scene_of):
    shown = scene_of(keras_ae.DAE, corruption="masking")
    look = shown.look(np.full((8, 8, 1), 0.5, "float32"), noise=1)
    assert set(np.unique(look.noisy)) == {0.0, 0.5}


def test_the_log_likelihood_is_that_of_the_model(preset, scene_of, eagerly, monkeypatch):
    monkeypatch.setattr(scene, "SAMPLES", 50)
    monkeypatch.setattr(scene, "OTHERS", 5)
    shown, model = scene_of(keras_ae.VAE), keras_ae.load(preset(keras_ae.VAE))
    x = datasets.load("digits")[1][0]
    expected = model.log_likelihood(x[3:4], n_samples=scene.SAMPLES, seed=0)[0]
    assert shown.log_likelihood(x[3]) == pytest.approx(float(expected), abs=1e-3)
    low, high = shown.usual_log_likelihood
    found = model.log_likelihood(x[: scene.OTHERS], n_samples=scene.SAMPLES, seed=0)
    assert (low, high) == pytest.approx((float(np.min(found)), float(np.max(found))), abs=1e-3)


@pytest.mark.parametrize("latent_dim", [2, 11])
def test_the_manifold_is_decoded_where_the_pad_shows_it(latent_dim, scene_of):
    shown = scene_of(keras_ae.AE, latent_dim)
    side, (low, high) = 5, (shown.axes.low[:2], shown.axes.high[:2])
    grid = shown.manifold(side)
    assert grid.shape == (40, 40, 1)
    for row, column in ((0, 0), (0, 4), (3, 1)):
        place = low + (high - low) * np.array(
            [(column + 0.5) / side, 1 - (row + 0.5) / side]
        )  # the second axis upwards
        expected = shown.model.decode(shown.axes.moved(shown.start, place)[None])[0]
        np.testing.assert_allclose(
            grid[8 * row : 8 * row + 8, 8 * column : 8 * column + 8], expected, atol=1e-5
        )


def test_the_map_holds_codes_and_classes(scene_of):
    shown = scene_of(keras_ae.AE, 2)
    found = json.loads(json.dumps(shown.as_dict()))
    x, y = datasets.load("digits")[1]
    plane = found["map"]
    np.testing.assert_allclose(
        [point[:2] for point in plane["points"]], shown.model.encode(x), atol=1e-3
    )
    np.testing.assert_array_equal([point[2] for point in plane["points"]], y)
    assert [label[2] for label in plane["labels"]] == list("0123456789") and len(
        plane["colours"]
    ) == 10
    places = np.array([label[:2] for label in plane["labels"]]) / np.subtract(
        plane["high"], plane["low"]
    )
    assert (
        min(np.linalg.norm(places[i] - places[j]) for i in range(10) for j in range(i))
        > 0.9 * scene.LABEL
    )
    np.testing.assert_array_equal(
        pixels(plane["manifold"]), scene.as_pixels(shown.manifold())[..., 0]
    )
    assert found["name"] == "AE" and "/" not in json.dumps(
        {**found, "map": None}
    )  # no path of this machine


def test_a_picture_keeps_every_pixel():
    for channels in (1, 3):
        image = np.random.default_rng(0).random((5, 7, channels))
        np.testing.assert_array_equal(
            pixels(scene.as_url(image)).reshape(5, 7, channels), np.round(255 * image)
        )


def test_draws_are_of_the_prior_or_of_examples(scene_of):
    vae = scene_of(keras_ae.VAE)
    np.testing.assert_array_equal(vae.draw(7), vae.model.prior.sample(seed=seeds.from_int(7)))
    assert not (vae.draw(7) == vae.draw(8)).any()
    ae = scene_of(keras_ae.AE)
    assert any((ae.draw(400) == code).all() for code in ae.codes)


def test_without_its_data_a_model_is_shown_by_other_examples(preset, monkeypatch):
    name, without_prior, load = (
        preset(keras_ae.VAE, dataset="mnist"),
        preset(keras_ae.AE),
        datasets.load,
    )
    asked = []

    def offline(name):
        asked.append(name)
        if name != "digits":
            raise FileNotFoundError("no network")
        return load(name)

    monkeypatch.setattr(datasets, "load", offline)
    assert scene.Scene(name).source == "digits test images" and asked == [
        "mnist",
        "mnist_5k",
        "digits",
    ]
    monkeypatch.setattr(datasets, "load", lambda name: offline("none"))
    shown = scene.Scene(name)
    assert shown.source == "draws from the prior" and shown.map()["labels"] == []
    assert "no data set" in scene.Scene(without_prior).source


@pytest.mark.parametrize(
    "options, message",
    [
        ({"shape": (5,), "dataset": None}, "a model of images"),
        ({"latent_dim": 1}, "at least two latent dimensions"),
    ],
)
def test_what_cannot_be_shown_is_refused(options, message, preset):
    with pytest.raises(ValueError, match=message):
        scene.Scene(preset(keras_ae.AE, **options))
