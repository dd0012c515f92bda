import numpy as np
import pytest
import tensorflow as tf
from keras.src.testing import TestCase

from keras_ae import corruption, networks

SEED = tf.constant([1, 2])


def test_gaussian_noise_has_its_scale():
    noise = (
        corruption.GaussianCorruption(0.5, clip=None)
        .corrupt(tf.zeros((100, 28, 28, 1)), SEED)
        .numpy()
    )
    assert noise.mean() == pytest.approx(0, abs=5 * 0.5 / np.sqrt(noise.size))
    assert noise.std() == pytest.approx(0.5, rel=0.01)


def test_gaussian_noise_is_clipped():
    noisy = corruption.GaussianCorruption(0.5).corrupt(tf.fill((10, 28, 28, 1), 0.5), SEED).numpy()
    assert noisy.min() == 0 and noisy.max() == 1


def test_masking_keeps_or_zeroes():
    masked = corruption.MaskingCorruption(0.3).corrupt(tf.fill((100, 28, 28, 1), 0.7), SEED).numpy()
    assert set(np.unique(masked)) == {0, np.float32(0.7)}
    assert (masked == 0).mean() == pytest.approx(0.3, abs=0.01)


def test_salt_and_pepper_come_alike():
    noisy = (
        corruption.SaltAndPepperCorruption(0.3)
        .corrupt(tf.fill((100, 28, 28, 1), 0.7), SEED)
        .numpy()
    )
    assert set(np.unique(noisy)) == {0, np.float32(0.7), 1}
    assert (noisy == 0).mean() == pytest.approx(0.15, abs=0.01) and (
        noisy == 1
    ).mean() == pytest.approx(0.15, abs=0.01)


@pytest.mark.parametrize(
    "layer", [corruption.MaskingCorruption, corruption.SaltAndPepperCorruption]
)
@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_the_extreme_rates(layer, rate):
    x = tf.fill((10, 10), 0.7)
    assert bool(tf.reduce_all(layer(rate).corrupt(x, SEED) == x)) is (rate == 0)
    if rate == 1:
        assert set(np.unique(layer(rate).corrupt(x, SEED))) <= {0, 1}


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: corruption.GaussianCorruption(-1), "scale=-1"),
        (lambda: corruption.GaussianCorruption(1, clip=(1, 0)), r"clip=\(1, 0\)"),
        (lambda: corruption.MaskingCorruption(1.5), "rate=1.5"),
        (lambda: corruption.SaltAndPepperCorruption(-0.1), "rate=-0.1"),
    ],
)
def test_bad_arguments_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


LAYERS = [
    (corruption.GaussianCorruption, {"scale": 0.2}, 1),
    (corruption.MaskingCorruption, {"rate": 0.2}, 1),
    (corruption.SaltAndPepperCorruption, {"rate": 0.2}, 1),
    (networks.DepthToSpace, {}, 0),
    (networks.GatedLinearUnit, {}, 0),
]


@pytest.mark.parametrize(
    "training", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["plain", "training"]
)
@pytest.mark.parametrize(
    "layer, arguments, seeds", LAYERS, ids=lambda value: getattr(value, "__name__", None)
)
@pytest.mark.filterwarnings("ignore::UserWarning")  # Keras' test trains a model without weights
def test_keras_conformance(layer, arguments, seeds, training):
    """Keras' own test of a layer: saving, symbolic shapes and dtypes, training, precision."""
    shape = {networks.DepthToSpace: (2, 8, 8, 4), networks.GatedLinearUnit: (2, 5, 6)}.get(
        layer, (2, 8, 8, 1)
    )
    output = {networks.DepthToSpace: (2, 16, 16, 1), networks.GatedLinearUnit: (2, 5, 3)}.get(
        layer, shape
    )
    TestCase().run_layer_test(
        layer,
        arguments,
        input_shape=shape,
        expected_output_shape=output,
        expected_num_seed_generators=seeds,
        expected_num_trainable_weights=0,
        run_training_check=training,
    )
