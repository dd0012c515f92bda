"""How the explorer draws an example: dark ink on white paper, as in all plots of keras_ae."""

import base64
import io

import numpy as np

from keras_ae.datasets import omniglot
from keras_ae.plots import drawing
from keras_ae.plots.strokes import lines_of

SIDE = 112  # pixels along a side of a drawing of strokes
FINER = 4  # strokes are drawn so many times larger and then shrunk, which makes them smooth
PAGE = 1.1  # half the side of the page that is shown; strokes lie in [-1, 1]


def are_strokes(shape):
    """Whether examples of this shape are pen strokes: (steps, 3), x, y and pen."""
    return len(shape) == 2 and shape[1] == 3


def can_be_drawn(shape):
    """Whether the explorer can draw examples of this shape: images, or pen strokes."""
    return drawing.are_images(shape) or are_strokes(shape)


def of_image(image):
    """An image (height, width, 1 or 3) in [0, 1] -> uint8 (height, width) or (height, width, 3).

    A grey image shows ink where it is 1. A colour image is shown as it is.
    """
    pixels = np.round(255 * np.clip(image, 0, 1)).astype("uint8")
    return 255 - pixels[..., 0] if pixels.shape[-1] == 1 else pixels


def of_strokes(steps, side=SIDE):
    """Pen strokes (steps, 3) -> uint8 (side, side). Padding, steps of -1, is left out."""
    from PIL import Image, ImageDraw

    large = FINER * side
    page = Image.new("L", (large, large), 255)
    pen, width = ImageDraw.Draw(page), round(large * 0.03)
    for line in lines_of(np.asarray(steps)):
        places = (line * [1, -1] / PAGE + 1) * large / 2  # (points, 2), y downwards
        pen.line([*map(tuple, places)], fill=0, width=width, joint="curve")
        for x, y in (places[0], places[-1]):  # round ends; a dot is both
            pen.ellipse([x - width / 2, y - width / 2, x + width / 2, y + width / 2], fill=0)
    return np.asarray(page.resize((side, side), Image.Resampling.BOX))


def as_url(pixels):
    """uint8 pixels (height, width) or (height, width, 3) as the data URL of a PNG."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def steps_of(lines, most):
    """Lines that a hand drew as the steps of an example.

    Args:
        lines: list of lists of points [x, y], each from 0 to 1, y downwards.
        most: int, the steps of an example.

    Returns:
        float32 array (most, 3), padded with -1, and the number of steps the drawing has, which
        may be more: then the last ones are left out.

    Raises:
        ValueError: there is no line, or a line is no list of points.
    """
    arrays = [np.asarray(line, "float64") for line in lines if len(line)]
    right = all(line.ndim == 2 and line.shape[1] == 2 for line in arrays)
    if not arrays or not right or not all(np.isfinite(line).all() for line in arrays):
        raise ValueError("Expected at least one line of points [x, y]. Received: something else")
    points = np.clip(np.concatenate(arrays), 0, 1) * [omniglot.PAGE, -omniglot.PAGE]
    ends = np.zeros(len(points), bool)
    ends[np.cumsum([len(line) for line in arrays]) - 1] = True
    steps = omniglot.resampled(points, ends)  # (n, 3)
    made = np.full((most, 3), -1.0, "float32")
    kept = min(len(steps), most)
    made[:kept] = steps[:kept]
    made[kept - 1, 2] = 1.0  # the pen is lifted at the end
    return made, len(steps)
