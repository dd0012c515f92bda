"""How Keras trains our models: the loop, the feed, replicas, callbacks, saving.

What belongs here: what Keras' training loop needs. Nothing here knows of a distribution or of a model's mathematics.
"""

from keras_ae.training.callbacks import BackupAndRestore, TrainingLog, hardware

__all__ = ["BackupAndRestore", "TrainingLog", "hardware"]
