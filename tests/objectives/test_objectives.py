"""The objectives of VAEs against exact answers."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from eagerly import eagerly
from linear import exact_posterior, linear_vae

import keras_ae
from keras_ae import distributions, objectives
from keras_ae.training import records

EVERY = [
    "elbo",
    "iwae",
    pytest.param(objectives.IWAE(3, "plain"), marks=pytest.mark.slow),
    "free_bits",
    "capacity",
    "total_correlation",
    "adversarial_total_correlation",
    "mmd",
]


def make(objective, **options):
    return keras_ae.VAE((8, 8, 1), 3, **{"widths": (16,), "objective": objective, **options})


def parts_of(vae, x):
    """The objective of each example, and the parts that it logs."""
    with records.recording() as record:
        loss = vae.objective(tf.constant(x), tf.constant(x))
    return np.array(loss), {name: np.array(part) for name, part in record.parts.items()}


@pytest.mark.parametrize(
    "objective", EVERY, ids=lambda o: o if isinstance(o, str) else type(o).__name__
)
@eagerly()
def test_every_objective_trains_and_is_saved(images, objective, tmp_path):
    vae = make(objective)
    vae.compile(run_eagerly=True)
    history = vae.fit(images, validation_data=images, verbose=0).history
    expected = {"loss", "reconstruction", "kl", *vae.objective_layer.logged}
    assert set(history) == expected | {f"val_{name}" for name in expected}
    assert all(np.isfinite(values).all() for values in history.values())
    vae.save_to_preset(tmp_path / "mine")
    loaded = keras_ae.load(tmp_path / "mine")
    assert loaded.objective_layer.get_config() == vae.objective_layer.get_config()
    np.testing.assert_allclose(loaded.elbo(images, seed=1), vae.elbo(images, seed=1), rtol=1e-5)


@pytest.mark.parametrize(
    ("objective", "sum_of"),
    [
        ("total_correlation", lambda kl, total_correlation: kl + 2 * total_correlation),
        (
            "adversarial_total_correlation",
            lambda kl, total_correlation, discriminator: kl + 2 * total_correlation + discriminator,
        ),
        (objectives.MMD(50.0), lambda kl, mmd: 3 * kl + 50 * mmd),
    ],
    ids=["total_correlation", "adversarial_total_correlation", "mmd"],
)
def test_an_objective_is_the_sum_of_what_it_logs(images, objective, sum_of):
    loss, logs = parts_of(make(objective, beta=3.0), images)
    np.testing.assert_allclose(loss, logs.pop("reconstruction") + sum_of(**logs), rtol=1e-5)


@pytest.mark.slow
def test_an_objective_runs_under_xla(images):
    vae = make(objectives.AdversarialTotalCorrelation((8,)), beta=keras_ae.schedules.WarmUp(4))
    vae.compile(jit_compile=True, steps_per_execution=2)
    history = vae.fit(images, epochs=2, batch_size=8, verbose=0).history
    assert np.isfinite(history["loss"]).all() and float(vae.beta.numpy()) == 1


@pytest.mark.parametrize("gradient", ["dreg", "plain"])
@eagerly()
def test_the_iwae_of_one_draw_is_the_elbo(gradient):
    vae, exact = linear_vae("diagonal")
    x = exact.rvs(30, random_state=1).astype("float32")
    vae.objective_layer = objectives.IWAE(1, gradient)
    losses, logs = parts_of(vae, np.tile(x, (200, 1)))
    np.testing.assert_allclose(losses, logs["reconstruction"] + logs["kl"], rtol=1e-4, atol=1e-4)
    losses = losses.reshape(200, 30)
    elbo = vae.elbo(x, n_samples=2000, seed=0).numpy()
    error = np.std(losses, axis=0) / np.sqrt(200)
    assert np.all(np.abs(np.mean(losses, axis=0) + elbo) < 5 * error + 0.01)


@eagerly()
def test_the_iwae_is_the_bound_of_log_likelihood():
    vae, exact = linear_vae("diagonal")
    x = exact.rvs(30, random_state=1).astype("float32")
    vae.objective_layer = objectives.IWAE(20)
    copies = np.tile(x, (60, 1))
    losses = parts_of(vae, copies)[0].reshape(60, 30).mean(axis=1)
    bounds = (
        vae.log_likelihood(copies, n_samples=20, batch_size=1800, seed=0)
        .numpy()
        .reshape(60, 30)
        .mean(axis=1)
    )
    assert abs(losses.mean() + bounds.mean()) < 4 * np.sqrt((losses.var() + bounds.var()) / 60)
    assert losses.mean() < -vae.elbo(x, n_samples=500, seed=0).numpy().mean() - 0.1


def gradients(vae, x, weights, n):
    def one(_):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(vae.objective(x, x))
        return tf.concat(
            [tf.reshape(g, (-1,)) for g in tape.gradient(loss, [w.value for w in weights])], axis=0
        )

    every = tf.function(
        lambda: tf.map_fn(one, tf.range(n), parallel_iterations=1, fn_output_signature=tf.float32)
    )
    return every().numpy()


@pytest.mark.slow
def test_the_gradient_of_dreg_is_that_of_the_bound():
    """Equal in the mean, for the encoder; less noise; and the decoder's is the same."""
    vae, exact = linear_vae("diagonal")
    x = tf.constant(exact.rvs(10, random_state=1).astype("float32"))
    found = {}
    for gradient in ("dreg", "plain"):
        vae.objective_layer = objectives.IWAE(8, gradient)
        found[gradient] = gradients(vae, x, vae.encoder.trainable_weights, 1000)
    errors = np.sqrt(sum(g.var(axis=0) / len(g) for g in found.values()))
    differences = (found["dreg"].mean(axis=0) - found["plain"].mean(axis=0)) / errors
    assert np.abs(differences).max() < 4.5, differences
    signal = np.abs(found["dreg"].mean(axis=0)) / errors
    assert signal.max() > 10  # so that equal is not just zero
    decoder = {}
    for gradient in ("dreg", "plain"):
        vae.objective_layer = objectives.IWAE(8, gradient)
        vae._seeds.state.assign([1, 1])
        decoder[gradient] = gradients(vae, x, vae.decoder.trainable_weights, 1)
    np.testing.assert_allclose(decoder["dreg"], decoder["plain"], rtol=1e-3, atol=1e-4)


