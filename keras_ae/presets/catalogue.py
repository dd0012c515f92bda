"""Finds presets: their names, cards, folders and recipes. This needs no TensorFlow."""

import difflib
import fnmatch
import functools
import os
import pathlib

from keras_ae.presets import cards, curves, gallery, hub
from keras_ae.presets.cards import CARD, METADATA
from keras_ae.presets.checks import json_files, reading
from keras_ae.utils import files, zoo


def list_models(filter="", family=None, dataset=None):
    """Names of the built-in presets, sorted.

    Args:
        filter: str, a pattern with * and ?, such as "vae*"; "" for all.
        family: a class name, such as "VAE"; None for all.
        dataset: the name of a data set, such as "mnist"; None for all.

    Returns:
        list of str.

    Example:

        keras_ae.list_models("*vae*", dataset="mnist")
    """
    names = sorted(path.parent.name for path in zoo.folder().glob(f"*/{METADATA}"))
    names = fnmatch.filter(names, filter or "*")
    return [n for n in names if _matches(info(n), family, dataset)] if family or dataset else names


def info(name, *, revision=None, cache_dir=None, local_files_only=False):
    """The ModelCard of a preset.

    Args:
        name, revision, cache_dir, local_files_only: as in `load`.

    Returns:
        ModelCard.

    Raises:
        ValueError: an unknown name, or a damaged metadata.json.
        FileNotFoundError: a file of the preset is missing.

    Example:

        keras_ae.info("vae_mnist").metrics
    """
    folder = find(name, revision, cache_dir, local_files_only)
    title = hub.parse(name)[0].split("/")[1] if hub.is_uri(name) else folder.resolve().name
    if folder.parent == zoo.folder():
        return _built_in(title, folder, (folder / METADATA).stat().st_mtime_ns)
    return cards.ModelCard(title, folder, {**cards.UNSAID, **read_metadata(folder)})


@functools.cache
def _built_in(name, folder, modified):
    """The card of a built-in preset. It is read again only after the file was modified."""
    return cards.ModelCard(name, folder, {**cards.UNSAID, **read_metadata(folder)})


def write_cards(*names):
    """Writes the README.md of presets again from their metadata, and draws missing training curves.

    Args:
        names: as in `info`. Without names: all built-in presets, and the gallery.
    """
    found = [info(name) for name in names or list_models()]
    for card in found:
        if curves.are_missing(card):
            curves.draw(card.metadata["training"], card.folder)
        shown = [path and path.name for path in (card.picture, card.curves)]
        with files.replacing(card.folder / CARD, "the model card") as part:
            part.write_text(cards.as_markdown(card.name, card.metadata, *shown))
    if not names:
        with files.replacing(zoo.folder() / CARD, "the gallery") as part:
            part.write_text(gallery.page(found))


def recipe(name):
    """The path of the script that trains a built-in preset.

    Raises:
        ValueError: no built-in preset of this name has a recipe.
    """
    recipes = {path.parent.name: path for path in zoo.folder().glob("*/recipe.py")}
    if name not in recipes:
        raise ValueError(
            f"Expected the name of a model with a recipe: {', '.join(sorted(recipes))}. "
            f"Received: {name!r}"
        )
    return recipes[name]


def find(name, revision=None, cache_dir=None, local_files_only=False):
    """The folder of a preset: pathlib.Path. Arguments and errors: as in `load`."""
    if hub.is_uri(name):
        return hub.download(name, revision, cache_dir, local_files_only)
    if revision is not None or cache_dir is not None or local_files_only:
        raise ValueError(
            "Expected `revision`, `cache_dir` and `local_files_only` only for hf://user/repo. "
            f"Received: {name!r}"
        )
    built_in = zoo.folder() / str(name)
    if str(name) in list_models():
        return built_in
    if isinstance(name, os.PathLike) or os.sep in str(name) or pathlib.Path(name).is_dir():
        folder = pathlib.Path(name)
        if not folder.is_dir():
            raise FileNotFoundError(
                f"Expected the folder of a preset. Received: {str(name)!r}, which is no folder"
            )
        return folder
    near = difflib.get_close_matches(str(name), list_models(), n=3, cutoff=0.4)
    hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
    raise ValueError(
        "Expected the name of a model (keras_ae.list_models() gives all) or a folder. "
        f"Received: {name!r}.{hint}"
    )


def read_metadata(folder):
    """The content of metadata.json as a dict, checked."""
    content = json_files.parse(reading.read(folder, METADATA), folder / METADATA)
    json_files.check_metadata(content, folder / METADATA)
    return content


def _matches(card, family, dataset):
    return family in (None, card.family) and dataset in (None, card.dataset)
