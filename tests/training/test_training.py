import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import keras
import numpy as np
import pytest

import keras_ae
from keras_ae import cli

RECIPE = """
    import sys, keras, keras_ae
    folder = sys.argv[1]
    keras.utils.set_random_seed(1)
    (images, _), _ = keras_ae.datasets.load("digits")
    train = keras_ae.datasets.binarize_dynamic(images[:256], batch_size=BATCH)
    vae = keras_ae.VAE((8, 8, 1), 3, widths=(16,))
    vae.compile(keras.optimizers.Adam(0.01), OPTIONS)
    log = keras_ae.TrainingLog(f"{folder}.log")
    backup = keras_ae.BackupAndRestore(f"{folder}.backup", delete_checkpoint=False)
    each_epoch = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: EACH_EPOCH)
    callbacks = [each_epoch, log, backup]
    vae.fit(train, epochs=EPOCHS, validation_data=images[256:512], callbacks=callbacks)
    metrics = [keras_ae.evaluation.METRIC(vae, "digits", n_samples=20, n_images=50)]
    vae.save_to_preset(folder, dataset="digits", training=log, metrics=metrics)
    backup.delete()
"""


def write_recipe(path, **words):
    """Writes the recipe, with a value instead of each word in capitals."""
    text = textwrap.dedent(RECIPE)
    for word, value in words.items():
        text = text.replace(word, value)
    path.write_text(text)


def test_a_training_that_failed_is_resumed_and_ends_with_its_card(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [])
    recipe, out = tmp_path / "tiny.py", tmp_path / "tiny"
    words = {
        "EPOCHS": "3",
        "BATCH": "128",
        "OPTIONS": "run_eagerly=True",
        "METRIC": "negative_elbo",
    }
    write_recipe(recipe, **words, EACH_EPOCH="1 / (epoch != 2)")
    with pytest.raises(ZeroDivisionError):
        cli.main(["train", str(recipe), "--out", str(out)])
    before = keras_ae.TrainingLog(tmp_path / "tiny.log").read()
    assert len(before) == 2 and not out.exists()
    capsys.readouterr()

    write_recipe(recipe, **words, EACH_EPOCH="None")
    assert cli.main(["train", str(recipe), "--out", str(out)]) == 0
    check_resumed(capsys.readouterr().out, out, before, epochs=3, metric="negative_elbo")


def check_resumed(printed, out, before, epochs, metric):
    """Checks the preset of a resumed training. `before`: the lines of its log before that."""
    assert f"Epoch 1/{epochs}" not in printed and f"Epoch {epochs}/{epochs}" in printed
    curve = keras_ae.info(out).metadata["training"]["curve"]
    assert len(curve["loss"]) == epochs and curve["loss"][0] == before[0]["loss"]
    assert curve["loss"][-1] < curve["loss"][0]
    assert keras_ae.info(out).metrics[0]["protocol"]["dataset"] == "digits"
    assert metric in (out / "README.md").read_text()
    assert not out.with_suffix(".backup").exists()
    assert keras_ae.load(out).sample(4).shape == (4, 8, 8, 1)


