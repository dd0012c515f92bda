# %% [markdown]
# # From PCA to autoencoders
#
# **What you will learn**
#
# * how to write an autoencoder in plain Keras, and the same with `keras_ae.AE`;
# * what k-means, principal component analysis (PCA) and autoencoders have in common: each squeezes
#   an image into a small *code*, and rebuilds the image from it;
# * the loss of an autoencoder, $L_\text{AE}$;
# * that a *linear* autoencoder finds exactly what PCA finds, which we check with numbers;
# * what a *deep* autoencoder gains, and what a 2-dimensional latent space looks like;
# * why such a latent space is not yet good for drawing new digits.
#
# You need to know what a matrix product and a neural network are. The data are the handwritten
# digits of MNIST. Without MNIST and without an internet connection, write `"mnist_5k"` instead of
# `"mnist"`: 5,000 of its digits come with a Python package.

# %%
import drawings  # the drawings of these tutorials: drawings.py, beside this notebook
import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers
from sklearn.cluster import KMeans

import keras_ae

keras.utils.set_random_seed(0)
plt.rcParams.update({"figure.dpi": 80, "axes.spines.top": False, "axes.spines.right": False})
BLUE = "#0077bb"

(x_train, y_train), (x_test, y_test) = keras_ae.datasets.load("mnist")
x_train, x_test = x_train / np.float32(255), x_test / np.float32(255)  # grey values from 0 to 1
print("training images", x_train.shape, " test images", x_test.shape)

# %%
keras_ae.plots.images(x_train[:30], columns=15)

# %% [markdown]
# To a computer each image is a point $\mathbf{x}$ with 784 coordinates, one for each of its
# $28 \times 28$ pixels. We write the data as $\mathbf{x}^{(1)}, \dots, \mathbf{x}^{(n)}$.
#
# ## An autoencoder in plain Keras
#
# Can a network describe a digit by six numbers, so well that the digit can be drawn again from
# them? That is an autoencoder.

# %%
drawings.ae()

# %% [markdown]
# * The **encoder** turns an image into a code, $\mathbf{z} = g_\phi(\mathbf{x})$. The code is much
#   smaller than the image.
# * The **decoder** makes an image from a code, $\mathbf{x}' = f_\theta(\mathbf{z}) =
#   f_\theta(g_\phi(\mathbf{x}))$.
# * $\phi$ and $\theta$ are the weights of the encoder and of the decoder. They are learned
#   together.
#
# In Keras that is two stacks of layers, one after the other. The target of the training is the
# input itself.


# %%
class PlainAE(keras.Model):
    def __init__(self, latent_dim):
        super().__init__()
        self.encoder = keras.Sequential(
            [
                layers.Flatten(),  # (batch, 28, 28, 1) -> (batch, 784)
                layers.Dense(256, activation="gelu"),
                layers.Dense(latent_dim),
            ]
        )
        self.decoder = keras.Sequential(
            [
                layers.Dense(256, activation="gelu"),
                layers.Dense(784, activation="sigmoid"),
                layers.Reshape((28, 28, 1)),  # (batch, 784) -> (batch, 28, 28, 1)
            ]
        )

    def call(self, x):
        return self.decoder(self.encoder(x))


plain = PlainAE(latent_dim=6)
plain.compile(keras.optimizers.Adam(2e-3), loss="mse")
plain.fit(x_train, x_train, batch_size=128, epochs=3, verbose=0)
print(
    f"mean squared error of a pixel, test images: {plain.evaluate(x_test, x_test, verbose=0):.4f}"
)

# %% [markdown]
# Ten digits of the test set, which the network has not seen, and what it makes of their six
# numbers:

# %%
digits = x_test[[np.flatnonzero(y_test == digit)[3] for digit in range(10)]]
drawings.grid([digits, plain.predict(digits, verbose=0)], ["original", "from 6 numbers"])

# %% [markdown]
# ## The same with `keras_ae.AE`
#
# In this library the model above is one line. With the same weights it does the same:

# %%
ae = keras_ae.AE((28, 28, 1), latent_dim=6, widths=(256,))
ae.encoder.set_weights(plain.encoder.get_weights())
ae.decoder.set_weights(plain.decoder.get_weights())
ae.compile(keras.optimizers.Adam(2e-3), loss="mse")
difference = np.abs(ae.predict(x_test, verbose=0) - plain.predict(x_test, verbose=0)).max()
print(f"largest difference of the reconstructions: {difference:.1e}")
print(f"mean squared error: {ae.evaluate(x_test, verbose=0):.4f}")