def test_dreg_has_no_noise_where_the_posterior_is_exact():
    vae, exact = linear_vae("full")
    exact_posterior(vae)
    x = tf.constant(exact.rvs(10, random_state=1).astype("float32"))
    noise = {}
    for gradient in ("dreg", "plain"):
        vae.objective_layer = objectives.IWAE(8, gradient)
        noise[gradient] = np.abs(gradients(vae, x, vae.encoder.trainable_weights, 20)).max()
    assert noise["dreg"] < 0.02 < 0.1 < noise["plain"], noise


def test_iwae_wants_beta_one():
    for beta in (2.0, keras_ae.schedules.WarmUp(10)):
        with pytest.raises(ValueError, match="beta=1 with the objective IWAE"):
            make("iwae", beta=beta)


def test_free_bits_are_free(images):
    """Below the limit the KL term is constant. Without free bits it is the KL divergence."""
    vae = make(objectives.FreeBits(50.0), beta=2.0)
    loss, logs = parts_of(vae, images)
    np.testing.assert_allclose(loss, logs["reconstruction"] + 2 * 3 * 50.0, rtol=1e-5)
    vae.objective_layer = objectives.FreeBits(0.0)
    loss, logs = parts_of(vae, images)
    np.testing.assert_allclose(loss, logs["reconstruction"] + 2 * logs["kl"].mean(), rtol=1e-4)


def test_free_bits_count_by_dimension(images):
    vae = make("free_bits")
    mean, stddev = vae.posterior(images).mean().numpy(), vae.posterior(images).stddev().numpy()
    kl = np.mean(0.5 * (mean**2 + stddev**2 - 1) - np.log(stddev), axis=0)
    limit = float(np.sort(kl)[1])
    vae.objective_layer = objectives.FreeBits(limit)
    loss, logs = parts_of(vae, images)
    np.testing.assert_allclose(loss - logs["reconstruction"], 2 * limit + kl.max(), rtol=1e-3)


def test_free_bits_need_dimensions_that_factorise():
    with pytest.raises(ValueError, match="Received: FullGaussian and StandardNormal"):
        make("free_bits", posterior="full")


def test_capacity_asks_for_so_many_nats(images):
    vae = make(objectives.Capacity(keras_ae.schedules.WarmUp(10, end=20.0), weight=3.0))
    for step, capacity in ((0, 0.0), (5, 10.0), (99, 20.0)):
        vae.step.assign(step)
        loss, logs = parts_of(vae, images)
        np.testing.assert_allclose(
            loss, logs["reconstruction"] + 3 * np.abs(logs["kl"] - capacity), rtol=1e-4
        )


