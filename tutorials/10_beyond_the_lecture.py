# %% [markdown]
# # Beyond the lecture
#
# **What you will learn**
#
# * how to keep an autoencoder from copying its input, without a narrow code: sparse, k-sparse and
#   contractive autoencoders;
# * what else a variational autoencoder may minimise, and which priors and posteriors it may have;
# * what each of the other models is for: layers of latent variables, labels, symbols, pictures in
#   colour, sequences, states of the world, clusters.
#
# You need to know the variational autoencoder (tutorial 05) and the importance-weighted bound
# (tutorial 06). Most models here are pretrained and come from the zoo; a few are trained on the
# small digits of scikit-learn, which takes seconds. Without MNIST at hand write `"mnist_5k"`
# instead of `"mnist"`.

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np
import sklearn.cluster

import keras_ae

keras.utils.set_random_seed(0)
plt.rcParams.update({"figure.dpi": 80, "axes.spines.top": False, "axes.spines.right": False})
GREY, ORANGE = "#888888", "#ee7733"

(x_train, _), (x_test, y_test) = keras_ae.datasets.load("mnist")
one_of_each = x_test[[np.flatnonzero(y_test == digit)[3] for digit in range(10)]] / np.float32(255)


def labelled(images, rows, columns=None, title=None):
    """Images (len(rows) * n, height, width, 1) in rows, with a label per row and per column."""
    images = np.pad(np.asarray(images)[..., 0], ((0, 0), (1, 1), (1, 1)))  # a gap between them
    n, (height, width) = len(images) // len(rows), images.shape[1:]
    tiles = images.reshape(len(rows), n, height, width).transpose(0, 2, 1, 3)
    fig, ax = plt.subplots(figsize=(0.62 * n + 1.5, 0.62 * len(rows) + 0.6), layout="constrained")
    ax.imshow(tiles.reshape(len(rows) * height, n * width), cmap="gray_r", vmin=0, vmax=1)
    ax.set_yticks(height * (np.arange(len(rows)) + 0.5), rows)
    columns = [""] * n if columns is None else columns
    ax.set_xticks(width * (np.arange(n) + 0.5), columns)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set_title(title or "", fontsize=11)
    plt.show()


def card(name):
    """What the card of a pretrained model says of its main number."""
    metric = keras_ae.info(name).metrics[0]
    error = f" +- {metric['standard_error']:.2g}"
    return f"{name}: {metric['name']} {metric['value']:.5g}{error} {metric['unit']}"


# %% [markdown]
# ## Sparse, k-sparse, contractive
#
# A code may be wide if something else keeps it from being a copy. A **sparse** autoencoder pays for
# active units. A **k-sparse** one keeps the $k$ largest and drops the others. A **contractive** one
# pays for every direction in which a small change of $x$ changes its code:
#
# $$-\log p(x \mid g(x)) + \lambda \lVert g(x) \rVert_1, \qquad z = \mathrm{top}_k\, g(x),
# \qquad -\log p(x \mid g(x))
# + \lambda \left\lVert \frac{\partial g(x)}{\partial x} \right\rVert_F^2 .$$
#
# We train four autoencoders with a code of 64 numbers, as many as the images have pixels:

# %%
SHAPE = (8, 8, 1)
(small_train, _), (small_test, _) = keras_ae.datasets.load("digits")
small_train, small_test = small_train / np.float32(255), small_test / np.float32(255)


def trained(model, *data, epochs=30, rate=3e-3, batch_size=64):
    """The model, after a short training."""
    steps = epochs * -(-len(data[0]) // batch_size)
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, steps)))
    model.fit(*data, batch_size=batch_size, epochs=epochs, verbose=0)
    return model


