"""How drawn images look beside real ones, in the features of a classifier, on arrays."""

import math

import numpy as np

from keras_ae.evaluation import classifiers
from keras_ae.utils import inputs, validation

ANY = (-math.inf, math.inf)
BATCH = 500
SURE, NEIGHBOURS = 0.95, 3
BLOCK = 1000  # rows of a matrix of distances that are in memory at a time


def frechet_distance(real, drawn, features=None):
    """How far apart two sets of images are: the Frechet distance of their features as Gaussians.

    d = |m - n|^2 + trace(C + D - 2 (C D)^(1/2)),  m, C: mean and covariance of the features of
    the real images; n, D: of the drawn ones. 0 if they are equal. It is the square of a distance.

    A distance in other features has another scale. With few images it is too large, so compare
    only distances of equally many images.

    Args:
        real, drawn: images (n, *shape), two at least, float or pixels 0-255; without `features`
            vectors (n, d).
        features: "mnist" or "fashion_mnist", for the features of `classifier`; a callable from
            float images to vectors (n, d); or None.

    Returns:
        float, at least 0.

    Raises:
        ValueError: fewer than two images, unequal shapes, values that are not finite, an unknown
            classifier, or features that are no vectors.

    Example:

        real = np.random.default_rng(0).normal(size=(100, 3))
        keras_ae.evaluation.frechet_distance(real, real + 2)  # 12, up to rounding

    Source: Heusel et al., "GANs trained by a two time-scale update rule converge to a local Nash
    equilibrium", NeurIPS 2017, equation 6.
    """
    return frechet(*_features(real, drawn, features, 2))


def precision_recall(real, drawn, features=None, k=NEIGHBOURS):
    """How much of what was drawn looks real, and how much of what is real was drawn, in %.

    A set of features stands for all places that are as near to one of them as its k-th nearest
    neighbour in the set. Precision is the share of drawn images in the places of the real ones;
    recall is the share of real images in the places of the drawn ones.

    Args:
        real, drawn, features: as in `frechet_distance`, with at least k + 1 images each. The
            numbers depend on how many there are.
        k: int.

    Returns:
        (precision, recall), floats, %.

    Raises:
        ValueError: too few images, or as in `frechet_distance`.

    Example:

        real = np.random.default_rng(0).normal(size=(100, 3))
        keras_ae.evaluation.precision_recall(real, real)  # (100.0, 100.0)

    Source: Kynkäänniemi et al., "Improved precision and recall metric for assessing generative
    models", NeurIPS 2019, equations 1 and 2.
    """
    validation.positive_int(k, "k")
    real, drawn = _features(real, drawn, features, k + 1)
    return tuple(100 * float(part.mean()) for part in inside(real, drawn, k))


def recognisable(drawn, classifier, sure=SURE):
    """The share of images that a classifier is sure about, in %.

    share = mean over images of [max over classes of p(class|image) >= sure]

    It does not tell whether all classes are drawn; the recall does.

    Args:
        drawn: images (n, *shape), float or pixels 0-255.
        classifier: "mnist" or "fashion_mnist", for `keras_ae.evaluation.classifier`; or a callable
            from float images to probabilities (n, classes).
        sure: float, the least probability.

    Returns:
        float, %.

    Raises:
        ValueError: no image, values that are not finite, an unknown classifier, or outputs that
            are no probabilities.

    Example:

        drawn = keras_ae.load("vae_mnist").sample(100)
        keras_ae.evaluation.recognisable(drawn, "mnist")
    """
    return 100 * float(np.mean(sureness(drawn, classifier) >= sure))


def sureness(drawn, classifier):
    """The probability of the likeliest class of each image: float64 (n,). See `recognisable`."""
    found = _applied(classifier, drawn, "drawn", classifiers.PROBABILITIES)
    if not (found >= 0).all() or not np.allclose(found.sum(axis=1), 1, atol=1e-3):
        raise ValueError(
            "Expected a classifier whose outputs are probabilities, at least 0 and of sum 1. "
            f"Received: values from {found.min():g} to {found.max():g}"
        )
    return found.max(axis=1)


def features_of(images, features, name="drawn"):
    """The features of images: float64 (n, d). See `frechet_distance`."""
    if features is not None:
        return _applied(features, images, name, classifiers.FEATURES)
    vectors = np.asarray(images)
    if vectors.ndim != 2:
        raise ValueError(
            f"Expected `features` for images, or vectors (n, d). Received: {vectors.shape}"
        )
    inputs.check(vectors, vectors.shape[1:], ANY, name)
    return vectors.astype("float64")


def frechet(x, y):
    """The Frechet distance of two sets of vectors, (n, d) and (m, d), float64."""
    means = x.mean(axis=0) - y.mean(axis=0)
    # (d,) -> (d, d) for vectors of a single number
    c, d = (np.atleast_2d(np.cov(part, rowvar=False)) for part in (x, y))
    values, vectors = np.linalg.eigh(c)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    # C D and C^(1/2) D C^(1/2) have the same eigenvalues, and the latter is symmetric.
    both = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ d @ root), 0))
    return max(0.0, float(means @ means + np.trace(c) + np.trace(d) - 2 * both.sum()))


def inside(real, drawn, k):
    """Which drawn vectors lie in the places of the real ones, and the reverse: two bool (n,)."""
    return _covered(drawn, real, k), _covered(real, drawn, k)


def _covered(points, centres, k):
    """Whether each point is as near to a centre as the k-th nearest other centre is."""
    # The nearest centre to a centre is itself, at distance 0.
    radii = np.concatenate(
        [np.partition(part, k, axis=1)[:, k] for part in _distances(centres, centres)]
    )
    return np.concatenate([(part <= radii).any(axis=1) for part in _distances(points, centres)])


def _distances(x, y):
    """Blocks of rows of the squared distances, (n, d), (m, d) -> (n, m)."""
    for i in range(0, len(x), BLOCK):
        block = x[i : i + BLOCK]
        squares = (block**2).sum(axis=1)[:, None] + (y**2).sum(axis=1) - 2 * block @ y.T
        # Rounding must not make a vector differ from itself.
        squares[squares < 1e-12 * (y**2).sum(axis=1)] = 0
        yield squares


def _features(real, drawn, features, least):
    """The features of both sets, float64 (n, d) and (m, d), checked."""
    found = [features_of(real, features, "real"), features_of(drawn, features, "drawn")]
    if found[0].shape[1] != found[1].shape[1]:
        raise ValueError(
            "Expected `real` and `drawn` of equal shapes. "
            f"Received: {np.shape(real)} and {np.shape(drawn)}"
        )
    if min(map(len, found)) < least:
        raise ValueError(
            f"Expected at least {least} real and {least} drawn images. "
            f"Received: {len(found[0])} and {len(found[1])}"
        )
    return found


def _applied(function, images, name, layer):
    """The outputs of a shipped classifier's layer, or of a callable: float64 (n, d), checked."""
    images, is_shipped = np.asarray(images), isinstance(function, str)
    if is_shipped:
        function = classifiers.outputs(function, layer)
    shape = classifiers.SHAPE if is_shipped else images.shape[1:]
    inputs.check(images, shape, (0, 1) if is_shipped else ANY, name)
    batches = inputs.batches(inputs.to_float(images, shape), BATCH)
    found = np.concatenate([np.asarray(function(batch)) for batch in batches])
    if found.ndim != 2 or len(found) != len(images) or not np.isfinite(found).all():
        raise ValueError(
            f"Expected one vector of finite numbers for each image, ({len(images)}, d). "
            f"Received: {found.shape}"
        )
    return found.astype("float64")
