import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_ae


def make(**options):
    model = keras_ae.VQVAE((8, 8, 1), 12, **{"widths": (32,), "size": 16, "width": 3, **options})
    model.compile(run_eagerly=True)  # a graph does not pay for a few steps
    return model


@functools.cache
def shared():
    """A model with random weights. Tests must not change it."""
    return make()


def test_codes_are_rows_of_the_codebook(images):
    model = shared()
    z, symbols = np.array(model.encode(images)), np.array(model.symbols(images))
    assert symbols.shape == (20, 4) and symbols.dtype == "int32"
    np.testing.assert_array_equal(z.reshape(20, 4, 3), np.array(model.quantizer.codebook)[symbols])
    np.testing.assert_allclose(model.decode_symbols(symbols), model.reconstruct(images), atol=1e-6)


def test_the_objective_and_its_parts(images):
    model = make(commitment=0.7)
    g = np.array(model.encoder(images))
    z = np.array(model.encode(images))
    expected = -model.likelihood(z).log_prob(images) + 0.7 * ((g - z) ** 2).sum(axis=1)
    np.testing.assert_allclose(model.objective(images, images), expected, rtol=1e-5)
    logs = model.evaluate(images, verbose=0, return_dict=True)
    assert logs["loss"] == pytest.approx(logs["reconstruction"] + logs["commitment"], rel=1e-5)
    model.quantizer.counts.assign([3.0, 1.0] + 14 * [0.0])
    logs = model.evaluate(images, verbose=0, return_dict=True)
    assert logs["perplexity"] == pytest.approx(
        np.exp(-0.75 * np.log(0.75) - 0.25 * np.log(0.25)), rel=1e-4
    )


def test_the_gradient_goes_straight_through(images):
    """The encoder's output gets the gradient of the loss at the rows and of the commitment.

    The codebook gets no gradient.
    """
    model, x = make(commitment=0.5), tf.constant(images)
    z = model.encode(x)
    with tf.GradientTape() as tape:
        tape.watch(z)
        reconstruction = tf.reduce_sum(-model.likelihood(z).log_prob(x))
    expected = tape.gradient(reconstruction, z) + 2 * 0.5 * (model.encoder(x) - z)
    bias = model.encoder.layers[-1].bias
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model.objective(x, x))
    np.testing.assert_allclose(
        tape.gradient(loss, bias.value), np.sum(expected, axis=0), rtol=1e-3, atol=1e-3
    )
    assert not any("codebook" in weight.path for weight in model.trainable_weights)


def test_training_moves_the_codebook_and_evaluation_does_not(images):
    model = make()
    start = np.array(model.quantizer.codebook)
    model.fit(images, verbose=0)
    before = np.array(model.quantizer.codebook)
    assert np.abs(before - start).max() > 1e-3
    model.evaluate(images, verbose=0)
    np.testing.assert_array_equal(model.quantizer.codebook, before)


@pytest.mark.slow
def test_training_uses_most_rows_and_evaluation_does_not_move_them():
    (x, _), _ = keras_ae.datasets.load("digits")
    model = make()
    model.compile(keras.optimizers.Adam(0.003), jit_compile=False)
    history = model.fit(x, epochs=15, batch_size=64, verbose=0).history
    assert history["reconstruction"][-1] < history["reconstruction"][0] - 3
    assert history["perplexity"][-1] > 8  # more than half of the rows
    before = np.array(model.quantizer.codebook)
    model.evaluate(x, verbose=0)
    np.testing.assert_array_equal(model.quantizer.codebook, before)


@pytest.mark.slow
@pytest.mark.parametrize("eager", [True, False])
def test_two_replicas_move_the_codebook_like_one_device(eager, images, two_replicas):
    def trained(model):
        model.compile(keras.optimizers.SGD(0.01), run_eagerly=eager)
        model.fit(images, batch_size=10, epochs=2, shuffle=False, verbose=0)
        return np.array(model.quantizer.codebook.numpy())

    one = make(size=4)
    weights, start = one.get_weights(), np.array(one.quantizer.codebook)
    with two_replicas.scope():
        two = make(size=4)
    two.set_weights(weights)
    alone = trained(one)
    assert np.abs(alone - start).max() > 1e-3
    np.testing.assert_allclose(trained(two), alone, rtol=1e-3, atol=1e-5)


def test_a_map_of_symbols(images, tmp_path):
    network = keras_ae.networks.residual(
        (8, 8, 1), 12, 12, (8, 8, 1), widths=(4, 6), blocks=1, code="map"
    )
    model = keras_ae.VQVAE((8, 8, 1), 12, network=network, size=8, width=3)
    model.compile(run_eagerly=True)
    model.fit(images, verbose=0)
    assert model.symbols(images).shape == (20, 4)  # a map of 2 x 2
    model.save_to_preset(tmp_path / "mine")
    loaded = keras_ae.load(tmp_path / "mine")
    np.testing.assert_array_equal(loaded.symbols(images), model.symbols(images))
    np.testing.assert_allclose(loaded.reconstruct(images), model.reconstruct(images), atol=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: make(width=5), "`width` to divide latent_dim=12. Received: width=5"),
        (lambda: make(size=0), "Received: size=0"),
        (lambda: make(commitment=-1), "Received: commitment=-1"),
        (
            lambda: shared().decode_symbols(np.zeros((2, 3), int)),
            r"shape \(batch, 4\). Received: shape=\(2, 3\)",
        ),
        (
            lambda: shared().decode_symbols(np.full((2, 4), 16)),
            "from 0 to 15. Received: from 16 to 16",
        ),
        (
            lambda: shared().decode_symbols(np.zeros((2, 4))),
            r"integer symbols of shape .* Received: .*dtype=float64",
        ),
        (lambda: shared().compile(loss="mse"), "Expected no `loss`"),
    ],
)
def test_bad_calls_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