WIDE = dict(latent_dim=64, widths=(64,))
models = {
    "AE": keras_ae.AE(SHAPE, **WIDE),
    "sparse (L1)": keras_ae.SparseAE(SHAPE, sparsity=keras_ae.sparsity.L1Sparsity(0.05), **WIDE),
    "k-sparse, k = 8": keras_ae.KSparseAE(SHAPE, k=8, **WIDE),
    "contractive": keras_ae.ContractiveAE(SHAPE, weight=0.1, **WIDE),
}
noise = 0.1 * np.random.default_rng(0).standard_normal(small_test.shape)
noisy = np.clip(small_test + noise, 0, 1).astype("float32")
fig, axes = plt.subplots(1, 4, figsize=(11, 2.3), sharey=True, layout="constrained")
for ax, (name, model) in zip(axes, models.items(), strict=True):
    trained(model, small_train)
    z, moved = np.array(model.encode(small_test)), np.array(model.encode(noisy))
    shift = np.linalg.norm(moved - z) / np.linalg.norm(z)
    error = np.mean((model.predict(small_test, verbose=0) - small_test) ** 2)
    active = np.mean(np.abs(z) > 0.01)
    print(f"{name:16} error per pixel {error:.4f}, active units {active:4.0%}, ", end="")
    print(f"noise moves the code by {shift:4.0%}")
    ax.bar(np.arange(64), np.abs(z[0]), width=1.0)
    ax.set(title=name, xlabel="unit")
axes[0].set_ylabel("|z| of one digit")
plt.show()

# %% [markdown]
# The sparse codes have fewer active units, and the contractive code moves least when noise is added
# to the image. Each pays for it with a larger error.
#
# ## What a VAE may minimise, and its priors and posteriors
#
# Objective, prior and posterior are parts that combine freely:
#
# | part | for example | what it does |
# |---|---|---|
# | `objective="iwae"` | IWAE | trains by the importance-weighted bound |
# | `objective="total_correlation"` | beta-TCVAE | presses on the dependence between dimensions |
# | `objective="mmd"` | InfoVAE | compares all codes of a batch with the prior |
# | `beta=WarmUp(5000)` | warm-up | lets the KL term grow during training |
# | `prior="vamp"` | VampPrior | a mixture of posteriors of learned inputs |
# | `prior="realnvp"` | RealNVP | bends a Gaussian by invertible functions |
# | `posterior="full"` | full covariance | an ellipse in any direction |
# | `posterior="sylvester"` | flow | a posterior that is no Gaussian |
#
# What is a part worth? One short training on small digits does not tell: if two of them differ by a
# few tenths of a nat, another seed may turn the order round. The project compares the parts on all
# of MNIST, in `benchmarks/family.md`. Most differences there are several nats, many times the
# standard errors. Here we only check that any combination trains:

# %%
binary = keras_ae.datasets.binarize(small_train, seed=1)
for options in (
    dict(prior="vamp", posterior="full"),
    dict(prior="realnvp", objective="iwae"),
    dict(posterior="sylvester", objective="mmd"),
):
    vae = keras_ae.VAE(SHAPE, latent_dim=8, widths=(64,), **options)
    losses = trained(vae, binary, epochs=10).history.history["loss"]
    print(f"{options!s:52} loss {losses[0]:6.2f} in epoch 1, {losses[-1]:6.2f} in epoch 10")

# %% [markdown]
# ## Layers of latent variables: a better density
#
# $$p(x, z_1, z_2) = p(x \mid z_1, z_2)\, p(z_2 \mid z_1)\, p(z_1)$$
#
# An `HVAE` has several layers of latent variables. The upper layer $z_1$ is drawn first, and the
# lower one $z_2$ depends on it. So the prior of the whole code is not a fixed Gaussian. The
# upper layer of `hvae_mnist` has a VampPrior too. The cards say how likely the two models find the
# test images: `nll` is minus the log-likelihood per image, so smaller is better.

# %%
hvae = keras_ae.load("hvae_mnist")
print(card("hvae_mnist"))
print(card("vae_normal_mnist"))
drawn = [hvae.sample(30, seed=0), keras_ae.load("vae_normal_mnist").sample(30, seed=0)]
rows = ["HVAE", "", "VAE", ""]
labelled(np.concatenate(drawn), rows, title="digits drawn by hvae_mnist and by vae_normal_mnist")

# %% [markdown]
# What does each layer hold? We keep the upper layer of an image and take the lower layer of another
# image, and the other way round:

