"""Missing values: the mathematics against exact answers, then what a user sees."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from eagerly import eagerly
from linear import linear_vae
from scipy import stats

import keras_ae
from keras_ae import distributions

SCALE = 0.7
THERE = np.array([True, False, True, True, False])


def linear_model():
    """A linear Gaussian VAE of incomplete rows, and the exact mean and covariance of x."""
    vae = keras_ae.VAE(
        (5,), 2, widths=(), likelihood=distributions.Gaussian(SCALE), posterior="full", missing=True
    )
    complete, exact = linear_vae("full", scale=SCALE)
    vae.decoder.set_weights(complete.decoder.get_weights())
    return vae, exact


def set_exact_posterior(vae, widened=1.0):
    """Sets the encoder to the true posterior given the columns `THERE`, or to a wider one."""
    weights, bias = (w.astype("float64") for w in vae.decoder.get_weights())
    w = weights[:, THERE]
    covariance = np.linalg.inv(np.eye(2) + w @ w.T / SCALE**2)
    chol = np.linalg.cholesky(covariance) * widened
    kernel, offset = np.zeros((10, vae.posterior_layer.params_size(2))), None
    kernel[:5, :2][THERE] = w.T @ covariance / SCALE**2
    offset = np.zeros(kernel.shape[1])
    offset[:2] = -bias @ kernel[:5, :2]
    offset[2:4] = np.log(np.expm1(np.diag(chol) - distributions.base.SMALLEST_SCALE))
    offset[4:] = chol[1, 0] * np.sqrt(2)
    vae.encoder.set_weights([kernel, offset])


def conditional(exact, x):
    """The exact mean (n, missing) and covariance of the missing columns, given the others."""
    mean, covariance = exact.mean, exact.cov
    between = covariance[np.ix_(~THERE, THERE)] @ np.linalg.inv(covariance[np.ix_(THERE, THERE)])
    means = mean[~THERE] + (x[:, THERE] - mean[THERE]) @ between.T
    return means, covariance[np.ix_(~THERE, ~THERE)] - between @ covariance[np.ix_(THERE, ~THERE)]


def rows(exact, n=4):
    x = exact.rvs(n, random_state=1).astype("float32")
    return x, np.where(THERE, x, np.nan).astype("float32")


def test_imputation_is_exact_with_the_true_posterior():
    vae, exact = linear_model()
    set_exact_posterior(vae)
    x, holes = rows(exact)
    mean, covariance = conditional(exact, x)
    filled = vae.impute(holes, n_samples=4000, seed=0).numpy()
    np.testing.assert_array_equal(filled[:, THERE], x[:, THERE])
    np.testing.assert_allclose(filled[:, ~THERE], mean, atol=0.05)
    draws = vae.impute(holes, draws=4000, n_samples=4000, seed=0).numpy()[..., ~THERE]
    for i in range(len(x)):
        np.testing.assert_allclose(np.cov(draws[:, i].T), covariance, atol=0.12)
        np.testing.assert_allclose(draws[:, i].mean(axis=0), mean[i], atol=0.1)


def test_importance_weights_correct_a_wrong_posterior():
    vae, exact = linear_model()
    set_exact_posterior(vae, widened=1.6)
    kernel, offset = vae.encoder.get_weights()
    vae.encoder.set_weights([kernel, offset + np.array([0.3, -0.3, 0, 0, 0])])
    x, holes = rows(exact)
    mean, covariance = conditional(exact, x)
    filled = vae.impute(holes, n_samples=20_000, seed=0).numpy()
    np.testing.assert_allclose(filled[:, ~THERE], mean, atol=0.08)
    draws = vae.impute(holes, draws=5000, n_samples=20_000, seed=0).numpy()[..., ~THERE]
    np.testing.assert_allclose(np.cov(draws[:, 0].T), covariance, atol=0.15)


def test_the_bounds_are_those_of_the_observed_columns():
    vae, exact = linear_model()
    set_exact_posterior(vae)
    x, holes = rows(exact)
    marginal = stats.multivariate_normal(exact.mean[THERE], exact.cov[np.ix_(THERE, THERE)])
    expected = marginal.logpdf(x[:, THERE])
    np.testing.assert_allclose(vae.log_likelihood(holes, 3, seed=0), expected, rtol=1e-4)
    np.testing.assert_allclose(vae.elbo(holes, 2000, seed=0), expected, atol=0.15)


def test_an_empty_row_gets_the_mean_of_x():
    vae, exact = linear_model()
    weights, bias = vae.encoder.get_weights()
    vae.encoder.set_weights([0 * weights, np.array([0, 0, np.log(np.e - 1), np.log(np.e - 1), 0])])
    filled = vae.impute(np.full((1, 5), np.nan), n_samples=20_000, seed=0)
    np.testing.assert_allclose(filled, exact.mean[None], atol=0.05)


def small_vae(**options):
    return keras_ae.VAE((5,), 2, widths=(8,), missing=True, **options)


def with_holes(x, share=0.3):
    holes = np.array(x, "float32")
    holes[np.random.default_rng(0).random(holes.shape) < share] = np.nan
    return holes


@pytest.mark.parametrize("objective", ["elbo", "iwae"])
def test_training_works_with_holes(objective, vectors):
    """Under XLA, on arrays and in evaluate and predict; every weight gets a finite gradient."""
    vae, x = small_vae(objective=objective), with_holes(vectors)
    before = [w.numpy() for w in vae.trainable_variables]
    history = vae.fit(x, epochs=2, validation_data=x, batch_size=16, verbose=0).history
    assert vae.jit_compile and np.isfinite([*history["loss"], *history["val_loss"]]).all()
    for old, new in zip(before, vae.trainable_variables, strict=True):
        assert np.isfinite(new.numpy()).all() and not np.array_equal(old, new.numpy())
    assert np.isfinite(vae.evaluate(x, verbose=0)).all()
    assert np.isfinite(vae.predict(x, verbose=0)).all()


@eagerly()
def test_verbs_take_holes(vectors):
    vae, x = small_vae(), with_holes(vectors)
    for result in (vae.encode(x), vae.encode(x, sample=True), vae.reconstruct(x), vae.elbo(x)):
        assert np.isfinite(result).all()
    filled = vae.impute(x, n_samples=60, batch_size=7, seed=1)
    np.testing.assert_array_equal(filled, vae.impute(x, n_samples=60, batch_size=7, seed=1))
    np.testing.assert_array_equal(filled[~np.isnan(x)], x[~np.isnan(x)])
    draws = vae.impute(x, draws=60, n_samples=60, batch_size=7, seed=1).numpy()
    assert draws.shape == (60, 40, 5) and np.isfinite(draws).all()
    assert (draws.std(axis=0)[np.isnan(x)] > 0.5).all()  # the scale of the likelihood is 1
    np.testing.assert_array_equal(vae.impute(vectors, n_samples=2), vectors)


@eagerly()
@pytest.mark.parametrize(
    "network, likelihood",
    [
        ("conv", "bernoulli"),
        ("dense", "discretized_logistic_mixture"),
        ("dense", "continuous_bernoulli"),
    ],
)
def test_images(network, likelihood, images):
    vae = keras_ae.VAE(
        (8, 8, 1), 2, network, widths=(4,), likelihood=likelihood, missing=True, objective="iwae"
    )
    x = with_holes(images)
    assert np.isfinite(vae.fit(x, epochs=1, verbose=0).history["loss"]).all()
    filled = vae.impute(x, n_samples=5)
    assert np.isfinite(filled).all() and filled.shape == x.shape
    assert vae.encoder.input_shape == (None, 8, 8, 2)
    with pytest.raises(ValueError, match=r"lie in \[0.0, 1.0\]"):
        vae.impute(x - 1)


@eagerly()
@pytest.mark.parametrize("cls", [keras_ae.VAE, keras_ae.HVAE, keras_ae.ConditionalVAE])
def test_it_comes_back_from_a_file_and_a_preset(cls, vectors, tmp_path):
    x = with_holes(vectors)
    model = cls((5,), (2, 2) if cls is keras_ae.HVAE else 2, widths=(8,), missing=True)
    assert model.missing and not keras_ae.VAE((5,), 2, widths=(8,)).missing
    model.save(tmp_path / "model.keras")
    model.save_to_preset(tmp_path / "mine")
    for loaded in (
        keras.saving.load_model(tmp_path / "model.keras"),
        keras_ae.load(str(tmp_path / "mine")),
    ):
        assert loaded.missing
        np.testing.assert_array_equal(
            loaded.impute(x, n_samples=4, seed=0), model.impute(x, n_samples=4, seed=0)
        )


@eagerly()
def test_metrics_do_not_count_what_is_missing(vectors):
    vae, x = small_vae(), with_holes(vectors)
    vae.compile(metrics=["mse"])
    logs = vae.evaluate(x, verbose=0, return_dict=True)
    errors = np.where(np.isnan(x), 0, (vae.reconstruct(x).numpy() - x) ** 2)
    assert logs["mse"] == pytest.approx(errors.mean(), rel=1e-4)


def test_without_missing_nan_is_an_error(vectors):
    vae = keras_ae.VAE((5,), 2, widths=(8,))
    with pytest.raises(ValueError, match="NaN values"):
        vae.encode(with_holes(vectors))
    with pytest.raises(ValueError, match="Expected a model made with missing=True"):
        vae.impute(vectors)


@pytest.mark.parametrize(
    "x, options, message",
    [
        (np.full((2, 5), np.inf), {}, "lie in"),
        (np.zeros((2, 4)), {}, "shape"),
        (np.zeros((2, 5)), {"draws": 0}, "Expected `draws`"),
        (np.zeros((2, 5)), {"n_samples": 0}, "Expected `n_samples`"),
        (np.zeros((2, 5)), {"batch_size": -1}, "Expected `batch_size`"),
    ],
    ids=["inf", "shape", "draws", "n_samples", "batch_size"],
)
def test_bad_input_is_an_error(x, options, message):
    with pytest.raises(ValueError, match=message):
        small_vae().impute(x, **options)


def test_other_classes_say_what_to_use():
    observed = distributions.Observed(distributions.Gaussian())
    with pytest.raises(ValueError, match=r"VAE\(..., missing=True\)"):
        keras_ae.AE((5,), 2, widths=(), likelihood=observed)


@pytest.mark.parametrize("name", ["bernoulli", "gaussian", "continuous_bernoulli"])
def test_the_density_leaves_out_what_is_missing(name):
    """It is the sum over what is there. Gradients are finite, and zero for missing values."""
    layer = distributions.get(distributions.Likelihood, name)
    params = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    x = np.random.default_rng(1).random((3, 4)).astype("float32")
    there = np.array([[1, 1, 1, 1], [1, 0, 1, 0], [0, 0, 0, 0]], bool)
    expected = [
        layer(row[None, mask]).log_prob(values[None, mask])[0] if mask.any() else 0.0
        for row, values, mask in zip(params, x, there, strict=True)
    ]
    params = tf.constant(params)
    with tf.GradientTape() as tape:
        tape.watch(params)
        observed = distributions.Observed(layer)(params)
        log_prob = observed.log_prob(np.where(there, x, np.nan).astype("float32"))
    np.testing.assert_allclose(log_prob, expected, atol=1e-5)
    gradient = tape.gradient(log_prob, params).numpy()
    assert np.isfinite(gradient).all() and (gradient[~there] == 0).all()
    assert (gradient[there] != 0).all()


def test_padding_and_missing_values_do_not_mix():
    with pytest.raises(ValueError, match="no padding"):
        distributions.Observed(distributions.Masked(distributions.Gaussian()))
    with pytest.raises(ValueError, match="Expected `likelihood` to be a likelihood layer"):
        distributions.Observed("gaussian")