def test_capacity_is_reached(images):
    vae = make(objectives.Capacity(4.0, weight=100.0))
    vae.compile(keras.optimizers.Adam(0.01), jit_compile=False)
    history = vae.fit(
        np.tile(images, (20, 1, 1, 1)), batch_size=20, epochs=10, shuffle=False, verbose=0
    ).history
    assert history["kl"][-1] == pytest.approx(4.0, abs=0.3)


def correlated(n, rho):
    """n draws of q(z|x) = N(x, 0.25 I), x ~ N(0, C).

    So q(z) = N(0, C + 0.25 I), whose total correlation is known, in nats.
    """
    covariance = np.array([[1, rho, 0], [rho, 1, 0], [0, 0, 1]])
    x = np.random.default_rng(0).multivariate_normal(np.zeros(3), covariance, n).astype("float32")
    posterior = distributions.tfd.MultivariateNormalDiag(tf.constant(x), 0.5 * tf.ones_like(x))
    total = covariance + 0.25 * np.eye(3)
    return x, posterior, 0.5 * (np.log(np.diag(total)).sum() - np.linalg.slogdet(total)[1])


@pytest.mark.parametrize("rho", [0.0, 0.9])
def test_total_correlation_is_that_of_a_gaussian(rho):
    _, posterior, exact = correlated(3000, rho)
    found = objectives.total_correlation(posterior, posterior.sample(seed=1)).numpy()
    assert found.shape == (3000,)
    assert found.mean() == pytest.approx(exact, abs=0.03)


@pytest.mark.slow
def test_the_discriminator_finds_the_total_correlation_of_a_gaussian():
    x, _, exact = correlated(4000, 0.9)
    kernel, bias = (
        np.eye(3, 6, dtype="float32"),
        np.array([0, 0, 0, *[np.log(np.expm1(0.5))] * 3], "float32"),
    )
    encoder = keras.Sequential([keras.Input((3,)), keras.layers.Dense(6)])
    encoder.set_weights([kernel, bias])
    decoder = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3)])
    encoder.trainable = decoder.trainable = False
    vae = keras_ae.VAE(
        (3,),
        3,
        network=(encoder, decoder),
        objective=objectives.AdversarialTotalCorrelation((32, 32)),
    )
    vae.compile(keras.optimizers.Adam(0.003), jit_compile=False)
    vae.fit(x, epochs=25, batch_size=200, verbose=0)
    logs = vae.evaluate(x, batch_size=1000, verbose=0, return_dict=True)
    assert logs["total_correlation"] == pytest.approx(exact, abs=0.1)
    assert logs["discriminator"] < 2 * np.log(2) - 0.1


def test_discriminator_and_networks_do_not_train_each_other(images):
    vae = make("adversarial_total_correlation", beta=5.0)
    x = tf.constant(images)

    def gradient_of(beta):
        vae.beta.assign(beta)
        vae._seeds.state.assign([1, 1])
        with tf.GradientTape(persistent=True) as tape:
            loss = vae.objective(x, x)
        weights = vae.objective_layer.discriminator.trainable_weights, vae.encoder.trainable_weights
        return [
            np.concatenate([np.ravel(g) for g in tape.gradient(loss, [w.value for w in ws])])
            for ws in weights
        ]

    (of_discriminator, of_encoder), (again, others) = gradient_of(1.0), gradient_of(50.0)
    np.testing.assert_allclose(of_discriminator, again, rtol=1e-4, atol=1e-6)
    assert np.abs(of_encoder - others).max() > 1e-3
    plain = make("elbo")
    plain.encoder.set_weights(vae.encoder.get_weights())
    plain.decoder.set_weights(vae.decoder.get_weights())
    plain._seeds.state.assign([1, 1])
    with tf.GradientTape() as tape:
        loss = plain.objective(x, x)
    expected = np.concatenate(
        [
            np.ravel(g)
            for g in tape.gradient(loss, [w.value for w in plain.encoder.trainable_weights])
        ]
    )
    np.testing.assert_allclose(
        of_encoder, expected, rtol=1e-3, atol=1e-5
    )  # with beta = 1 the discriminator leaves no trace


