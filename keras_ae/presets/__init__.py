"""Presets: a folder <-> a model.

A preset is a folder of config.json (the model), model.weights.h5 (its weights), metadata.json (what is known of it: metrics, hashes,
versions), README.md (the same, to read) and samples.png or reconstructions.png. The built-in ones are the folders of `zoo/`, installed
with the package.

Nothing in a preset is executed: no pickle, no lambda, and a config may name only layers of keras and classes of keras_ae. TensorFlow
is imported when a model is loaded or saved, not before.

What belongs here: whatever turns a model into a folder and back, and what a card says of it.
"""

from keras_ae.presets.cards import ModelCard
from keras_ae.presets.catalogue import info, list_models, recipe, write_cards
from keras_ae.presets.loading import load
from keras_ae.presets.saving import save, upload_preset
from keras_ae.presets.verification import verify

__all__ = [
    "ModelCard",
    "info",
    "list_models",
    "load",
    "recipe",
    "save",
    "upload_preset",
    "verify",
    "write_cards",
]
