"""Pictures of codes: where examples lie in latent space, and which of its dimensions are used."""

import matplotlib.collections
import matplotlib.patches
import numpy as np

from keras_ae.evaluation import scores
from keras_ae.plots import drawing


def latent_scatter(model, x, y=None, method="pca", seed=0):
    """The codes of x in the plane, coloured by class. More than two dimensions are projected.

    Args:
        model: a model of keras_ae with at least two latent dimensions.
        x: array (n, *shape); integers are pixels 0-255.
        y: array (n,): classes, or floats, which are shown on a scale; None: all alike.
        method: how codes of more than two dimensions are projected: "pca", onto their principal components, or "umap", with the
            package umap-learn.
        seed: int, of UMAP and of the order in which points are drawn.

    Returns:
        matplotlib.figure.Figure.

    Raises:
        ValueError: the arguments do not fit each other.
        ImportError: umap-learn is asked for and not installed.
    """
    if method not in ("pca", "umap"):
        raise ValueError(f'Expected `method` to be "pca" or "umap". Received: {method!r}')
    if model.latent_dim < 2:
        raise ValueError(
            f"Expected a model with at least two latent dimensions. Received: latent_dim={model.latent_dim}"
        )
    codes = np.asarray(model.encode(x))
    y = _classes(y, len(codes))
    if codes.shape[1] == 2:
        points, names = codes, (drawing.name(0), drawing.name(1))
    elif method == "pca":
        points, explained = _principal(codes)
        names = tuple(
            f"principal component {i + 1} ({100 * share:.0f} % of the variance)"
            for i, share in enumerate(explained)
        )
    else:
        points, names = _umap(codes, seed), ("UMAP 1", "UMAP 2")
    picture = drawing.figure(7, 7 if y is None or y.dtype.kind != "f" else 6)
    axes = drawing.tidy(picture.add_subplot(), x=names[0], y=names[1])
    side = drawing.square(axes, points)
    order = np.random.default_rng(seed).permutation(len(points))  # so that no class lies on top
    size = float(np.clip(40_000 / len(points), 5, 40))
    options = dict(s=size, linewidths=0, alpha=0.7, rasterized=True)
    if y is None:
        axes.scatter(*points[order].T, color=drawing.BLUE, **options)
    elif y.dtype.kind == "f":
        shown = axes.scatter(*points[order].T, c=y[order], cmap=drawing.SCALE, **options)
        picture.colorbar(shown, ax=axes, shrink=0.8, label="y").outline.set_visible(False)
    else:
        classes, colours = drawing.class_colours(y)
        of_class = dict(zip(classes, colours, strict=True))
        axes.scatter(*points[order].T, c=[of_class[label] for label in y[order]], **options)
        drawing.write_classes(
            axes, classes, [drawing.middle(points[y == label]) for label in classes], colours, side
        )
    return picture


