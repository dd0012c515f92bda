"""Presets: a folder <-> a model.

A preset is a folder of config.json (the model), model.weights.h5 (its weights), metadata.json (what is known of it: metrics, hashes,
versions), README.md (the same, to read) and samples.png or reconstructions.png. The built-in ones are the folders of `zoo/`, installed
with the package.

Nothing in a preset is executed: no pickle, no lambda, and a config may name only layers of keras and classes of keras_ae. TensorFlow
is imported when a model is loaded or saved, not before.
"""

import contextlib
import difflib
import fnmatch
import importlib
import importlib.util
import json
import os
import pathlib
import tempfile

from keras_ae import cards, files, hub, imports, metadata, safety, schema, weights
from keras_ae.cards import CARD, CONFIG, METADATA, PICTURES, WEIGHTS


def list_models(filter="", family=None, dataset=None):
    """Names of the built-in presets, sorted.

    Args:
        filter: str, a pattern in which * and ? stand for any characters, as "vae*"; "" for all.
        family: class name, as "VAE".
        dataset: name of a data set, as "mnist".
    """
    names = sorted(path.parent.name for path in _zoo().glob(f"*/{METADATA}"))
    names = fnmatch.filter(names, filter or "*")
    return [n for n in names if _matches(info(n), family, dataset)] if family or dataset else names


def info(name, *, revision=None, cache_dir=None, local_files_only=False):
    """The ModelCard of a preset.

    Args:
        name, revision, cache_dir, local_files_only: as in `load`.

    Raises:
        ValueError: an unknown name, or a metadata.json that cannot be read.
        FileNotFoundError: a file of the preset is missing.
    """
    folder = _folder(name, revision, cache_dir, local_files_only)
    content = _metadata(folder)
    title = hub.parse(name)[0].split("/")[1] if hub.is_uri(name) else folder.resolve().name
    return cards.ModelCard(title, folder, {**cards.UNSAID, **content})


def load(name, *, load_weights=True, revision=None, cache_dir=None, local_files_only=False, **overrides):
    """Loads a model, compiled and ready for `fit`, `evaluate` and `predict`.

    Args:
        name: a name of `list_models()`, a folder written by `save_to_preset`, or "hf://user/repo" on the Hugging Face Hub, with a
            revision as "hf://user/repo@revision".
        load_weights: False for the same model with fresh weights.
        revision: of a repository on the Hub: a branch, a tag or a commit; None for the main branch.
        cache_dir: folder that downloads are kept in; None for huggingface_hub's own.
        local_files_only: whether to take what was downloaded before, without asking the Hub.
        overrides: constructor arguments to change, for example beta=4.0.

    Returns:
        keras.Model.

    Raises:
        ValueError: an unknown name; a file that is damaged or was altered; a config that names a class outside keras and keras_ae, or
            absurd sizes; an override that the model does not know, or that the weights do not fit.
        FileNotFoundError: a file of the preset is missing; there is no such repository or revision, or it was not downloaded before.
        ConnectionError: the Hub cannot be reached, and the preset was not downloaded before.
        ImportError: the package huggingface_hub is missing.
    """
    folder = _folder(name, revision, cache_dir, local_files_only)
    described, config, content = _read(folder)
    known = _check(folder, described, config, content)
    unknown = sorted(set(overrides) - set(config["config"]))
    if unknown:
        raise ValueError(
            f"Expected overrides among the constructor arguments of {described['family']}: {', '.join(config['config'])}. Received: "
            f"{', '.join(unknown)}"
        )
    allowed = weights.MAX_COUNT if overrides and not load_weights else known + weights.SPARE
    model = _built({**config, "config": {**config["config"], **overrides}}, folder / CONFIG, allowed)
    if load_weights:
        _load_weights(model, content, folder / WEIGHTS, overrides)
        for name in {"beta"} & set(overrides):  # a variable among the weights; the override stands
            getattr(model, name).assign(overrides[name])
    if not overrides and model.count_params() != described["parameters"]:
        raise ValueError(safety.damaged(folder / CONFIG, f"{model.count_params():,} weights, of {described['parameters']:,}"))
    model.compile()
    return model


def from_preset(cls, name, *, load_weights=True, **overrides):
    """`load`, for a preset of this class: `VAE.from_preset("vae_mnist")`. Raises ValueError if it is of another class."""
    model = load(name, load_weights=load_weights, **overrides)
    if not isinstance(model, cls):
        known = ", ".join(list_models(family=cls.__name__)) or "none is built in"
        raise ValueError(f"Expected a preset of {cls.__name__}: {known}. Received: {name!r}, which is a {type(model).__name__}")
    return model


