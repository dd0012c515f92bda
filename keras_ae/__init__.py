"""keras_ae: autoencoders and pretrained weights for Keras 3.

    vae = keras_ae.load("vae_mnist")
    images = vae.sample(16)

Importing this package imports nothing heavy; TensorFlow comes with the first name that needs it. Only where Keras is imported
already, the models come at once: `keras.models.load_model` finds no class that is not there.
"""

import importlib
import sys

from keras_ae import imports
from keras_ae.presets import info, list_models, load, upload_preset, verify

__version__ = "0.1.0"

_NAMES = {
    "AE": "keras_ae.models.ae",
    "DAE": "keras_ae.models.dae",
    "SparseAE": "keras_ae.models.sparse",
    "KSparseAE": "keras_ae.models.sparse",
    "ContractiveAE": "keras_ae.models.contractive",
    "RAE": "keras_ae.models.regularized",
    "SequenceAE": "keras_ae.models.sequence",
    "VAE": "keras_ae.models.vae",
    "HVAE": "keras_ae.models.hierarchical",
    "ConditionalVAE": "keras_ae.models.conditional",
    "VQVAE": "keras_ae.models.vqvae",
    "VQVAE2": "keras_ae.models.vqvae2",
    "IDEC": "keras_ae.models.clustering",
    "VaDE": "keras_ae.models.clustering",
    "TDVAE": "keras_ae.models.tdvae",
    "BackupAndRestore": "keras_ae.training",
    "TrainingLog": "keras_ae.training",
    "export": "keras_ae.exports",
    "evaluate": "keras_ae.scores",
}
_MODULES = [
    "corruption",
    "datasets",
    "distribute",
    "distributions",
    "evaluation",
    "hierarchical",
    "models",
    "networks",
    "objectives",
    "pixelcnn",
    "plots",
    "presets",
    "quantization",
    "representation",
    "samplers",
    "schedules",
    "scores",
    "sparsity",
    "training",
]

__all__ = [*_NAMES, *_MODULES, "info", "list_models", "load", "upload_preset", "verify"]


def __getattr__(name):
    with imports.fast():
        if name in _NAMES:
            return getattr(importlib.import_module(_NAMES[name]), name)
        if name in _MODULES:
            return importlib.import_module(f"keras_ae.{name}")
    raise AttributeError(f"module 'keras_ae' has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *__all__])


if "keras" in sys.modules:
    importlib.import_module("keras_ae.models")
