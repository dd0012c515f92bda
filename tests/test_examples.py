"""The examples in docstrings run as they stand: the blocks of Python that are indented by four."""

import ast
import pathlib
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from eagerly import eagerly

import keras_ae
from keras_ae.estimators import ensembles
from keras_ae.tables import model as table_model

# Lines indented by four, after a blank line.
BLOCK = re.compile(r"^\n((?: {4}.*\n|\n)*? {4}.*\n)(?=\n|\Z)", re.MULTILINE)
PACKAGE = pathlib.Path(keras_ae.__file__).parent
# Words that name a kind of thing: what a reader has at hand.
GIVEN = {
    "keras": keras,
    "keras_ae": keras_ae,
    "np": np,
    "tf": tf,
    "tfd": tfp.distributions,
    "shape": (28, 28, 1),
    "features": np.zeros((2, 16), "float32"),
    "x": np.zeros((2, 784), "float32"),
    "table": np.random.default_rng(0).normal(size=(40, 3)),
    "x_train": np.random.default_rng(0).integers(0, 256, (60, 28, 28)).astype("uint8"),
}


def examples():
    """{place: code}."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                text = ast.get_docstring(node) or ""
                for number, block in enumerate(BLOCK.findall(text + "\n")):
                    code = "\n".join(line[4:] for line in block.splitlines())
                    name = getattr(node, "name", "module")
                    if "keras_ae." in code and "objective(x" not in code:
                        found[f"{path.relative_to(PACKAGE)}, {name}, {number}"] = code
    return found


FOUND = examples()
PLACES = sorted({place.split(",")[0].split("/")[0] for place in FOUND})


def test_there_are_examples():
    assert len(FOUND) >= 40, list(FOUND)


@pytest.mark.parametrize("package", PLACES)
@eagerly()
def test_examples_run(package, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ensembles, "STEPS", 1)
    monkeypatch.setattr(table_model, "STEPS", 1)
    for place, code in FOUND.items():
        if place.split(",")[0].split("/")[0] != package:
            continue
        names = dict(GIVEN)
        try:
            exec(compile(code, place, "exec"), names)
        except Exception as error:
            raise AssertionError(f"{place}: {type(error).__name__}: {error}\n{code}") from error
