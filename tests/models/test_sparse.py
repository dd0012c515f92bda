import numpy as np
import pytest

import keras_ae


def make(sparsity, **options):
    return keras_ae.SparseAE((8, 8, 1), 100, widths=(), sparsity=sparsity, **options)


def test_the_objective_is_the_likelihood_and_the_penalty(images):
    model = make(keras_ae.sparsity.L1Sparsity(2.0))
    z = model.encode(images)
    expected = -model.likelihood(z).log_prob(images) + 2 * np.abs(z).sum(axis=1)
    np.testing.assert_allclose(model.objective(images, images), expected, rtol=1e-5)
    logs = model.evaluate(images, verbose=0, return_dict=True)
    assert logs["loss"] == pytest.approx(logs["reconstruction"] + logs["penalty"], rel=1e-5)
    assert logs["penalty"] == pytest.approx(2 * np.abs(z).sum(axis=1).mean(), rel=1e-4)


def test_the_penalty_silences_units(images):
    rates = []
    for weight in (0.0, 1.0):
        model = make(keras_ae.sparsity.L1Sparsity(weight))
        model.fit(images, epochs=100, verbose=0)
        rates.append(np.mean(model.encode(images) > 0))
    assert rates[1] < 0.5 * rates[0], rates


def test_the_activation_rate_reaches_the_target(images):
    model = make(keras_ae.sparsity.KLSparsity(rate=0.1, weight=20.0))
    assert np.mean(model.encode(images)) == pytest.approx(0.5, abs=0.1)
    model.fit(images, epochs=300, verbose=0)
    np.testing.assert_allclose(np.mean(model.encode(images), axis=0), 0.1, atol=0.04)


def test_another_loss_is_refused():
    with pytest.raises(ValueError, match="likelihood='gaussian'.*Received: loss='mse'"):
        make("l1").compile(loss="mse")


def test_the_sparsity_is_saved(images, tmp_path):
    model = make(keras_ae.sparsity.KLSparsity(rate=0.2))
    model.save_to_preset(tmp_path / "mine")
    loaded = keras_ae.load(tmp_path / "mine")
    assert loaded.sparsity.get_config()["rate"] == 0.2
    np.testing.assert_allclose(loaded.encode(images), model.encode(images), rtol=1e-5)
