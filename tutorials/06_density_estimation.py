# %% [markdown]
# # Density estimation
#
# **What you will learn**
#
# * what it means that a generative model is *good*: it finds new data likely;
# * how to measure it: the ELBO, the importance-weighted bound, and how close they come to
#   $\log p_\theta(\mathbf{x})$;
# * how to read the number: nats, bits per dimension, and what simple models reach;
# * how to find outliers by their likelihood: MNIST against Fashion-MNIST;
# * where that fails, and one remedy.
#
# You need to know the ELBO (tutorial 04) and the variational autoencoder (tutorial 05). Without
# MNIST at hand write `"mnist_5k"` instead of `"mnist"`; Fashion-MNIST has no such substitute.

# %%
import zlib

import keras
import matplotlib.pyplot as plt
import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import roc_auc_score

import keras_ae

keras.utils.set_random_seed(0)
plt.rcParams.update({"figure.dpi": 80, "axes.spines.top": False, "axes.spines.right": False})
BLUE, ORANGE = "#0077bb", "#ee7733"

(mnist_train, _), (mnist_test, _) = keras_ae.datasets.load("mnist")
(fashion_train, _), (fashion_test, _) = keras_ae.datasets.load("fashion_mnist")

# %% [markdown]
# Do not compare probabilities of grey values with probabilities of black and white pixels. We use
# black and white: each pixel is drawn once, and it is black with a probability equal to its grey
# value, as in most papers on MNIST.

# %%
mnist_train, mnist_test, fashion_train, fashion_test = (
    keras_ae.datasets.binarize(x, seed=0)
    for x in (mnist_train[:20_000], mnist_test[:500], fashion_train[:20_000], fashion_test[:500])
)
keras_ae.plots.images(np.concatenate([mnist_test[:10], fashion_test[:10]]), columns=10)

# %% [markdown]
# ## The score of a density model
#
# A density model $p_\theta(\mathbf{x})$ spreads a total probability of 1 over all possible images.
# It is good if much of it falls on images that it has *not* seen in training. The score is the mean
# over test images of
#
# $$\log p_\theta(\mathbf{x})$$
#
# in *nats* (natural logarithm). Often one prints $-\log p_\theta(\mathbf{x})$, where less is
# better. It has a meaning of its own: it is the length of the shortest code for the image that one
# can build with the model. Divided by $\log 2$ it is in bits, and divided by the number of pixels
# too, in **bits per dimension**:
#
# $$\text{bpd} = \frac{-\log p_\theta(\mathbf{x})}{784 \, \log 2}$$
#
# Three simple models to compare with: every pixel is black with probability $1/2$; every pixel has
# a probability of its own; and one of ten tables of such probabilities is chosen by the cluster
# (from k-means) that an image belongs to.


# %%
def bpd(nats):
    return nats / (784 * np.log(2))


def log_table(x, p):
    """log-probability of images with independent pixels: (n, 784), (784,) -> (n,)."""
    return x @ np.log(p) + (1 - x) @ np.log(1 - p)


def smoothed(x):
    return (x.sum(axis=0) + 0.5) / (len(x) + 1)


flat_train, flat_test = mnist_train.reshape(-1, 784), mnist_test.reshape(-1, 784)
groups = KMeans(10, n_init=1, random_state=0).fit(flat_train[:5000]).predict(flat_train)
shares = np.bincount(groups) / len(groups)
of_groups = [
    np.log(share) + log_table(flat_test, smoothed(flat_train[groups == k]))
    for k, share in enumerate(shares)
]
scores = {
    "fair coins": np.full(len(flat_test), -784 * np.log(2)),
    "independent pixels": log_table(flat_test, smoothed(flat_train)),
    "mixture of 10 tables": np.logaddexp.reduce(of_groups, axis=0),
}
for name, values in scores.items():
    nats = -values.mean()
    print(f"{name:>21}: -log p(x) = {nats:6.1f} nats, {bpd(nats):.3f} bits per dimension")

