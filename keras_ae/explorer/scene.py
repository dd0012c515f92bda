"""What the explorer shows of a model: axes of its latent space, what lies there, and a look.

The served page and the static one show the same scene. This file knows neither.
"""

import dataclasses
import functools

import numpy as np
import tensorflow as tf

from keras_ae import corruption, presets
from keras_ae.explorer import examples, pictures
from keras_ae.explorer.axes import Axes
from keras_ae.plots import drawing
from keras_ae.utils import inputs, seeds

SAMPLES = 1000  # importance samples of a log-likelihood: a fraction of a second
DIGITS = ("mnist", "mnist_5k")  # a drawing is moved to where these data have their digits
OTHERS = 20  # examples whose log-likelihoods stand beside that of an image
LABEL = 0.075  # the least distance between the names of two classes, in sides of the pad
SIDE = 20  # pictures along a side of the manifold
CELL = 28  # pixels along a side of a drawing of strokes in the manifold


@dataclasses.dataclass(frozen=True)
class Look:
    """What a model makes of an example.

    Attributes:
        image: float array `shape`, the example itself.
        noisy: float array `shape`, or None where no noise was added.
        code: array (latent_dim,).
        reconstruction: float array `shape`.
        error: float, the mean squared error of a value: reconstruction against image.
        choice: the most probable label or cluster, and its probability; None without either.
    """

    image: np.ndarray
    noisy: np.ndarray | None
    code: np.ndarray
    reconstruction: np.ndarray
    error: float
    choice: tuple | None


