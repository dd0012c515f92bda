"""The jobs that people bring, with a scikit-learn face: fit, predict, transform.

`Detector` finds odd examples and says which column made them odd. `Imputer` fills what is missing.
`AutoencoderTransformer` turns examples into codes and back.

What belongs here: estimators that choose, train and use a model for one job. They need
scikit-learn: `pip install "keras-ae[datasets]"`.
"""

from keras_ae.utils import fits

fits.sklearn("base")  # a clear error if scikit-learn is missing

from keras_ae.estimators.anomaly_scores import (  # noqa: E402
    AnomalyScore,
    CodeDistance,
    DenoisingError,
    ImportanceWeightedBound,
    NegativeELBO,
    NeighbourDistance,
    ReconstructionError,
    ResidualDistance,
)
from keras_ae.estimators.detector import Detector  # noqa: E402
from keras_ae.estimators.imputer import Imputer  # noqa: E402
from keras_ae.estimators.mixtures import IncompleteMixture  # noqa: E402
from keras_ae.estimators.transformer import AutoencoderTransformer  # noqa: E402

__all__ = [
    "AnomalyScore",
    "AutoencoderTransformer",
    "CodeDistance",
    "DenoisingError",
    "Detector",
    "ImportanceWeightedBound",
    "Imputer",
    "IncompleteMixture",
    "NegativeELBO",
    "NeighbourDistance",
    "ReconstructionError",
    "ResidualDistance",
]
