"""Pictures about a model: each function returns a matplotlib Figure and changes no global state."""

import numpy as np
from matplotlib.figure import Figure


def images(x, columns=None, titles=None):
    """A grid of images.

    Args:
        x: array (n, height, width, 1 or 3) or (n, height, width), values in [0, 1].
        columns: int; None for the most square grid.
        titles: one title a row, or None.

    Returns:
        matplotlib.figure.Figure.
    """
    x = np.clip(np.asarray(x, "float32"), 0, 1)
    x = x[..., 0] if x.ndim == 4 and x.shape[-1] == 1 else x
    if x.ndim not in (3, 4):
        raise ValueError(f"Expected images (n, height, width, channels). Received: shape={x.shape}")
    columns = columns or int(np.ceil(np.sqrt(len(x))))
    rows = -(-len(x) // columns)
    figure = Figure(figsize=(columns, rows * x.shape[1] / x.shape[2] + (0.3 * rows if titles else 0)), dpi=100)
    axes = figure.subplots(rows, columns, squeeze=False)
    for i, axis in enumerate(axes.flat):
        axis.set_axis_off()
        if i < len(x):
            axis.imshow(x[i], cmap="gray_r" if x.ndim == 3 else None, vmin=0, vmax=1)
        if titles and i % columns == 0:
            axis.set_title(titles[i // columns], loc="left", fontsize=9)
    figure.subplots_adjust(
        left=0.01, right=0.99, bottom=0.01, top=0.9 if titles else 0.99, wspace=0.05, hspace=0.3 if titles else 0.05
    )
    return figure


def samples(model, n=64, seed=0):
    """Images that the model draws: the means of p(x|z) for z ~ p(z). Returns a Figure."""
    return images(model.sample(n, seed=seed))


def reconstructions(model, x):
    """Originals above their reconstructions; for a DAE clean, noisy and denoised ones. x: array (n, *shape). Returns a Figure."""
    x = np.asarray(x)
    shown = x / 255 if x.dtype.kind in "iu" else x
    shown = shown.reshape(len(x), *model.shape)
    if hasattr(model, "corrupt"):
        noisy = model.corrupt(x, seed=0)
        rows, titles = [shown, noisy, model.reconstruct(noisy)], ["clean", "noisy", "denoised"]
    else:
        rows, titles = [shown, model.reconstruct(x)], ["original", "reconstruction"]
    return images(np.concatenate(rows), columns=len(x), titles=titles)
