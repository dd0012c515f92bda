"""The models, one file a class. Importing this package imports them all, so that Keras finds every class when it loads a file.

What belongs here: classes of models, and what several of them share. A new model is a file here and a line in `keras_ae/__init__.py`.
"""

import importlib
import pkgutil

from keras_ae.models.autoencoder import Autoencoder

__all__ = ["Autoencoder"]

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