# %% [markdown]
# ## The ELBO and the importance-weighted bound
#
# For a variational autoencoder $\log p_\theta(\mathbf{x})$ is an integral over all codes. Tutorial
# 04 bounded it by
#
# $$\text{ELBO}(\mathbf{x}) = \mathbb{E}_{\mathbf{z} \sim q_\phi(\mathbf{z}|\mathbf{x})}\left[\log
# \frac{p_\theta(\mathbf{x}|\mathbf{z}) \,
# p(\mathbf{z})}{q_\phi(\mathbf{z}|\mathbf{x})}\right] \le \log p_\theta(\mathbf{x})$$
#
# The gap is $\text{KL}(q_\phi(\mathbf{z}|\mathbf{x}) \,\|\, p_\theta(\mathbf{z}|\mathbf{x}))$, how
# wrong the encoder's guess is. It can be closed by **importance weighting**: draw $S$ codes and
# average *inside* the logarithm,
#
# $$L_S(\mathbf{x}) = \log \frac{1}{S} \sum_{s=1}^S \frac{p_\theta(\mathbf{x}|\mathbf{z}_s) \,
# p(\mathbf{z}_s)}{q_\phi(\mathbf{z}_s|\mathbf{x})},
# \qquad \mathbf{z}_s \sim q_\phi(\mathbf{z}|\mathbf{x}),
# \qquad \text{ELBO} = \mathbb{E}[L_1] \le \mathbb{E}[L_2] \le \dots \to
# \log p_\theta(\mathbf{x})$$
#
# In words: the fraction is an estimate of $p_\theta(\mathbf{x})$ from one code; each is right on
# average, and the mean of many varies less, so less is lost by taking its logarithm. We measure the
# pretrained `vae_normal_mnist`:

# %%
vae = keras_ae.load("vae_normal_mnist")
some = mnist_test[:100]
counts = [1, 3, 10, 30, 100, 300, 1000]
bounds = [vae.log_likelihood(some, n_samples=S, seed=0).numpy().mean() for S in counts]
elbo = vae.elbo(some, n_samples=100, seed=0).numpy().mean()
fig, axes = plt.subplots(figsize=(6, 3.2))
axes.semilogx(counts, bounds, "o-", color=BLUE, label="importance-weighted bound")
axes.axhline(elbo, color=ORANGE, label="ELBO")
axes.set(xlabel="samples S", ylabel="nats, mean of 100 images")
axes.legend(frameon=False)
plt.show()
print(f"ELBO {elbo:.2f}")
for S, bound, before in zip(counts, bounds, [elbo, *bounds], strict=False):
    print(f"bound with {S:5} samples {bound:.2f}, {bound - before:+.2f}")

# %% [markdown]
# The bound rises with every step, on the whole by less and less: from 300 to 1,000 samples it gains
# a few hundredths of a nat. So a number of nats means little without its number of samples. Here
# are all 500 test images, with the standard error of the mean (the test set is a sample too), and
# the model card. Its nll was measured on all 10,000 images with 5,000 samples:

# %%
scores["vae_normal_mnist"] = vae.log_likelihood(mnist_test, n_samples=100, seed=0).numpy()
for name, values in scores.items():
    error = values.std(ddof=1) / np.sqrt(len(values))
    nats = -values.mean()
    print(f"{name:>21}: {nats:6.1f} +- {error:.1f} nats, {bpd(nats):.3f} bits per dimension")
metrics = keras_ae.info("vae_normal_mnist").metrics
print("its card:", {m["name"]: round(m["value"], 2) for m in metrics if m["unit"] == "nats"})

# %% [markdown]
# ## Outlier detection
#
# If the model knows how likely an image of a digit should be, an image that is much less likely is
# probably no digit. We compute the likelihood of digits and of clothes, and measure how well it
# separates the two by the AUROC: the probability that a random digit is likelier than a random
# piece of clothing. 1 is perfect, 0.5 is guessing.

# %%
clothes = vae.log_likelihood(fashion_test, n_samples=50, seed=0).numpy()


