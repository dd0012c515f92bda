"""The examples by which the explorer shows what a model is for, also where there is no network."""

import numpy as np

import keras_ae
from keras_ae import datasets, presets
from keras_ae.explorer import pictures

MOST = 2000  # examples
CLASSES = 20  # more classes than these have no names on the page
DRAWN = 1000  # examples that a model draws
LETTERS = {  # lines through points on a page [0, 1] x [0, 1], y downwards
    "A": [[(0, 1), (0.5, 0), (1, 1)], [(0.2, 0.6), (0.8, 0.6)]],
    "E": [[(1, 0), (0, 0), (0, 1), (1, 1)], [(0, 0.5), (0.8, 0.5)]],
    "F": [[(1, 0), (0, 0), (0, 1)], [(0, 0.5), (0.8, 0.5)]],
    "L": [[(0, 0), (0, 1), (1, 1)]],
    "M": [[(0, 1), (0, 0), (0.5, 0.6), (1, 0), (1, 1)]],
    "N": [[(0, 1), (0, 0), (1, 1), (1, 0)]],
    "T": [[(0, 0), (1, 0)], [(0.5, 0), (0.5, 1)]],
    "V": [[(0, 0), (0.5, 1), (1, 0)]],
    "X": [[(0, 0), (1, 1)], [(1, 0), (0, 1)]],
    "Z": [[(0, 0), (1, 0), (0, 1), (1, 1)]],
}
EACH = 40  # drawings of each letter


def of(model, dataset):
    """Examples that show what a model is for.

    Test examples of its data set. Where they cannot be had: draws from a model of the same data,
    letters where it reads pen strokes, or a set that comes with a package.

    Args:
        model: a model of images or pen strokes.
        dataset: str or None, the name of the data that it was trained on.

    Returns:
        array (n, *shape), array (n,) of classes or None, and str, where the examples come from.
    """
    same = {"mnist": ["mnist", "mnist_5k"]}.get(dataset, [dataset] if dataset else [])
    found = _test_examples(same, model.shape)
    if found is None and pictures.are_strokes(model.shape):
        return *letters(model.shape[0]), "drawn letters"
    if found is None and hasattr(model, "sample"):
        return *_draws(model), "draws from the prior"
    return (
        found
        or _drawn_by_another(dataset, model.shape)
        or _test_examples(["mnist_5k", "digits"], model.shape)
        or (_noise(model.shape), None, "random images, as no data of this shape is here")
    )


def letters(steps):
    """Drawings of letters with straight lines: float32 (n, steps, 3), and the letter of each."""
    draws, x = np.random.default_rng(0), []
    for lines in LETTERS.values():
        for _ in range(EACH):
            size, place = draws.uniform(0.3, 0.6, 2), draws.uniform(0.1, 0.35, 2)
            slant = draws.normal(0, 0.08, (2, 2)) + np.eye(2)
            placed = [np.array(line) @ slant * size + place for line in lines]
            x.append(pictures.steps_of(placed, steps)[0])
    return np.stack(x), np.repeat([*LETTERS], EACH)


def _test_examples(names, shape):
    """Test examples of the first data set that is here and has this shape, or None."""
    for name in names:
        try:
            _, (x, y) = datasets.load(name)
        except (ValueError, OSError, ImportError):
            continue
        if x.shape[1:] == tuple(shape):
            kind = "drawings" if pictures.are_strokes(shape) else "images"
            y = y[:MOST] if len(np.unique(y)) <= CLASSES else None
            return x[:MOST], y, f"{name} test {kind}"
    return None


def _draws(model):
    """Draws from a model's prior, and their labels where it has labels, else None."""
    kind = model.kinds_of_samples()
    if kind is None or kind[0] != "labels":
        return np.asarray(model.sample(DRAWN, seed=0)), None
    labels = np.arange(DRAWN) % kind[1]
    return np.asarray(model.sample(DRAWN, seed=0, labels=labels)), labels


def _drawn_by_another(dataset, shape):
    """Draws from a built-in model of the same data, or None."""
    for name in presets.list_models(dataset=dataset) if dataset else []:
        card = presets.info(name)
        kind = getattr(keras_ae, card.family)
        if hasattr(kind, "sample") and tuple(card.metadata["model"]["shape"]) == tuple(shape):
            return *_draws(presets.load(name)), f"images drawn by {name}"
    return None


def _noise(shape):
    return np.random.default_rng(0).random((DRAWN, *shape), dtype="float32")
