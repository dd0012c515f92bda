"""Chains of distributions, and the hierarchical posterior and prior made of them."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from eagerly import eagerly
from scipy import stats

import keras_ae
from keras_ae import distributions
from keras_ae.distributions import draws
from keras_ae.distributions.hierarchical import HierarchicalPosterior, HierarchicalPrior

tfd = distributions.tfd


def linear_chain():
    """z_1 ~ N(m, 1), z_2 ~ N(2 z_1, 0.5^2), for m = 1 and m = -1.

    Returns the chain, and the exact distribution of (z_1, z_2) for each m, which is a Gaussian.
    """
    m = tf.constant([[1.0], [-1.0]])
    chain = draws.Chain(
        (1, 1),
        [
            lambda _: tfd.MultivariateNormalDiag(m, tf.ones_like(m)),
            lambda above: tfd.MultivariateNormalDiag(2 * above[0], 0.5 * tf.ones_like(above[0])),
        ],
    )
    return chain, [stats.multivariate_normal([c, 2 * c], [[1, 2], [2, 4.25]]) for c in (1, -1)]


def test_a_chain_of_gaussians_is_the_joint_gaussian():
    chain, exact = linear_chain()
    z = np.random.default_rng(0).standard_normal((7, 2, 2)).astype("float32")
    expected = np.stack([exact[i].logpdf(z[:, i]) for i in (0, 1)], axis=1)
    np.testing.assert_allclose(chain.log_prob(z), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(chain.centre(), [[1, 2], [-1, -2]])
    assert chain.batch_shape == (2,) and chain.event_shape == (2,)
    samples = chain.sample(20_000, seed=1).numpy()
    assert samples.shape == (20_000, 2, 2)
    np.testing.assert_allclose(samples.mean(axis=0), [[1, 2], [-1, -2]], atol=0.06)
    np.testing.assert_allclose(np.cov(samples[:, 0].T), [[1, 2], [2, 4.25]], atol=0.15)


def test_a_draw_has_the_same_density_as_an_equal_value():
    chain, _ = linear_chain()
    z = chain.sample(3, seed=1)
    np.testing.assert_allclose(chain.log_prob(z), chain.log_prob(z.numpy()), rtol=1e-5)
    z, log_prob = chain.experimental_sample_and_log_prob(3, seed=2)
    np.testing.assert_allclose(log_prob, chain.log_prob(z.numpy()), rtol=1e-5)


def test_a_part_that_depends_on_no_other_part_is_drawn_as_often():
    chain = draws.Chain(
        (2, 1),
        [
            lambda _: tfd.OneHotCategorical(logits=[0.0, 1.0], dtype=tf.float32),
            lambda _: tfd.MultivariateNormalDiag([0.0], [1.0]),
        ],
    )
    z = chain.sample((5, 4), seed=0)
    assert z.shape == (5, 4, 3) and chain.log_prob(z).shape == (5, 4)
    assert len(np.unique(z[..., 2])) == 20


def test_kl_of_two_chains_is_the_kl_of_the_joint_gaussians():
    """The KL of the first part is exact. The KL of the second is exact in the mean over draws."""
    q, _ = linear_chain()
    p = draws.Chain(
        (1, 1),
        [
            lambda _: tfd.MultivariateNormalDiag([0.0], [2.0]),
            lambda above: tfd.MultivariateNormalDiag(above[0], tf.ones_like(above[0])),
        ],
    )
    covariance = np.array([[4.0, 4.0], [4.0, 5.0]])
    scale_q = np.linalg.cholesky([[1, 2], [2, 4.25]]).astype("float32")
    scale_p = np.linalg.cholesky(covariance).astype("float32")
    joint_q = tfd.MultivariateNormalTriL([[1.0, 2.0], [-1.0, -2.0]], scale_q)
    joint_p = tfd.MultivariateNormalTriL([0.0, 0.0], scale_p)
    exact = tfd.kl_divergence(joint_q, joint_p)
    estimates = distributions.kl_divergence(q, p, q.sample(50_000, seed=0))
    np.testing.assert_allclose(np.mean(estimates, axis=0), exact, atol=0.03)


@pytest.mark.parametrize("layer", ["diagonal", "full", ("diagonal", "full")])
def test_gradients_reach_every_network(layer):
    posterior = HierarchicalPosterior((2, 3), layer, width=8)
    prior = HierarchicalPrior((2, 3), "mixture", width=8)
    features = tf.random.stateless_normal((4, 8), (0, 0))
    with tf.GradientTape() as tape:
        q = posterior(features)
        z = q.sample(6, seed=0)
        loss = tf.reduce_sum(distributions.kl_divergence(q, prior(), z))
    assert z.shape == (6, 4, 5)
    weights = posterior.trainable_weights + prior.trainable_weights
    gradients = tape.gradient(loss, [weight.value for weight in weights])
    for weight, gradient in zip(weights, gradients, strict=True):
        assert gradient is not None and np.abs(gradient).max() > 0, weight.path


def test_the_vamp_prior_of_the_top_layer_is_the_mean_of_its_posteriors(images):
    vae = keras_ae.HVAE(
        (8, 8, 1), (2, 3), widths=(16,), width=8, prior=distributions.VampPrior(2, components=6)
    )
    vae.prior_layer.top.pseudo_inputs.assign(images[:6])
    z = np.random.default_rng(0).standard_normal((4, 2)).astype("float32")
    each = vae.posterior(images[:6]).first.log_prob(z[:, None])  # (4, 6)
    np.testing.assert_allclose(
        vae.prior.first.log_prob(z), tf.reduce_logsumexp(each, axis=1) - np.log(6), rtol=1e-4
    )


def test_the_bound_of_a_hierarchy_tightens_to_the_density():
    """A linear Gaussian model of two layers: p(x) is a Gaussian whose covariance is known."""
    vae = keras_ae.HVAE((3,), (1, 1), widths=(), likelihood=distributions.Gaussian(0.7), width=4)
    for network in vae.prior_layer.networks:  # z_2 ~ N(0.5, 1) for every z_1
        network.set_weights([np.zeros(w.shape) for w in network.get_weights()])
        network.last.bias.assign([0.5, np.log(np.e - 1)])
    rng = np.random.default_rng(0)
    kernel, bias = 0.4 * rng.standard_normal((2, 3)), rng.standard_normal(3)
    vae.decoder.set_weights([kernel, bias])
    exact = stats.multivariate_normal(
        bias + kernel.T @ [0, 0.5], kernel.T @ kernel + 0.49 * np.eye(3)
    )
    x = exact.rvs(40, random_state=0).astype("float32")
    with eagerly():
        bounds = [float(tf.reduce_mean(vae.log_likelihood(x, n, seed=0))) for n in (1, 20)]
    bounds.append(float(tf.reduce_mean(vae.log_likelihood(x, 20_000, seed=0))))
    assert bounds[0] < bounds[1] < bounds[2] < exact.logpdf(x).mean() + 0.02
    assert bounds[2] == pytest.approx(exact.logpdf(x).mean(), abs=0.02)


def combined(objective):
    return keras_ae.HVAE(
        (8, 8, 1),
        (2, 3),
        widths=(16,),
        width=8,
        prior="flow",
        objective=objective,
        posterior=("diagonal", "full"),
    )


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["iwae", "mmd"])
def test_a_hierarchy_learns_with_objectives_and_priors(images, objective):
    vae = combined(objective)
    vae.compile(keras.optimizers.Adam(0.01))
    losses = vae.fit(images, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("objective", ["iwae", pytest.param("mmd", marks=pytest.mark.slow)])
@eagerly()
def test_a_hierarchy_combines_with_objectives_and_priors(images, objective, tmp_path):
    vae = combined(objective)
    vae.compile(keras.optimizers.Adam(0.01), run_eagerly=True)
    assert np.isfinite(vae.fit(images, verbose=0).history["loss"]).all()
    assert [z.shape[1] for z in vae.split(vae.encode(images))] == [2, 3]
    vae.save_to_preset(tmp_path / "mine")
    loaded = keras_ae.load(tmp_path / "mine")
    np.testing.assert_array_equal(loaded.predict(images, verbose=0), vae.predict(images, verbose=0))
    np.testing.assert_allclose(
        loaded.log_likelihood(images, 7, seed=0), vae.log_likelihood(images, 7, seed=0), rtol=1e-6
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"latent_dim": ()}, r"at least one layer.*Received: latent_dim=\(\)"),
        ({"latent_dim": (2, 0)}, "latent_dim=0"),
        ({"posterior": ("diagonal",) * 3}, "one posterior, or 2.*Received: 3"),
        ({"width": 0}, "width=0"),
    ],
)
def test_bad_arguments_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        keras_ae.HVAE(**{"shape": (8, 8, 1), "latent_dim": (2, 3), **options})
