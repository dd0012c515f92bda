# %% [markdown]
# # Denoising autoencoders
#
# **What you will learn**
#
# * why a plain autoencoder runs the risk of learning the *identity function*, above all when it has more parameters than there are data
#   points;
# * how a random corruption $\mathcal{M}_\mathcal{D}$ of the input prevents that, and what changes in the loss, $L_\text{DAE}$;
# * how well a denoising autoencoder (DAE) cleans digits, compared with the best linear filter;
# * what happens at other noise levels than the one it was trained with;
# * what a denoiser knows about the data: its correction points to where the data are.
#
# You need to know what an autoencoder and its loss $L_\text{AE}$ are (tutorial 02). The data are MNIST's digits; write `"mnist_5k"`
# instead of `"mnist"` if you have neither a network nor MNIST.

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np

import keras_ae
from keras_ae.corruption import GaussianCorruption, MaskingCorruption, SaltAndPepperCorruption

keras.utils.set_random_seed(0)
plt.rcParams.update({"figure.dpi": 80, "axes.spines.top": False, "axes.spines.right": False})

(x_train, _), (x_test, y_test) = keras_ae.datasets.load("mnist")
x_train, x_test = x_train / np.float32(255), x_test / np.float32(255)  # grey values from 0 to 1


def mse(x, x_new):
    """Mean squared error of a pixel."""
    return float(np.mean((np.asarray(x) - np.asarray(x_new)) ** 2))


def psnr(x, x_new):
    """Peak signal-to-noise ratio in decibels, -10 log10(mse): 10 dB more is a tenth of the error."""
    return -10 * np.log10(mse(x, x_new))


# %% [markdown]
# ## The risk: the identity function
#
# An autoencoder minimises
#
# $$L_\text{AE}(\theta, \phi) = \frac{1}{n}\sum_{i=1}^n (\mathbf{x}^{(i)} - f_\theta(g_\phi(\mathbf{x}^{(i)})))^2$$
#
# There is a way to make this zero without learning anything about digits: $f_\theta(g_\phi(\mathbf{x})) = \mathbf{x}$, a copy. A small
# code $\mathbf{z} = g_\phi(\mathbf{x})$ stands in the way. With a large code, or with so many parameters that the images can be learned
# by heart, nothing does.
#
# Let us provoke it: a code of 1,000 numbers for images of 784 pixels, and only 1,000 training images.

# %%
few = x_train[:1000]
wide = dict(shape=(28, 28, 1), latent_dim=1000, widths=(1000,))
ae = keras_ae.AE(**wide)
ae.compile(keras.optimizers.Adam(1e-3), loss="mse")
history = ae.fit(few, batch_size=50, epochs=40, validation_data=x_test[:2000], verbose=0)
print(f"{ae.count_params():,} parameters for {len(few):,} images, that is {few.size:,} pixels")
print(f"squared error of a pixel: training images {mse(few, ae.predict(few, verbose=0)):.5f}", end="")
print(f", test images {mse(x_test, ae.predict(x_test, verbose=0)):.5f}")
keras_ae.plots.training_curves(history)

# %% [markdown]
# Two signs of trouble. The images that it was trained on come out nearly perfectly, new ones several times worse: overfitting. And what
# does the network do with an image that is *not* a clean digit? If it knew digits, it would give something like a digit. We add noise to
# test images and look.

# %%
digits = x_test[[np.flatnonzero(y_test == digit)[3] for digit in range(10)]]
noise = GaussianCorruption(scale=0.5)
keras.utils.set_random_seed(1)
noisy = np.asarray(noise(digits))
rows = np.concatenate([digits, noisy, ae.predict(noisy, verbose=0)])
keras_ae.plots.images(rows, columns=10, titles=["clean", "noisy", "what the plain autoencoder makes of the noisy one"])

# %%
noisy_test = np.concatenate([np.asarray(noise(x_test[i : i + 1000])) for i in range(0, len(x_test), 1000)])
print(f"noisy input against the clean digit: {psnr(x_test, noisy_test):5.2f} dB")
print(f"its output against the clean digit:  {psnr(x_test, ae.predict(noisy_test, verbose=0)):5.2f} dB")