# %%
upper, lower = hvae.split(hvae.encode(one_of_each, sample=True, seed=0))
others_upper, others_lower = hvae.split(hvae.encode(one_of_each[::-1], sample=True, seed=1))
rows = {
    "image": one_of_each,
    "both layers": hvae.decode(keras.ops.concatenate([upper, lower], axis=1)),
    "its upper layer": hvae.decode(keras.ops.concatenate([upper, others_lower], axis=1)),
    "its lower layer": hvae.decode(keras.ops.concatenate([others_upper, lower], axis=1)),
}
title = "each column: what is left of its image if the other layer comes from another image"
labelled(np.concatenate([*rows.values()]), [*rows], title=title)

# %% [markdown]
# ## Labels: draw the digit that is asked for
#
# A `ConditionalVAE` is $p(x \mid y, z)\,p(y)\,p(z)$. What the label $y$ leaves open, such as slant
# and thickness, is $z$. A code is the label, one-hot, and $z$ beside it. So one can ask for a
# digit, in a given style. Each row has its own $z \sim p(z)$, and each column its own label:

# %%
cvae = keras_ae.load("cvae_mnist")
styles, digits = 6, np.eye(10, dtype="float32")
z = np.random.default_rng(0).normal(size=(styles, cvae.latent_dim - 10)).astype("float32")
codes = np.concatenate([np.tile(digits, (styles, 1)), np.repeat(z, 10, axis=0)], axis=1)
columns = [f"a {digit}" for digit in range(10)]
labelled(cvae.decode(codes), [f"style {i + 1}" for i in range(styles)], columns)

# %% [markdown]
# `cvae.sample(12, labels=3)` draws twelve times a 3, each in another style. The model also has a
# classifier $q(y \mid x)$, `cvae.classify`. The card tells how many of the 10,000 test images it
# classifies right:

# %%
print(card("cvae_mnist"))

# %% [markdown]
# It also learns from few labels: give -1 where the label is not known. The guide `docs/recipes.md`
# trains a classifier from 100 labels and 60,000 images.
#
# ## Symbols: few bits, small errors
#
# A `VQVAE` replaces each part of a code by the nearest row of a codebook. The code becomes a map of
# symbols: the numbers of these rows. `vqvae_mnist` has two symbols out of 1,024 at each of 7 x 7
# places. That is 98 symbols of 10 bits, 980 bits, where the image itself has 784 pixels of 8 bits,
# 6,272 bits. The upper number in each square below is the first symbol of its place:

# %%
vqvae = keras_ae.load("vqvae_mnist")
image = one_of_each[2:3]
symbols = np.array(vqvae.symbols(image)).reshape(7, 7, 2)
fig, axes = plt.subplots(1, 3, figsize=(11, 3.9), layout="constrained")
titles = ("image", "symbols: all that the decoder is given", "reconstruction")
for ax, shown, title in zip(axes, (image, None, vqvae.reconstruct(image)), titles, strict=True):
    pixels = np.zeros((28, 28)) if shown is None else np.asarray(shown)[0, ..., 0]
    ax.imshow(pixels, cmap="gray_r", vmin=0, vmax=1, extent=(0, 7, 7, 0))
    ax.set(xticks=range(8), yticks=range(8), xticklabels=[], yticklabels=[], title=title)
    ax.grid(color="#cccccc", linewidth=0.8)
    ax.tick_params(length=0)
for (row, column), (first, second) in zip(
    np.ndindex(7, 7), symbols.reshape(-1, 2).tolist(), strict=True
):
    place = dict(x=column + 0.5, y=row + 0.5, ha="center", va="center", fontsize=8)
    axes[1].text(s=f"{first}\n{second}", **place)
plt.show()

# %% [markdown]
# Here are ten images and what is left of them. Symbols have no order: 500 is not between 499 and
# 501, so one cannot walk from one code to another. What one can do is exchange the symbols of some
# places. In the last row the left half of the symbols, columns 1 to 4 of the map, comes from the
# next image:

