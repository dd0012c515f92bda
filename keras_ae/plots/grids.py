"""Grids of images: originals, reconstructions, samples, and walks in latent space."""

import numpy as np

from keras_ae.plots import drawing
from keras_ae.utils import inputs, validation


def images(x, columns=None, titles=None):
    """A grid of images.

    Args:
        x: array (n, height, width, 1 or 3) or (n, height, width), values in [0, 1] or integers
            0-255.
        columns: int; None for a grid that is as square as possible.
        titles: list of one title per row, or None.

    Returns:
        matplotlib.figure.Figure.

    Raises:
        ValueError: x has another shape.

    Example:

        keras_ae.plots.images(x_train[:10], columns=5)
    """
    x = drawing.as_images(x)
    columns = columns or int(np.ceil(np.sqrt(len(x))))
    if not titles:
        whole = drawing.mosaic(x, columns, margin=2)
        picture = drawing.figure(*drawing.sharp(*whole.shape[:2]), layout="none")
        drawing.show(picture.add_axes((0, 0, 1, 1)), whole)
        return picture
    rows = [drawing.mosaic(x[i : i + columns], columns) for i in range(0, len(x), columns)]
    width, height = drawing.sharp(*rows[0].shape[:2])
    title, margin = 0.3, 0.1  # inches
    total = len(rows) * (height + title) + margin
    picture = drawing.figure(width + 2 * margin, total, layout="none")
    for i, (row, text) in enumerate(zip(rows, titles, strict=True)):
        bottom = total - (i + 1) * (height + title)
        axes = drawing.axes_at(picture, margin, bottom, width, height)
        drawing.show(axes, row)
        axes.set_title(text, loc="left", fontsize=11, color=drawing.INK, pad=4)
    return picture


def samples(model, n=64, seed=0, label=None):
    """Images that the model draws: the means of p(x|z) for z ~ p(z).

    For a ConditionalVAE, each column has its own label; for a VaDE, its own cluster.

    Args:
        model: a VAE of images.
        n: int, the number of images.
        seed: int, for the draws.
        label: int, the label or cluster of all images; None for all labels in turn.

    Returns:
        matplotlib.figure.Figure.

    Raises:
        ValueError: the model cannot be sampled, or is not a model of images; n < 1; the model
            has no labels, or not this one.
    """
    drawing.expect_images(model)
    drawing.expect(model, "sample", "a VAE")
    kinds = model.kinds_of_samples()
    if kinds is None:
        if label is not None:
            raise ValueError(
                "Expected `label` for a ConditionalVAE, or a VaDE whose clusters have been "
                f"started. Received: label={label!r}, for a {type(model).__name__}"
            )
        return images(model.sample(n, seed=seed))
    name, count = kinds
    labels = np.arange(validation.positive_int(n, "n")) % count if label is None else label
    columns = count if label is None and n >= count else None
    return images(model.sample(n, seed=seed, **{name: labels}), columns)


def reconstructions(model, x):
    """Originals above their reconstructions; for a DAE, clean, noisy and denoised images.

    The noise has the seed 0.

    Args:
        model: a model of images.
        x: array (n, *shape); integers are pixels 0-255. About ten images.

    Returns:
        matplotlib.figure.Figure.

    Raises:
        ValueError: the model is not a model of images; x does not fit it.
    """
    drawing.expect_images(model)
    shown = inputs.to_float(x, model.shape).numpy()
    if hasattr(model, "corrupt"):
        noisy = np.asarray(model.corrupt(x, seed=0))
        rows, titles = [shown, noisy, model.reconstruct(noisy)], ["clean", "noisy", "denoised"]
    else:
        rows, titles = [shown, model.reconstruct(x)], ["original", "reconstruction"]
    return images(np.concatenate(rows), columns=len(x), titles=titles)


