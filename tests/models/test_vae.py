"""The mathematics of the VAE against exact answers."""

import functools
import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from linear import exact_posterior, linear_vae
from scipy import stats
from sklearn.datasets import load_wine
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

import keras_ae
from keras_ae import distributions
from keras_ae.distributions import base


def wide_posterior(vae):
    """Gives the VAE the mean of the true posterior, and about twice its diagonal scale."""
    full, _ = linear_vae("full")
    exact_posterior(full)
    kernel, offset = full.encoder.get_weights()
    vae.encoder.set_weights([kernel[:, :4], offset[:4] + np.array([0, 0, 0.8, 0.8])])


def test_more_samples_give_a_tighter_bound():
    """ELBO <= L_10 <= L_100 <= ... <= log p(x), in the mean over images."""
    vae, exact = linear_vae("diagonal")
    wide_posterior(vae)
    x = exact.rvs(300, random_state=1).astype("float32")
    log_p = exact.logpdf(x).mean()
    elbo = float(tf.reduce_mean(vae.elbo(x, n_samples=200, seed=0)))
    bounds = [vae.log_likelihood(x, n_samples=n, seed=0) for n in (5, 50, 5000)]
    bounds = [float(tf.reduce_mean(bound)) for bound in bounds]
    assert elbo + 0.1 < bounds[0] < bounds[1] - 0.05 < bounds[1] < bounds[2] < log_p + 0.02
    assert bounds[2] == pytest.approx(log_p, abs=0.02)


def test_every_bound_is_exact_with_the_true_posterior():
    vae, exact = linear_vae("full")
    exact_posterior(vae)
    x = exact.rvs(50, random_state=1).astype("float32")
    log_p = exact.logpdf(x)
    bound = vae.log_likelihood(x, n_samples=3, seed=0)
    np.testing.assert_allclose(bound, log_p, rtol=1e-4)  # each importance weight is p(x)
    elbo = vae.elbo(x, n_samples=2000, seed=0)
    np.testing.assert_allclose(elbo, log_p, atol=0.15)
    assert float(tf.reduce_mean(elbo)) == pytest.approx(log_p.mean(), abs=0.02)


def test_with_one_sample_the_bound_is_the_elbo_in_the_mean():
    vae, exact = linear_vae("diagonal")
    x = exact.rvs(4, random_state=1).astype("float32")
    bound = vae.log_likelihood(np.tile(x, (300, 1)), n_samples=1, batch_size=1200, seed=0)
    one = float(tf.reduce_mean(bound))
    assert one == pytest.approx(float(tf.reduce_mean(vae.elbo(x, n_samples=300, seed=0))), rel=0.05)


@functools.cache
def narrow_vae():
    """A VAE whose posterior is so narrow that each draw is its mean. Tests must not change it."""
    vae, exact = linear_vae("diagonal")
    kernel, bias = vae.encoder.get_weights()
    kernel = np.concatenate([kernel[:, :2], 0 * kernel[:, 2:]], axis=1)
    vae.encoder.set_weights([kernel, np.array([0, 0, -20, -20])])
    return vae, exact


@pytest.mark.parametrize("n_samples, batch_size", [(7, 3), (50, 20), (120, 1), (51, 100)])
def test_the_bound_is_the_log_mean_of_the_weights(n_samples, batch_size):
    """For any batch size, against scipy. The posterior is so narrow that each draw is its mean."""
    vae, exact = narrow_vae()
    x = exact.rvs(20, random_state=1).astype("float32")
    z = vae.encode(x).numpy()
    weights, offset = vae.decoder.get_weights()
    log_likelihood = stats.norm.logpdf(x, z @ weights + offset, 0.7).sum(axis=1)
    joint = log_likelihood + stats.norm.logpdf(z).sum(axis=1)
    narrow = base.SMALLEST_SCALE + math.log1p(math.exp(-20))
    bound = vae.log_likelihood(x, n_samples=n_samples, batch_size=batch_size, seed=0)
    assert bound.shape == (20,)
    log_q_of_mean = -2 * math.log(narrow * math.sqrt(2 * math.pi))
    excess = bound - (joint - log_q_of_mean)
    # The excess is log mean exp(|e|^2 / 2) over a few draws of two numbers e ~ N(0, I).
    assert np.all(excess > 0) and np.all(excess < 12)


@pytest.mark.slow
def test_a_trained_linear_vae_reaches_probabilistic_pca():
    """It is the global optimum of a linear Gaussian VAE with a trained scale.

    Source: Lucas et al., NeurIPS 2019.
    """
    x = StandardScaler().fit_transform(load_wine().data).astype("float32")  # (178, 13)
    expected = PCA(3).fit(x).score(x)  # mean log-likelihood of probabilistic PCA, nats
    vae = keras_ae.VAE((13,), 3, widths=(), likelihood=distributions.Gaussian("trainable"))
    vae.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.02, 2400)))
    vae.fit(np.tile(x, (10, 1)), epochs=120, batch_size=89, verbose=0)
    elbo = float(tf.reduce_mean(vae.elbo(x, n_samples=100, seed=0)))
    bound = float(tf.reduce_mean(vae.log_likelihood(x, n_samples=500, seed=0)))
    assert elbo == pytest.approx(expected, abs=0.1)
    assert elbo - 0.02 < bound < expected + 0.05


