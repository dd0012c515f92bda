"""What is wrong with a model?

What belongs here: `diagnose`, and its checks. Each check looks at one thing and finds it or not.
Its limits stand beside it, each with the reason. With these limits nothing is found on the models
of the zoo with their own data.
"""

from keras_ae.evaluation.diagnosis.findings import Diagnosis, Finding
from keras_ae.evaluation.diagnosis.report import diagnose

__all__ = ["Diagnosis", "Finding", "diagnose"]
