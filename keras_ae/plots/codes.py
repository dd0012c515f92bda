"""Pictures of codes: where examples lie in latent space, and which dimensions are in use."""

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
        y: array (n,): classes, or floats, which get a colour scale; None for one colour.
        method: how to project more than two dimensions: "pca", onto the principal components,
            or "umap", by the package umap-learn.
        seed: int, for UMAP and for the order in which points are drawn.

    Returns:
        matplotlib.figure.Figure.

    Raises:
        ValueError: the arguments do not fit each other.
        ImportError: `method` is "umap", and umap-learn is not installed.

    Example:

        model = keras_ae.AE((28, 28, 1), latent_dim=2)
        keras_ae.plots.latent_scatter(model, x_train, np.arange(60) % 3)
    """
    if method not in ("pca", "umap"):
        raise ValueError(f'Expected `method` to be "pca" or "umap". Received: {method!r}')
    _expect_two_dimensions(model)
    codes = np.asarray(model.encode(x))
    y = _classes(y, len(codes))
    if codes.shape[1] == 2:
        points, names = codes, (drawing.name(0), drawing.name(1))
    elif method == "pca":
        points, names = _principal(codes)
    else:
        points, names = _umap(codes, seed), ("UMAP 1", "UMAP 2")
    picture = drawing.figure(7, 7 if y is None or y.dtype.kind != "f" else 6)
    axes = drawing.tidy(picture.add_subplot(), x=names[0], y=names[1])
    side = drawing.square(axes, points)
    # In random order, no class covers the others.
    order = np.random.default_rng(seed).permutation(len(points))
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
        middles = [drawing.middle(points[y == label]) for label in classes]
        drawing.write_classes(axes, classes, middles, colours, side)
    return picture


def posterior_overlap(model, x, y=None, dims=None):
    """The posteriors q(z|x) as ellipses of one standard deviation, coloured by class.

    If ellipses of two examples overlap, their codes can hardly be told apart. If the prior's
    moments are known, two circles show its one and two standard deviations.

    Args:
        model: a VAE with at least two latent dimensions and a Gaussian posterior.
        x: array (n, *shape). A few hundred examples are enough.
        y: array (n,), classes; None for one colour.
        dims: pair of ints, the dimensions to show; None for the two whose posterior means vary
            most.

    Returns:
        matplotlib.figure.Figure.

    Raises:
        ValueError: the model is not a VAE, or the arguments do not fit each other.
    """
    loc, _ = scores.posteriors(model, x)  # (n, latent_dim)
    _expect_two_dimensions(model)
    if dims is None:
        dims = np.argsort(-loc.var(axis=0), kind="stable")[:2] if model.latent_dim > 2 else (0, 1)
    dims = list(drawing.check_dims(model, dims))
    y = _classes(y, len(loc))
    batches = [x[i : i + 100] for i in range(0, len(x), 100)]
    covariances = np.concatenate([model.posterior(batch).covariance() for batch in batches])
    covariances = covariances[:, dims][:, :, dims]  # (n, latent_dim, latent_dim) -> (n, 2, 2)
    centers = loc[:, dims]  # (n, latent_dim) -> (n, 2)
    picture = drawing.figure(7, 7)
    axes = drawing.tidy(picture.add_subplot(), x=drawing.name(dims[0]), y=drawing.name(dims[1]))
    classes, colours = drawing.class_colours(y) if y is not None else ((None,), (drawing.BLUE,))
    for label, colour in zip(classes, colours, strict=True):
        of_class = slice(None) if y is None else y == label
        _draw_ellipses(axes, centers[of_class], covariances[of_class], colour)
    prior = _moments(model.prior, dims)
    reach = np.zeros((0, 2))
    if prior is not None:
        reach = np.array([prior[0] - 2.1 * prior[1], prior[0] + 2.1 * prior[1]])  # (2, 2)
    side = drawing.square(axes, np.concatenate([centers, reach]), share=0)
    taken = centers
    if y is not None:
        places = [drawing.middle(centers[y == label]) for label in classes]
        names = drawing.write_classes(axes, classes, places, colours, side)
        taken = np.concatenate([names, centers])
    if prior is not None:
        _draw_prior(axes, *prior, taken, side)
    return picture


def active_units(model, x):
    """The activity of each dimension of the code, sorted: its variance over x.

    For a VAE it is the variance of the posterior mean. A dimension is active above 0.01.

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
    title = f"{active.sum()} of {len(values)} units are active: variance above {scores.ACTIVE}"
    mean = r"\mathrm{E}[z_j|x]" if hasattr(model, "posterior") else "z_j"
    picture, axes = _bars(values, active, title, rf"$\mathrm{{Var}}_x\,{mean}$")
    axes.set_yscale("log")
    low = max(min(values.min(), scores.ACTIVE) / 2, 1e-6)
    axes.set_ylim(low, max(values.max(), scores.ACTIVE) * 2)
    axes.axhline(scores.ACTIVE, color=drawing.INK, linestyle=(0, (4, 4)), linewidth=1)
    return picture


