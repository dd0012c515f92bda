"""Draws strip.png, the picture at the top of the README: drawn digits, a latent space, denoising.

python docs/pictures/strip.py  # needs MNIST: see keras_ae.datasets
"""

import pathlib

import keras
import matplotlib.pyplot as plt
import numpy as np

import keras_ae

NOISY = 6  # images that are denoised


def main():
    """Writes strip.png beside this file."""
    keras.utils.set_random_seed(3)
    drawn = keras_ae.load("hvae_mnist").sample(64)
    manifold = keras_ae.load("vae2d_mnist").decode(grid(16))
    denoiser, (_, (x, _)) = keras_ae.load("conv_dae_mnist"), keras_ae.datasets.load("mnist")
    clean = x[18 : 18 + NOISY] / 255
    noise = np.random.default_rng(0).normal(scale=0.5, size=clean.shape)
    noisy = np.clip(clean + noise, 0, 1).astype("float32")
    denoised = denoiser.reconstruct(noisy)
    rows = np.stack([noisy, denoised], axis=1).reshape(-1, 28, 28, 1)

    figure, axes = plt.subplots(1, 3, figsize=(10, 4), width_ratios=[1, 1, 1 / 3], dpi=120)
    show(axes[0], drawn, columns=8, title="digits drawn by hvae_mnist")
    show(axes[1], manifold, columns=16, title="the latent space of vae2d_mnist")
    show(axes[2], rows, columns=2, title="noisy, denoised")
    figure.tight_layout(w_pad=2)
    figure.savefig(pathlib.Path(__file__).parent / "strip.png")


def grid(n):
    """Codes (n * n, 2) whose decoded images tile the plane: the quantiles of a standard normal."""
    points = np.sqrt(2) * erfinv(2 * (np.arange(n) + 0.5) / n - 1)
    across, down = np.meshgrid(points, points[::-1])
    return np.stack([across.ravel(), down.ravel()], axis=1).astype("float32")


def erfinv(x):
    """The inverse of the error function, of a numpy array."""
    return keras.ops.convert_to_numpy(keras.ops.erfinv(x.astype("float32")))


def show(axis, images, columns, title):
    """Images (n, 28, 28, 1) in [0, 1] as one tiled picture, ink black on white."""
    images = np.asarray(images)[..., 0].reshape(-1, columns, 28, 28)
    axis.imshow(images.transpose(0, 2, 1, 3).reshape(-1, columns * 28), cmap="gray_r")
    axis.set_title(title, fontsize=11)
    axis.set_axis_off()


if __name__ == "__main__":
    main()
