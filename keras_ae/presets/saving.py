"""From a model to a folder, and from a folder to the Hugging Face Hub."""

import contextlib
import json
import os
import pathlib
import tempfile

from keras_ae.presets import cards, catalogue, curves, hub, loading, metadata
from keras_ae.presets.cards import CARD, CONFIG, METADATA, PICTURES, WEIGHTS
from keras_ae.presets.checks import configs, reading, weights
from keras_ae.utils import files


def save(model, folder, *, dataset=None, training=None, metrics=()):
    """Writes a model as a preset.

    The files of an earlier preset in the folder are replaced. Other files are kept. Weights that
    float16 holds exactly are stored as float16, in half the space. Every metric is measured again
    in its quick form, for `verify(name, quick=True)`.

    On several machines every worker calls it, because every worker runs the same script. Only the
    chief's files are kept.

    Args:
        model: a model of keras_ae. Your own networks, distributions and corruptions must consist
            of classes of keras and keras_ae.
        folder: str or path.
        dataset: name of the data set that the model was trained on, for the card.
        training: a `TrainingLog`, for the card.
        metrics: measurements from `keras_ae.evaluation`, for the card.

    Raises:
        ValueError: the model holds a class that no preset may name, or weights that are not
            finite; the folder is a file, or holds something else than a preset.
        OSError: the disk is full, or the folder cannot be written. The folder is left unchanged.
    """
    folder = pathlib.Path(folder)
    _check_target(folder)
    import keras

    from keras_ae import distribute

    config = keras.saving.serialize_keras_object(model)
    config = {key: config[key] for key in ("module", "class_name", "config", "registered_name")}
    configs.check_config(config, "the model")
    values = model.get_weights()
    _check_values(values)
    is_chief = distribute.is_chief(model.distribute_strategy)
    with files.writing(f"the preset {folder}"), contextlib.ExitStack() as stack:
        if is_chief:
            folder.parent.mkdir(parents=True, exist_ok=True)
        # The other workers run the same code, because all workers must make variables together.
        # They throw away what they wrote.
        place = folder.parent if is_chief else None
        temporary = tempfile.TemporaryDirectory(dir=place, prefix=f".{folder.name}.")
        written = pathlib.Path(stack.enter_context(temporary))
        (written / CONFIG).write_text(json.dumps(config, indent=1) + "\n")
        _write_weights(model, values, written / WEIGHTS)
        described = metadata.describe(model, written, dataset, training, metrics)
        (written / METADATA).write_text(json.dumps(described, indent=1) + "\n")
        picture = metadata.draw(model, written, dataset)
        drawn = curves.draw(described["training"], written)
        page = cards.as_markdown(folder.resolve().name, described, picture, drawn)
        (written / CARD).write_text(page)
        # A preset that `load` would refuse is not saved.
        loading.check(written, *loading.read(written))
        if is_chief:
            _put(written, folder)


def upload_preset(uri, folder, *, private=False):
    """Uploads a preset, as in keras-hub, after all checks of `load`.

    Files that do not belong to a preset are not uploaded.

    Args:
        uri: "hf://user/repo", which is created if it does not exist; "hf://user/repo@branch"; or
            a folder to copy to.
        folder: a folder that `save_to_preset` wrote.
        private: whether a new repository is private.

    Returns:
        str, an argument for `load`: the uri with the new revision, or the folder.

    Raises:
        ValueError: a malformed uri; the folder holds no valid preset.
        FileNotFoundError: a file of the preset is missing; the repository has no such branch.
        ConnectionError, PermissionError: the Hub does not answer, or refuses.
        ImportError: the package huggingface_hub is missing.
    """
    folder = catalogue.find(folder)
    if hub.is_uri(uri):
        hub.parse(uri)
    with files.locked(folder):
        loading.check(folder, *loading.read_once(folder))
        contents = {}
        for file in hub.FILES:
            if os.path.lexists(folder / file):
                limit = hub.LIMITS.get(file, reading.MAX_JSON)
                contents[file] = reading.read(folder, file, limit)
    if hub.is_uri(uri):
        return hub.upload(uri, contents, private)
    target = pathlib.Path(uri)
    _check_target(target)
    with files.writing(f"the preset {target}"):
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as name:
            for file, values in contents.items():
                (pathlib.Path(name) / file).write_bytes(values)
            _put(pathlib.Path(name), target)
    return str(target)


def _check_values(values):
    """Raises ValueError unless the weights, a list of arrays, can be saved."""
    import numpy as np

    if not all(np.isfinite(array).all() for array in values):
        raise ValueError(
            "Expected finite weights to save. Received: NaN or infinity among them; the training "
            "has diverged"
        )
    if any(array.dtype == "bfloat16" for array in values):
        raise ValueError(
            "Expected float32 weights, because HDF5 has no bfloat16; the policy mixed_bfloat16 "
            "keeps float32 weights. Received: bfloat16"
        )


def _write_weights(model, values, path):
    """Writes weights without the optimizer, whose slots would triple the size of the file."""
    bare = type(model).from_config(model.get_config())
    bare.set_weights(values)
    bare.save_weights(path)
    weights.shorten(path)


def _check_target(folder):
    """Raises ValueError unless a preset may be written to the folder."""
    if folder.exists() and not folder.is_dir():
        raise ValueError(
            f"Expected a folder to save the preset in. Received: {str(folder)!r}, which is a file"
        )
    holds_preset = (folder / METADATA).exists() or (folder / "recipe.py").exists()
    if folder.is_dir() and any(folder.iterdir()) and not holds_preset:
        raise ValueError(
            "Expected a new or empty folder, or one that holds a preset. "
            f"Received: {str(folder)!r}, which holds other files"
        )


def _put(written, folder):
    """Moves the files of a new preset into a folder. They replace those of an old preset."""
    folder.mkdir(exist_ok=True)
    with files.locked(folder):
        for old in set(PICTURES) - {path.name for path in written.iterdir()}:
            (folder / old).unlink(missing_ok=True)
        # The metadata come last: they hold the hashes of the other files.
        for path in sorted(written.iterdir(), key=lambda path: path.name == METADATA):
            os.replace(path, folder / path.name)
