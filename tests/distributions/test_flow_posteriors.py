"""Posteriors that are flows, against autodiff, quadrature and exact posteriors."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from eagerly import eagerly
from linear import linear_vae
from scipy import stats

import keras_ae
from keras_ae import distributions, objectives
from keras_ae.distributions import flows
from keras_ae.evaluation import scores

MAKE = {
    "planar": lambda: distributions.PlanarFlow(3),
    "sylvester": lambda: distributions.SylvesterFlow(2, reflections=2),
    "iaf": lambda: distributions.InverseAutoregressiveFlow(3, width=16, context=4),
}
SEED = (1, 2)  # stateless: a flow and the Gaussian that it starts from draw the same noise
every_flow = pytest.mark.parametrize("name", MAKE)


def with_params(name, n, batch=4, spread=1.0, weights=0.5):
    """A posterior with random weights, and random numbers as the encoder's output."""
    layer, rng = MAKE[name](), np.random.default_rng(0)
    params = tf.constant(spread * rng.standard_normal((batch, layer.params_size(n))), tf.float32)
    layer.build(params.shape)
    layer.set_weights([rng.normal(0, weights, weight.shape) for weight in layer.get_weights()])
    return layer, params


def vae_with(name, **options):
    """A VAE for 8 x 8 images. No kernel of its posterior's networks is zero."""
    vae = keras_ae.VAE((8, 8, 1), 3, **{"widths": (16,), "posterior": MAKE[name](), **options})
    for layer in getattr(vae.posterior_layer, "networks", ()):
        layer.kernels[-1].assign(
            0.1 * np.random.default_rng(0).standard_normal(layer.kernels[-1].shape)
        )
    return vae


@every_flow
@pytest.mark.parametrize("n", [1, 2, 5])
def test_the_density_of_a_draw_agrees_with_autodiff(name, n):
    """For draws with their density, and for the density of a draw that was made before."""
    layer, params = with_params(name, n)
    posterior = layer(params)
    assert posterior.batch_shape == (4,) and posterior.event_shape == (n,)
    z, log_prob = posterior.experimental_sample_and_log_prob(2, seed=SEED)
    assert z.shape == (2, 4, n) and log_prob.shape == (2, 4)
    start = posterior.distribution.experimental_sample_and_log_prob(2, seed=SEED)[0][0]
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(start)
        end = layer(params).bijector.forward(start)
    np.testing.assert_allclose(end, z[0], rtol=1e-5, atol=1e-6)
    jacobian = tape.batch_jacobian(end, start, experimental_use_pfor=False).numpy()
    assert np.abs(jacobian - np.eye(n)).max() > 0.02
    loc, scale = posterior.distribution.mean(), posterior.distribution.stddev()
    expected = stats.norm.logpdf(start, loc, scale).sum(axis=1) - np.linalg.slogdet(jacobian)[1]
    np.testing.assert_allclose(log_prob[0], expected, rtol=1e-4, atol=1e-4)
    drawn = posterior.sample(seed=2)
    start = posterior.bijector.inverse(drawn)  # tfp remembers it
    end, log_det = posterior.bijector.forward_and_log_det(start)
    np.testing.assert_allclose(end, drawn, rtol=1e-5, atol=1e-6)
    assert posterior.log_prob(drawn).shape == (4,)
    np.testing.assert_allclose(
        posterior.log_prob(drawn),
        posterior.distribution.log_prob(start) - log_det,
        rtol=1e-5,
        atol=1e-5,
    )
    np.testing.assert_allclose(layer.centre(params), layer(params).bijector.forward(loc), rtol=1e-5)


@every_flow
def test_the_density_is_high_where_the_draws_are(name):
    """E_q[r(z) / q(z)] = 1 for any density r that q covers: here narrow ones, at ten draws."""
    layer, params = with_params(name, 2, batch=1)
    z, log_prob = (
        tensor.numpy()[:, 0]
        for tensor in layer(params).experimental_sample_and_log_prob(100_000, seed=1)
    )
    scale = 0.3 * z.std(axis=0)
    for centre in z[:10]:
        ratios = np.exp(stats.norm.logpdf(z, centre, scale).sum(axis=1) - log_prob)
        assert abs(ratios.mean() - 1) < 5 * ratios.std() / np.sqrt(len(z)) < 0.2


@every_flow
@pytest.mark.parametrize("spread", [0.0, 30.0, 1e4])
def test_extreme_parameters_give_finite_values_and_gradients(name, spread):
    layer, params = with_params(name, 5, spread=spread)
    with tf.GradientTape() as tape:
        tape.watch(params)
        posterior = layer(params)
        z = posterior.sample(10, seed=1)
        log_prob = posterior.log_prob(z)
    assert np.isfinite(z).all() and np.isfinite(log_prob).all()
    assert np.isfinite(tape.gradient(log_prob, params)).all()


