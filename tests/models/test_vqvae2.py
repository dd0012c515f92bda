import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from eagerly import eagerly

import keras_ae


def make(shape=(8, 8, 1), **options):
    small = {"widths": (6, 8), "size": 16, "width": 3, "blocks": 0, "activation": "tanh"}
    model = keras_ae.VQVAE2(shape, **{**small, **options})
    model.compile(run_eagerly=True)  # a graph does not pay for a few steps
    return model


@functools.cache
def shared():
    """A model whose codebooks are `spread`. Tests must not change it."""
    return spread(make())


def spread(model):
    """Gives the codebooks rows that are spread like the vectors.

    Then rows and vectors differ, and each row is the nearest one of some vectors.
    """
    for quantizer in model.quantizers:
        rows = np.random.default_rng(0).standard_normal(quantizer.codebook.shape)
        quantizer.codebook.assign(0.5 * rows)
    return model


def vectors(model, x):
    """The vectors of the top map and of the bottom map, computed from the networks by hand."""
    h, n = np.array(model.encoder(x)), 4 * model.width
    rows = np.array(model.top_quantizer.codebook)
    top = rows[nearest(h[:, :n], model.top_quantizer)].reshape(-1, n)
    return h[:, :n], np.array(model.bottom_encoder([top, h[:, n:]]))


def nearest(flat, quantizer):
    each = flat.reshape(-1, quantizer.width)
    return np.argmin(((each[:, None] - np.array(quantizer.codebook)) ** 2).sum(axis=-1), axis=1)


def test_a_code_holds_the_rows_of_the_top_map_and_then_the_bottom_map(images):
    model = shared()
    assert model.map_shapes == [(2, 2), (4, 4)]
    assert model.latent_dim == (4 + 16) * 3 and model.symbols_per_code == 20
    z, symbols = np.array(model.encode(images)), np.array(model.symbols(images))
    assert z.shape == (20, 60) and symbols.shape == (20, 20) and symbols.dtype == "int32"
    parts = np.split(symbols, [4], axis=1)
    for part, quantizer, own in zip(parts, model.quantizers, vectors(model, images), strict=True):
        np.testing.assert_array_equal(part.ravel(), nearest(own, quantizer))
    pairs = zip(model.quantizers, parts, strict=True)
    rows = [np.array(quantizer.codebook)[part] for quantizer, part in pairs]
    np.testing.assert_array_equal(z, np.concatenate(rows, axis=1).reshape(20, 60))
    np.testing.assert_allclose(model.decode_symbols(symbols), model.reconstruct(images), atol=1e-6)


@pytest.mark.parametrize(
    ("shape", "widths", "maps"),
    [
        ((28, 28, 1), (4, 6), [(7, 7), (14, 14)]),
        ((7, 5, 3), (4, 6), [(2, 2), (4, 3)]),
        ((32, 24, 1), (4, 4, 6), [(4, 3), (8, 6)]),
    ],
)
def test_any_height_and_width(shape, widths, maps):
    model = make(shape, widths=widths)
    x = np.random.default_rng(0).random((2, *shape), dtype="float32")
    assert model.map_shapes == maps
    assert model.reconstruct(x).shape == x.shape
    parts = keras_ae.samplers.split_maps(model, model.symbols(x))
    assert [part.shape[1:] for part in parts] == maps


def test_the_objective_and_its_parts(images):
    model = spread(make(commitment=0.7))
    z, (top, bottom) = np.array(model.encode(images)), vectors(model, images)
    distances = ((top - z[:, :12]) ** 2).sum(axis=1) + ((bottom - z[:, 12:]) ** 2).sum(axis=1)
    expected = -model.likelihood(z).log_prob(images) + 0.7 * distances
    np.testing.assert_allclose(model.objective(images, images), expected, rtol=1e-5)
    model.top_quantizer.counts.assign([3.0, 1.0] + 14 * [0.0])
    model.quantizer.counts.assign([1.0, 1.0, 2.0] + 13 * [0.0])
    logs = model.evaluate(images, verbose=0, return_dict=True)
    perplexities = {"top_perplexity", "bottom_perplexity"}
    assert set(logs) == {"loss", "reconstruction", "commitment"} | perplexities
    assert logs["loss"] == pytest.approx(logs["reconstruction"] + logs["commitment"], rel=1e-5)
    assert logs["top_perplexity"] == pytest.approx(
        np.exp(-0.75 * np.log(0.75) - 0.25 * np.log(0.25)), rel=1e-4
    )
    assert logs["bottom_perplexity"] == pytest.approx(2**1.5, rel=1e-4)


