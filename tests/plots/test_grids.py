import statistics

import numpy as np
import pytest
from shaken import shaken

import keras_ae
from keras_ae import plots
from keras_ae.utils import seeds

from .conftest import PATTERNS, linear


def texts(figure):
    return [axes.get_title(loc="left") for axes in figure.axes]


def shown(figure, at=0):
    """The array that axes show."""
    return np.asarray(figure.axes[at].get_images()[0].get_array())


def test_images(same_picture):
    x = np.linspace(0, 1, 5 * 64).reshape(5, 8, 8)
    same_picture(plots.images(x, columns=3), "images")
    ramp = np.linspace(0, 1, 8)
    colours = np.stack(np.meshgrid(ramp, ramp, [0.2, 0.9]), axis=-1)[:, :, 0]  # (8, 8, 3)
    figure = plots.images(np.stack([colours, 1 - colours]), columns=1, titles=["one", "two"])
    same_picture(figure, "images_of_colours")


@pytest.mark.parametrize("shape", [(2, 8), (2, 8, 8, 2), (0, 8, 8, 1)])
def test_arrays_that_are_no_images_are_refused(shape):
    with pytest.raises(ValueError, match=r"Expected.*image.*Received: shape=\("):
        plots.images(np.zeros(shape))


def test_integers_are_pixels_up_to_255():
    figure = plots.images(np.full((1, 4, 4), 51, "uint8"))
    np.testing.assert_allclose(shown(figure)[2:-2, 2:-2], 0.2)


def test_reconstructions(ae, x, same_picture):
    # The model cannot reconstruct the diagonal. So the rows differ.
    outside = x[::6] + 0.2 * np.eye(8)[..., None]
    figure = plots.reconstructions(ae, np.clip(outside, 0, 1))
    assert texts(figure) == ["original", "reconstruction"]
    same_picture(figure, "reconstructions")


def test_reconstructions_of_a_dae_are_clean_noisy_denoised(dae, x, same_picture):
    figure = plots.reconstructions(dae, x[::6])
    assert texts(figure) == ["clean", "noisy", "denoised"]
    noisy = np.asarray(dae.corrupt(x[::6], seed=0))
    np.testing.assert_allclose(shown(figure, 1)[:, :8], noisy[0, ..., 0], atol=1e-6)
    np.testing.assert_allclose(
        shown(figure, 2)[:, :8], np.clip(dae.reconstruct(noisy)[0, ..., 0], 0, 1), atol=1e-6
    )
    same_picture(figure, "denoised")


def test_samples(vae, same_picture):
    np.testing.assert_allclose(
        shown(plots.samples(vae, 4, seed=3))[2:10, 2:10],
        np.clip(vae.sample(4, seed=3)[0, ..., 0], 0, 1),
    )
    same_picture(plots.samples(vae, 9, seed=1), "samples")


def test_layers_are_kept_from_the_top(x):
    model = shaken(keras_ae.HVAE((8, 8, 1), (2, 3), widths=(16,), width=8), 0.2)
    figure = plots.layers(model, x[::6], seed=1)
    assert texts(figure) == ["original", "all layers", "1 layer kept", "no layer kept"]
    np.testing.assert_allclose(shown(figure)[:, :8], x[0, ..., 0], atol=1e-6)
    z = model.encode(x[::6], sample=True, seed=1)
    for row, kept in ((1, 2), (2, 1), (3, 0)):
        expected = model.decode(model.redraw(z, kept, seed=1))[0, ..., 0]
        np.testing.assert_allclose(shown(figure, row)[:, :8], expected, atol=1e-6)
    assert np.abs(shown(figure, 1) - shown(figure, 2)).max() > 0.01


def test_samples_of_a_conditional_vae_stand_under_their_labels():
    model = keras_ae.ConditionalVAE((8, 8, 1), 2, widths=(16,), width=8, classes=3)
    grid = shown(plots.samples(model, 6, seed=3))
    assert grid.shape == (21, 30)  # two rows of three images, a margin of 2 pixels and gaps of 1
    np.testing.assert_allclose(
        grid[2:10, 11:19], np.clip(model.sample(6, seed=3, labels=[0, 1, 2] * 2)[1, ..., 0], 0, 1)
    )
    ones = shown(plots.samples(model, 4, seed=3, label=1))
    np.testing.assert_allclose(
        ones[2:10, 2:10], np.clip(model.sample(4, seed=3, labels=1)[0, ..., 0], 0, 1)
    )


