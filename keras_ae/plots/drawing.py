"""What all pictures use: the figure, the colours, and mosaics of images."""

import statistics

import matplotlib.figure
import numpy as np
from matplotlib import patheffects

from keras_ae import distributions
from keras_ae.utils import seeds

DPI = 100
INK, GREY, LIGHT = "#333333", "#888888", "#e6e6e6"
# The scheme "muted" of Paul Tol, "Colour schemes", SRON technical note EPS/TN/09-002, 2021.
# The tenth colour, a dark grey, is ours.
COLOURS = ("#332288", "#88ccee", "#cc6677", "#117733", "#ddcc77")
COLOURS += ("#aa4499", "#44aa99", "#882255", "#999933", "#555555")
BLUE, ORANGE = "#0077bb", "#ee7733"  # from his scheme "vibrant"
SCALE = "cividis"  # for numbers; made for colour-blind readers


class Figure(matplotlib.figure.Figure):
    """A matplotlib Figure that notebooks show without pyplot."""

    def _repr_png_(self):
        import io

        buffer = io.BytesIO()
        self.savefig(buffer, format="png")
        return buffer.getvalue()


def figure(width, height, layout="constrained"):
    """A Figure with a size in inches. layout="none" turns off matplotlib's automatic layout."""
    made = Figure(figsize=(width, height), dpi=DPI, facecolor="white", layout=layout)
    if layout == "constrained":
        made.get_layout_engine().set(w_pad=0.1, h_pad=0.1)
    return made


def axes_at(picture, left, bottom, width, height):
    """Axes at a place in the figure, all in inches."""
    across, up = picture.get_figwidth(), picture.get_figheight()
    return picture.add_axes((left / across, bottom / up, width / across, height / up))


def tidy(axes, title=None, x=None, y=None, grid=None):
    """Labels axes and removes lines that are not needed. grid: "x", "y", "both" or None."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(GREY)
    axes.tick_params(colors=INK, labelsize=9)
    axes.set_axisbelow(True)
    if grid:
        axes.grid(axis=grid, color=LIGHT, linewidth=0.8)
    if title:
        axes.set_title(title, loc="left", fontsize=11, color=INK)
    if x:
        axes.set_xlabel(x, fontsize=10, color=INK)
    if y:
        axes.set_ylabel(y, fontsize=10, color=INK)
    return axes


def show(axes, mosaic, **options):
    """Shows a mosaic with sharp pixels and without axis lines.

    It is (height, width), grey with 1 for black, or (height, width, 3).
    """
    axes.set_axis_off()
    return axes.imshow(mosaic, cmap="gray_r", vmin=0, vmax=1, interpolation="nearest", **options)


def only_ticks(axes):
    """Shows the ticks of axes, without a frame."""
    axes.set_axis_on()
    for spine in axes.spines.values():
        spine.set_visible(False)


def halo(text):
    """Gives a text a white outline, so that it can be read on any background."""
    text.set_path_effects([patheffects.withStroke(linewidth=3, foreground="white")])


def mosaic(x, columns, gap=None, margin=0):
    """Puts images next to each other, row by row, with gaps in the colour of the paper.

    Args:
        x: array of images, as in `as_images`.
        columns: int.
        gap: pixels between images; None for a twentieth of the height, at least 1.
        margin: pixels around the mosaic.

    Returns:
        float32 array (height', width') or (height', width', 3), in [0, 1].
    """
    x = as_images(x)
    n, height, width = x.shape[:3]
    gap = max(1, round(height / 20)) if gap is None else gap
    rows = -(-n // columns)
    paper = 0.0 if x.ndim == 3 else 1.0  # `show` draws grey 0 as white
    shape = (rows * (height + gap) - gap, columns * (width + gap) - gap, *x.shape[3:])
    whole = np.full(shape, paper, "float32")
    for i, image in enumerate(x):
        top, left = (i // columns) * (height + gap), (i % columns) * (width + gap)
        whole[top : top + height, left : left + width] = image
    margins = [(margin, margin)] * 2 + [(0, 0)] * (whole.ndim - 2)
    return np.pad(whole, margins, constant_values=paper)


def as_images(x):
    """Images as arrays that can be shown.

    Args:
        x: array (n, height, width, 1 or 3) or (n, height, width); integers are pixels 0-255.

    Returns:
        float32 array in [0, 1], (n, height, width) or (n, height, width, 3).

    Raises:
        ValueError: x has another shape.
    """
    x = np.asarray(x)
    x = np.clip(x.astype("float32") / (255 if x.dtype.kind in "iu" else 1), 0, 1)
    x = x[..., 0] if x.ndim == 4 and x.shape[-1] == 1 else x
    if x.ndim != 3 and not (x.ndim == 4 and x.shape[-1] == 3):
        raise ValueError(
            "Expected images (n, height, width, 1 or 3), or (n, height, width). "
            f"Received: shape={x.shape}"
        )
    if not len(x):
        raise ValueError(f"Expected at least one image. Received: shape={x.shape}")
    return x


def sharp(height, width, target=800):
    """The size in inches of a mosaic that is about `target` dots wide: width, height.

    Each pixel is a square of whole dots, so it is drawn sharp.
    """
    dots = max(1, round(target / width))
    return width * dots / DPI, height * dots / DPI


def expect(model, verb, kind):
    """Raises ValueError unless the model has the method `verb`. `kind`: a model that has it."""
    if not hasattr(model, verb):
        raise ValueError(
            f"Expected a model with `{verb}`, {kind}. Received: {type(model).__name__}"
        )


def expect_images(model):
    """Raises ValueError unless the model's examples are images of 1 or 3 channels."""
    if not are_images(model.shape):
        raise ValueError(
            "Expected a model of images (height, width, 1 or 3). "
            f"Received: a model of shape {model.shape}"
        )


