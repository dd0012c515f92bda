import json

import numpy as np
import pytest
from eagerly import eagerly

import keras_ae
from keras_ae import cli

X = np.random.default_rng(0).normal(size=(40, 3)) * [1, 1, 1e5]


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("presets") / "mine"
    keras_ae.AE((3,), 2, widths=(4,), likelihood="gaussian").save_to_preset(folder)
    return str(folder)


@eagerly()
def test_it_prints_what_it_finds(preset, tmp_path, capsys):
    np.savetxt(tmp_path / "x.csv", X, delimiter=",", header="a,b,c", comments="")
    command = ["diagnose", preset, "--data", str(tmp_path / "x.csv")]
    assert cli.main(command) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("unscaled data: ")
    assert printed.endswith(f"looked at {preset.split('/')[-1]} on 40 examples of {command[-1]}\n")
    assert cli.main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    expected = keras_ae.diagnose(keras_ae.load(preset), X).to_dict()
    assert found == {"model": preset, "examples": 40, **json.loads(json.dumps(expected))}


@eagerly()
def test_other_examples_show_whether_it_learned_by_heart(preset, tmp_path, capsys):
    np.savez(tmp_path / "x.npz", x=X)
    np.save(tmp_path / "new.npy", X)
    files = ["--data", str(tmp_path / "x.npz"), "--validation", str(tmp_path / "new.npy")]
    assert cli.main(["diagnose", preset, *files, "--json"]) == 0
    assert "overfitting" in json.loads(capsys.readouterr().out)["looked_at"]


@eagerly()
def test_the_data_of_a_card(capsys):
    assert cli.main(["diagnose", "vae_digits"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("nothing found\n")
    assert "looked at vae_digits on 1,437 training examples of digits" in printed


@pytest.mark.parametrize(
    "options, message",
    [
        (["{preset}"], "Expected --dataset"),
        (["{preset}", "--dataset", "cifar"], "Received: 'cifar'"),
        (["{preset}", "--dataset", "digits", "--data", "x.csv"], "Received: both"),
        (["vae_digits", "--validation", "x.csv"], "Expected --validation with --data"),
        (["{preset}", "--data", "none.csv"], "Expected --data to be a file"),
    ],
    ids=["no data", "dataset", "both", "validation", "file"],
)
def test_mistakes_are_told(preset, options, message, capsys):
    assert cli.main(["diagnose", *(option.format(preset=preset) for option in options)]) == 2
    assert message in capsys.readouterr().err