# %%
maps = np.array(vqvae.symbols(one_of_each)).reshape(10, 7, 7, 2)
mixed = np.concatenate([np.roll(maps, -1, axis=0)[:, :, :4], maps[:, :, 4:]], axis=2)
rows = [one_of_each, vqvae.reconstruct(one_of_each), vqvae.decode_symbols(mixed.reshape(10, 98))]
labelled(np.concatenate(rows), ["image", "reconstruction", "left half exchanged"])
print(card("vqvae_mnist"))

# %% [markdown]
# Each symbol acts on its own neighbourhood of the image. The `mse` of the card is the squared error
# per pixel. To draw new images from a VQVAE, train a PixelCNN on its symbols:
# `keras_ae.samplers.fit(vqvae, x_train, kind="pixelcnn")`, which takes minutes.
#
# ## Colour: emoji drawn by a model
#
# `vae_emoji` is a convolutional VAE of pictures of 64 x 64 pixels in colour. It differs from the
# VAE of tutorial 05 in two parts, and has beta = 5. A Bernoulli likelihood does not suit colours,
# so the likelihood is a `DiscretizedLogisticMixture`: it gives a probability to each of the 256
# levels of a value. And the prior is a mixture of 150 Gaussians: emoji come in groups, such as
# faces, couples and flags, with little in between. The mixture was fitted to the codes after the
# training. About two of three draws look like emoji; the others are blots:

# %%
emoji = keras_ae.load("vae_emoji")
keras_ae.plots.samples(emoji, n=64, seed=0)

# %% [markdown]
# The model has seen only 3,473 pictures, and what it draws are variations of them. A walk between
# two codes stays sharp within a group: a walker begins to run. Between two groups lies nothing that
# the model has seen, and the pictures are blurred. The ends of each row are drawn by it, too:

# %%
drawn = np.array(emoji.sample(64, seed=0))
first, last = drawn[[0, 14, 16, 33]], drawn[[25, 15, 22, 34]]
keras_ae.plots.interpolations(emoji, first, last)

# %% [markdown]
# ## A density afterwards: draw from an autoencoder
#
# An AE has no prior. A code drawn from $N(0, I)$ decodes to no digit. But one can fit a density to
# the codes of training images, and draw from that:

# %%
ae = keras_ae.load("ae_mnist")
codes = np.random.default_rng(0).standard_normal((12, ae.latent_dim)).astype("float32")
sampler = keras_ae.samplers.fit(ae, x_train[:10_000])
rows = ["N(0, I)", "fitted mixture"]
title = "drawn by ae_mnist, whose codes come from"
labelled(np.concatenate([ae.decode(codes), sampler.sample(12, seed=0)]), rows, title=title)

# %% [markdown]
# ## Sequences: drawings stroke by stroke
#
# A `SequenceAE` reads a sequence step by step and writes it again from one code.
# `sequence_ae_omniglot` has learned the strokes of handwritten letters from eight alphabets. A step
# is $(x, y, \text{pen})$, where pen = 1 ends a stroke. Drawings of different lengths are padded,
# and padding never counts. Its data, `keras_ae.datasets.load("omniglot_strokes")`, may have to be
# downloaded. You need none to try the model: here are letters made of straight lines, which it has
# never seen. Change them, or add your own.

# %%
LETTERS = {
    "L": [[(-0.4, 0.6), (-0.4, -0.6), (0.4, -0.6)]],
    "Z": [[(-0.5, 0.6), (0.5, 0.6), (-0.5, -0.6), (0.5, -0.6)]],
    "T": [[(-0.5, 0.6), (0.5, 0.6)], [(0.0, 0.6), (0.0, -0.6)]],
    "V": [[(-0.5, 0.6), (0.0, -0.6), (0.5, 0.6)]],
    "X": [[(-0.5, 0.6), (0.5, -0.6)], [(-0.5, -0.6), (0.5, 0.6)]],
    "N": [[(-0.4, -0.6), (-0.4, 0.6), (0.4, -0.6), (0.4, 0.6)]],
}


