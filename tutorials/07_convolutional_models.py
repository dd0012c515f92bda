# %% [markdown]
# # Convolutional models
#
# **What you will learn**
#
# * what a convolution computes, and the two ideas in it: weights are *shared*, and what moves in
#   moves out;
# * how an encoder shrinks an image by strides, and how a decoder enlarges it again by sub-pixel
#   convolutions;
# * where checkerboard patterns come from, and how large they are in a trained model;
# * what a receptive field is, how it grows from layer to layer, and which of its pixels count most;
# * dense against convolutional autoencoders with codes of the same size, measured;
# * what the maps inside `conv_ae_mnist` show, and what convolutions gain on Fashion-MNIST.
#
# You need to know autoencoders (tutorial 02) and, for the last part, the variational autoencoder
# (tutorial 05). Without MNIST at hand write `"mnist_5k"` instead of `"mnist"`; Fashion-MNIST has no
# such substitute.

# %%
import time

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras import layers

import keras_ae

keras.utils.set_random_seed(0)
plt.rcParams.update({"figure.dpi": 80, "axes.spines.top": False, "axes.spines.right": False})
BLUE, ORANGE, TEAL, GREY = "#0077bb", "#ee7733", "#009988", "#888888"

(x_train, _), (x_test, y_test) = keras_ae.datasets.load("mnist")
x_train, x_test = x_train / np.float32(255), x_test / np.float32(255)  # grey values from 0 to 1

# %% [markdown]
# ## What a convolution computes
#
# Take a small table of weights, the *kernel* $k$, lay it on the image $x$, multiply what lies on
# top of each other, and add up. Then move it by one pixel and do it again:
#
# $$h_{ij} = b + \sum_{u=0}^{3} \sum_{v=0}^{3} k_{uv} \, x_{i+u,\, j+v}$$
#
# In words: each value of the new image, or *map*, is a weighted sum of a $4 \times 4$ patch of the
# old one, and the sixteen weights are the same for every patch. (Mathematicians call this a
# correlation; a convolution rotates the kernel by 180 degrees first. Since the kernel is learned,
# it makes no difference.) By hand and by Keras, with a kernel that compares left with right:

# %%
kernel = np.repeat([[1.0, 1.0, -1.0, -1.0]], 4, axis=0).astype("float32") / 8  # (4, 4)
x = x_test[:1]  # a 7
by_hand = np.array(
    [[np.sum(kernel * x[0, i : i + 4, j : j + 4, 0]) for j in range(25)] for i in range(25)]
)
convolution = layers.Conv2D(1, 4)
convolution.build(x.shape)
convolution.set_weights([kernel[:, :, None, None], np.zeros(1)])
by_keras = convolution(x).numpy()[0, ..., 0]
print("shape:", by_hand.shape, f" largest difference: {np.abs(by_hand - by_keras).max():.1e}")

edges = {
    "left - right": kernel,
    "top - bottom": kernel.T,
    "mean of the patch": np.full((4, 4), 1 / 16, "float32"),
}
fig, axes = plt.subplots(1, 4, figsize=(10, 2.9), layout="constrained")
axes[0].imshow(x[0, ..., 0], cmap="gray_r")
axes[0].set_title("image")
for ax, (name, k) in zip(axes[1:], edges.items(), strict=True):
    convolution.set_weights([k[:, :, None, None], np.zeros(1)])
    shown = ax.imshow(convolution(x).numpy()[0, ..., 0], cmap="PuOr", vmin=-1, vmax=1)
    ax.set_title(f"map of the kernel\n{name}", fontsize=11)
fig.colorbar(shown, ax=axes, shrink=0.8, label="value of the map")
for ax in axes:
    ax.axis("off")
plt.show()

# %% [markdown]
# One kernel finds one kind of edge, everywhere in the image. A convolutional layer has many kernels
# and gives as many maps.
#
# ## Idea 1: weights are shared
#
# A dense layer has a weight for each pair of an input and an output. How many weights does it take
# to turn an image of $28 \times 28$ into 32 maps of $14 \times 14$?

