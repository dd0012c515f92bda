# %% [markdown]
# # Denoising autoencoders
#
# **What you will learn**
#
# * how to write a denoising autoencoder (DAE) in plain Keras, and the same with `keras_ae.DAE`;
# * why a plain autoencoder runs the risk of learning the *identity function*, above all when it has
#   more parameters than there are data points;
# * how a random corruption $\mathcal{M}_\mathcal{D}$ of the input prevents that, and what changes
#   in the loss, $L_\text{DAE}$;
# * how well a DAE cleans digits, compared with the best linear filter;
# * what happens at other noise levels than the one that it was trained with;
# * what a denoiser knows about the data: its correction points to where the data are.
#
# You need to know what an autoencoder and its loss $L_\text{AE}$ are (tutorial 02). The data are
# the digits of MNIST. Without MNIST and without an internet connection, write `"mnist_5k"` instead
# of `"mnist"`.

# %%
import drawings  # the drawings of these tutorials: drawings.py, beside this notebook
import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers, ops

import keras_ae
from keras_ae.corruption import GaussianCorruption, MaskingCorruption, SaltAndPepperCorruption

keras.utils.set_random_seed(0)
plt.rcParams.update({"figure.dpi": 80, "axes.spines.top": False, "axes.spines.right": False})

(x_train, _), (x_test, y_test) = keras_ae.datasets.load("mnist")
x_train, x_test = x_train / np.float32(255), x_test / np.float32(255)  # grey values from 0 to 1


def mse(x, x_new):
    """Mean squared error per pixel."""
    return float(np.mean((np.asarray(x) - np.asarray(x_new)) ** 2))


def psnr(x, x_new):
    """Peak signal-to-noise ratio in dB, -10 log10(mse): 10 dB more is a tenth of the error."""
    return -10 * np.log10(mse(x, x_new))


# %% [markdown]
# ## A denoising autoencoder in plain Keras
#
# Take the autoencoder of tutorial 02, add noise to its input, and still ask for the *clean* image.

# %%
drawings.dae()

# %% [markdown]
# In Keras that is one more layer. `GaussianNoise` adds noise during training, and does nothing
# afterwards.


# %%
class PlainDAE(keras.Model):
    def __init__(self, latent_dim):
        super().__init__()
        self.noise = layers.GaussianNoise(0.5)
        hidden = layers.Dense(400, activation="gelu")
        self.encoder = keras.Sequential([layers.Flatten(), hidden, layers.Dense(latent_dim)])
        hidden, pixels = (
            layers.Dense(400, activation="gelu"),
            layers.Dense(784, activation="sigmoid"),
        )
        self.decoder = keras.Sequential([hidden, pixels, layers.Reshape((28, 28, 1))])

    def call(self, x, training=False):
        noisy = ops.clip(self.noise(x, training=training), 0, 1)  # grey values stay from 0 to 1
        return self.decoder(self.encoder(noisy))


plain = PlainDAE(latent_dim=100)
plain.compile(keras.optimizers.Adam(2e-3), loss="mse")
plain.fit(x_train, x_train, batch_size=128, epochs=3, verbose=0)

digits = x_test[[np.flatnonzero(y_test == digit)[3] for digit in range(10)]]
noisy = np.asarray(ops.clip(plain.noise(digits, training=True), 0, 1))
rows = [digits, noisy, plain.predict(noisy, verbose=0)]
drawings.grid(rows, ["clean", "noisy", "denoised"])

# %% [markdown]
# ## The same with `keras_ae.DAE`
#
# In this library the model above is one line. With the same weights it does the same:

# %%
same = keras_ae.DAE((28, 28, 1), 100, widths=(400,), corruption=GaussianCorruption(scale=0.5))
same.encoder.set_weights(plain.encoder.get_weights())
same.decoder.set_weights(plain.decoder.get_weights())
difference = np.abs(same.reconstruct(noisy) - plain.predict(noisy, verbose=0)).max()
print(f"largest difference of the denoised images: {difference:.1e}")