def steps_of(lines, points=12, length=48):
    """Strokes, lists of corners -> steps (length, 3), padded with -1."""
    steps = []
    for corners in lines:
        at = np.linspace(0, len(corners) - 1, points)
        x, y = (np.interp(at, range(len(corners)), axis) for axis in np.transpose(corners))
        steps.append(np.stack([x, y, np.arange(points) == points - 1], axis=1))
    steps = np.concatenate(steps)
    return np.pad(steps, ((0, length - len(steps)), (0, 0)), constant_values=-1).astype("float32")


sequence_ae = keras_ae.load("sequence_ae_omniglot")
letters = np.stack([steps_of(lines) for lines in LETTERS.values()])
rebuilt = sequence_ae.predict(letters, verbose=0)
real = letters[..., :1] != -1
rebuilt = np.where(real, rebuilt, -1)  # a code does not say how long its sequence was
error = np.mean(np.square(rebuilt - letters)[np.repeat(real, 3, axis=-1)])
print(f"squared error per value of these letters: {error:.4f}")
print("of drawings by hand, which the model has not seen:")
print(card("sequence_ae_omniglot"))
titles = ["drawn by straight lines", "reconstructed from 24 numbers"]
keras_ae.plots.strokes(np.concatenate([letters, rebuilt]), columns=6, titles=titles)

# %% [markdown]
# ## States of the world: what comes next
#
# A `TDVAE` watches a sequence and keeps a **belief** $b_t$. From the belief it draws a state, and
# from this state the next one, without seeing more frames. The frames show digits that move by one
# pixel per frame, to the left or to the right, and come back at the other side: no single frame
# tells the direction. A model as small as this predicts blurred digits: it predicts the place of
# the ink better than the digit. In each pair of rows, frames 1 to 4 are watched. Frames 5 to 8 are
# what came, and what the model predicted.

# %%
tdvae = keras_ae.TDVAE((8, *SHAPE), latent_dim=(4, 8), widths=(64,), max_jump=3)
videos = keras_ae.datasets.moving(np.tile(small_train, (3, 1, 1, 1)), steps=8, seed=1)
trained(tdvae, videos, epochs=12, rate=4e-3)
video = keras_ae.datasets.moving(small_test, steps=8, seed=2)
ahead = np.array(tdvae.rollout(video[:, :4], 4, seed=0))
copied = np.repeat(video[:, 3:4], 4, axis=1)
for name, frames in (("predicted", ahead), ("the last frame, copied", copied)):
    errors = np.mean((frames - video[:, 4:]) ** 2, axis=(0, 2, 3, 4))
    print(f"{name:>22}: error per pixel of frames 5 to 8: {errors.round(4)}")
shown = [np.concatenate([video[i, :4], f[i]]) for i in range(3) for f in (video[:, 4:], ahead)]
columns = [f"frame {i}" for i in range(1, 9)]
labelled(np.concatenate(shown), ["what came", "predicted"] * 3, columns)

# %% [markdown]
# ## Clusters: sort images without labels
#
# A `VaDE` is a VAE whose prior is a mixture of Gaussians, one per cluster. $p(c \mid z)$ sorts the
# images, and no label was seen. We draw twelve images from each cluster of `vade_mnist`, and look
# up which digit is most frequent among the test images that fall into it:

# %%
vade = keras_ae.load("vade_mnist")
clusters = np.array(vade.clusters(x_test))
counts = np.zeros((10, 10), int)
np.add.at(counts, (clusters, y_test), 1)
order = np.argsort(counts.argmax(axis=1))  # clusters in the order of their digits
drawn = np.concatenate([vade.sample(12, seed=0, cluster=int(cluster)) for cluster in order])
shares = counts.max(axis=1) / counts.sum(axis=1)
rows = [f"cluster {i}: {shares[i]:.0%} are {counts[i].argmax()}" for i in order]
labelled(drawn, rows, title="drawn from each cluster; on the left: its test images")

# %% [markdown]
# If each cluster is matched with one digit, how many test images are in the cluster of their digit?
# Beside the model, k-means on the pixels:

