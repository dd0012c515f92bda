"""How examples become pictures."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from keras_ae.datasets import omniglot
from keras_ae.explorer import pictures
from keras_ae.plots import drawing


def pixels(url):
    encoded = url.removeprefix("data:image/png;base64,")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded))))


def test_a_grey_image_shows_ink_as_the_plots_do():
    image = np.random.default_rng(0).random((5, 7, 1))
    shown = drawing.figure(7, 5, layout="none")
    axes = shown.add_axes((0, 0, 1, 1))
    colours = drawing.show(axes, image[..., 0]).to_rgba(image[..., 0])[..., 0]
    found = pictures.of_image(image)
    np.testing.assert_allclose(found / 255, colours, atol=1 / 250)
    assert (
        pictures.of_image(np.ones((1, 1, 1))) == 0 and pictures.of_image(np.zeros((1, 1, 1))) == 255
    )


def test_a_colour_image_is_shown_as_it_is():
    image = np.random.default_rng(0).random((5, 7, 3))
    np.testing.assert_array_equal(pictures.of_image(image), np.round(255 * image))


def test_a_url_keeps_every_pixel():
    for shape in ((5, 7), (5, 7, 3)):
        image = np.random.default_rng(0).integers(0, 256, shape, "uint8")
        np.testing.assert_array_equal(pixels(pictures.as_url(image)), image)


def test_strokes_are_drawn_where_they_are():
    steps = np.full((6, 3), -1.0)
    steps[:3] = [[-0.5, 0.5, 0], [0.5, 0.5, 1], [0.0, -0.5, 1]]  # a line above, a dot below
    page = pictures.of_strokes(steps, 220)  # a hundred pixels are a unit
    rows, columns = np.nonzero(page < 128)
    above = rows < 110
    assert np.abs(rows[above].mean() - 60) < 1 and np.abs(rows[~above].mean() - 160) < 1
    assert columns[above].min() == pytest.approx(60, abs=4)
    assert columns[above].max() == pytest.approx(160, abs=4)
    assert np.ptp(columns[~above]) < 8  # nothing is drawn to the padding, which lies in a corner
    assert page[0, 0] == 255


def test_lines_become_steps_of_omniglot():
    lines = [[[0.1, 0.2], [0.9, 0.2]], [[0.5, 0.7]]]
    made, steps = pictures.steps_of(lines, 20)
    points = omniglot.PAGE * np.array([[0.1, -0.2], [0.9, -0.2], [0.5, -0.7]])
    expected = omniglot.resampled(points, [0, 1, 1])
    assert steps == len(expected) and made.shape == (20, 3)
    np.testing.assert_allclose(made[:steps], expected, atol=1e-6)
    assert (made[steps:] == -1).all()
    np.testing.assert_allclose(made[0], [-0.8, 0.6, 0], atol=1e-6)


def test_a_drawing_with_too_many_steps_is_cut():
    line = [[x, y] for x in (0, 1) for y in (0, 1)]
    made, steps = pictures.steps_of([line], 10)
    whole, _ = pictures.steps_of([line], 100)
    assert steps > 10
    np.testing.assert_array_equal(made[:, :2], whole[:10, :2])
    assert made[9, 2] == 1 and (made[:9, 2] == 0).all()


@pytest.mark.parametrize(
    "lines", [[], [[]], [[[0, 0, 0]]], [[0.5]], [[[np.nan, 0]]], [[["a", "b"]]]]
)
def test_what_is_no_drawing_is_refused(lines):
    with pytest.raises(ValueError):
        pictures.steps_of(lines, 10)