# %% [markdown]
# What does `keras_ae.AE` add? It is still a `keras.Model`, with `fit(x)`, where the target is the
# input without saying so. It has the methods `encode`, `decode`, `reconstruct` and `interpolate`.
# `network="conv"` chooses another network. Without `loss="mse"` it is trained by a log-likelihood
# that fits the data. It is plotted, measured and saved like all other models. For example, the code
# of the first digit, and a walk from the code of a 1 to the code of a 0:

# %%
print("code:", np.asarray(ae.encode(digits[:1]))[0].round(1))
keras_ae.plots.interpolations(ae, digits[[1]], digits[[0]])

# %% [markdown]
# ## The loss
#
# How close is $\mathbf{x}'$ to $\mathbf{x}$? We measure it by
#
# $$L_\text{AE}(\theta, \phi) =
# \frac{1}{n}\sum_{i=1}^n (\mathbf{x}^{(i)} - f_\theta(g_\phi(\mathbf{x}^{(i)})))^2$$
#
# In words: take an image, subtract its reconstruction pixel by pixel, square the differences and
# add them up; then take the average over all images. (`loss="mse"` is $L_\text{AE}$ divided by 784:
# Keras takes the mean over the pixels where the formula takes the sum. Both have their minimum in
# the same place.) Here is the formula as code, and a number to compare with: how large is it if
# every image gets the *same* reconstruction, the average image?

# %%
flat_train, flat_test = (
    x_train.reshape(-1, 784),
    x_test.reshape(-1, 784),
)  # (n, 28, 28, 1) -> (n, 784)


def error(x, x_new):
    """Mean over the images of the sum over the pixels of (x - x_new)^2."""
    return np.mean(np.sum((x - x_new) ** 2, axis=1))


mean = flat_train.mean(axis=0)
error_of_mean = error(flat_test, mean)
print(f"no code at all, always the mean image: L = {error_of_mean:.1f}")
rebuilt = ae.predict(x_test, verbose=0).reshape(-1, 784)
print(f"the autoencoder above, 6 numbers:      L = {error(flat_test, rebuilt):.1f}")

# %% [markdown]
# ## K-means clustering
#
# The idea "encode, decode, compare" is older than neural networks. The smallest code is one whole
# number, $z \in \{1, \dots, k\}$. K-means finds $k$ *centres* $\mathbf{m}_1, \dots, \mathbf{m}_k$.
# The encoder answers "which centre is nearest?", and the decoder gives that centre:
#
# $$g(\mathbf{x}) = \arg\min_j \, (\mathbf{x} - \mathbf{m}_j)^2, \qquad f(z) = \mathbf{m}_z$$
#
# The algorithm moves the centres until the mean squared distance between images and their centres,
# which is our $L$, becomes no smaller.

# %%
kmeans = KMeans(10, n_init=1, random_state=0).fit(flat_train[:10_000])
clusters = kmeans.predict(flat_test)
print(f"k-means, 10 centres: L = {error(flat_test, kmeans.cluster_centers_[clusters]):.1f}")
drawings.grid([kmeans.cluster_centers_.reshape(-1, 28, 28)], ["centres"])

# %% [markdown]
# Nobody told k-means what a digit is, yet some centres are clearly digits. Which digits fall into
# which cluster?

# %%
counts = np.zeros((10, 10), int)
np.add.at(counts, (y_test, clusters), 1)
order = np.argsort(counts.argmax(axis=0))  # clusters in the order of their most frequent digit
fig, axes = plt.subplots(figsize=(5, 4.2))
shown = axes.imshow(counts[:, order], cmap="cividis")
axes.set(xlabel="cluster, named by its most frequent digit", ylabel="digit")
axes.set(title="test images in each cluster")
axes.set_xticks(range(10), counts.argmax(axis=0)[order])
axes.set_yticks(range(10))
fig.colorbar(shown, label="number of images")
plt.show()
share = counts.max(axis=0).sum() / len(y_test)
print(f"images whose digit is the most frequent one of their cluster: {share:.1%}")

# %% [markdown]
# Digits that look alike share clusters, some digits have two clusters, and some have none. Ten
# clusters are too few to say *how* a 7 is written. We need a code that holds more.
#
# ## Principal component analysis
#
# The code of PCA is $d$ numbers. PCA looks for the $d$ directions
# $\mathbf{w}_1, \dots, \mathbf{w}_d$ in the space of images, at right angles to each other, along
# which the data vary most. With these as columns of a matrix $W$, and the mean image $\mathbf{m}$,
#
# $$\mathbf{z} = g(\mathbf{x}) = W^\top (\mathbf{x} - \mathbf{m}), \qquad
# \mathbf{x}' = f(\mathbf{z}) =
# W \mathbf{z} + \mathbf{m}$$
#
# In words: the code says how far the image lies from the mean along each direction, and the decoder
# walks these distances from the mean. The directions are the eigenvectors of the covariance matrix
# with the largest eigenvalues. An eigenvalue is the variance along its direction.

