# %% [markdown]
# # From PCA to autoencoders
#
# **What you will learn**
#
# * what k-means, principal component analysis (PCA) and autoencoders have in common: each squeezes an image into a small *code* and
#   rebuilds the image from it;
# * the loss of an autoencoder, $L_\text{AE}$;
# * that a *linear* autoencoder finds exactly what PCA finds, which we check with numbers;
# * what a *deep* autoencoder gains, and what a 2-dimensional latent space looks like;
# * why such a latent space cannot yet be used to draw new digits.
#
# You need to know what a matrix product and a neural network are. The data are the handwritten digits of MNIST. (No network and no
# MNIST at hand? Write `"mnist_5k"` instead of `"mnist"` below: 5,000 of its digits come with a Python package.)

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np
from sklearn.cluster import KMeans

import keras_ae

keras.utils.set_random_seed(0)
plt.rcParams.update({"figure.dpi": 80, "axes.spines.top": False, "axes.spines.right": False})

(x_train, y_train), (x_test, y_test) = keras_ae.datasets.load("mnist")
x_train, x_test = x_train / np.float32(255), x_test / np.float32(255)  # grey values from 0 to 1
print("training images", x_train.shape, " test images", x_test.shape)

# %%
keras_ae.plots.images(x_train[:30], columns=15)

# %% [markdown]
# To a computer each image is a point $\mathbf{x}$ with 784 coordinates, one for each of its $28 \times 28$ pixels. We write the data as
# $\mathbf{x}^{(1)}, \dots, \mathbf{x}^{(n)}$.

# %%
flat_train, flat_test = x_train.reshape(-1, 784), x_test.reshape(-1, 784)  # (n, 28, 28, 1) -> (n, 784)


def error(x, x_new):
    """Mean over the images of the sum over the pixels of (x - x_new)^2."""
    return np.mean(np.sum((x - x_new) ** 2, axis=1))


# %% [markdown]
# ## The common idea: encode, decode, compare
#
# * The **encoder** turns an image into a code, $\mathbf{z} = g_\phi(\mathbf{x})$. The code is much smaller than the image.
# * The **decoder** makes an image of a code, $\mathbf{x}' = f_\theta(\mathbf{z}) = f_\theta(g_\phi(\mathbf{x}))$.
# * $\phi$ and $\theta$ are all the numbers in the encoder and in the decoder that can be learned.
#
# If $\mathbf{x}' \approx \mathbf{x}$, then the small code holds what matters in the image. How close the two are is measured by
#
# $$L_\text{AE}(\theta, \phi) = \frac{1}{n}\sum_{i=1}^n (\mathbf{x}^{(i)} - f_\theta(g_\phi(\mathbf{x}^{(i)})))^2$$
#
# In words: take an image, subtract its reconstruction pixel by pixel, square the differences and add them up; then average that over all
# images. This is what `error` above computes. A number to compare with: how large is it if every image gets the *same* reconstruction,
# the average image?

# %%
mean = flat_train.mean(axis=0)
error_of_mean = error(flat_test, mean)
print(f"no code at all, always the mean image: L = {error_of_mean:.1f}")

# %% [markdown]
# ## K-means clustering
#
# The smallest code that is not nothing: one whole number, $z \in \{1, \dots, k\}$. K-means finds $k$ *centres* $\mathbf{m}_1, \dots,
# \mathbf{m}_k$. The encoder answers "which centre is nearest?", and the decoder gives that centre:
#
# $$g(\mathbf{x}) = \arg\min_j \, (\mathbf{x} - \mathbf{m}_j)^2, \qquad f(z) = \mathbf{m}_z$$
#
# The centres are moved until the mean squared distance between images and their centres, which is our $L$, becomes no smaller.

# %%
kmeans = KMeans(10, n_init=1, random_state=0).fit(flat_train[:10_000])
clusters = kmeans.predict(flat_test)
print(f"k-means, 10 centres: L = {error(flat_test, kmeans.cluster_centers_[clusters]):.1f}")
keras_ae.plots.images(kmeans.cluster_centers_.reshape(-1, 28, 28), columns=10)

# %% [markdown]
# Nobody told k-means what a digit is, yet some centres are clearly digits. Which digits fall into which cluster?

# %%
counts = np.zeros((10, 10), int)
np.add.at(counts, (y_test, clusters), 1)
order = np.argsort(counts.argmax(axis=0))  # clusters in the order of their most frequent digit
fig, axes = plt.subplots(figsize=(5, 4.2))
shown = axes.imshow(counts[:, order], cmap="cividis")
axes.set(xlabel="cluster, named by its most frequent digit", ylabel="digit", title="test images in each cluster")
axes.set_xticks(range(10), counts.argmax(axis=0)[order])
axes.set_yticks(range(10))
fig.colorbar(shown)
plt.show()
print(f"images whose digit is the most frequent one of their cluster: {100 * counts.max(axis=0).sum() / len(y_test):.1f} %")

