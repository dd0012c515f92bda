import numpy as np
import pytest
import tensorflow as tf

import keras_ae


def make(sparsity, **options):
    return keras_ae.SparseAE((8, 8, 1), 100, widths=(), sparsity=sparsity, **options)


def train(model, images, steps):
    """Trains for a number of steps, each with all images."""
    model.compile(jit_compile=False)
    model.fit(np.tile(images, (steps, 1, 1, 1)), batch_size=len(images), shuffle=False, verbose=0)


def test_the_objective_is_the_likelihood_and_the_penalty(images):
    model = make(keras_ae.sparsity.L1Sparsity(2.0))
    z = model.encode(images)
    expected = -model.likelihood(z).log_prob(images) + 2 * np.abs(z).sum(axis=1)
    np.testing.assert_allclose(model.objective(images, images), expected, rtol=1e-5)
    model.compile(run_eagerly=True)
    logs = model.evaluate(images, verbose=0, return_dict=True)
    assert logs["loss"] == pytest.approx(logs["reconstruction"] + logs["penalty"], rel=1e-5)
    assert logs["penalty"] == pytest.approx(2 * np.abs(z).sum(axis=1).mean(), rel=1e-4)


def test_the_penalty_silences_units(images):
    rates = []
    for weight in (0.0, 1.0):
        model = make(keras_ae.sparsity.L1Sparsity(weight))
        train(model, images, 100)
        rates.append(np.mean(model.encode(images) > 0))
    assert rates[1] < 0.5 * rates[0], rates


def test_the_activation_rate_reaches_the_target(images):
    model = make(keras_ae.sparsity.KLSparsity(rate=0.1, weight=20.0))
    assert np.mean(model.encode(images)) == pytest.approx(0.5, abs=0.1)
    train(model, images, 300)
    np.testing.assert_allclose(np.mean(model.encode(images), axis=0), 0.1, atol=0.04)


def test_a_keras_loss_is_refused():
    with pytest.raises(ValueError, match="likelihood='gaussian'.*Received: loss='mse'"):
        make("l1").compile(loss="mse")


def test_the_sparsity_is_saved(images, tmp_path):
    model = make(keras_ae.sparsity.KLSparsity(rate=0.2))
    model.save_to_preset(tmp_path / "mine")
    loaded = keras_ae.load(tmp_path / "mine")
    assert loaded.sparsity.get_config()["rate"] == 0.2
    np.testing.assert_allclose(loaded.encode(images), model.encode(images), rtol=1e-5)


def test_exactly_k_units_are_active_and_they_are_the_largest(images):
    model = keras_ae.KSparseAE((8, 8, 1), 100, widths=(), k=7)
    code, z = np.array(model.encoder(images)), np.array(model.encode(images))
    assert (np.count_nonzero(z, axis=1) == 7).all()
    for row, kept in zip(code, z, strict=True):
        expected = np.where(row >= np.sort(row)[-7], row, 0)
        np.testing.assert_array_equal(kept, expected)
    np.testing.assert_allclose(
        model.objective(images, images), -model.likelihood(z).log_prob(images), rtol=1e-6
    )
    model.compile(run_eagerly=True)
    model.fit(images, epochs=2, verbose=0)
    assert (np.count_nonzero(model.encode(images), axis=1) == 7).all()


def test_no_gradient_flows_through_a_silent_unit(images):
    model = keras_ae.KSparseAE((8, 8, 1), 100, widths=(), k=1)
    with tf.GradientTape() as tape:
        objective = model.objective(images[:1], images[:1])
    gradient = np.array(tape.gradient(objective, model.encoder.layers[-1].bias))
    assert np.flatnonzero(gradient).tolist() == [int(np.argmax(model.encoder(images[:1])))]


def test_a_k_sparse_model_may_be_loaded_with_a_larger_k(images, tmp_path):
    keras_ae.KSparseAE((8, 8, 1), 100, widths=(), k=7).save_to_preset(tmp_path / "mine")
    loaded = keras_ae.load(tmp_path / "mine", k=9)
    assert (np.count_nonzero(loaded.encode(images), axis=1) == 9).all()


def test_a_bad_k_is_refused():
    with pytest.raises(ValueError, match="`k` to be a positive integer. Received: k=0"):
        keras_ae.KSparseAE((8, 8, 1), 100, k=0)