# %% [markdown]
# What does `keras_ae.DAE` add?
#
# * The noise is a part that you choose: Gaussian, masking, salt and pepper, or any Keras layer.
# * `corrupt(x, seed=...)` gives you the same noise again, for tests and pictures.
# * `evaluate` adds noise too, so it measures $L_\text{DAE}$, the loss of the training. The plain
#   model above is evaluated without noise.
# * Several devices draw different noise, and a training that is resumed goes on with the noise that
#   it would have had (tutorial 09).
#
# ## Why noise? The risk of the identity function
#
# A plain autoencoder minimises
#
# $$L_\text{AE}(\theta, \phi) =
# \frac{1}{n}\sum_{i=1}^n (\mathbf{x}^{(i)} - f_\theta(g_\phi(\mathbf{x}^{(i)})))^2$$
#
# There is a way to make this zero without learning anything about digits:
# $f_\theta(g_\phi(\mathbf{x})) = \mathbf{x}$, a copy. A small code
# $\mathbf{z} = g_\phi(\mathbf{x})$ stands in the way. With a large code, or with so many parameters
# that the images can be learned by heart, nothing does.
#
# Let us provoke it: a code of 1,000 numbers for images of 784 pixels, and only 1,000 training
# images.

# %%
few = x_train[:1000]
wide = dict(shape=(28, 28, 1), latent_dim=1000, widths=(1000,))
ae = keras_ae.AE(**wide)
ae.compile(keras.optimizers.Adam(1e-3), loss="mse")
history = ae.fit(few, batch_size=50, epochs=40, validation_data=x_test[:2000], verbose=0).history
print(f"{ae.count_params():,} parameters for {len(few):,} images, that is {few.size:,} pixels")
errors = [mse(x, ae.predict(x, verbose=0)) for x in (few, x_test)]
print(f"squared error per pixel: training images {errors[0]:.5f}, test images {errors[1]:.5f}")
losses = {"training images": history["loss"], "test images": history["val_loss"]}
drawings.curves(losses, "squared error per pixel", "plain autoencoder, 1,000 images")

# %% [markdown]
# There are two signs of trouble. The first is overfitting: the training images come out nearly
# perfectly, new images several times worse. The second is what the network does with an image that
# is *not* a clean digit. If it knew digits, it would give something like a digit. We add noise to
# test images and look.

# %%
noise = GaussianCorruption(scale=0.5)
keras.utils.set_random_seed(1)
noisy = np.asarray(noise(digits))
rows = [digits, noisy, ae.predict(noisy, verbose=0)]
drawings.grid(rows, ["clean", "noisy", "plain autoencoder"])

# %%
parts = [np.asarray(noise(x_test[i : i + 1000])) for i in range(0, len(x_test), 1000)]
noisy_test = np.concatenate(parts)
print(f"noisy input against the clean digit: {psnr(x_test, noisy_test):5.2f} dB")
denoised = ae.predict(noisy_test, verbose=0)
print(f"its output against the clean digit:  {psnr(x_test, denoised):5.2f} dB")

# %% [markdown]
# It takes some of the noise away, since it has never seen ink in the corners. But where digits
# usually are, it passes on what it gets and turns the noise into smudges. Nothing in its training
# told it that a digit is made of strokes.
#
# ## Corruption
#
# The **denoising autoencoder** corrupts the input and asks for the clean image. Then a copy is a
# bad answer, since the copy would hold the noise. The corruption is a random process, written
#
# $$\tilde{\mathbf{x}} \sim \mathcal{M}_\mathcal{D}(\tilde{\mathbf{x}} \vert \mathbf{x})$$
#
# In words: given the clean image $\mathbf{x}$, $\mathcal{M}_\mathcal{D}$ says how likely each
# corrupted image $\tilde{\mathbf{x}}$ is, and we draw one of them. In `keras_ae` a corruption is a
# layer. Here are three usual ones, weak to strong. The number is the standard deviation of the
# Gaussian noise, or the share of the pixels that become white (masking), or white or black (salt
# and pepper).

# %%
keras.utils.set_random_seed(2)
levels = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
kinds = [GaussianCorruption, MaskingCorruption, SaltAndPepperCorruption]
rows = [np.concatenate([kind(level)(digits[4:5]) for level in levels]) for kind in kinds]
drawings.grid(rows, ["Gaussian", "masking", "salt and pepper"], [*map(str, levels)])

# %% [markdown]
# ## The loss $L_\text{DAE}$
#
# $$\begin{aligned}
# \tilde{\mathbf{x}}^{(i)} &\sim
# \mathcal{M}_\mathcal{D}(\tilde{\mathbf{x}}^{(i)} \vert \mathbf{x}^{(i)})\\
# L_\text{DAE}(\theta, \phi) &= \frac{1}{n} \sum_{i=1}^n
# (\mathbf{x}^{(i)} - f_\theta(g_\phi(\tilde{\mathbf{x}}^{(i)})))^2
# \end{aligned}$$
#
# In words: corrupt each image, encode and decode the corrupted one, and compare the result with the
# clean one. Only the tilde inside $g_\phi(\tilde{\mathbf{x}}^{(i)})$ is new. The noise is drawn
# afresh whenever an image is used, so the network never sees the same input twice, and 1,000 images
# become an endless supply. Here are the same network and the same 1,000 images:

