"""The default models of a table: denoising autoencoders, trained alike from different starts."""

import keras
import numpy as np

from keras_ae.corruption import GaussianCorruption
from keras_ae.models.dae import DAE
from keras_ae.utils import seeds

MEMBERS = 4
UNITS = 128
STEPS, BATCH_SIZE = 600, 128
LEARNING_RATE = 3e-3
EPOCHS = 200  # at most, for a model of the user
NOISE = (0.05, 1.0)  # standard deviations, log-uniform, one per row


def denoisers(x, seed):
    """Trains denoising autoencoders of standardised rows: d-128-128-d, for noise of many strengths.

    Args:
        x: float32 array (n, features), standardised.
        seed: int.

    Returns:
        list of trained DAEs.
    """
    batch_size = min(BATCH_SIZE, len(x))
    steps_per_epoch = -(-len(x) // batch_size)
    epochs = max(1, round(STEPS / steps_per_epoch))
    with seeds.global_seed(seed):
        models = [_denoiser(x.shape[1]) for _ in range(MEMBERS)]
        trained = _denoiser(x.shape[1])  # all members train in this one, which is compiled once
        rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, epochs * steps_per_epoch)
        trained.compile(keras.optimizers.Adam(rate))
        trained.optimizer.build(trained.trainable_variables)
        fresh = [keras.ops.convert_to_numpy(v) for v in trained.optimizer.variables]
        for model in models:
            trained.set_weights(model.get_weights())
            for variable, value in zip(trained.optimizer.variables, fresh, strict=True):
                variable.assign(value)
            trained.fit(x, batch_size=batch_size, epochs=epochs, verbose=0)
            model.set_weights(trained.get_weights())
    return models


def _denoiser(features):
    return DAE(
        (features,),
        UNITS,
        network=_perceptron(features),
        likelihood="gaussian",
        corruption=GaussianCorruption(NOISE, clip=None),
    )


def _perceptron(features):
    """An encoder (batch, features) -> (batch, 128), and a decoder back. There is no bottleneck."""
    encoder = keras.Sequential(
        [
            keras.Input((features,)),
            keras.layers.Dense(UNITS, activation="silu"),
            keras.layers.Dense(UNITS, activation="silu"),
        ]
    )
    decoder = keras.Sequential([keras.Input((UNITS,)), keras.layers.Dense(features)])
    return encoder, decoder


class Standardizer:
    """Rows with mean 0 and standard deviation 1 per column, clipped at 20 standard deviations.

    Args:
        loc, scale: float64 arrays (features,). A constant column has the scale 1.
    """

    LARGEST = 20.0

    def __init__(self, loc, scale):
        self.loc, self.scale = np.asarray(loc, "float64"), np.asarray(scale, "float64")

    @classmethod
    def of(cls, x):
        """Learns from rows: array (n, features). NaN is left out."""
        scale = np.nanstd(x, axis=0)
        varies = scale > 1e-12 * np.nanmax(np.abs(x), axis=0)
        return cls(np.nanmean(x, axis=0), np.where(varies, scale, 1.0))

    def __call__(self, x):
        """array (n, features) -> float32, the same shape."""
        return np.clip((x - self.loc) / self.scale, -self.LARGEST, self.LARGEST).astype("float32")


def trained(model, x, seed, epochs=EPOCHS):
    """The model after a training that stops where held-out examples are explained no better.

    Args:
        model: a fresh model of keras_ae.
        x: array (n, *shape).
        seed: int.
        epochs: int, the most passes over x.
    """
    with seeds.global_seed(seed):
        stop = keras.callbacks.EarlyStopping(patience=10, restore_best_weights=True)
        model.compile(keras.optimizers.Adam(1e-3))
        options = {"epochs": epochs, "batch_size": min(BATCH_SIZE, len(x)), "verbose": 0}
        order = np.random.default_rng(seed).permutation(len(x))
        model.fit(x[order], validation_split=0.1, callbacks=[stop], **options)
    return model