# %%
dense_layer, strided = layers.Dense(14 * 14 * 32), layers.Conv2D(32, 4, strides=2, padding="same")
dense_layer.build((None, 784))
strided.build((None, 28, 28, 1))
print(f"dense: {dense_layer.count_params():,} weights   convolution: {strided.count_params():,}")

# %% [markdown]
# ## Idea 2: what moves in, moves out
#
# Let $T$ move an image by some pixels. A convolution $f$ is *equivariant* to translations:
#
# $$f(T \mathbf{x}) = T f(\mathbf{x})$$
#
# In words: first move and then convolve, or first convolve and then move, is the same. An edge
# detector that works in one corner works in all. If the kernel makes steps of two pixels (*stride*
# 2), a move by 2 pixels in the image is a move by 1 in the map, and a move by 1 has no exact
# counterpart. We measure the difference of the two sides, relative to the size of $f(\mathbf{x})$,
# on digits with a margin of zeros around them, so that nothing is lost at the border:


# %%
def moved(x, pixels):
    return np.roll(x, pixels, axis=2)  # to the right; the margin is empty


def difference(f, x, pixels, stride):
    """|f(T x) - T f(x)| / |f(x)|. T moves the map by the nearest whole number of its pixels."""
    then, before = f(moved(x, pixels)), moved(f(x), round(pixels / stride))
    return np.linalg.norm(then - before) / np.linalg.norm(f(x))


wide = np.pad(x_test[:100], ((0, 0), (18, 18), (18, 18), (0, 0)))  # (100, 64, 64, 1)
shifts = range(9)
fig, axes = plt.subplots(figsize=(7, 3.4), layout="constrained")
for stride, colour, marker in [(1, BLUE, "o"), (2, TEAL, "s"), (4, ORANGE, "^")]:
    f = layers.Conv2D(8, 4, strides=stride, padding="same", use_bias=False)
    differences = [
        difference(lambda x, f=f: f(x).numpy(), wide, pixels, stride) for pixels in shifts
    ]
    print(f"convolution, stride {stride}:", np.array(differences).round(6))
    axes.plot(
        shifts, differences, marker=marker, color=colour, label=f"convolution, stride {stride}"
    )
mix = layers.Dense(64 * 64, use_bias=False)


def mixed(x):
    return mix(x.reshape(-1, 4096)).numpy().reshape(x.shape)


differences = [difference(mixed, wide, pixels, 1) for pixels in shifts]
print("dense layer:          ", np.array(differences).round(6))
axes.plot(shifts, differences, marker="d", color=GREY, label="dense layer")
axes.set(
    xlabel="the image is moved by, pixels", ylabel="|f(Tx) - Tf(x)| / |f(x)|", ylim=(-0.05, None)
)
axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
plt.show()

# %% [markdown]
# With stride 1 the difference is 0 for every move, with stride 2 for every second, with stride 4
# for every fourth: strides keep the equivariance to the moves that fit them. To the dense layer a
# moved digit is something altogether new.
#
# ## Down by strides, up by sub-pixels
#
# The network `"conv"` of this library goes down by convolutions of stride 2: each halves height and
# width, while the number of maps grows. A dense layer makes the code.

# %%
keras.utils.set_random_seed(0)
conv = keras_ae.AE((28, 28, 1), latent_dim=16, network="conv", widths=(32, 64))
for model in (conv.encoder, conv.decoder):
    print(model.name)
    for layer in model.layers:
        if layer.count_params() or "depth" in layer.name:
            kind, shape = type(layer).__name__, layer.output.shape[1:]
            print(f"  {kind:>12} {shape!s:>15} {layer.count_params():>8,} weights")

# %% [markdown]
# The way up is a *sub-pixel convolution*: an ordinary convolution gives four times as many maps as
# are wanted, and `DepthToSpace` lays each four of them out as the four corners of larger pixels,
#
# $$y_{2i+a,\, 2j+b} = h^{(2a+b)}_{ij}, \qquad a, b \in \{0, 1\}$$
#
# In words: the maps take turns. Four maps of $2 \times 2$ become one of $4 \times 4$; the number is
# the map that a pixel comes from.