def test_a_planar_flow_can_be_inverted_for_all_parameters():
    """w^T f(z) grows with w^T z. Without the constraint on u it would fall somewhere."""
    rng, ways = np.random.default_rng(0), np.linspace(-4, 4, 401)
    for size, product in ((0.5, -1.5), (2.0, -4.0), (5.0, -40.0)):
        w, u, b = size * rng.standard_normal(3), rng.standard_normal(3), rng.standard_normal(1)
        u += (product - w @ u) * w / (w @ w)  # w^T u = product
        z = (ways[:, None] * w / (w @ w)).astype("float32")  # w^T z = ways
        assert np.diff(ways + (w @ u) * np.tanh(ways + b)).min() < 0
        moved, log_determinant = flows.planar(
            z, *(tf.constant(value[None], tf.float32) for value in (u, w, b))
        )
        assert np.diff(moved.numpy().astype("float64") @ w).min() > -1e-4  # float32
        slopes = np.gradient(moved.numpy().astype("float64") @ w, ways)
        np.testing.assert_allclose(np.exp(log_determinant)[1:-1], slopes[1:-1], atol=0.02)


def test_a_planar_flow_without_a_direction_is_the_identity():
    z, zeros = tf.random.stateless_normal((6, 3), (1, 2)), tf.zeros((6, 3))
    for u, w in ((zeros, zeros + 0.7), (zeros, zeros)):
        moved, log_determinant = flows.planar(z, u, w, tf.ones((6, 1)))
        np.testing.assert_allclose(moved, z, atol=1e-6)
        np.testing.assert_allclose(log_determinant, 0, atol=1e-5)


@pytest.mark.parametrize(
    "xla", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["eager", "xla"]
)
def test_an_inverse_autoregressive_flow_knows_the_density_of_any_code(xla):
    """The inverse gives the density that came with the draw. Its gradient is right."""
    layer, params = with_params("iaf", 3, weights=0.3)  # smooth enough for differences
    z, log_prob = layer(params).experimental_sample_and_log_prob(2, seed=1)

    def anew(z):
        with tf.GradientTape() as tape:
            tape.watch(z)
            log_prob = layer(params).log_prob(z)
        return log_prob, tape.gradient(log_prob, z)

    anew = tf.function(anew, jit_compile=True) if xla else anew
    found, gradient = anew(z)
    np.testing.assert_allclose(found, log_prob, rtol=1e-3, atol=1e-3)
    step = np.float32(0.01) * np.eye(3, dtype="float32")
    differences = [(anew(z + e)[0] - anew(z - e)[0]) / 0.02 for e in step]
    np.testing.assert_allclose(gradient, np.stack(differences, axis=-1), rtol=0.05, atol=0.05)


def test_the_density_of_an_inverse_autoregressive_flow_integrates_to_one():
    layer, params = with_params("iaf", 2, batch=1, weights=0.2)
    axis = np.linspace(-12, 12, 401, dtype="float32")
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 1, 2)
    assert np.exp(layer(params).log_prob(grid)).sum() * (axis[1] - axis[0]) ** 2 == pytest.approx(
        1, abs=0.01
    )


def coupled():
    """A VAE whose posterior is an inverse autoregressive flow and whose prior is a flow too."""
    return vae_with("iaf", prior=distributions.RealNVP(3, flows=2, width=16))


@pytest.mark.slow
def test_a_flow_trains_under_xla(images):
    vae = coupled()
    vae.compile(jit_compile=True)
    history = vae.fit(images, epochs=2, batch_size=8, verbose=0).history
    assert all(np.isfinite(values).all() for values in history.values())
    np.testing.assert_allclose(
        history["loss"], np.add(history["reconstruction"], history["kl"]), rtol=1e-5
    )


@every_flow
@eagerly()
def test_a_vae_trains_is_saved_and_bounds_the_likelihood(name, images, tmp_path):
    vae = coupled() if name == "iaf" else vae_with(name)
    vae.compile(run_eagerly=True)
    history = vae.fit(images, verbose=0).history
    assert all(np.isfinite(values).all() for values in history.values())
    np.testing.assert_allclose(
        history["loss"], np.add(history["reconstruction"], history["kl"]), rtol=1e-5
    )
    elbo = vae.elbo(images, n_samples=50, seed=0)
    assert float(tf.reduce_mean(vae.log_likelihood(images, n_samples=50, seed=0))) > float(
        tf.reduce_mean(elbo)
    )
    np.testing.assert_array_equal(
        vae.encode(images), vae.posterior_layer.centre(vae.posterior_params(images))
    )
    vae.save(tmp_path / "vae.keras")
    loaded = keras.models.load_model(tmp_path / "vae.keras")
    assert loaded.posterior_layer.get_config() == vae.posterior_layer.get_config()
    assert len(loaded.posterior_layer.weights) == len(vae.posterior_layer.weights)
    for weight, expected in zip(loaded.weights, vae.weights, strict=True):
        np.testing.assert_array_equal(weight, expected)
    np.testing.assert_array_equal(loaded.encode(images), vae.encode(images))


