"""Tests for every prior that has a name.

A new prior is tested too, as soon as it has a line in distributions.NAMES.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from eagerly import eagerly

import keras_ae
from keras_ae import distributions

every_prior = pytest.mark.parametrize("name", distributions.NAMES[distributions.Prior])


def model_with(name):
    keras.utils.set_random_seed(0)
    vae = keras_ae.VAE((6,), 2, widths=(8,), likelihood="gaussian", prior=name)
    vae.compile("sgd", run_eagerly=True)
    return vae


@every_prior
def test_it_is_one_distribution_over_codes(name):
    prior = model_with(name).prior
    assert (prior.batch_shape, prior.event_shape) == ((), (2,))
    z = prior.sample(5, seed=1)
    assert (z.shape, prior.log_prob(z).shape) == ((5, 2), (5,))


@every_prior
def test_its_density_integrates_to_one(name):
    prior = model_with(name).prior
    points = np.linspace(-8, 8, 161)
    z = np.stack(np.meshgrid(points, points), axis=-1).reshape(-1, 2).astype("float32")
    density = np.exp(prior.log_prob(z))
    assert density.sum() * (points[1] - points[0]) ** 2 == pytest.approx(1, abs=0.01)


@every_prior
def test_all_its_weights_train(name):
    vae = model_with(name)
    with tf.GradientTape() as tape:
        log_prob = tf.reduce_sum(vae.prior.log_prob(tf.constant([[0.3, -0.4], [1.0, 0.2]])))
    weights = vae.prior_layer.trainable_variables
    gradients = tape.gradient(log_prob, [weight.value for weight in weights])
    assert all(gradient is not None for gradient in gradients)


@every_prior
@eagerly()
def test_a_vae_with_it_trains_and_comes_back(name, tmp_path):
    x = np.random.default_rng(0).normal(size=(16, 6)).astype("float32")
    vae = model_with(name)
    history = vae.fit(x, batch_size=8, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    vae.save(tmp_path / "vae.keras")
    loaded = keras.models.load_model(tmp_path / "vae.keras")
    z = np.array([[0.3, -0.4], [1.0, 0.2]], "float32")
    np.testing.assert_array_equal(loaded.prior.log_prob(z), vae.prior.log_prob(z))
