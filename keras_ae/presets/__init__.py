"""Presets: models as folders.

The files of a preset:

- config.json: the model,
- model.weights.h5: its weights,
- metadata.json: its metrics, hashes, versions and so on,
- README.md: the same for readers, the model card,
- samples.png or reconstructions.png: a picture.

The built-in presets are the folders of `zoo/`. They are installed with the package.

Nothing in a preset is executed: no pickle, no lambda. A config may name only layers of keras and
classes of keras_ae. TensorFlow is imported only when a model is loaded or saved.

What belongs here: whatever turns a model into a folder and back, and the text of its card.
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
