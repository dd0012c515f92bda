"""The models that the explorer offers, grouped by what they are for."""

import dataclasses

import keras_ae
from keras_ae import presets
from keras_ae.explorer import pictures
from keras_ae.presets import cards


@dataclasses.dataclass(frozen=True)
class Entry:
    """A model in the list: its name, its job, a line on it, and its ModelCard."""

    name: str
    job: str
    line: str
    card: presets.ModelCard


def entries(*names):
    """The models that can be drawn: the built-in ones, and those named.

    Args:
        names: str, models to add: folders, or hf://user/repo.

    Returns:
        list of Entry, by job, and in a job by name.
    """
    built_in = presets.list_models()
    known = {name: presets.info(name) for name in [*built_in, *(set(names) - set(built_in))]}
    found = [
        Entry(name, job(card.family, _shape(card)), line(card), card)
        for name, card in known.items()
        if pictures.can_be_drawn(_shape(card))
    ]
    return sorted(found, key=lambda entry: ([*JOBS].index(entry.job), entry.name))


def job(family, shape):
    """The first of `JOBS` that a class does, by its name and the shape of an example."""
    kind = getattr(keras_ae, family, None)
    return next(name for name, does in JOBS.items() if does(kind, shape))


def line(card):
    """A line on a model: its class, its data, the length of its code, its main metric."""
    parts = [card.family, card.dataset or "data of your own"]
    parts += [f"{card.latent_dim} latent dimensions"] if card.latent_dim else []
    if card.metrics:
        parts.append(f"{card.metrics[0]['name']} {cards.measured(card.metrics[0])}")
    return " · ".join(parts)


def _shape(card):
    return tuple(card.metadata["model"].get("shape") or ())


def _draws_anything(kind, shape):
    return hasattr(kind, "sample") and not hasattr(kind, "classify") and not _clusters(kind, shape)


def _clusters(kind, shape):
    return hasattr(kind, "clusters")


JOBS = {  # what tells that a class does the job
    "Draw new images": _draws_anything,
    "Draw the label you ask for": lambda kind, shape: hasattr(kind, "classify"),
    "Find clusters": _clusters,
    "Remove noise": lambda kind, shape: hasattr(kind, "corrupt"),
    "Read and write pen strokes": lambda kind, shape: pictures.are_strokes(shape),
    "Compress and reconstruct": lambda kind, shape: True,
}
