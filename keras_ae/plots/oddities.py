"""Pictures of what is odd in a table."""

import numpy as np

from keras_ae.plots import drawing

MOST = 12  # rows and columns that the right panel shows


def anomaly_scores(scores, threshold, contributions, names, first_row=0):
    """The anomaly score of each row, and the columns that make the oddest rows odd.

    Args:
        scores: array (n,); higher is odder.
        threshold: float. Rows with a higher score are odd.
        contributions: array (n, columns), at least 0: `Detector.contributions`.
        names: list of str (columns,).
        first_row: int, the number of the first row.

    Returns:
        matplotlib.figure.Figure.

    Raises:
        ValueError: the shapes do not fit.

    Example:

        scores, contributions = np.array([0.5, 3.0]), np.array([[0.2, 0.3], [0.4, 2.6]])
        keras_ae.plots.anomaly_scores(scores, 1.0, contributions, ["age", "price"])
    """
    scores, contributions = np.asarray(scores, "float64"), np.asarray(contributions, "float64")
    if contributions.shape != (len(scores), len(names)):
        raise ValueError(
            f"Expected contributions of the shape {(len(scores), len(names))}. "
            f"Received: {contributions.shape}"
        )
    oddest = np.argsort(-scores, kind="stable")[:MOST]
    shares = contributions / np.maximum(contributions.sum(axis=1, keepdims=True), 1e-300)
    columns = np.argsort(-shares[oddest].sum(axis=0), kind="stable")[:MOST]
    picture = drawing.figure(11, 2.2 + 0.28 * len(oddest))
    left, right = picture.subplots(1, 2, width_ratios=(3, 2))
    _draw_scores(left, scores, threshold, first_row)
    _draw_shares(right, shares[np.ix_(oddest, columns)])
    right.set_yticks(range(len(oddest)), [f"row {row + first_row}" for row in oddest])
    shown = [_short(names[column]) for column in columns]
    right.set_xticks(range(len(columns)), shown, rotation=45, ha="right")
    return picture


def _draw_scores(axes, scores, threshold, first_row):
    odd = scores > threshold
    rows = first_row + np.arange(len(scores))
    drawing.tidy(axes, "anomaly score of each row", "row", grid="y")
    size = float(np.clip(4000 / len(scores), 3, 30))
    for chosen, colour, label in (
        (~odd, drawing.BLUE, f"normal: {np.sum(~odd):,}"),
        (odd, drawing.ORANGE, f"odd: {odd.sum():,}"),
    ):
        axes.scatter(rows[chosen], scores[chosen], s=size, color=colour, label=label, linewidths=0)
    axes.axhline(threshold, color=drawing.INK, linestyle="--", linewidth=1, label="threshold")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(0, -0.12), ncols=3)


def _draw_shares(axes, shares):
    drawing.tidy(axes, "the oddest rows: share of each column, %")
    axes.imshow(shares, cmap="Oranges", vmin=0, vmax=1, aspect="auto")
    for row, values in enumerate(shares):
        for column, share in enumerate(values):
            if share >= 0.1:
                colour = "white" if share > 0.6 else drawing.INK
                axes.text(
                    column,
                    row,
                    f"{100 * share:.0f}",
                    ha="center",
                    va="center",
                    color=colour,
                    size=8,
                )


def _short(name):
    return name if len(name) <= 16 else f"{name[:15]}…"
