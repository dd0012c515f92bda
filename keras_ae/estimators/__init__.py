"""The jobs that people bring, with a scikit-learn face: fit, predict, transform.

    detector = keras_ae.Detector(contamination=0.05).fit(table)
    detector.predict(table)        # -1: odd, +1: normal
    detector.contributions(table)  # which column did it

What belongs here: estimators that choose, train and use a model for one job. They need
scikit-learn: `pip install "keras-ae[datasets]"`.
"""

from keras_ae.estimators.anomaly_scores import (
    AnomalyScore,
    CodeDistance,
    DenoisingError,
    ImportanceWeightedBound,
    NegativeELBO,
    NeighbourDistance,
    ReconstructionError,
    ResidualDistance,
)
from keras_ae.estimators.detector import Detector

__all__ = [
    "AnomalyScore",
    "CodeDistance",
    "DenoisingError",
    "Detector",
    "ImportanceWeightedBound",
    "NegativeELBO",
    "NeighbourDistance",
    "ReconstructionError",
    "ResidualDistance",
]
