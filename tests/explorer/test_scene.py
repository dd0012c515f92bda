"""What the explorer shows, against the verbs of the model."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

import keras_ae
from keras_ae import datasets
from keras_ae.explorer import pictures, scene
from keras_ae.utils import seeds

FAMILIES = [keras_ae.AE, keras_ae.DAE, keras_ae.SparseAE, keras_ae.VAE]


@pytest.fixture(scope="module")
def conditional(scene_of):
    return scene_of(keras_ae.ConditionalVAE, 2)


@pytest.fixture(scope="module")
def clustering(tmp_path_factory):
    """The scene of a VaDE whose clusters have been started."""
    folder = tmp_path_factory.mktemp("presets") / "vade"
    model = keras_ae.VaDE((8, 8, 1), 3, widths=(16,), clusters=4)
    model.start_clusters(datasets.load("digits")[1][0])
    model.save_to_preset(folder, dataset="digits")
    return scene.Scene(str(folder))


@pytest.fixture(scope="module")
def strokes():
    """The scene of the built-in model of pen strokes, with letters where there is no Omniglot."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets, "load", lambda name: (_ for _ in ()).throw(FileNotFoundError()))
        return scene.Scene("sequence_ae_omniglot")


@pytest.fixture
def digit():
    return datasets.load("digits")[1][0][3]


def pixels(url):
    encoded = url.removeprefix("data:image/png;base64,")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded))))


@pytest.mark.parametrize("kind", FAMILIES)
def test_a_look_is_what_the_model_says(kind, preset, scene_of, digit):
    shown, model = scene_of(kind), keras_ae.load(preset(kind))
    look, made = shown.look(digit), model.reconstruct(digit[None])[0]
    assert look.noisy is None and look.choice is None
    np.testing.assert_allclose(look.image, digit / 255, atol=1e-6)
    np.testing.assert_allclose(look.code, model.encode(digit[None])[0], atol=1e-5)
    np.testing.assert_allclose(look.reconstruction, made, atol=1e-5)
    assert look.error == pytest.approx(np.mean((made - digit / 255) ** 2), rel=1e-4)


def test_noise_is_the_models_own_and_follows_the_seed(scene_of, digit):
    shown = scene_of(keras_ae.DAE)
    look = shown.look(digit, noise=5)
    expected = shown.model.corrupt(digit[None], seed=5)[0]
    np.testing.assert_allclose(look.noisy, expected, atol=1e-6)
    expected = shown.model.reconstruct(look.noisy[None])[0]
    np.testing.assert_allclose(look.reconstruction, expected, atol=1e-5)
    assert not (shown.look(digit, noise=6).noisy == look.noisy).all()


def test_another_model_gets_gaussian_noise(scene_of, digit):
    noisy = scene_of(keras_ae.AE).look(digit, noise=5).noisy
    assert noisy.min() >= 0 and noisy.max() <= 1
    assert 0.2 < np.abs(noisy - digit / 255).mean() < 0.4


def test_the_log_likelihood_is_that_of_the_model(preset, scene_of, digit):
    shown, model = scene_of(keras_ae.VAE), keras_ae.load(preset(keras_ae.VAE))
    expected = model.log_likelihood(digit[None], n_samples=scene.SAMPLES, seed=0)[0]
    assert shown.log_likelihood(digit) == pytest.approx(float(expected), abs=1e-3)


def test_what_is_typical_is_measured_on_examples(preset, scene_of):
    shown, model = scene_of(keras_ae.VAE), keras_ae.load(preset(keras_ae.VAE))
    x = datasets.load("digits")[1][0][::18][:20]  # 360 images, all over the set
    np.testing.assert_array_equal(shown.others, x)
    found = model.log_likelihood(x, n_samples=scene.SAMPLES, seed=0)
    expected = (float(np.min(found)), float(np.max(found)))
    assert shown.typical_log_likelihood == pytest.approx(expected, abs=1e-3)
    assert expected[0] < expected[1]


