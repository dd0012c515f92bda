"""Callbacks of `fit`: a log of the training, a backup of it, and the passes over the data."""

import json
import os
import pathlib
import platform
import shutil
import time

import keras
import numpy as np

from keras_ae import distribute
from keras_ae.training import feed, keras_internals
from keras_ae.utils import files


class TrainingLog(keras.callbacks.Callback):
    """Writes one line per finished epoch to a file; a resumed training continues the file.

    Used with `BackupAndRestore`, list this callback first. The log then has at least the epochs
    of the backup. If an epoch is repeated after a kill, its new line replaces the old one.
    On several machines only the chief writes the log.

    Args:
        path: the file. Each line is JSON: {"epoch", "seconds", "hardware", and the logs of
            that epoch}.

    Raises:
        OSError: during training, if the disk is full or the folder cannot be written.

    Example:

        vae = keras_ae.VAE((8, 8, 1), latent_dim=2)
        log = keras_ae.TrainingLog("training.jsonl")
        vae.fit(np.zeros((4, 8, 8, 1)), epochs=2, callbacks=[log], verbose=0)
        log.summary()["epochs"]  # 2
    """

    def __init__(self, path):
        super().__init__()
        self.path = pathlib.Path(path)

    def on_train_begin(self, logs=None):
        # The lines of the epochs before this run. Only on_epoch_begin knows its first epoch.
        self._kept = None

    def on_epoch_begin(self, epoch, logs=None):
        if self._kept is None and distribute.is_chief(self.model.distribute_strategy):
            self._kept = [line for line in self.read() if line["epoch"] <= epoch]
            with files.replacing(self.path, "the training log") as part:
                part.write_text("".join(json.dumps(line) + "\n" for line in self._kept))
        self._start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        strategy = self.model.distribute_strategy
        if not distribute.is_chief(strategy):
            return
        seconds = round(time.perf_counter() - self._start, 2)
        logs = {name: round(float(value), 4) for name, value in (logs or {}).items()}
        line = {"epoch": epoch + 1, "seconds": seconds, "hardware": hardware(strategy), **logs}
        with files.writing(f"the training log {self.path}"), self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def read(self):
        """The lines so far: a list of dicts, oldest first."""
        if not self.path.exists():
            return []
        # A kill can leave half a line: it does not end in "}".
        lines = [line for line in self.path.read_text().splitlines() if line.endswith("}")]
        return [json.loads(line) for line in lines]

    def summary(self):
        """The training in short, for the metadata of a preset.

        Returns:
            dict: {"epochs", "wall_time_seconds", "hardware", "curve": {name: [value, ...]}}.
        """
        lines = self.read()
        first = lines[0] if lines else {}
        names = [name for name in first if name not in ("epoch", "seconds", "hardware")]
        return {
            "epochs": len(lines),
            "wall_time_seconds": round(sum(line["seconds"] for line in lines)),
            "hardware": ", then ".join(dict.fromkeys(line["hardware"] for line in lines)),
            "curve": {name: [line.get(name) for line in lines] for name in names},
        }