def layers(model, x, seed=0):
    """What each layer of an HVAE decides: upper layers of x stay, those below them are drawn.

    The first row shows x, and the second one all layers of its code, decoded. In each further row
    one layer less is kept; in the last row none.

    Args:
        model: an HVAE of images.
        x: array (n, *shape); integers are pixels 0-255. About ten images.
        seed: int, for the draws.

    Returns:
        matplotlib.figure.Figure.

    Raises:
        ValueError: the model is no HVAE, or not a model of images; x does not fit it.

    Example:

        hvae = keras_ae.HVAE((28, 28, 1), latent_dim=(10, 20))
        keras_ae.plots.layers(hvae, x_train[:10])
    """
    drawing.expect_images(model)
    drawing.expect(model, "redraw", "an HVAE")
    z, shown = model.encode(x, sample=True, seed=seed), inputs.to_float(x, model.shape).numpy()
    count = len(model.split(z))
    kept = [model.decode(model.redraw(z, n, seed=seed)) for n in range(count, -1, -1)]
    words = [f"{n} {'layer' if n == 1 else 'layers'} kept" for n in range(count - 1, 0, -1)]
    titles = ["original", "all layers", *words, "no layer kept"]
    return images(np.concatenate([shown, *kept]), columns=len(shown), titles=titles)


def manifold(model, n=20, x=None, dims=(0, 1), seed=0):
    """A plane of the latent space, decoded: a grid of codes at the quantiles of the prior.

    Args:
        model: a model of images with at least two latent dimensions. Dimensions that are not in
            `dims` stay at their median.
        n: int, the number of images per side.
        x: array (m, *shape), for a model without a prior. The quantiles are then those of the
            codes of x.
        dims: pair of ints: the dimension that grows to the right, and the one that grows
            upwards.
        seed: int, for the draws that give the quantiles of a prior that is not normal.

    Returns:
        matplotlib.figure.Figure.

    Raises:
        ValueError: the model is not a model of images or lacks these dimensions; n < 2; the
            model needs x, and x is None.

    Example:

        keras_ae.plots.manifold(keras_ae.VAE((28, 28, 1), latent_dim=2), n=5)

    Source: Kingma & Welling, "Auto-encoding variational Bayes", ICLR 2014, figure 4.
    """
    drawing.expect_images(model)
    right, up = drawing.check_dims(model, dims)
    shares = (np.arange(validation.at_least(n, "n", 2)) + 0.5) / n
    values = drawing.quantiles(model, shares, x, seed)  # (n, latent_dim)
    median = drawing.quantiles(model, [0.5], x, seed)  # (1, latent_dim)
    z = np.tile(median, (n * n, 1)).astype("float32")  # (n * n, latent_dim)
    z[:, up] = np.repeat(values[::-1, up], n)
    z[:, right] = np.tile(values[:, right], n)
    whole = drawing.mosaic(model.decode(z), n, gap=0)
    width, height = drawing.sharp(*whole.shape[:2])
    picture = drawing.figure(width + 0.8, height + 0.6, layout="none")
    axes = drawing.axes_at(picture, 0.7, 0.5, width, height)
    drawing.show(axes, whole, extent=(0, n, 0, n), aspect="auto")
    drawing.tidy(axes, x=drawing.name(right), y=drawing.name(up))
    drawing.only_ticks(axes)
    # The numbers on the axes are symmetric, and few enough to be read.
    marks = np.linspace(0, (n - 1) / 2, 4)[: 4 if n % 2 else 3].astype(int)
    marks = np.unique([*marks, *(n - 1 - marks)])
    axes.set_xticks(marks + 0.5, [f"{value:.1f}" for value in values[marks, right]])
    axes.set_yticks(marks + 0.5, [f"{value:.1f}" for value in values[marks, up]])
    return picture