@pytest.mark.parametrize("latent_dim", [2, 11])
def test_the_manifold_is_decoded_where_the_pad_shows_it(latent_dim, scene_of):
    shown = scene_of(keras_ae.AE, latent_dim)
    side, low, high = 5, shown.axes.low[:2], shown.axes.high[:2]
    grid = shown.manifold(side)
    assert grid.shape == (40, 40)
    for row, column in ((0, 0), (0, 4), (3, 1)):
        shares = np.array([column + 0.5, side - row - 0.5]) / side  # the second axis upwards
        z = shown.axes.moved(shown.start, low + (high - low) * shares)
        expected = pictures.of_image(shown.model.decode(z[None])[0]).astype(int)
        found = grid[8 * row : 8 * row + 8, 8 * column : 8 * column + 8]
        assert np.abs(found - expected).max() <= 1


def test_the_map_holds_codes_and_classes(scene_of):
    shown = scene_of(keras_ae.AE, 2)
    found = json.loads(json.dumps(shown.as_dict()))
    x, y = datasets.load("digits")[1]
    plane, group = found["map"], found["map"]["groups"]["codes"]
    np.testing.assert_allclose(plane["points"], shown.model.encode(x), atol=1e-3)
    np.testing.assert_array_equal(group["of"], y)
    assert [label[2] for label in group["labels"]] == list("0123456789")
    assert len(group["colours"]) == 10 and [*plane["groups"]] == ["codes"]
    size = np.subtract(plane["high"], plane["low"])
    places = np.array([label[:2] for label in group["labels"]]) / size
    apart = [np.linalg.norm(places[i] - places[j]) for i in range(10) for j in range(i)]
    assert min(apart) > 0.9 * scene.LABEL
    np.testing.assert_array_equal(pixels(plane["manifold"]), shown.manifold())
    assert found["name"] == "AE"
    assert "/" not in json.dumps({**found, "map": None})  # no path of this machine


def test_a_draw_is_from_the_prior_or_an_example(scene_of):
    vae = scene_of(keras_ae.VAE)
    expected = vae.model.prior.sample(1, seed=seeds.from_int(7))[0]
    np.testing.assert_array_equal(vae.draw(7), expected)
    assert not (vae.draw(7) == vae.draw(8)).any()
    ae = scene_of(keras_ae.AE)
    assert any((ae.draw(400) == code).all() for code in ae.codes)


def test_a_prior_with_layers_is_drawn_from():
    shown = scene.Scene("hvae_mnist")
    assert shown.draw(7).shape == (80,) and not (shown.draw(7) == shown.draw(8)).any()


# Labels


def test_a_label_stays_while_a_point_moves(conditional):
    z = conditional.chosen(conditional.draw(3), 7)
    np.testing.assert_array_equal(z[:10], np.eye(10)[7])
    moved = conditional.axes.moved(z, [0.5, -0.5])
    np.testing.assert_array_equal(moved[:10], z[:10])
    assert conditional.axes.names == ["z₁", "z₂"]  # of the code beside the label
    np.testing.assert_allclose(moved[10:], [0.5, -0.5])


def test_each_label_has_a_picture_and_a_manifold(conditional):
    kind, codes = conditional.choices
    assert kind == "label" and conditional.view == "manifold"
    for label in (0, 7):
        np.testing.assert_array_equal(codes[label], conditional.chosen(conditional.start, label))
        expected = pictures.of_image(conditional.model.decode(codes[label][None])[0]).astype(int)
        found = pixels(conditional.choices_as_dicts()[label]["picture"])
        assert np.abs(found - expected).max() <= 1
    manifolds = [conditional.manifold(5, label) for label in (0, 7)]
    assert (manifolds[0] != manifolds[1]).any()
    np.testing.assert_array_equal(
        pixels(conditional.manifold_url(7)), conditional.manifold(choice=7)
    )


