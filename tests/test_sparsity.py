import keras
import numpy as np
import pytest
from scipy import stats

from keras_ae import sparsity


def test_l1_is_the_sum_of_the_active_units():
    layer = sparsity.L1Sparsity(0.5)
    code = layer(np.array([[1.0, -2.0, 3.0], [-1.0, -1.0, -1.0]], "float32"))
    np.testing.assert_allclose(code, [[1, 0, 3], [0, 0, 0]])
    np.testing.assert_allclose(layer.penalty(code), [2.0, 0.0])


def test_kl_is_that_of_scipy_and_zero_at_the_rate():
    layer = sparsity.KLSparsity(rate=0.2, weight=3.0)
    code = np.random.default_rng(0).random((10, 4)).astype("float32")
    expected = 3 * sum(
        stats.entropy([0.2, 0.8], [mean, 1 - mean]) for mean in code.mean(axis=0).astype("float64")
    )
    np.testing.assert_allclose(layer.penalty(code), [expected] * 10, rtol=1e-5)
    np.testing.assert_allclose(
        layer.penalty(np.full((10, 4), 0.2, "float32")), np.zeros(10), atol=1e-5
    )
    np.testing.assert_allclose(layer(np.zeros((1, 4), "float32")), np.full((1, 4), 0.5))


@pytest.mark.parametrize(
    "layer",
    [sparsity.L1Sparsity(0.3), sparsity.KLSparsity(0.1, 2.0)],
    ids=lambda layer: type(layer).__name__,
)
def test_a_layer_survives_json(layer):
    copy = sparsity.get(keras.saving.serialize_keras_object(layer))
    assert type(copy) is type(layer) and copy.get_config() == layer.get_config()


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: sparsity.L1Sparsity(-1), "at least 0. Received: weight=-1"),
        (lambda: sparsity.KLSparsity(rate=0), "between 0 and 1. Received: rate=0"),
        (lambda: sparsity.get("l2"), "'l1', 'kl', 'top_k', or.*Received: 'l2'"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()