def test_a_flow_is_part_of_a_preset(images, tmp_path):
    vae = vae_with("iaf", prior="realnvp")
    vae.save_to_preset(tmp_path / "mine")
    loaded = keras_ae.load(tmp_path / "mine")
    np.testing.assert_array_equal(loaded.encode(images), vae.encode(images))
    z = loaded.encode(images)
    np.testing.assert_array_equal(loaded.prior.log_prob(z), vae.prior.log_prob(z))


@every_flow
@pytest.mark.parametrize("objective", ["elbo", objectives.IWAE(4, "plain")], ids=["elbo", "iwae"])
def test_gradients_reach_every_weight(name, objective, images):
    vae = vae_with(name, prior="realnvp", objective=objective)
    for layer in getattr(vae.prior_layer, "networks", ()):
        layer.layers[-1].kernel.assign(
            0.1 * np.random.default_rng(1).standard_normal(layer.layers[-1].kernel.shape)
        )
    x = tf.constant(images)
    with tf.GradientTape() as tape:
        loss = vae.objective(x, x)
    assert loss.shape == (20,)
    for weight, gradient in zip(
        vae.trainable_weights, tape.gradient(loss, vae.trainable_variables), strict=True
    ):
        assert (
            gradient is not None and np.isfinite(gradient).all() and np.abs(gradient).max() > 0
        ), weight.path


@pytest.mark.slow
def test_two_replicas_train_like_one_device(images, two_replicas):
    losses = []
    for strategy in (tf.distribute.get_strategy(), two_replicas):
        keras.utils.set_random_seed(1)
        with strategy.scope():
            vae = vae_with("iaf", prior="realnvp")
            vae.compile(keras.optimizers.SGD(0.001), jit_compile=False)
        losses.append(
            vae.fit(images, epochs=2, batch_size=7, shuffle=False, verbose=0).history["loss"]
        )
    np.testing.assert_allclose(*losses, rtol=0.05)


@every_flow
def test_mixed_precision_computes_densities_in_float32(name, images):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        vae = vae_with(name, prior="realnvp")
        objective = vae.objective(tf.constant(images), tf.constant(images))
        assert objective.dtype == tf.float32 and np.isfinite(objective).all()
        posterior = vae.posterior(images)
        z = posterior.sample(seed=1)
        assert z.dtype == posterior.log_prob(z).dtype == vae.prior.log_prob(z).dtype == tf.float32
        layers = [*getattr(vae.posterior_layer, "networks", ()), *vae.prior_layer.networks]
        assert {layer.compute_dtype for layer in layers} == {"float32"}
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize("name", ["iaf", pytest.param("hierarchical", marks=pytest.mark.slow)])
def test_the_gradient_of_dreg_is_that_of_the_bound_for_a_posterior_with_weights(name):
    """The two gradients are equal in the mean.

    DReG treats the posterior's own weights as constants in its density, like the encoder's output.
    """
    vae, exact = linear_vae("diagonal")
    if name == "iaf":
        posterior = distributions.InverseAutoregressiveFlow(1, width=4, context=2)
        flowing = keras_ae.VAE(
            (5,), 2, widths=(), likelihood=distributions.Gaussian(0.7), posterior=posterior
        )
    else:
        flowing = keras_ae.HVAE(
            (5,), (1, 1), widths=(), likelihood=distributions.Gaussian(0.7), width=4
        )
    flowing.decoder.set_weights(vae.decoder.get_weights())
    rng = np.random.default_rng(0)
    for layer in (flowing.encoder, flowing.posterior_layer):
        layer.set_weights([rng.normal(0, 0.3, weight.shape) for weight in layer.get_weights()])
    x = tf.constant(np.tile(exact.rvs(20, random_state=1).astype("float32"), (20, 1)))
    weights = flowing.posterior_layer.trainable_weights

    def gradients(objective):
        @tf.function
        def one():
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(objective.loss(flowing, flowing.params_of(x), x))
            return tf.concat(
                [
                    tf.reshape(g, (-1,))
                    for g in tape.gradient(loss, [weight.value for weight in weights])
                ],
                axis=0,
            )

        return np.array([one() for _ in range(100)])

    dreg, plain = gradients(objectives.IWAE(8, "dreg")), gradients(objectives.IWAE(8, "plain"))
    errors = np.sqrt((dreg.var(axis=0) + plain.var(axis=0)) / 100) + 1e-6
    assert np.abs((dreg.mean(axis=0) - plain.mean(axis=0)) / errors).max() < 4.5
    assert np.abs(dreg.mean(axis=0) / errors).max() > 10  # the gradients are not just zero