def kl_per_dimension(model, x):
    """The KL of each dimension of the code, KL(q(z_j|x) || p(z_j)) in nats, mean over x, sorted.

    A dimension below 0.01 nats is grey: it is not in use. If the dimensions of the posterior are
    correlated, the KL of the whole code is more than their sum. The title then gives it, too.

    Args:
        model: a VAE with a Gaussian posterior, and a standard normal or mixture prior.
        x: array (n, *shape); integers are pixels 0-255.

    Returns:
        matplotlib.figure.Figure.

    Raises:
        ValueError: the model is not a VAE; the marginals of the prior are not known.
    """
    values = scores.kl_per_dimension(model, x)
    total = float(np.mean(scores.kl(model, x)))
    title = f"KL of {len(values)} dimensions, {values.sum():.1f} nats together"
    if abs(total - values.sum()) > 0.01 * total + 0.01:
        title += f" (of the whole code: {total:.1f})"
    what = r"$\mathrm{KL}(q(z_j|x)\,||\,p(z_j))$, nats"
    picture, axes = _bars(values, values > 0.01, title, what)
    axes.set_ylim(0, max(1.05 * values.max(), 0.1))
    return picture


def _bars(values, active, title, what):
    """Sorted bars of values, the active ones blue. The dimension of each is written below it."""
    order = np.argsort(-values, kind="stable")
    picture = drawing.figure(float(np.clip(1 + 0.22 * len(values), 4, 12)), 3.6)
    axes = drawing.tidy(
        picture.add_subplot(), title, "dimension of the code, sorted", what, grid="y"
    )
    colours = [drawing.BLUE if active[dim] else "#c4c4c4" for dim in order]
    axes.bar(range(len(values)), values[order], color=colours, width=0.8)
    step = -(-len(values) // 50)  # more names could not be read
    axes.set_xticks(range(0, len(values), step), [str(dim + 1) for dim in order[::step]])
    axes.tick_params(axis="x", length=0, labelsize=7 if len(values) > 20 else 9)
    axes.set_xlim(-0.7, len(values) - 0.3)
    return picture, axes


def _expect_two_dimensions(model):
    """Raises ValueError unless the model has at least two latent dimensions."""
    if model.latent_dim < 2:
        raise ValueError(
            "Expected a model with at least two latent dimensions. "
            f"Received: latent_dim={model.latent_dim}"
        )


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
    """The first two principal components of the codes, (n, 2), and their two names.

    The sign of a component makes its largest weight positive.
    """
    centered = codes.astype("float64") - codes.mean(axis=0)
    _, singular, axes = np.linalg.svd(centered, full_matrices=False)
    largest = np.abs(axes).argmax(axis=1, keepdims=True)
    signs = np.sign(np.take_along_axis(axes, largest, axis=1))[:2]  # (2, 1)
    total = (singular**2).sum() or 1.0
    names = [
        f"principal component {i + 1} ({100 * share:.0f} % of the variance)"
        for i, share in enumerate(singular[:2] ** 2 / total)
    ]
    return centered @ (signs * axes[:2]).T, names


def _umap(codes, seed):
    try:
        import umap
    except ImportError as error:
        raise ImportError(
            'Expected the package umap-learn for method="umap": pip install umap-learn. '
            "Received: none"
        ) from error
    return umap.UMAP(n_components=2, random_state=seed, n_jobs=1).fit_transform(codes)


def _draw_ellipses(axes, centers, covariances, colour):
    """Draws ellipses of one standard deviation: centers (n, 2), covariances (n, 2, 2)."""
    # eigh sorts the lengths of the axes in ascending order: the second axis is the longer one.
    lengths, directions = np.linalg.eigh(covariances.astype("float64"))
    widths, heights = 2 * np.sqrt(np.maximum(lengths, 0)).T[::-1]  # (n,) each
    angles = np.degrees(np.arctan2(directions[:, 1, 1], directions[:, 0, 1]))  # (n,)
    ellipses = matplotlib.collections.EllipseCollection(
        widths,
        heights,
        angles,
        units="xy",
        offsets=centers,
        offset_transform=axes.transData,
        facecolors=matplotlib.colors.to_rgba(colour, 0.25),
        edgecolors=matplotlib.colors.to_rgba(colour, 0.9),
        linewidths=0.6,
    )
    axes.add_collection(ellipses)


def _draw_prior(axes, middle, spread, taken, side):
    """Draws circles of one and two standard deviations, and names them.

    A name is placed on its circle, at the first place where no point of `taken`, (n, 2), is near.
    If there is no such place, it goes where the nearest point is farthest away.
    """
    angles = np.linspace(-np.pi / 2, 3 * np.pi / 2, 24, endpoint=False)
    unit = np.stack([np.cos(angles), np.sin(angles)], axis=1)  # (24, 2)
    for deviations in (1, 2):
        size = 2 * deviations * spread
        ellipse = matplotlib.patches.Ellipse(middle, *size, fill=False, zorder=4)
        ellipse.set(edgecolor=drawing.INK, linestyle=(0, (4, 4)), linewidth=1)
        axes.add_patch(ellipse)
        around = middle + deviations * spread * unit  # (24, 2)
        distances = np.linalg.norm(around[:, None] - taken[None], axis=-1)  # (24, n)
        place = around[np.minimum(distances.min(axis=1), 0.1 * side).argmax()]
        style = dict(ha="center", va="center", fontsize=8, color=drawing.INK, zorder=6)
        drawing.halo(axes.text(*place, f"prior, {deviations} sd", **style))


def _moments(distribution, dims):
    """Mean and standard deviation of two dimensions, (2,) each; None if they are not known."""
    try:
        moments = (distribution.mean(), distribution.stddev())
    except NotImplementedError:
        return None
    return tuple(np.asarray(moment)[dims] for moment in moments)
