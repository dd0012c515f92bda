"""Fills the missing values of a table."""

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from keras_ae.estimators import ensembles, examples, saving
from keras_ae.estimators.mixtures import IncompleteMixture
from keras_ae.models.vae import VAE
from keras_ae.utils import validation

MEMBERS = 5
# The mixtures that are tried: (components, ridge, prior), as in `IncompleteMixture.fit`.
SETTINGS = ((1, 5.0, 20.0), (4, 1.0, 40.0), (10, 0.1, 20.0), (20, 0.1, 20.0), (40, 0.1, 20.0))
ROWS_PER_COMPONENT = 20  # at least
MOST_ROWS = 5000  # that a mixture is fitted to


class Imputer(OneToOneFeatureMixin, TransformerMixin, saving.PresetMixin, BaseEstimator):
    """Fills the missing values of a table, NaN, by what the other columns tell.

        imputer = keras_ae.Imputer().fit(table)
        imputer.transform(table)  # the mean of what may stand there
        imputer.draws(table, 5)  # five tables, which show how certain the values are

    What is there stays as it is. Columns may have any units: they are standardised inside. The
    values are right if the chance that one is missing depends only on what is there in its row.

    Args:
        model: what learns the rows.
            None: the default, mixtures of Gaussians that are fitted to incomplete rows. How many
            Gaussians is chosen by values that are hidden for a while.
            A function of the shape of one row that returns a fresh VAE, such as
            `lambda shape: keras_ae.VAE(shape, 8, objective="iwae", missing=True)`: `fit` trains
            it on standardised rows (MIWAE). Or such a VAE, which `fit` trains further.
        n_samples: int, the draws of a code per row, for a VAE.
        random_state: int, RandomState or None, as everywhere in scikit-learn.

    Attributes:
        mixtures_: list of `IncompleteMixture`; empty if a VAE learns the rows.
        models_: list with that VAE; empty by default.
        components_: int, the number of Gaussians of the default; None for a VAE.
        n_features_in_: int.

    Raises:
        ValueError: an argument does not fit; X holds text or infinity, has no value at all in a
            column, or has other columns than in `fit`.

    Source: Ghahramani & Jordan, "Supervised learning from incomplete data via an EM approach",
    NeurIPS 1993; Mattei & Frellsen, "MIWAE", ICML 2019.
    """

    kind = "imputer"
    saved_arguments = ("n_samples",)

    def __init__(self, model=None, n_samples=1000, random_state=None):
        self.model = model
        self.n_samples = n_samples
        self.random_state = random_state

    def fit(self, X, y=None):
        """Learns the rows. X: array (n, features) or DataFrame; y is ignored. Returns self."""
        validation.positive_int(self.n_samples, "n_samples")
        x = self._checked(X, fitting=True)
        self._seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        self.scaler_ = ensembles.Standardizer.of(x)
        x = self.scaler_(x).astype("float64")
        if self.model is None:
            self.components_, self.mixtures_ = _mixtures(x, self._seed)
            self.models_ = []
        else:
            self.components_, self.mixtures_ = None, []
            self.models_ = [self._trained(x)]
        return self

    def transform(self, X):
        """X without holes: (n, features) -> float array (n, features).

        A missing value becomes the mean of its distribution, given what is there in its row.
        """
        check_is_fitted(self)
        x = self._checked(X)
        scaled = self.scaler_(x).astype("float64")
        if self.components_ is None:
            options = {"n_samples": self.n_samples, "seed": self._seed}
            filled = np.asarray(self.models_[0].impute(scaled, **options), "float64")
        else:
            filled = np.mean([member.mean(scaled) for member in self.mixtures_], axis=0)
        return self._joined(x, filled)

    def draws(self, X, k=5):
        """Draws what is missing k times, given what is there: multiple imputation.

        Args:
            X: array (n, features).
            k: int, how many draws.

        Returns:
            float array (k, n, features).

        Raises:
            ValueError: k < 1; X as in `transform`.
        """
        check_is_fitted(self)
        validation.positive_int(k, "k")
        x = self._checked(X)
        scaled = self.scaler_(x).astype("float64")
        if self.components_ is None:
            options = {"n_samples": self.n_samples, "seed": self._seed}
            drawn = np.asarray(self.models_[0].impute(scaled, k, **options), "float64")
        else:
            parts = np.array_split(np.arange(k), len(self.mixtures_))
            pairs = zip(self.mixtures_, parts, strict=True)
            drawn = np.concatenate(
                [
                    member.draws(scaled, len(part), self._seed + i)
                    for i, (member, part) in enumerate(pairs)
                ]
            )
        return self._joined(x, drawn)

    def _saved(self):
        arrays = dict(vars(self.scaler_))
        for i, mixture in enumerate(self.mixtures_):
            arrays |= {f"{name}_{i}": array for name, array in vars(mixture).items()}
        told = {"components": self.components_, "columns": self.n_features_in_, "seed": self._seed}
        return told, arrays

    def _restore(self, config, arrays):
        validation.positive_int(self.n_samples, "n_samples")
        self._seed, self.components_ = int(config["seed"]), config["components"]
        self.n_features_in_ = d = validation.positive_int(config["columns"], "columns")
        loc, scale = _array(arrays, "loc", (d,)), _array(arrays, "scale", (d,))
        self.scaler_, self.mixtures_ = ensembles.Standardizer(loc, scale), []
        if self.components_ is not None:
            k = validation.positive_int(self.components_, "components")
            shapes = {"weights": (k,), "loc": (k, d), "covariance": (k, d, d)}
            for i in range(sum(name.startswith("weights_") for name in arrays)):
                parts = {name: _array(arrays, f"{name}_{i}", s) for name, s in shapes.items()}
                self.mixtures_.append(IncompleteMixture(**parts))

    def _use(self, models):
        self.models_ = models
        if models:
            self.model = models[0]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _checked(self, X, fitting=False):
        """X as a float array (n, features), NaN where a value is missing."""
        examples.check_columns(X)
        options = {"dtype": "numeric", "ensure_all_finite": "allow-nan", "reset": fitting}
        x = validate_data(self, X, ensure_min_samples=2 if fitting else 1, **options)
        empty = np.flatnonzero(np.isnan(np.asarray(x, "float64")).all(axis=0))
        if fitting and len(empty):
            names = getattr(self, "feature_names_in_", np.arange(x.shape[1]))
            received = ", ".join(str(name) for name in names[empty])
            raise ValueError(
                f"Expected at least one value in each column. Received: none in {received}"
            )
        return x

    def _joined(self, x, filled):
        """x, with values in its own units where it is missing: filled (..., n, features)."""
        filled = filled * self.scaler_.scale + self.scaler_.loc
        missing = np.isnan(np.asarray(x, "float64"))
        kind = x.dtype if x.dtype.kind == "f" else "float64"
        return np.where(missing, filled, x).astype(kind)

    def _trained(self, x):
        """A VAE that `fit` trained on standardised rows."""
        model = self.model if isinstance(self.model, VAE) else None
        if model is None and callable(self.model):
            model = self.model((x.shape[1],))
        if not (isinstance(model, VAE) and model.missing):
            raise ValueError(
                "Expected `model` to be None, or a function of the shape of one row that returns "
                f"a VAE made with missing=True. Received: {self.model!r}"
            )
        return ensembles.trained(model, x.astype("float32"), self._seed)


