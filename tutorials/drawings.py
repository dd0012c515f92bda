"""Pictures of the tutorials: four drawings, training curves, rows of images, codes in the plane.

    import drawings
    drawings.vae()  # a matplotlib Figure, which a notebook shows

`python tutorials/drawings.py` writes the four drawings into docs/pictures/.
"""

import io
import pathlib

import numpy as np
from matplotlib import figure, lines, patches
from sklearn.datasets import load_digits

PICTURES = pathlib.Path(__file__).resolve().parent.parent / "docs" / "pictures"
BLUE, ORANGE, INK, GREY = "#0077bb", "#ee7733", "#333333", "#888888"  # as in keras_ae.plots
DIGITS = ("#332288", "#88ccee", "#cc6677", "#117733", "#ddcc77")
DIGITS += ("#aa4499", "#44aa99", "#882255", "#999933", "#555555")  # one colour per digit
PALE_BLUE, PALE_ORANGE, PALE_GREY = "#d6eaf5", "#fde3cf", "#f0f0f0"
DIGIT = 13  # which image of scikit-learn's digits is drawn


class Figure(figure.Figure):
    """A matplotlib Figure that a notebook shows without pyplot."""

    def _repr_png_(self):
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", bbox_inches="tight", pad_inches=0.08)
        return buffer.getvalue()


def ae():
    """x -> encoder -> z -> decoder -> x', and the loss that compares both ends."""
    digit, rebuilt, _ = _digits()
    axes = _canvas(10.6, 3.9)
    _image(axes, digit, 1.0, r"input  $\mathbf{x}$")
    _arrow(axes, (1.95, 2.2), (2.5, 2.2))
    _encoder(axes, 2.5, r"encoder  $g_\phi$")
    _code(axes, 5.1, r"$\mathbf{z} = g_\phi(\mathbf{x})$")
    _decoder(axes, 5.55, r"decoder  $f_\theta$")
    _arrow(axes, (8.05, 2.2), (8.6, 2.2))
    _image(axes, rebuilt, 9.55, r"output  $\mathbf{x}' = f_\theta(\mathbf{z})$")
    _compare(axes, 1.0, 9.55, r"loss: $(\mathbf{x} - \mathbf{x}')^2$, how much they differ")
    return axes.figure


def dae():
    """x -> noise -> encoder -> z -> decoder -> x', compared with the clean x."""
    digit, rebuilt, noisy = _digits()
    axes = _canvas(13.4, 3.9)
    _image(axes, digit, 1.0, r"clean  $\mathbf{x}$")
    _arrow(axes, (1.95, 2.2), (2.95, 2.2), r"$\mathcal{M}_\mathcal{D}$")
    _image(axes, noisy, 3.9, r"noisy  $\tilde{\mathbf{x}}$")
    _arrow(axes, (4.85, 2.2), (5.35, 2.2))
    _encoder(axes, 5.35, r"encoder  $g_\phi$")
    _code(axes, 7.95, r"$\mathbf{z} = g_\phi(\tilde{\mathbf{x}})$")
    _decoder(axes, 8.4, r"decoder  $f_\theta$")
    _arrow(axes, (10.9, 2.2), (11.4, 2.2))
    _image(axes, rebuilt, 12.35, r"output  $\mathbf{x}' = f_\theta(\mathbf{z})$")
    text = r"loss: $(\mathbf{x} - \mathbf{x}')^2$, against the clean image, not the noisy one"
    _compare(axes, 1.0, 12.35, text)
    return axes.figure


