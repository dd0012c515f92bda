"""The models, one file per class.

Importing this package imports all of them, so that Keras finds every class when it loads a file.

What belongs here: model classes, and the code that several of them share.
A new model is one file here and one line in `keras_ae/__init__.py`.
"""

import importlib
import pkgutil

from keras_ae.models.autoencoder import Autoencoder

__all__ = ["Autoencoder"]

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
