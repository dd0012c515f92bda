import keras
import numpy as np
import pytest
import tensorflow as tf
from eagerly import eagerly
from sklearn.decomposition import PCA

import keras_ae
from keras_ae import distributions


def make(steps=6, **options):
    return keras_ae.SequenceAE(
        **{"shape": (steps, 2), "latent_dim": 3, "widths": (8,), "mask_value": 0.0, **options}
    )


@pytest.fixture
def sequences():
    """A list of 12 sequences of 2 to 5 steps. Each step is two numbers."""
    rng = np.random.default_rng(0)
    return [rng.standard_normal((2 + i % 4, 2)).astype("float32") for i in range(12)]


def padded(sequences, steps, value=0.0):
    return keras.utils.pad_sequences(sequences, steps, "float32", "post", value=value)


def both_lengths(make, sequences, value=0.0):
    """The same model with 5 and with 9 steps, and the sequences padded to each length."""
    short, long = make(5), make(9)
    long.set_weights(short.get_weights())
    return (short, padded(sequences, 5, value)), (long, padded(sequences, 9, value))


@pytest.mark.parametrize(
    "options",
    [{"network": "gru"}, {"network": "lstm", "widths": (8, 6), "mask_value": -0.1}],
    ids=str,
)
def test_padding_never_counts(options, sequences):
    """The code, the objective and its gradient are the same with padding to 5 steps and to 9."""
    found, value = [], options.get("mask_value", 0.0)
    for model, x in both_lengths(lambda steps: make(steps, **options), sequences, value):
        with tf.GradientTape() as tape:
            objective = model.objective(tf.constant(x), tf.constant(x))
        gradients = tape.gradient(objective, model.trainable_variables)
        found.append((model.encode(x), objective, *gradients))
    for one, other in zip(*found, strict=True):
        assert np.abs(one).max() > 0
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_padding_never_counts_in_half_precision(sequences):
    """A step that bfloat16 rounds to the value of padding is not padding."""
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        pairs = both_lengths(lambda steps: make(steps, mask_value=1.0), sequences, 1.0)
        (short, x), (long, longer) = pairs
        np.testing.assert_allclose(short.encode(x), long.encode(longer), atol=1e-5)
        np.testing.assert_allclose(short.objective(x, x), long.objective(longer, longer), rtol=1e-4)
        close = np.full((1, 5, 2), 1.001, "float32")
        assert np.any(np.array(short.encode(close)) != short.encode(np.ones((1, 5, 2), "float32")))
    finally:
        keras.config.set_dtype_policy("float32")


def test_the_objective_is_the_sum_over_the_real_steps(sequences):
    model, x = make(likelihood=distributions.Gaussian(0.5)), padded(sequences, 6)
    mean = np.array(model.decode(model.encode(x)))
    expected = [
        np.sum(0.5 * ((s - m[: len(s)]) / 0.5) ** 2 + np.log(0.5 * np.sqrt(2 * np.pi)))
        for s, m in zip(sequences, mean, strict=True)
    ]
    np.testing.assert_allclose(model.objective(x, x), expected, rtol=1e-4)


@pytest.mark.parametrize("loss", [None, "mse"])
def test_losses_and_metrics_leave_padding_out(loss, sequences):
    """A metric is a mean over the real steps of all examples.

    With a loss given to compile, all examples weigh the same.
    """
    model, x, weights = make(), padded(sequences, 6), np.arange(12.0, dtype="float32")
    model.compile(loss=loss, metrics=["mse"], weighted_metrics=["mae"], run_eagerly=True)
    pairs = zip(sequences, model.predict(x, verbose=0), strict=True)
    differences = [s - r[: len(s)] for s, r in pairs]
    logs = model.evaluate(x, sample_weight=weights, batch_size=5, return_dict=True, verbose=0)
    assert logs["mse"] == pytest.approx(np.mean(np.concatenate(differences) ** 2), rel=1e-5)
    errors, counts = np.array([(np.abs(d).sum(), d.size) for d in differences]).T
    mean_error = (weights * errors).sum() / (weights * counts).sum()
    assert logs["mae"] == pytest.approx(mean_error, rel=1e-5)
    if loss == "mse":
        squares = [np.mean(d**2) for d in differences]
        assert logs["loss"] == pytest.approx(np.mean(weights * squares), rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    "loss, elsewhere", [(None, "XLA"), (None, "replicas"), ("mse", "replicas")]
)
def test_xla_and_replicas_train_alike(loss, elsewhere, sequences, two_replicas):
    x, results = padded(sequences, 6), []
    for there in (None, elsewhere):
        keras.utils.set_random_seed(1)
        with (two_replicas if there == "replicas" else tf.distribute.get_strategy()).scope():
            model = make()
            model.compile(
                keras.optimizers.SGD(0.01), loss, metrics=["mse"], jit_compile=there == "XLA"
            )
        history = model.fit(x, batch_size=5, epochs=2, shuffle=False, verbose=0).history
        results.append((history["loss"], history["mse"], model.reconstruct(x)))
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_padding_comes_back_as_padding(sequences):
    model, x = make(mask_value=-7.0), padded(sequences, 6, -7.0)
    reconstruction = model.predict(x, verbose=0)
    for sequence, steps in zip(sequences, reconstruction, strict=True):
        assert (steps[: len(sequence)] != -7).all() and (steps[len(sequence) :] == -7).all()
    assert (np.array(model.decode(model.encode(x))) != -7).all()


