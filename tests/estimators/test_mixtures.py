"""The mixture of Gaussians for incomplete rows, against closed forms and scikit-learn."""

import numpy as np
import pytest
from scipy import stats
from sklearn.mixture import GaussianMixture

from keras_ae.estimators import IncompleteMixture

LOC = np.array([[1.0, -1.0, 0.5], [-2.0, 0.0, 1.0]])
ROOTS = np.random.default_rng(0).normal(size=(2, 3, 3))
COVARIANCE = ROOTS @ ROOTS.transpose(0, 2, 1) + 0.1 * np.eye(3)
MIXTURE = IncompleteMixture(np.array([0.3, 0.7]), LOC, COVARIANCE)
ROW = np.array([[0.2, np.nan, np.nan]])


def exact_parts():
    """p(k | x_0) and the mean and covariance of the other columns under each component."""
    shares = MIXTURE.weights * stats.norm.pdf(0.2, LOC[:, 0], np.sqrt(COVARIANCE[:, 0, 0]))
    slopes = COVARIANCE[:, 1:, 0] / COVARIANCE[:, :1, 0]
    means = LOC[:, 1:] + slopes * (0.2 - LOC[:, :1])
    rest = COVARIANCE[:, 1:, 1:] - slopes[:, :, None] * COVARIANCE[:, None, 0, 1:]
    return shares / shares.sum(), means, rest


def test_the_mean_and_the_density_are_the_closed_form():
    shares, means, _ = exact_parts()
    np.testing.assert_allclose(MIXTURE.mean(ROW)[0], [0.2, *(shares @ means)])
    marginal = stats.norm.pdf(0.2, LOC[:, 0], np.sqrt(COVARIANCE[:, 0, 0])) @ MIXTURE.weights
    np.testing.assert_allclose(MIXTURE.log_likelihood(ROW), [np.log(marginal)])
    full = np.ones((1, 3))
    density = [stats.multivariate_normal(*pair).pdf(full[0]) for pair in zip(LOC, COVARIANCE)]  # noqa: B905
    np.testing.assert_allclose(MIXTURE.log_likelihood(full), [np.log(MIXTURE.weights @ density)])


def test_draws_have_the_exact_mean_and_covariance():
    shares, means, rest = exact_parts()
    mean = shares @ means
    spread = means - mean
    covariance = np.einsum("k,kab->ab", shares, rest) + (shares[:, None] * spread).T @ spread
    drawn = MIXTURE.draws(ROW, 40_000, seed=0)[:, 0]
    assert (drawn[:, 0] == 0.2).all()
    np.testing.assert_allclose(drawn[:, 1:].mean(axis=0), mean, atol=0.03)
    np.testing.assert_allclose(np.cov(drawn[:, 1:].T), covariance, rtol=0.05, atol=0.03)


def test_on_complete_rows_one_gaussian_is_the_sample_covariance():
    x = np.random.default_rng(0).normal(size=(200, 3)) @ ROOTS[0]
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    fitted = IncompleteMixture.fit(x, 1, ridge=0.0)
    np.testing.assert_allclose(fitted.covariance[0], np.cov(x.T, bias=True), atol=1e-8)
    np.testing.assert_allclose(fitted.loc, 0, atol=1e-8)


def test_it_learns_the_clusters_of_incomplete_rows():
    """As good as scikit-learn's mixture of the complete rows, on new rows."""
    draws = np.random.default_rng(0)
    rows = np.concatenate([draws.normal(size=(300, 3)) * 0.3 + loc for loc in LOC])
    rows, new = (x[draws.permutation(600)] for x in (rows, rows + 0.0))
    holes = np.where(draws.random(rows.shape) < 0.3, np.nan, rows)
    fitted = IncompleteMixture.fit(holes, 2, seed=1, ridge=0.1, prior=1.0)
    best = GaussianMixture(2, random_state=0).fit(rows).score(new)
    assert fitted.log_likelihood(new).mean() > best - 0.05


def test_each_step_raises_the_likelihood_without_priors():
    draws = np.random.default_rng(0)
    x = draws.normal(size=(60, 4)) @ draws.normal(size=(4, 4))
    x[draws.random(x.shape) < 0.4] = np.nan
    x = (x - np.nanmean(x, axis=0)) / np.nanstd(x, axis=0)
    found = [
        IncompleteMixture.fit(x, 1, steps=steps, ridge=0.0).log_likelihood(x).mean()
        for steps in (1, 3, 9, 27)
    ]
    assert (np.diff(found) > -0.01).all() and found[-1] > found[0] + 0.1


def test_many_rows_are_worked_on_in_parts(monkeypatch):
    x = np.random.default_rng(0).normal(size=(50, 3))
    x[::3, 1] = np.nan
    whole = IncompleteMixture.fit(x, 2)
    monkeypatch.setattr("keras_ae.estimators.mixtures.VALUES", 7 * 2 * 9)  # 7 rows
    parts = IncompleteMixture.fit(x, 2)
    np.testing.assert_allclose(parts.mean(x), whole.mean(x))
    assert parts.log_likelihood(x) == pytest.approx(whole.log_likelihood(x))
