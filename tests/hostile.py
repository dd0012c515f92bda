"""Presets to damage, and a judge of what `load` does. Fixtures for the tests in presets/."""

import contextlib
import hashlib
import json
import os
import signal

import keras
import numpy as np
import pytest

import keras_ae
from keras_ae.presets import hub

CONFIG, WEIGHTS, METADATA = "config.json", "model.weights.h5", "metadata.json"
SECONDS = 20  # for one load; a hang is a failure


def own_network():
    layers = keras.layers
    encoder = [
        keras.Input((4, 4, 1)),
        layers.Flatten(),
        layers.BatchNormalization(),
        layers.Dense(2),
    ]
    decoder = [
        keras.Input((2,)),
        layers.Dense(16, activation="tanh", kernel_regularizer="l2"),
        layers.Reshape((4, 4, 1)),
    ]
    return keras.Sequential(encoder), keras.Sequential(decoder)


MODELS = {
    "AE": lambda: keras_ae.AE((3,), 2, widths=(4,)),
    "DAE": lambda: keras_ae.DAE((4, 4, 1), 2, "conv", widths=(2,)),
    "VAE": lambda: keras_ae.VAE(
        (3,),
        2,
        widths=(4,),
        prior="mixture",
        likelihood=keras_ae.distributions.Gaussian("predicted"),
    ),
    "own": lambda: keras_ae.AE((4, 4, 1), 2, network=own_network()),
}


@pytest.fixture(scope="module")
def presets(tmp_path_factory):
    """name: {file: bytes} of real presets."""
    folders = {"vae_mnist": keras_ae.info("vae_mnist").folder}
    for name, make in MODELS.items():
        folders[name] = tmp_path_factory.mktemp("presets") / name
        make().save_to_preset(folders[name])
    return {
        name: {file: (folder / file).read_bytes() for file in hub.FILES if (folder / file).exists()}
        for name, folder in folders.items()
    }


def x_of(model):
    return np.random.default_rng(0).random((2, *model.shape), dtype="float32")


@pytest.fixture(scope="module")
def originals(presets, tmp_path_factory):
    """name: what the model of an unharmed preset makes of x, and its weights."""
    results = {}
    for name, files in presets.items():
        model = keras_ae.load(written(files, tmp_path_factory.mktemp("originals")))
        results[name] = (model.reconstruct(x_of(model)).numpy(), model.get_weights())
    return results


# Making and judging


def written(files, folder):
    """A folder of these files: bytes, or functions that make something else in their place."""
    for file, content in files.items():
        if callable(content):
            content(folder / file)
        else:
            (folder / file).write_bytes(content)
    return folder


def rehashed(files, **metadata):
    """The same with hashes that fit, as whoever alters a preset on purpose would write them."""
    described = {**json.loads(files[METADATA]), **metadata}
    described["sha256"] = {
        file: hashlib.sha256(files[file]).hexdigest() for file in (CONFIG, WEIGHTS)
    }
    return {**files, METADATA: json.dumps(described).encode()}


@contextlib.contextmanager
def time_limit(label):
    def stop(number, frame):
        raise TimeoutError(f"{label} takes more than {SECONDS} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def outcome(files, folder, label):
    """The model, or the message of the refusal. Anything but an error of ours fails the test."""
    written(files, folder)
    with time_limit(label):
        try:
            return keras_ae.load(folder)
        except Exception as error:
            is_ours = (
                isinstance(error, (ValueError, FileNotFoundError))
                and str(error).startswith("Expected")
                and "Received" in str(error)
            )
            if not is_ours:
                raise AssertionError(f"{label}: {type(error).__name__}: {error}") from error
            assert len(str(error)) < 5000, f"{label}: an endless message"
            return str(error)


class Judge:
    """Loads mutated presets and counts them."""

    def __init__(self, originals, tmp_path):
        self.originals, self.tmp_path, self.count = originals, tmp_path, 0

    def __call__(self, name, label, files, allowed, path=None):
        """Loads files, and fails unless the result is allowed.

        allowed: "refused"; "same", the model of the undamaged preset; "either". path: the path of a
        value of the config that was changed. The model may then be another one, if it is the one
        that the config describes.
        """
        self.count += 1
        label = f"{name}, {label}"
        folder = self.tmp_path / str(self.count)
        folder.mkdir()
        result = outcome(files, folder, label)
        if isinstance(result, str):
            assert allowed != "same", f"{label}: {result}"
            return
        assert allowed != "refused", f"{label}: it was loaded"
        if path and value_at(json.loads(files[CONFIG]), path) == value_at(
            keras.saving.serialize_keras_object(result), path
        ):
            return
        expected, weights = self.originals[name]
        for a, b in zip(result.get_weights(), weights, strict=True):
            np.testing.assert_array_equal(a, b, err_msg=label)
        np.testing.assert_array_equal(result.reconstruct(x_of(result)), expected, err_msg=label)


@pytest.fixture
def judge(request, originals, tmp_path, monkeypatch):
    for name in ("system", "popen"):
        monkeypatch.setattr(os, name, lambda *args: pytest.fail("a command was run"))
    judge = Judge(originals, tmp_path)
    yield judge
    least = request.node.get_closest_marker("mutations").args[0]
    assert judge.count >= least, f"{judge.count} mutations, where {least} are announced"


def flipped(content, position):
    changed = bytearray(content)
    changed[position // 8 % len(content)] ^= 1 << position % 8
    return bytes(changed)


def edited(content, path, value):
    """JSON with another value at a path of keys."""
    parsed = json.loads(content)
    place = parsed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return json.dumps(parsed).encode()


def value_at(config, path):
    for key in path:
        config = config[key]
    return config


def paths(value, path=()):
    """The paths to all values in JSON."""
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, item in items:
        yield (*path, key)
        yield from paths(item, (*path, key))
