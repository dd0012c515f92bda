import sys
import types

import matplotlib.colors
import numpy as np
import pytest

import keras_ae
from keras_ae import plots
from keras_ae.evaluation import scores
from keras_ae.plots import drawing

from .conftest import linear


def written(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def test_latent_scatter(ae, x, y, codes, same_picture):
    figure = plots.latent_scatter(ae, x, y)
    points = figure.axes[0].collections[0]
    order = np.argsort(points.get_offsets()[:, 0].data)
    np.testing.assert_allclose(
        points.get_offsets()[order], codes[np.argsort(codes[:, 0])], atol=1e-5
    )
    expected = matplotlib.colors.to_rgba_array(
        [drawing.COLOURS[label] for label in y[np.argsort(codes[:, 0])]], 0.7
    )
    np.testing.assert_allclose(points.get_facecolors()[order], expected)
    assert written(figure) == ["0", "1", "2"]
    same_picture(figure, "latent_scatter")


def test_latent_scatter_without_classes_with_numbers_and_with_many(ae, x, codes, same_picture):
    same_picture(plots.latent_scatter(ae, x), "latent_scatter_without_classes")
    same_picture(plots.latent_scatter(ae, x, codes[:, 0]), "latent_scatter_of_numbers")
    assert written(plots.latent_scatter(ae, x, np.arange(30) % 12)) == [str(i) for i in range(12)]


def test_more_dimensions_are_projected_onto_principal_components(images):
    from sklearn.decomposition import PCA

    model = keras_ae.AE((8, 8, 1), 5, widths=(4,))
    figure = plots.latent_scatter(model, images)
    # Principal components have no fixed sign.
    points = np.sort(np.abs(figure.axes[0].collections[0].get_offsets().data), axis=0)
    pca = PCA(2).fit(model.encode(images))
    np.testing.assert_allclose(
        points, np.sort(np.abs(pca.transform(model.encode(images))), axis=0), rtol=1e-3, atol=1e-5
    )
    share = f"{100 * pca.explained_variance_ratio_[0]:.0f} %"
    assert figure.axes[0].get_xlabel() == f"principal component 1 ({share} of the variance)"


def test_umap_is_used_if_it_is_installed(images, monkeypatch):
    model = keras_ae.AE((8, 8, 1), 5, widths=(4,))
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(ImportError, match="pip install umap-learn"):
        plots.latent_scatter(model, images, method="umap")

    class UMAP:
        def __init__(self, n_components, random_state, n_jobs):
            assert (n_components, random_state) == (2, 7)

        def fit_transform(self, codes):
            return 3 * codes[:, 1:3]

    monkeypatch.setitem(sys.modules, "umap", types.SimpleNamespace(UMAP=UMAP))
    figure = plots.latent_scatter(model, images, method="umap", seed=7)
    points = figure.axes[0].collections[0].get_offsets()
    expected = 3 * np.asarray(model.encode(images))[:, 1:3]
    np.testing.assert_allclose(np.sort(points, axis=0), np.sort(expected, axis=0))


def test_posterior_overlap(vae, x, y, same_picture):
    figure = plots.posterior_overlap(vae, x, y)
    ellipses = figure.axes[0].collections
    assert [len(group.get_offsets()) for group in ellipses] == [10, 10, 10]
    assert written(figure) == ["0", "1", "2", "prior, 1 sd", "prior, 2 sd"]
    same_picture(figure, "posterior_overlap")
    # The moments of a flow are not known.
    flow = linear(keras_ae.VAE, prior="flow")
    assert written(plots.posterior_overlap(flow, x, y)) == ["0", "1", "2"]
    assert len(written(plots.posterior_overlap(linear(keras_ae.VAE, prior="mixture"), x))) == 2


def test_ellipses_are_the_covariances(x, monkeypatch):
    """The points of an ellipse of one standard deviation have the Mahalanobis distance 1."""
    model = keras_ae.VAE((8, 8, 1), 3, widths=(), posterior="full")
    model.encoder.layers[-1].set_weights([5 * w for w in model.encoder.layers[-1].get_weights()])
    axes = plots.posterior_overlap(model, x[:3], dims=(2, 0)).axes[0]
    covariance = model.posterior(x[:3]).covariance().numpy()[:, [2, 0]][:, :, [2, 0]]
    loc = model.posterior(x[:3]).mean().numpy()[:, [2, 0]]
    group = axes.collections[0]
    np.testing.assert_allclose(group.get_offsets(), loc, rtol=1e-4)
    for i in range(3):
        half = np.array([group.get_widths()[i], group.get_heights()[i]]) / 2
        turn = np.radians(group.get_angles()[i])
        rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        np.testing.assert_allclose(
            rotation @ np.diag(half**2) @ rotation.T, covariance[i], rtol=1e-3, atol=1e-6
        )


def test_active_units(ae, x, codes, same_picture):
    figure = plots.active_units(ae, x)
    heights = [bar.get_height() for bar in figure.axes[0].patches]
    np.testing.assert_allclose(heights, np.sort(codes.var(axis=0))[::-1], rtol=1e-3)
    assert figure.axes[0].get_title(loc="left") == "2 of 2 units are active: variance above 0.01"
    still = x.copy()
    still[:] = still.mean(axis=2, keepdims=True)  # without RIGHT
    figure = plots.active_units(ae, still)
    assert figure.axes[0].get_title(loc="left").startswith("1 of 2 units")
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["2", "1"]
    same_picture(figure, "active_units")


def test_kl_per_dimension(vae, x, same_picture):
    figure = plots.kl_per_dimension(vae, x)
    values = np.sort(scores.kl_per_dimension(vae, x))[::-1]
    np.testing.assert_allclose([bar.get_height() for bar in figure.axes[0].patches], values)
    title = f"KL of 2 dimensions, {values.sum():.1f} nats together"
    assert figure.axes[0].get_title(loc="left") == title
    same_picture(figure, "kl_per_dimension")
    correlated = keras_ae.VAE((8, 8, 1), 3, widths=(), posterior="full")
    weights = correlated.encoder.layers[-1].get_weights()
    correlated.encoder.layers[-1].set_weights([weights[0], np.arange(9.0)])
    figure = plots.kl_per_dimension(correlated, x)
    assert "of the whole code" in figure.axes[0].get_title(loc="left")


@pytest.mark.parametrize(
    "draw, message",
    [
        (lambda ae, x: plots.latent_scatter(ae, x, method="tsne"), "Received: 'tsne'"),
        (
            lambda ae, x: plots.latent_scatter(ae, x, np.zeros(3)),
            r"one class for each of 30 examples. Received: shape=\(3,\)",
        ),
        (
            lambda ae, x: plots.latent_scatter(keras_ae.AE((8, 8, 1), 1, widths=()), x),
            "Received: latent_dim=1",
        ),
        (lambda ae, x: plots.posterior_overlap(ae, x), r"posterior q\(z\|x\), a VAE. Received: AE"),
        (lambda ae, x: plots.kl_per_dimension(ae, x), "a VAE. Received: AE"),
        (
            lambda ae, x: plots.kl_per_dimension(linear(keras_ae.VAE, prior="flow"), x),
            "marginals are known.*Received: _Transformed",
        ),
    ],
)
def test_wrong_arguments_are_refused(draw, message, ae, x):
    with pytest.raises(ValueError, match=message):
        draw(ae, x)