def vae():
    """x -> encoder -> mu, sigma -> a draw z -> decoder -> p(x|z), and the two terms of the loss."""
    digit, rebuilt, _ = _digits()
    axes = _canvas(13.4, 5.5, bottom=-1.0)
    _image(axes, digit, 1.0, r"input  $\mathbf{x}$")
    _arrow(axes, (1.95, 2.2), (2.5, 2.2))
    _encoder(axes, 2.5, r"encoder  $q_\phi(\mathbf{z}|\mathbf{x})$")
    _box(axes, (5.3, 2.85), r"$\boldsymbol{\mu}$", PALE_BLUE, BLUE)
    _box(axes, (5.3, 1.55), r"$\boldsymbol{\sigma}$", PALE_BLUE, BLUE)
    for height in (2.85, 1.55):
        _arrow(axes, (4.6, 2.2 + 0.4 * (height - 2.2)), (4.93, height))
    _circle(axes, (6.35, 3.95), r"$\boldsymbol{\epsilon}$")
    axes.text(6.85, 3.95, r"noise $\sim \mathcal{N}(\mathbf{0}, I)$", va="center", color=INK)
    _box(axes, (7.3, 2.2), r"$\mathbf{z}$", PALE_ORANGE, ORANGE)
    for start in ((5.66, 2.75), (5.66, 1.65), (6.58, 3.6)):
        _arrow(axes, start, (6.92, 2.2 + 0.25 * (start[1] - 2.2)))
    text = r"$\mathbf{z} = \boldsymbol{\mu} + \boldsymbol{\sigma} \odot \boldsymbol{\epsilon}$"
    axes.text(7.3, 1.25, text, ha="center", va="center", fontsize=12, color=INK)
    _arrow(axes, (7.68, 2.2), (8.3, 2.2))
    _decoder(axes, 8.3, r"decoder  $p_\theta(\mathbf{x}|\mathbf{z})$")
    _arrow(axes, (10.8, 2.2), (11.35, 2.2))
    _image(axes, rebuilt, 12.3, r"mean of $p_\theta(\mathbf{x}|\mathbf{z})$")
    text = r"reconstruction: $-\log p_\theta(\mathbf{x}|\mathbf{z})$"
    _compare(axes, 1.0, 12.3, text, middle=8.3)
    kl = r"KL$(q_\phi(\mathbf{z}|\mathbf{x}) \,||\, p(\mathbf{z}))$: stay near the prior"
    axes.plot([5.3, 5.3], [1.12, -0.25], color=BLUE, linewidth=1, linestyle=(0, (4, 3)))
    _bell(axes, (5.3, -0.75), r"prior $p(\mathbf{z})$")
    axes.text(6.6, -0.45, kl, va="center", fontsize=12, color=INK)
    axes.text(0.1, -0.45, r"loss = reconstruction + KL", va="center", fontsize=12, color=INK)
    return axes.figure


def reparameterisation():
    """Left: the draw is a random node, which stops the gradient. Right: the noise enters beside."""
    axes = _canvas(12.4, 5.0, bottom=-0.1)
    for left, title in ((0, "a draw in the middle"), (6.4, "the reparameterisation trick")):
        axes.text(left + 2.9, 4.65, title, ha="center", fontsize=13, color=INK, weight="bold")
        _box(axes, (left + 0.7, 2.95), r"$\boldsymbol{\mu}$", PALE_BLUE, BLUE)
        _box(axes, (left + 0.7, 1.65), r"$\boldsymbol{\sigma}$", PALE_BLUE, BLUE)
        _box(axes, (left + 5.1, 2.3), r"$f$", PALE_BLUE, BLUE)
        for height in (2.95, 1.65):
            _arrow(axes, (left + 1.08, height), (left + 2.47, 2.3 + 0.25 * (height - 2.3)))
        _arrow(axes, (left + 3.3, 2.3), (left + 4.72, 2.3))
    _circle(axes, (2.9, 2.3), r"$\mathbf{z}$")
    _box(axes, (9.3, 2.3), r"$\mathbf{z}$", PALE_ORANGE, ORANGE)
    _circle(axes, (9.3, 3.85), r"$\boldsymbol{\epsilon}$")
    _arrow(axes, (9.3, 3.45), (9.3, 2.68))
    axes.text(9.8, 3.85, r"$\sim \mathcal{N}(\mathbf{0}, I)$", va="center", fontsize=12, color=INK)
    law = r"$\mathbf{z} \sim \mathcal{N}(\boldsymbol{\mu}, \boldsymbol{\sigma}^2)$"
    axes.text(2.9, 3.05, law, ha="center", fontsize=12, color=INK)
    formula = r"$\boldsymbol{\mu} + \boldsymbol{\sigma} \odot \boldsymbol{\epsilon}$"
    axes.text(9.3, 1.55, formula, ha="center", fontsize=12, color=INK)
    _gradient(axes, 5.1, 3.45)
    axes.plot(3.25, 0.72, "x", markersize=14, markeredgewidth=3, color=ORANGE)
    axes.text(2.9, 0.1, "the gradient stops at the draw", ha="center", fontsize=11, color=INK)
    _gradient(axes, 11.5, 7.1)
    text = r"the gradient reaches $\boldsymbol{\mu}$ and $\boldsymbol{\sigma}$"
    axes.text(9.3, 0.1, text, ha="center", fontsize=11, color=INK)
    axes.plot([6.2, 6.2], [0.1, 4.7], color="#cccccc", linewidth=1)
    return axes.figure


DRAWINGS = {"ae": ae, "dae": dae, "vae": vae, "reparameterisation": reparameterisation}


