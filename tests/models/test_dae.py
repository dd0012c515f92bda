import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_ae


def make(**options):
    return keras_ae.DAE((8, 8, 1), 3, widths=(16,), **options)


def test_fit_and_evaluate_draw_new_noise_and_predict_adds_none(images):
    dae = make()
    # With a learning rate of 0, only the noise changes from epoch to epoch.
    dae.compile(keras.optimizers.SGD(0.0), metrics=["mse"], jit_compile=False)
    history = dae.fit(images, epochs=3, verbose=0, shuffle=False).history
    logs = [dae.evaluate(images, verbose=0, return_dict=True) for _ in range(3)]
    for losses in (history["loss"], [log["loss"] for log in logs], [log["mse"] for log in logs]):
        assert len(set(losses)) == 3
    np.testing.assert_array_equal(dae.predict(images, verbose=0), dae.predict(images, verbose=0))


def test_the_loss_explains_the_clean_image(images):
    dae, x = make(), np.tile(images, (200, 1, 1, 1))
    dae.compile(run_eagerly=True)
    loss = dae.evaluate(x, batch_size=len(x), verbose=0)
    log_prob = dae.likelihood(dae.encode(dae.corrupt(x, seed=0))).log_prob(x)
    clean = -np.reshape(log_prob, (200, 20)).mean(axis=1)
    assert loss == pytest.approx(np.mean(clean), abs=4 * np.std(clean) / np.sqrt(100))


def test_it_takes_pairs_of_noisy_and_clean_images(images):
    dae = make(corruption=keras_ae.corruption.GaussianCorruption(0.0))
    noisy = np.clip(images + 0.3, 0, 1)
    dae.compile(run_eagerly=True)
    expected = -dae.likelihood(dae.encode(noisy)).log_prob(images).numpy().mean()
    assert dae.evaluate(noisy, images, verbose=0) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("corruption", ["gaussian", "masking", "salt_and_pepper"])
def test_corrupt_is_reproducible_and_keeps_the_range(images, corruption):
    dae = make(corruption=corruption)
    np.testing.assert_array_equal(dae.corrupt(images, seed=1), dae.corrupt(images, seed=1))
    assert np.abs(dae.corrupt(images, seed=1) - dae.corrupt(images, seed=2)).max() > 0
    assert np.abs(dae.corrupt(images) - dae.corrupt(images)).max() > 0
    noisy = dae.corrupt((images * 255).astype("uint8"), seed=1).numpy()
    assert noisy.min() >= 0 and noisy.max() <= 1 and noisy.shape == images.shape


def test_vectors_are_not_clipped(vectors):
    dae = keras_ae.DAE((5,), 3, widths=())
    noise = dae.corrupt(vectors, seed=1) - vectors
    assert float(tf.math.reduce_std(noise)) == pytest.approx(0.5, rel=0.15)


def test_a_keras_layer_may_be_the_corruption(images):
    dae = make(corruption=keras.layers.GaussianNoise(0.5))
    assert np.abs(dae.corrupt(images) - images).max() > 0.1
    with pytest.raises(
        ValueError, match="Expected no `seed`, since GaussianNoise.*Received: seed=1"
    ):
        dae.corrupt(images, seed=1)


def test_compile_loss_mse_is_the_squared_error_with_noise(images):
    """L_DAE = mean (x - f(g(x_noisy)))^2 with noise; L_AE without noise."""
    dae, x = make(), np.tile(images, (100, 1, 1, 1))
    dae.compile(loss="mse", run_eagerly=True)
    expected = np.mean((dae.reconstruct(dae.corrupt(x, seed=0)) - x) ** 2)
    assert dae.evaluate(x, batch_size=len(x), verbose=0) == pytest.approx(expected, rel=1e-2)
    ae = keras_ae.AE((8, 8, 1), 3, widths=(16,))
    ae.compile(loss="mse", run_eagerly=True)
    assert ae.evaluate(images, verbose=0) == pytest.approx(
        np.mean((ae.reconstruct(images) - images) ** 2), rel=1e-5
    )
    ae.compile(run_eagerly=True)  # back to the objective of the model
    assert ae.evaluate(images, verbose=0) == pytest.approx(
        float(np.mean(ae.objective(images, images))), rel=1e-5
    )


def test_an_unknown_corruption_is_refused():
    with pytest.raises(
        ValueError,
        match="'gaussian', 'masking', 'salt_and_pepper', or a Keras layer. Received: 'blur'",
    ):
        make(corruption="blur")