def _mixtures(x, seed):
    """The number of Gaussians that suits the rows, and mixtures of so many from several starts."""
    setting = _chosen(_some(x, seed), seed)
    starts = MEMBERS if setting[0] > 1 or len(x) > MOST_ROWS else 1
    members = [_fitted(_some(x, seed + i), setting, seed + i) for i in range(starts)]
    return setting[0], members


def _chosen(x, seed):
    """The setting that explains best the values that are hidden for a while: a fifth of them."""
    hidden = ~np.isnan(x) & (np.random.default_rng(seed).random(x.shape) < 0.2)
    if not hidden.any():  # a tiny table
        return SETTINGS[0]
    seen = np.where(hidden, np.nan, x)
    errors = {}
    for setting in SETTINGS:
        if setting[0] == 1 or setting[0] * ROWS_PER_COMPONENT <= len(x):
            starts = 1 if setting[0] == 1 else 2
            filled = [_fitted(seen, setting, seed + i).mean(seen) for i in range(starts)]
            errors[setting] = np.mean(np.square(np.mean(filled, axis=0) - x)[hidden])
    return min(errors, key=errors.get)


def _fitted(x, setting, seed):
    components, ridge, prior = setting
    return IncompleteMixture.fit(x, components, seed, ridge=ridge, prior=prior)


def _some(x, seed):
    """At most `MOST_ROWS` rows, drawn at random."""
    return x[np.random.default_rng(seed).permutation(len(x))[:MOST_ROWS]]


def _array(arrays, name, shape):
    """A float array of a saved imputer. ValueError if it has another shape."""
    array = np.asarray(arrays[name], "float64")
    if array.shape != shape:
        raise ValueError(f"Expected {name} of shape {shape}. Received: {array.shape}")
    return array
