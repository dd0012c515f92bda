"""Callbacks of `fit`: the log of a training, its backup, and the passes over the data."""

import json
import os
import pathlib
import platform
import shutil
import time

import keras

from keras_ae import distribute
from keras_ae.training import feed, keras_internals
from keras_ae.utils import files


class TrainingLog(keras.callbacks.Callback):
    """Keeps one line a finished epoch, in a file that survives a kill; a training that is resumed goes on in it.

    With `BackupAndRestore`, list this one first: its epochs are then never fewer than those in the backup, and an
    epoch that is repeated after a kill takes the place of its first run. On several machines only the chief keeps one.

    Args:
        path: the file, JSON lines of {"epoch", "seconds", "hardware", and the logs of that epoch}.

    Raises:
        OSError: in training, if the disk is full or the folder cannot be written.
    """

    def __init__(self, path):
        super().__init__()
        self.path = pathlib.Path(path)

    def on_train_begin(self, logs=None):
        self._kept = None  # lines of epochs before this run's first; which one that is, only on_epoch_begin tells

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
        return [
            json.loads(line) for line in self.path.read_text().splitlines() if line.endswith("}")
        ]

    def summary(self):
        """What a preset's metadata keeps: {"epochs", "wall_time_seconds", "hardware", "curve": {name: [value, ...]}}."""
        lines = self.read()
        names = [
            name
            for name in (lines[0] if lines else {})
            if name not in ("epoch", "seconds", "hardware")
        ]
        return {
            "epochs": len(lines),
            "wall_time_seconds": round(sum(line["seconds"] for line in lines)),
            "hardware": ", then ".join(dict.fromkeys(line["hardware"] for line in lines)),
            "curve": {name: [line.get(name) for line in lines] for name in names},
        }


class BackupAndRestore(keras.callbacks.BackupAndRestore):
    """keras.callbacks.BackupAndRestore with a backup that is whole at any moment: one file, replaced at once, that knows its epoch.

    A training that is killed, whenever it was, and run again loses at most the epoch that it was in, and ends with the weights that it
    would have had. Keras' own writes the weights and the number of the epoch apart, and a kill in between makes them disagree.

    Args:
        backup_dir: the folder of the backup.
        delete_checkpoint: whether the backup goes when `fit` ends. False keeps it for what comes after `fit`; then call `delete()`.
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
        self.model.save_weights(pathlib.Path(self.backup_dir, f"{epoch + 1:08d}.weights.h5"))
        for path in self._backups()[:-1]:
            path.unlink()

    def on_train_end(self, logs=None):
        if self.delete_checkpoint:
            self.delete()

    def delete(self):
        """Deletes the backup, if there is one. On several machines, for the chief to call, or for all on folders of their own."""
        shutil.rmtree(self.backup_dir, ignore_errors=True)

    def _backups(self):
        return sorted(pathlib.Path(self.backup_dir).glob("[0-9]*.weights.h5"))


class PassPerEpoch(keras.callbacks.Callback):
    """Each epoch is the pass of its number over our own feeds, also where a backup lets the first epoch be another.

    A second `fit` goes on where the first one stopped.

    Args:
        x: what `fit` trains on.
        validation_data: what it validates on.
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
    """The callbacks that fit or evaluate is given, one, several or none, as a list."""
    callbacks = (
        callbacks.callbacks if isinstance(callbacks, keras.callbacks.CallbackList) else callbacks
    )
    return (
        list(callbacks)
        if isinstance(callbacks, (list, tuple))
        else [callbacks] * (callbacks is not None)
    )


def are_of_a_fit(callbacks):
    """Whether these are the callbacks that Keras' fit hands to evaluate."""
    return isinstance(callbacks, keras.callbacks.CallbackList)


def hardware(strategy=None):
    """The processor and how many of its cores this process may use, as one line; and how many such, of several replicas."""
    model = platform.processor() or platform.machine()
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [
            line.split(":", 1)[1].strip()
            for line in cpuinfo.read_text().splitlines()
            if line.startswith("model name")
        ]
        model = names[0] if names else model
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    replicas = 1 if strategy is None else strategy.num_replicas_in_sync
    among = f", {replicas} replicas" if replicas > 1 else ""
    return f"{model}, {cores} core{'s' if cores != 1 else ''}{among}"
