import json
import subprocess
import sys

import pytest
import tensorflow as tf

import keras_ae
from keras_ae import cli


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("presets") / "mine"
    keras_ae.VAE((8, 8, 1), 3, widths=(16,)).save_to_preset(folder, dataset="digits")
    return str(folder)


@pytest.fixture
def eagerly():
    """Lets TensorFlow run its functions as they are written, which is faster for a single call."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def test_list_and_info(capsys):
    assert cli.main(["list"]) == 0
    printed = capsys.readouterr().out
    assert "vae_mnist" in printed and "nll" in printed and "main metric" in printed
    assert cli.main(["list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["vae_mnist"]["family"] == "VAE"
    assert cli.main(["info", "vae_mnist"]) == 0
    assert capsys.readouterr().out.strip() == str(keras_ae.info("vae_mnist"))
    assert cli.main(["info", "vae_mnist", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == keras_ae.info("vae_mnist").metadata


def test_verify_tells_by_its_exit_code(eagerly, tmp_path, capsys):
    vae = keras_ae.VAE((8, 8, 1), 3, widths=(16,))
    metric = keras_ae.evaluation.nll(vae, "digits", n_samples=20, n_images=50)
    vae.save_to_preset(tmp_path / "right", dataset="digits", metrics=[metric])
    vae.save_to_preset(
        tmp_path / "wrong", dataset="digits", metrics=[{**metric, "value": metric["value"] + 1}]
    )
    assert cli.main(["verify", str(tmp_path / "right")]) == 0
    assert "pass" in capsys.readouterr().out
    assert cli.main(["verify", str(tmp_path / "wrong")]) == 1
    assert "FAIL" in capsys.readouterr().out


@pytest.mark.parametrize(
    "command, message",
    [
        (["info", "vae_minst"], "Did you mean 'vae_mnist'"),
        (["sample", "./nowhere"], "no folder"),
        (["sample", "{preset}", "--out", "digits.txt"], "Expected --out to end in .png"),
        (["sample", "{preset}", "--out", "no/such/folder/digits.png"], "folder that exists"),
        (["sample", "{preset}", "--n", "0"], "`n` to be a positive integer"),
        (["reconstruct", "{preset}", "--dataset", "cifar"], "Received: 'cifar'"),
        (
            ["export", "{preset}", "--role", "prior", "--out", "prior.onnx"],
            "Received: role='prior'",
        ),
        (
            ["export", "{preset}", "--format", "torch", "--out", "decoder.pt"],
            "Received: format='torch'",
        ),
        (["export", "hf://nobody", "--out", "decoder.onnx"], "Expected hf://user/repo"),
        (["train", "vae_minst"], "a model with a recipe"),
        (["train", "missing.py"], "no file"),
        (["train", "vae_mnist", "--strategy", "tpu"], "Received: 'tpu'"),
        (["cluster", "--workers", "0", "a.py"], "Received: workers=0"),
        (["cluster"], "Expected a Python program"),
    ],
)
def test_a_mistake_gives_one_line_and_no_traceback(
    command, message, preset, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert cli.main([part.format(preset=preset) for part in command]) == 2
    error = capsys.readouterr().err
    assert message in error and error.startswith("keras-ae: ") and error.count("\n") == 1
    assert not list(tmp_path.iterdir())  # nothing was written


def test_every_command_has_help_with_an_example(capsys):
    for name in ("list", "info", "train", "verify", "cluster"):
        with pytest.raises(SystemExit, match="0"):
            cli.main([name, "--help"])
        assert f"example: keras-ae {name} " in capsys.readouterr().out


FILES = {
    "a.png": "sample",
    "decoder.onnx": "export",
    "decoder": "export",
}  # and the commands that save them


@pytest.mark.parametrize("file", FILES)
def test_a_command_says_what_it_saved_and_no_more(file, preset, tmp_path, capfd):
    assert cli.main([FILES[file], preset, "--out", str(tmp_path / file)]) == 0
    assert capfd.readouterr() == (f"saved {tmp_path / file}\n", "") and (tmp_path / file).exists()


@pytest.mark.slow
def test_tensorflows_start_up_lines_do_not_show(preset, tmp_path):
    """Which a new process alone has. All three commands in one."""
    commands = [[command, preset, "--out", str(tmp_path / file)] for file, command in FILES.items()]
    program = f"from keras_ae import cli; codes = [cli.main(command) for command in {commands}]; assert not any(codes), codes"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.returncode == 0 and result.stderr == ""
    assert result.stdout == "".join(f"saved {tmp_path / file}\n" for file in FILES)
    assert all((tmp_path / file).exists() for file in FILES)
