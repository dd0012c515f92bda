"""The axes of the explorer, against scikit-learn."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from keras_ae.explorer.axes import Axes


@pytest.fixture
def codes():
    draws = np.random.default_rng(0)
    return draws.standard_normal((500, 12)) @ draws.standard_normal((12, 12)) + 3


def test_axes_of_two_dimensions_are_the_dimensions():
    codes = np.random.default_rng(0).normal([1, -2], [0.5, 3], (500, 2))
    axes = Axes.of(codes)
    np.testing.assert_array_equal(axes.coordinates(codes), codes)
    np.testing.assert_allclose(axes.moved(codes[0], [5, 6]), [5, 6])
    assert (axes.low < np.quantile(codes, 0.01, axis=0)).all()
    assert (axes.high > np.quantile(codes, 0.99, axis=0)).all()


def test_axes_of_more_dimensions_are_those_of_scikit_learn(codes):
    axes, pca = Axes.of(codes), PCA(8).fit(codes)
    np.testing.assert_allclose(axes.origin, codes.mean(axis=0))
    cosines = np.abs((axes.directions * pca.components_).sum(axis=1))
    np.testing.assert_allclose(cosines, np.ones(8), rtol=1e-6)
    expected = np.abs(pca.transform(codes))
    np.testing.assert_allclose(np.abs(axes.coordinates(codes)), expected, atol=1e-6)
    assert axes.names[0] == f"axis 1 ({100 * pca.explained_variance_ratio_[0]:.0f} %)"


def test_a_move_leaves_the_rest_of_a_code_as_it_was(codes):
    axes = Axes.of(codes)
    moved = axes.moved(codes[7], [0.25, -0.5])
    found, before = axes.coordinates(moved), axes.coordinates(codes[7])
    np.testing.assert_allclose(found[:2], [0.25, -0.5])
    np.testing.assert_allclose(found[2:], before[2:], atol=1e-9)
    change, plane = moved - codes[7], axes.directions[:2]
    np.testing.assert_allclose(change @ plane.T @ plane, change, atol=1e-9)
    np.testing.assert_allclose(axes.moved(moved, before), codes[7], atol=1e-9)


def test_no_axis_moves_held_dimensions(codes):
    held, free = Axes.of(codes, held=4), Axes.of(codes[:, 4:])
    np.testing.assert_allclose(held.coordinates(codes), free.coordinates(codes[:, 4:]), atol=1e-9)
    moved = held.moved(codes[7], [1, 2, 3])
    np.testing.assert_array_equal(moved[:4], codes[7, :4])
    np.testing.assert_allclose(moved[4:], free.moved(codes[7, 4:], [1, 2, 3]))


def test_codes_that_do_not_vary_still_have_axes_with_two_ends():
    axes = Axes.of(np.ones((50, 4)))
    assert (axes.low < axes.high).all() and np.isfinite(axes.directions).all()