@pytest.mark.slow
def test_a_killed_training_is_resumed_and_ends_like_an_uninterrupted_one(tmp_path):
    recipe, out = tmp_path / "tiny.py", tmp_path / "tiny"
    words = {"EPOCHS": "6", "BATCH": "64", "OPTIONS": "", "METRIC": "nll"}
    write_recipe(recipe, **words, EACH_EPOCH='__import__("time").sleep(0.5)')
    command = [sys.executable, "-m", "keras_ae.cli", "train", str(recipe), "--out", str(out)]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tmp_path
    )
    log, deadline = tmp_path / "tiny.log", time.monotonic() + 120
    while (
        not (log.exists() and len(log.read_text().splitlines()) >= 2)
        and time.monotonic() < deadline
    ):
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before = [json.loads(line) for line in log.read_text().splitlines()]
    assert 2 <= len(before) < 6 and not out.exists()

    write_recipe(recipe, **words, EACH_EPOCH="None")
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    check_resumed(result.stdout, out, before, epochs=6, metric="nll")

    undisturbed = subprocess.run(
        [*command[:-1], str(tmp_path / "undisturbed")], capture_output=True, text=True, cwd=tmp_path
    )
    assert undisturbed.returncode == 0, undisturbed.stderr
    resumed, expected = keras_ae.load(out), keras_ae.load(tmp_path / "undisturbed")
    for one, other in zip(resumed.weights, expected.weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_kill_while_a_backup_is_written_keeps_the_previous_backup(tmp_path, images, monkeypatch):
    def train(epochs, kill_at=None):
        keras.utils.set_random_seed(0)
        model = keras_ae.VAE((8, 8, 1), 3, widths=(4,))
        backup = keras_ae.BackupAndRestore(tmp_path / "backup", delete_checkpoint=False)
        model.compile(run_eagerly=True)
        begun = []

        def replace(source, target):
            if len(begun) == kill_at:
                raise KeyboardInterrupt
            os.rename(source, target)

        monkeypatch.setattr(os, "replace", replace)
        count = keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs: begun.append(epoch)
        )
        try:
            model.fit(images, epochs=epochs, verbose=0, callbacks=[count, backup])
        except KeyboardInterrupt:
            assert kill_at
        return begun, model.get_weights(), backup

    _, expected, backup = train(4)
    backup.delete()
    # The kill comes while the backup of the third epoch is written.
    assert train(4, kill_at=3)[0] == [0, 1, 2]
    begun, weights, backup = train(4)
    assert begun == [2, 3]
    for one, other in zip(weights, expected, strict=True):
        np.testing.assert_array_equal(one, other)
    backup.delete()
    assert not (tmp_path / "backup").exists()


def test_the_log_replaces_epochs_that_are_repeated(tmp_path, images):
    log = keras_ae.TrainingLog(tmp_path / "log")
    model = keras_ae.AE((8, 8, 1), 3, widths=(4,))
    model.compile(run_eagerly=True)
    model.fit(images, epochs=3, verbose=0, callbacks=[log])
    first = log.read()
    model.fit(images, epochs=4, initial_epoch=2, verbose=0, callbacks=[log])
    assert [line["epoch"] for line in log.read()] == [1, 2, 3, 4]
    assert log.read()[:2] == first[:2] and log.read()[2] != first[2]
    summary = log.summary()
    assert summary["epochs"] == 4 and len(summary["curve"]["loss"]) == 4
    assert "core" in summary["hardware"]


def test_a_half_written_line_is_ignored(tmp_path):
    (tmp_path / "log").write_text('{"epoch": 1, "seconds": 1.0, "loss": 2.0}\n{"epoch": 2, "sec')
    assert [line["epoch"] for line in keras_ae.TrainingLog(tmp_path / "log").read()] == [1]


def test_averaged_weights_are_validated_and_kept(images):
    """Adam(use_ema=True) with SwapEMAWeights: the final weights are the ones validated last."""
    model = keras_ae.AE((8, 8, 1), 3, widths=(4,))
    model.compile(keras.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.9), run_eagerly=True)
    history = model.fit(
        images,
        epochs=5,
        validation_data=images,
        verbose=0,
        callbacks=[keras.callbacks.SwapEMAWeights()],
    ).history
    np.testing.assert_allclose(
        model.evaluate(images, verbose=0), history["val_loss"][-1], rtol=1e-5
    )


def test_a_training_that_diverges_keeps_the_backup_of_the_last_good_epoch(tmp_path, images):
    def train(diverges_in, **options):
        keras.utils.set_random_seed(0)
        model = keras_ae.VAE((8, 8, 1), 3, widths=(4,))
        model.compile(keras.optimizers.Adam(**options), run_eagerly=True)
        begun = []

        def begin(epoch, logs):
            begun.append(epoch)
            if epoch == diverges_in:
                model.set_weights([weight * np.nan for weight in model.get_weights()])

        callbacks = [
            keras.callbacks.LambdaCallback(on_epoch_begin=begin),
            keras_ae.BackupAndRestore(tmp_path / "backup"),
        ]
        model.fit(images, epochs=3, verbose=0, callbacks=callbacks)
        return begun, model

    with pytest.raises(ValueError, match=r"end of epoch 1\. Received: .* Begin anew"):
        train(diverges_in=0)
    with pytest.raises(
        ValueError, match=r"end of epoch 2\. .* are NaN .* backup in .* is of epoch 1\."
    ):
        train(diverges_in=1)
    begun, model = train(diverges_in=None, clipnorm=1.0)
    assert begun == [1, 2]
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
