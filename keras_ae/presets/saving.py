"""A model -> a folder, and a folder -> the Hugging Face Hub."""

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
    """Writes a model as a preset. Files of an earlier preset in the folder are replaced, each at once; others are kept.

    Weights that float16 holds exactly are stored so, in half the space. Every metric is measured once more in its quick form, for
    `verify(name, quick=True)`.

    On several machines every worker calls it, as every worker runs the same script, and only the chief's files are kept.

    Args:
        model: a model of keras_ae. Networks, distributions and corruptions of your own must be made of keras and keras_ae classes.
        folder: str or path.
        dataset: name of the data set that it was trained on, for the card.
        training: a `TrainingLog`, for the card.
        metrics: measurements of `keras_ae.evaluation`, for the card.

    Raises:
        ValueError: the model holds a class that no preset may name, or weights that are not finite; the folder is a file, or holds
            something else than a preset.
        OSError: the disk is full, or the folder cannot be written; then it is as it was.
    """
    folder = pathlib.Path(folder)
    _check_target(folder)
    import keras
    import numpy as np

    from keras_ae import distribute

    config = keras.saving.serialize_keras_object(model)
    config = {key: config[key] for key in ("module", "class_name", "config", "registered_name")}
    configs.check_config(config, "the model")
    values = model.get_weights()
    if not all(np.isfinite(array).all() for array in values):
        raise ValueError(
            "Expected finite weights to save. Received: NaN or infinity among them; the training has diverged"
        )
    if any(array.dtype == "bfloat16" for array in values):
        raise ValueError(
            "Expected float32 weights, which the policy mixed_bfloat16 has, since HDF5 has no bfloat16. Received: bfloat16"
        )
    is_chief = distribute.is_chief(model.distribute_strategy)
    with files.writing(f"the preset {folder}"), contextlib.ExitStack() as stack:
        if is_chief:
            folder.parent.mkdir(parents=True, exist_ok=True)
        # The other workers go the same way, since it makes variables, in which all take part, and throw away what they wrote.
        place = folder.parent if is_chief else None
        name = stack.enter_context(
            tempfile.TemporaryDirectory(dir=place, prefix=f".{folder.name}.")
        )
        written = pathlib.Path(name)
        (written / CONFIG).write_text(json.dumps(config, indent=1) + "\n")
        bare = type(model).from_config(
            model.get_config()
        )  # without the optimizer, whose slots would triple the file
        bare.set_weights(values)
        bare.save_weights(written / WEIGHTS)
        weights.shorten(written / WEIGHTS)
        described = metadata.describe(model, written, dataset, training, metrics)
        (written / METADATA).write_text(json.dumps(described, indent=1) + "\n")
        picture = metadata.draw(model, written, dataset)
        drawn = curves.draw(described["training"], written)
        page = cards.as_markdown(folder.resolve().name, described, picture, drawn)
        (written / CARD).write_text(page)
        loading.check(
            written, *loading.read(written)
        )  # what `load` would refuse is not written in the first place
        if is_chief:
            _put(written, folder)


def upload_preset(uri, folder, *, private=False):
    """Uploads a preset, as in keras-hub, once it has passed all checks of `load`. Files that are no part of a preset stay here.

    Args:
        uri: "hf://user/repo", which is made if it is not there; "hf://user/repo@branch"; or a folder, to copy to.
        folder: a folder written by `save_to_preset`.
        private: whether a new repository is private.

    Returns:
        str, what to give to `load`: the uri with the revision that was made, or the folder.

    Raises:
        ValueError: a malformed uri; the folder is no sound preset.
        FileNotFoundError: a file of the preset is missing; the repository has no such branch.
        ConnectionError, PermissionError: the Hub does not answer, or refuses.
        ImportError: the package huggingface_hub is missing.
    """
    folder = catalogue.find(folder)
    if hub.is_uri(uri):
        hub.parse(uri)
    with files.locked(folder):
        loading.check(folder, *loading.read_once(folder))
        found = [file for file in hub.FILES if os.path.lexists(folder / file)]
        contents = {
            file: reading.read(folder, file, hub.LIMITS.get(file, reading.MAX_JSON))
            for file in found
        }
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


def _check_target(folder):
    if folder.exists() and not folder.is_dir():
        raise ValueError(
            f"Expected a folder to save the preset in. Received: {str(folder)!r}, which is a file"
        )
    if (
        folder.is_dir()
        and any(folder.iterdir())
        and not ((folder / METADATA).exists() or (folder / "recipe.py").exists())
    ):
        raise ValueError(
            f"Expected a new or empty folder, or one that holds a preset. Received: {str(folder)!r}, which holds other files"
        )


def _put(written, folder):
    """Moves the files of a new preset into a folder, in the place of those of an old one."""
    folder.mkdir(exist_ok=True)
    with files.locked(folder):
        for old in set(PICTURES) - {path.name for path in written.iterdir()}:
            (folder / old).unlink(missing_ok=True)
        for path in sorted(
            written.iterdir(), key=lambda path: path.name == METADATA
        ):  # the hashes come last
            os.replace(path, folder / path.name)
