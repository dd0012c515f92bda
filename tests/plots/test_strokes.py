import numpy as np
import pytest

from keras_ae import plots
from keras_ae.plots.strokes import lines_of

PADDING = [[-1, -1, -1], [-1, -1, -1]]
# A hook and a dot.
HOOK = [[-0.8, 0.8, 0], [-0.8, -0.8, 0], [0.6, -0.8, 1], [0.5, 0.5, 1], *PADDING]
# A cross. The pen is not lifted at its end.
CROSS = [[-0.9, 0, 0], [0.9, 0, 0.7], [0, 0.9, 0], [0, -0.9, 0.2], *PADDING]


def test_a_stroke_ends_when_the_pen_is_lifted_or_the_drawing_ends():
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
def test_arrays_that_are_no_drawings_are_refused(shape):
    message = r"drawings of shape \(n, steps, 3\), at least one. Received: shape=\("
    with pytest.raises(ValueError, match=message):
        plots.strokes(np.zeros(shape))
