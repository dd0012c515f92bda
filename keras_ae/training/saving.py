"""How models write and read their files: completely or not at all, and by one worker alone."""

import pathlib

import keras

from keras_ae.training import keras_internals, replicas
from keras_ae.utils import files


class Saved(keras.Model):
    """A keras.Model that replaces a file only after the new one is complete.

    So a full disk or a kill leaves the old file as it was.
    """

    def save(self, filepath, overwrite=True, **kwargs):
        """As keras.Model.save."""
        self._written(super().save, filepath, overwrite, kwargs)

    def save_weights(self, filepath, overwrite=True, **kwargs):
        """As keras.Model.save_weights."""
        self._written(super().save_weights, filepath, overwrite, kwargs)

    def load_weights(self, filepath, **kwargs):
        """As keras.Model.load_weights."""
        replicas.alone(super().load_weights, filepath, **kwargs)

    def save_own_variables(self, store):
        super().save_own_variables(store)
        optimizer = getattr(self, "optimizer", None)  # Keras sets it in compile
        if optimizer is None or not optimizer.built:
            return
        # The seeds are part of the state of a training: a resumed training continues its draws.
        for i, generator in enumerate(keras_internals.seed_generators(self)):
            # convert_to_numpy works for a mirrored variable, too.
            store[f"seed_{i}"] = keras.ops.convert_to_numpy(generator.state)

    def load_own_variables(self, store):
        names = [name for name in store.keys() if not name.startswith("seed_")]  # noqa: SIM118
        super().load_own_variables({name: store[name] for name in names})
        for i, generator in enumerate(keras_internals.seed_generators(self)):
            if f"seed_{i}" in store:
                generator.state.assign(store[f"seed_{i}"])

    def _written(self, save, filepath, overwrite, options):
        path = pathlib.Path(filepath)
        plain = not options and path.suffix in (".keras", ".h5") and "://" not in str(filepath)
        asks = path.exists() and not overwrite
        # Keras asks the user before it overwrites. It writes folders, shards and remote files
        # itself.
        if asks or not plain:
            replicas.alone(save, filepath, overwrite=overwrite, **options)
            return
        with files.replacing(path, "the file") as part:
            replicas.alone(save, part)
