import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.decomposition import PCA

import keras_ae
from keras_ae import distributions


def make(steps=6, **options):
    return keras_ae.SequenceAE(**{"shape": (steps, 2), "latent_dim": 3, "widths": (8,), **options})


@pytest.fixture
def sequences():
    """12 sequences of 2 to 5 steps of two numbers, a list."""
    rng = np.random.default_rng(0)
    return [rng.standard_normal((2 + i % 4, 2)).astype("float32") for i in range(12)]


def padded(sequences, steps, value=0.0):
    return keras.utils.pad_sequences(sequences, steps, "float32", "post", value=value)


@pytest.mark.parametrize("network", ["gru", "lstm"])
def test_padding_never_counts(sequences, network):
    """Neither in the code, nor in the objective, nor in its gradient: padded to 5 steps or to 9, they are the same."""
    short, long = make(5, network=network), make(9, network=network)
    long.set_weights(short.get_weights())
    found = []
    for model, x in ((short, padded(sequences, 5)), (long, padded(sequences, 9))):
        with tf.GradientTape() as tape:
            objective = model.objective(tf.constant(x), tf.constant(x))
        gradients = tape.gradient(objective, model.trainable_variables)
        found.append((model.encode(x), objective, *gradients))
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_the_objective_is_the_sum_over_the_real_steps(sequences):
    model, x = make(likelihood=distributions.Gaussian(0.5)), padded(sequences, 6)
    mean = np.array(model.decode(model.encode(x)))
    expected = [
        sum(0.5 * ((s[t] - mean[i, t]) / 0.5) ** 2 + np.log(0.5 * np.sqrt(2 * np.pi)) for t in range(len(s))).sum()
        for i, s in enumerate(sequences)
    ]
    np.testing.assert_allclose(model.objective(x, x), expected, rtol=1e-4)


def test_padding_comes_back_as_padding(sequences):
    model, x = make(mask_value=-7.0), padded(sequences, 6, -7.0)
    reconstruction = model.predict(x, verbose=0)
    for sequence, steps in zip(sequences, reconstruction, strict=True):
        assert (steps[: len(sequence)] != -7).all() and (steps[len(sequence) :] == -7).all()
    assert (np.array(model.decode(model.encode(x))) != -7).all()


def test_padding_may_lie_outside_the_support():
    """Rows of digits, where black is no padding: of a likelihood for [0, 1], with -1 after the last row."""
    (x, _), _ = keras_ae.datasets.load("digits")
    x = x[:40, ..., 0] / np.float32(255 if x.dtype == np.uint8 else 1)
    x[::2, 5:] = -1
    model = keras_ae.SequenceAE((8, 8), 4, widths=(8,), likelihood="bernoulli", mask_value=-1.0)
    history = model.fit(x, validation_data=x, epochs=2, verbose=0).history
    assert np.isfinite(history["val_loss"]).all()
    assert (model.predict(x, verbose=0)[::2, 5:] == -1).all()
    with pytest.raises(ValueError, match=r"\[0.0, 1.0\].*from -1 to"):
        keras_ae.SequenceAE((8, 8), 4, likelihood="bernoulli").fit(x)
    x[0, 0, 0] = -1  # one value of a step is no padding
    with pytest.raises(ValueError, match="from -1 to"):
        model.encode(x)


def test_without_a_mask_value_every_step_counts():
    model, x = make(mask_value=None), np.zeros((3, 6, 2), "float32")
    expected = -model.likelihood(model.encode(x)).log_prob(x)
    np.testing.assert_allclose(model.objective(x, x), expected, rtol=1e-5)


def test_a_sequence_is_remembered_better_than_by_pca():
    """Straight lines of any length and direction: two numbers and a length say all, but not linearly."""
    rng = np.random.default_rng(0)
    lines = [np.arange(1, rng.integers(4, 11))[:, None] * rng.uniform(-0.3, 0.3, 2) + 0.5 for _ in range(1500)]
    x = padded([line.astype("float32") for line in lines], 10)
    model = keras_ae.SequenceAE((10, 2), 3, widths=(32,), likelihood=distributions.Gaussian(0.1))
    model.compile(keras.optimizers.Adam(5e-3))
    model.fit(x[:1000], batch_size=50, epochs=40, verbose=0)
    real = (x[1000:] != 0).any(axis=-1)
    pca = PCA(3).fit(x[:1000].reshape(1000, -1))
    linear = pca.inverse_transform(pca.transform(x[1000:].reshape(500, -1))).reshape(500, 10, 2)
    error, linear_error = (np.mean((y - x[1000:])[real] ** 2) for y in (model.predict(x[1000:], verbose=0), linear))
    assert error < 0.5 * linear_error


@pytest.mark.parametrize("cls", [keras_ae.AE, keras_ae.VAE])
def test_recurrent_networks_serve_every_model(cls, sequences, tmp_path):
    model, x = cls((6, 2), 3, network="lstm", widths=(8, 4)), padded(sequences, 6)
    model.fit(x, epochs=2, verbose=0)
    model.save_to_preset(tmp_path / "mine")
    np.testing.assert_allclose(keras_ae.load(tmp_path / "mine").predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-5)


def test_a_preset_keeps_the_mask_value(sequences, tmp_path):
    model, x = make(mask_value=-7.0), padded(sequences, 6, -7.0)
    model.save_to_preset(tmp_path / "mine")
    np.testing.assert_allclose(keras_ae.load(tmp_path / "mine").predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-5)


def test_a_vector_is_a_sequence_of_numbers(vectors):
    """Of a likelihood with two parameters a value, the locs come first, then the scales."""
    model = keras_ae.SequenceAE((5,), 2, widths=(8,), likelihood=distributions.Gaussian("predicted"))
    params = np.array(model.decoder(model.encode(vectors)))
    assert params.shape == (40, 10)
    np.testing.assert_allclose(model.decode(model.encode(vectors)), params[:, :5], rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"mask_value": "0"}, "Received: mask_value='0'"), ({"widths": ()}, r"at least one width.*Received: widths=\(\)")],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        make(**options)