# %% [markdown]
# Digits that look alike share clusters, some digits take two, and some have none of their own. Ten numbers are too few to say
# *how* a 7 is
# written; we need a code with more in it.
#
# ## Principal component analysis
#
# PCA's code is $d$ numbers. It looks for the $d$ directions $\mathbf{w}_1, \dots, \mathbf{w}_d$ in the space of images, at right angles
# to each other, along which the data vary most. With these as columns of a matrix $W$, and the mean image $\mathbf{m}$,
#
# $$\mathbf{z} = g(\mathbf{x}) = W^\top (\mathbf{x} - \mathbf{m}), \qquad \mathbf{x}' = f(\mathbf{z}) = W \mathbf{z} + \mathbf{m}$$
#
# In words: the code says how far the image lies from the mean along each direction, and the decoder walks these distances from the mean.
# The directions are the eigenvectors of the covariance matrix with the largest eigenvalues, and an eigenvalue is the variance along its
# direction.

# %%
covariance = np.cov(flat_train, rowvar=False)
variances, directions = np.linalg.eigh(covariance.astype("float64"))
variances, directions = variances[::-1], directions[:, ::-1]  # largest first


def pca(x, d):
    """The reconstruction of x from its first d principal components."""
    W = directions[:, :d]
    return (x - mean) @ W @ W.T + mean


fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.2), layout="constrained")
left.bar(range(1, 21), variances[:20], color="#0077bb")
left.set(xlabel="component", ylabel="variance", title="variance along each direction")
dims = [0, 1, 2, 4, 6, 8, 16, 32, 64, 128]
right.plot(dims, [error(flat_test, pca(flat_test, d)) for d in dims], "o-", color="#0077bb")
right.set(xlabel="size d of the code", ylabel="L", title="error of the reconstruction", ylim=(0, None))
plt.show()

# %% [markdown]
# The first ten directions, as images (dark: more ink along this direction, light: less), and one digit rebuilt from more and more
# of them:

# %%
w = directions[:, :10].T.reshape(-1, 28, 28)
keras_ae.plots.images(0.5 + w / (2 * np.abs(w).max()), columns=10)

# %%
few = flat_test[[0, 18]]
steps = [pca(few, d) for d in (0, 1, 2, 4, 6, 16, 32, 64, 128)] + [few]
keras_ae.plots.images(
    np.stack(steps, axis=1).reshape(-1, 28, 28), columns=10
)  # 0, 1, 2, 4, 6, 16, 32, 64, 128 components; the original

# %% [markdown]
# ## A linear autoencoder
#
# An autoencoder *learns* $g_\phi$ and $f_\theta$ by gradient descent on $L_\text{AE}$. Let us first allow only linear maps:
#
# $$\mathbf{z} = g_\phi(\mathbf{x}) = A \mathbf{x} + \mathbf{a}, \qquad \mathbf{x}' = f_\theta(\mathbf{z}) = B \mathbf{z} + \mathbf{b},
# \qquad \phi = (A, \mathbf{a}), \quad \theta = (B, \mathbf{b})$$
#
# PCA is one such pair of maps, so the best linear autoencoder is at least as good as PCA. And PCA is known to be the best of all linear
# maps through $d$ numbers (Eckart and Young, 1936), so it can be no better: at its minimum $L_\text{AE}$ must equal PCA's error. Does
# gradient descent find that minimum? We take $d = 6$.

# %%
d = 6
rate = keras.optimizers.schedules.CosineDecay(1e-2, decay_steps=40 * 60)
linear = keras_ae.AE((28, 28, 1), latent_dim=d, widths=(), likelihood="gaussian")  # no hidden layers: linear
linear.compile(keras.optimizers.Adam(rate), loss="mse")
linear.fit(x_train, batch_size=1000, epochs=40, verbose=0)

linear_test = linear.predict(x_test, verbose=0).reshape(-1, 784)
print(f"test error  linear autoencoder: {error(flat_test, linear_test):.3f}   PCA: {error(flat_test, pca(flat_test, d)):.3f}")
linear_train = linear.predict(x_train, verbose=0).reshape(-1, 784)
print(f"train error linear autoencoder: {error(flat_train, linear_train):.3f}   PCA: {error(flat_train, pca(flat_train, d)):.3f}")

