"""Finds odd examples: rows of a table, images, sequences."""

import numbers

import numpy as np
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from keras_ae.estimators import anomaly_scores, ensembles, examples, saving
from keras_ae.models.autoencoder import Autoencoder
from keras_ae.models.vae import VAE


class Detector(OutlierMixin, examples.ExamplesMixin, saving.PresetMixin, BaseEstimator):
    """Finds odd examples, and says what is odd about them. A scikit-learn estimator.

        detector = keras_ae.Detector(contamination=0.05).fit(table)
        detector.predict(table)  # -1: odd, +1: normal
        detector.score_samples(table)  # higher: more normal
        detector.contributions(table)  # which column did it

    At most one of `contamination`, `quantile` and `false_alarms` sets the threshold. Without any of
    them, a tenth of the training examples counts as odd.

    Args:
        model: what learns the training examples.
            None: the default for tables, four denoising autoencoders on standardised columns.
            A trained model of keras_ae: it is used as it is, on the data as they are.
            A function of the shape of one example that returns a fresh model, such as
            `lambda shape: keras_ae.VAE(shape, 8)`: `fit` trains the model.
        score: a name of `keras_ae.estimators.anomaly_scores.SCORES`, an `AnomalyScore`, or "auto":
            "residual_distance" for the default model, "negative_elbo" for a VAE,
            "reconstruction_error" for other models.
        clean: True if you know that all training examples are normal. The default score then looks
            at nearer neighbours.
        contamination: float in (0, 0.5], the share of odd examples among the training examples.
        quantile: float in (0, 1]: odd is what scores above this quantile of the training scores.
        false_alarms: float in (0, 1000], how many of a thousand normal examples may be called odd.
            A fifth of the training examples, which must be normal, is then held out to find the
            threshold. With n of them held out, 1000 / (n + 1) is the smallest promise.
        random_state: int, RandomState or None, as everywhere in scikit-learn.

    Attributes:
        models_: list of models.
        score_: the fitted `AnomalyScore`.
        threshold_: float. An example is odd if -score_samples(x), its anomaly score, is larger.
        offset_: float, -threshold_, as in scikit-learn.
        n_features_in_: int, for tables.

    Raises:
        ValueError: an argument does not fit; x has another shape than in `fit`, or holds text, NaN
            or infinity.
    """

    kind = "detector"
    saved_arguments = ("clean", "contamination", "quantile", "false_alarms")

    def __init__(
        self,
        model=None,
        score="auto",
        clean=False,
        contamination=None,
        quantile=None,
        false_alarms=None,
        random_state=None,
    ):
        self.model = model
        self.score = score
        self.clean = clean
        self.contamination = contamination
        self.quantile = quantile
        self.false_alarms = false_alarms
        self.random_state = random_state

    def fit(self, X, y=None):
        """Learns what is normal. X: array (n, *shape) or DataFrame; y is ignored. Returns self."""
        self._check_arguments()
        x = self._checked(X, fitting=True)
        random = check_random_state(self.random_state)
        seed = int(random.randint(2**31 - 1))
        held_out = x
        if self.false_alarms is not None:
            _allowed(self.false_alarms, len(x) // 5)  # an error before the training, not after it
            rows = random.permutation(len(x))
            x, held_out = x[rows[len(x) // 5 :]], x[rows[: len(x) // 5]]
        self.scaler_ = ensembles.Standardizer.of(x) if self.model is None else None
        x, held_out = self._scaled(x), self._scaled(held_out)
        self.models_ = self._models(x, seed)
        self.score_ = self._score().fit(self.models_, x)
        self.threshold_ = self._threshold(self.score_.of(held_out))
        self.offset_ = -self.threshold_
        return self

    def score_samples(self, X):
        """Minus the anomaly score: array (n, *shape) -> float64 (n,). Higher is more normal."""
        check_is_fitted(self)
        return -np.asarray(self.score_.of(self._scaled(self._checked(X))), "float64")

    def decision_function(self, X):
        """score_samples(X) - offset_: below 0 for odd examples."""
        return self.score_samples(X) - self.offset_

    def predict(self, X):
        """-1 for odd examples, +1 for normal ones: array (n, *shape) -> int (n,)."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def contributions(self, X):
        """What each value has to do with the score: (n, *shape) -> the same shape, at least 0."""
        check_is_fitted(self)
        return np.asarray(self.score_.contributions(self._scaled(self._checked(X))), "float64")

    def _saved(self):
        known = {cls: name for name, cls in anomaly_scores.SCORES.items()}
        if type(self.score_) not in known:
            raise ValueError(
                "Expected one of our own scores, since a preset holds no code. Received: "
                f"{type(self.score_).__name__}"
            )
        config, arrays = self._examples_saved()
        config |= {
            "score": {"name": known[type(self.score_)], "config": self.score_.get_config()},
            "threshold": self.threshold_,
        }
        return config, {**arrays, **self.score_.references}

    def _restore(self, config, arrays):
        score = config["score"]
        self.score_ = anomaly_scores.SCORES[score["name"]](**score["config"])
        self.threshold_ = float(config["threshold"])
        self.offset_ = -self.threshold_
        self._restore_examples(config, arrays)
        scaler = ("loc", "scale")
        self.score_.references = {name: arrays[name] for name in arrays if name not in scaler}

    def _use(self, models):
        self.models_ = self.score_.models = models
        if self.scaler_ is None:  # not the default models: the model takes the data as they are
            self.model = models[0]

    def _check_arguments(self):
        given = {
            name: value
            for name in ("contamination", "quantile", "false_alarms")
            if (value := getattr(self, name)) is not None
        }
        if len(given) > 1:
            raise ValueError(
                "Expected one of contamination, quantile and false_alarms at most. "
                f"Received: {', '.join(f'{name}={value!r}' for name, value in given.items())}"
            )
        if not (isinstance(self.score, str) and self.score == "auto"):
            anomaly_scores.get(self.score)
        limits = {"contamination": 0.5, "quantile": 1.0, "false_alarms": 1000.0}
        for name, value in given.items():
            if not (isinstance(value, numbers.Real) and 0 < value <= limits[name]):
                raise ValueError(
                    f"Expected `{name}` in the range (0.0, {limits[name]}]. Received: {value!r}"
                )

    def _models(self, x, seed):
        if self.model is None:
            return ensembles.denoisers(x, seed)
        if isinstance(self.model, Autoencoder):
            return [self.model]
        if not callable(self.model):
            raise ValueError(
                "Expected `model` to be None, a trained model of keras_ae, or a function of the "
                f"shape of one example. Received: {self.model!r}"
            )
        return [ensembles.trained(self.model(x.shape[1:]), x, seed)]

    def _score(self):
        if isinstance(self.score, str) and self.score == "auto":
            if self.model is None:
                return anomaly_scores.of_tables(self.clean)
            is_vae = isinstance(self.models_[0], VAE)
            return anomaly_scores.get("negative_elbo" if is_vae else "reconstruction_error")
        return anomaly_scores.get(self.score)

    def _threshold(self, scores):
        """The largest anomaly score of a normal example."""
        if self.false_alarms is not None:
            above = _allowed(self.false_alarms, len(scores))
            return float(np.sort(scores)[max(len(scores) - above, 0)])
        quantile = 1 - (0.1 if self.contamination is None else self.contamination)
        quantile = quantile if self.quantile is None else self.quantile
        return float(np.quantile(scores, quantile))


def _allowed(false_alarms, held_out):
    """How many of the held-out scores and a new one, all of normal examples, may be above.

    A new score is equally likely to have any rank among them, so the promise holds on average.

    Source: Vovk et al., "Algorithmic learning in a random world", 2005, section 4.2 (inductive
    conformal predictors).
    """
    allowed = int((held_out + 1) * false_alarms / 1000 + 1e-9)
    if not (allowed and held_out):
        least = 1000 / (held_out + 1)
        raise ValueError(
            f"Expected `false_alarms` of at least {least:.3g}, or more training examples: a fifth "
            f"of them is held out, and {held_out} cannot promise less. Received: {false_alarms!r}"
        )
    return allowed
