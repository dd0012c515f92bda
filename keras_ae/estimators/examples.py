"""What an estimator with the argument `model` takes: rows of a table, images or sequences."""

import numpy as np
from sklearn.utils.validation import validate_data

from keras_ae.estimators import ensembles
from keras_ae.models.autoencoder import Autoencoder


class ExamplesMixin:
    """Checks and scales examples, for an estimator whose `model` is a model, a function or None.

    `fit` sets `scaler_`, a Standardizer for the default model, and None for others, which take the
    data as they are.
    """

    def _checked(self, X, fitting=False):
        """X as a float array (n, *shape)."""
        check_columns(X)
        model = self.model if isinstance(self.model, Autoencoder) else None
        if model is None or len(model.shape) == 1:
            options = {"dtype": "numeric", "reset": fitting, "allow_nd": callable(self.model)}
            x = validate_data(self, X, ensure_min_samples=2 if fitting else 1, **options)
        else:
            x = np.asarray(X)
        if fitting:
            self._example_shape = tuple(x.shape[1:] if model is None else model.shape)
        elif x.shape[1:] != self._example_shape and model is None:
            raise ValueError(
                f"Expected examples of the shape {self._example_shape}, as in fit. "
                f"Received: {x.shape[1:]}"
            )
        return x if model is None else np.asarray(model.checked(x))

    def _scaled(self, x):
        return x if self.scaler_ is None else self.scaler_(np.asarray(x, "float64"))

    def _examples_saved(self):
        """What `_restore_examples` reads: a dict of JSON values, and a dict of arrays."""
        scaler = {} if self.scaler_ is None else vars(self.scaler_)
        return {"shape": list(self._example_shape)}, scaler

    def _restore_examples(self, config, arrays):
        self._example_shape = tuple(config["shape"])
        if len(self._example_shape) == 1:
            self.n_features_in_ = self._example_shape[0]
        loc, scale = arrays.get("loc"), arrays.get("scale")
        self.scaler_ = None if loc is None else ensembles.Standardizer(loc, scale)


def check_columns(X):
    """Raises ValueError if a column of a DataFrame is not numeric, and says which."""
    for name, dtype in getattr(X, "dtypes", {}).items() if hasattr(X, "columns") else ():
        if getattr(dtype, "kind", "O") not in "biuf":
            raise ValueError(
                "Expected a table of numbers; leave a column out, or encode it. "
                f"Received: the column {name!r} with the dtype {dtype}"
            )
