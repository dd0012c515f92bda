"""Anomaly scores: how unlike the training examples an example is. A higher score is odder.

A score is fitted to training examples once, and then gives one number per example:

    score = ReconstructionError().fit([ae], x_train)
    score.of(x)             # (n,)
    score.contributions(x)  # (n, *shape): what each value has to do with it
"""

import numpy as np
from scipy.ndimage import gaussian_filter  # scikit-learn depends on scipy
from sklearn.neighbors import NearestNeighbors

from keras_ae.evaluation import formulas
from keras_ae.utils import validation

MAX_NEIGHBOURS_FROM = 3000  # distances are measured to at most so many training examples
SMALLEST_ENERGY = 1e-6  # the mean square of an empty image, which a relative error is divided by


class AnomalyScore:
    """A number per example: the higher, the odder. A subclass defines `of`.

    Attributes:
        models: the trained models, an ensemble of one or more.
        references: dict of arrays that `fit` learned of the training examples. A preset stores
            them.
    """

    def fit(self, models, x):
        """Learns what the score needs of the training examples. Returns self.

        Args:
            models: list of trained models of keras_ae, of one shape.
            x: array (n, *shape).
        """
        self.models, self.references = list(models), self.learn(list(models), x)
        return self

    def learn(self, models, x):
        """The arrays of training examples that the score keeps: {name: array}."""
        return {}

    def of(self, x):
        """The score of each example: array (n, *shape) -> float64 (n,)."""
        raise NotImplementedError

    def contributions(self, x):
        """What each value has to do with the score: (n, *shape) -> the same shape, at least 0.

        This is the squared error of the reconstruction, unless a score knows better.
        """
        return np.square(residuals(self.models, x))

    def get_config(self):
        """The arguments of the constructor: dict of numbers."""
        return {}


class ReconstructionError(AnomalyScore):
    """score(x) = mean_i (x_i - x'_i)^2, x' being the mean reconstruction of the models.

    The contributions are the terms of the mean, so that their mean is the score.
    """

    def of(self, x):
        return formulas.squared_errors(_reconstruction(self.models, x), x)


class NegativeELBO(AnomalyScore):
    """score(x) = -ELBO(x), nats, for a VAE.

    Args:
        n_samples: int, draws of z per example.
    """

    def __init__(self, n_samples=10):
        self.n_samples = validation.positive_int(n_samples, "n_samples")

    def of(self, x):
        bounds = [model.elbo(x, self.n_samples, seed=0) for model in self.models]
        return -np.mean(np.asarray(bounds, "float64"), axis=0)

    def get_config(self):
        return {"n_samples": self.n_samples}


class ImportanceWeightedBound(NegativeELBO):
    """score(x) = -log p(x), estimated by importance sampling, nats, for a VAE.

    Args:
        n_samples: int, importance samples per example.

    Source: Burda et al., "Importance weighted autoencoders", ICLR 2016, equation 8.
    """

    def __init__(self, n_samples=100):
        super().__init__(n_samples)

    def of(self, x):
        bounds = [model.log_likelihood(x, self.n_samples, seed=0) for model in self.models]
        return -np.mean(np.asarray(bounds, "float64"), axis=0)


class DenoisingError(AnomalyScore):
    """score(x) = mean over noise levels of mean_i (B(x - D(x + noise))_i)^2, B blurring images.

    For images, blur = 1 forgives strokes that are a pixel off, and relative=True forgives large
    errors to large images, such as bold letters: the score is then divided by mean_i x_i^2.

    Args:
        scales: standard deviations of the Gaussian noise.
        repeats: int, draws of the noise per scale.
        blur: float >= 0, in pixels, the standard deviation of the Gaussian filter B. 0: no filter.
        relative: bool, whether the score is a share of the squares of x.
    """

    def __init__(self, scales=(0.1, 0.3, 1.0), repeats=2, blur=0.0, relative=False):
        self.scales = tuple(float(scale) for scale in scales)
        self.repeats = validation.positive_int(repeats, "repeats")
        self.blur = validation.at_least_zero(blur, "blur")
        self.relative = bool(relative)

    def of(self, x):
        return np.mean(np.reshape(self.contributions(x), (len(x), -1)), axis=1)

    def contributions(self, x):
        errors = []
        for i, scale in enumerate(self.scales * self.repeats):
            # All examples get the same noise, so that a score does not depend on the other rows.
            noise = np.random.default_rng(i).normal(scale=scale, size=x.shape[1:])
            noisy = (x + noise).astype("float32")
            errors.append(np.square(self._blurred(residuals(self.models, noisy, x))))
        error = np.mean(errors, axis=0)
        if not self.relative:
            return error
        values = tuple(range(1, x.ndim))
        energy = np.mean(np.square(x), axis=values, keepdims=True)
        return error / np.maximum(energy, SMALLEST_ENERGY)

    def get_config(self):
        config = {"scales": list(self.scales), "repeats": self.repeats}
        return {**config, "blur": self.blur, "relative": self.relative}

    def _blurred(self, x):
        """Images (n, height, width, channels) after the filter: the same shape."""
        if not self.blur:
            return x
        if x.ndim != 4:
            raise ValueError(
                "Expected images (n, height, width, channels), since `blur` is not 0. "
                f"Received: the shape {x.shape}"
            )
        return gaussian_filter(x, (0, self.blur, self.blur, 0))


