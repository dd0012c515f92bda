"""Pictures of numbers: how a training went, and how errors grow with noise."""

import numpy as np

from keras_ae.evaluation import formulas
from keras_ae.plots import drawing
from keras_ae.utils import inputs, seeds

# {corruption: (the argument that is its level, the highest level to show)}
LEVELS = {
    "GaussianCorruption": ("scale", 1.0),
    "MaskingCorruption": ("rate", 0.9),
    "SaltAndPepperCorruption": ("rate", 0.9),
}


def training_curves(source):
    """The logs of a training: one panel per log, with its training and validation curves.

    Args:
        source: a `TrainingLog`, the History that `fit` returns, a ModelCard, or a dict of
            name -> list of values, one per epoch.

    Returns:
        matplotlib.figure.Figure.

    Raises:
        ValueError: source is none of these, or holds no epoch.

    Example:

        keras_ae.plots.training_curves({"loss": [9.0, 6.0, 5.0], "val_loss": [8.0, 6.5, 6.0]})
    """
    curves = {
        name: np.asarray(values, "float64")
        for name, values in _curve(source).items()
        if name != "learning_rate"
    }
    if not curves or not any(len(values) for values in curves.values()):
        raise ValueError("Expected the logs of at least one epoch. Received: none")
    panels = list(dict.fromkeys(name.removeprefix("val_") for name in curves))
    panels.sort(key=lambda name: name != "loss")
    columns = min(len(panels), 3)
    rows = -(-len(panels) // columns)
    picture = drawing.figure(4 * columns, 3.2 * rows)
    for i, name in enumerate(panels):
        axes = picture.add_subplot(rows, columns, i + 1)
        drawing.tidy(axes, name.replace("_", " "), "epoch", grid="y")
        _draw_curves(axes, curves.get(name), curves.get(f"val_{name}"))
    return picture


def _draw_curves(axes, training, validation):
    """Draws two curves, (epochs,) each, or one if the other is None."""
    shown = []
    for values, label, colour, style in (
        (training, "training", drawing.BLUE, "-"),
        (validation, "validation", drawing.ORANGE, "--"),
    ):
        if values is None:
            continue
        epochs = np.arange(1, len(values) + 1)
        axes.plot(epochs, values, style, color=colour, label=label, linewidth=1.8)
        if len(values) == 1:
            axes.plot([1], values, "o", color=colour)
        shown.append(values)
    axes.set_ylim(_without_the_start(shown))
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlim(1, max(2, *map(len, shown)))
    if len(shown) > 1:
        axes.legend(frameon=False, fontsize=9)


def corruption_levels(model, x, levels=None, seed=0):
    """The error of a DAE against the level of the noise, next to the error of the noisy input.

    For images, the noisy and the denoised first image are shown below each level.

    Args:
        model: a DAE whose corruption is one of `keras_ae.corruption`.
        x: array (n, *shape), clean; integers are pixels 0-255.
        levels: list of at least two standard deviations or rates; None for six from 0 to 1, or
            to 0.9 for rates.
        seed: int, for the noise.

    Returns:
        matplotlib.figure.Figure.

    Raises:
        ValueError: the model is not a DAE, or has another corruption; x does not fit it.

    Example:

        dae = keras_ae.DAE((28, 28, 1), latent_dim=2)
        keras_ae.plots.corruption_levels(dae, x_train, levels=[0.0, 0.5])
    """
    option, levels = _levels(model, levels)
    inputs.check(x, model.shape, (-np.inf, np.inf))
    clean = inputs.to_float(x, model.shape)
    # Each is a list of (noisy, denoised), one per level.
    errors, examples = [], []
    for level in levels:
        noisy = _corrupted(model.corruption, option, level, clean, seed)
        denoised = model.predict(noisy, batch_size=1000, verbose=0)
        pair = (noisy, denoised)
        errors.append([np.mean(formulas.squared_errors(array, clean)) for array in pair])
        examples.append([array[0] for array in pair])
    with_images = drawing.are_images(model.shape)
    picture, chart, below = _chart_above_images(2 if with_images else 0, len(levels))
    _draw_errors(chart, levels, np.transpose(errors), option)
    _mark_trained_level(chart, getattr(model.corruption, option))
    chart.set_ylim(0, 1.06 * np.max(errors))
    if with_images:
        _show_examples(below, examples)
    return picture


def _levels(model, levels):
    """The name of the argument that is the level of the noise, and the levels to show, sorted.

    Raises:
        ValueError: as in `corruption_levels`.
    """
    drawing.expect(model, "corrupt", "a DAE")
    kind = type(model.corruption).__name__
    if kind not in LEVELS:
        raise ValueError(
            f"Expected a corruption with a level: {', '.join(LEVELS)}. Received: {kind}"
        )
    option, most = LEVELS[kind]
    levels = np.linspace(0, most, 6) if levels is None else np.sort(np.asarray(levels, "float64"))
    if len(levels) < 2:
        raise ValueError(f"Expected at least two levels. Received: {len(levels)}")
    return option, levels


def _corrupted(corruption, option, level, clean, seed):
    """The clean examples after the same kind of corruption, at another level: (n, *shape)."""
    config = corruption.get_config()
    config = {key: value for key, value in config.items() if key not in ("name", option)}
    at_level = type(corruption)(**{option: float(level)}, **config)
    return at_level.corrupt(clean, seeds.from_int(seed)).numpy()


def _draw_errors(chart, levels, errors, option):
    """Draws the errors of the noisy and of the denoised examples: (2, levels)."""
    # With this margin, evenly spaced levels stand above their images.
    step = (levels[-1] - levels[0]) / (len(levels) - 1)
    chart.set_xlim(levels[0] - step / 2, levels[-1] + step / 2)
    deviation = option == "scale"
    noise = "standard deviation of the noise" if deviation else "share of the values corrupted"
    drawing.tidy(chart, "Error against noise", noise, "mean squared error a value", grid="y")
    names, colours = ("noisy input", "denoised"), (drawing.GREY, drawing.BLUE)
    at_end = dict(xytext=(8, 0), textcoords="offset points", va="center")
    for values, name, colour, marker in zip(errors, names, colours, "so", strict=True):
        chart.plot(levels, values, marker=marker, color=colour, linewidth=1.8, markersize=5)
        end = (levels[-1], values[-1])
        drawing.halo(chart.annotate(name, end, color=drawing.INK, fontsize=10, **at_end))


def _mark_trained_level(chart, level):
    """Draws a vertical line at the level of the noise in training."""
    chart.axvline(level, color=drawing.ORANGE, linestyle=(0, (4, 4)), linewidth=1.2)
    style = dict(color=drawing.INK, va="top", fontsize=9)
    chart.text(level, 0.98, " trained here", transform=chart.get_xaxis_transform(), **style)


def _show_examples(axes, examples):
    """Shows a row of noisy and a row of denoised images: list of pairs of images."""
    columns = len(examples)
    rows = [[pair[i] for pair in examples] for i in (0, 1)]
    mosaic = drawing.mosaic(np.concatenate(rows), columns)
    drawing.show(axes, mosaic, extent=(0, columns, 2, 0), aspect="auto")
    drawing.only_ticks(axes)
    axes.set_yticks([0.5, 1.5], ["noisy", "denoised"])
    axes.set_xticks([])
    axes.tick_params(length=0, labelsize=10, labelcolor=drawing.INK)


def _chart_above_images(rows, columns):
    """A chart, and below it axes of the same width for square images, or None if rows is 0.

    Returns:
        figure, chart, axes.
    """
    left, right, width, chart = 0.9, 1.0, 5.4, 3.2  # inches
    images = rows * width / columns
    height = 0.7 + images + 0.1 + chart + 0.4
    picture = drawing.figure(left + width + right, height, layout="none")
    above = drawing.axes_at(picture, left, height - 0.4 - chart, width, chart)
    below = drawing.axes_at(picture, left, 0.1, width, images) if rows else None
    return picture, above, below


def _curve(source):
    """The curves of a source: {name: [value, ...]}."""
    # A keras.Model has a summary, too, but no read.
    if hasattr(source, "summary") and hasattr(source, "read"):
        return source.summary()["curve"]
    if hasattr(source, "history") and isinstance(source.history, dict):
        return source.history
    if hasattr(source, "metadata"):
        return (source.metadata["training"] or {"curve": {}})["curve"]
    if isinstance(source, dict):
        return source
    raise ValueError(
        "Expected a TrainingLog, a History, a ModelCard or a dict. "
        f"Received: {type(source).__name__}"
    )


def _without_the_start(curves):
    """Limits of an axis that hold the curves, except the first twentieth of their epochs.

    The values of that start would flatten the rest.
    """
    later = np.concatenate([values[len(values) // 20 :] for values in curves])
    later = later[np.isfinite(later)]
    low, high = (later.min(), later.max()) if len(later) else (0.0, 1.0)
    margin = 0.06 * (high - low) or 0.05 * abs(high) or 0.5
    return low - margin, high + margin
