import json
import subprocess
import sys

import pytest
import tensorflow as tf

import keras_ae
from keras_ae import cli, exports
from keras_ae.cli import checks, exporting, parser
from keras_ae.datasets import loaders
from keras_ae.presets import cards


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("presets") / "mine"
    keras_ae.VAE((8, 8, 1), 3, widths=(16,)).save_to_preset(folder, dataset="digits")
    return str(folder)


@pytest.fixture
def eagerly():
    """Lets TensorFlow run functions without a graph, which is faster for a single call."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def test_list_and_info(capsys):
    assert cli.main(["list"]) == 0
    printed = capsys.readouterr().out
    assert "vae_mnist" in printed and "nll" in printed and "main metric" in printed
    assert cli.main(["list", "nothing*"]) == 0
    assert "no built-in model is like that" in capsys.readouterr().err
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
        (["sample", "{preset}", "--n", "0"], "Expected --n to be at least 1. Received: 0"),
        (["sample", "{preset}", "--n", "1000000"], "Expected --n to be at most 10,000"),
        (["sample", "{preset}", "--seed", "-1"], "Expected --seed to be at least 0"),
        (["sample", "{preset}", "--label", "3"], "--label for a ConditionalVAE or a VaDE"),
        (["sample", "cvae_mnist", "--label", "10"], "Expected --label to be at most 9"),
        (["sample", "{preset}", "--dataset", "digits"], "Expected --dataset with --sampler"),
        (["sample", "{preset}", "--sampler", "gan"], "--sampler to be one of mixture, flow"),
        (["sample", "{preset}", "--sampler", "pixelcnn"], "the symbols of a VQVAE"),
        (["sample", "ae_mnist"], "keras-ae sample ae_mnist --sampler mixture"),
        (["sample", "vqvae_mnist"], "keras-ae sample vqvae_mnist --sampler pixelcnn"),
        (["sample", "{preset}", "--out", "folder.png"], "--out to be a file"),
        (["reconstruct", "{preset}", "--dataset", "cifar"], "Received: 'cifar'"),
        (
            ["export", "{preset}", "--role", "prior", "--out", "prior.onnx"],
            "--role to be one of encoder, decoder, reconstruct. Received: 'prior'",
        ),
        (
            ["export", "{preset}", "--format", "torch", "--out", "decoder.pt"],
            "--format to be one of savedmodel, onnx. Received: 'torch'",
        ),
        (["export", "hf://nobody", "--out", "decoder.onnx"], "Expected hf://user/repo"),
        (["train", "vae_minst"], "a model with a recipe"),
        (["train", "missing.py"], "no file"),
        (["train", "vae_mnist", "--strategy", "tpu"], "Received: 'tpu'"),
        (["train", "vae_mnist", "--out", "folder.png"], "which holds other files"),
        (["verify", "vae_minst"], "Did you mean 'vae_mnist'"),
        (["verify"], "Expected the names of models, or --all"),
        (["verify", "vae_mnist", "--images", "0"], "Expected --images to be at least 1"),
        (["explore", "vae_mnist", "--port", "-1"], "Expected --port to be at least 1"),
        (["cluster", "--workers", "0", "-m", "a"], "Received: workers=0"),
        (["cluster"], "Expected a Python program"),
        (["cluster", "nowhere.py"], "Received: 'nowhere.py', which is no file"),
    ],
)
def test_a_mistake_gives_one_line_and_no_traceback(
    command, message, preset, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.png" / "thesis").mkdir(parents=True)
    assert cli.main([part.format(preset=preset) for part in command]) == 2
    error = capsys.readouterr().err
    assert message in error and error.startswith("keras-ae: ") and error.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["folder.png"]  # nothing was written


@pytest.mark.parametrize(
    "command, message",
    [
        (["smaple"], "Received: 'smaple'. Did you mean 'sample'? Help: keras-ae --help"),
        (["plot", "vae_mnist", "trversals"], "Did you mean 'traversals'? Help: keras-ae plot"),
        (["sample"], "arguments are required: name. Help: keras-ae sample --help"),
        (["sample", "vae_mnist", "--n", "x"], "invalid int value: 'x'"),
        (["sample", "vae_mnist", "--no-such-option"], "--no-such-option"),
    ],
)
def test_a_mistyped_command_gives_one_line(command, message, capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(command)
    error = capsys.readouterr().err
    assert message in error and error.startswith("keras-ae: ") and error.count("\n") == 1


HASTY = """
import pathlib, sys
from keras_ae import cli
pathlib.Path("text.png").write_text("no picture")
commands = [
    ["list"], ["info", "vae_mnist"], ["plot", "vae_mnist"], ["sample", "nobody"],
    ["sample", "vae_mnist", "--n", "-3"], ["sample", "ae_mnist"], ["denoise", "vae_mnist"],
    ["reconstruct", "vae_mnist", "--images", "nothere.png"],
    ["reconstruct", "vae_mnist", "--images", "text.png"],
    ["evaluate", "vae_mnist", "--dataset", "cifar"], ["evaluate", "vae_mnist", "--samples", "0"],
    ["interpolate", "vae_mnist", "--n", "1"], ["plot", "ae_mnist", "kl_per_dimension"],
    ["export", "vae_mnist", "--out", "a.onnx"], ["train", "vae_mnist", "--strategy", "tpu"],
    ["verify", "nobody"], ["explore", "nobody"],
]
sys.modules["onnx"] = None  # as if it was not installed
print([cli.main(command) for command in commands][3:], "tensorflow" in sys.modules)
"""


def test_mistakes_are_answered_without_tensorflow(tmp_path):
    """In a fresh process, since this one has imported TensorFlow already."""
    command = [sys.executable, "-c", HASTY]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert result.stdout.splitlines()[-1] == f"{[2] * 14} False", result.stderr
    assert 'pip install "keras-ae[onnx]"' in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["text.png"]


def test_without_a_command_the_help_is_shown(capsys):
    assert cli.main([]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("usage: keras-ae") and "keras-ae list" in printed
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"keras-ae {keras_ae.__version__}\n"


def test_errors_of_the_system_come_without_their_numbers(tmp_path, monkeypatch, capsys):
    def fail(name):
        raise FileNotFoundError(2, "No such file or directory", "a.txt")

    monkeypatch.setattr(checks, "info", fail)
    assert cli.main(["info", "vae_mnist"]) == 2
    assert capsys.readouterr().err == "keras-ae: No such file or directory: 'a.txt'\n"
    assert parser._message(OSError("Received: [Errno 28] No space")) == "Received: No space"


def test_what_is_checked_early_is_what_the_library_knows():
    assert set(exporting.ROLES) == set(exports.ROLES)
    assert set(exporting.FORMATS) == set(exports.FORMATS)
    assert set(cards.DATA) == set(loaders.LOADERS)


def test_every_command_has_help_with_an_example(capsys):
    for name in ("list", "info", "train", "verify", "card", "cluster"):
        with pytest.raises(SystemExit, match="0"):
            cli.main([name, "--help"])
        assert f"example: keras-ae {name} " in capsys.readouterr().out


# Files, and the commands that save them.
FILES = {"a.png": "sample", "decoder.onnx": "export", "decoder": "export"}


@pytest.mark.parametrize("file", FILES)
def test_a_command_says_what_it_saved_and_no_more(file, preset, tmp_path, capfd):
    assert cli.main([FILES[file], preset, "--out", str(tmp_path / file)]) == 0
    printed = capfd.readouterr()
    assert printed.out.startswith(f"saved {tmp_path / file}: ") and printed.out.count("\n") == 1
    assert printed.err == "" and (tmp_path / file).exists()


@pytest.mark.slow
def test_tensorflows_start_up_lines_do_not_show(preset, tmp_path):
    """In a fresh process, since only the first import of TensorFlow writes them. All in one."""
    commands = [[command, preset, "--out", str(tmp_path / file)] for file, command in FILES.items()]
    program = f"from keras_ae import cli; print([cli.main(command) for command in {commands}])"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    wait = f"loading {preset} ... (TensorFlow takes some seconds to start)\n"
    assert result.returncode == 0 and result.stderr == wait
    lines = result.stdout.splitlines()
    assert lines.pop() == "[0, 0, 0]"
    for line, file in zip(lines, FILES, strict=True):
        assert line.startswith(f"saved {tmp_path / file}: ") and (tmp_path / file).exists()
