"""Likelihoods, posteriors and priors, against scipy, closed forms and autodiff."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from scipy import stats

from keras_ae import distributions
from keras_ae.distributions import base, densities, flows

tfd = tfp.distributions
LIKELIHOODS = [
    distributions.Bernoulli(),
    distributions.ContinuousBernoulli(),
    distributions.Gaussian(0.3),
    distributions.Gaussian("trainable"),
    distributions.Gaussian("predicted"),
    distributions.DiscretizedLogisticMixture(3),
]
POSTERIORS = [distributions.DiagonalGaussian(), distributions.FullGaussian()]


FLOWS = [distributions.AutoregressiveFlow, distributions.RealNVP]
every_flow = pytest.mark.parametrize("cls", FLOWS)


def flow(cls, latent_dim, **options):
    """A flow with random weights; a new one is N(0, I)."""
    layer, rng = cls(latent_dim, width=16, **options), np.random.default_rng(0)
    layer.set_weights([rng.normal(0, 0.4, weight.shape) for weight in layer.get_weights()])
    return layer


PRIORS = [
    distributions.StandardNormal(3),
    distributions.GaussianMixture(3, components=4),
    *(flow(cls, 3) for cls in FLOWS),
]


def params(layer, event_shape, batch=6, seed=0):
    shape = (batch, *event_shape[:-1], layer.params_size(event_shape[-1]))
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


def ids(layer):
    return f"{type(layer).__name__}-{getattr(layer, 'scale', '')}"


@pytest.mark.parametrize("layer", LIKELIHOODS, ids=ids)
@pytest.mark.parametrize("event_shape", [(8, 8, 1), (4, 6, 3), (5,)], ids=str)
def test_a_likelihood_has_the_event_shape_of_the_data(layer, event_shape):
    likelihood = layer(params(layer, event_shape))
    x = np.random.default_rng(1).random((6, *event_shape), dtype="float32")
    assert tuple(likelihood.event_shape) == event_shape and tuple(likelihood.batch_shape) == (6,)
    assert likelihood.log_prob(x).shape == (6,)
    assert likelihood.mean().shape == x.shape and likelihood.sample(seed=1).shape == x.shape
    assert np.isfinite(likelihood.log_prob(x)).all()
    assert layer.params_size(event_shape) == np.prod(event_shape) * layer.params_size(1)


@pytest.mark.parametrize("layer", LIKELIHOODS, ids=ids)
def test_the_mean_is_the_mean_of_the_samples(layer):
    likelihood = layer(params(layer, (5,), batch=3))
    samples = likelihood.sample(20_000, seed=3).numpy()
    error = samples.std(axis=0) / np.sqrt(len(samples))
    np.testing.assert_allclose(samples.mean(axis=0), likelihood.mean(), atol=5 * error.max() + 1e-6)


def test_bernoulli_of_grey_pixels_is_minus_the_cross_entropy():
    logits, x = params(LIKELIHOODS[0], (5,)), np.random.default_rng(1).random((6, 5))
    p = 1 / (1 + np.exp(-logits.astype("float64")))
    expected = (x * np.log(p) + (1 - x) * np.log(1 - p)).sum(axis=1)
    np.testing.assert_allclose(
        LIKELIHOODS[0](logits).log_prob(x.astype("float32")), expected, rtol=1e-5
    )


@pytest.mark.parametrize("scale", [0.3, "trainable", "predicted"])
def test_gaussian_against_scipy(scale):
    layer = distributions.Gaussian(scale)
    values, x = params(layer, (5,)), params(layer, (5,), seed=1)[:, :5]
    scales = {"trainable": 1.0, "predicted": np.log1p(np.exp(values[:, 5:]))}
    expected_scale = scales.get(scale, 0.3)
    expected = stats.norm.logpdf(x, values[:, :5], expected_scale).sum(axis=1)
    np.testing.assert_allclose(layer(values).log_prob(x), expected, rtol=1e-3)


def test_continuous_bernoulli_integrates_to_one():
    layer, grid = distributions.ContinuousBernoulli(), np.linspace(0, 1, 2001, dtype="float32")
    for logit in (-4.0, -1e-3, 0.7, 3.0):
        density = np.exp(layer(np.full((2001, 1), logit, "float32")).log_prob(grid[:, None]))
        assert np.trapezoid(density, grid) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("scale", [0.0005, 0.003, 0.05, 2.0])
@pytest.mark.parametrize("loc", [-0.2, 0.0, 0.3137, 0.999])
def test_discretized_logistic_is_a_probability_and_knows_its_mean(loc, scale):
    distribution = densities.DiscretizedLogistic(tf.constant(loc), tf.constant(scale))
    levels = np.arange(256, dtype="float32") / 255
    probability = np.exp(distribution.log_prob(levels).numpy().astype("float64"))
    edges = np.concatenate([[-np.inf], (np.arange(255) + 0.5) / 255, [np.inf]])
    expected = np.diff(stats.logistic.cdf(edges, loc, scale))
    np.testing.assert_allclose(probability, expected, atol=2e-5)  # float32: 1e-7 / 0.0005
    assert probability.sum() == pytest.approx(1, abs=1e-4)
    assert distribution.mean().numpy() == pytest.approx((probability * levels).sum(), abs=0.2 / 255)


def test_diagonal_gaussian_against_scipy():
    layer = distributions.DiagonalGaussian()
    values, z = (
        params(layer, (3,)),
        np.random.default_rng(1).standard_normal((6, 3)).astype("float32"),
    )
    scale = np.log1p(np.exp(values[:, 3:])) + base.SMALLEST_SCALE
    np.testing.assert_allclose(
        layer(values).log_prob(z), stats.norm.logpdf(z, values[:, :3], scale).sum(axis=1), rtol=1e-4
    )


def test_full_gaussian_against_scipy():
    layer = distributions.FullGaussian()
    values, z = (
        params(layer, (3,)),
        np.random.default_rng(1).standard_normal((6, 3)).astype("float32"),
    )
    posterior = layer(values)
    covariance = posterior.covariance().numpy()
    assert np.abs(covariance[:, 0, 1]).min() > 1e-3
    expected = [
        stats.multivariate_normal.logpdf(z[i], values[i, :3], covariance[i]) for i in range(6)
    ]
    np.testing.assert_allclose(posterior.log_prob(z), expected, rtol=1e-3)


@pytest.mark.parametrize("n", [1, 2, 3, 40])
def test_full_gaussian_computes_its_size_from_its_parameters(n):
    layer = distributions.FullGaussian()
    assert layer(params(layer, (n,))).event_shape == (n,)


@pytest.mark.parametrize("posterior", POSTERIORS, ids=ids)
def test_kl_is_exact_where_there_is_a_closed_form(posterior):
    q, p = posterior(params(posterior, (3,))), distributions.StandardNormal(3)()
    mean, covariance = q.mean().numpy().astype("float64"), q.covariance().numpy().astype("float64")
    trace, logdet = np.trace(covariance, axis1=1, axis2=2), np.linalg.slogdet(covariance)[1]
    expected = 0.5 * (trace + (mean**2).sum(axis=1) - 3 - logdet)
    kl = distributions.kl_divergence(q, p, z=None)  # without z it cannot be an estimate
    np.testing.assert_allclose(kl, expected, rtol=1e-4)


@pytest.mark.parametrize("posterior", POSTERIORS, ids=ids)
def test_kl_is_estimated_where_there_is_no_closed_form(posterior):
    q, p = (
        posterior(params(posterior, (3,), batch=1)),
        distributions.GaussianMixture(3, components=1)(),
    )
    with pytest.raises(NotImplementedError):
        tfd.kl_divergence(q, p)
    z = q.sample(50_000, seed=1)
    estimates = distributions.kl_divergence(q, p, z).numpy()
    component = tfd.MultivariateNormalDiag(
        p.components_distribution.mean()[0], p.components_distribution.stddev()[0]
    )
    error = estimates.std() / np.sqrt(len(estimates))
    assert estimates.mean() == pytest.approx(
        float(tfd.kl_divergence(q, component)[0]), abs=5 * error
    )


@every_flow
def test_a_new_flow_is_standard_normal(cls):
    z = np.random.default_rng(0).standard_normal((10, 3)).astype("float32")
    new = cls(3)()
    np.testing.assert_allclose(
        new.log_prob(z), stats.multivariate_normal.logpdf(z, np.zeros(3)), rtol=1e-5
    )


@every_flow
def test_the_density_of_a_flow_integrates_to_one_and_has_the_mean_of_its_draws(cls):
    prior = flow(cls, 2, flows=2)()
    axis = np.linspace(-12, 12, 601, dtype="float32")
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    probabilities = np.exp(prior.log_prob(grid)) * (axis[1] - axis[0]) ** 2
    assert probabilities.sum() == pytest.approx(1, abs=0.01)
    mean = (probabilities[:, None] * grid).sum(axis=0)
    assert np.abs(mean).max() > 0.1  # random weights moved the mean
    draws = prior.sample(20_000, seed=1).numpy()
    np.testing.assert_allclose(
        draws.mean(axis=0), mean, atol=5 * draws.std() / np.sqrt(20_000) + 0.01
    )


@every_flow
def test_the_determinant_of_a_flow_agrees_with_autodiff(cls):
    prior, z = (
        flow(cls, 5)(),
        tf.constant(np.random.default_rng(0).standard_normal((4, 5)), tf.float32),
    )
    with tf.GradientTape() as tape:
        tape.watch(z)
        start = prior.bijector.inverse(z)
    jacobian = tape.batch_jacobian(start, z)
    expected = prior.distribution.log_prob(start) + np.linalg.slogdet(jacobian)[1]
    np.testing.assert_allclose(prior.log_prob(z), expected, rtol=1e-4)
    np.testing.assert_allclose(prior.bijector.forward(tf.identity(start)), z, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_a_masked_network_sees_only_what_comes_before(n):
    network = flows.MaskedNetwork(n, (16, 16))
    rng = np.random.default_rng(0)
    network.set_weights([rng.normal(0, 1, weight.shape) for weight in network.get_weights()])
    x = tf.constant(rng.standard_normal((3, n)), tf.float32)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        loc, log_scale = network(x)
    for output in (loc, log_scale):
        jacobian = tape.batch_jacobian(output, x).numpy()  # (batch, output, input)
        np.testing.assert_array_equal(
            jacobian != 0, np.broadcast_to(np.tri(n, k=-1, dtype=bool), jacobian.shape)
        )


@pytest.mark.parametrize(
    "xla", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["eager", "xla"]
)
@pytest.mark.parametrize("layer", [*LIKELIHOODS, *POSTERIORS, *PRIORS], ids=ids)
def test_gradients_reach_parameters_and_weights(layer, xla):
    prior = isinstance(layer, distributions.Prior)
    values = None if prior else tf.constant(params(layer, (3,)))
    x = np.random.default_rng(1).random((6, 3), dtype="float32")

    def gradients():
        with tf.GradientTape() as tape:
            sources = list(layer.trainable_variables)
            if not prior:
                tape.watch(values)
                sources.append(values)
            log_prob = tf.reduce_sum((layer() if prior else layer(values)).log_prob(x))
        return tape.gradient(log_prob, [getattr(v, "value", v) for v in sources])

    found = tf.function(gradients, jit_compile=True)() if xla else gradients()
    assert found or isinstance(layer, distributions.StandardNormal)
    for gradient in found:
        assert gradient is not None and np.isfinite(gradient).all() and np.abs(gradient).max() > 0


@pytest.mark.parametrize("layer", [*LIKELIHOODS, *POSTERIORS, *PRIORS], ids=ids)
def test_a_layer_comes_back_from_its_config(layer):
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(copy) is type(layer) and copy.get_config() == layer.get_config()


@pytest.mark.parametrize("posterior", POSTERIORS, ids=ids)
def test_the_sample_has_a_gradient(posterior):
    values = tf.constant(params(posterior, (3,)))
    with tf.GradientTape() as tape:
        tape.watch(values)
        z = posterior(values).sample(seed=1)
    assert np.abs(tape.gradient(z, values)).max() > 0


def test_the_layers_work_in_any_keras_model(vectors):
    class Regression(keras.Model):
        """p(y|x) = N(W x + b, scale^2), all trained."""

        def __init__(self):
            super().__init__()
            self.likelihood = distributions.Gaussian("trainable")
            self.dense = keras.layers.Dense(self.likelihood.params_size(1))

        def call(self, x):
            return self.likelihood(self.dense(x)).mean()

        def compute_loss(self, x, y, y_pred, sample_weight=None, training=True):
            return -keras.ops.mean(self.likelihood(self.dense(x)).log_prob(y))

    model = Regression()
    model.compile(keras.optimizers.Adam(0.05))
    x = np.tile(vectors, (20, 1))
    y = x[:, :1] * 2 + 1
    history = model.fit(x, y, epochs=16, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0] - 1
    np.testing.assert_allclose(model.predict(x, verbose=0), y, atol=0.5)


def test_a_new_likelihood_is_five_lines():
    class Poisson(distributions.Likelihood):
        support = (0.0, float("inf"))

        def call(self, params):
            return self.independent(tfd.Poisson(log_rate=params))

    counts = np.arange(6.0, dtype="float32")[:, None]
    np.testing.assert_allclose(
        Poisson()(np.zeros((6, 1), "float32")).log_prob(counts),
        stats.poisson.logpmf(counts[:, 0], 1),
        rtol=1e-4,
    )


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: distributions.Gaussian(0), "positive number.*Received: scale=0"),
        (lambda: distributions.Gaussian("learned"), "trainable.*Received: scale='learned'"),
        (lambda: distributions.Gaussian(True), "Received: scale=True"),
        (
            lambda: distributions.GaussianMixture(2, components=0),
            "positive integer. Received: components=0",
        ),
        (
            lambda: distributions.RealNVP(1),
            "at least 2, because RealNVP.*Received: latent_dim=1",
        ),
        (lambda: distributions.StandardNormal(2.5), "positive integer. Received: latent_dim=2.5"),
        (
            lambda: distributions.get(distributions.Likelihood, "gauss"),
            "'bernoulli', .*Received: 'gauss'",
        ),
        (
            lambda: distributions.get(distributions.Posterior, distributions.Bernoulli()),
            "a Posterior layer. Received: <Bernoulli",
        ),
    ],
)
def test_bad_arguments_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_functional_model_is_refused_with_a_reason():
    with pytest.raises(TypeError, match=r"inside the call\(\) of a subclassed keras.Model"):
        distributions.Bernoulli()(keras.Input((3,)))


@pytest.mark.parametrize("n", [1, 7, 113, 784])
def test_sum_of_softplus_and_its_gradient_agree_with_numpy(n):
    x = np.random.default_rng(0).normal(0, 20, (5, n)).astype("float32")
    x[0] = 0.0  # every factor is 2, the largest
    x[1], x[2] = 90.0, -90.0
    with tf.GradientTape() as tape:
        variable = tf.Variable(x)
        total = densities.sum_of_softplus(variable)
    np.testing.assert_allclose(
        total, np.logaddexp(0, x.astype("float64")).sum(axis=-1), rtol=1e-6, atol=1e-4
    )
    np.testing.assert_allclose(
        tape.gradient(total, variable),
        1 / (1 + np.exp(-x.astype("float64"))),
        rtol=1e-5,
        atol=1e-30,
    )


@keras.saving.register_keras_serializable("tests")
class Correlated(distributions.Likelihood):
    """The two numbers of a step depend on each other."""

    support = (-5.0, 5.0)

    def call(self, params):
        return tfd.MultivariateNormalTriL(params, tf.constant([[1.0, 0.0], [0.8, 0.6]]))


@pytest.mark.parametrize(
    "layer",
    [
        Correlated(),
        distributions.Gaussian("predicted"),
        distributions.DiscretizedLogisticMixture(2),
    ],
    ids=ids,
)
@pytest.mark.parametrize("jit_compile", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_masked_sequence_has_the_density_of_its_steps(layer, jit_compile):
    """Compares with the likelihood of each step, in a graph where the batch size is unknown.

    Also checks the mean, draws, and padding that lies outside the support.
    """
    masked, values = distributions.Masked(layer, -9.0), params(layer, (4, 2), batch=3)
    steps = [layer(values[:, t]) for t in range(4)]
    draws = [np.clip(step.sample(seed=t), 0, 1) for t, step in enumerate(steps)]
    x = np.stack(draws, axis=1)  # (3, 4, 2)
    real = np.array([[1, 1, 1, 1], [1, 1, 0, 0], [0, 1, 0, 1]], bool)
    of_steps = [np.array(step.log_prob(x[:, t])) * real[:, t] for t, step in enumerate(steps)]
    expected = np.sum(of_steps, axis=0)
    x[~real] = -9

    @tf.function(
        jit_compile=jit_compile,
        input_signature=[tf.TensorSpec((None, *values.shape[1:])), tf.TensorSpec((None, 4, 2))],
    )
    def density(values, x):
        with tf.GradientTape() as tape:
            tape.watch(values)
            log_prob = masked(values).log_prob(x)
        return log_prob, tape.gradient(log_prob, values)

    log_prob, gradient = density(values, x)
    np.testing.assert_allclose(log_prob, expected, rtol=1e-4)
    assert np.isfinite(gradient).all()
    assert (np.abs(gradient).max(axis=-1) > 0).tolist() == real.tolist()
    distribution = masked(values)
    assert distribution.batch_shape == (3,) and distribution.event_shape == (4, 2)
    np.testing.assert_allclose(
        distribution.mean(), np.stack([step.mean() for step in steps], axis=1), rtol=1e-5
    )
    draws = distribution.sample(5, seed=1)
    assert draws.shape == (5, 3, 4, 2)
    np.testing.assert_allclose(
        distribution.log_prob(draws)[2], distribution.log_prob(draws[2]), rtol=1e-4
    )
    masked.check(x, (4, 2))
    if layer.support[0] > -9:
        with pytest.raises(ValueError, match="from -8 to"):
            masked.check(np.where(x == -9, -8, x), (4, 2))
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(masked))
    np.testing.assert_allclose(copy(values).log_prob(x), expected, rtol=1e-4)


@pytest.mark.parametrize("loc, level", [(-1.0, 0.0), (0.0, 0.5), (0.5, 0.75), (1.0, 1.0)])
def test_the_middle_of_a_logistic_is_a_grey_level(loc, level):
    """loc goes from -1, black, to 1, white. The weights of presets rely on this."""
    # One narrow logistic variable: its logit, loc and log scale
    params = np.array([[0.0, loc, -20.0]], "float32")
    mean = distributions.DiscretizedLogisticMixture(1)(tf.constant(params)).mean()
    np.testing.assert_allclose(mean, [[level]], atol=1e-3)


@pytest.mark.parametrize("scale", [2e-5, 1e-4, 0.1, 1.0, 50.0])
def test_a_raw_scale_gives_the_scale_back(scale):
    raw = tf.constant(base.raw_of(scale), tf.float32)
    np.testing.assert_allclose(base.positive(raw), scale, rtol=1e-4)
