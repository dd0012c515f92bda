"""keras_ae: autoencoders and pretrained weights for Keras 3.

    vae = keras_ae.load("vae_mnist")
    images = vae.sample(16)

Importing this package imports nothing heavy. The first name that needs TensorFlow imports it.
If Keras is imported, before or after, the models are imported, too: `keras.models.load_model`
finds only imported classes. Imported before TensorFlow, this package switches oneDNN on where it is
faster; see `utils.onednn`.
"""

import importlib
import sys

import wrapt

from keras_ae.presets import info, list_models, load, upload_preset, verify
from keras_ae.utils import imports, onednn

__version__ = "0.1.0"

onednn.switch_on()  # before anything imports TensorFlow

_NAMES = {
    "AE": "keras_ae.models.ae",
    "DAE": "keras_ae.models.dae",
    "SparseAE": "keras_ae.models.sparse",
    "KSparseAE": "keras_ae.models.sparse",
    "ContractiveAE": "keras_ae.models.contractive",
    "RAE": "keras_ae.models.rae",
    "SequenceAE": "keras_ae.models.sequence",
    "VAE": "keras_ae.models.vae",
    "HVAE": "keras_ae.models.hvae",
    "ConditionalVAE": "keras_ae.models.conditional",
    "VQVAE": "keras_ae.models.vqvae",
    "VQVAE2": "keras_ae.models.vqvae2",
    "IDEC": "keras_ae.models.idec",
    "VaDE": "keras_ae.models.vade",
    "TDVAE": "keras_ae.models.tdvae",
    "Detector": "keras_ae.estimators",
    "Imputer": "keras_ae.estimators",
    "TableModel": "keras_ae.tables",
    "BackupAndRestore": "keras_ae.training",
    "TrainingLog": "keras_ae.training",
    "diagnose": "keras_ae.evaluation",
    "export": "keras_ae.exports",
    "evaluate": "keras_ae.evaluation",
}
_MODULES = {
    "corruption": "keras_ae.corruption",
    "datasets": "keras_ae.datasets",
    "distribute": "keras_ae.distribute",
    "distributions": "keras_ae.distributions",
    "estimators": "keras_ae.estimators",
    "evaluation": "keras_ae.evaluation",
    "hierarchical": "keras_ae.distributions.hierarchical",
    "models": "keras_ae.models",
    "networks": "keras_ae.networks",
    "objectives": "keras_ae.objectives",
    "pixelcnn": "keras_ae.samplers.pixelcnn",
    "plots": "keras_ae.plots",
    "presets": "keras_ae.presets",
    "quantization": "keras_ae.models.quantization",
    "representation": "keras_ae.evaluation.representation",
    "samplers": "keras_ae.samplers",
    "schedules": "keras_ae.schedules",
    "scores": "keras_ae.evaluation.scores",
    "sparsity": "keras_ae.sparsity",
    "tables": "keras_ae.tables",
    "training": "keras_ae.training",
}

__all__ = [*_NAMES, *_MODULES, "info", "list_models", "load", "upload_preset", "verify"]


def __getattr__(name):
    with imports.fast():
        if name in _NAMES:
            return getattr(importlib.import_module(_NAMES[name]), name)
        if name in _MODULES:
            return importlib.import_module(_MODULES[name])
    raise AttributeError(f"module 'keras_ae' has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *__all__])


def _import_models(module=None):
    """Imports all models, because `keras.models.load_model` finds only imported classes.

    It waits while keras_ae itself is being imported.
    """
    if "keras" not in sys.modules:
        return
    modules = sys.modules.items()
    others = [other for name, other in modules if name.startswith("keras_ae.")]
    if not any(other is not module and _is_being_imported(other) for other in others):
        importlib.import_module("keras_ae.models")


def _is_being_imported(module):
    return module.__spec__ and module.__spec__._initializing


# Keras may be imported before keras_ae, after it, or by a part of it.
_PARTS = ("distributions", "networks", "training", "utils.inputs")
for _name in ("keras", *(f"keras_ae.{_part}" for _part in _PARTS)):
    wrapt.register_post_import_hook(_import_models, _name)
