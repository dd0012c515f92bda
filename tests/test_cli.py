import json
import subprocess
import sys

import pytest

import keras_ae
from keras_ae import cli


@pytest.fixture
def preset(tmp_path):
    keras_ae.VAE((8, 8, 1), 3, widths=(16,)).save_to_preset(tmp_path / "mine", dataset="digits")
    return str(tmp_path / "mine")


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


def test_verify_tells_by_its_exit_code(tmp_path, capsys):
    vae = keras_ae.VAE((8, 8, 1), 3, widths=(16,))
    metric = keras_ae.evaluation.nll(vae, "digits", n_samples=20, n_images=50)
    vae.save_to_preset(tmp_path / "right", dataset="digits", metrics=[metric])
    vae.save_to_preset(tmp_path / "wrong", dataset="digits", metrics=[{**metric, "value": metric["value"] + 1}])
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
        (["export", "{preset}", "--role", "prior", "--out", "prior.onnx"], "Received: role='prior'"),
        (["export", "{preset}", "--format", "torch", "--out", "decoder.pt"], "Received: format='torch'"),
        (["export", "hf://nobody", "--out", "decoder.onnx"], "Expected hf://user/repo"),
        (["train", "vae_minst"], "a model with a recipe"),
        (["train", "missing.py"], "no file"),
        (["train", "vae_mnist", "--strategy", "tpu"], "Received: 'tpu'"),
        (["cluster", "--workers", "0", "a.py"], "Received: workers=0"),
        (["cluster"], "Expected a Python program"),
    ],
)
def test_a_mistake_gives_one_line_and_no_traceback(command, message, preset, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main([part.format(preset=preset) for part in command]) == 2
    error = capsys.readouterr().err
    assert message in error and error.startswith("keras-ae: ") and error.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]  # nothing was written


def test_every_command_has_help_with_an_example(capsys):
    for name in ("list", "info", "train", "verify", "cluster"):
        with pytest.raises(SystemExit, match="0"):
            cli.main([name, "--help"])
        assert f"example: keras-ae {name} " in capsys.readouterr().out


@pytest.mark.parametrize("command, file", [("sample", "a.png"), ("export", "decoder.onnx"), ("export", "decoder")])
def test_tensorflows_start_up_lines_do_not_show(command, file, preset, tmp_path):
    command = [sys.executable, "-m", "keras_ae.cli", command, preset, "--out", str(tmp_path / file)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0 and result.stderr == ""
    assert result.stdout == f"saved {tmp_path / file}\n" and (tmp_path / file).exists()
