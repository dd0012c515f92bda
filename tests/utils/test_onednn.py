import json
import os
import subprocess
import sys

import numpy as np
import pytest

from keras_ae.training import keras_internals, loops
from keras_ae.utils import onednn

TRAINING = """
import json, sys
import keras_ae, keras, numpy as np, tensorflow as tf
if sys.argv[1] == "deterministic":
    tf.config.experimental.enable_op_determinism()
x = np.random.default_rng(0).random((40, 12, 12, 1), dtype="float32")
def train():
    keras.utils.set_random_seed(1)
    vae = keras_ae.VAE((12, 12, 1), 3, "conv", widths=(4, 8))
    losses = vae.fit(x, batch_size=16, epochs=3, verbose=0).history["loss"]
    return losses, vae.predict(x, verbose=0).ravel().tolist(), vae.training_plan
print(json.dumps([train(), train()]))
"""


def environment(**variables):
    known = {name: value for name, value in os.environ.items() if name != onednn.VARIABLE}
    return {**known, "TF_CPP_MIN_LOG_LEVEL": "3", **variables}


@pytest.fixture
def undecided(monkeypatch):
    """A process that has not imported TensorFlow, whose user has not decided."""
    monkeypatch.delitem(sys.modules, "tensorflow")
    monkeypatch.setenv(onednn.VARIABLE, "")  # it is put back after the test
    monkeypatch.delenv(onednn.VARIABLE)


@pytest.mark.parametrize(
    "flags, expected", [({"avx", "avx2"}, "1"), ({"avx"}, None), (set(), None)]
)
def test_it_is_switched_on_where_it_is_faster(flags, expected, undecided):
    onednn.switch_on(flags)
    assert os.environ.get(onednn.VARIABLE) == expected


def test_a_decision_of_the_user_stands(undecided, monkeypatch):
    monkeypatch.setenv(onednn.VARIABLE, "0")
    onednn.switch_on({"avx2"})
    assert os.environ[onednn.VARIABLE] == "0"


def test_it_is_too_late_after_tensorflow(undecided, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", object())
    onednn.switch_on({"avx2"})
    assert onednn.VARIABLE not in os.environ


def test_the_flags_are_read_from_the_processor(tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor: 0\nflags\t\t: fpu avx2\n\nprocessor: 1\nflags\t\t: fpu avx2\n")
    assert onednn.processor_flags(cpuinfo) == {"fpu", "avx2"}
    assert onednn.processor_flags(tmp_path / "none") == set()


def test_the_plan_says_what_to_do_if_it_is_off(monkeypatch):
    monkeypatch.setattr(keras_internals, "uses_onednn", lambda: False)
    monkeypatch.setattr(onednn, "processor_flags", lambda: {"avx2"})
    assert loops.state_of_onednn().startswith("oneDNN off (convolutions are faster if keras_ae is")
    monkeypatch.setattr(onednn, "processor_flags", lambda: {"avx"})
    assert loops.state_of_onednn() == "oneDNN off"
    monkeypatch.setattr(keras_internals, "uses_onednn", lambda: True)
    assert loops.state_of_onednn() == "oneDNN on"


@pytest.mark.slow
@pytest.mark.parametrize("how", ["as it is", "deterministic"])
def test_numbers_and_seeds_agree_with_and_without_it(how):
    """The same seed gives the same numbers; the two states differ by rounding alone."""
    results = {}
    for state in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-c", TRAINING, how],
            env=environment(**{onednn.VARIABLE: state}),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        first, second = json.loads(done.stdout.splitlines()[-1])
        if how == "deterministic":
            assert first == second
        np.testing.assert_allclose(first[0], second[0], rtol=1e-5)
        np.testing.assert_allclose(first[1], second[1], atol=1e-4)
        assert ("oneDNN on" in first[2]) == (state == "1")
        results[state] = first
    np.testing.assert_allclose(results["0"][0], results["1"][0], rtol=1e-4)
    np.testing.assert_allclose(results["0"][1], results["1"][1], atol=1e-3)
