"""What is different on a GPU. Skipped, by name, where there is none."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_ae
from keras_ae import distribute

GPUS = tf.config.list_physical_devices("GPU")
needs_gpu = pytest.mark.skipif(not GPUS, reason="needs a GPU")
needs_gpus = pytest.mark.skipif(len(GPUS) < 2, reason="needs two GPUs")


@needs_gpu
@pytest.mark.parametrize("name", ["auto", "cpu", "mirrored", "GPU:0"])
def test_memory_grows_as_it_is_needed(name):
    program = f"""
import tensorflow as tf
from keras_ae import distribute

distribute.strategy({name!r})
tf.zeros(())
gpus = tf.config.list_physical_devices("GPU")
print([tf.config.experimental.get_memory_growth(gpu) for gpu in gpus])
"""
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert result.stdout.splitlines()[-1] == str([True] * len(GPUS))


@needs_gpu
@pytest.mark.parametrize("network", ["dense", "conv"])
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_trains_with_likelihoods_of_float32(policy, network, images):
    keras.config.set_dtype_policy(policy)
    try:
        vae = keras_ae.VAE((8, 8, 1), 3, network)
        vae.compile()
        assert np.isfinite(vae.fit(images, epochs=3, verbose=0).history["loss"]).all()
        assert vae.likelihood(vae.encode(images)).log_prob(images).dtype == tf.float32
        assert np.isfinite(vae.log_likelihood(images, n_samples=100)).all()
    finally:
        keras.config.set_dtype_policy("float32")


@needs_gpu
@pytest.mark.parametrize("network", ["dense", "conv"])
def test_xla_is_the_default_and_agrees(network, images):
    losses = []
    for options in ({}, {"jit_compile": False, "steps_per_execution": 1}):
        keras.utils.set_random_seed(1)
        model = keras_ae.AE((8, 8, 1), 3, network)
        model.compile(**options)
        assert model.jit_compile is not bool(options)
        losses.append(model.fit(images, epochs=2, shuffle=False, verbose=0).history["loss"])
    np.testing.assert_allclose(*losses, rtol=1e-3)


@needs_gpu
def test_model_and_input_are_on_the_device(images):
    devices = []

    class Watched(keras_ae.AE):
        def training_input(self, x):
            devices.append(tf.identity(x).device)
            return x

    model = Watched((8, 8, 1), 3)
    model.compile(run_eagerly=True)
    model.fit(images, verbose=0)
    assert all("GPU" in weight.value.device for weight in model.weights)
    assert devices and all("GPU" in device for device in devices)


@needs_gpu
def test_the_processor_is_there_by_name(images):
    with distribute.strategy("cpu").scope():
        model = keras_ae.AE((8, 8, 1), 3)
        model.compile()
    assert np.isfinite(model.fit(images, verbose=0).history["loss"]).all()
    assert all("CPU" in weight.value.device for weight in model.weights)


@needs_gpus
def test_auto_takes_all_gpus(images):
    assert distribute.strategy("auto") is distribute.strategy("mirrored")
    with distribute.strategy("auto").scope():
        model = keras_ae.AE((8, 8, 1), 3)
        model.compile()
    assert np.isfinite(model.fit(images, batch_size=5, verbose=0).history["loss"]).all()
    assert model.distribute_strategy.num_replicas_in_sync == len(GPUS)