def test_samples_of_a_vade_stand_under_their_clusters():
    model = keras_ae.VaDE((8, 8, 1), 2, widths=(16,), clusters=3)
    # Without clusters, the grid is as square as possible: 3 columns.
    assert shown(plots.samples(model, 6, seed=3)).shape == (21, 30)
    model.start_clusters(np.random.default_rng(0).random((40, 8, 8, 1), dtype="float32"))
    grid = shown(plots.samples(model, 12, seed=3))
    # Four rows of three. The most square grid would have four columns.
    assert grid.shape == (39, 30)
    expected = np.clip(model.sample(12, seed=3, cluster=[0, 1, 2] * 4)[..., 0], 0, 1)
    np.testing.assert_allclose(grid[2:10, 20:28], expected[2])
    np.testing.assert_allclose(grid[11:19, 2:10], expected[3])
    twos = shown(plots.samples(model, 4, seed=3, label=2))
    np.testing.assert_allclose(
        twos[2:10, 2:10], np.clip(model.sample(4, seed=3, cluster=2)[0, ..., 0], 0, 1)
    )


def test_manifold_is_spaced_by_the_priors_quantiles(vae, same_picture):
    figure = plots.manifold(vae, 5)
    lowest = statistics.NormalDist().inv_cdf(0.1)
    bottom_left = (0.5 + np.array([lowest, lowest]) @ PATTERNS).reshape(8, 8)
    np.testing.assert_allclose(shown(figure)[-8:, :8], np.clip(bottom_left, 0, 1), atol=1e-5)
    names = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert names == ["-1.3", "-0.5", "0.0", "0.5", "1.3"]
    assert (figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()) == ("$z_{1}$", "$z_{2}$")
    same_picture(figure, "manifold")


def test_manifold_of_other_priors_and_of_models_without_a_prior(ae, x, codes):
    with pytest.raises(ValueError, match="Expected `x`.*AE has no prior. Received: x=None"):
        plots.manifold(ae)
    # At the lower right: z_1 at 75 %, z_2 at 25 %.
    z = np.quantile(codes, [0.75, 0.25], axis=0)[[0, 1], [0, 1]]
    right = (0.5 + z @ PATTERNS).reshape(8, 8)
    found = shown(plots.manifold(ae, 2, x=x))[-8:, -8:]
    np.testing.assert_allclose(found, right, atol=1e-4)
    mixture = linear(keras_ae.VAE, prior="mixture")
    draws = np.asarray(mixture.prior.sample(10_000, seed=seeds.from_int(0)))
    z = np.quantile(draws, 0.25, axis=0)
    np.testing.assert_allclose(
        shown(plots.manifold(mixture, 2))[-8:, :8],
        np.clip(0.5 + z @ PATTERNS, 0, 1).reshape(8, 8),
        atol=1e-5,
    )


def test_traversals(vae, x, same_picture):
    figure = plots.traversals(vae, x, steps=5)
    varies_most = np.argmax(np.var(vae.encode(x), axis=0))
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names[0] == f"$z_{{{varies_most + 1}}}$" and len(names) == 2
    same_picture(figure, "traversals")
    assert len(plots.traversals(vae, rows=1).axes[0].get_yticklabels()) == 1


def test_interpolations(ae, x, same_picture):
    figure = plots.interpolations(ae, x[:2], x[10:12], steps=4)
    assert texts(figure) == ["from", "decoded", "to"]
    same_picture(figure, "interpolations")


@pytest.mark.parametrize(
    "draw, message",
    [
        (
            lambda vae, ae, x: plots.samples(vae, label=3),
            "for a ConditionalVAE, or a VaDE.* Received: label=3, for a VAE",
        ),
        (lambda vae, ae, x: plots.layers(vae, x), "with `redraw`, an HVAE. Received: VAE"),
        (lambda vae, ae, x: plots.samples(ae), "with `sample`, a VAE. Received: AE"),
        (
            lambda vae, ae, x: plots.manifold(vae, 1),
            "`n` to be an integer of at least 2. Received: n=1",
        ),
        (
            lambda vae, ae, x: plots.manifold(vae, dims=(0, 2)),
            r"different dimensions.*0 to 1. Received: dims=\(0, 2\)",
        ),
        (lambda vae, ae, x: plots.manifold(vae, dims=(1, 1)), r"Received: dims=\(1, 1\)"),
        (lambda vae, ae, x: plots.traversals(ae), "AE has no prior"),
        (lambda vae, ae, x: plots.interpolations(vae, x[:2], x[:3]), "Received: 2 and 3"),
        (
            lambda vae, ae, x: plots.samples(keras_ae.VAE((5,), 2, widths=())),
            r"model of images.*Received: a model of shape \(5,\)",
        ),
        (lambda vae, ae, x: plots.reconstructions(ae, x[:, :4]), "Received: shape"),
    ],
)
def test_wrong_arguments_are_refused(draw, message, vae, ae, x):
    with pytest.raises(ValueError, match=message):
        draw(vae, ae, x)


def test_a_notebook_can_show_a_figure(x):
    assert plots.images(x)._repr_png_().startswith(b"\x89PNG")
