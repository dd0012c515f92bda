"""Where the built-in presets and classifiers are."""

import importlib.util
import pathlib


def folder():
    """The folder that holds them.

    It is keras_ae.zoo if the package is installed, or zoo/ next to the package in a checkout.
    """
    spec = importlib.util.find_spec("keras_ae.zoo")
    installed = (spec.submodule_search_locations or []) if spec else []
    in_checkout = pathlib.Path(__file__).parents[2] / "zoo"
    places = [*map(pathlib.Path, installed), in_checkout]
    return next((place for place in places if place.is_dir()), in_checkout)
