import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from keras_ae import distributions
from keras_ae.utils import seeds


@pytest.mark.parametrize("jit_compile", [False, True])
def test_draws_follow_their_distributions(jit_compile):
    @tf.function(jit_compile=jit_compile)
    def draws(seed):
        return seeds.normal((200_000,), seed), seeds.uniform((200_000,), seed)

    normal, uniform = draws(seeds.from_int(3))
    assert np.isfinite(normal).all() and np.min(uniform) >= 0 and np.max(uniform) < 1
    assert scipy.stats.kstest(normal, "norm").pvalue > 0.001
    assert scipy.stats.kstest(uniform, "uniform").pvalue > 0.001
    assert 3.9 < np.max(normal) < 6 and -6 < np.min(normal) < -3.9  # tails
    again, other = draws(seeds.from_int(3))[0], draws(seeds.from_int(4))[0]
    np.testing.assert_array_equal(normal, again)
    assert abs(np.corrcoef(normal, other)[0, 1]) < 0.01


def test_the_lowest_uniform_draw_gives_a_finite_normal(monkeypatch):
    def lowest(shape, seed, minval, **rest):
        return tf.fill(shape, tf.constant(minval))

    monkeypatch.setattr(tf.random, "stateless_uniform", lowest)
    assert np.isfinite(seeds.normal((2,), seeds.from_int(0))).all()


def test_numbers_fold_into_different_seeds():
    found = {tuple(seeds.fold(seeds.from_int(0), n).numpy()) for n in range(100)}
    assert len(found) == 100
    assert tuple(seeds.fold(seeds.from_int(1), 5).numpy()) not in found


@pytest.mark.parametrize("name", ["diagonal", "full"])
def test_posteriors_draw_with_the_moments_they_state(name):
    layer = distributions.get(distributions.Posterior, name)
    params = np.random.default_rng(0).standard_normal((2, layer.params_size(3))).astype("float32")
    posterior = layer(tf.constant(params))
    z = posterior.sample(100_000, seed=seeds.from_int(1)).numpy()  # (draws, 2, 3)
    np.testing.assert_allclose(z.mean(axis=0), posterior.mean(), atol=0.03)
    for i in range(2):
        np.testing.assert_allclose(np.cov(z[:, i].T), posterior.covariance()[i], atol=0.05)
