"""A full disk and a read-only folder: a real disk if we may mount one, and errors of the system."""

import concurrent.futures
import errno
import os
import pathlib
import shutil
import subprocess
import time

import keras
import numpy as np
import pytest

import keras_ae
from keras_ae import cli
from keras_ae.presets import saving
from keras_ae.training import callbacks
from keras_ae.utils import files

EXPECTED = "Expected a disk with free space, and a folder that can be written, for "
FULL = EXPECTED + "{}.*Received: No space left on device"
READ_ONLY = EXPECTED + "{}.*Received: Read-only file system"


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 200 kB. `small_disk(full=True)` fills it, `read_only=True` forbids writing."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", folder]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs the right to mount a small disk")

    def disk(full=False, read_only=False):
        if full:
            with (
                pytest.raises(OSError, match="No space"),
                (folder / "filling").open("wb", buffering=0) as file,
            ):
                while True:
                    file.write(bytes(4096))
        if read_only:
            subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        return folder

    yield disk
    subprocess.run(["umount", "--lazy", folder], check=True)


def large():
    """A VAE whose weights, 240 kB, do not fit on the disk. Its picture and config do."""
    vae = keras_ae.VAE((8, 8, 1), 3, widths=(400,))
    vae.compile(run_eagerly=True)
    return vae


def test_a_preset_on_a_full_disk(small_disk):
    keras_ae.VAE((8, 8, 1), 3, widths=(4,)).save_to_preset(small_disk() / "mine")
    before = {path.name: path.read_bytes() for path in (small_disk() / "mine").iterdir()}
    with pytest.raises(OSError, match=FULL.format("the file .*mine.*model.weights.h5")):
        large().save_to_preset(small_disk() / "mine")
    assert {path.name: path.read_bytes() for path in (small_disk() / "mine").iterdir()} == before
    assert [path.name for path in small_disk().iterdir()] == ["mine"]
    assert keras_ae.load(small_disk() / "mine").sample(2).shape == (2, 8, 8, 1)


@pytest.mark.parametrize("callback", ["backup", "checkpoint", "log"])
def test_training_on_a_full_disk(small_disk, callback, images):
    model, folder = large(), small_disk(full=callback == "log")
    make = {
        "backup": lambda: keras.callbacks.BackupAndRestore(
            folder / "backup", double_checkpoint=True
        ),
        "checkpoint": lambda: keras.callbacks.ModelCheckpoint(folder / "model.keras"),
        "log": lambda: keras_ae.TrainingLog(folder / "log"),
    }
    with pytest.raises(OSError, match=FULL.format("")):
        model.fit(images, epochs=2, verbose=0, callbacks=[make[callback]()])
    left = [path.name for path in folder.rglob("*") if path.is_file() and path.name != "filling"]
    assert left == ([] if callback != "log" else ["log"])
    assert callback != "log" or (folder / "log").stat().st_size == 0


def test_a_backup_survives_a_full_disk(small_disk, images):
    """The last backup that fitted is kept. With free space again, training continues from it."""
    folder = small_disk()
    model = keras_ae.AE((8, 8, 1), 3, widths=(20,))
    model.compile(run_eagerly=True)
    fill = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: epoch == 2 and small_disk(full=True)
    )
    backup = keras.callbacks.BackupAndRestore(folder / "backup")
    with pytest.raises(OSError, match=FULL.format("the file .*latest.weights.h5")):
        model.fit(images, epochs=4, verbose=0, callbacks=[fill, backup])
    (folder / "filling").unlink()
    history = model.fit(images, epochs=4, verbose=0, callbacks=[backup])
    assert history.epoch == [2, 3]


