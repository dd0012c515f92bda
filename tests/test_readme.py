"""What README.md claims."""

import pathlib
import re

import numpy as np
import pytest
import tensorflow as tf

import keras_ae
from keras_ae import cli

ROOT = pathlib.Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_the_table_of_models_is_that_of_the_cards(capsys):
    assert cli.main(["list", "--markdown"]) == 0
    table = re.search(r"<!-- models -->\n(.*)<!-- /models -->", README, re.DOTALL)[1]
    assert table == capsys.readouterr().out


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)\)", README))
def test_links_lead_somewhere(link):
    assert link.startswith("https://") or (ROOT / link).exists()


def test_the_python_examples_run(monkeypatch, tmp_path, two_replicas):
    """As written, with a small stand-in for MNIST and one epoch."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_AE_DATA", str(tmp_path))
    images = np.random.default_rng(0).integers(0, 256, (64, 28, 28)).astype("uint8")
    np.savez(tmp_path / "mnist.npz", x_train=images, y_train=np.zeros(64), x_test=images[:8], y_test=np.zeros(8))
    names = {
        "x": images[:2],
        "z": np.zeros((2, 40), "float32"),
        "my_images": images,
        "x_train": images,
        "tf": tf,
        "keras_ae": keras_ae,
    }
    examples = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(examples) == 3
    for example in examples:
        exec(example.replace("epochs=10", "epochs=1, verbose=0"), names)
    assert keras_ae.load("./my_vae").sample(2).shape == (2, 28, 28, 1)
