"""Fitted estimators as folders: JSON, arrays, and a preset for each model. There is no pickle."""

import json
import pathlib
import zipfile

import numpy as np
from sklearn.utils.validation import check_is_fitted

from keras_ae.utils import files

DAMAGED = (KeyError, TypeError, ValueError, AttributeError, EOFError, zipfile.BadZipFile)


class PresetMixin:
    """`save_to_preset` and `from_preset` for an estimator with the attribute `models_`.

    A subclass sets `kind` and `saved_arguments`, and defines `_saved`, `_restore` and `_use`.
    The folder holds <kind>.json, <kind>.npz, and model_0, model_1, ...

    Attributes:
        kind: str, what the estimator is called in files and messages.
        saved_arguments: names of the constructor arguments that are stored. They hold JSON values.
    """

    kind = "estimator"
    saved_arguments = ()

    def save_to_preset(self, folder):
        """Writes a folder that `from_preset` reads: JSON, arrays, a preset per model.

        Raises:
            FileExistsError: the folder holds something else.
            OSError: the disk is full, or the folder cannot be written; then it is as it was.
        """
        check_is_fitted(self)
        mark = f"{self.kind}.json"
        with files.replacing_folder(folder, mark, f"the {self.kind}") as written:
            self._write(written)

    @classmethod
    def from_preset(cls, folder):
        """The fitted estimator that `save_to_preset` wrote.

        Raises:
            FileNotFoundError: the folder, or a file in it, is not there.
            ValueError: a file is damaged.
        """
        from keras_ae import presets

        folder = pathlib.Path(folder)
        path = folder / f"{cls.kind}.json"
        if not path.is_file():
            raise FileNotFoundError(f"Expected a folder with {path.name}. Received: {folder}")
        try:
            config = json.loads(path.read_text(encoding="utf-8"))
            # numpy leaves a damaged file open that it opened itself.
            with (
                open(folder / f"{cls.kind}.npz", "rb") as file,
                np.load(file, allow_pickle=False) as arrays,
            ):
                arrays = dict(arrays)
            estimator = cls(**config["arguments"])
            estimator._restore(config, arrays)
            if config["features"] is not None:
                estimator.feature_names_in_ = np.array(config["features"], dtype=object)
            count = len(config["models"])
        except DAMAGED as error:
            reason = f"{type(error).__name__}: {error}"
            raise ValueError(
                f"Expected {folder} to hold {_article(cls.kind)}; save it again. Received: {reason}"
            ) from error
        estimator._use([presets.load(folder / f"model_{i}") for i in range(count)])
        return estimator

    def _saved(self):
        """What a subclass stores: a dict of JSON values, and a dict of arrays."""
        raise NotImplementedError

    def _restore(self, config, arrays):
        """Sets the fitted attributes from what `_saved` returned. The models come later."""
        raise NotImplementedError

    def _use(self, models):
        """Takes the loaded models: a list."""
        self.models_ = models

    def _write(self, folder):
        config, arrays = self._saved()
        names = [f"model_{i}" for i in range(len(self.models_))]
        features = getattr(self, "feature_names_in_", None)
        config = {
            "arguments": {name: getattr(self, name) for name in self.saved_arguments},
            **config,
            "features": None if features is None else [str(name) for name in features],
            "models": names,
        }
        for name, model in zip(names, self.models_, strict=True):
            model.save_to_preset(folder / name)
        text = json.dumps(config, indent=1) + "\n"
        (folder / f"{self.kind}.json").write_text(text, encoding="utf-8")
        np.savez_compressed(folder / f"{self.kind}.npz", **arrays)


def _article(kind):
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