# %% [markdown]
# It takes some of the noise away, since it has never seen ink in the corners. But where digits usually are it passes on what it gets, and
# turns the noise into smudges: nothing in its training told it that a digit is made of strokes.
#
# ## Corruption
#
# The idea of the **denoising autoencoder**: partially corrupt the input by adding noise, and still ask for the *clean* image. Copying is
# then a bad answer, since the copy would hold the noise. The corruption is a random process, written
#
# $$\tilde{\mathbf{x}} \sim \mathcal{M}_\mathcal{D}(\tilde{\mathbf{x}} \vert \mathbf{x})$$
#
# In words: given the clean image $\mathbf{x}$, $\mathcal{M}_\mathcal{D}$ says how likely each corrupted image $\tilde{\mathbf{x}}$ is,
# and we draw one. In `keras_ae` a corruption is a layer. Three usual ones, weak to strong:

# %%
keras.utils.set_random_seed(2)
levels = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
kinds = [GaussianCorruption, MaskingCorruption, SaltAndPepperCorruption]
rows = np.concatenate([np.asarray(kind(level)(digits[4:5])) for kind in kinds for level in levels])
titles = ["Gaussian: standard deviation 0 to 0.9", "masking: a share of 0 to 0.9 of the pixels becomes white"]
keras_ae.plots.images(rows, columns=10, titles=[*titles, "salt and pepper: a share of 0 to 0.9 becomes white or black"])

# %% [markdown]
# ## The loss $L_\text{DAE}$
#
# $$\begin{aligned}
# \tilde{\mathbf{x}}^{(i)} &\sim \mathcal{M}_\mathcal{D}(\tilde{\mathbf{x}}^{(i)} \vert \mathbf{x}^{(i)})\\
# L_\text{DAE}(\theta, \phi) &= \frac{1}{n} \sum_{i=1}^n (\mathbf{x}^{(i)} - f_\theta(g_\phi(\tilde{\mathbf{x}}^{(i)})))^2
# \end{aligned}$$
#
# In words: corrupt each image, encode and decode the corrupted one, and compare the result with the clean one. Only the
# tilde under $g_\phi$ is new. The noise is drawn afresh whenever an image is used, so the network never sees the same input twice, and
# 1,000 images become an endless supply. The same network, the same 1,000 images:

# %%
keras.utils.set_random_seed(0)
dae_few = keras_ae.DAE(**wide, corruption=GaussianCorruption(scale=0.5))
dae_few.compile(keras.optimizers.Adam(1e-3), loss="mse")
dae_few.fit(few, batch_size=50, epochs=40, verbose=0)
cleaned = {"plain autoencoder": ae, "denoising autoencoder": dae_few}
for name, model in cleaned.items():
    print(f"{name:>22}, 1,000 training images: {psnr(x_test, model.predict(noisy_test, verbose=0)):5.2f} dB on noisy test images")

# %% [markdown]
# `DAE.fit` corrupts by itself, and so does `evaluate`. `predict` and `reconstruct` do not: there *you* bring the noise. So we can
# write the
# formula of $L_\text{DAE}$ out and compare it with what Keras reports (as a mean over the pixels, and with other draws of the noise).

# %%
by_hand = mse(x_test, dae_few.predict(np.asarray(dae_few.corrupt(x_test, seed=3)), verbose=0))
print(f"L_DAE a pixel, by its formula: {by_hand:.5f}   by evaluate: {dae_few.evaluate(x_test, verbose=0):.5f}")

# %% [markdown]
# ## Results on all of MNIST
#
# Now a smaller network and all the images that we have.