# %%
keras.utils.set_random_seed(0)
dae_few = keras_ae.DAE(**wide, corruption=GaussianCorruption(scale=0.5))
dae_few.compile(keras.optimizers.Adam(1e-3), loss="mse")
dae_few.fit(few, batch_size=50, epochs=40, verbose=0)
print("on noisy test images, after a training with 1,000 images:")
for name, model in {"plain autoencoder": ae, "denoising autoencoder": dae_few}.items():
    print(f"{name:>22}: {psnr(x_test, model.predict(noisy_test, verbose=0)):5.2f} dB")

# %% [markdown]
# `DAE.fit` corrupts by itself, and so does `evaluate`. `predict` and `reconstruct` do not: there
# *you* bring the noise. So we can write the formula of $L_\text{DAE}$ out, and compare it with what
# Keras reports (as a mean over the pixels, and with other draws of the noise).

# %%
corrupted = np.asarray(dae_few.corrupt(x_test, seed=3))
by_hand = mse(x_test, dae_few.predict(corrupted, verbose=0))
by_evaluate = dae_few.evaluate(x_test, verbose=0)
print(f"L_DAE per pixel, by its formula: {by_hand:.5f}   by evaluate: {by_evaluate:.5f}")

# %% [markdown]
# ## Results on all of MNIST
#
# Now a smaller network and all the images that we have.

