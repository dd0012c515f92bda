"""What all pictures share: the figure, the colours, and mosaics of images."""

import statistics

import matplotlib.figure
import numpy as np
from matplotlib import patheffects

from keras_ae import distributions
from keras_ae.utils import seeds

DPI = 100
INK, GREY, LIGHT = "#333333", "#888888", "#e6e6e6"
# Paul Tol, "Colour schemes", SRON technical note EPS/TN/09-002, 2021: the scheme "muted", and a dark grey as the tenth.
COLOURS = (
    "#332288",
    "#88ccee",
    "#cc6677",
    "#117733",
    "#ddcc77",
    "#aa4499",
    "#44aa99",
    "#882255",
    "#999933",
    "#555555",
)
BLUE, ORANGE = "#0077bb", "#ee7733"  # of his scheme "vibrant"
SCALE = "cividis"  # of numbers; made for colour-blind eyes


class Figure(matplotlib.figure.Figure):
    """A matplotlib Figure that notebooks show without pyplot."""

    def _repr_png_(self):
        import io

        buffer = io.BytesIO()
        self.savefig(buffer, format="png")
        return buffer.getvalue()


def figure(width, height, layout="constrained"):
    """A Figure of a size in inches, laid out by itself, or not: layout="none"."""
    made = Figure(figsize=(width, height), dpi=DPI, facecolor="white", layout=layout)
    if layout == "constrained":
        made.get_layout_engine().set(w_pad=0.1, h_pad=0.1)
    return made


def tidy(axes, title=None, x=None, y=None, grid=None):
    """Labels axes, and takes away what says nothing. grid: "x", "y", "both" or None."""
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
    """Shows a mosaic, (height, width) of grey with ink where it is 1, or (height, width, 3); no axis, pixels stay sharp."""
    axes.set_axis_off()
    return axes.imshow(mosaic, cmap="gray_r", vmin=0, vmax=1, interpolation="nearest", **options)


def halo(text):
    """Gives a text a white rim, so that it is read on any ground."""
    text.set_path_effects([patheffects.withStroke(linewidth=3, foreground="white")])