# %%
kmeans = sklearn.cluster.KMeans(10, n_init=4, random_state=0)
kmeans.fit(x_train[:20_000].reshape(-1, 784) / 255)
found = kmeans.predict(x_test.reshape(-1, 784) / 255)
score = keras_ae.representation.clustering(found, y_test, "cluster")["cluster_accuracy"]
print(f"k-means on pixels: {score:.1f} %")
print(card("vade_mnist"))

# %% [markdown]
# The start of the clusters, a spectral clustering of the codes of `vae_normal_mnist`, and their
# shape were chosen with an eye on this score; the guide `docs/recipes.md` tells it all. And much
# data is needed: do not expect a VaDE that was trained on the 1,437 small digits of scikit-learn
# to be better than k-means.
#
# ## Exercises
#
# 1. How few units may a k-sparse code keep before digits become confused? Plot the error against
#    $k$.
# 2. Train a VAE by `objectives.IWAE(k)` for $k$ = 1, 5 and 50, with equal epochs and with equal
#    time. Which comparison is fair? Use three seeds.
# 3. Encode an image with `cvae_mnist`, keep its $z$, and draw all ten digits in its style.
# 4. Draw symbols of `vqvae_mnist` at random, each by itself, and decode them. Why does that not
#    look like a digit?
# 5. Let the `TDVAE` jump by three frames at once, `rollout(x, 1, jump=3)`. Is that better or worse
#    than three jumps of one?
#
# <details><summary>Solutions</summary>
#
# 1. Train `KSparseAE(SHAPE, k=k, **WIDE)` for `k` in 1, 2, 4, 8, 16, 32. The error falls with every
#    unit that is allowed: from 0.056 with one to 0.009 with 32. Look at the reconstructions too.
# 2. One step of $k$ = 50 costs many times as much as one of $k$ = 1. Equal time is what a user
#    pays. Compare the differences with the spread over the seeds before you conclude anything.
# 3. `z = np.array(cvae.encode(one_of_each[7:8]))[:, 10:]`, then, as above,
#    `cvae.decode(np.concatenate([np.eye(10, dtype="float32"), np.repeat(z, 10, axis=0)], axis=1))`.
# 4. `vqvae.decode_symbols(np.random.default_rng(0).integers(0, 1024, (12, 98)))`. Symbols of
#    neighbouring places depend on each other, and random ones do not: the images are scribbles.
# 5. `tdvae.rollout(video[:, :4], 1, jump=3, seed=0)` predicts frame 7. Its error was 0.08 to 0.09
#    with three seeds of the training, that of frame 7 after three jumps 0.11 to 0.16: one long jump
#    is better, since each short one adds an error of its own.
#
# </details>
#
# ## References
#
# * Makhzani and Frey, "k-sparse autoencoders", 2013. Rifai et al., "Contractive auto-encoders",
#   ICML 2011.
# * Burda et al., "Importance weighted autoencoders", ICLR 2016. Chen et al., "Isolating sources of
#   disentanglement in VAEs", NeurIPS 2018. Zhao et al., "InfoVAE", AAAI 2019.
# * Tomczak and Welling, "VAE with a VampPrior", AISTATS 2018. Dinh et al., "Density estimation
#   using Real NVP", ICLR 2017. Sonderby et al., "Ladder variational autoencoders", NeurIPS 2016.
# * Kingma et al., "Semi-supervised learning with deep generative models", NeurIPS 2014. Sohn et
#   al., "Learning structured output representation using deep conditional generative models",
#   NeurIPS 2015.
# * van den Oord et al., "Neural discrete representation learning", NeurIPS 2017. Ghosh et al.,
#   "From variational to deterministic autoencoders", ICLR 2020.
# * Sutskever et al., "Sequence to sequence learning with neural networks", NeurIPS 2014. Gregor et
#   al., "Temporal difference variational auto-encoder", ICLR 2019.
# * Jiang et al., "Variational deep embedding", IJCAI 2017.
# * Weng, "From autoencoder to beta-VAE", 2018. Chollet, "Building autoencoders in Keras", 2016.