# %%
covariance = np.cov(flat_train, rowvar=False)
variances, directions = np.linalg.eigh(covariance.astype("float64"))
variances, directions = variances[::-1], directions[:, ::-1]  # largest first


def pca(x, d):
    """The reconstruction of x from its first d principal components."""
    W = directions[:, :d]
    return (x - mean) @ W @ W.T + mean


dims = [0, 1, 2, 4, 6, 8, 16, 32, 64, 128]
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.2), layout="constrained")
left.bar(range(1, 21), variances[:20], color=BLUE)
left.set(xlabel="component", ylabel="variance", title="variance along each direction")
left.set_xticks([1, 5, 10, 15, 20])
right.plot(dims, [error(flat_test, pca(flat_test, d)) for d in dims], "o-", color=BLUE)
right.set(
    xlabel="size d of the code", ylabel="L", title="error of the reconstruction", ylim=(0, None)
)
right.set_xticks([0, 8, 16, 32, 64, 128])
plt.show()

# %% [markdown]
# The first ten directions as images (dark: more ink along this direction, light: less):

# %%
w = directions[:, :10].T.reshape(-1, 28, 28)
names = [f"$w_{{{i + 1}}}$" for i in range(10)]
drawings.grid([0.5 + w / (2 * np.abs(w).max())], columns=names)

# %% [markdown]
# Two digits, rebuilt from more and more components:

# %%
few = flat_test[[0, 18]]
dims = [0, 1, 2, 4, 6, 16, 32, 64, 128]
steps = np.stack([*(pca(few, d) for d in dims), few]).reshape(-1, 2, 28, 28)  # (10, 2, 28, 28)
drawings.grid([steps[:, 0], steps[:, 1]], columns=[*map(str, dims), "original"])

# %% [markdown]
# ## A linear autoencoder
#
# An autoencoder *learns* $g_\phi$ and $f_\theta$ by gradient descent on $L_\text{AE}$. Let us first
# allow only linear maps:
#
# $$\mathbf{z} = g_\phi(\mathbf{x}) = A \mathbf{x} + \mathbf{a}, \qquad
# \mathbf{x}' = f_\theta(\mathbf{z}) =
# B \mathbf{z} + \mathbf{b}, \qquad \phi = (A, \mathbf{a}), \quad \theta = (B, \mathbf{b})$$
#
# PCA is one such pair of maps, so the best linear autoencoder is at least as good as PCA. And PCA
# is known to be the best of all linear maps through $d$ numbers (Eckart and Young, 1936), so the
# autoencoder can be no better. At its minimum $L_\text{AE}$ must equal the error of PCA. Does
# gradient descent find that minimum? We take $d = 6$.

# %%
d = 6
rate = keras.optimizers.schedules.CosineDecay(1e-2, decay_steps=40 * 60)
no_hidden = dict(widths=(), likelihood="gaussian")  # no hidden layers and no sigmoid: linear
linear = keras_ae.AE((28, 28, 1), latent_dim=d, **no_hidden)
linear.compile(keras.optimizers.Adam(rate), loss="mse")
linear.fit(x_train, batch_size=1000, epochs=40, verbose=0)

for name, x, flat in (("test", x_test, flat_test), ("training", x_train, flat_train)):
    by_ae = error(flat, linear.predict(x, verbose=0).reshape(-1, 784))
    print(
        f"L, {name:>8} images: linear autoencoder {by_ae:.3f}, PCA {error(flat, pca(flat, d)):.3f}"
    )

# %% [markdown]
# The errors agree. Do the two also use the same *subspace*: is everything that the decoder can
# draw, $B\mathbf{z} + \mathbf{b}$, in the plane that the directions of PCA span? Two subspaces of
# dimension 6 have 6 angles between them, all 0 if the subspaces are the same. For comparison we
# also print the angles between the subspace of PCA and a random one.


# %%
def angles(A, B):
    """Angles in degrees between the subspaces that the columns of A and of B span."""
    cosines = np.linalg.svd(np.linalg.qr(A)[0].T @ np.linalg.qr(B)[0], compute_uv=False)
    return np.degrees(np.arccos(np.clip(cosines, -1, 1)))