def mosaic(x, columns, gap=None, margin=0):
    """Puts images side by side: (n, height, width[, channels]) in [0, 1] -> (height', width'[, 3]), the paper between them.

    Args:
        x: array of images.
        columns: int.
        gap: pixels between images; None for a twentieth of the height, 1 at least.
        margin: pixels around all.
    """
    x = as_images(x)
    n, height, width = x.shape[:3]
    gap = max(1, round(height / 20)) if gap is None else gap
    rows = -(-n // columns)
    paper = 0.0 if x.ndim == 3 else 1.0  # grey is shown as ink
    whole = np.full(
        (rows * (height + gap) - gap, columns * (width + gap) - gap, *x.shape[3:]), paper, "float32"
    )
    for i, image in enumerate(x):
        top, left = (i // columns) * (height + gap), (i % columns) * (width + gap)
        whole[top : top + height, left : left + width] = image
    return np.pad(
        whole, [(margin, margin)] * 2 + [(0, 0)] * (whole.ndim - 2), constant_values=paper
    )


def as_images(x):
    """Images to show: integers are pixels 0-255; (n, height, width[, 1 or 3]) -> float32 in [0, 1], (n, height, width[, 3]).

    Raises:
        ValueError: x has another shape.
    """
    x = np.asarray(x)
    x = np.clip(x.astype("float32") / (255 if x.dtype.kind in "iu" else 1), 0, 1)
    x = x[..., 0] if x.ndim == 4 and x.shape[-1] == 1 else x
    if x.ndim != 3 and not (x.ndim == 4 and x.shape[-1] == 3):
        raise ValueError(
            f"Expected images (n, height, width, 1 or 3), or (n, height, width). Received: shape={x.shape}"
        )
    if not len(x):
        raise ValueError(f"Expected at least one image. Received: shape={x.shape}")
    return x


def sharp(height, width, target=800):
    """The size in inches of a mosaic whose pixels are squares of whole dots, about `target` dots wide."""
    dots = max(1, round(target / width))
    return width * dots / DPI, height * dots / DPI


def expect(model, verb, kind):
    """Raises ValueError unless the model has that verb."""
    if not hasattr(model, verb):
        raise ValueError(
            f"Expected a model with `{verb}`, {kind}. Received: {type(model).__name__}"
        )


def expect_images(model):
    """Raises ValueError unless the model's examples are images of 1 or 3 channels."""
    if not are_images(model.shape):
        raise ValueError(
            f"Expected a model of images (height, width, 1 or 3). Received: a model of shape {model.shape}"
        )


def are_images(shape):
    """Whether examples of this shape are images of 1 or 3 channels."""
    return len(shape) == 3 and shape[-1] in (1, 3)


def check_dims(model, dims):
    """The pair `dims` as ints. Raises ValueError unless they are two different dimensions of the model's latent space."""
    dims = tuple(int(dim) for dim in dims)
    if len(dims) != 2 or dims[0] == dims[1] or not all(0 <= dim < model.latent_dim for dim in dims):
        raise ValueError(
            f"Expected two different dimensions of the latent space, 0 to {model.latent_dim - 1}. Received: dims={dims}, "
            f"latent_dim={model.latent_dim}"
        )
    return dims


def name(dim):
    """How a dimension of the latent space is called; the first is z_1."""
    return f"$z_{{{dim + 1}}}$"


def quantiles(model, shares, x=None, seed=0):
    """Values of each dimension of the latent space below which so large a share of it lies.

    Of the prior, exactly where it is a normal distribution, else of 10,000 draws of it; of the codes of x where there is no prior.

    Args:
        model: a model of keras_ae.
        shares: array (k,), in (0, 1).
        x: array (n, *shape), for a model without a prior.
        seed: int, of the draws.

    Returns:
        array (k, latent_dim).

    Raises:
        ValueError: there is neither prior nor x.
    """
    if hasattr(model, "prior"):
        prior = model.prior
        if isinstance(prior, distributions.tfd.MultivariateNormalDiag):
            normal = np.array([statistics.NormalDist().inv_cdf(float(share)) for share in shares])
            return (
                prior.mean().numpy() + normal[:, None] * prior.stddev().numpy()
            )  # (k, 1) * (latent_dim,) -> (k, latent_dim)
        return np.quantile(prior.sample(10_000, seed=seeds.from_int(seed)).numpy(), shares, axis=0)
    if x is None:
        raise ValueError(
            f"Expected `x`, examples whose codes tell where to look, since {type(model).__name__} has no prior. Received: x=None"
        )
    return np.quantile(np.asarray(model.encode(x)), shares, axis=0)


def class_colours(y):
    """The classes of y, sorted, and a colour for each: ten that are told apart, or as many of one scale."""
    classes = np.unique(y)
    if len(classes) <= len(COLOURS):
        return classes, COLOURS[: len(classes)]
    import matplotlib

    return classes, [
        matplotlib.colormaps[SCALE](i / (len(classes) - 1)) for i in range(len(classes))
    ]


def middle(points):
    """The point of the densest part: the median of each coordinate, moved to the nearest of the points. (n, 2) -> (2,)."""
    median = np.median(points, axis=0)
    return points[np.argmin(((points - median) ** 2).sum(axis=1))]


def square(axes, points, share=0.002):
    """Makes axes square, of one scale in both directions, that hold all but a share of the points at each end of each coordinate.

    Args:
        axes: matplotlib axes.
        points: array (n, 2).
        share: float.

    Returns:
        the length of a side.
    """
    low, high = np.quantile(points, [share, 1 - share], axis=0)
    side = 1.1 * float(max(high - low)) or 1.0
    axes.set_box_aspect(1)
    axes.set_xlim((low[0] + high[0] - side) / 2, (low[0] + high[0] + side) / 2)
    axes.set_ylim((low[1] + high[1] - side) / 2, (low[1] + high[1] + side) / 2)
    return side


def apart(points, distance):
    """Moves points apart that are nearer to each other: array (k, 2) -> array (k, 2)."""
    points = np.array(points, "float64")
    for _ in range(100):
        difference = points[:, None] - points[None]  # (k, k, 2)
        length = np.linalg.norm(difference, axis=-1)
        close = (length < distance) & ~np.eye(len(points), dtype=bool)
        if not close.any():
            break
        up = np.sign(np.arange(len(points))[:, None] - np.arange(len(points))[None])[
            ..., None
        ] * np.array([0.0, 1.0])
        unit = difference / np.maximum(length, 1e-12 * distance)[..., None]
        direction = np.where(length[..., None] > 1e-8 * distance, unit, up)
        points += (direction * (0.25 * np.where(close, distance - length, 0))[..., None]).sum(
            axis=1
        )
    return points


def write_classes(axes, names, points, colours, side):
    """Writes the names of classes where they lie, moved apart where they would hide each other.

    Args:
        axes: matplotlib axes, `square` of that side.
        names, colours: of k classes.
        points: array (k, 2).
        side: float.

    Returns:
        array (k, 2), where the names are.
    """
    points = apart(points, 0.055 * side)
    for name, point, colour in zip(names, points, colours, strict=True):
        box = dict(boxstyle="round,pad=0.25", facecolor="white", edgecolor=colour, linewidth=2)
        axes.text(
            *point,
            str(name),
            ha="center",
            va="center",
            fontsize=10,
            fontweight="bold",
            color=INK,
            bbox=box,
            zorder=5,
        )
    return points