def test_gradients_go_straight_through_both_levels(images):
    """The vectors of each map get the gradient at their rows and of their commitment.

    The vectors of the top map also get the gradient through the bottom encoder.
    """
    model, x = spread(make(commitment=0.5)), tf.constant(images)
    top, bottom = (tf.constant(own) for own in vectors(model, x))
    features, z = model.encoder(x)[:, 12:], tf.constant(model.encode(x))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(z)
        reconstruction = tf.reduce_sum(-model.likelihood(z).log_prob(x))
        z_top = z[:, :12]
        again = model.bottom_encoder([z_top, features])
    at_rows = tape.gradient(reconstruction, z)
    to_bottom = at_rows[:, 12:] + 2 * 0.5 * (bottom - z[:, 12:])
    to_top = at_rows[:, :12] + 2 * 0.5 * (top - z[:, :12])
    to_top += tape.gradient(again, z_top, output_gradients=to_bottom)
    biases = [
        model.encoder.get_layer("top").bias.value,
        model.bottom_encoder.get_layer("bottom").bias.value,
    ]
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model.objective(x, x))
    for found, expected in zip(tape.gradient(loss, biases), (to_top, to_bottom), strict=True):
        # All places of a map share the bias.
        expected = np.reshape(expected, (-1, 3)).sum(axis=0)
        assert np.abs(expected).min() > 0.1
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)
    assert not any("codebook" in weight.path for weight in model.trainable_weights)


def test_the_bottom_map_depends_on_the_top_one(images):
    """For one image, other rows of the top map change the bottom map and the decoded image."""
    model = spread(make())
    _, before = vectors(model, images)
    symbols = np.array(model.symbols(images))
    picture = model.decode_symbols(symbols)
    model.top_quantizer.codebook.assign(-2 * model.top_quantizer.codebook)
    _, after = vectors(model, images)
    assert np.abs(after - before).max() > 0.05
    assert (np.array(model.symbols(images))[:, 4:] != symbols[:, 4:]).any()
    assert np.abs(model.decode_symbols(symbols) - picture).max() > 0.01


def test_training_moves_both_codebooks_and_evaluation_does_not(images):
    model = make()
    start = [np.array(quantizer.codebook) for quantizer in model.quantizers]
    model.fit(images, verbose=0)
    before = [np.array(quantizer.codebook) for quantizer in model.quantizers]
    model.evaluate(images, verbose=0)
    for quantizer, codebook, old in zip(model.quantizers, before, start, strict=True):
        assert np.abs(codebook - old).max() > 1e-3
        np.testing.assert_array_equal(quantizer.codebook, codebook)


@pytest.mark.slow
def test_training_uses_most_rows_and_evaluation_does_not_move_them():
    (x, _), _ = keras_ae.datasets.load("digits")
    model = make(widths=(8, 16), activation=None)
    model.compile(keras.optimizers.Adam(0.01))
    history = model.fit(x, epochs=8, batch_size=64, verbose=0).history
    error = np.mean((model.predict(x, verbose=0) - x / 255) ** 2)
    assert error < 0.2 * np.var(x / 255)  # measured: 0.10
    # More than half of the rows of each codebook
    assert history["top_perplexity"][-1] > 8 and history["bottom_perplexity"][-1] > 8
    before = [np.array(quantizer.codebook) for quantizer in model.quantizers]
    model.evaluate(x, verbose=0)
    for quantizer, codebook in zip(model.quantizers, before, strict=True):
        np.testing.assert_array_equal(quantizer.codebook, codebook)