class OfClass:
    """`Cls.presets`: {name: ModelCard} of the built-in presets of that class and its subclasses."""

    def __get__(self, instance, cls):
        families = {cls.__name__, *_names_of_subclasses(cls)}
        return {card.name: card for card in map(info, list_models()) if card.family in families}


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
    safety.check_config(config, "the model")
    values = model.get_weights()
    if not all(np.isfinite(array).all() for array in values):
        raise ValueError("Expected finite weights to save. Received: NaN or infinity among them; the training has diverged")
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
        name = stack.enter_context(tempfile.TemporaryDirectory(dir=place, prefix=f".{folder.name}."))
        written = pathlib.Path(name)
        (written / CONFIG).write_text(json.dumps(config, indent=1) + "\n")
        bare = type(model).from_config(model.get_config())  # without the optimizer, whose slots would triple the file
        bare.set_weights(values)
        bare.save_weights(written / WEIGHTS)
        weights.shorten(written / WEIGHTS)
        described = metadata.describe(model, written, dataset, training, metrics)
        (written / METADATA).write_text(json.dumps(described, indent=1) + "\n")
        picture = metadata.draw(model, written, dataset)
        (written / CARD).write_text(cards.as_markdown(folder.resolve().name, described, picture))
        _check(written, *_read(written))  # what `load` would refuse is not written in the first place
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
    folder = _folder(folder)
    if hub.is_uri(uri):
        hub.parse(uri)
    with files.locked(folder):
        _check(folder, *_read_once(folder))
        found = [file for file in hub.FILES if os.path.lexists(folder / file)]
        contents = {file: safety.read(folder, file, hub.LIMITS.get(file, safety.MAX_JSON)) for file in found}
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


def verify(name, *, quick=False, **overrides):
    """Measures every metric on the card of a preset again, by its protocol, and compares.

    Args:
        name: as in `load`.
        quick: whether to measure the card's quick values instead, on few images with few importance samples, in seconds.
        overrides: arguments of the protocol to change, for example n_images=500; then the tolerance is widened to four standard errors.

    Returns:
        list of dicts {"name", "card", "measured", "tolerance", "protocol", "passed"}.
    """
    from keras_ae import evaluation

    model, results = load(name), []
    for metric in info(name).metrics:
        if quick and "quick" not in metric:
            raise ValueError(
                f"Expected a quick value of {metric['name']} on the card of {name}. Received: none; save the preset again"
            )
        expected = metric["quick"] if quick else metric
        measured = evaluation.measure(model, {**metric, **expected}, **overrides)
        same = {**measured["protocol"], "seed": 0} == {**expected["protocol"], "seed": 0}
        tolerance = evaluation.TOLERANCES[metric["name"]] if same else 4 * measured["standard_error"]
        results.append(
            {
                "name": metric["name"],
                "card": expected["value"],
                "measured": measured["value"],
                "tolerance": tolerance,
                "protocol": measured["protocol"],
                "passed": abs(measured["value"] - expected["value"]) <= tolerance,
            }
        )
    return results


def write_cards(*names):
    """Writes the README.md of presets again from their metadata, all built-in ones and their gallery if none is named.

    Args:
        names: as in `info`.
    """
    found = [info(name) for name in names or list_models()]
    for card in found:
        with files.replacing(card.folder / CARD, "the model card") as part:
            part.write_text(cards.as_markdown(card.name, card.metadata, card.picture and card.picture.name))
    if not names:
        with files.replacing(_zoo() / CARD, "the gallery") as part:
            part.write_text(cards.gallery(found))


def recipe(name):
    """The path of the script that trains a built-in preset.

    Raises:
        ValueError: no preset of that name has a recipe.
    """
    recipes = {path.parent.name: path for path in _zoo().glob("*/recipe.py")}
    if name not in recipes:
        raise ValueError(f"Expected the name of a model with a recipe: {', '.join(sorted(recipes))}. Received: {name!r}")
    return recipes[name]


# Inside


def _zoo():
    """The folder of the built-in presets: keras_ae.zoo where the package is installed, zoo/ beside the package in a checkout."""
    spec = importlib.util.find_spec("keras_ae.zoo")
    places = [*(spec.submodule_search_locations or [] if spec else []), pathlib.Path(__file__).parent.parent / "zoo"]
    return next((pathlib.Path(place) for place in places if pathlib.Path(place).is_dir()), pathlib.Path(places[-1]))