FAST_PARTS = [
    (0.0, "standard_normal", "diagonal"),
    (1.0, "standard_normal", "diagonal"),
    (4.0, "mixture", "diagonal"),
    (4.0, "standard_normal", "full"),
]


@pytest.mark.parametrize(
    "beta, prior, posterior",
    [
        *FAST_PARTS,
        (0.5, "mixture", "full"),
        *(
            pytest.param(beta, prior, posterior, marks=pytest.mark.slow)
            for beta in (0.0, 1.0, 4.0)
            for prior in ("standard_normal", "mixture")
            for posterior in ("diagonal", "full")
            if (beta, prior, posterior) not in FAST_PARTS
        ),
    ],
)
def test_loss_is_reconstruction_plus_beta_kl(images, prior, posterior, beta):
    vae = keras_ae.VAE((8, 8, 1), 3, widths=(16,), prior=prior, posterior=posterior, beta=beta)
    vae.compile("sgd", run_eagerly=True)
    weights = np.linspace(0, 2, 20)
    options = {"batch_size": 8, "sample_weight": weights, "verbose": 0}
    logs = vae.fit(images, validation_data=images, **options).history
    for prefix in ("", "val_"):
        loss, reconstruction, kl = (
            np.array(logs[prefix + name]) for name in ("loss", "reconstruction", "kl")
        )
        np.testing.assert_allclose(loss, reconstruction + beta * kl, rtol=1e-5)
    log = vae.evaluate(images, verbose=0, return_dict=True)
    assert log["loss"] == pytest.approx(log["reconstruction"] + beta * log["kl"], rel=1e-5)


def test_the_logged_loss_is_minus_the_elbo(images):
    vae = keras_ae.VAE((8, 8, 1), 3, widths=(16,), beta=3.0)
    vae.compile(run_eagerly=True)
    x = np.tile(images, (100, 1, 1, 1))
    log = vae.evaluate(x, batch_size=700, verbose=0, return_dict=True)
    expected = -float(tf.reduce_mean(vae.elbo(images, n_samples=2000, seed=0)))  # beta = 1
    assert log["reconstruction"] + log["kl"] == pytest.approx(expected, rel=1e-3)
    q = vae.posterior(images)
    kl = 0.5 * (q.mean() ** 2 + q.variance() - 1 - np.log(q.variance())).numpy().sum(axis=1).mean()
    assert log["kl"] == pytest.approx(kl, rel=1e-4)


def test_beta_is_a_variable_that_a_callback_can_change(images):
    vae = keras_ae.VAE((8, 8, 1), 3, widths=(16,))
    vae.compile(jit_compile=False)
    warm_up = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: vae.beta.assign(epoch / 2)
    )
    logs = vae.fit(images, epochs=3, verbose=0, callbacks=[warm_up]).history
    differences = np.array(logs["loss"]) - np.array(logs["reconstruction"])
    np.testing.assert_allclose(
        differences, np.array([0, 0.5, 1]) * logs["kl"], rtol=1e-4, atol=1e-4
    )
    assert vae.get_config()["beta"] == 1.0


def test_the_same_seed_gives_the_same_draw(images):
    vae = keras_ae.VAE((8, 8, 1), 3, widths=(16,))
    draws = {
        "sample": lambda seed: vae.sample(5, seed=seed),
        "encode": lambda seed: vae.encode(images, sample=True, seed=seed),
        "elbo": lambda seed: vae.elbo(images, n_samples=2, seed=seed),
        "log_likelihood": lambda seed: vae.log_likelihood(images, n_samples=7, seed=seed),
    }
    for name, draw in draws.items():
        np.testing.assert_array_equal(draw(3), draw(3), err_msg=name)
        assert np.abs(draw(3) - draw(4)).max() > 0, name
        assert np.abs(draw(None) - draw(None)).max() > 0, name  # without a seed: fresh draws
    np.testing.assert_array_equal(vae.encode(images), vae.posterior(images).mean())


def test_replicas_share_no_noise(two_replicas):
    strategy = two_replicas
    with strategy.scope():
        vae = keras_ae.VAE((8, 8, 1), 3, widths=(16,))
    x = tf.zeros((4, 8, 8, 1))
    draw = tf.function(
        lambda: strategy.run(lambda: vae.posterior(x).sample(seed=vae._seeds.draw()))
    )
    first, second = strategy.experimental_local_results(draw())
    assert np.abs(first - second).min() > 0