def _canvas(width, height, bottom=0.0):
    """Axes whose unit is the same in both directions, without frame or ticks."""
    picture = Figure(figsize=(0.78 * width, 0.78 * height), dpi=100, facecolor="white")
    axes = picture.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(bottom, bottom + height))
    axes.set_axis_off()
    return axes


def _digits():
    """A digit, what 12 principal components make of it, and the digit with noise: (8, 8) each."""
    x = load_digits().data / 16  # (1797, 64)
    mean = x.mean(axis=0)
    directions = np.linalg.svd(x - mean, full_matrices=False)[2][:12]
    rebuilt = mean + (x[DIGIT] - mean) @ directions.T @ directions
    noisy = x[DIGIT] + 0.35 * np.random.default_rng(0).normal(size=64)
    return [np.clip(image, 0, 1).reshape(8, 8) for image in (x[DIGIT], rebuilt, noisy)]


def _image(axes, image, middle, label):
    """A square image with a frame, its label below."""
    side, centre = 0.9, 2.2
    extent = (middle - side, middle + side, centre - side, centre + side)
    axes.imshow(image, cmap="gray_r", vmin=0, vmax=1, extent=extent, aspect="auto", zorder=2)
    frame = patches.Rectangle((extent[0], extent[2]), 2 * side, 2 * side, fill=False, zorder=3)
    frame.set(edgecolor=GREY, linewidth=1)
    axes.add_patch(frame)
    axes.text(middle, 1.02, label, ha="center", va="center", fontsize=12, color=INK)


def _encoder(axes, left, label):
    _network(axes, [(left, 3.5), (left + 2.1, 2.8), (left + 2.1, 1.6), (left, 0.9)], label)


def _decoder(axes, left, label):
    _network(axes, [(left, 2.8), (left + 2.5, 3.5), (left + 2.5, 0.9), (left, 1.6)], label)


def _network(axes, corners, label):
    """A network, narrow at the side of the code."""
    axes.add_patch(patches.Polygon(corners, facecolor=PALE_BLUE, edgecolor=BLUE, linewidth=1.5))
    middle = np.mean(corners, axis=0)
    axes.text(*middle, label, ha="center", va="center", fontsize=12, color=INK)


def _code(axes, middle, label):
    """A code: a column of four numbers, its label below."""
    _arrow(axes, (middle - 0.5, 2.2), (middle - 0.22, 2.2))
    for i in range(4):
        cell = patches.Rectangle((middle - 0.2, 1.6 + 0.3 * i), 0.4, 0.3, linewidth=1.2)
        cell.set(facecolor=PALE_ORANGE, edgecolor=ORANGE)
        axes.add_patch(cell)
    axes.text(middle, 1.02, label, ha="center", va="center", fontsize=12, color=INK)
    axes.text(middle, 3.2, "code", ha="center", va="center", fontsize=12, color=INK)


def _box(axes, middle, label, face, edge):
    """A value that is computed."""
    x, y = middle
    box = patches.FancyBboxPatch((x - 0.28, y - 0.28), 0.56, 0.56, zorder=3, linewidth=1.5)
    box.set(boxstyle="round,pad=0.08", facecolor=face, edgecolor=edge)
    axes.add_patch(box)
    axes.text(x, y, label, ha="center", va="center", fontsize=15, color=INK, zorder=4)


def _circle(axes, middle, label):
    """A value that is drawn at random."""
    circle = patches.Circle(middle, 0.4, facecolor=PALE_GREY, edgecolor=INK, linewidth=1.5)
    circle.set(zorder=3, linestyle=(0, (4, 2)))
    axes.add_patch(circle)
    axes.text(*middle, label, ha="center", va="center", fontsize=15, color=INK, zorder=4)


def _bell(axes, foot, label):
    """A small normal density, its label to the left."""
    x = np.linspace(-2.8, 2.8, 60)
    axes.fill_between(foot[0] + 0.3 * x, foot[1], foot[1] + 0.5 * np.exp(-(x**2) / 2), color=BLUE)
    axes.text(foot[0] - 0.95, foot[1] + 0.2, label, ha="right", va="center", fontsize=12, color=INK)


def _arrow(axes, start, end, label=None):
    style = dict(arrowstyle="-|>", mutation_scale=14, linewidth=1.3, shrinkA=0, shrinkB=0)
    axes.add_patch(patches.FancyArrowPatch(start, end, color=INK, **style))
    if label:
        middle = (start[0] + end[0]) / 2
        axes.text(middle, start[1] + 0.35, label, ha="center", fontsize=14, color=INK)