def posterior_overlap(model, x, y=None, dims=None):
    """The posteriors q(z|x) as ellipses of one standard deviation, coloured by class, over the prior's circles of one and two, where
    its moments are known.

    Where ellipses of different examples overlap, their codes are told apart no more.

    Args:
        model: a VAE with at least two latent dimensions and a Gaussian posterior.
        x: array (n, *shape). A few hundred.
        y: array (n,), classes; None: all alike.
        dims: pair of ints, the dimensions to show; None: the two whose posterior means vary most.

    Returns:
        matplotlib.figure.Figure.

    Raises:
        ValueError: the model is no VAE, or the arguments do not fit each other.
    """
    loc, _ = scores.posteriors(model, x)  # (n, latent_dim)
    if model.latent_dim < 2:
        raise ValueError(
            f"Expected a model with at least two latent dimensions. Received: latent_dim={model.latent_dim}"
        )
    if dims is None:
        dims = np.argsort(-loc.var(axis=0), kind="stable")[:2] if model.latent_dim > 2 else (0, 1)
    dims = list(drawing.check_dims(model, dims))
    y = _classes(y, len(loc))
    covariance = np.concatenate(
        [model.posterior(x[i : i + 100]).covariance() for i in range(0, len(x), 100)]
    )
    centers, covariance = (
        loc[:, dims],
        covariance[:, dims][:, :, dims].astype("float64"),
    )  # (n, 2), (n, 2, 2)
    lengths, directions = np.linalg.eigh(covariance)
    widths, heights = 2 * np.sqrt(np.maximum(lengths, 0)).T[::-1]
    angles = np.degrees(np.arctan2(directions[:, 1, 1], directions[:, 0, 1]))  # of the longer axis
    picture = drawing.figure(7, 7)
    axes = drawing.tidy(picture.add_subplot(), x=drawing.name(dims[0]), y=drawing.name(dims[1]))
    classes, colours = drawing.class_colours(y) if y is not None else ((None,), (drawing.BLUE,))
    for label, colour in zip(classes, colours, strict=True):
        of_class = slice(None) if y is None else y == label
        ellipses = matplotlib.collections.EllipseCollection(
            widths[of_class],
            heights[of_class],
            angles[of_class],
            units="xy",
            offsets=centers[of_class],
            offset_transform=axes.transData,
            facecolors=matplotlib.colors.to_rgba(colour, 0.25),
            edgecolors=matplotlib.colors.to_rgba(colour, 0.9),
            linewidths=0.6,
        )
        axes.add_collection(ellipses)
    moments = _moments(model.prior)
    reach = (
        np.zeros((0, 2))
        if moments is None
        else np.array([moments[0] - 2.1 * moments[1], moments[0] + 2.1 * moments[1]])[:, dims]
    )
    side = drawing.square(axes, np.concatenate([centers, reach]), share=0)
    taken = centers
    if y is not None:
        places = [drawing.middle(centers[y == label]) for label in classes]
        taken = np.concatenate(
            [drawing.write_classes(axes, classes, places, colours, side), centers]
        )
    if moments is not None:
        _draw_prior(axes, moments[0][dims], moments[1][dims], taken, side)
    return picture


def active_units(model, x):
    """How much each dimension of the code tells of x: the variance of its (mean) code over x, sorted; active above 0.01.

    Args:
        model: a model of keras_ae.
        x: array (n, *shape); integers are pixels 0-255.

    Returns:
        matplotlib.figure.Figure.

    Raises:
        ValueError: x does not fit the model.

    Source: Burda et al., "Importance weighted autoencoders", ICLR 2016, section 5.
    """
    values = scores.activity(model, x)
    active = values > scores.ACTIVE
    what = (
        r"$\mathrm{Var}_x\,\mathrm{E}[z_j|x]$"
        if hasattr(model, "posterior")
        else r"$\mathrm{Var}_x\,z_j$"
    )
    picture, axes = _bars(
        values,
        active,
        f"{active.sum()} of {len(values)} units are active: variance above {scores.ACTIVE}",
        what,
    )
    axes.set_yscale("log")
    low = max(min(values.min(), scores.ACTIVE) / 2, 1e-6)
    axes.set_ylim(low, max(values.max(), scores.ACTIVE) * 2)
    axes.axhline(scores.ACTIVE, color=drawing.INK, linestyle=(0, (4, 4)), linewidth=1)
    return picture


def kl_per_dimension(model, x):
    """The KL of each dimension of the code, nats, the mean over x, sorted; dimensions below 0.01 are given up.

    Where the dimensions of the posterior are correlated, the KL of the whole code is more than theirs together, and is told too.

    Args:
        model: a VAE with a Gaussian posterior, and a standard normal or mixture prior.
        x: array (n, *shape); integers are pixels 0-255.

    Returns:
        matplotlib.figure.Figure.

    Raises:
        ValueError: the model is no VAE; the prior's marginals are not known.
    """
    values = scores.kl_per_dimension(model, x)
    total = float(np.mean(scores.kl(model, x)))
    title = f"KL of {len(values)} dimensions, {values.sum():.1f} nats together"
    title += (
        f" (of the whole code: {total:.1f})"
        if abs(total - values.sum()) > 0.01 * total + 0.01
        else ""
    )
    picture, axes = _bars(
        values, values > 0.01, title, r"$\mathrm{KL}(q(z_j|x)\,||\,p(z_j))$, nats"
    )
    axes.set_ylim(0, max(1.05 * values.max(), 0.1))
    return picture