def fitted_gap(posterior, log_joint, log_p):
    """log p(x) minus the bound in nats, for a posterior of z in R^2 fitted to a single x."""
    size = posterior.params_size(2)
    posterior.build((None, size))
    params = keras.Variable(0.3 * tf.random.stateless_normal((1, size), (0, 1)))
    variables, adam = [params, *posterior.trainable_weights], keras.optimizers.Adam(0.02)
    adam.build(variables)

    def bound(seed):
        q = posterior(tf.convert_to_tensor(params))
        z = q.sample(200, seed=seed)
        return tf.reduce_mean(log_joint(z) - q.log_prob(z))

    @tf.function
    def step(seed):
        with tf.GradientTape() as tape:
            loss = -bound(seed)
        adam.apply(tape.gradient(loss, [variable.value for variable in variables]), variables)

    for i in range(500):
        step(tf.constant([i, 0]))
    return log_p - np.mean([bound(tf.constant([i, 1])) for i in range(20)])


@pytest.mark.slow
def test_flows_come_nearer_than_a_gaussian_to_a_ring():
    """p(z) = N(0, I), p(x|z) = N(x; |z|, 0.2^2): the posterior of x = 1.5 is a ring.

    Compares the bound with log p(x), which quadrature gives.
    """
    axis = np.linspace(-6, 6, 1201)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1)
    normal = distributions.tfd.Normal

    def log_joint(z):
        length = tf.sqrt(tf.reduce_sum(tf.square(z), axis=-1) + 1e-8)
        return normal(length, tf.constant(0.2, z.dtype)).log_prob(1.5) + tf.reduce_sum(
            normal(tf.zeros(2, z.dtype), 1).log_prob(z), -1
        )

    log_p = np.log(np.exp(log_joint(tf.constant(grid))).sum() * 0.01**2)
    gaps = {
        name: fitted_gap(make(), log_joint, log_p)
        for name, make in {"diagonal": distributions.DiagonalGaussian, **MAKE}.items()
    }
    assert all(
        0 < gap < gaps["diagonal"] - 0.2 for name, gap in gaps.items() if name != "diagonal"
    ), gaps


@pytest.mark.parametrize(
    ("make_it", "message"),
    [
        (lambda: distributions.PlanarFlow(0), "positive integer. Received: flows=0"),
        (lambda: distributions.SylvesterFlow(2, reflections=1.5), "Received: reflections=1.5"),
        (lambda: distributions.InverseAutoregressiveFlow(width=0), "Received: width=0"),
        (lambda: distributions.InverseAutoregressiveFlow(context=0), "Received: context=0"),
        (
            lambda: vae_with("planar", objective="iwae"),
            r'gradient="plain"\) with the posterior PlanarFlow.*Received: gradient="dreg"',
        ),
        (
            lambda: vae_with("sylvester", prior="vamp"),
            "density of any code with a VampPrior.*Received: SylvesterFlow",
        ),
        (
            lambda: vae_with("planar", objective="free_bits"),
            "Received: PlanarFlow and StandardNormal",
        ),
        (
            lambda: vae_with("iaf", objective="total_correlation"),
            "Received: InverseAutoregressiveFlow",
        ),
        (
            lambda: keras_ae.HVAE((8, 8, 1), (2, 2), posterior="iaf"),
            "posteriors whose means are known.*Received: InverseAutoregressiveFlow",
        ),
        (
            lambda: scores.kl_per_dimension(vae_with("planar"), np.zeros((2, 8, 8, 1))),
            "mean and standard.*Received: PlanarFlow",
        ),
    ],
)
def test_what_does_not_fit_is_refused(make_it, message):
    with pytest.raises(ValueError, match=message):
        make_it()


@pytest.mark.parametrize("name", ["planar", "sylvester"])
def test_codes_that_were_not_drawn_are_refused(name):
    layer, params = with_params(name, 2)
    with pytest.raises(
        NotImplementedError, match="Expected codes drawn from this very distribution"
    ):
        layer(params).log_prob(tf.zeros((4, 2)))