# %% [markdown]
# (`loss="mse"` is $L_\text{AE}$ divided by the number of pixels: Keras takes the mean over the pixels where the formula takes the sum.
# Both have their minimum in the same place.)
#
# The errors agree. Do the two also use the same *subspace*: is everything that the decoder can draw, $B\mathbf{z} + \mathbf{b}$, in the
# plane that PCA's directions span? Two subspaces of dimension 6 have 6 angles between them, all 0 if they are the same. For scale, here
# are also the angles between PCA's subspace and a random one.


# %%
def angles(A, B):
    """Angles in degrees between the subspaces that the columns of A and of B span."""
    cosines = np.linalg.svd(np.linalg.qr(A)[0].T @ np.linalg.qr(B)[0], compute_uv=False)
    return np.degrees(np.arccos(np.clip(cosines, -1, 1)))


B = linear.decoder.get_layer("params").get_weights()[0].T  # (784, 6)
random_directions = np.random.default_rng(0).normal(size=(784, d))
print("decoder of the autoencoder against PCA:", angles(B, directions[:, :d]).round(2))
print("random directions against PCA:         ", angles(random_directions, directions[:, :d]).round(2))

# %% [markdown]
# The subspace is the same. But the *axes* in it are not: PCA orders its directions by their variance and puts them at right angles,
# whereas nothing in $L_\text{AE}$ asks for that. Any invertible matrix $M$ can be slipped in between, since $B \mathbf{z} = (B M^{-1})(M
# \mathbf{z})$. So the columns of $B$ are mixtures of the principal components:

# %%
columns = B.T / np.abs(B).max()
components = directions[:, :d].T / np.abs(directions[:, :d]).max()
both = np.concatenate([columns, components]).reshape(-1, 28, 28)
keras_ae.plots.images(0.5 + both / 2, columns=d, titles=["columns of the autoencoder's decoder", "principal components"])

# %%
z_ae = np.asarray(linear.encode(x_test))
z_pca = (flat_test - mean) @ directions[:, :d]
with_one = np.column_stack([z_pca, np.ones(len(z_pca))])  # for z_ae = M z_pca + c
M = np.linalg.lstsq(with_one, z_ae, rcond=None)[0]
explained = 1 - np.var(z_ae - with_one @ M, axis=0) / np.var(z_ae, axis=0)
print("share of each code of the autoencoder that is a linear function of PCA's code:", explained.round(4))

# %% [markdown]
# ## A deep autoencoder
#
# Now the step that PCA cannot take: put layers with a nonlinear function in between. The encoder becomes
# $784 \to 256 \to 128 \to 6$, and the decoder goes the same way back. Everything else stays: the same loss, the same size of code.