def _bars(values, active, title, what):
    """Bars of values, sorted, the active ones blue, each named below by its dimension."""
    order = np.argsort(-values, kind="stable")
    picture = drawing.figure(float(np.clip(1 + 0.22 * len(values), 4, 12)), 3.6)
    axes = drawing.tidy(
        picture.add_subplot(), title, "dimension of the code, sorted", what, grid="y"
    )
    colours = [drawing.BLUE if active[dim] else "#c4c4c4" for dim in order]
    axes.bar(range(len(values)), values[order], color=colours, width=0.8)
    step = -(-len(values) // 50)  # not more names than can be read
    axes.set_xticks(range(0, len(values), step), [str(dim + 1) for dim in order[::step]])
    axes.tick_params(axis="x", length=0, labelsize=7 if len(values) > 20 else 9)
    axes.set_xlim(-0.7, len(values) - 0.3)
    return picture, axes


def _classes(y, n):
    """y as an array (n,), or None."""
    if y is None:
        return None
    y = np.asarray(y)
    if y.shape != (n,):
        raise ValueError(
            f"Expected `y` to hold one class for each of {n} examples. Received: shape={y.shape}"
        )
    return y


def _principal(codes):
    """The first two principal components, (n, 2), each with the sign that makes its largest weight positive; and their shares, (2,)."""
    centered = codes.astype("float64") - codes.mean(axis=0)
    _, singular, axes = np.linalg.svd(centered, full_matrices=False)
    signs = np.sign(np.take_along_axis(axes, np.abs(axes).argmax(axis=1, keepdims=True), axis=1))[
        :2
    ]
    total = (singular**2).sum() or 1.0
    return centered @ (signs * axes[:2]).T, singular[:2] ** 2 / total


def _umap(codes, seed):
    try:
        import umap
    except ImportError as error:
        raise ImportError(
            'Expected the package umap-learn for method="umap": pip install umap-learn. Received: none'
        ) from error
    return umap.UMAP(n_components=2, random_state=seed, n_jobs=1).fit_transform(codes)


def _draw_prior(axes, middle, spread, taken, side):
    """Circles of one and two standard deviations, named where no point of `taken`, (n, 2), is near."""
    for deviations in (1, 2):
        ellipse = matplotlib.patches.Ellipse(
            middle, *(2 * deviations * spread), fill=False, zorder=4
        )
        ellipse.set(edgecolor=drawing.INK, linestyle=(0, (4, 4)), linewidth=1)
        axes.add_patch(ellipse)
        angles = np.linspace(-np.pi / 2, 3 * np.pi / 2, 24, endpoint=False)
        around = middle + deviations * spread * np.stack(
            [np.cos(angles), np.sin(angles)], axis=1
        )  # (24, 2)
        distances = np.linalg.norm(around[:, None] - taken[None], axis=-1)  # (24, n)
        place = around[
            np.minimum(distances.min(axis=1), 0.1 * side).argmax()
        ]  # the first that is free, or else the freest
        text = axes.text(
            *place,
            f"prior, {deviations} sd",
            ha="center",
            va="center",
            fontsize=8,
            color=drawing.INK,
            zorder=6,
        )
        drawing.halo(text)


def _moments(distribution):
    """Mean and standard deviation of each dimension, or None where they are not known."""
    try:
        return np.asarray(distribution.mean()), np.asarray(distribution.stddev())
    except NotImplementedError:
        return None
