"""Moving pictures: GIF and MP4."""

import pathlib

import numpy as np

from keras_ae.plots import drawing
from keras_ae.utils import files, validation


def latent_circle(model, path, frames=60, radius=1.5, dims=(0, 1), x=None, fps=20, seed=0):
    """A walk on a circle in latent space, decoded frame by frame, as a moving picture.

    In two dimensions z(t) = median + radius * (scale_1 cos t, scale_2 sin t). The others stay at
    their median. scale is half the distance between the quantiles 0.159 and 0.841. For a normal
    distribution it is the standard deviation.

    Args:
        model: a model of images with at least two latent dimensions.
        path: the file, .gif, or .mp4, which needs the program ffmpeg. It is written completely
            or not at all.
        frames: int >= 2, the number of frames of the walk.
        radius: float, in standard deviations of the prior, or of the codes of x.
        dims: pair of ints, the dimensions of the circle.
        x: array (n, *shape), for a model without a prior. The quantiles are then those of the
            codes of x.
        fps: int, frames per second.
        seed: int, for the draws that give the quantiles of a prior that is not normal.

    Returns:
        matplotlib.figure.Figure, the last frame.

    Raises:
        ValueError: path has another suffix; ffmpeg is missing; the model is not a model of
            images or lacks these dimensions; the model needs x, and x is None.
        OSError: the file cannot be written.

    Source: G. van den Burg, https://gertjanvandenburg.com/figures/autoencoder/latent_circle.mp4
    """
    from matplotlib import animation

    path = pathlib.Path(path)
    writers = {".gif": animation.PillowWriter, ".mp4": animation.FFMpegWriter}
    if path.suffix.lower() not in writers:
        raise ValueError(f"Expected `path` to end in .gif or .mp4. Received: {str(path)!r}")
    writer = writers[path.suffix.lower()]
    if not writer.isAvailable():
        raise ValueError(
            "Expected the program ffmpeg, which makes .mp4 files; or a path that ends in .gif. "
            "Received: no ffmpeg"
        )
    drawing.expect_images(model)
    dims = list(drawing.check_dims(model, dims))
    frames = validation.at_least(frames, "frames", 2)
    shares = [0.158655, 0.5, 0.841345]
    low, middle, high = drawing.quantiles(model, shares, x, seed)  # (latent_dim,) each
    scale = (high - low)[dims] / 2
    t = 2 * np.pi * np.arange(frames) / frames
    circle = middle[dims] + radius * scale * np.stack([np.cos(t), np.sin(t)], axis=1)  # (frames, 2)
    z = np.tile(middle, (frames, 1)).astype("float32")  # (frames, latent_dim)
    z[:, dims] = circle
    decoded = drawing.as_images(model.decode(z))
    picture, dot, trail, image = _scene(middle[dims], radius * scale, decoded[0], dims)
    with files.replacing(path, "the moving picture") as part:
        movie = writer(fps=validation.at_least(fps, "fps", 1))
        with movie.saving(picture, str(part), drawing.DPI):
            for i in range(frames):
                dot.set_data(circle[i : i + 1].T)
                trail.set_data(circle[max(0, i - frames // 6) : i + 1].T)
                image.set_data(decoded[i])
                movie.grab_frame()
    return picture


def _scene(middle, reach, first, dims):
    """Draws a dot on the circle at the left, and the decoded image at the right.

    Returns:
        figure, and the three parts that move: dot, trail, image.
    """
    picture = drawing.figure(6.4, 3.2, layout="none")
    left = picture.add_axes((0.1, 0.17, 0.37, 0.74))
    drawing.tidy(left, x=drawing.name(dims[0]), y=drawing.name(dims[1]))
    t = np.linspace(0, 2 * np.pi, 200)[:, None]
    whole = middle + reach * np.concatenate([np.cos(t), np.sin(t)], axis=1)  # (200, 2)
    left.plot(*whole.T, color=drawing.GREY, linewidth=1, linestyle=(0, (4, 4)))
    left.plot(*middle, "+", color=drawing.GREY)
    (trail,) = left.plot([], [], color=drawing.BLUE, linewidth=3, alpha=0.5, solid_capstyle="round")
    (dot,) = left.plot([], [], "o", color=drawing.ORANGE, markersize=10)
    left.set_xlim(middle[0] - 1.3 * reach[0], middle[0] + 1.3 * reach[0])
    left.set_ylim(middle[1] - 1.3 * reach[1], middle[1] + 1.3 * reach[1])
    image = drawing.show(picture.add_axes((0.52, 0.06, 0.46, 0.88)), first)
    return picture, dot, trail, image