# %%
maps = np.broadcast_to(np.arange(4, dtype="float32"), (1, 2, 2, 4))
small = np.zeros((4, 2, 2)) + np.arange(4)[:, None, None]
large = keras_ae.networks.DepthToSpace()(maps).numpy()[0, ..., 0]
fig, axes = plt.subplots(1, 5, figsize=(9, 2.4), width_ratios=[1, 1, 1, 1, 2], layout="constrained")
for ax, image, name in zip(axes, [*small, large], [*"abcd", ""], strict=True):
    ax.imshow(image, cmap="cividis", vmin=0, vmax=3)
    for (i, j), value in np.ndenumerate(image):
        colour = "black" if value > 1 else "white"
        ax.text(j, i, f"{value:.0f}", ha="center", va="center", color=colour)
    ax.set_title(f"map {'abcd'.index(name)}" if name else "after DepthToSpace")
    ax.axis("off")
plt.show()

# %% [markdown]
# ## Checkerboards
#
# The older way up is the *transposed* convolution, `Conv2DTranspose`: each pixel of the small map
# paints a scaled copy of the kernel on the large one. Where copies overlap, more paint lies. We let
# a *constant* map paint with a kernel of ones: it should become a constant image. If the kernel's
# size is no multiple of the stride, it cannot:

# %%
constant = np.ones((1, 8, 8, 1), "float32")
fig, axes = plt.subplots(1, 3, figsize=(9, 3), layout="constrained")
for ax, (kernel_size, stride) in zip(axes, [(3, 2), (4, 2), (5, 2)], strict=True):
    ones = layers.Conv2DTranspose(1, kernel_size, strides=stride, kernel_initializer="ones")
    shown = ax.imshow(ones(constant).numpy()[0, 2:-2, 2:-2, 0], cmap="cividis", vmin=0, vmax=9)
    ax.set_title(f"kernel {kernel_size}, stride {stride}")
    ax.axis("off")
fig.colorbar(shown, ax=axes, shrink=0.8, label="copies that overlap")
plt.show()

# %% [markdown]
# Kernels of 3 or 5 with stride 2 draw a checkerboard. A kernel of 4 does not, except at the border,
# which is cut off here. But real kernels are not all ones, and with fresh random weights *any* of
# these layers makes patterns of period 2. We measure them: the standard deviation of what becomes
# of a constant map with 16 channels, away from the border, relative to its root mean square, over
# 100 random initialisations.


# %%
def unevenness(make, draws=100):
    values = []
    for _ in range(draws):
        image = make()(np.ones((1, 12, 12, 16), "float32")).numpy()[0, 6:-6, 6:-6, 0]
        values.append(image.std() / np.sqrt(np.mean(image**2)))
    return np.mean(values)


upsamplers = {
    "transposed, kernel 3": lambda: layers.Conv2DTranspose(1, 3, strides=2, padding="same"),
    "transposed, kernel 4": lambda: layers.Conv2DTranspose(1, 4, strides=2, padding="same"),
    "sub-pixel": lambda: keras.Sequential(
        [layers.Conv2D(4, 3, padding="same"), keras_ae.networks.DepthToSpace()]
    ),
    "nearest neighbour, then convolution": lambda: keras.Sequential(
        [layers.UpSampling2D(), layers.Conv2D(1, 3, padding="same")]
    ),
}
for name, make in upsamplers.items():
    print(f"{name:>36}: {unevenness(make):.2f}")

# %% [markdown]
# Only resizing first is free of them from the start. The others have to *learn* smooth images, and
# they do, if the loss asks for them. Does the trained `conv_ae_mnist`, which uses sub-pixels? A
# checkerboard is the highest frequency that an image can have, so it would show as a peak at the
# right end of the spectrum. We compare reconstructions with originals.


# %%
def power(x):
    """Mean power at each radial frequency, in cycles per pixel: (n, 28, 28, 1) -> (radii,)."""
    spectrum = np.mean(np.abs(np.fft.fft2(x[..., 0])) ** 2, axis=0)
    along = np.abs(np.fft.fftfreq(28))
    radius = np.round(np.hypot(along[:, None], along[None]) * 28).astype(int)
    return np.bincount(radius.ravel(), spectrum.ravel()) / np.bincount(radius.ravel())