def _compare(axes, left, right, label, middle=None):
    """A bracket below two images, which the loss compares, with its label in the middle."""
    axes.plot([left, left, right, right], [0.75, 0.4, 0.4, 0.75], color=ORANGE, linewidth=1.5)
    box = dict(facecolor="white", edgecolor="none", pad=4)
    middle = (left + right) / 2 if middle is None else middle
    axes.text(middle, 0.4, label, ha="center", va="center", fontsize=12, color=INK, bbox=box)


def _gradient(axes, start, end):
    """The way of the gradient, backwards."""
    style = dict(arrowstyle="-|>", mutation_scale=18, linewidth=2.5)
    axes.add_patch(patches.FancyArrowPatch((start, 0.72), (end, 0.72), color=ORANGE, **style))
    axes.text(start + 0.15, 0.9, "gradient", ha="right", fontsize=11, color=ORANGE)


def curves(logs, unit, title=None):
    """Training curves, all epochs of them, with the legend beside the axes.

    Args:
        logs: {name: list of one value per epoch}.
        unit: what the values are, for example "nats per image".
        title: what the values measure.

    Returns:
        matplotlib.figure.Figure.
    """
    picture = Figure(figsize=(7, 3), dpi=80, layout="constrained")
    axes = picture.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    styles = (("o-", BLUE), ("s--", ORANGE), ("^-.", "#009988"), ("d:", INK))
    for (name, values), (style, colour) in zip(logs.items(), styles, strict=False):
        axes.plot(range(1, len(values) + 1), values, style, color=colour, label=name, markersize=4)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set(xlabel="epoch", ylabel=unit, title=title)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return picture


def grid(rows, labels=None, columns=None, cell=0.7):
    """Rows of images, with a label beside each row and above each column.

    Args:
        rows: list of arrays (n, height, width) or (n, height, width, 1), grey values from 0 to 1.
        labels: list of one str per row, or None.
        columns: list of one str per column, or None.
        cell: inches per image.

    Returns:
        matplotlib.figure.Figure.
    """
    rows = np.stack([np.asarray(row).reshape(len(row), *row.shape[1:3]) for row in rows])
    side = rows.shape[-1]
    padded = np.pad(rows, ((0, 0), (0, 0), (1, 1), (1, 1)))  # (rows, n, side + 2, side + 2)
    whole = np.concatenate([np.concatenate(list(row), axis=1) for row in padded])
    width = 0.09 * max(map(len, labels or [""])) + cell * rows.shape[1]
    size = (width, cell * len(rows) + (0.3 if columns else 0.05))
    picture = Figure(figsize=size, dpi=100, layout="constrained")
    axes = picture.add_subplot()
    axes.imshow(whole, cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
    axes.spines[:].set_visible(False)
    places = (np.arange(max(rows.shape[:2])) + 0.5) * (side + 2) - 0.5
    axes.set_yticks(places[: len(rows)] if labels else [], labels or [])
    axes.set_xticks(places[: rows.shape[1]] if columns else [], columns or [])
    axes.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    return picture


def scatter(panels, y, labels):
    """Codes in the plane, coloured by digit, in panels beside each other.

    Args:
        panels: {title: codes (n, 2)}.
        y: array (n,), the digit of each code.
        labels: one pair of axis labels per panel.

    Returns:
        matplotlib.figure.Figure.
    """
    picture = Figure(figsize=(5.6 * len(panels), 5.4), dpi=80, layout="constrained")
    all_axes = picture.subplots(1, len(panels), squeeze=False)[0]
    order = np.random.default_rng(0).permutation(len(y))  # so that no digit lies on top
    for axes, (title, codes), (x_label, y_label) in zip(
        all_axes, panels.items(), labels, strict=True
    ):
        colours = np.array(DIGITS)[y[order]]
        axes.scatter(*codes[order].T, c=colours, s=9, linewidths=0, alpha=0.8)
        axes.spines[["top", "right"]].set_visible(False)
        axes.set(title=title, xlabel=x_label, ylabel=y_label)
        low, high = np.percentile(codes, [0.2, 99.8], axis=0)
        axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    dots = [
        lines.Line2D([], [], color=DIGITS[digit], marker="o", linestyle="", label=str(digit))
        for digit in np.unique(y)
    ]
    picture.legend(handles=dots, title="digit", loc="outside right center", frameon=False)
    return picture


def write(folder=PICTURES):
    """Writes all drawings as PNG files into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in DRAWINGS.items():
        draw().savefig(folder / f"{name}.png", dpi=130)


if __name__ == "__main__":
    write()