def test_shuffled_dimensions_keep_their_values():
    z = tf.constant(np.random.default_rng(0).standard_normal((50, 3)), tf.float32)
    shuffled = objectives.aggregate._shuffled(z, tf.constant([1, 2])).numpy()
    np.testing.assert_array_equal(np.sort(shuffled, axis=0), np.sort(z, axis=0))
    places = [np.argsort(np.argsort(shuffled[:, j])).tolist() for j in range(3)]
    assert len(set(map(tuple, places))) == 3 and not np.array_equal(shuffled, z)


def test_mmd_is_unbiased_against_the_closed_form():
    """E k(a, b) of N(m, s^2 I) and N(0, I), with v = h^2 + s^2 + 1:

    (h^2 / v)^(d/2) exp(-|m|^2 / (2 v))
    """
    d, h, m, s = 2, 1.3, 0.7, 1.5

    def kernel(mean, variance):
        return (h**2 / (h**2 + variance)) ** (d / 2) * np.exp(
            -d * mean**2 / (2 * (h**2 + variance))
        )

    exact = kernel(0, 2 * s**2) + kernel(0, 2) - 2 * kernel(m, s**2 + 1)
    rng = np.random.default_rng(0)
    draws = np.array(
        [(m + s * rng.standard_normal((8, d)), rng.standard_normal((8, d))) for _ in range(3000)],
        "float32",
    )
    found = tf.vectorized_map(
        lambda pair: objectives.squared_mmd(pair[0], pair[1], h), draws
    ).numpy()
    assert abs(found.mean() - exact) < 4 * found.std() / np.sqrt(3000)
    assert found.std() / np.sqrt(3000) < 0.1 * exact  # precise enough to see a bias
    assert objectives.squared_mmd(tf.zeros((1, d)), tf.ones((1, d)), h).numpy() == 0


@pytest.mark.slow
def test_mmd_pulls_the_codes_to_the_prior(images):
    found = []
    for weight in (0.0, 300.0):
        vae = make(objectives.MMD(weight), beta=0.0, prior="standard_normal")
        vae.compile(keras.optimizers.Adam(0.01), jit_compile=False)
        vae.fit(np.repeat(images, 5, axis=0), epochs=60, batch_size=100, verbose=0)
        z = vae.encode(np.repeat(images, 50, axis=0), sample=True, seed=0)
        found.append(float(objectives.squared_mmd(z, vae.prior.sample(1000, seed=1), 3**0.5)))
    assert found[1] < 0.3 * found[0], found


@pytest.mark.parametrize(
    ("make_it", "message"),
    [
        (
            lambda: objectives.get("elbow"),
            "`objective` to be one of 'elbo', .* or an Objective layer. Received: 'elbow'",
        ),
        (lambda: objectives.IWAE(0), "Received: k=0"),
        (lambda: objectives.IWAE(5, "doubly"), '"dreg" or "plain". Received: gradient=\'doubly\''),
        (lambda: objectives.FreeBits(-1), "Received: nats=-1"),
        (lambda: objectives.MMD(bandwidth=0), "Received: bandwidth=0"),
        (lambda: objectives.Capacity("much"), "Received: capacity='much'"),
        (lambda: objectives.AdversarialTotalCorrelation((0,)), "Received: widths=0"),
        (lambda: make("total_correlation", posterior="full"), "Received: FullGaussian"),
    ],
)
def test_what_does_not_fit_is_refused(make_it, message):
    with pytest.raises(ValueError, match=message):
        make_it()


def test_the_vamp_prior_is_the_mean_of_its_posteriors_and_a_density(images):
    prior = distributions.VampPrior(2, components=6)
    vae = keras_ae.VAE((8, 8, 1), 2, widths=(16,), prior=prior)
    prior.pseudo_inputs.assign(images[:6])
    grid = np.linspace(-6, 6, 241, dtype="float32")
    z = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
    log_prob = vae.prior.log_prob(z).numpy()
    posteriors = np.stack([vae.posterior(images[i : i + 1]).log_prob(z).numpy() for i in range(6)])
    np.testing.assert_allclose(
        np.exp(log_prob), np.exp(posteriors).mean(axis=0), rtol=1e-3, atol=1e-6
    )
    assert np.exp(log_prob).sum() * 0.05**2 == pytest.approx(1, abs=0.01)


def test_a_vamp_prior_alone_is_refused():
    with pytest.raises(ValueError, match="Expected a VampPrior to be the prior of a VAE"):
        distributions.VampPrior(2)()