# %%
keras.utils.set_random_seed(0)
deep = keras_ae.AE((28, 28, 1), latent_dim=d, widths=(256, 128))
rate = keras.optimizers.schedules.CosineDecay(2e-3, decay_steps=15 * len(x_train) // 128)
deep.compile(keras.optimizers.Adam(rate), loss="mse")
history = deep.fit(x_train, batch_size=128, epochs=15, validation_data=x_test, verbose=0)
keras_ae.plots.training_curves(history)

# %%
deep_test = deep.predict(x_test, verbose=0).reshape(-1, 784)
mse = deep.evaluate(x_test, verbose=0)
print(f"L_AE by its formula: {error(flat_test, deep_test):.2f}   784 times the loss of Keras: {784 * mse:.2f}")
for name, x_new in [("mean", mean), ("PCA", pca(flat_test, d)), ("deep autoencoder", deep_test)]:
    print(f"{name:>16}: L = {error(flat_test, x_new):5.2f}, {100 * error(flat_test, x_new) / error_of_mean:3.0f} % of the mean's")

# %% [markdown]
# Six numbers are enough for most digits, if they may be used in a nonlinear way. PCA needs many more numbers for the same error:

# %%
same = next(n for n in range(1, 785) if error(flat_test, pca(flat_test, n)) <= error(flat_test, deep_test))
print(f"PCA reaches the error of the deep autoencoder of {d} numbers with {same} components")
some = [np.flatnonzero(y_test == digit)[3] for digit in range(10)]
rows = np.concatenate([flat_test[some], pca(flat_test[some], d), deep_test[some]]).reshape(-1, 28, 28)
keras_ae.plots.images(rows, columns=10, titles=["original", f"PCA, {d} numbers", f"deep autoencoder, {d} numbers"])

# %% [markdown]
# ## A code that can be drawn: two dimensions
#
# With a latent dimension of 2, every image becomes a point in the plane. Training never sees the labels; they only colour the points.

# %%
keras.utils.set_random_seed(0)
flat_land = keras_ae.AE((28, 28, 1), latent_dim=2, widths=(256, 128))
rate = keras.optimizers.schedules.CosineDecay(2e-3, decay_steps=20 * len(x_train) // 128)
flat_land.compile(keras.optimizers.Adam(rate), loss="mse")
flat_land.fit(x_train, batch_size=128, epochs=20, verbose=0)
keras_ae.plots.latent_scatter(flat_land, x_test[:4000], y_test[:4000])

# %% [markdown]
# For comparison, the first two principal components of the same images:

# %%
z = (flat_test[:4000] - mean) @ directions[:, :2]
fig, axes = plt.subplots(figsize=(6.5, 5.5))
colours = dict(cmap="tab10", vmin=-0.5, vmax=9.5)
points = axes.scatter(z[:, 0], z[:, 1], c=y_test[:4000], s=6, **colours)
axes.set(xlabel="first component", ylabel="second component", title="PCA, two components", aspect="equal")
fig.colorbar(points, ticks=range(10))
plt.show()

# %% [markdown]
# How much do the two numbers tell? We ask each method for the reconstruction error (`mse`, a pixel), and for how well a digit can be
# recognised from the code alone: by a linear classifier (`linear_probe`, in %), by the vote of the 5 nearest codes (`knn`, in %), and by
# k-means on the codes (`kmeans_accuracy`, in %, each cluster being matched with one digit).

# %%
table = keras_ae.scores.compare(
    {"autoencoder, 2 numbers": flat_land, "autoencoder, 6 numbers": deep},
    x_test[:4000],
    y_test[:4000],
    train=(x_train[:6000], y_train[:6000]),
)
keep = ("model", "mse", "linear_probe", "knn", "kmeans_accuracy")
keras_ae.scores.Table({key: row.get(key) for key in keep} for row in table)

# %% [markdown]
# ## Can it draw new digits?
#
# The decoder accepts any point of the plane, also one that no image was sent to. The grid below decodes points spread over the region of
# the codes.

# %%
keras_ae.plots.manifold(flat_land, n=15, x=x_test)

# %% [markdown]
# In the middle of a cluster the digits are clean; between clusters they melt into each other. And where in the plane should we draw a
# *random* code? The autoencoder never said: its clusters have arbitrary places, sizes and gaps. If we guess a normal distribution
# with the
# mean and spread of the codes, some of our digits come from gaps:

# %%
codes = np.asarray(flat_land.encode(x_test))
guesses = np.random.default_rng(1).multivariate_normal(codes.mean(axis=0), np.cov(codes.T), size=20).astype("float32")
keras_ae.plots.images(flat_land.decode(guesses), columns=10)

# %% [markdown]
# To draw new digits we need a model that says which codes are likely. That is the variational autoencoder of tutorial 05.
#
# ## What we have seen
#
# | method | code | encoder and decoder | learned by |
# |---|---|---|---|
# | k-means | one of $k$ numbers | nearest centre, the centre | moving centres |
# | PCA | $d$ numbers | linear | eigenvectors |
# | linear autoencoder | $d$ numbers | linear | gradient descent; same subspace and error as PCA |
# | deep autoencoder | $d$ numbers | nonlinear | gradient descent; smaller error |
#
# ## Exercises
#
# 1. Train the linear autoencoder with `latent_dim=2`, then with 10. Which angle is the last to become small, and what has it to do
#    with the
#    bar chart of the variances?
# 2. Give k-means 100 centres instead of 10. How many would it need to reach the error of PCA with 6 components?
# 3. Replace MNIST by `"fashion_mnist"`. Is the gain of the deep autoencoder over PCA as large?
# 4. Set `activation="linear"` in the deep autoencoder. What do you expect $L_\text{AE}$ to be?
# 5. Train with `latent_dim=784`. Is a small error then a sign of a good code? (Tutorial 03 is about this.)
#
# ## References
#
# * C. Eckart and G. Young, "The approximation of one matrix by another of lower rank", Psychometrika 1, 1936.
# * P. Baldi and K. Hornik, "Neural networks and principal component analysis: learning from examples without local minima", Neural
#   Networks 2, 1989. (The linear autoencoder has no other minimum than PCA.)
# * G. Hinton and R. Salakhutdinov, "Reducing the dimensionality of data with neural networks", Science 313, 2006.
# * I. Goodfellow, Y. Bengio and A. Courville, "Deep Learning", MIT Press 2016, chapter 14.
# * F. Chollet, ["Building autoencoders in Keras"](https://blog.keras.io/building-autoencoders-in-keras.html), 2016.
# * L. Weng, ["From autoencoder to beta-VAE"](https://lilianweng.github.io/lil-log/2018/08/12/from-autoencoder-to-beta-vae.html), 2018.