def are_images(shape):
    """Whether examples of this shape are images of 1 or 3 channels."""
    return len(shape) == 3 and shape[-1] in (1, 3)


def check_dims(model, dims):
    """The pair `dims` as ints. ValueError unless they are two different latent dimensions."""
    dims = tuple(int(dim) for dim in dims)
    if len(dims) != 2 or dims[0] == dims[1] or not all(0 <= dim < model.latent_dim for dim in dims):
        raise ValueError(
            "Expected two different dimensions of the latent space, "
            f"0 to {model.latent_dim - 1}. Received: dims={dims}, latent_dim={model.latent_dim}"
        )
    return dims


def name(dim):
    """The name of a dimension of the latent space. The first, dim 0, is z_1."""
    return f"$z_{{{dim + 1}}}$"


def quantiles(model, shares, x=None, seed=0):
    """Quantiles of each dimension of the latent space.

    They are the quantiles of the prior: exact ones if the prior is a normal distribution, else
    those of 10,000 draws. For a model without a prior they are the quantiles of the codes of x.

    Args:
        model: a model of keras_ae.
        shares: array (k,), in (0, 1): the share of the distribution below each quantile.
        x: array (n, *shape), for a model without a prior.
        seed: int, for the draws.

    Returns:
        array (k, latent_dim).

    Raises:
        ValueError: there is neither a prior nor x.
    """
    if hasattr(model, "prior"):
        prior = model.prior
        if isinstance(prior, distributions.tfd.MultivariateNormalDiag):
            normal = np.array([statistics.NormalDist().inv_cdf(float(share)) for share in shares])
            # (k, 1) * (latent_dim,) -> (k, latent_dim)
            return prior.mean().numpy() + normal[:, None] * prior.stddev().numpy()
        return np.quantile(prior.sample(10_000, seed=seeds.from_int(seed)).numpy(), shares, axis=0)
    if x is None:
        raise ValueError(
            "Expected `x`, examples whose codes show the part of the latent space in use, because "
            f"{type(model).__name__} has no prior. Received: x=None"
        )
    return np.quantile(np.asarray(model.encode(x)), shares, axis=0)


def class_colours(y):
    """The classes of y, sorted, and a colour for each.

    Up to ten classes get colours that are easy to tell apart. More classes get a colour scale.
    """
    classes = np.unique(y)
    if len(classes) <= len(COLOURS):
        return classes, COLOURS[: len(classes)]
    import matplotlib

    scale, last = matplotlib.colormaps[SCALE], len(classes) - 1
    return classes, [scale(i / last) for i in range(len(classes))]


def middle(points):
    """The point that is nearest to the median of each coordinate: (n, 2) -> (2,)."""
    median = np.median(points, axis=0)
    return points[np.argmin(((points - median) ** 2).sum(axis=1))]


def square(axes, points, share=0.002):
    """Makes axes square, with the same scale in both directions, around the points.

    Args:
        axes: matplotlib axes.
        points: array (n, 2).
        share: float, the share of the points that may lie outside at each end of each coordinate.

    Returns:
        float, the length of a side.
    """
    low, high = np.quantile(points, [share, 1 - share], axis=0)
    side = 1.1 * float(max(high - low)) or 1.0
    axes.set_box_aspect(1)
    axes.set_xlim((low[0] + high[0] - side) / 2, (low[0] + high[0] + side) / 2)
    axes.set_ylim((low[1] + high[1] - side) / 2, (low[1] + high[1] + side) / 2)
    return side


def apart(points, distance):
    """Moves points apart that are nearer than `distance`: array (k, 2) -> array (k, 2)."""
    points = np.array(points, "float64")
    for _ in range(100):
        difference = points[:, None] - points[None]  # (k, k, 2)
        length = np.linalg.norm(difference, axis=-1)
        close = (length < distance) & ~np.eye(len(points), dtype=bool)
        if not close.any():
            break
        unit = difference / np.maximum(length, 1e-12 * distance)[..., None]
        # Points at the same place move up or down, by their order.
        number = np.arange(len(points))
        up = np.sign(number[:, None] - number[None])[..., None] * np.array([0.0, 1.0])
        direction = np.where(length[..., None] > 1e-8 * distance, unit, up)
        step = 0.25 * np.where(close, distance - length, 0)  # (k, k)
        points += (direction * step[..., None]).sum(axis=1)
    return points


def write_classes(axes, names, points, colours, side):
    """Writes the names of classes at points, moved apart if they would hide each other.

    Args:
        axes: matplotlib axes that `square` made.
        names: the names of k classes.
        points: array (k, 2).
        colours: the colours of k classes.
        side: float, the length of a side of the axes.

    Returns:
        array (k, 2), the places of the names.
    """
    points = apart(points, 0.055 * side)
    for name, point, colour in zip(names, points, colours, strict=True):
        box = dict(boxstyle="round,pad=0.25", facecolor="white", edgecolor=colour, linewidth=2)
        style = dict(ha="center", va="center", fontsize=10, fontweight="bold", color=INK)
        axes.text(*point, str(name), bbox=box, zorder=5, **style)
    return points