# %%
keras.utils.set_random_seed(0)
dae = keras_ae.DAE((28, 28, 1), 100, widths=(400,), corruption=GaussianCorruption(scale=0.5))
rate = keras.optimizers.schedules.CosineDecay(2e-3, decay_steps=12 * len(x_train) // 128)
dae.compile(keras.optimizers.Adam(rate), loss="mse")
dae.fit(x_train, batch_size=128, epochs=12, verbose=0)
noisy = np.asarray(dae.corrupt(digits, seed=0))
drawings.grid([digits, noisy, dae.reconstruct(noisy)], ["clean", "noisy", "denoised"])

# %% [markdown]
# Is that good? We compare it with three others: the noisy image as it is; the *best linear filter*,
# the matrix that turns noisy training images into clean ones with the smallest squared error (the
# normal equations of least squares give it at once); and the two networks from above.

# %%
keras.utils.set_random_seed(4)
parts = [np.asarray(noise(x_train[i : i + 5000])) for i in range(0, len(x_train), 5000)]
A = np.column_stack([np.concatenate(parts).reshape(-1, 784), np.ones(len(x_train), "float32")])
filter_ = np.linalg.solve(A.T @ A + 10 * np.eye(785), A.T @ x_train.reshape(-1, 784))  # (785, 784)
B = np.column_stack([noisy_test.reshape(-1, 784), np.ones(len(x_test), "float32")])
linear = np.clip(B @ filter_.astype("float32"), 0, 1).reshape(x_test.shape)

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
rows = [x_test[shown], *(x_new[shown] for x_new in results.values())]
drawings.grid(rows, ["clean", *results])

# %% [markdown]
# With the same 1,000 images the DAE beats the plain autoencoder, but not yet the linear filter,
# which was fitted to all images. The DAE trained on all images beats that, too. The linear filter
# blurs: all that it can do is average pixels, with the same weights in every image. The DAE knows
# strokes: it decides what the digit is, and draws it. That has a price. Where the noise hides too
# much, it draws the *wrong* digit, and looks sure of it. Here are its worst cases:

# %%
errors = np.mean((x_test - results["DAE, all images"]) ** 2, axis=(1, 2, 3))
worst = np.argsort(-errors)[:10]
rows = [x_test[worst], noisy_test[worst], results["DAE, all images"][worst]]
drawings.grid(rows, ["clean", "noisy", "denoised"])

# %% [markdown]
# ## Noise levels
#
# Our DAE was trained with noise of standard deviation 0.5. What does it do with less, or with more?

# %%
keras_ae.plots.corruption_levels(dae, x_test[:2000], levels=[0.0, 0.2, 0.4, 0.6, 0.8, 1.0])

# %% [markdown]
# Where there is no noise at all, doing nothing is better than denoising: the DAE expects noise, and
# loses a little of every image. Far above 0.5 it meets inputs that it has never seen. So train with
# the noise that you expect in use. We train three smaller models with different noise, and test
# each with all three:

# %%
scales = [0.25, 0.5, 1.0]
table = np.zeros((3, 3))
for i, trained in enumerate(scales):
    keras.utils.set_random_seed(0)
    corruption = GaussianCorruption(scale=trained)
    model = keras_ae.DAE((28, 28, 1), 100, widths=(200,), corruption=corruption)
    model.compile(keras.optimizers.Adam(2e-3), loss="mse")
    model.fit(x_train[:20_000], batch_size=128, epochs=6, verbose=0)
    for j, tested in enumerate(scales):
        keras.utils.set_random_seed(5)
        noisy = np.asarray(GaussianCorruption(tested)(x_test[:2000]))
        table[i, j] = psnr(x_test[:2000], model.predict(noisy, verbose=0))

fig, axes = plt.subplots(figsize=(4.5, 3.4), layout="constrained")
shown = axes.imshow(table, cmap="cividis")
for i in range(3):
    for j in range(3):
        box = dict(facecolor="white", edgecolor="none", alpha=0.8)
        axes.text(j, i, f"{table[i, j]:.1f}", ha="center", va="center", bbox=box)
axes.set(
    xlabel="noise tested with", ylabel="noise trained with", title="PSNR in dB, more is better"
)
axes.set_xticks(range(3), scales)
axes.set_yticks(range(3), scales)
fig.colorbar(shown)
plt.show()
print("best training noise for each test noise:", [scales[i] for i in table.argmax(axis=0)])

# %% [markdown]
# ## What a denoiser knows
#
# In 784 dimensions it is hard to see what the network does. So take points $\mathbf{x}$ in the
# plane that lie near a spiral, and train a DAE on them. For points all over the plane we draw an
# arrow in the direction of $f_\theta(g_\phi(\tilde{\mathbf{x}})) - \tilde{\mathbf{x}}$, the
# correction. All arrows have the same length; the colour says how long the correction is.

# %%
keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
t = np.sqrt(rng.uniform(0.05, 1, 4000)) * 3 * np.pi
points = np.stack([t * np.cos(t), t * np.sin(t)], axis=1) / 6 + rng.normal(size=(4000, 2)) * 0.02
points = points.astype("float32")

corruption = GaussianCorruption(scale=0.15, clip=None)
plane = keras_ae.DAE((2,), latent_dim=16, widths=(64, 64), corruption=corruption)
rate = keras.optimizers.schedules.CosineDecay(5e-3, decay_steps=60 * 40)
plane.compile(keras.optimizers.Adam(rate), loss="mse")
plane.fit(points, batch_size=100, epochs=60, verbose=0)

line = np.linspace(-1.8, 1.8, 21)
grid = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2).astype("float32")  # (441, 2)
arrows = plane.predict(grid, verbose=0) - grid
lengths = np.linalg.norm(arrows, axis=1)
fig, axes = plt.subplots(figsize=(7, 6), layout="constrained")
axes.scatter(*points[:1500].T, s=5, color="#ee7733", label="data")
style = dict(pivot="mid", scale=26, width=0.004, cmap="viridis_r")
shown = axes.quiver(*grid.T, *(arrows / lengths[:, None]).T, lengths, **style)
axes.set(aspect="equal", xlabel="$x_1$", ylabel="$x_2$", title="where the denoiser moves a point")
axes.legend(loc="upper right")
fig.colorbar(shown, label="length of the correction", shrink=0.8)
plt.show()

# %% [markdown]
# The arrows point to the spiral, and near it the corrections are short. The DAE has learned where
# the data are. This is no accident. For Gaussian noise of small variance $\sigma^2$, the best
# possible correction is
#
# $$f(g(\tilde{\mathbf{x}})) - \tilde{\mathbf{x}} \approx
# \sigma^2 \, \nabla \log p(\tilde{\mathbf{x}})$$
#
# In words: the correction points in the direction in which the density of the data grows fastest
# (Alain and Bengio, 2014). Diffusion models, which draw images by denoising many times in a row,
# use this fact.
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
    ax.set(
        aspect="equal",
        xlim=(-1.8, 1.8),
        ylim=(-1.8, 1.8),
        title=f"{steps} step{'s' * (steps != 1)}",
    )
    print(f"after {steps:2} steps: mean distance to the data {nearest.mean():.3f}")