B = linear.decoder.get_layer("params").get_weights()[0].T  # (784, 6)
at_random = np.random.default_rng(0).normal(size=(784, d))
print("decoder of the autoencoder against PCA:", angles(B, directions[:, :d]).round(2))
print("random directions against PCA:         ", angles(at_random, directions[:, :d]).round(2))

# %% [markdown]
# The subspace is the same. But the *axes* in it are not: PCA orders its directions by their
# variance and puts them at right angles, whereas nothing in $L_\text{AE}$ asks for that. One can
# put any invertible matrix $M$ in between, since $B \mathbf{z} = (B M^{-1})(M \mathbf{z})$. So the
# columns of $B$ are mixtures of the principal components:

# %%
columns = B.T / np.abs(B).max()
components = directions[:, :d].T / np.abs(directions[:, :d]).max()
rows = [0.5 + images.reshape(-1, 28, 28) / 2 for images in (columns, components)]
drawings.grid(rows, ["columns of B", "components"])

# %%
z_ae = np.asarray(linear.encode(x_test))
z_pca = (flat_test - mean) @ directions[:, :d]
with_one = np.column_stack([z_pca, np.ones(len(z_pca))])  # for z_ae = M z_pca + c
M = np.linalg.lstsq(with_one, z_ae, rcond=None)[0]
explained = 1 - np.var(z_ae - with_one @ M, axis=0) / np.var(z_ae, axis=0)
print("how much of each number of the autoencoder's code is a linear function of the code of PCA:")
print(explained.round(4))

# %% [markdown]
# ## A deep autoencoder
#
# Now the step that PCA cannot take: put layers with a nonlinear function in between. The encoder
# becomes $784 \to 256 \to 128 \to 6$, and the decoder goes the same way back. Everything else
# stays: the same loss, the same size of the code.