def test_a_look_tells_the_most_probable_label(conditional, digit):
    probabilities = np.asarray(conditional.model.classify(digit[None]))[0]
    label, probability = conditional.look(digit).choice
    assert label == probabilities.argmax()
    assert probability == pytest.approx(probabilities.max(), abs=1e-5)
    drawn = conditional.draw(3, 7)
    np.testing.assert_array_equal(drawn[:10], np.eye(10)[7])
    np.testing.assert_array_equal(drawn[10:], conditional.draw(3)[10:])


# Clusters


def test_a_look_tells_the_most_probable_cluster(clustering, digit):
    probabilities = np.asarray(clustering.model.cluster_probabilities(digit[None]))[0]
    cluster, probability = clustering.look(digit).choice
    assert cluster == probabilities.argmax()
    assert probability == pytest.approx(probabilities.max(), abs=1e-5)


def test_codes_are_coloured_by_cluster(clustering):
    group = clustering.map["groups"]["clusters"]
    np.testing.assert_array_equal(group["of"], clustering.model.clusters(clustering.examples))
    assert [label[2] for label in group["labels"]] == ["0", "1", "2", "3"]
    assert clustering.view == "clusters"


def test_a_draw_is_from_the_cluster_asked_for(clustering):
    kind, means = clustering.choices
    components = clustering.model.prior.components_distribution
    assert kind == "cluster"
    np.testing.assert_array_equal(means, components.mean())
    draws = np.stack([clustering.draw(seed, 2) for seed in range(60)])
    spread = components.stddev().numpy()[2]
    error = np.abs(draws.mean(axis=0) - components.mean().numpy()[2])
    assert (error < 4 * spread / np.sqrt(60)).all()
    assert (draws.std(axis=0) < 1.5 * spread).all()


def test_without_clusters_there_is_nothing_to_choose(scene_of):
    vade = scene_of(keras_ae.VaDE)
    assert vade.choices is None and [*vade.map["groups"]] == ["codes"]
    assert scene_of(keras_ae.VAE).choices_as_dicts() == []


# Pen strokes


def test_a_look_at_strokes_leaves_padding_out(strokes):
    x = strokes.examples[5]
    real, look = (x != -1).any(axis=-1), strokes.look(x)
    expected = np.asarray(strokes.model.reconstruct(x[None]))[0]
    np.testing.assert_allclose(look.reconstruction, expected, atol=1e-5)
    assert look.error == pytest.approx(np.mean((expected - x)[real] ** 2), rel=1e-4)
    assert (look.reconstruction[~real] == -1).all() and not real.all()


def test_a_code_is_drawn_with_the_steps_of_the_nearest_example(strokes):
    nearest = strokes.codes[123]
    length = int((strokes.examples[123] != -1).any(axis=-1).sum())
    made = np.asarray(strokes.model.decode(nearest[None]))[0]
    (found,) = strokes.picture(nearest[None] + 1e-6)
    np.testing.assert_array_equal(found, pictures.of_strokes(made[:length]))
    assert (found < 128).sum() > 50  # there is ink
    assert strokes.manifold(3).shape == (3 * scene.CELL, 3 * scene.CELL)


def test_letters_that_stand_in_have_names(strokes):
    labels = strokes.map["groups"]["codes"]["labels"]
    assert [label[2] for label in labels] == list("AEFLMNTVXZ")
    assert strokes.source == "drawn letters"


@pytest.mark.parametrize(
    "kind, options, message",
    [
        (keras_ae.AE, {"shape": (5,), "dataset": None}, "a model of images"),
        (keras_ae.AE, {"latent_dim": 1}, "at least two latent dimensions"),
        (keras_ae.AE, {"shape": (5, 3), "dataset": None}, "a SequenceAE with mask_value=-1"),
    ],
)
def test_what_cannot_be_shown_is_refused(kind, options, message, preset):
    with pytest.raises(ValueError, match=message):
        scene.Scene(preset(kind, **options))
