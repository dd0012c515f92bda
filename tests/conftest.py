import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras_ae  # noqa: F401  first, as it switches oneDNN on where a user's program has it

# isort: split
import keras
import numpy as np
import pytest
import tensorflow as tf
from hostile import judge, originals, presets  # noqa: F401  (fixtures)

# TensorFlow's optimiser of graphs costs more than it saves on graphs that run a few times.
tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
# Four logical CPUs, for tests of several devices. They must be set before the first tensor.
cpus = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpus[0], [tf.config.LogicalDeviceConfiguration()] * 4)


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(0)


@pytest.fixture(scope="session")
def two_replicas():
    """A user's own strategy, one for all tests.

    A second one would reuse the collective keys of the first (TensorFlow 2.21).
    """
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


@pytest.fixture
def images():
    """20 random 8 x 8 images, float32 in [0, 1]."""
    return np.random.default_rng(0).random((20, 8, 8, 1), dtype="float32")


@pytest.fixture
def vectors():
    """40 vectors of 5 features, float32, standard normal."""
    return np.random.default_rng(0).standard_normal((40, 5)).astype("float32")


TIERS = ("tutorials", "browser", "slow", "full_data")  # of several markers the first one counts


def pytest_collection_modifyitems(config, items):
    """Leaves out slow tests, unless they are named: a tier by `-m slow`, a test by its id."""
    if any("::" in argument for argument in config.args):
        return
    asked, kept, left_out = config.getoption("markexpr") or "", [], []
    for item in items:
        tier = next((name for name in TIERS if item.get_closest_marker(name)), None)
        (kept if tier is None or tier in asked else left_out).append(item)
    config.hook.pytest_deselected(items=left_out)
    items[:] = kept


def pytest_runtest_setup(item):
    folder = os.environ.get("KERAS_AE_DATA", "")
    if item.get_closest_marker("full_data") and not os.path.isfile(
        os.path.join(folder, "mnist.npz")
    ):
        pytest.skip("KERAS_AE_DATA names no folder with mnist.npz")