class BackupAndRestore(keras.callbacks.BackupAndRestore):
    """keras.callbacks.BackupAndRestore, with a backup that is complete at every moment.

    A training may be killed at any time. Run again, it loses at most the epoch it was in, and
    it ends with the same weights as without the kill.

    Keras' own callback writes the weights and the epoch number to two files. A kill between the
    two makes them disagree. Here the backup is one file, replaced at once, with the epoch number
    in its name. And weights that are NaN never replace a backup: the training ends with an error.

    Args:
        backup_dir: the folder of the backup.
        delete_checkpoint: whether to delete the backup when `fit` ends. Pass False to keep it
            for work that follows `fit`; call `delete()` after that work.

    Raises:
        ValueError: during training, if a weight is NaN or infinite at the end of an epoch. The
            backup is that of the epoch before.

    Example:

        vae = keras_ae.VAE((8, 8, 1), latent_dim=2)
        backup = keras_ae.BackupAndRestore("backup")
        vae.fit(np.zeros((4, 8, 8, 1)), epochs=2, callbacks=[backup], verbose=0)
    """

    def __init__(self, backup_dir, delete_checkpoint=True):
        super().__init__(str(backup_dir), delete_checkpoint=delete_checkpoint)

    def on_train_begin(self, logs=None):
        backups = self._backups()
        if backups:
            if not self.model.optimizer.built:
                self.model.optimizer.build(self.model.trainable_variables)
            self.model.load_weights(backups[-1])
            keras_internals.set_first_epoch(self.model, int(backups[-1].name.split(".")[0]))

    def on_epoch_end(self, epoch, logs=None):
        self._check(epoch)
        self.model.save_weights(pathlib.Path(self.backup_dir, f"{epoch + 1:08d}.weights.h5"))
        for path in self._backups()[:-1]:
            path.unlink()

    def on_train_end(self, logs=None):
        if self.delete_checkpoint:
            self.delete()

    def delete(self):
        """Deletes the backup, if there is one.

        On several machines, call it on the chief. If each machine has its own folder, call it
        on all of them.
        """
        shutil.rmtree(self.backup_dir, ignore_errors=True)

    def _check(self, epoch):
        weights = self.model.get_weights()
        count = sum(int(np.sum(~np.isfinite(weight))) for weight in weights)
        if not count:
            return
        advice = "Begin anew with a smaller learning rate, or with clipnorm=1.0 in the optimizer."
        if self._backups():
            advice = (
                f"The backup in {self.backup_dir} is of epoch {epoch}. Run again with clipnorm=1.0 "
                "in the optimizer to go on from there, or begin anew with a smaller learning rate."
            )
        raise ValueError(
            f"Expected finite weights at the end of epoch {epoch + 1}. Received: {count:,} of "
            f"{sum(weight.size for weight in weights):,} are NaN or infinite: the training "
            f"diverged. {advice}"
        )

    def _backups(self):
        return sorted(pathlib.Path(self.backup_dir).glob("[0-9]*.weights.h5"))


class PassPerEpoch(keras.callbacks.Callback):
    """Gives each epoch the pass over our feeds that has the number of the epoch.

    This holds even if `BackupAndRestore` lets `fit` begin at a later epoch. A second `fit`
    begins with the pass after the last one of the first `fit`.

    Args:
        x: the training data of `fit`.
        validation_data: the validation data of `fit`.
        steps_per_epoch: int or None, as in keras.Model.fit.
    """

    def __init__(self, x, validation_data, steps_per_epoch):
        super().__init__()
        self.trained, self.steps_per_epoch = feed.of(x), steps_per_epoch
        self.feeds = [source for source in (self.trained, feed.of(validation_data)) if source]
        self.firsts = [source.next_pass for source in self.feeds]

    def on_epoch_begin(self, epoch, logs=None):
        for source, first in zip(self.feeds, self.firsts, strict=True):
            source.next_pass = first + epoch
        if self.trained:
            self.trained.limit(self.steps_per_epoch)


def as_list(callbacks):
    """The `callbacks` argument of fit or evaluate as a list: one, several or None."""
    if isinstance(callbacks, keras.callbacks.CallbackList):
        callbacks = callbacks.callbacks
    if isinstance(callbacks, (list, tuple)):
        return list(callbacks)
    return [] if callbacks is None else [callbacks]


def are_of_a_fit(callbacks):
    """Whether Keras' fit passed these callbacks to evaluate."""
    return isinstance(callbacks, keras.callbacks.CallbackList)


def hardware(strategy=None):
    """One line: the processor, the number of cores this process may use, the number of replicas.

    Args:
        strategy: tf.distribute.Strategy or None. The line names its replicas if it has several.

    Returns:
        str.
    """
    model = platform.processor() or platform.machine()
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
        model = names[0] if names else model
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    replicas = 1 if strategy is None else strategy.num_replicas_in_sync
    among = f", {replicas} replicas" if replicas > 1 else ""
    return f"{model}, {cores} core{'s' if cores != 1 else ''}{among}"
