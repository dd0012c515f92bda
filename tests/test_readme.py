"""What README.md claims."""

import ast
import inspect
import pathlib
import re
import shlex
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import keras_ae
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
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text() for path in PAGES}
MEASURED = r"(\w+) +([\d.]+) ± ([\d.]+)"


def found(pattern):
    """What a pattern finds in all pages, as parameters of a test: (page, found)."""
    pairs = [
        (page, match)
        for page, text in TEXTS.items()
        for match in re.findall(pattern, text, re.DOTALL)
    ]
    return pytest.mark.parametrize("page, text", pairs)


def test_the_readme_is_short():
    assert len(README.split()) <= 800


def test_the_numbers_of_the_readme_are_those_of_the_cards():
    table = re.search(r"<!-- models -->\n(.*)<!-- /models -->", README, re.DOTALL)[1]
    rows = [row for row in table.splitlines() if row.startswith("| [")]
    assert len(rows) == 6
    for row in rows:
        name = re.match(r"\| \[(\w+)\]", row)[1]
        metric, value, error = re.search(MEASURED, row).groups()
        assert (metric, value, error) in re.findall(MEASURED, str(keras_ae.info(name))), row


@found(r"\]\(([^)#]+)\)")
def test_links_lead_somewhere(page, text):
    assert text.startswith("https://") or (ROOT / page).parent.joinpath(text).exists()


def ours(node):
    """What of keras_ae an expression names, as keras_ae.VAE; None where it names none of it."""
    if isinstance(node, ast.Name):
        return keras_ae if node.id == "keras_ae" else None
    if isinstance(node, ast.Attribute):
        owner = ours(node.value)
        return None if owner is None else getattr(owner, node.attr)
    return None


@found(r"```py(?:thon)?\n(.*?)```")
def test_the_python_examples_name_what_is_there(page, text):
    """The names of keras_ae in an example exist, and its calls have these arguments."""
    for node in ast.walk(ast.parse(textwrap.dedent(text))):
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


@found(r"(?m:^)keras-ae (.*?)(?m:$)")
def test_the_commands_are_taken(page, text):
    assert callable(parser._parser().parse_args(shlex.split(text, comments=True)).run)


@pytest.mark.slow
def test_the_python_examples_run(monkeypatch, tmp_path):
    """As written, in a fresh process, on a small stand-in for MNIST, for one epoch."""
    images = np.random.default_rng(0).integers(0, 256, (64, 28, 28)).astype("uint8")
    np.savez(
        tmp_path / "mnist.npz",
        x_train=images,
        y_train=np.zeros(64),
        x_test=images[:12],
        y_test=np.zeros(8),
    )
    examples = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(examples) == 3
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
