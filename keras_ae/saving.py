"""How models write and read their files: whole or not at all, and on several machines one worker alone."""

import pathlib

import keras

from keras_ae import distribute, files


class Saved(keras.Model):
    """A keras.Model whose files are replaced at the end of writing, so that a full disk or a kill leaves the old ones."""

    def save(self, filepath, overwrite=True, **kwargs):
        """As keras.Model.save."""
        self._written(super().save, filepath, overwrite, kwargs)

    def save_weights(self, filepath, overwrite=True, **kwargs):
        """As keras.Model.save_weights."""
        self._written(super().save_weights, filepath, overwrite, kwargs)

    def load_weights(self, filepath, **kwargs):
        """As keras.Model.load_weights."""
        distribute.alone(super().load_weights, filepath, **kwargs)

    def _written(self, save, filepath, overwrite, options):
        path = pathlib.Path(filepath)
        plain = not options and path.suffix in (".keras", ".h5") and "://" not in str(filepath)
        if not plain or (
            path.exists() and not overwrite
        ):  # folders, shards and remote files; and where Keras asks before it writes
            distribute.alone(save, filepath, overwrite=overwrite, **options)
            return
        with files.replacing(path, "the file") as part:
            distribute.alone(save, part)