def separation(inside, outside):
    """AUROC: the probability that one of `inside` is larger than one of `outside`."""
    labels = np.r_[np.ones(len(inside)), np.zeros(len(outside))]
    return roc_auc_score(labels, np.r_[inside, outside])


def histogram(inside, outside, names, title, label="log p(x), nats"):
    fig, axes = plt.subplots(figsize=(6.5, 3))
    bins = np.linspace(*np.percentile(np.r_[inside, outside], [1, 100]), 60)
    axes.hist(inside, bins, color=BLUE, alpha=0.7, label=names[0])
    axes.hist(outside, bins, color=ORANGE, alpha=0.7, label=names[1])
    axes.set(xlabel=label, ylabel="images", title=title)
    axes.legend(frameon=False)
    plt.show()


histogram(scores["vae_normal_mnist"], clothes, ["digits", "clothes"], "a model of digits")
print(
    "AUROC, model of digits, digits against clothes: "
    f"{separation(scores['vae_normal_mnist'], clothes):.3f}"
)

# %% [markdown]
# ## Where it fails
#
# Now the other way round: a model of *clothes*, which should find digits unlikely.

# %%
keras.utils.set_random_seed(0)
wardrobe = keras_ae.VAE((28, 28, 1), latent_dim=16, widths=(200,))
rate = keras.optimizers.schedules.CosineDecay(2e-3, decay_steps=8 * len(fashion_train) // 128)
wardrobe.compile(keras.optimizers.Adam(rate))
wardrobe.fit(fashion_train, batch_size=128, epochs=8, verbose=0)
inside = wardrobe.log_likelihood(fashion_test, n_samples=50, seed=0).numpy()
outside = wardrobe.log_likelihood(mnist_test, n_samples=50, seed=0).numpy()
histogram(inside, outside, ["clothes", "digits"], "a model of clothes")
print(f"AUROC, model of clothes, clothes against digits: {separation(inside, outside):.3f}")
print(f"mean log p(x): clothes {inside.mean():.1f}, digits {outside.mean():.1f}")

# %% [markdown]
# Trained on clothes, the model finds most digits *likelier than clothes*: the AUROC is worse than
# guessing. Which images does it like best, and how likely does it find an empty image?

# %%
blank = np.zeros((1, 28, 28, 1), "float32")
of_blank = wardrobe.log_likelihood(blank, n_samples=500, seed=0).numpy()[0]
print(f"an empty image: log p(x) = {of_blank:.1f}")
order = np.argsort(np.r_[inside, outside])
both = np.concatenate([fashion_test, mnist_test])
rows = np.concatenate([both[order[:10]], both[order[-10:]]])
keras_ae.plots.images(rows, columns=10, titles=["the least likely images of all", "the likeliest"])

# %% [markdown]
# The likelihood is dominated by how *simple* an image is. Clothes are full of noisy texture, every
# pixel of which costs something, whatever the model; a digit is a few clean strokes on a large
# empty ground. A high likelihood does not mean "like the training data".
#
# ## A remedy: allow for complexity
#
# Compare the model with a general compressor, which knows nothing of clothes: how many nats does
# *it* need for the image? Serrà et al. (2020) score an image by the difference of the two. In
# words: how many nats does it save to know clothes?
#
# $$s(\mathbf{x}) = \log p_\theta(\mathbf{x}) + C(\mathbf{x}),
# \qquad C(\mathbf{x}) = \text{length of the compressed image in nats}$$
#
# The first compressor is zlib, which PNG uses. The second one is a tiny model: each pixel is
# predicted from its left and its upper neighbour, with probabilities counted in the image itself.


# %%
def by_zlib(x):
    """Length in nats of each image, compressed by zlib: (n, 28, 28, 1) -> (n,)."""
    packed = np.packbits(x.reshape(len(x), -1).astype("uint8"), axis=1)
    return np.array([8 * len(zlib.compress(row.tobytes(), 9)) * np.log(2) for row in packed])


def by_neighbours(x):
    """Length in nats of each image, if each pixel is predicted from two neighbours: (n,)."""
    padded = np.pad(x[..., 0].astype(int), ((0, 0), (1, 0), (1, 0)))
    context = 2 * padded[:, :-1, 1:] + padded[:, 1:, :-1]  # the pixel above and the one to the left
    lengths = np.zeros(len(x))
    for c in range(4):
        here = context == c
        total, ones = here.sum(axis=(1, 2)), (here & (x[..., 0] == 1)).sum(axis=(1, 2))
        p = (ones + 0.5) / (total + 1)
        lengths -= ones * np.log(p) + (total - ones) * np.log(1 - p)
    return lengths


print(f"AUROC, clothes against digits, likelihood alone: {separation(inside, outside):.3f}")
for name, length in [("zlib", by_zlib), ("neighbours", by_neighbours)]:
    corrected = inside + length(fashion_test), outside + length(mnist_test)
    print(f"AUROC with complexity by {name}: {separation(*corrected):.3f}")

# %%
corrected = inside + by_neighbours(fashion_test), outside + by_neighbours(mnist_test)
title = "a model of clothes, allowing for complexity"
histogram(*corrected, ["clothes", "digits"], title, "log p(x) + C(x), nats")

# %% [markdown]
# How well the remedy works depends on how well the general compressor fits the kind of image: zlib
# is made for text, two neighbours are a sensible idea of black and white pictures.
#
# ## What we have seen
#
# * The likelihood of test images compares density models of one kind of data; in nats, or in bits
#   per dimension.
# * The ELBO is a lower bound of it; importance weighting closes the gap at the price of more
#   samples.
# * Likelihood alone is a bad detector of outliers where these are simpler than the data. Always
#   test in both directions.
#
# ## Exercises
#
# 1. Compute the AUROC of `vae_normal_mnist` for digits against digits upside down. Which digits are
#    found?
# 2. Use the reconstruction error of an autoencoder as the score of outliers. Does it fail in the
#    same direction?
# 3. Binarise the test images with another seed. By how much does $-\log p(\mathbf{x})$ of
#    `vae_normal_mnist` change, in standard errors?
# 4. Measure `vae_normal_mnist` with draws from the prior instead of the encoder: average
#    $p_\theta(\mathbf{x}|\mathbf{z}_s)$, $\mathbf{z}_s \sim p(\mathbf{z})$. How many nats are lost
#    with 1,000 samples?
#
# <details><summary>Solutions</summary>
#
# 1. `flipped = mnist_test[:, ::-1]`, then
#    `separation(scores["vae_normal_mnist"], vae.log_likelihood(flipped, n_samples=100).numpy())`.
#    Digits that look alike upside down, such as 0, 1 and 8, are not found. (6 becomes no 9 by
#    this: that takes a rotation.)
# 2. `error = ((ae.reconstruct(x) - x) ** 2).mean(axis=(1, 2, 3))` for an `ae` trained on clothes,
#    with `-error` as the score. An autoencoder also reconstructs simple images well, so look at the
#    AUROC in both directions.
# 3. `keras_ae.datasets.binarize(x, seed=1)` on the same grey images. Since both seeds draw from the
#    same grey values, expect a difference within about one standard error.
# 4. `z = vae.prior.sample(1000)`, then `logsumexp` of `vae.likelihood(z).log_prob(image)` over z,
#    minus `log(1000)`. Almost no code drawn from the prior explains the image, so the estimate is
#    far too low.
#
# </details>
#
# ## References
#
# * Y. Burda, R. Grosse and R. Salakhutdinov, "Importance weighted autoencoders", ICLR 2016.
# * L. Theis, A. van den Oord and M. Bethge, "A note on the evaluation of generative models", ICLR
#   2016.
# * E. Nalisnick et al., "Do deep generative models know what they don't know?", ICLR 2019.
# * J. Serrà et al., "Input complexity and out-of-distribution detection with likelihood-based
#   generative models", ICLR 2020.
