"""How Keras trains our models: the loop, the feed, replicas, callbacks, saving.

What belongs here: whatever Keras' training loop needs.
Nothing here knows distributions or the mathematics of a model.
"""

from keras_ae.training.callbacks import BackupAndRestore, TrainingLog, hardware

__all__ = ["BackupAndRestore", "TrainingLog", "hardware"]
