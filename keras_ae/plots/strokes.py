"""Pictures of pen strokes."""

import numpy as np
from matplotlib import collections

from keras_ae.plots import drawing

CELL, TITLE = 0.8, 0.3  # inches: the side of a page, and the height of a row's title


def strokes(x, columns=None, titles=None):
    """A grid of drawings, each a sequence of pen steps as in `datasets.load("omniglot_strokes")`.

    Args:
        x: array (n, steps, 3). A step is (x, y, pen): x to the right and y upwards on a page
            [-1, 1] x [-1, 1]; pen above 0.5 ends a stroke. A step of three -1 is padding.
        columns: int; None for a grid that is as square as possible.
        titles: list of one title per row, or None.

    Returns:
        matplotlib.figure.Figure.

    Raises:
        ValueError: x has another shape.
    """
    x = np.asarray(x)
    if x.ndim != 3 or x.shape[-1] != 3 or not len(x):
        raise ValueError(
            f"Expected drawings of shape (n, steps, 3), at least one. Received: shape={x.shape}"
        )
    columns = columns or int(np.ceil(np.sqrt(len(x))))
    rows = [x[i : i + columns] for i in range(0, len(x), columns)]
    height = CELL + (TITLE if titles else 0)
    picture = drawing.figure(columns * CELL, len(rows) * height, layout="none")
    for i, (row, title) in enumerate(zip(rows, titles or [None] * len(rows), strict=True)):
        total = picture.get_figheight()
        axes = picture.add_axes((0, 1 - (i + 1) * height / total, 1, CELL / total))
        axes.set(xlim=(0, 2.2 * columns), ylim=(-1.1, 1.1))
        axes.set_axis_off()
        lines = []
        for at, page in enumerate(row):
            lines += [line + np.array([2.2 * at + 1.1, 0.0]) for line in lines_of(page)]
        style = dict(colors=drawing.INK, linewidths=1.5, capstyle="round")
        axes.add_collection(collections.LineCollection(lines, **style))
        if title:
            axes.text(0.1, 1.15, title, fontsize=11, color=drawing.INK)
    return picture


def lines_of(steps):
    """The strokes of one drawing: (steps, 3) -> a list of arrays (points, 2).

    A dot is two points at the same place.
    """
    steps = steps[(steps != -1).any(axis=-1)]
    ends = np.flatnonzero(steps[:, 2] > 0.5) + 1
    lines = [line[:, :2] for line in np.split(steps, ends) if len(line)]
    return [np.repeat(line, 2, axis=0) if len(line) == 1 else line for line in lines]