@pytest.mark.parametrize(
    "likelihood",
    [
        "bernoulli",
        pytest.param("continuous_bernoulli", marks=pytest.mark.slow),
        "discretized_logistic_mixture",
    ],
)
def test_padding_may_lie_outside_the_support(likelihood):
    """Rows of digits, for likelihoods on [0, 1]. Padding is -1, so black rows are not padding."""
    (x, _), _ = keras_ae.datasets.load("digits")
    x = x[:40, ..., 0] / np.float32(255)
    x[::2, 5:] = -1
    model = keras_ae.SequenceAE((8, 8), 4, widths=(8,), likelihood=likelihood, mask_value=-1)
    model.compile(run_eagerly=True)
    history = model.fit(x, validation_data=x, batch_size=40, verbose=0).history
    assert np.isfinite(history["val_loss"]).all()
    assert all(np.isfinite(w).all() for w in model.get_weights())
    assert (model.predict(x, verbose=0)[::2, 5:] == -1).all()
    x[0, 0, 0] = -1  # only one value of this step, so it is not padding
    calls = model.encode, model.fit, lambda x: model.fit(x[1:], validation_data=x, verbose=0)
    for call in calls:
        with pytest.raises(ValueError, match=r"\[0.0, 1.0\].*from -1 to"):
            call(x)


def test_without_a_mask_value_every_step_counts():
    """Black rows count too."""
    model, x = make(mask_value=None), np.zeros((3, 6, 2), "float32")
    model.set_weights([w + 0.1 for w in model.get_weights()])
    loc = np.array(model.decoder(model.encode(x)))
    expected = np.sum(0.5 * loc**2 + 0.5 * np.log(2 * np.pi), axis=(1, 2))
    np.testing.assert_allclose(model.objective(x, x), expected, rtol=1e-5)
    assert np.abs(model.reconstruct(x)).min() > 0 and np.all(model.is_real(x))


def test_steps_may_be_images():
    """A frame is padding if all its values equal mask_value. Metrics leave it out too."""
    x = np.random.default_rng(0).random((6, 4, 3, 2), dtype="float32")
    x[:3, 2:] = 0
    model = keras_ae.SequenceAE((4, 3, 2), 3, widths=(8,), mask_value=0.0)
    model.compile(loss="mse", metrics=["mse"], run_eagerly=True)
    logs = model.evaluate(x, return_dict=True, verbose=0)
    errors = (model.predict(x, verbose=0) - x) ** 2
    assert logs["mse"] == pytest.approx((errors.sum() / (3 * 12 + 3 * 24)), rel=1e-5)
    of_examples = [*errors[:3, :2].mean(axis=(1, 2, 3)), *errors[3:].mean(axis=(1, 2, 3))]
    assert logs["loss"] == pytest.approx(np.mean(of_examples), rel=1e-5)


@eagerly()
def test_a_vae_of_padded_sequences(sequences, tmp_path):
    """Padding changes neither q(z|x) nor the ELBO of a VAE with a recurrent network and Masked."""

    def vae(steps):
        likelihood = distributions.Masked(distributions.Gaussian("trainable"), -3.0)
        return keras_ae.VAE((steps, 2), 3, network="lstm", widths=(8, 4), likelihood=likelihood)

    (short, x), (long, longer) = both_lengths(vae, sequences, -3.0)
    np.testing.assert_allclose(short.elbo(x, seed=1), long.elbo(longer, seed=1), rtol=1e-4)
    np.testing.assert_allclose(
        short.posterior(x).stddev(), long.posterior(longer).stddev(), rtol=1e-4
    )
    short.compile(run_eagerly=True)
    short.fit(x, verbose=0)
    short.save_to_preset(tmp_path / "mine")
    loaded = keras_ae.load(tmp_path / "mine")
    np.testing.assert_allclose(loaded.predict(x, verbose=0), short.predict(x, verbose=0), atol=1e-6)
    np.testing.assert_allclose(loaded.elbo(x, seed=2), short.elbo(x, seed=2), rtol=1e-5)


