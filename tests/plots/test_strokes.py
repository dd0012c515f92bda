import numpy as np
import pytest

from keras_ae import plots
from keras_ae.plots.strokes import lines_of

HOOK = [
    [-0.8, 0.8, 0],
    [-0.8, -0.8, 0],
    [0.6, -0.8, 1],
    [0.5, 0.5, 1],
    [-1, -1, -1],
    [-1, -1, -1],
]  # and a dot
CROSS = [
    [-0.9, 0, 0],
    [0.9, 0, 0.7],
    [0, 0.9, 0],
    [0, -0.9, 0.2],
    [-1, -1, -1],
    [-1, -1, -1],
]  # whose last pen is not lifted


def test_a_stroke_ends_where_the_pen_is_lifted_or_the_drawing_ends():
    first, dot = lines_of(np.array(HOOK))
    np.testing.assert_array_equal(first, np.array(HOOK)[:3, :2])
    np.testing.assert_array_equal(dot, [[0.5, 0.5]] * 2)
    assert [len(line) for line in lines_of(np.array(CROSS))] == [2, 2]
    assert lines_of(np.full((3, 3), -1)) == []


def test_strokes(same_picture):
    drawings = np.array([HOOK, CROSS, HOOK], "float32")
    same_picture(plots.strokes(drawings), "strokes")
    same_picture(
        plots.strokes(np.concatenate([drawings, drawings[::-1]]), 3, ["original", "mirrored"]),
        "strokes_with_titles",
    )


@pytest.mark.parametrize("shape", [(48, 3), (2, 48, 2), (0, 48, 3)])
def test_what_is_no_drawing_is_refused(shape):
    with pytest.raises(
        ValueError, match=r"drawings of shape \(n, steps, 3\), at least one. Received: shape=\("
    ):
        plots.strokes(np.zeros(shape))