@pytest.mark.slow
def test_two_replicas_move_both_codebooks_like_one_device(images, two_replicas):
    """Rows start again at the same vectors on both replicas.

    In the first step most rows of the bottom codebook start again.
    """
    found, start = [], None
    for strategy in (tf.distribute.get_strategy(), two_replicas):
        keras.utils.set_random_seed(1)
        with strategy.scope():
            model = make(size=4)
        start = start or model.get_weights()
        model.set_weights(start)
        model.compile(keras.optimizers.SGD(0.001))
        model.fit(images, batch_size=10, epochs=2, shuffle=False, verbose=0)
        found.append([np.array(quantizer.codebook.numpy()) for quantizer in model.quantizers])
    for alone, together in zip(*found, strict=True):
        same_shape = [old for old in start if old.shape == alone.shape]
        assert not any(np.abs(alone - old).max() < 1e-3 for old in same_shape)
        np.testing.assert_allclose(together, alone, rtol=1e-3, atol=1e-5)


def test_a_preset_loads_as_the_same_model(images, tmp_path):
    model = make(likelihood="gaussian", commitment=0.5)
    model.fit(images, verbose=0)
    model.save_to_preset(tmp_path / "mine")
    loaded = keras_ae.load(tmp_path / "mine")
    config, expected = loaded.get_config(), model.get_config()
    assert type(loaded) is keras_ae.VQVAE2
    assert type(loaded.likelihood_layer) is keras_ae.distributions.Gaussian
    assert {**config, "likelihood": None} == {**expected, "likelihood": None}
    np.testing.assert_array_equal(loaded.symbols(images), model.symbols(images))
    np.testing.assert_array_equal(loaded.reconstruct(images), model.reconstruct(images))


@eagerly()
@pytest.mark.slow
def test_a_sampler_draws_the_bottom_map_given_the_top_one(images, monkeypatch):
    """log p(symbols) = log p(top map) + log p(bottom map | top map), from the two networks."""
    monkeypatch.setattr(keras_ae.samplers.fitted, "PIXELCNN_EPOCHS", 1)
    small = functools.partial(keras_ae.samplers.PixelCNN, width=8, blocks=1)
    monkeypatch.setattr(keras_ae.samplers.fitted, "PixelCNN", small)
    model = make()
    sampler = keras_ae.samplers.fit(model, images, kind="pixelcnn")
    symbols = np.array(model.symbols(images))
    top, bottom = keras_ae.samplers.split_maps(model, symbols)
    (p_top, p_bottom), other = sampler.networks, np.roll(top, 1, axis=0)
    log_p = p_top(top) + p_bottom((bottom, top))
    np.testing.assert_allclose(sampler.log_prob(symbols), log_p, rtol=1e-5)
    assert np.abs(p_bottom((bottom, top)) - p_bottom((bottom, other))).max() > 1e-3
    decoded = model.decode_symbols(sampler.sample_symbols(3, seed=1))
    np.testing.assert_allclose(sampler.sample(3, seed=1), decoded, atol=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: make((8,)), r"images, shape=\(height, width, channels\). Received: shape=\(8,\)"),
        (
            lambda: make(widths=(8,)),
            r"at least two `widths`, the last one for the top map. Received: widths=\(8,\)",
        ),
        (lambda: make(width=0), "Received: width=0"),
        (lambda: make(size=0), "Received: size=0"),
        (lambda: make(commitment=-1), "Received: commitment=-1"),
        (lambda: make(blocks=-1), "Received: blocks=-1"),
        (
            lambda: shared().decode_symbols(np.zeros((2, 4), int)),
            r"shape \(batch, 20\). Received: shape=\(2, 4\)",
        ),
        (
            lambda: shared().decode_symbols(np.full((2, 20), 16)),
            "from 0 to 15. Received: from 16 to 16",
        ),
        (lambda: shared().compile(loss="mse"), "Expected no `loss`"),
    ],
)
def test_bad_calls_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