def _folder(name, revision=None, cache_dir=None, local_files_only=False):
    if hub.is_uri(name):
        return hub.download(name, revision, cache_dir, local_files_only)
    if revision is not None or cache_dir is not None or local_files_only:
        raise ValueError(f"Expected `revision`, `cache_dir` and `local_files_only` for hf://user/repo alone. Received: {name!r}")
    built_in = _zoo() / str(name)
    if str(name) in list_models():
        return built_in
    if isinstance(name, os.PathLike) or os.sep in str(name) or pathlib.Path(name).is_dir():
        folder = pathlib.Path(name)
        if not folder.is_dir():
            raise FileNotFoundError(f"Expected the folder of a preset. Received: {str(name)!r}, which is no folder")
        return folder
    near = difflib.get_close_matches(str(name), list_models(), n=3, cutoff=0.4)
    hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
    raise ValueError(f"Expected the name of a model (keras_ae.list_models() gives all) or a folder. Received: {name!r}.{hint}")


def _check_target(folder):
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"Expected a folder to save the preset in. Received: {str(folder)!r}, which is a file")
    if folder.is_dir() and any(folder.iterdir()) and not ((folder / METADATA).exists() or (folder / "recipe.py").exists()):
        raise ValueError(
            f"Expected a new or empty folder, or one that holds a preset. Received: {str(folder)!r}, which holds other files"
        )


def _metadata(folder):
    content = schema.parse(safety.read(folder, METADATA), folder / METADATA)
    schema.check_metadata(content, folder / METADATA)
    return content


def _read(folder):
    """(metadata, config, content of the weights file) of one preset: if it is saved again meanwhile, all of the old or of the new one."""
    try:
        return _read_once(folder)
    except (ValueError, FileNotFoundError):
        with files.locked(folder):  # a save may be under way
            return _read_once(folder)


def _read_once(folder):
    described = _metadata(folder)
    contents = {}
    for file, limit in ((CONFIG, safety.MAX_JSON), (WEIGHTS, weights.MAX_SIZE)):
        contents[file] = safety.read(folder, file, limit)
        safety.check_hash(contents[file], described["sha256"].get(file), folder / file)
    config = schema.parse(contents[CONFIG], folder / CONFIG)
    return described, config, contents[WEIGHTS]


def _check(folder, described, config, content):
    """Raises ValueError unless the content of a preset can be trusted. Returns the number of its weights."""
    with imports.fast():
        safety.check_config(config, folder / CONFIG)
    safety.check_agreement(config, described, folder / CONFIG)
    return weights.count(content, folder / WEIGHTS)


def _put(written, folder):
    """Moves the files of a new preset into a folder, in the place of those of an old one."""
    folder.mkdir(exist_ok=True)
    with files.locked(folder):
        for old in set(PICTURES) - {path.name for path in written.iterdir()}:
            (folder / old).unlink(missing_ok=True)
        for path in sorted(written.iterdir(), key=lambda path: path.name == METADATA):  # the hashes come last
            os.replace(path, folder / path.name)


def _built(config, path, allowed):
    """The model of a config, of at most so many weights."""
    with imports.fast():
        import keras

        from keras_ae.models import Autoencoder
    safety.check_known(config, Autoencoder, path)
    try:
        with weights.budget(allowed):
            model = keras.saving.deserialize_keras_object(config)
    except Exception as error:  # what Keras and TensorFlow raise for arguments of a wrong type or size is of many types
        if isinstance(error, ValueError) and str(error).startswith("Expected"):
            raise
        raise ValueError(f"Expected {path} to describe a model that can be built. Received: {safety.short(error)}") from error
    weights.check_outputs(model, path)
    return model


def _load_weights(model, content, path, overrides):
    try:
        model.load_weights(weights.InMemory(content))
        weights.check_loaded(model, content, path)
    except Exception as error:  # h5py and Keras raise many types
        changed = f" with {', '.join(f'{k}={v!r}' for k, v in overrides.items())}" if overrides else ""
        hint = "load_weights=False gives the model with fresh weights" if overrides else "save or download the preset again"
        raise ValueError(
            f"Expected weights that fit the model{changed}; {hint}. Received: {path}: {safety.short(error)}"
        ) from error


def _matches(card, family, dataset):
    return family in (None, card.family) and dataset in (None, card.dataset)


def _names_of_subclasses(cls):
    return {name for child in cls.__subclasses__() for name in (child.__name__, *_names_of_subclasses(child))}