def test_samples_are_means_of_the_likelihood(images):
    vae = keras_ae.VAE((8, 8, 1), 3, widths=(16,), prior="mixture")
    assert vae.sample(16).shape == (16, 8, 8, 1)
    assert float(tf.reduce_min(vae.sample(16))) > 0 and float(tf.reduce_max(vae.sample(16))) < 1
    # Means have many values. Draws of a Bernoulli would have two.
    assert len(np.unique(vae.sample(2000, seed=0))) > 64


def test_a_custom_prior_takes_five_lines(images):
    import tensorflow_probability as tfp

    @keras.saving.register_keras_serializable("tests")
    class Laplace(distributions.Prior):
        def call(self):
            return tfp.distributions.Independent(
                tfp.distributions.Laplace(tf.zeros(self.latent_dim), 1.0), 1
            )

    vae = keras_ae.VAE((8, 8, 1), 3, widths=(16,), prior=Laplace(3))
    vae.compile(run_eagerly=True)
    assert np.isfinite(vae.fit(images, verbose=0).history["kl"]).all()


SCALES = ("predicted", "trainable")  # of Gaussians


@pytest.mark.parametrize("likelihood", [*distributions.NAMES[distributions.Likelihood], *SCALES])
@pytest.mark.parametrize(
    "network, mode",
    [
        ("dense", "eager"),
        ("conv", "eager"),
        pytest.param("dense", "xla", marks=pytest.mark.slow),
        pytest.param("conv", "graph", marks=pytest.mark.slow),
    ],
)
def test_every_likelihood_trains(likelihood, network, mode):
    likelihood = distributions.Gaussian(likelihood) if likelihood in SCALES else likelihood
    x = np.random.default_rng(0).integers(0, 256, (16, 8, 8, 3)).astype("uint8")
    vae = keras_ae.VAE((8, 8, 3), 3, network, widths=(4,), likelihood=likelihood)
    options = {"jit_compile": mode == "xla", "run_eagerly": mode == "eager"}
    vae.compile(keras.optimizers.Adam(0.01), steps_per_execution=1, **options)
    loss = vae.fit(x, epochs=3, verbose=0).history["loss"]
    assert np.isfinite(loss).all() and loss[-1] < loss[0]
    assert vae.reconstruct(x).shape == x.shape


@pytest.mark.slow
def test_a_gaussian_vae_learns_a_table():
    """Held-out rows of the wine table are far likelier than under one Gaussian per feature."""
    x = StandardScaler().fit_transform(load_wine().data).astype("float32")
    train, test = x[::2], x[1::2]
    vae = keras_ae.VAE(
        (13,), 3, widths=(32,), likelihood=distributions.Gaussian("trainable"), posterior="full"
    )
    vae.compile(keras.optimizers.Adam(0.005))
    vae.fit(np.tile(train, (8, 1)), epochs=40, batch_size=64, verbose=0)
    independent = stats.norm.logpdf(test, train.mean(axis=0), train.std(axis=0)).sum(axis=1).mean()
    assert float(tf.reduce_mean(vae.log_likelihood(test, n_samples=200, seed=0))) > independent + 1


@functools.cache
def untrained():
    """A model for calls that fail. Tests must not change it."""
    return keras_ae.VAE((8, 8, 1), 3, widths=(4,))


@pytest.mark.parametrize(
    "call, message",
    [
        (
            lambda vae: vae.compile(loss="mse"),
            "minus its evidence lower bound.*Received: loss='mse'",
        ),
        (lambda vae: vae.sample(0), "`n` to be a positive integer. Received: n=0"),
        (
            lambda vae: vae.sample(2, seed="a"),
            "`seed` to be an integer or None. Received: seed='a'",
        ),
        (lambda vae: vae.elbo(np.zeros((2, 8, 8, 1), "float32"), n_samples=0), "n_samples=0"),
        (
            lambda vae: vae.log_likelihood(np.zeros((2, 8, 8, 1), "float32"), n_samples=2.5),
            "n_samples=2.5",
        ),
        (
            lambda vae: vae.log_likelihood(np.zeros((2, 8, 8, 1), "float32"), batch_size=0),
            "batch_size=0",
        ),
        (
            lambda vae: vae.interpolate(np.zeros((2, 8, 8)), np.zeros((3, 8, 8))),
            "Received: 2 and 3",
        ),
        (lambda vae: vae.interpolate(np.zeros((2, 8, 8)), np.zeros((2, 8, 8)), steps=1), "steps=1"),
        (lambda vae: keras_ae.VAE((8, 8, 1), 3, beta=-1), "beta=-1"),
        (lambda vae: keras_ae.VAE((8, 8, 1), 3, beta=math.nan), "beta=nan"),
        (
            lambda vae: keras_ae.VAE((8, 8, 1), 3, prior=distributions.StandardNormal(4)),
            r"shape \(3,\).*event_shape=\(4,\)",
        ),
        (
            lambda vae: keras_ae.VAE((8, 8, 1), 3, posterior="laplace"),
            "'diagonal', 'full'.*Received: 'laplace'",
        ),
    ],
)
def test_bad_calls_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(untrained())