class Scene:
    """A model, and what is needed to explore it.

    Args:
        name: a built-in model, a folder, or hf://user/repo.

    Raises:
        ValueError, OSError: as in `keras_ae.load`; the model's examples are neither images nor pen
            strokes; it has fewer than two latent dimensions.
    """

    def __init__(self, name):
        self.name, self.card, self.model = name, presets.info(name), presets.load(name)
        _check(self.model)
        self.strokes = pictures.are_strokes(self.model.shape)
        self.denoises = hasattr(self.model, "corrupt")
        self.has_likelihood = hasattr(self.model, "log_likelihood")
        self.held = self.model.classes if hasattr(self.model, "classify") else 0
        code = tf.TensorSpec((None, self.model.latent_dim), tf.float32)
        example = tf.TensorSpec((None, *self.model.shape), tf.float32)
        # Traced once, a call takes 1 ms instead of 10.
        self._decode = tf.function(self.model.decode, input_signature=[code])
        self._encode = tf.function(self.model.encode, input_signature=[example])
        self._chances = tf.function(self._chances_of, input_signature=[example])
        self.examples, self.classes, self.source = examples.of(self.model, self.card.dataset)
        self.codes = np.asarray(self.model.encode(self.examples))
        self.axes = Axes.of(self.codes, self.held)
        middle = (self.axes.low + self.axes.high)[:2] / 2
        start = self.axes.moved(self.codes.mean(axis=0), middle)
        self.start = self.chosen(start, 0)
        self._manifolds = {}  # label: data URL

    # What is written beside the pictures

    @property
    def about(self):
        """A sentence on the model."""
        data = self.card.dataset or "data of your own"
        labels = f" and {self.held} labels" if self.held else ""
        dims = f"{self.model.latent_dim - self.held} latent dimensions{labels}"
        return f"{self.card.family}, trained on {data}; {dims}"

    @property
    def plane(self):
        """A sentence on what the pad shows."""
        right, up = (name.partition(" (")[0] for name in self.axes.names[:2])
        principal = "principal axes of the codes, with their shares of the variance; "
        return (
            f"{right} to the right, {up} upwards; "
            f"{'' if right == 'z₁' else principal}codes of {self.source}"
        )

    @property
    def view(self):
        """What the pad shows first: "manifold", "codes" or "clusters"."""
        if self.model.latent_dim == 2 or self.held:
            return "manifold"
        return "clusters" if self.finds_clusters else "codes"

    @property
    def fit(self):
        """Whether a drawing is moved and scaled to where MNIST has its digits."""
        return self.card.dataset in DIGITS

    @property
    def finds_clusters(self):
        """Whether the model finds clusters, and they have been started."""
        return hasattr(self.model, "clusters") and self.model.has_clusters

    # From codes to pictures

    def decode(self, z):
        """Codes (n, latent_dim) -> examples (n, *shape), as `model.decode`."""
        return self._decode(tf.constant(np.asarray(z, "float32"))).numpy()

    def picture(self, z, side=pictures.SIDE):
        """What codes decode to: array (n, latent_dim) -> list of n uint8 pictures.

        A code of strokes does not say how many steps it has: the drawing has as many steps as
        that of the nearest example. side: pixels along a side of a drawing of strokes.
        """
        z = np.asarray(z)
        made = self.decode(z)
        if not self.strokes:
            return [pictures.of_image(image) for image in made]
        nearest = [np.argmin(((self.codes - code) ** 2).sum(axis=1)) for code in z]
        lengths = self._steps(self.examples[nearest]).sum(axis=1)
        pairs = zip(made, lengths, strict=True)
        return [pictures.of_strokes(steps[:length], side) for steps, length in pairs]

    def drawn(self, x):
        """An example `shape` of floats as a uint8 picture."""
        return pictures.of_strokes(x) if self.strokes else pictures.of_image(x)

    def manifold(self, side=SIDE, choice=0):
        """The plane of the first two axes, decoded at the middles of side x side cells.

        Args:
            side: int, pictures along a side.
            choice: int, the label that is decoded, of a model with labels.

        Returns:
            uint8 array, one picture; the second axis points upwards.
        """
        shares = (np.arange(side) + 0.5) / side
        ends = zip(self.axes.low[:2], self.axes.high[:2], strict=True)
        x, y = (low + shares * (high - low) for low, high in ends)
        plane = np.stack(np.meshgrid(x, y[::-1]), axis=-1).reshape(-1, 2)  # (side * side, 2)
        start = self.chosen(self.start, choice)
        cells = self.picture([self.axes.moved(start, point) for point in plane], CELL)
        rows = [np.concatenate(cells[i : i + side], axis=1) for i in range(0, side**2, side)]
        return np.concatenate(rows)  # (side * height, side * width)

    # Labels and clusters

    @functools.cached_property
    def choices(self):
        """What one can ask the model to draw: ("label" or "cluster", codes (n, latent_dim)).

        The code of a label is that of the start with this label; the code of a cluster is its
        mean. None for a model without labels and clusters.
        """
        if self.held:
            return "label", np.stack([self.chosen(self.start, i) for i in range(self.held)])
        if hasattr(self.model, "sample") and self.finds_clusters:
            return "cluster", self.model.prior.components_distribution.mean().numpy()
        return None

    def chosen(self, z, choice):
        """The code with a label: array (latent_dim,). Codes of a model without labels stay."""
        if not self.held:
            return z
        return np.concatenate([np.eye(self.held)[choice], np.asarray(z)[self.held :]])

    def draw(self, seed, choice=None):
        """A code: a draw from the prior, or, without a prior, the code of an example.

        Args:
            seed: int.
            choice: int, the label or cluster to draw; None for any.

        Returns:
            array (latent_dim,).
        """
        if not hasattr(self.model, "sample"):
            return self.codes[seed % len(self.codes)]
        if choice is None or self.held:
            z = self.model.prior.sample(1, seed=seeds.from_int(seed)).numpy()[0]
            return z if choice is None else self.chosen(z, choice)
        clusters = self.model.prior.components_distribution
        return clusters.sample(seed=seeds.from_int(seed)).numpy()[choice]  # of (n, latent_dim)

    # A look at an example

    def look(self, x, noise=None):
        """What becomes of an example.

        Args:
            x: array `shape`: uint8 or floats in [0, 1] of an image, steps of pen strokes.
            noise: the seed of noise that is added first, the model's own or else Gaussian noise
                of scale 0.5; None for no noise.

        Returns:
            Look.
        """
        image = inputs.to_float(np.asarray(x)[None], self.model.shape)  # (1, *shape)
        seen = image if noise is None else self._noisy(image, noise)
        code = self._encode(seen).numpy()  # (1, latent_dim)
        made = self.decode(code)
        image, seen = image.numpy(), np.asarray(seen)
        real = self._steps(image) if self.strokes else np.ones(1, bool)
        if self.strokes:
            made = np.where(real[..., None], made, -1.0)  # padding stays padding
            error = np.mean(np.square(made - image)[real])
        else:
            error = np.mean(np.square(made - image))
        choice = self._found(seen)
        noisy = None if noise is None else seen[0]
        return Look(image[0], noisy, code[0], made[0], float(error), choice)

    def log_likelihood(self, x):
        """The log-likelihood of an image, nats. For a VAE.

        It is `model.log_likelihood` with SAMPLES importance samples and the seed 0.
        """
        return float(self.model.log_likelihood(np.asarray(x)[None], n_samples=SAMPLES, seed=0)[0])

    @property
    def others(self):
        """OTHERS examples, evenly spaced among all."""
        return self.examples[:: max(1, len(self.examples) // OTHERS)][:OTHERS]

    @functools.cached_property
    def typical_log_likelihood(self):
        """The lowest and the highest log-likelihood of `others`, nats. Takes seconds at first."""
        found = self.model.log_likelihood(self.others, n_samples=SAMPLES, seed=0)
        return float(np.min(found)), float(np.max(found))

    def _noisy(self, image, seed):
        own = self.denoises and isinstance(self.model.corruption, corruption.Corruption)
        gaussian = corruption.GaussianCorruption(0.5, clip=(0.0, 1.0))
        # Another layer of Keras takes no seed.
        layer = self.model.corruption if own else gaussian
        return layer.corrupt(image, seeds.from_int(seed))

    def _found(self, x):
        """The most probable label or cluster of x (1, *shape), and its probability; or None."""
        if not (self.held or self.finds_clusters):
            return None
        chances = self._chances(x).numpy()[0]  # (choices,)
        return int(chances.argmax()), float(chances.max())

    def _chances_of(self, x):
        return self.model.classify(x) if self.held else self.model.cluster_probabilities(x)

    def _steps(self, x):
        """Which steps of pen strokes are no padding: (n, steps, 3) -> bool (n, steps)."""
        return np.asarray(self.model.is_real(tf.constant(x, tf.float32)))

    # For the browser, as JSON

    @functools.cached_property
    def map(self):
        """What the pad draws: the plane of the first two axes, and the codes in it."""
        points = self.axes.coordinates(self.codes)[:, :2]
        groups = {"codes": self._group(points, self.classes)}
        if self.finds_clusters:
            groups["clusters"] = self._group(points, self.model.clusters(self.examples))
        return {
            "low": self.axes.low[:2].tolist(),
            "high": self.axes.high[:2].tolist(),
            "names": self.axes.names[:2],
            "points": [[round(float(value), 3) for value in point] for point in points],
            "groups": groups,
            "manifold": self.manifold_url(0),
        }

    def manifold_url(self, choice):
        """The manifold as a data URL, made once. choice: int, the label that is decoded."""
        if choice not in self._manifolds:
            self._manifolds[choice] = pictures.as_url(self.manifold(choice=choice))
        return self._manifolds[choice]

    def choices_as_dicts(self):
        """The choices with a picture of each: list of {"name", "picture", "code"}."""
        if self.choices is None:
            return []
        codes = self.choices[1]
        found = zip(codes, self.picture(codes), strict=True)
        return [
            {"name": str(i), "picture": pictures.as_url(picture), "code": code.tolist()}
            for i, (code, picture) in enumerate(found)
        ]

    def as_dict(self):
        """All that a page without a server needs beside encoder and decoder."""
        axes = {
            key: getattr(self.axes, key).tolist() for key in ("origin", "directions", "low", "high")
        }
        choices = self.choices_as_dicts()
        for i, choice in enumerate(choices if self.held else []):
            choice["manifold"] = self.manifold_url(i)
        return {
            "name": self.card.name,
            "about": self.about,
            "plane": self.plane,
            "view": self.view,
            "names": self.axes.names,
            **axes,
            "shape": list(self.model.shape),
            "fit": self.fit,
            "start": self.start.tolist(),
            "held": self.held,
            "kind": self.choices[0] if self.choices else None,
            "choices": choices,
            "example": self._floats(self.examples[0]).ravel().tolist(),
            "map": self.map,
        }

    def _floats(self, x):
        return inputs.to_float(np.asarray(x)[None], self.model.shape).numpy()[0]

    def _group(self, points, classes):
        """Which class each point is of, and the colours, places and names of the classes."""
        if classes is None:
            return {"of": [0] * len(points), "labels": [], "colours": [drawing.BLUE]}
        classes = np.asarray(classes)
        names, colours = drawing.class_colours(classes)
        size = self.axes.high[:2] - self.axes.low[:2]
        middles = [drawing.middle(points[classes == name]) / size for name in names]
        places = drawing.apart(middles, LABEL) * size
        return {
            "of": np.searchsorted(names, classes).tolist(),
            "labels": [
                [*place.tolist(), str(name)] for place, name in zip(places, names, strict=True)
            ],
            "colours": [_hex(colour) for colour in colours],
        }


def _check(model):
    if not pictures.can_be_drawn(model.shape):
        raise ValueError(
            "Expected a model of images (height, width, 1 or 3), or of pen strokes (steps, 3). "
            f"Received: a model of shape {model.shape}"
        )
    if model.latent_dim < 2:
        raise ValueError(
            "Expected a model with at least two latent dimensions. "
            f"Received: latent_dim={model.latent_dim}"
        )
    if pictures.are_strokes(model.shape) and getattr(model, "mask_value", None) != -1:
        raise ValueError(
            "Expected a SequenceAE with mask_value=-1 for pen strokes. "
            f"Received: {type(model).__name__}"
        )


def _hex(colour):
    """A colour that matplotlib knows, for a web page: "#rrggbb"."""
    import matplotlib.colors

    return matplotlib.colors.to_hex(colour)
