"""Turns examples into codes, as a step of a scikit-learn pipeline."""

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_array, check_is_fitted

from keras_ae.estimators import anomaly_scores, ensembles, examples, saving
from keras_ae.models.ae import AE
from keras_ae.models.autoencoder import Autoencoder
from keras_ae.utils import seeds, validation

WIDTHS = (128, 64)  # the hidden layers of the default model


class AutoencoderTransformer(
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    examples.ExamplesMixin,
    saving.PresetMixin,
    BaseEstimator,
):
    """Turns examples into short codes, and codes back into examples. A scikit-learn transformer.

        transformer = keras_ae.estimators.AutoencoderTransformer(latent_dim=4).fit(table)
        codes = transformer.transform(table)  # (n, 4)
        rows = transformer.inverse_transform(codes)  # (n, columns)

    It is a step of a Pipeline, and GridSearchCV can choose its `latent_dim`.

    Args:
        model: what learns the examples.
            None: the default for tables, an AE of standardised columns with two hidden layers.
            A trained model of keras_ae: it is used as it is, on the data as they are.
            A function of (shape, latent_dim) that returns a fresh model, or a class such as
            `keras_ae.VAE`: `fit` trains the model, on the data as they are.
        latent_dim: int, the size of a code. A trained model has its own.
        epochs: int, the most passes over the training examples. Training ends before if a tenth of
            the examples, which is held out, is explained no better for ten epochs.
        random_state: int, RandomState or None, as everywhere in scikit-learn.

    Attributes:
        model_: the trained model.
        n_features_in_: int, for tables.

    Raises:
        ValueError: an argument does not fit; x has another shape than in `fit`, or holds text, NaN
            or infinity.
    """

    kind = "transformer"
    saved_arguments = ("latent_dim", "epochs")

    def __init__(self, model=None, latent_dim=8, epochs=200, random_state=None):
        self.model = model
        self.latent_dim = latent_dim
        self.epochs = epochs
        self.random_state = random_state

    def fit(self, X, y=None):
        """Trains the model. X: array (n, *shape) or DataFrame; y is ignored. Returns self."""
        validation.positive_int(self.latent_dim, "latent_dim")
        validation.positive_int(self.epochs, "epochs")
        x = self._checked(X, fitting=True)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        self.scaler_ = ensembles.Standardizer.of(x) if self.model is None else None
        self.model_ = self._trained(self._scaled(x), seed)
        return self

    def transform(self, X):
        """The codes of examples: array (n, *shape) -> float64 (n, latent_dim)."""
        check_is_fitted(self)
        return np.asarray(self.model_.encode(self._scaled(self._checked(X))), "float64")

    def inverse_transform(self, X):
        """The examples that codes stand for: array (n, latent_dim) -> float64 (n, *shape)."""
        check_is_fitted(self)
        x = np.asarray(self.model_.decode(check_array(X, dtype="float32")), "float64")
        return x if self.scaler_ is None else x * self.scaler_.scale + self.scaler_.loc

    def score_samples(self, X):
        """How well each example is explained: array (n, *shape) -> float64 (n,). Higher is better.

        It is the ELBO of a VAE, in nats, and minus the mean squared error of other models. The
        default model measures the error on standardised columns.
        """
        check_is_fitted(self)
        is_density = hasattr(self.model_, "elbo")
        score = anomaly_scores.get("negative_elbo" if is_density else "reconstruction_error")
        x = self._scaled(self._checked(X))
        return -np.asarray(score.fit([self.model_], x).of(x), "float64")

    def score(self, X, y=None):
        """The mean of `score_samples`: a float. y is ignored."""
        return float(np.mean(self.score_samples(X)))

    @property
    def models_(self):
        """The trained model, as a list of one."""
        return [self.model_]

    @property
    def _n_features_out(self):
        return self.model_.latent_dim

    def _saved(self):
        return self._examples_saved()

    def _restore(self, config, arrays):
        self._restore_examples(config, arrays)

    def _use(self, models):
        self.model_ = models[0]
        if self.scaler_ is None:  # not the default model: the model takes the data as they are
            self.model = self.model_

    def _trained(self, x, seed):
        if isinstance(self.model, Autoencoder):
            return self.model
        if self.model is not None and not callable(self.model):
            raise ValueError(
                "Expected `model` to be None, a trained model of keras_ae, or a function of the "
                f"shape of one example and the size of a code. Received: {self.model!r}"
            )
        build = default_model if self.model is None else self.model
        with seeds.global_seed(seed):
            model = build(x.shape[1:], self.latent_dim)
        return ensembles.trained(model, x, seed, self.epochs)


def default_model(shape, latent_dim):
    """A fresh AE of standardised rows: (features,) and int -> AE."""
    return AE(shape, latent_dim, widths=WIDTHS, activation="silu", likelihood="gaussian")
