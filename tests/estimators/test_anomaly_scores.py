import numpy as np
import pytest
from linear import exact_posterior, linear_vae

import keras_ae
from keras_ae.estimators import anomaly_scores

X = np.random.default_rng(0).normal(size=(60, 4)).astype("float32")
NEW = np.random.default_rng(1).normal(size=(7, 4)).astype("float32")


class Halving:
    """Stands for a trained model: its reconstruction and its code are half of the input."""

    shape = (4,)

    def reconstruct(self, x):
        return 0.5 * np.asarray(x)

    encode = reconstruct


def test_the_reconstruction_error_is_the_mean_square():
    score = anomaly_scores.ReconstructionError().fit([Halving()], X)
    np.testing.assert_allclose(score.of(NEW), np.mean(np.square(0.5 * NEW), axis=1), rtol=1e-6)
    np.testing.assert_allclose(score.contributions(NEW), np.square(0.5 * NEW), rtol=1e-6)


def test_an_ensemble_is_judged_by_its_mean_reconstruction():
    class Zero(Halving):
        def reconstruct(self, x):
            return np.zeros_like(x)

    score = anomaly_scores.ReconstructionError().fit([Halving(), Zero()], X)
    np.testing.assert_allclose(score.of(NEW), np.mean(np.square(0.75 * NEW), axis=1), rtol=1e-6)


@pytest.mark.parametrize("k", [1, 3])
def test_the_residual_distance_is_that_of_numpy(k):
    """With x' = x / 2 and the weight 2 the features are (x, x): a distance of sqrt(2) |x - n|."""
    score = anomaly_scores.ResidualDistance(neighbours=k, weight=2.0).fit([Halving()], X)
    distances = np.sqrt(np.square(NEW[:, None] - X).sum(axis=-1))  # (7, 60)
    expected = np.sqrt(2) * np.sort(distances, axis=1)[:, k - 1]
    np.testing.assert_allclose(score.of(NEW), expected, rtol=1e-5)
    np.testing.assert_allclose(score.contributions(NEW).sum(axis=1), expected**2, rtol=1e-5)


def test_copies_are_skipped():
    """A training example is no neighbour of itself, nor is its double."""
    doubled = np.concatenate([X, X])
    score = anomaly_scores.CodeDistance(neighbours=1).fit([Halving()], doubled)
    distances = 0.5 * np.sqrt(np.square(X[:, None] - X).sum(axis=-1)) + 1e9 * np.eye(len(X))
    np.testing.assert_allclose(score.of(X), distances.min(axis=1), rtol=1e-5)


def test_distances_are_measured_to_a_bounded_number_of_examples(monkeypatch):
    monkeypatch.setattr(anomaly_scores, "MAX_NEIGHBOURS_FROM", 25)
    score = anomaly_scores.CodeDistance().fit([Halving()], X)
    assert score.references["features"].shape == (25, 4)


def test_bounds_of_a_linear_gaussian_vae():
    """Its ELBO is log p(x), which is known, since its posterior is the true one."""
    vae, density = linear_vae("full")
    exact_posterior(vae)
    x = density.rvs(5, random_state=0).astype("float32")
    for name in ("negative_elbo", "importance_weighted"):
        score = anomaly_scores.SCORES[name](n_samples=2000).fit([vae], x)
        np.testing.assert_allclose(score.of(x), -density.logpdf(x), atol=0.1)


def test_denoising_errors_do_not_depend_on_other_rows():
    score = anomaly_scores.DenoisingError().fit([Halving()], X)
    np.testing.assert_allclose(score.of(NEW)[2:4], score.of(NEW[2:4]), rtol=1e-6)


def test_names():
    for name, cls in anomaly_scores.SCORES.items():
        assert type(anomaly_scores.get(name)) is cls
        cls(**anomaly_scores.get(name).get_config())
    with pytest.raises(ValueError, match="Expected `score` to be one of 'reconstruction_error'"):
        anomaly_scores.get("distance")
    with pytest.raises(ValueError, match="neighbours"):
        keras_ae.estimators.CodeDistance(neighbours=0)


def test_the_denoising_error_of_images_is_blurred_and_relative():
    """With the reconstruction x / 2 and no noise, the residual is x / 2."""
    images = np.random.default_rng(2).random((5, 6, 7, 1)).astype("float32")
    spots = 0 * images[:2]
    spots[0, 3, 3], spots[1, 2:4, 2:4] = 1, 1  # one pixel; four
    plain, blurred = (
        anomaly_scores.DenoisingError(scales=(0.0,), blur=blur).fit([Halving()], images)
        for blur in (0.0, 0.7)
    )
    np.testing.assert_allclose(plain.of(images), np.mean(0.25 * images**2, axis=(1, 2, 3)), 1e-5)
    near = np.arange(6)[:, None] - 3, np.arange(7) - 3
    bell = np.exp(-(near[0] ** 2 + near[1] ** 2) / (2 * 0.7**2))
    expected = 0.25 * np.square(bell / bell.sum())
    np.testing.assert_allclose(blurred.contributions(spots)[0, ..., 0], expected, atol=2e-3)
    relative = anomaly_scores.DenoisingError(scales=(0.0,), blur=0.7, relative=True)
    shares = blurred.of(spots) / np.mean(spots**2, axis=(1, 2, 3))
    np.testing.assert_allclose(relative.fit([Halving()], images).of(spots), shares, rtol=1e-4)
    assert np.isfinite(relative.of(0 * images)).all()


def test_a_relative_error_is_that_of_a_brighter_image():
    score = anomaly_scores.DenoisingError(scales=(0.0,), relative=True).fit([Halving()], X)
    np.testing.assert_allclose(score.of(3 * NEW), score.of(NEW), rtol=1e-5)


def test_only_images_are_blurred():
    score = anomaly_scores.DenoisingError(blur=1.0).fit([Halving()], X)
    with pytest.raises(ValueError, match=r"Expected images.*Received: the shape \(7, 4\)"):
        score.of(NEW)
