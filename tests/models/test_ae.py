"""An AE that is trained with the squared error, against numpy."""

import keras
import numpy as np
import pytest

import keras_ae


@pytest.mark.parametrize("shape, batch_size", [((8, 8, 1), 8), ((8, 8, 1), 7), ((5,), 8)])
def test_compile_loss_mse_is_the_squared_error(shape, batch_size):
    """With a batch as large as the image is wide and with another; with and without weights."""
    x = np.random.default_rng(0).random((20, *shape), dtype="float32")
    weights = np.random.default_rng(1).random(20)
    ae = keras_ae.AE(shape, 3, widths=(4,))
    # With a learning rate of 0, training leaves the loss as it is.
    ae.compile(keras.optimizers.SGD(0.0), loss="mse", run_eagerly=True)
    errors = ((ae.predict(x, verbose=0) - x) ** 2).reshape(20, -1).mean(axis=1)
    for w in (None, weights):
        expected = np.mean(errors if w is None else errors * w)
        options = {"batch_size": batch_size, "sample_weight": w, "verbose": 0}
        assert ae.evaluate(x, **options) == pytest.approx(expected, rel=1e-5)
        assert ae.fit(x, **options).history["loss"] == pytest.approx([expected], rel=1e-5)
