"""What the explorer shows of a model: a few axes through its latent space, what lies along them, and what becomes of an image.

Both pages, the served one and the static one, show the same scene; this file knows of neither.
"""

import base64
import dataclasses
import functools
import io

import numpy as np
import tensorflow as tf

from keras_ae import corruption, datasets, presets
from keras_ae.evaluation import formulas
from keras_ae.plots import drawing
from keras_ae.utils import inputs, seeds

AXES = 8  # sliders at most
CODES = 2000  # examples whose codes span the axes and are drawn as points
SAMPLES = 1000  # importance samples of a log-likelihood: a fraction of a second
DIGITS = ("mnist", "mnist_5k")  # drawings for these are moved to where the data have their digits
OTHERS = 20  # examples whose log-likelihoods an image's own is compared with
LABEL = 0.075  # the distance of two classes' names, in sides of the pad
SIDE = 20  # images along a side of the manifold


@dataclasses.dataclass(frozen=True)
class Axes:
    """Orthonormal directions through the latent space, along which a code is moved: z = origin + coordinates @ directions + the rest.

    Attributes:
        names: list of k str.
        origin: array (latent_dim,).
        directions: array (k, latent_dim).
        low, high: arrays (k,), the ends of what is shown.
    """

    names: list
    origin: np.ndarray
    directions: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @classmethod
    def of(cls, codes):
        """The two dimensions of 2-d codes; of others the principal axes, those of the largest variance first. codes: (n, latent_dim)."""
        codes = np.asarray(codes, "float64")
        dims = codes.shape[1]
        if dims == 2:
            names, origin, directions = ["z₁", "z₂"], np.zeros(2), np.eye(2)
        else:
            origin = codes.mean(axis=0)
            variances, vectors = np.linalg.eigh(np.cov(codes, rowvar=False))  # sorted upwards
            directions = vectors.T[::-1][:AXES]
            directions *= np.sign(
                np.take_along_axis(directions, np.abs(directions).argmax(axis=1)[:, None], axis=1)
            )
            shares = 100 * variances[::-1] / max(variances.sum(), 1e-12)
            names = [f"axis {i + 1} ({shares[i]:.0f} %)" for i in range(len(directions))]
        low, high = np.quantile((codes - origin) @ directions.T, [0.002, 0.998], axis=0)
        margin = 0.05 * (high - low) + 1e-3  # an axis along which nothing moves still has two ends
        return cls(names, origin, directions, low - margin, high + margin)

    def coordinates(self, z):
        """Where codes lie on the axes: (n, latent_dim) -> (n, k)."""
        return (np.asarray(z, "float64") - self.origin) @ self.directions.T

    def moved(self, z, coordinates):
        """The code (latent_dim,) with its first coordinates set to others, all else as it was."""
        z = np.asarray(z, "float64")
        first = self.directions[: len(coordinates)]
        change = np.asarray(coordinates, "float64") - (z - self.origin) @ first.T
        return z + change @ first


@dataclasses.dataclass(frozen=True)
class Look:
    """What a model makes of an image. Images are float arrays `shape`; noisy is None where no noise was added."""

    image: np.ndarray
    noisy: np.ndarray | None
    code: np.ndarray
    reconstruction: np.ndarray
    error: float  # mean squared error of a value, reconstruction against image


