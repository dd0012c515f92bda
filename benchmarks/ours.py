"""keras_ae, by its public API and its defaults."""

import numpy as np

import keras_ae
from benchmarks import task

SHAPE = (28, 28, 1)


def vae_of(network):
    """The VAE of a race: the task's dense one, or another network by its name."""
    if network == "dense":
        return keras_ae.VAE(SHAPE, task.LATENT, widths=task.WIDTHS, activation="relu")
    return keras_ae.VAE(SHAPE, task.LATENT, network=network)


def dense(count):
    """Trains the dense VAE."""
    return _training(vae_of("dense"), task.images(count))


def conv(count):
    """Trains the VAE with the network that "conv" stands for."""
    return _training(vae_of("conv"), task.images(count))


def mixer(count):
    """Trains the VAE of patches."""
    return _training(vae_of("mixer"), task.images(count))


def likelihood(count):
    """Importance-weighted log-likelihood of the dense VAE, untrained."""
    vae = vae_of("dense")
    x = task.binary(count)
    return lambda passes: np.mean(
        [-vae.log_likelihood(x, n_samples=task.SAMPLES).numpy().mean() for _ in range(passes)]
    )


def _training(vae, x):
    vae.compile()  # its default optimizer is the task's: Adam, 1e-3
    return lambda passes: vae.fit(x, batch_size=task.BATCH, epochs=passes, verbose=0).history[
        "loss"
    ][-1]