zoo = keras_ae.load("conv_ae_mnist")
original, rebuilt = power(x_test[:2000]), power(zoo.predict(x_test[:2000], verbose=0))
frequency = np.arange(len(original)) / 28
fig, axes = plt.subplots(figsize=(6.5, 3.2), layout="constrained")
axes.semilogy(frequency, original, color="black", linewidth=2, label="originals")
axes.semilogy(
    frequency, rebuilt, "--", color=BLUE, linewidth=2, label="reconstructions by conv_ae_mnist"
)
axes.set(xlabel="frequency, cycles per pixel", ylabel="mean power")
axes.axvline(np.hypot(0.5, 0.5), color=GREY, linewidth=1)
axes.text(0.69, original[2], "checkerboard", ha="right", color=GREY)
axes.legend(frameon=False, loc="lower left")
plt.show()
print(
    f"power at the highest frequency, reconstructions / originals: {rebuilt[-1] / original[-1]:.2f}"
)

# %% [markdown]
# There is no peak: the reconstructions hold a little *less* of the highest frequencies than the
# originals, as they are a little smoother.
#
# ## Receptive fields
#
# Which pixels can a value deep in the encoder see? Each layer adds its kernel's reach, in steps of
# all the strides before it:
#
# $$r_l = r_{l-1} + (k_l - 1) \prod_{m<l} s_m, \qquad r_0 = 1$$
#
# In words: after a layer of stride 2, neighbours in the map are two pixels apart, so the next
# kernel of 4 reaches $3 \cdot 2$ pixels further. For three such layers $r$ is 4, 10, 22. The
# gradient of one value in the middle of each map, with respect to the image, shows it: it is zero
# outside the field. (The image here is 64 pixels wide, so that all fields fit in.)