class Scene:
    """A model of images and what is needed to explore it.

    Args:
        name: a built-in model, a folder, or hf://user/repo.

    Raises:
        ValueError, OSError: as in `keras_ae.load`; the model is not of images, or has less than two latent dimensions.
    """

    def __init__(self, name):
        self.name, self.card, self.model = name, presets.info(name), presets.load(name)
        drawing.expect_images(self.model)
        if self.model.latent_dim < 2:
            raise ValueError(
                f"Expected a model with at least two latent dimensions. Received: latent_dim={self.model.latent_dim}"
            )
        self.denoises = hasattr(self.model, "corrupt")
        self.has_likelihood = hasattr(self.model, "log_likelihood")
        code = tf.TensorSpec((None, self.model.latent_dim), tf.float32)
        self._decode = tf.function(
            self.model.decode, input_signature=[code]
        )  # traced once: 1 ms instead of 10
        self.examples, self.classes, self.source = _examples(self.model, self.card.dataset)
        self.codes = np.asarray(self.model.encode(self.examples))
        self.axes = Axes.of(self.codes)
        self.about = f"{self.card.family}, trained on {self.card.dataset or 'data of your own'}; {self.model.latent_dim} latent dimensions"
        right, up = (name.partition(" (")[0] for name in self.axes.names[:2])
        principal = (
            "principal axes of the codes, with their shares of the variance; "
            if self.model.latent_dim > 2
            else ""
        )
        self.plane = f"{right} to the right, {up} upwards; {principal}codes of {self.source}"
        self.view = (
            "manifold" if self.model.latent_dim == 2 else "codes"
        )  # what the pad shows first
        self.fit = self.card.dataset in DIGITS
        self.start = self.axes.moved(
            self.codes.mean(axis=0), (self.axes.low + self.axes.high)[:2] / 2
        )

    def decode(self, z):
        """Codes (n, latent_dim) -> images (n, *shape), as `model.decode`."""
        return self._decode(tf.constant(np.asarray(z, "float32"))).numpy()

    def look(self, x, noise=None):
        """What becomes of an image.

        Args:
            x: array `shape`, uint8 or floats in [0, 1].
            noise: None, or the seed of noise that is added before: the model's own, or Gaussian noise of scale 0.5.

        Returns:
            Look.
        """
        image = inputs.to_float(np.asarray(x)[None], self.model.shape)  # (1, *shape)
        seen = image
        if noise is not None:
            own = self.denoises and isinstance(
                self.model.corruption, corruption.Corruption
            )  # others take no seed
            layer = (
                self.model.corruption
                if own
                else corruption.GaussianCorruption(0.5, clip=(0.0, 1.0))
            )
            seen = layer.corrupt(image, seeds.from_int(noise))
        code = np.asarray(self.model.encode(seen))  # (1, latent_dim)
        made = self.decode(code)
        error = float(np.mean(formulas.squared_errors(made, image)))
        return Look(
            image.numpy()[0], None if noise is None else seen.numpy()[0], code[0], made[0], error
        )

    def log_likelihood(self, x):
        """That of an image, nats: `model.log_likelihood` with SAMPLES importance samples and the seed 0. For a VAE."""
        return float(self.model.log_likelihood(np.asarray(x)[None], n_samples=SAMPLES, seed=0)[0])

    @functools.cached_property
    def usual_log_likelihood(self):
        """The least and the greatest of those of some examples, nats, measured alike; takes seconds at first."""
        found = self.model.log_likelihood(self.examples[:OTHERS], n_samples=SAMPLES, seed=0)
        return float(np.min(found)), float(np.max(found))

    def draw(self, seed):
        """A code: a draw from the prior, or of a model without one the code of an example. -> (latent_dim,)."""
        if hasattr(self.model, "sample"):
            return self.model.prior.sample(seed=seeds.from_int(seed)).numpy()
        return self.codes[seed % len(self.codes)]

    def map(self):
        """What the pad draws, for JSON: the plane of the first two axes, the codes of the examples in it, and what it decodes to."""
        points = self.axes.coordinates(self.codes)[:, :2]
        classes = [""] if self.classes is None else np.unique(self.classes).tolist()
        colours = [drawing.BLUE] if self.classes is None else drawing.class_colours(self.classes)[1]
        of = (
            np.zeros(len(points), int)
            if self.classes is None
            else np.searchsorted(classes, self.classes)
        )
        size = self.axes.high[:2] - self.axes.low[:2]
        middles = (
            drawing.apart(
                [drawing.middle(points[of == i]) / size for i in range(len(classes))], LABEL
            )
            * size
        )
        return {
            "low": self.axes.low[:2].tolist(),
            "high": self.axes.high[:2].tolist(),
            "names": self.axes.names[:2],
            "points": [
                [round(float(x), 3), round(float(y), 3), int(i)]
                for (x, y), i in zip(points, of, strict=True)
            ],
            "labels": []
            if self.classes is None
            else [
                [*middle.tolist(), str(name)] for middle, name in zip(middles, classes, strict=True)
            ],
            "colours": [_hex(colour) for colour in colours],
            "manifold": as_url(self.manifold()),
        }

    def as_dict(self):
        """All that a page without a server needs beside encoder and decoder, for JSON."""
        axes = {
            key: getattr(self.axes, key).tolist() for key in ("origin", "directions", "low", "high")
        }
        texts = {
            "name": self.card.name,
            "about": self.about,
            "plane": self.plane,
            "view": self.view,
            "names": self.axes.names,
        }
        return (
            texts
            | axes
            | {
                "shape": self.model.shape,
                "fit": self.fit,
                "start": self.start.tolist(),
                "map": self.map(),
            }
        )

    def manifold(self, side=SIDE):
        """The plane of the first two axes, decoded at the middles of side x side cells: float image, the second axis upwards."""
        shares = (np.arange(side) + 0.5) / side
        x, y = (
            low + shares * (high - low)
            for low, high in zip(self.axes.low[:2], self.axes.high[:2], strict=True)
        )
        plane = np.stack(np.meshgrid(x, y[::-1]), axis=-1).reshape(
            -1, 2
        )  # (side * side, 2), row by row from above
        images = self.decode([self.axes.moved(self.start, point) for point in plane])
        height, width, channels = self.model.shape
        grid = images.reshape(side, side, height, width, channels).transpose(0, 2, 1, 3, 4)
        return grid.reshape(side * height, side * width, channels)


def as_pixels(image):
    """A float image (height, width, channels) in [0, 1] as uint8."""
    return np.round(255 * np.clip(image, 0, 1)).astype("uint8")


def as_url(image):
    """A float image (height, width, 1 or 3) as a data URL of a PNG, which keeps every pixel."""
    from PIL import Image

    pixels, buffer = as_pixels(image), io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(buffer, format="PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _hex(colour):
    """A colour as matplotlib knows it, for a web page: "#rrggbb"."""
    import matplotlib.colors

    return matplotlib.colors.to_hex(colour)


def _examples(model, dataset):
    """Images that show what a model is for: (x, classes or None, where they come from).

    Test images of its data set; where those are not on this machine, of a set that comes with a package; else draws from its prior.
    """
    for name in (dataset, "mnist_5k", "digits"):
        if name is None:
            continue
        try:
            _, (x, y) = datasets.load(name)
        except (ValueError, OSError, ImportError):
            continue
        if x.shape[1:] == model.shape:
            return x[:CODES], y[:CODES], f"{name} test images"
    if hasattr(model, "sample"):
        return np.asarray(model.sample(CODES, seed=0)), None, "draws from the prior"
    images = np.random.default_rng(0).random((CODES, *model.shape), dtype="float32")
    return images, None, "random images, as no data set of its shape is on this machine"