class NeighbourDistance(AnomalyScore):
    """score(x) = distance between the features of x and of a near training example. A base class.

    Distances of zero are skipped: they are copies, such as a training example itself.

    Args:
        neighbours: int >= 1, the number of the neighbour. A small number suits training examples
            that are all normal. A larger one forgives a few odd examples among them.
    """

    def __init__(self, neighbours=20):
        self.neighbours = validation.positive_int(neighbours, "neighbours")

    def features(self, models, x):
        """What distances are measured between: array (n, *shape) -> (n, *any)."""
        raise NotImplementedError

    def learn(self, models, x):
        if len(x) > MAX_NEIGHBOURS_FROM:
            rows = np.random.default_rng(0).choice(len(x), MAX_NEIGHBOURS_FROM, replace=False)
            x = x[np.sort(rows)]
        return {"features": np.asarray(self.features(models, x), "float32")}

    def of(self, x):
        return self._nearest(self.features(self.models, x))[0]

    def contributions(self, x):
        """The squared difference to the neighbour per feature. Their sum is the squared score."""
        features = self.features(self.models, x)
        _, rows = self._nearest(features)
        return np.square(features - self.references["features"][rows])

    def get_config(self):
        return {"neighbours": self.neighbours}

    def _nearest(self, features):
        """The distance to the neighbour that counts, and its row: (n, *any) -> (n,), (n,)."""
        known, features = (
            np.reshape(array, (len(array), -1)).astype("float64")
            for array in (self.references["features"], features)
        )
        count = min(self.neighbours + 20, len(known))  # 20 more, for copies that are skipped
        distances, rows = NearestNeighbors(n_neighbors=count).fit(known).kneighbors(features)
        skipped = np.sum(distances < 1e-6, axis=1)
        place = np.minimum(skipped + self.neighbours - 1, count - 1)
        at = np.arange(len(features)), place
        return distances[at], rows[at]


class CodeDistance(NeighbourDistance):
    """score(x) = the distance of the code of x to the codes of training examples."""

    def features(self, models, x):
        return np.concatenate([np.asarray(model.encode(x)) for model in models], axis=1)

    def contributions(self, x):
        return AnomalyScore.contributions(self, x)  # a code does not say which value of x is odd


class ResidualDistance(NeighbourDistance):
    """score(x) = the distance of [x, weight * (x - x')] to that of training examples.

    x' is the mean reconstruction of the models. The score finds what lies far from all training
    examples (by x), and what breaks their rules (by the residual x - x').

    Args:
        neighbours: as in `NeighbourDistance`.
        weight: float >= 0, of the residual.
    """

    def __init__(self, neighbours=20, weight=3.0):
        super().__init__(neighbours)
        self.weight = validation.at_least_zero(weight, "weight")

    def features(self, models, x):
        return np.stack([x, self.weight * residuals(models, x)], axis=-1)  # (n, *shape, 2)

    def contributions(self, x):
        return super().contributions(x).sum(axis=-1)  # (n, *shape, 2) -> (n, *shape)

    def get_config(self):
        return {**super().get_config(), "weight": self.weight}


SCORES = {
    "reconstruction_error": ReconstructionError,
    "negative_elbo": NegativeELBO,
    "importance_weighted": ImportanceWeightedBound,
    "denoising_error": DenoisingError,
    "code_distance": CodeDistance,
    "residual_distance": ResidualDistance,
}


def get(identifier):
    """The score of a name, or a score as it is. ValueError if it is neither."""
    if isinstance(identifier, AnomalyScore):
        return identifier
    if identifier not in SCORES:
        known = ", ".join(map(repr, SCORES))
        raise ValueError(
            f"Expected `score` to be one of {known}, or an AnomalyScore. Received: {identifier!r}"
        )
    return SCORES[identifier]()


def of_tables(clean):
    """The default score of tables. clean: whether all training rows are known to be normal."""
    return ResidualDistance(neighbours=2 if clean else 20)


def residuals(models, x, target=None):
    """x, or the target, minus the mean reconstruction of x: array (n, *shape) -> the same."""
    return (x if target is None else target) - _reconstruction(models, x)


def _reconstruction(models, x):
    return np.mean([np.asarray(model.reconstruct(x)) for model in models], axis=0)