# %%
keras.utils.set_random_seed(0)
deep = keras_ae.AE((28, 28, 1), latent_dim=d, widths=(256, 128))
rate = keras.optimizers.schedules.CosineDecay(2e-3, decay_steps=15 * len(x_train) // 128)
deep.compile(keras.optimizers.Adam(rate), loss="mse")
history = deep.fit(x_train, batch_size=128, epochs=15, validation_data=x_test, verbose=0).history
losses = {"training images": history["loss"], "test images": history["val_loss"]}
drawings.curves(losses, "squared error per pixel", "deep autoencoder, 6 numbers")

# %%
deep_test = deep.predict(x_test, verbose=0).reshape(-1, 784)
mse = deep.evaluate(x_test, verbose=0)
error_of_deep = error(flat_test, deep_test)
print(f"L_AE by its formula: {error_of_deep:.2f}   784 times the loss of Keras: {784 * mse:.2f}")
for name, x_new in [("mean", mean), ("PCA", pca(flat_test, d)), ("deep autoencoder", deep_test)]:
    L = error(flat_test, x_new)
    print(f"{name:>16}: L = {L:5.2f}, {L / error_of_mean:4.0%} of the error of the mean image")

# %% [markdown]
# Six numbers are enough for most digits, if they may be used in a nonlinear way. PCA needs many
# more numbers for the same error:

# %%
same = next(n for n in range(1, 785) if error(flat_test, pca(flat_test, n)) <= error_of_deep)
print(f"PCA reaches the error of the deep autoencoder of {d} numbers with {same} components")
some = [np.flatnonzero(y_test == digit)[3] for digit in range(10)]
rows = [images[some].reshape(-1, 28, 28) for images in (flat_test, pca(flat_test, d), deep_test)]
drawings.grid(rows, ["original", "PCA, 6 numbers", "deep, 6 numbers"])

# %% [markdown]
# ## A code that can be drawn: two dimensions
#
# With codes of two numbers, every image becomes a point in the plane. Training never sees the
# labels; they only colour the points. Here are a deep autoencoder and, for comparison, the first
# two principal components of the same images:

# %%
keras.utils.set_random_seed(0)
flat_land = keras_ae.AE((28, 28, 1), latent_dim=2, widths=(256, 128))
rate = keras.optimizers.schedules.CosineDecay(2e-3, decay_steps=15 * len(x_train) // 128)
flat_land.compile(keras.optimizers.Adam(rate), loss="mse")
flat_land.fit(x_train, batch_size=128, epochs=15, verbose=0)
by_ae = np.asarray(flat_land.encode(x_test[:4000]))
by_pca = (flat_test[:4000] - mean) @ directions[:, :2]
labels = [("$z_1$", "$z_2$"), ("first component", "second component")]
drawings.scatter({"deep autoencoder": by_ae, "PCA": by_pca}, y_test[:4000], labels)

# %% [markdown]
# How much do the two numbers tell? For each method we measure the error of the reconstruction
# (`mse`, per pixel), and how well a digit can be recognised from the code alone: by a linear
# classifier (`linear_probe`, in %), by the vote of the 5 nearest codes (`knn`, in %), and by
# k-means on the codes (`kmeans_accuracy`, in %, where each cluster is matched with one digit).

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
# The decoder accepts any point of the plane, also a point that no image was sent to. The grid below
# decodes points spread over the region of the codes.

# %%
keras_ae.plots.manifold(flat_land, n=15, x=x_test)

# %% [markdown]
# In the middle of a cluster the digits are clean; between clusters they melt into each other. And
# where in the plane should we draw a *random* code? The autoencoder never said: its clusters have
# arbitrary places, sizes and gaps. If we guess a normal distribution with the mean and the spread
# of the codes, some of our digits come from gaps:

# %%
codes = np.asarray(flat_land.encode(x_test))
rng = np.random.default_rng(1)
guesses = rng.multivariate_normal(codes.mean(axis=0), np.cov(codes.T), size=20).astype("float32")
keras_ae.plots.images(flat_land.decode(guesses), columns=10)

# %% [markdown]
# To draw new digits we need a model that says which codes are likely. That is the variational
# autoencoder of tutorial 05.
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
# 1. Train the linear autoencoder with `latent_dim=2`, then with 10. Which angle is the last to
#    become small, and what has that to do with the bar chart of the variances?
#
#    <details><summary>Solution</summary>
#
#    The largest angle. It belongs to the direction that is easiest to exchange for the next one:
#    using the 11th direction instead of the 10th costs the difference of their variances, only
#    0.13, so gradient descent has little reason to prefer the right one. Between the 2nd and the
#    3rd the difference is 0.49.
#
#    </details>
#
# 2. Give k-means 100 centres instead of 10. How many would it need to reach the error of PCA with 6
#    components?
#
#    <details><summary>Solution</summary>
#
#    `KMeans(100, n_init=1, random_state=0)` and the same `error` give $L = 28.8$, better than PCA
#    with 6 components. With 35 centres $L = 32.6$, about the error of PCA. A number from 1 to 35
#    holds far fewer bits than six real numbers; on the other hand, 35 images have to be stored.
#
#    </details>
#
# 3. Replace MNIST by `"fashion_mnist"`. Is the gain of the deep autoencoder over PCA as large?
#
#    <details><summary>Solution</summary>
#
#    Yes, about. Six components leave 35 % of the error of the mean image (62 % on MNIST), since
#    clothes have large areas of the same grey. But the deep autoencoder halves the error of PCA
#    again: $L = 11.4$ instead of 23.8.
#
#    </details>
#
# 4. Set `activation="linear"` in the deep autoencoder, and `likelihood="gaussian"`. What do you
#    expect $L_\text{AE}$ to be?
#
#    <details><summary>Solution</summary>
#
#    A product of matrices is a matrix: the network is linear again, so at its minimum $L_\text{AE}$
#    is the error of PCA, 32.65 on the test images.
#
#    </details>
#
# 5. Train with `latent_dim=784`. Is a small error then a sign of a good code? (Tutorial 03 is about
#    this.)
#
#    <details><summary>Solution</summary>
#
#    No. A code as large as the image can be a copy of it, and a copy says nothing about digits.
#
#    </details>
#
# ## References
#
# * C. Eckart and G. Young, "The approximation of one matrix by another of lower rank",
#   Psychometrika 1, 1936.
# * P. Baldi and K. Hornik, "Neural networks and principal component analysis: learning from
#   examples without local minima", Neural Networks 2, 1989. (The linear autoencoder has no other
#   minimum than PCA.)
# * G. Hinton and R. Salakhutdinov, "Reducing the dimensionality of data with neural networks",
#   Science 313, 2006.
# * I. Goodfellow, Y. Bengio and A. Courville, "Deep Learning", MIT Press 2016, chapter 14.
# * F. Chollet, ["Building autoencoders in
#   Keras"](https://blog.keras.io/building-autoencoders-in-keras.html), 2016.
# * L. Weng, ["From autoencoder to
#   beta-VAE"](https://lilianweng.github.io/lil-log/2018/08/12/from-autoencoder-to-beta-vae.html),
#   2018.