def test_a_read_only_folder(small_disk, images):
    model, folder = large(), small_disk(read_only=True)
    log = keras_ae.TrainingLog(folder / "log")
    backup = keras.callbacks.BackupAndRestore(folder / "backup")
    for attempt, what in (
        (lambda: model.save_to_preset(folder / "mine"), "the preset .*mine"),
        (lambda: model.fit(images, verbose=0, callbacks=[log]), "the training log .*log"),
        (
            lambda: model.fit(images, verbose=0, callbacks=[backup]),
            "what the callbacks of `fit` write",
        ),
        (lambda: model.save(folder / "model.keras"), "the file .*model.keras"),
    ):
        with pytest.raises(OSError, match=READ_ONLY.format(what)):
            attempt()
    assert not any(folder.iterdir())


def test_the_command_line_prints_the_error_in_one_line(small_disk, capfd, images):
    keras_ae.VAE((8, 8, 1), 3, widths=(4,)).save_to_preset(small_disk() / "mine")
    preset, out = str(small_disk(full=True) / "mine"), str(small_disk() / "digits.png")
    assert cli.main(["sample", preset, "--out", out]) == 2
    error = capfd.readouterr().err
    assert error.count("\n") == 1 and error.startswith("keras-ae: ")
    assert "No space left on device" in error
    assert sorted(path.name for path in small_disk().iterdir()) == ["filling", "mine"]


@pytest.mark.parametrize(
    "number",
    [
        errno.ENOSPC,
        *[pytest.param(number, marks=pytest.mark.slow) for number in (errno.EROFS, errno.EACCES)],
    ],
)
def test_errors_of_the_system_get_a_clear_message(number, tmp_path, images, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError(number, os.strerror(number))

    message = EXPECTED + f".*Received: {os.strerror(number)}"
    model = large()
    with monkeypatch.context() as patch:
        patch.setattr(saving.tempfile, "mkdtemp", fail)
        with pytest.raises(OSError, match=message) as error:
            model.save_to_preset(tmp_path / "mine")
        assert error.value.errno == number
    for name in ("write_text", "open"):
        with monkeypatch.context() as patch:
            patch.setattr(pathlib.Path, name, fail)
            with pytest.raises(OSError, match=message):
                model.fit(images, verbose=0, callbacks=[callbacks.TrainingLog(tmp_path / "log")])
    with monkeypatch.context() as patch:
        patch.setattr(files.os, "replace", fail)
        with pytest.raises(OSError, match=message):
            model.save_weights(tmp_path / "a.weights.h5")
    assert not (tmp_path / "mine").exists() and not (tmp_path / "a.weights.h5").exists()


def test_other_errors_do_not_change():
    for other in (
        ValueError("No such thing"),
        OSError(errno.ENOENT, "No such file"),
        KeyError("a"),
    ):
        with pytest.raises(type(other)) as caught, files.writing("a file"):
            raise other
        assert caught.value is other


def test_a_file_is_replaced_completely_or_not_at_all(tmp_path, images):
    model = keras_ae.AE((8, 8, 1), 3, widths=(4,))
    model.compile(run_eagerly=True)
    model.fit(images, verbose=0)
    for name, save, load in (
        ("a.keras", model.save, keras.models.load_model),
        ("a.weights.h5", model.save_weights, lambda path: model.load_weights(path) or model),
    ):
        path = tmp_path / name
        save(path)
        np.testing.assert_array_equal(load(path).reconstruct(images), model.reconstruct(images))
        old = path.read_bytes()
        with pytest.raises(ZeroDivisionError), files.replacing(path, "the file") as part:
            part.write_bytes(b"half")
            1 / 0  # noqa: B018
        assert path.read_bytes() == old and [p.name for p in tmp_path.iterdir()] == [name]
        path.unlink()


def test_only_one_thread_holds_the_lock(tmp_path):
    inside, most = [], []

    def work(_):
        for _ in range(20):
            with files.locked(tmp_path):
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.001)
                inside.pop()

    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(4)))
    assert max(most) == 1 and len(most) == 80


def test_a_lock_that_is_never_released_stops_nobody_forever(tmp_path):
    with files.locked(tmp_path):
        begun = time.monotonic()
        with files.locked(tmp_path, seconds=0.1):
            assert 0.1 <= time.monotonic() - begun < 5
    with files.locked(tmp_path / "missing"):
        pass
