"""The squared error of the lecture's autoencoder, against numpy."""

import keras
import numpy as np
import pytest

import keras_ae


@pytest.mark.parametrize("shape, batch_size", [((8, 8, 1), 8), ((8, 8, 1), 7), ((5,), 8)])
def test_a_keras_loss_is_that_loss(shape, batch_size):
    """Whether or not the batch is as large as the image is wide; with and without weights."""
    x = np.random.default_rng(0).random((20, *shape), dtype="float32")
    weights = np.random.default_rng(1).random(20)
    ae = keras_ae.AE(shape, 3, widths=(4,))
    ae.compile(
        keras.optimizers.SGD(0.0), loss="mse", run_eagerly=True
    )  # a rate of 0: only the loss is looked at
    errors = ((ae.predict(x, verbose=0) - x) ** 2).reshape(20, -1).mean(axis=1)
    for w in (None, weights):
        expected = np.mean(errors if w is None else errors * w)
        assert ae.evaluate(x, batch_size=batch_size, sample_weight=w, verbose=0) == pytest.approx(
            expected, rel=1e-5
        )
        loss = ae.fit(x, batch_size=batch_size, sample_weight=w, verbose=0).history["loss"]
        assert loss == pytest.approx([expected], rel=1e-5)