# %%
keras.utils.set_random_seed(0)
dae = keras_ae.DAE((28, 28, 1), latent_dim=100, widths=(400,), corruption=GaussianCorruption(scale=0.5))
rate = keras.optimizers.schedules.CosineDecay(2e-3, decay_steps=12 * len(x_train) // 128)
dae.compile(keras.optimizers.Adam(rate), loss="mse")
dae.fit(x_train, batch_size=128, epochs=12, verbose=0)
keras_ae.plots.reconstructions(dae, digits)

# %% [markdown]
# Is that good? Three others to compare with: leaving the noisy image as it is; the *best linear filter*, the matrix that turns noisy
# training images into clean ones with the smallest squared error (it has a closed form, the normal equations of least squares); and the
# two networks from above.

# %%
keras.utils.set_random_seed(4)
noisy_train = np.concatenate([np.asarray(noise(x_train[i : i + 5000])) for i in range(0, len(x_train), 5000)])
A = np.column_stack([noisy_train.reshape(-1, 784), np.ones(len(x_train), "float32")])  # (n, 785)
filter_ = np.linalg.solve(A.T @ A + 10 * np.eye(785), A.T @ x_train.reshape(-1, 784)).astype("float32")
linear = (np.column_stack([noisy_test.reshape(-1, 784), np.ones(len(x_test), "float32")]) @ filter_).reshape(x_test.shape)
linear = np.clip(linear, 0, 1)

results = {
    "noisy, as it is": noisy_test,
    "plain autoencoder, 1,000 images": ae.predict(noisy_test, verbose=0),
    "best linear filter": linear,
    "DAE, 1,000 images": dae_few.predict(noisy_test, verbose=0),
    "DAE, all images": dae.predict(noisy_test, verbose=0),
}
for name, x_new in results.items():
    print(f"{name:>32}: {psnr(x_test, x_new):5.2f} dB")

# %%
shown = [np.flatnonzero(y_test == digit)[3] for digit in range(10)]
rows = [x_test[shown]] + [x_new[shown] for x_new in results.values()]
keras_ae.plots.images(np.concatenate(rows), columns=10, titles=["clean", *results])

# %% [markdown]
# The DAE of 1,000 images beats the plain autoencoder of the same 1,000, but not yet the linear filter, which was fitted to all
# images. The
# DAE of all images beats that too. The linear filter blurs, since all that it can do is average pixels with the same weights in every
# image. The DAE knows strokes: it decides what the digit is and draws it. That has a price: where the noise hides too much, it
# draws the *wrong* digit, and does so
# with confidence. Its worst cases:

# %%
errors = np.mean((x_test - results["DAE, all images"]) ** 2, axis=(1, 2, 3))
worst = np.argsort(-errors)[:10]
rows = np.concatenate([x_test[worst], noisy_test[worst], results["DAE, all images"][worst]])
keras_ae.plots.images(rows, columns=10, titles=["clean", "noisy", "denoised, the ten worst of the test set"])

# %% [markdown]
# ## Noise levels
#
# Our DAE was trained with noise of standard deviation 0.5. What does it do with less, or with more?

# %%
keras_ae.plots.corruption_levels(dae, x_test[:2000], levels=[0.0, 0.2, 0.4, 0.6, 0.8, 1.0])

# %% [markdown]
# Where there is no noise at all, doing nothing is better than denoising: the DAE expects noise, and loses a little of every image. Far
# above 0.5 it meets inputs that it has never seen. So the noise of training should be that of use. We train three smaller ones with
# different noise and test each with all:

# %%
scales = [0.25, 0.5, 1.0]
table = np.zeros((3, 3))
for i, trained in enumerate(scales):
    keras.utils.set_random_seed(0)
    model = keras_ae.DAE((28, 28, 1), latent_dim=100, widths=(200,), corruption=GaussianCorruption(scale=trained))
    model.compile(keras.optimizers.Adam(2e-3), loss="mse")
    model.fit(x_train[:20_000], batch_size=128, epochs=6, verbose=0)
    for j, tested in enumerate(scales):
        keras.utils.set_random_seed(5)
        table[i, j] = psnr(x_test[:2000], model.predict(np.asarray(GaussianCorruption(tested)(x_test[:2000])), verbose=0))

fig, axes = plt.subplots(figsize=(4.5, 3.4), layout="constrained")
shown = axes.imshow(table, cmap="cividis")
for i in range(3):
    for j in range(3):
        axes.text(j, i, f"{table[i, j]:.1f}", ha="center", va="center", bbox=dict(facecolor="white", edgecolor="none", alpha=0.8))
axes.set(xlabel="noise tested with", ylabel="noise trained with", title="PSNR in dB, more is better")
axes.set_xticks(range(3), scales)
axes.set_yticks(range(3), scales)
fig.colorbar(shown)
plt.show()
print("best training noise for each test noise:", [scales[i] for i in table.argmax(axis=0)])

# %% [markdown]
# ## What a denoiser knows
#
# In 784 dimensions it is hard to see what the network does. So take points $\mathbf{x}$ in the plane that lie near a spiral, and train a
# DAE on them. For every point of the plane we draw the arrow $f_\theta(g_\phi(\tilde{\mathbf{x}})) - \tilde{\mathbf{x}}$, from the input
# to the output: the correction.

# %%
keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
t = np.sqrt(rng.uniform(0.05, 1, 4000)) * 3 * np.pi
points = np.stack([t * np.cos(t), t * np.sin(t)], axis=1) / 6 + rng.normal(size=(4000, 2)) * 0.02
points = points.astype("float32")

plane = keras_ae.DAE((2,), latent_dim=16, widths=(64, 64), corruption=GaussianCorruption(scale=0.15, clip=None))
rate = keras.optimizers.schedules.CosineDecay(5e-3, decay_steps=60 * 40)
plane.compile(keras.optimizers.Adam(rate), loss="mse")
plane.fit(points, batch_size=100, epochs=60, verbose=0)

grid = np.stack(np.meshgrid(np.linspace(-1.8, 1.8, 28), np.linspace(-1.8, 1.8, 28)), axis=-1).reshape(-1, 2).astype("float32")
arrows = plane.predict(grid, verbose=0) - grid
fig, axes = plt.subplots(figsize=(6.5, 6.5))
axes.scatter(*points[:1500].T, s=4, color="#ee7733", label="data")
axes.quiver(*grid.T, *arrows.T, angles="xy", scale_units="xy", scale=1, width=0.003, color="#0077bb")
axes.set(aspect="equal", title="from the input to the output of the denoiser")
axes.legend(loc="upper right")
plt.show()

# %% [markdown]
# The arrows point to the spiral and vanish on it. The DAE has learned where the data are. This is no accident: for small Gaussian noise
# of variance $\sigma^2$, the best possible correction is
#
# $$f(g(\tilde{\mathbf{x}})) - \tilde{\mathbf{x}} \approx \sigma^2 \, \nabla \log p(\tilde{\mathbf{x}})$$
#
# In words: the step leads uphill, in the direction in which the data become more likely the fastest (Alain and Bengio, 2014). Diffusion
# models, which draw images by denoising many times in a row, are built on this fact.
#
# So one can walk. We start from random points and apply the denoiser again and again:

# %%
x = rng.uniform(-1.5, 1.5, size=(300, 2)).astype("float32")
fig, axes = plt.subplots(1, 4, figsize=(11, 3), layout="constrained")
for steps, ax in zip([0, 1, 3, 10], axes, strict=True):
    walked = x
    for _ in range(steps):
        walked = plane.predict(walked, verbose=0)
    nearest = np.sqrt(((walked[:, None] - points[None]) ** 2).sum(axis=-1)).min(axis=1)
    ax.scatter(*points[:1500].T, s=1, color="#ee7733")
    ax.scatter(*walked.T, s=6, color="#0077bb")
    ax.set(aspect="equal", xlim=(-1.8, 1.8), ylim=(-1.8, 1.8), title=f"{steps} steps")
    print(f"after {steps:2} steps: mean distance to the data {nearest.mean():.3f}")
plt.show()

# %% [markdown]
# ## What we have seen
#
# * An autoencoder with a large code and few data learns its images by heart, and passes on much of the noise of new ones.
# * The DAE's loss differs in one place: the encoder sees $\tilde{\mathbf{x}} \sim \mathcal{M}_\mathcal{D}(\tilde{\mathbf{x}} \vert
#   \mathbf{x})$, the target stays $\mathbf{x}$. A copy is no longer a minimum.
# * With enough images it beats the best linear filter, it works best at the noise that it was trained with, and its corrections
#   point to the data.
#
# ## Exercises
#
# 1. Train the DAE with `"masking"` or `"salt_and_pepper"`. Which noise is the easiest to remove? Does a DAE trained with one help
#    against another?
# 2. Write a corruption of your own, a Keras layer that sets a random $10 \times 10$ square to 0, and train a DAE to fill it in.
# 3. Replace the network by `network="conv"` in "Results on all of MNIST". How many dB do you gain?
# 4. Show the first-layer weights of `dae` and of an equal plain autoencoder as images:
#    `keras_ae.plots.images(0.5 + 2 * W.T.reshape(-1, 28, 28)[:50])`. Which look like strokes?
# 5. Apply `dae` ten times in a row to an image of pure noise, adding a little noise after each step. What appears?
#
# ## References
#
# * P. Vincent, H. Larochelle, Y. Bengio and P.-A. Manzagol, "Extracting and composing robust features with denoising
#   autoencoders", ICML
#   2008.
# * P. Vincent et al., "Stacked denoising autoencoders", Journal of Machine Learning Research 11, 2010.
# * G. Alain and Y. Bengio, "What regularized auto-encoders learn from the data-generating distribution", Journal of Machine Learning
#   Research 15, 2014.
# * L. Weng, ["From autoencoder to beta-VAE"](https://lilianweng.github.io/lil-log/2018/08/12/from-autoencoder-to-beta-vae.html), 2018.
