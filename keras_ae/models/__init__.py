"""The models, one file a family; importing this package imports them all, so that Keras can find every class when it loads a file.

They know nothing of presets. The verbs that a user looks for on them are tied on here: `Cls.from_preset(name)`, `Cls.presets` and
`model.save_to_preset(folder)`, as in keras-hub.
"""

import importlib
import pkgutil

from keras_ae import presets
from keras_ae.models.autoencoder import Autoencoder

Autoencoder.from_preset = classmethod(presets.from_preset)
Autoencoder.presets = presets.OfClass()
Autoencoder.save_to_preset = presets.save

for _family in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_family.name}")
