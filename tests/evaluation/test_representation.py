"""Codes and classes, against scikit-learn by other ways, and against published numbers on MNIST."""

import itertools
import sys

import numpy as np
import pytest

from keras_ae import datasets
from keras_ae.evaluation import representation


@pytest.fixture
def blobs():
    """Three classes of 40 points in the plane, far from each other, and their classes."""
    random = np.random.default_rng(0)
    y = np.repeat([3, 5, 9], 40)
    return np.repeat([[0, 0], [8, 0], [0, 8]], 40, axis=0) + random.standard_normal((120, 2)), y


def test_clear_classes_are_found_by_all(blobs):
    x, y = blobs
    train, test = representation.halves(x, y)
    assert (
        representation.linear_probe(train, test)
        == representation.nearest_neighbours(train, test)
        == 100.0
    )
    clusters = representation.kmeans(x, 3).labels_
    assert representation.clustering(clusters, y) == pytest.approx(
        dict(kmeans_accuracy=100, kmeans_nmi=100, kmeans_ari=100)
    )


def test_shuffled_classes_are_found_by_none(blobs):
    x, y = blobs
    train, test = representation.halves(x, np.random.default_rng(1).permutation(y))
    assert (
        representation.linear_probe(train, test) < 60
        and representation.nearest_neighbours(train, test) < 60
    )
    assert (
        representation.clustering(
            representation.kmeans(x, 3).labels_, np.random.default_rng(1).permutation(y)
        )["kmeans_nmi"]
        < 10
    )


def test_the_accuracy_of_clusters_is_that_of_the_best_matching():
    random = np.random.default_rng(0)
    y, clusters = random.integers(0, 4, 50), random.integers(0, 4, 50)
    best = max(
        np.mean(np.array(matching)[clusters] == y) for matching in itertools.permutations(range(4))
    )
    found = representation.clustering(clusters, y)
    assert found["kmeans_accuracy"] == pytest.approx(100 * best)
    # mutual information over the mean entropy, by counting
    joint = np.histogram2d(y, clusters, bins=4)[0] / 50
    a, b = joint.sum(axis=1), joint.sum(axis=0)
    information = np.sum(
        joint * np.log(np.where(joint > 0, joint, 1) / np.where(joint > 0, np.outer(a, b), 1))
    )
    entropies = -np.sum(a * np.log(a)), -np.sum(b * np.log(b))
    assert found["kmeans_nmi"] == pytest.approx(100 * information / np.mean(entropies))


def test_more_clusters_than_classes_match_one_to_one():
    assert representation.clustering([0, 1, 2, 3], [0, 0, 1, 1])[
        "kmeans_accuracy"
    ] == pytest.approx(50)


def test_spectral_clusters_follow_shapes_that_kmeans_cuts():
    angles = np.linspace(0, np.pi, 100)
    moons = np.concatenate(
        [np.c_[np.cos(angles), np.sin(angles)], np.c_[1 - np.cos(angles), 0.4 - np.sin(angles)]]
    ) + 0.02 * np.random.default_rng(0).standard_normal((200, 2))
    y = np.repeat([0, 1], 100)
    with pytest.warns(
        UserWarning, match="not fully connected"
    ):  # scikit-learn's, of a graph in two parts
        assert (
            representation.clustering(representation.spectral(moons, 2), y, "moons")[
                "moons_accuracy"
            ]
            == 100
        )
        few = representation.spectral(moons[::-1], 2, most=150)
    assert (few[150:] == -1).all() and set(few[:150]) == {0, 1}
    assert (
        representation.clustering(representation.kmeans(moons, 2).labels_, y)["kmeans_accuracy"]
        < 95
    )


@pytest.mark.parametrize("covariance", ["diagonal", "full"])
def test_a_mixture_goes_on_from_labels(blobs, covariance):
    x, y = blobs
    labels = np.searchsorted([3, 5, 9], y)
    some = np.where(np.arange(120) % 3, labels, -1)
    found = representation.gaussian_mixture(x, 3, covariance=covariance, labels=some)
    np.testing.assert_array_equal(found.predict(x), labels)  # in their order
    assert (
        found.score(x)
        >= representation.gaussian_mixture(x, 3, covariance=covariance, starts=3).score(x) - 1e-3
    )
    assert found.covariances_.shape == ((3, 2) if covariance == "diagonal" else (3, 2, 2))