plt.show()

# %% [markdown]
# ## What we have seen
#
# * An autoencoder with a large code and few data learns its images by heart, and passes on much of
#   the noise of new ones.
# * The DAE's loss differs in one place: the encoder sees
#   $\tilde{\mathbf{x}} \sim \mathcal{M}_\mathcal{D}(\tilde{\mathbf{x}} \vert \mathbf{x})$, the
#   target stays $\mathbf{x}$. So a copy is not a minimum.
# * With enough images it beats the best linear filter, it works best at the noise that it was
#   trained with, and its corrections point to the data.
#
# ## Exercises
#
# 1. Train the DAE with `"masking"` or `"salt_and_pepper"`. Which noise is the easiest to remove?
#    Does a DAE trained with one help against another?
#
#    <details><summary>Solution</summary>
#
#    `keras_ae.DAE((28, 28, 1), 100, widths=(400,), corruption="masking")`, and likewise for the
#    other. Fill a table of three by three as in "Noise levels". Compare the numbers of one column
#    only, since each kind of noise destroys a different amount.
#
#    </details>
#
# 2. Write a corruption of your own, a Keras layer that sets a random $10 \times 10$ square to 0,
#    and train a DAE to fill it in.
#
#    <details><summary>Solution</summary>
#
#    ```python
#    class Square(layers.Layer):
#        def __init__(self, **kwargs):
#            super().__init__(**kwargs)
#            self.seed = keras.random.SeedGenerator(0)
#
#        def call(self, x, training=False):
#            corner = keras.random.randint((ops.shape(x)[0], 2, 1, 1, 1), 0, 19, seed=self.seed)
#            row, column = ops.arange(28)[:, None, None], ops.arange(28)[None, :, None]
#            inside = (row >= corner[:, 0]) & (row < corner[:, 0] + 10)
#            inside &= (column >= corner[:, 1]) & (column < corner[:, 1] + 10)
#            return ops.where(inside, 0.0, x)
#    ```
#
#    `keras_ae.DAE((28, 28, 1), 100, widths=(400,), corruption=Square())` takes it as it is.
#
#    </details>
#
# 3. Replace the network by `network="conv"` in "Results on all of MNIST". How many dB do you gain?
#
#    <details><summary>Solution</summary>
#
#    `keras_ae.DAE((28, 28, 1), 100, network="conv", corruption=GaussianCorruption(0.5))`. The zoo
#    has both kinds, trained for longer: compare `keras_ae.info("dae_mnist")` with
#    `keras_ae.info("conv_dae_mnist")`.
#
#    </details>
#
# 4. Show the weights of the first layer of `dae` and of an equal plain autoencoder as images. Which
#    look like strokes?
#
#    <details><summary>Solution</summary>
#
#    `W = dae.encoder.layers[2].get_weights()[0]` has shape (784, 400), and
#    `keras_ae.plots.images(0.5 + 2 * W.T.reshape(-1, 28, 28)[:50])` shows 50 of its columns. Do the
#    same for `keras_ae.AE((28, 28, 1), 100, widths=(400,))` after the same training.
#
#    </details>
#
# 5. Apply `dae` ten times in a row to an image of pure noise, adding a little noise after each
#    step. What appears?
#
#    <details><summary>Solution</summary>
#
#    Start with `x = np.random.default_rng(0).random((10, 28, 28, 1), dtype="float32")` and repeat
#    `x = dae.corrupt(dae.reconstruct(x))`; show `dae.reconstruct(x)`. It is the walk of the last
#    picture, in 784 dimensions: some images become a digit, others fade away.
#
#    </details>
#
# ## References
#
# * P. Vincent, H. Larochelle, Y. Bengio and P.-A. Manzagol, "Extracting and composing robust
#   features with denoising autoencoders", ICML 2008.
# * P. Vincent et al., "Stacked denoising autoencoders", Journal of Machine Learning Research 11,
#   2010.
# * G. Alain and Y. Bengio, "What regularized auto-encoders learn from the data-generating
#   distribution", Journal of Machine Learning Research 15, 2014.
# * L. Weng, ["From autoencoder to
#   beta-VAE"](https://lilianweng.github.io/lil-log/2018/08/12/from-autoencoder-to-beta-vae.html),
#   2018.
