"""What README.md claims."""

import ast
import inspect
import pathlib
import re
import shlex
import subprocess
import sys

import numpy as np
import pytest

import keras_ae
from keras_ae import cli
from keras_ae.cli import parser

PRELUDE = """
import numpy as np
import tensorflow as tf

two = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], two)
x_train = my_images = np.zeros((64, 28, 28), "uint8")
x, z = x_train[:2], np.zeros((2, 40), "float32")
"""
ROOT = pathlib.Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_the_table_of_models_is_that_of_the_cards(capsys):
    assert cli.main(["list", "--markdown"]) == 0
    table = re.search(r"<!-- models -->\n(.*)<!-- /models -->", README, re.DOTALL)[1]
    assert table == capsys.readouterr().out


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)\)", README))
def test_links_lead_somewhere(link):
    assert link.startswith("https://") or (ROOT / link).exists()


def ours(node):
    """What of keras_ae an expression names, as keras_ae.VAE; None where it names none of it."""
    if isinstance(node, ast.Name):
        return keras_ae if node.id == "keras_ae" else None
    if isinstance(node, ast.Attribute):
        owner = ours(node.value)
        return None if owner is None else getattr(owner, node.attr)
    return None


@pytest.mark.parametrize("example", re.findall(r"```py(?:thon)?\n(.*?)```", README, re.DOTALL))
def test_the_python_examples_name_what_is_there(example):
    """Names of keras_ae and the arguments of its calls; of all examples, those as well that cannot be run here."""
    for node in ast.walk(ast.parse(example)):
        ours(node)  # raises AttributeError
        called = ours(node.func) if isinstance(node, ast.Call) else None
        if called is not None:
            keywords = {keyword.arg: None for keyword in node.keywords}
            if inspect.isclass(called):  # of whose signature Keras tells nothing
                inspect.signature(called.__init__).bind(
                    None, *node.args, **keywords
                )  # raises TypeError
            else:
                inspect.signature(called).bind(*node.args, **keywords)


def test_the_commands_are_taken():
    blocks = "\n".join(re.findall(r"```bash\n(.*?)```", README, re.DOTALL))
    commands = re.findall(r"^keras-ae (.*)", blocks, re.MULTILINE)
    assert len(commands) == 8
    for line in commands:
        assert callable(parser._parser().parse_args(shlex.split(line, comments=True)).run)


@pytest.mark.slow
def test_the_python_examples_run(monkeypatch, tmp_path):
    """As written, in a fresh process of two logical CPUs, with a small stand-in for MNIST and one epoch."""
    images = np.random.default_rng(0).integers(0, 256, (64, 28, 28)).astype("uint8")
    np.savez(
        tmp_path / "mnist.npz",
        x_train=images,
        y_train=np.zeros(64),
        x_test=images[:8],
        y_test=np.zeros(8),
    )
    examples = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(examples) == 4
    program = (
        PRELUDE
        + "\n".join(examples).replace("epochs=10", "epochs=1")
        + "print(keras_ae.load('./my_vae').sample(2).shape)"
    )
    monkeypatch.setenv("KERAS_AE_DATA", str(tmp_path))
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path
    )
    assert result.returncode == 0 and result.stdout.endswith("(2, 28, 28, 1)\n"), result.stderr


def test_the_benchmark_table_is_that_of_the_results():
    table = re.search(r"<!-- benchmarks -->\n(.*?)<!-- /benchmarks -->", README, re.DOTALL)[1]
    assert table in (ROOT / "benchmarks" / "results.md").read_text() and table.count("\n") > 5
