import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import keras
import numpy as np

import keras_ae

RECIPE = """
    import sys, keras, keras_ae
    folder, epochs = sys.argv[1], 6
    keras.utils.set_random_seed(1)
    (images, _), _ = keras_ae.datasets.load("digits")
    train = keras_ae.datasets.binarize_dynamic(images[:256], batch_size=64)
    vae = keras_ae.VAE((8, 8, 1), 3, widths=(16,))
    vae.compile(keras.optimizers.Adam(0.01))
    log, backup = keras_ae.TrainingLog(f"{folder}.log"), keras_ae.BackupAndRestore(f"{folder}.backup", delete_checkpoint=False)
    slow = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: __import__("time").sleep(SLEEP))
    vae.fit(train, epochs=epochs, validation_data=images[256:], callbacks=[slow, log, backup])
    metrics = [keras_ae.evaluation.nll(vae, "digits", n_samples=20, n_images=50)]
    vae.save_to_preset(folder, dataset="digits", training=log, metrics=metrics)
    backup.delete()
"""


def test_a_killed_training_is_resumed_and_ends_with_its_card(tmp_path):
    recipe, out = tmp_path / "tiny.py", tmp_path / "tiny"
    recipe.write_text(textwrap.dedent(RECIPE.replace("SLEEP", "0.5")))
    command = [sys.executable, "-m", "keras_ae.cli", "train", str(recipe), "--out", str(out)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tmp_path)
    log, deadline = tmp_path / "tiny.log", time.monotonic() + 120
    while not (log.exists() and len(log.read_text().splitlines()) >= 2) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before = [json.loads(line) for line in log.read_text().splitlines()]
    assert 2 <= len(before) < 6 and not out.exists()

    recipe.write_text(textwrap.dedent(RECIPE.replace("SLEEP", "0")))
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "Epoch 1/6" not in result.stdout and "Epoch 6/6" in result.stdout
    curve = keras_ae.info(out).metadata["training"]["curve"]
    assert len(curve["loss"]) == 6 and curve["loss"][0] == before[0]["loss"]
    assert curve["loss"][-1] < curve["loss"][0]
    assert keras_ae.info(out).metrics[0]["protocol"]["dataset"] == "digits"
    assert "nll" in (out / "README.md").read_text()
    assert not (tmp_path / "tiny.backup").exists()
    assert keras_ae.load(out).sample(4).shape == (4, 8, 8, 1)

    undisturbed = subprocess.run([*command[:-1], str(tmp_path / "undisturbed")], capture_output=True, text=True, cwd=tmp_path)
    assert undisturbed.returncode == 0, undisturbed.stderr
    for one, other in zip(keras_ae.load(out).weights, keras_ae.load(tmp_path / "undisturbed").weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_kill_while_the_backup_is_written_leaves_the_one_before(tmp_path, images, monkeypatch):
    def train(epochs, kill_at=None):
        keras.utils.set_random_seed(0)
        model, backup = (
            keras_ae.VAE((8, 8, 1), 3, widths=(4,)),
            keras_ae.BackupAndRestore(tmp_path / "backup", delete_checkpoint=False),
        )
        model.compile(jit_compile=False)
        begun = []

        def replace(source, target):
            if len(begun) == kill_at:
                raise KeyboardInterrupt
            os.rename(source, target)

        monkeypatch.setattr(os, "replace", replace)
        count = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: begun.append(epoch))
        try:
            model.fit(images, epochs=epochs, verbose=0, callbacks=[count, backup])
        except KeyboardInterrupt:
            assert kill_at
        return begun, model.get_weights(), backup

    _, expected, backup = train(4)
    backup.delete()
    assert train(4, kill_at=3)[0] == [0, 1, 2]  # while the third epoch's is written
    begun, weights, backup = train(4)
    assert begun == [2, 3]
    for one, other in zip(weights, expected, strict=True):
        np.testing.assert_array_equal(one, other)
    backup.delete()
    assert not (tmp_path / "backup").exists()


def test_the_log_replaces_the_epochs_that_are_run_again(tmp_path, images):
    log = keras_ae.TrainingLog(tmp_path / "log")
    model = keras_ae.AE((8, 8, 1), 3, widths=(4,))
    model.compile(jit_compile=False)
    model.fit(images, epochs=3, verbose=0, callbacks=[log])
    first = log.read()
    model.fit(images, epochs=4, initial_epoch=2, verbose=0, callbacks=[log])
    assert [line["epoch"] for line in log.read()] == [1, 2, 3, 4]
    assert log.read()[:2] == first[:2] and log.read()[2] != first[2]
    summary = log.summary()
    assert summary["epochs"] == 4 and len(summary["curve"]["loss"]) == 4 and "core" in summary["hardware"]


def test_a_half_written_line_is_left_out(tmp_path):
    (tmp_path / "log").write_text('{"epoch": 1, "seconds": 1.0, "loss": 2.0}\n{"epoch": 2, "sec')
    assert [line["epoch"] for line in keras_ae.TrainingLog(tmp_path / "log").read()] == [1]


def test_averaged_weights_are_validated_and_kept(images):
    """Adam(use_ema=True) with SwapEMAWeights: what is validated last is what the model ends with."""
    model = keras_ae.AE((8, 8, 1), 3, widths=(4,))
    model.compile(keras.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.9), jit_compile=False)
    history = model.fit(images, epochs=5, validation_data=images, verbose=0, callbacks=[keras.callbacks.SwapEMAWeights()]).history
    np.testing.assert_allclose(model.evaluate(images, verbose=0), history["val_loss"][-1], rtol=1e-5)