def traversals(model, x=None, rows=8, steps=11, seed=0):
    """Walks along the latent dimensions, decoded: one row per dimension.

    In its row, a dimension goes from its 2 % quantile to its 98 % quantile. All others stay.

    Args:
        model: a model of images.
        x: array (n, *shape). All walks pass through the code of its first image. The rows are
            the dimensions whose codes vary most over x. None, for a model with a prior: all walks
            pass through the prior's median, and the rows are the first dimensions.
        rows: int, the largest number of dimensions.
        steps: int, the number of images per row.
        seed: int, for the draws that give the quantiles of a prior that is not normal.

    Returns:
        matplotlib.figure.Figure.

    Raises:
        ValueError: the model is not a model of images; it needs x, and x is None; rows < 1;
            steps < 2.
    """
    drawing.expect_images(model)
    shares = np.linspace(0.02, 0.98, validation.at_least(steps, "steps", 2))
    values = drawing.quantiles(model, shares, x, seed)  # (steps, latent_dim)
    count = min(validation.at_least(rows, "rows", 1), model.latent_dim)
    if x is None:
        base, order = drawing.quantiles(model, [0.5], x, seed)[0], np.arange(count)
    else:
        codes = np.asarray(model.encode(x))
        base, order = codes[0], np.argsort(-codes.var(axis=0), kind="stable")[:count]
    z = np.tile(base, (count, steps, 1)).astype("float32")  # (count, steps, latent_dim)
    for row, dim in enumerate(order):
        z[row, :, dim] = values[:, dim]
    decoded = np.asarray(model.decode(z.reshape(count * steps, -1)))
    picture, axes = _labelled(decoded, steps, [drawing.name(dim) for dim in order])
    cell = axes.get_images()[0].get_array().shape[1] / steps
    ends = (0, steps // 2, steps - 1)
    names = ["2 %", "median" if steps % 2 else "", "98 %"]
    axes.set_xticks([(i + 0.5) * cell for i in ends], names)
    return picture


def interpolations(model, a, b, steps=9):
    """The straight lines between the codes of a and of b, decoded: one row per pair.

    The two originals stand at the ends of the row.

    Args:
        model: a model of images.
        a, b: arrays (n, *shape), of the same length.
        steps: int >= 2, the number of decoded images per row.

    Returns:
        matplotlib.figure.Figure.

    Raises:
        ValueError: the model is not a model of images; a and b do not fit it or each other;
            steps < 2.
    """
    drawing.expect_images(model)
    between = np.asarray(model.interpolate(a, b, steps))  # (n, steps, *shape)
    first, last = (drawing.as_images(e).reshape(len(between), 1, *model.shape) for e in (a, b))
    decoded = drawing.mosaic(between.reshape(-1, *model.shape), steps)
    sides = [drawing.mosaic(side[:, 0], 1) for side in (first, last)]
    wide = [sides[0].shape[1], decoded.shape[1], sides[1].shape[1]]
    space = sides[0].shape[1] // 2  # pixels between originals and decoded images
    width, height = drawing.sharp(decoded.shape[0], sum(wide) + 2 * space)
    dot = width / (sum(wide) + 2 * space)  # inches per pixel
    picture = drawing.figure(width + 0.2, height + 0.4, layout="none")
    left = 0.1
    parts = (sides[0], decoded, sides[1])
    for mosaic, pixels, title in zip(parts, wide, ("from", "decoded", "to"), strict=True):
        axes = drawing.axes_at(picture, left, 0.1, pixels * dot, height)
        drawing.show(axes, mosaic)
        axes.set_title(title, loc="left", fontsize=11, color=drawing.INK, pad=4)
        left += (pixels + space) * dot
    return picture


def _labelled(x, columns, labels):
    """A mosaic with a label next to each row: figure, axes."""
    whole = drawing.mosaic(x, columns)
    width, height = drawing.sharp(*whole.shape[:2])
    picture = drawing.figure(width + 0.8, height + 0.4, layout="none")
    axes = drawing.axes_at(picture, 0.7, 0.1, width, height)
    drawing.show(axes, whole, extent=(0, whole.shape[1], whole.shape[0], 0))
    drawing.only_ticks(axes)
    row = whole.shape[0] / len(labels)
    axes.set_yticks([(i + 0.5) * row for i in range(len(labels))], labels)
    axes.tick_params(length=0, labelsize=10, labelcolor=drawing.INK)
    axes.tick_params(top=True, labeltop=True, bottom=False, labelbottom=False)
    return picture, axes