def test_the_probe_does_not_see_the_scale_of_a_dimension_and_bears_a_dead_one(blobs):
    x, y = blobs
    scaled = np.column_stack([1e-4 * x[:, 0], 1e4 * x[:, 1], np.zeros(len(x))])
    accuracies = [
        representation.linear_probe((data[::2], y[::2]), (data[1::2], y[1::2]))
        for data in (x, scaled)
    ]
    assert accuracies[0] == accuracies[1]


def test_halves_are_disjoint_and_the_same_for_the_same_seed():
    x = np.arange(11)
    (a, ya), (b, yb) = representation.halves(x, 2 * x, seed=1)
    assert sorted([*a, *b]) == list(x) and len(a) == 5
    np.testing.assert_array_equal(ya, 2 * a)
    np.testing.assert_array_equal(a, representation.halves(x, x, seed=1)[0][0])
    assert list(a) != list(representation.halves(x, x, seed=2)[0][0])


@pytest.mark.parametrize(
    "use",
    [
        lambda x, y: representation.linear_probe((x, y), (x, y)),
        lambda x, y: representation.nearest_neighbours((x, y), (x, y)),
        lambda x, y: representation.kmeans(x, 3),
        lambda x, y: representation.spectral(x, 3),
        lambda x, y: representation.clustering(y, y),
        lambda x, y: representation.pca(x, 2),
    ],
)
def test_without_scikit_learn_an_error_says_what_to_install(use, blobs, monkeypatch):
    for module in [
        name for name in sys.modules if name == "sklearn" or name.startswith("sklearn.")
    ]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ImportError, match=r'pip install "keras-ae\[datasets\]"'):
        use(*blobs)


# All of MNIST: the numbers that others have measured


@pytest.fixture(scope="module")
def mnist():
    (x_train, y_train), (x_test, y_test) = datasets.load("mnist")
    return [
        (x.reshape(len(x), -1).astype("float32") / 255, y)
        for x, y in ((x_train, y_train), (x_test, y_test))
    ]


@pytest.mark.full_data
def test_kmeans_on_pixels_is_as_published(mnist):
    """Test images. Recomputed: 53.4 % and 49.4 %; DEC-keras: 53 and 50; one start: 51 to 60 %."""
    _, (x, y) = mnist
    found = representation.clustering(representation.kmeans(x, 10).labels_, y)
    assert found["kmeans_accuracy"] == pytest.approx(53.4, abs=1.0)
    assert found["kmeans_nmi"] == pytest.approx(49.4, abs=1.0)


def test_principal_components_of_few_large_examples():
    """Colour pictures have more values than there are examples. Against numpy's singular values."""
    x = np.random.default_rng(0).normal(size=(20, 3000)).astype("float32")
    found = representation.pca(x, 3)
    values = np.linalg.svd(x - x.mean(axis=0), compute_uv=False)
    assert found.explained_variance_ == pytest.approx(values[:3] ** 2 / 19, rel=1e-4)
    assert found.svd_solver == "full"  # the matrix of 3,000 x 3,000 is never made


@pytest.mark.full_data
@pytest.mark.parametrize("components, accuracy", [(10, 92.8), (30, 97.55)])
def test_nearest_neighbours_on_principal_components_are_as_recomputed(components, accuracy, mnist):
    (x, y), (x_test, y_test) = mnist
    pca = representation.pca(x, components)
    train, test = (pca.transform(x), y), (pca.transform(x_test), y_test)
    found = representation.nearest_neighbours(train, test)
    assert found == pytest.approx(accuracy, abs=0.1)
    if components == 30:
        assert representation.linear_probe(train, test) == pytest.approx(83.0, abs=0.1)