def test_a_preset_keeps_the_mask_value(sequences, tmp_path):
    model = make(mask_value=-7.0, likelihood=distributions.Gaussian(0.5))
    x = padded(sequences, 6, -7.0)
    model.save_to_preset(tmp_path / "mine")
    loaded = keras_ae.load(tmp_path / "mine")
    np.testing.assert_allclose(loaded.reconstruct(x), model.reconstruct(x), atol=1e-6)
    np.testing.assert_allclose(loaded.objective(x, x), model.objective(x, x), rtol=1e-5)


def test_a_vector_is_a_sequence_of_numbers(vectors):
    """With two parameters per value, the decoder returns all locs first, then all scales."""
    likelihood = distributions.Gaussian("predicted")
    model = keras_ae.SequenceAE((5,), 2, widths=(8,), likelihood=likelihood)
    params = np.array(model.decoder(model.encode(vectors)))
    assert params.shape == (40, 10)
    np.testing.assert_allclose(model.decode(model.encode(vectors)), params[:, :5], rtol=1e-5)


@pytest.mark.slow
def test_it_reconstructs_sequences_better_than_pca():
    """Two slopes and a length describe each straight line, but the lines are not linear in them."""
    rng = np.random.default_rng(0)
    lines = [
        np.arange(1, rng.integers(4, 11))[:, None] * rng.uniform(-0.3, 0.3, 2) + 0.5
        for _ in range(1500)
    ]
    x = padded([line.astype("float32") for line in lines], 10)
    model = make(10, widths=(32,), likelihood=distributions.Gaussian(0.1))
    model.compile(keras.optimizers.Adam(5e-3))
    assert "a recurrent network" in model.training_plan
    model.fit(x[:1000], batch_size=50, epochs=40, verbose=0)
    real = (x[1000:] != 0).any(axis=-1)
    pca = PCA(3).fit(x[:1000].reshape(1000, -1))
    linear = pca.inverse_transform(pca.transform(x[1000:].reshape(500, -1))).reshape(500, 10, 2)
    both = model.predict(x[1000:], verbose=0), linear
    error, linear_error = (np.mean((y - x[1000:])[real] ** 2) for y in both)
    assert error < 0.5 * linear_error


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mask_value": "0"}, "Received: mask_value='0'"),
        ({"mask_value": float("nan")}, "finite number. Received: mask_value=nan"),
        ({"widths": ()}, r"at least one width.*Received: widths=\(\)"),
        ({"activation": "glu"}, "activation='glu'"),
        (
            {"network": "dense"},
            "'gru', 'lstm', which skip padding.*Received: network='dense', mask_value=0.0",
        ),
        ({"shape": (6,)}, r"shape=\(steps, features\).*Received: shape=\(6,\), mask_value=0.0"),
    ],
)
def test_bad_arguments_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        make(**options)


def reconstructed_by_pca(x, held_out, padding):
    """PCA with as many components as a code has numbers, for comparison.

    Padding is replaced by the mean of the real values at that step.
    """

    def filled(x):
        return np.where((x == padding).all(axis=-1, keepdims=True), mean, x).reshape(len(x), -1)

    real = (x != padding).any(axis=-1, keepdims=True)
    mean = np.mean(x, axis=0, where=real)
    pca = PCA(6).fit(filled(x))
    return pca.inverse_transform(pca.transform(filled(held_out))).reshape(held_out.shape)


@pytest.mark.full_data
def test_it_reconstructs_strokes_of_other_people_better_than_pca():
    """Omniglot, with six numbers per drawing."""
    (x, _), (held_out, _) = keras_ae.datasets.load("omniglot_strokes")
    model = keras_ae.SequenceAE(
        (48, 3), 6, widths=(64,), likelihood=distributions.Gaussian(0.1), mask_value=-1
    )
    model.compile(keras.optimizers.Adam(5e-3, global_clipnorm=100.0))
    model.fit(x, batch_size=64, epochs=8, verbose=0)
    real = (held_out != -1).any(axis=-1)
    reconstructions = model.predict(held_out, verbose=0), reconstructed_by_pca(x, held_out, -1)
    error, linear_error = (np.mean((y - held_out)[real] ** 2) for y in reconstructions)
    assert error < linear_error