# %%
keras.utils.set_random_seed(0)
deep = keras_ae.AE((64, 64, 1), latent_dim=16, network="conv", widths=(16, 32, 64))
activated = [layer.output for layer in deep.encoder.layers if "gelu" in layer.name]
fields = keras.Model(deep.encoder.input, activated)
image = tf.Variable(tf.ones((1, 64, 64, 1)))
with tf.GradientTape(persistent=True) as tape:
    middles = [tf.reduce_sum(h[0, h.shape[1] // 2, h.shape[2] // 2]) for h in fields(image)]
fig, axes = plt.subplots(1, 3, figsize=(9, 3.2), layout="constrained")
for i, (ax, value) in enumerate(zip(axes, middles, strict=True)):
    gradient = np.abs(tape.gradient(value, image).numpy()[0, ..., 0])
    rows = np.flatnonzero(gradient.sum(axis=1))
    ax.imshow(gradient / gradient.max(), cmap="cividis")
    side = rows[-1] - rows[0] + 1
    ax.set(title=f"layer {i + 1}: {side} x {side} pixels", xticks=[], yticks=[])
plt.show()

# %% [markdown]
# Within its field not all pixels count alike: the middle is reached by more paths. In the trained
# `conv_ae_mnist`, how much of the gradient of layer 2 falls on the inner $4 \times 4$ of its
# $10 \times 10$ pixels?

# %%
h = [layer.output for layer in zoo.encoder.layers if "gelu" in layer.name][1]
image = tf.Variable(x_test[:200])
with tf.GradientTape() as tape:
    values = keras.Model(zoo.encoder.input, h)(image)[:, 3, 3]  # in the middle: (200, maps)
    middle = tf.reduce_sum(tf.reduce_max(values, axis=-1))  # the strongest map of each image
gradient = np.abs(tape.gradient(middle, image).numpy()).mean(axis=(0, 3))
rows, columns = np.flatnonzero(gradient.sum(axis=1)), np.flatnonzero(gradient.sum(axis=0))
field = gradient[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
inner = field[3:7, 3:7].sum() / field.sum()
print(f"field: {field.shape[0]} x {field.shape[1]}, share of the inner 4 x 4: {inner:.2f}")
print(f"the inner 4 x 4 are {16 / field.size:.2f} of the pixels")

# %% [markdown]
# ## Dense against convolutional, at equal code size
#
# We train a dense autoencoder (two hidden layers of 500) and a convolutional one (32 and 64 maps)
# with the same code of 16 numbers, the same loss, and the same number of steps, on fewer and on
# more images. Fewer images are seen more often. The training is short.

# %%
BATCH, STEPS, CODE = 128, 375, 16


def trained(n, steps=STEPS, **network):
    """An autoencoder trained on the first n images, and the seconds it took.

    The number of steps does not depend on n.
    """
    keras.utils.set_random_seed(0)
    model = keras_ae.AE((28, 28, 1), latent_dim=CODE, **network)
    rate = keras.optimizers.schedules.CosineDecay(2e-3, steps)
    model.compile(keras.optimizers.Adam(rate), loss="mse")
    start = time.perf_counter()
    model.fit(x_train[:n], batch_size=BATCH, epochs=round(steps * BATCH / n), verbose=0)
    return model, time.perf_counter() - start


def error(model, x):
    return float(np.mean((model.predict(x, batch_size=1000, verbose=0) - x) ** 2))


sizes = [1000, 4000, 16_000]
networks = {"dense": dict(network="dense"), "conv": dict(network="conv", widths=(32, 64))}
models, seconds = {}, {}
for name, options in networks.items():
    for n in sizes:
        models[name, n], seconds[name] = trained(n, **options)
    errors = [error(models[name, n], x_test) for n in sizes]
    print(
        f"{name:>5}: {models[name, n].count_params():9,} weights, {seconds[name]:3.0f} s, ", end=""
    )
    print(f"test mse of {sizes} images: {np.array(errors).round(5)}")

fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.4), layout="constrained")
for name, colour, marker in [("dense", ORANGE, "s"), ("conv", BLUE, "o")]:
    on_test = [error(models[name, n], x_test) for n in sizes]
    on_train = [error(models[name, n], x_train[:n]) for n in sizes]
    left.semilogx(sizes, on_test, marker=marker, color=colour, label=f"{name}, test")
    left.semilogx(
        sizes, on_train, ":", marker=marker, color=colour, mfc="white", label=f"{name}, training"
    )
    of_moved = [error(models[name, 16_000], moved(x_test, pixels)) for pixels in range(5)]
    right.plot(range(5), of_moved, marker=marker, color=colour, label=name)
left.set(
    xlabel="training images", ylabel="mse per pixel", ylim=(0, None), title="code of 16 numbers"
)
right.set_xticks(range(5))
left.set_xticks(sizes, [f"{n:,}" for n in sizes])
left.minorticks_off()
right.set(xlabel="test digits moved by, pixels", ylabel="mse per pixel", ylim=(0, None))
right.set_title("trained on centred digits")
left.legend(frameon=False)
right.legend(frameon=False)
plt.show()

# %% [markdown]
# With a sixth of the weights, the convolutional autoencoder makes the smaller error each time. A
# step takes it longer, as each of its weights is used many times.
#
# But why is the dense autoencoder *worse* with 16,000 images than with 4,000? Its error on the
# training images rises too, so it does not learn them by heart. The training is too short: in 375
# steps it sees each of the 16,000 images three times only, and each of the 4,000 twelve times. We
# train it four times as long:

# %%
for n in sizes[1:]:
    longer, _ = trained(n, steps=4 * STEPS, network="dense")
    print(f"dense, {n:6,} images, {4 * STEPS:,} steps: test mse {error(longer, x_test):.5f}")

# %% [markdown]
# Now more images are better, as one expects.
#
# On moved digits *both* get worse. The layers of convolutions are equivariant, but not the dense
# layers around the code, which have only ever seen centred digits.
#
# ## The zoo
#
# The models that come with the package were trained for longer, on 55,000 or 58,000 of the 60,000
# images. Their cards were measured on all 10,000 test images.

# %%
names = ["ae_mnist", "conv_ae_mnist", "vae_normal_mnist", "conv_vae_mnist"]
names += ["ae_fashion_mnist", "conv_ae_fashion_mnist"]
names += ["vae_fashion_mnist", "conv_vae_fashion_mnist"]
for name in names:
    card = keras_ae.info(name)
    best = card.metrics[0]
    what = f"{best['name']} {best['value']:.5g} {best['unit']}"
    latent_dim = card.metadata["model"]["latent_dim"]
    print(f"{name:>23}: code of {latent_dim} numbers, {card.parameters:9,} weights, {what}")

# %%
digits = x_test[[np.flatnonzero(y_test == digit)[3] for digit in range(10)]]
keras_ae.plots.reconstructions(zoo, digits)

# %% [markdown]
# `conv_vae_mnist` is a VAE of convolutions and residual blocks, so one can draw from it:

# %%
keras_ae.plots.images(keras_ae.load("conv_vae_mnist").sample(40, seed=0), columns=10)

# %% [markdown]
# ## Feature maps
#
# What has `conv_ae_mnist` learned to look for? Its encoder's first layer has 32 kernels of
# $4 \times 4$. Here are the 16 whose maps of the digit 2 are strongest, and below them these maps,
# in the same order:

# %%
convolutions = [layer for layer in zoo.encoder.layers if isinstance(layer, layers.Conv2D)]
kernels = convolutions[0].kernel.numpy()[:, :, 0].transpose(2, 0, 1)  # (4, 4, 1, 32) -> (32, 4, 4)
activated = [layer.output for layer in zoo.encoder.layers if "gelu" in layer.name]
maps = keras.Model(zoo.encoder.input, activated)
first, second = (
    h.numpy()[0].transpose(2, 0, 1) for h in maps(digits[[2]])
)  # (32, 14, 14), (64, 7, 7)


def gallery(images, title, cmap, low, columns=8):
    """Images of one scale, in rows, with a bar that says what a colour means."""
    rows = -(-len(images) // columns)
    fig, axes = plt.subplots(rows, columns, figsize=(9, 1.05 * rows + 0.5), layout="constrained")
    high = np.abs(images).max()
    for ax, image in zip(axes.flat, images, strict=True):
        shown = ax.imshow(image, cmap=cmap, vmin=-high if low is None else low, vmax=high)
        ax.set(xticks=[], yticks=[])
    fig.colorbar(shown, ax=axes, shrink=0.8)
    fig.suptitle(title, fontsize=11)
    plt.show()


strongest = np.argsort(first.max(axis=(1, 2)))[::-1][:16]
gallery(kernels[strongest], "16 kernels of layer 1: the weights", "PuOr", None)
gallery(first[strongest], "their maps of the digit 2, after the activation", "magma", 0)
strongest = np.argsort(second.max(axis=(1, 2)))[::-1][:16]
gallery(second[strongest], "the 16 strongest maps of layer 2", "magma", 0)

# %% [markdown]
# Some kernels of the first layer compare one side with the other: they are edge detectors, and
# nobody has put them there. Others have mostly one sign: they answer to ink. A value of the second
# layer sees $10 \times 10$ pixels. Its maps are hard to read one by one; most are active in a few
# places of this digit only.
#
# ## Fashion-MNIST
#
# Clothes have texture, which digits have not. The first rows: originals, and reconstructions by the
# dense and by the convolutional autoencoder of the zoo.

# %%
_, (clothes, kinds) = keras_ae.datasets.load("fashion_mnist")
clothes = clothes / np.float32(255)
names = ["T-shirt", "trousers", "pullover", "dress", "coat"]
names += ["sandal", "shirt", "sneaker", "bag", "ankle boot"]
fashion = {}
for name in ("ae", "conv_ae"):
    model = keras_ae.load(f"{name}_fashion_mnist")
    fashion[name] = model.predict(clothes, batch_size=1000, verbose=0)
some = [np.flatnonzero(kinds == kind)[1] for kind in range(10)]
rows = np.concatenate([clothes[some], *(rebuilt[some] for rebuilt in fashion.values())])
titles = ["original", "dense: ae_fashion_mnist", "convolutional: conv_ae_fashion_mnist"]
keras_ae.plots.images(rows, columns=10, titles=titles)

# %%
errors = {
    name: np.mean((rebuilt - clothes) ** 2, axis=(1, 2, 3)) for name, rebuilt in fashion.items()
}
fig, axes = plt.subplots(figsize=(8, 3.2), layout="constrained")
for offset, (name, colour) in zip((-0.2, 0.2), [("ae", ORANGE), ("conv_ae", BLUE)], strict=True):
    heights = [errors[name][kinds == kind].mean() for kind in range(10)]
    axes.bar(np.arange(10) + offset, heights, 0.38, color=colour, label=f"{name}_fashion_mnist")
axes.set_xticks(range(10), names, rotation=30, ha="right")
axes.set(ylabel="mse per pixel, test images")
axes.legend(frameon=False)
plt.show()
print({name: float(values.mean().round(6)) for name, values in errors.items()})

# %% [markdown]
# And clothes drawn by `conv_vae_fashion_mnist`:

# %%
keras_ae.plots.images(keras_ae.load("conv_vae_fashion_mnist").sample(40, seed=0), columns=10)

# %% [markdown]
# ## What we have seen
#
# * A convolution uses a few weights everywhere, and treats a moved image as a moved image.
# * Strides shrink the maps and enlarge the receptive fields; sub-pixel convolutions enlarge the
#   maps again.
# * Checkerboards come from the way up. Training removes them where the loss sees them.
#
# ## Exercises
#
# 1. Measure the equivariance of the whole `conv_ae_mnist`, reconstruction included, against moves
#    by 0 to 4 pixels. Which layer breaks it?
# 2. Shuffle the pixels of all images by one fixed permutation and train `"dense"` and `"conv"`
#    again. Which of the two does not notice?
# 3. Build a decoder with `Conv2DTranspose` and kernels of 3 (tutorial 08 shows how to use your own
#    network). Train it for 50 steps and for 500, and look at the spectrum each time.
# 4. Train with `activation="relu"` and look at the maps again. How many kernels of layer 1 are
#    never active?
# 5. Give both autoencoders a code of 2 numbers. How much of the gain is left, and why?
#
# <details><summary>Solutions</summary>
#
# 1. `difference(lambda x: zoo.predict(x, verbose=0), x_test[:100], pixels, 1)` for 0 to 4 pixels.
#    It is far from 0. The convolutions keep a move by 4 pixels, but the dense layers around the
#    code do not.
# 2. `order = np.random.default_rng(0).permutation(784)`, then reshape
#    `x.reshape(-1, 784)[:, order]`. The dense network does not notice, since it treats all pixels
#    alike. The convolutional one gets worse, since neighbours are no longer neighbours.
# 3. Put `layers.Conv2DTranspose(width, 3, strides=2, padding="same", activation="gelu")` in the
#    place of each sub-pixel convolution, and draw `power` of the reconstructions after both
#    trainings. Look at the right end.
# 4. A map is never active if its largest value over many test images is 0. Count these maps.
# 5. Set `CODE = 2` and run the cells again. A code of two numbers holds little of an image, so ask
#    whether the network or the code limits the error.
#
# </details>
#
# ## References
#
# * Y. LeCun et al., "Gradient-based learning applied to document recognition", Proceedings of the
#   IEEE 86, 1998.
# * J. Masci et al., "Stacked convolutional auto-encoders for hierarchical feature extraction",
#   ICANN 2011.
# * W. Shi et al., "Real-time single image and video super-resolution using an efficient sub-pixel
#   convolutional neural network", CVPR 2016.
# * A. Odena, V. Dumoulin and C. Olah, ["Deconvolution and checkerboard
#   artifacts"](https://distill.pub/2016/deconv-checkerboard/), Distill, 2016.
# * V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning",
#   arXiv:1603.07285, 2016.
# * A. Aitken et al., "Checkerboard artifact free sub-pixel convolution", arXiv:1707.02937, 2017.
