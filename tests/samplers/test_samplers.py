import keras
import numpy as np
import pytest
from eagerly import eagerly
from scipy import stats

import keras_ae
from keras_ae import samplers
from keras_ae.samplers import fitted


@pytest.fixture(scope="module")
def digits():
    """A model and the digits, and those held out. Not to be changed."""
    keras.utils.set_random_seed(0)
    (x, _), (held_out, _) = keras_ae.datasets.load("digits")
    model = keras_ae.RAE((8, 8, 1), 6, widths=(64,))
    model.compile(jit_compile=False)
    model.fit(x, epochs=15, batch_size=64, verbose=0)
    return model, x, held_out


@pytest.fixture(scope="module")
def mixture(digits):
    """The sampler of the model that `samplers.fit` makes when it is asked for no other."""
    model, x, _ = digits
    return samplers.fit(model, x)


@pytest.mark.parametrize("kind", ["mixture", pytest.param("flow", marks=pytest.mark.slow)])
def test_the_held_out_log_density_of_codes_improves(kind, digits, request):
    """Better than one Gaussian, which is better than N(0, I): codes of digits lie in clusters."""
    model, x, held_out = digits
    z, train = np.array(model.encode(held_out), "float64"), np.array(model.encode(x), "float64")
    normal = stats.norm.logpdf(z).sum(axis=1).mean()
    gaussian = stats.multivariate_normal(train.mean(axis=0), np.cov(train.T)).logpdf(z).mean()
    sampler = (
        request.getfixturevalue("mixture")
        if kind == "mixture"
        else samplers.fit(model, x, kind=kind)
    )
    fitted = sampler.log_prob(z).mean()
    assert normal + 1 < gaussian < fitted - 0.1, (normal, gaussian, fitted)


@pytest.mark.parametrize("kind", ["mixture", pytest.param("flow", marks=pytest.mark.slow)])
@eagerly()
def test_the_density_integrates_to_one_where_it_draws(kind, monkeypatch):
    """By importance sampling: E_p[q(z) / p(z)] = 1 for a density q with the same support."""
    monkeypatch.setattr(fitted, "FLOW_EPOCHS", 1)
    model = keras_ae.AE((5,), 2, widths=())
    x = np.random.default_rng(0).standard_normal((400, 5)).astype("float32") * [1, 2, 3, 1, 1] + 4
    sampler = samplers.fit(model, x.astype("float32"), kind=kind)
    z = np.asarray(model.encode(x.astype("float32")), "float64")
    q = stats.multivariate_normal(
        z.mean(axis=0), 0.3 * np.cov(z.T)
    )  # narrower, so that the ratio is bounded
    drawn = sampler.sample_codes(20_000, seed=1)
    ratios = np.exp(q.logpdf(drawn) - sampler.log_prob(drawn))
    assert ratios.mean() == pytest.approx(1, abs=0.06)
    np.testing.assert_allclose(drawn.mean(axis=0), z.mean(axis=0), atol=0.15 * z.std())


def test_draws_are_reproducible_and_in_no_order(digits, mixture):
    model, sampler = digits[0], mixture
    images = sampler.sample(9, seed=1)
    assert images.shape == (9, 8, 8, 1)
    np.testing.assert_array_equal(images, sampler.sample(9, seed=1))
    assert not np.array_equal(sampler.sample(9), sampler.sample(9))
    np.testing.assert_allclose(images, model.decode(sampler.sample_codes(9, seed=1)), atol=1e-6)
    drawn = sampler.sample_codes(2000, seed=0)
    assert np.abs(drawn[:1000].mean(axis=0) - drawn[1000:].mean(axis=0)).max() < 0.2 * drawn.std()


def test_a_vae_is_fitted_at_draws_of_its_posterior(images):
    vae = keras_ae.VAE((8, 8, 1), 2, widths=())
    sampler = samplers.fit(vae, np.repeat(images, 50, axis=0))
    spread = sampler.sample_codes(5000, seed=0).std(axis=0)
    total = np.sqrt(
        vae.posterior(images).variance().numpy().mean(axis=0)
        + vae.encode(images).numpy().var(axis=0)
    )
    np.testing.assert_allclose(spread, total, rtol=0.1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda model, x, _: samplers.fit(model, x, kind="gan"),
            "'mixture' or 'flow' for a RAE. Received: kind='gan'",
        ),
        (lambda model, x, _: samplers.fit(model, x[:5]), "at least 20 examples.*Received: 5"),
        (lambda model, x, sampler: sampler.sample(0), "Received: n=0"),
        (lambda model, x, sampler: sampler.log_prob(np.zeros((3, 4))), r"Received: shape=\(3, 4\)"),
    ],
)
def test_what_does_not_fit_is_refused(digits, mixture, call, message):
    model, x, _ = digits
    with pytest.raises(ValueError, match=message):
        call(model, x, mixture)
