"""Pictures of numbers: how training went, and how errors grow with noise."""

import numpy as np

from keras_ae.evaluation import formulas
from keras_ae.plots import drawing
from keras_ae.utils import inputs, seeds

LEVELS = {
    "GaussianCorruption": ("scale", 1.0),
    "MaskingCorruption": ("rate", 0.9),
    "SaltAndPepperCorruption": ("rate", 0.9),
}


def training_curves(source):
    """The logs of a training, one panel each, training and validation together.

    Args:
        source: a `TrainingLog`, the History that `fit` returns, a ModelCard, or a dict of name to list of values, one an epoch.

    Returns:
        matplotlib.figure.Figure.

    Raises:
        ValueError: source is none of these, or holds no epoch.
    """
    curve = {
        name: np.asarray(values, "float64")
        for name, values in _curve(source).items()
        if name != "learning_rate"
    }
    if not curve or not any(len(values) for values in curve.values()):
        raise ValueError("Expected the logs of at least one epoch. Received: none")
    panels = list(dict.fromkeys(name.removeprefix("val_") for name in curve))
    panels.sort(key=lambda name: name != "loss")
    columns = min(len(panels), 3)
    rows = -(-len(panels) // columns)
    picture = drawing.figure(4 * columns, 3.2 * rows)
    for i, name in enumerate(panels):
        axes = drawing.tidy(
            picture.add_subplot(rows, columns, i + 1), name.replace("_", " "), "epoch", grid="y"
        )
        shown = []
        for key, label, colour, style in (
            (name, "training", drawing.BLUE, "-"),
            (f"val_{name}", "validation", drawing.ORANGE, "--"),
        ):
            if key in curve:
                values = curve[key]
                axes.plot(
                    np.arange(1, len(values) + 1),
                    values,
                    style,
                    color=colour,
                    label=label,
                    linewidth=1.8,
                )
                if len(values) == 1:
                    axes.plot([1], values, "o", color=colour)
                shown.append(values)
        axes.set_ylim(_without_the_start(np.concatenate(shown), [len(values) for values in shown]))
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_xlim(1, max(2, *map(len, shown)))
        if len(shown) > 1:
            axes.legend(frameon=False, fontsize=9)
    return picture


def corruption_levels(model, x, levels=None, seed=0):
    """The error of a DAE against the level of the noise, beside that of the noisy input itself, and what it looks like.

    Args:
        model: a DAE whose corruption is one of `keras_ae.corruption`.
        x: array (n, *shape), clean; integers are pixels 0-255.
        levels: list of at least two standard deviations or rates; None: six from 0 to 1, or to 0.9 for rates.
        seed: int, of the noise.

    Returns:
        matplotlib.figure.Figure.

    Raises:
        ValueError: the model is no DAE, or has another corruption; x does not fit it.
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
    inputs.check(x, model.shape, (-np.inf, np.inf))
    clean = inputs.to_float(x, model.shape)
    config = {
        key: value
        for key, value in model.corruption.get_config().items()
        if key not in ("name", option)
    }
    errors, rows = [], []
    for level in levels:
        corruption = type(model.corruption)(**{option: float(level)}, **config)
        noisy = corruption.corrupt(clean, seeds.from_int(seed)).numpy()
        denoised = model.predict(noisy, batch_size=1000, verbose=0)
        errors.append(
            [np.mean(formulas.squared_errors(array, clean)) for array in (noisy, denoised)]
        )
        rows.append((noisy[0], denoised[0]))
    of_images = len(model.shape) == 3 and model.shape[-1] in (1, 3)
    picture, chart, below = _chart_above_images(2 if of_images else 0, len(levels))
    step = (levels[-1] - levels[0]) / (
        len(levels) - 1
    )  # evenly spaced levels stand above their images
    chart.set_xlim(levels[0] - step / 2, levels[-1] + step / 2)
    noise = (
        "standard deviation of the noise" if option == "scale" else "share of the values corrupted"
    )
    drawing.tidy(chart, "Error against noise", noise, "mean squared error a value", grid="y")
    for values, label, colour, marker in zip(
        np.transpose(errors),
        ("noisy input", "denoised"),
        (drawing.GREY, drawing.BLUE),
        "so",
        strict=True,
    ):
        chart.plot(levels, values, marker=marker, color=colour, linewidth=1.8, markersize=5)
        text = chart.annotate(
            label,
            (levels[-1], values[-1]),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            color=drawing.INK,
            fontsize=10,
        )
        drawing.halo(text)
    trained = getattr(model.corruption, option)
    chart.axvline(trained, color=drawing.ORANGE, linestyle=(0, (4, 4)), linewidth=1.2)
    chart.text(
        trained,
        0.98,
        " trained here",
        transform=chart.get_xaxis_transform(),
        color=drawing.INK,
        va="top",
        fontsize=9,
    )
    chart.set_ylim(0, 1.06 * np.max(errors))
    if of_images:
        whole = drawing.mosaic(
            np.concatenate([[row[i] for row in rows] for i in (0, 1)]), len(levels)
        )
        drawing.show(below, whole, extent=(0, len(levels), 2, 0), aspect="auto")
        below.set_axis_on()
        for spine in below.spines.values():
            spine.set_visible(False)
        below.set_yticks([0.5, 1.5], ["noisy", "denoised"])
        below.set_xticks([])
        below.tick_params(length=0, labelsize=10, labelcolor=drawing.INK)
    return picture


def _chart_above_images(rows, columns):
    """A chart, and below it, of the same width, axes for square images, or None: figure, chart, axes. Sizes in inches."""
    left, right, width, chart = 0.9, 1.0, 5.4, 3.2
    images = rows * width / columns
    height = 0.7 + images + 0.1 + chart + 0.4
    picture = drawing.figure(left + width + right, height, layout="none")

    def place(bottom, size):
        return picture.add_axes(
            (
                left / (left + width + right),
                bottom / height,
                width / (left + width + right),
                size / height,
            )
        )

    return picture, place(height - 0.4 - chart, chart), place(0.1, images) if rows else None


def _curve(source):
    """{name: [value, ...]} of any source."""
    if hasattr(source, "summary") and hasattr(
        source, "read"
    ):  # a TrainingLog; a keras.Model has a summary too
        return source.summary()["curve"]
    if hasattr(source, "history") and isinstance(source.history, dict):
        return source.history
    if hasattr(source, "metadata"):
        return (source.metadata["training"] or {"curve": {}})["curve"]
    if isinstance(source, dict):
        return source
    raise ValueError(
        f"Expected a TrainingLog, a History, a ModelCard or a dict. Received: {type(source).__name__}"
    )


def _without_the_start(values, lengths):
    """Limits that hold the curves but for the first twentieth of their epochs, whose values would flatten the rest."""
    starts = np.cumsum([0, *lengths[:-1]])
    later = np.concatenate(
        [
            values[start + length // 20 : start + length]
            for start, length in zip(starts, lengths, strict=True)
        ]
    )
    later = later[np.isfinite(later)]
    low, high = (later.min(), later.max()) if len(later) else (0.0, 1.0)
    margin = 0.06 * (high - low) or 0.05 * abs(high) or 0.5
    return low - margin, high + margin
