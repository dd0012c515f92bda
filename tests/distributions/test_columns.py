import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

import keras_ae
from keras_ae.distributions import Columns

COLUMNS = [
    ("categorical", 3),
    "gaussian",
    ("negative_binomial", 50.0),
    ("poisson", 2.0),
    "log_normal",
    ("categorical", 2),
    "gaussian",
    ("categorical", 1),
]
WIDTH = 11
PLACES = [0, 3, 4, 5, 6, 7, 9, 10]  # of the first value of each column


@pytest.fixture
def likelihood():
    return Columns(COLUMNS)


@pytest.fixture
def params(likelihood):
    size = likelihood.params_size(WIDTH)
    return np.random.default_rng(0).normal(size=(5, size)).astype("float32")


def positive(raw):
    return np.logaddexp(0, raw)


def by_scipy(params, x):
    """The log-probability of each column: parameters of each family stand after each other."""
    three, loc, raw, nb, r, poisson, log_loc, log_raw, two, _ = np.split(
        params.astype("float64"), [3, 5, 7, 8, 9, 10, 11, 12, 14], axis=1
    )

    def one_hot(logits, block):
        logits = logits - logits.max(axis=1, keepdims=True)
        return np.sum(block * (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))), axis=1)

    def gaussian(i, values):
        return scipy.stats.norm(loc[:, i], positive(raw[:, i]) + 0.01).logpdf(values)

    mean, r = 50 * positive(nb[:, 0]), np.exp(r[:, 0])
    counts = scipy.stats.nbinom(r, r / (r + mean))
    scale = positive(log_raw[:, 0]) + 0.01
    return np.stack(
        [
            one_hot(three, x[:, 0:3]),
            gaussian(0, x[:, 3]),
            counts.logpmf(np.round(50 * x[:, 4])),
            scipy.stats.poisson(2 * positive(poisson[:, 0])).logpmf(np.round(2 * x[:, 5])),
            scipy.stats.lognorm(scale, scale=np.exp(log_loc[:, 0])).logpdf(x[:, 6]),
            one_hot(two, x[:, 7:9]),
            gaussian(1, x[:, 9]),
            np.zeros(len(x)),
        ],
        axis=1,
    )


def test_densities_are_those_of_scipy(likelihood, params):
    p = likelihood(params)
    x = p.sample(seed=1)
    expected = by_scipy(params, x.numpy().astype("float64"))
    np.testing.assert_allclose(p.log_prob(x), expected.sum(axis=1), rtol=1e-3, atol=1e-3)
    values = p.log_prob_of_values(x).numpy()
    np.testing.assert_allclose(values[:, PLACES], expected, rtol=1e-3, atol=1e-3)
    rest = np.delete(values, PLACES, axis=1)
    assert rest.shape == (5, 3) and not rest.any()


def test_means_and_variances_are_those_of_draws(likelihood, params):
    p = likelihood(0.3 * params)
    draws = p.sample(20_000, seed=2).numpy()
    error = draws.std(axis=0) / np.sqrt(len(draws))
    assert np.all(np.abs(draws.mean(axis=0) - p.mean()) < 5 * error + 1e-6)
    np.testing.assert_allclose(draws.std(axis=0), p.stddev(), rtol=0.35, atol=1e-6)
    np.testing.assert_array_equal(p.mode()[:, :3].numpy().sum(axis=1), np.ones(5))


def test_shapes(likelihood, params):
    p = likelihood(params)
    assert (p.batch_shape, p.event_shape) == ((5,), (WIDTH,))
    draws = p.sample((4, 2), seed=3)
    assert draws.shape == (4, 2, 5, WIDTH)
    assert p.log_prob(draws).shape == (4, 2, 5)
    assert p.log_prob_of_values(draws).shape == draws.shape


def test_a_stand_in_lies_in_the_support(likelihood, params):
    rows = np.tile(likelihood.stand_in, (5, 1))
    likelihood.check(rows, (WIDTH,))
    assert np.isfinite(likelihood(params).log_prob(rows)).all()


@pytest.mark.parametrize("rate", [1.0, 1e5])
def test_large_counts_have_exact_probabilities_and_gradients(rate):
    likelihood = Columns([("negative_binomial", rate), ("poisson", rate)])
    params, counts = np.array([[0.5, 1.0, 0.3]], "float32"), np.array([[2.0, 1.0]]) * rate
    mean, r = rate * positive(0.5), np.exp(1.0)
    expected = scipy.stats.nbinom(r, r / (r + mean)).logpmf(counts[0, 0])
    with tf.GradientTape() as tape:
        variable = tf.Variable(params)
        values = likelihood(variable).log_prob_of_values(tf.constant(counts / rate, tf.float32))
    np.testing.assert_allclose(values[0, 0], expected, rtol=1e-3, atol=0.02)
    poisson = scipy.stats.poisson(rate * positive(0.3)).logpmf(counts[0, 1])
    np.testing.assert_allclose(values[0, 1], poisson, rtol=1e-3, atol=0.02)
    assert np.isfinite(tape.gradient(values, variable)).all()


@pytest.mark.parametrize(("make", "xla"), [(keras_ae.AE, False), (keras_ae.VAE, True)])
def test_a_model_with_it_trains_and_comes_back(make, xla, likelihood, params, tmp_path):
    x = np.tile(likelihood(params).sample(seed=1), (20, 1))
    model = make((WIDTH,), 2, widths=(8,), likelihood=likelihood)
    model.compile(keras.optimizers.Adam(0.01), jit_compile=xla)
    losses = model.fit(x, epochs=10, batch_size=50, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    model.save_to_preset(tmp_path / "table")
    loaded = keras_ae.load(tmp_path / "table")
    np.testing.assert_allclose(loaded.reconstruct(x), model.reconstruct(x), rtol=1e-5)


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [(0, 3.0, "sum to 1"), (4, -1.0, "counts of at least 0"), (6, 0.0, "numbers above 0")],
)
def test_values_outside_the_support_are_refused(likelihood, place, value, words):
    rows = np.tile(likelihood.stand_in, (3, 1))
    rows[1, place] = value
    with pytest.raises(ValueError, match=words):
        likelihood.check(rows, (WIDTH,))


@pytest.mark.parametrize(
    "columns", [[], ["normal"], [("categorical", 0)], [("poisson", -1.0)], [("gaussian", 2)], [3]]
)
def test_what_is_no_column_is_refused(columns):
    with pytest.raises(ValueError, match="Expected"):
        Columns(columns)


def test_rows_of_another_width_are_refused(likelihood):
    with pytest.raises(ValueError, match="rows of 11 values"):
        likelihood.params_size(5)
    with pytest.raises(ValueError, match="smallest_scale"):
        Columns(["gaussian"], smallest_scale=0)
