# %% [markdown]
# # Beyond the lecture
#
# **What you will learn**
#
# * how an autoencoder is kept from learning the identity without a narrow code: sparse, k-sparse and contractive ones;
# * what else a variational autoencoder may minimise, and which priors and posteriors it may have;
# * layers of latent variables, labels, symbols, sequences, states of the world, clusters: one section each, with the formula, the code,
# and a number or a picture that shows what the idea is good for.
#
# You need to know the variational autoencoder (tutorial 05) and the importance-weighted bound (tutorial 06). The data are the small
# digits of scikit-learn, 8 x 8 pixels: every training takes seconds, and shows the idea, not what it can reach on larger data.

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np
import sklearn.cluster

import keras_ae
from keras_ae import distributions, objectives, schedules

keras.utils.set_random_seed(0)
plt.rcParams.update({"figure.dpi": 80, "axes.spines.top": False, "axes.spines.right": False})
SHAPE = (8, 8, 1)

(x_train, y_train), (x_test, y_test) = keras_ae.datasets.load("digits")
x_train, x_test = x_train / np.float32(255), x_test / np.float32(255)
print("training images", x_train.shape, " test images", x_test.shape)


def trained(model, *data, epochs=30, rate=3e-3, batch_size=64):
    """The model, after a short training."""
    steps = epochs * -(-len(data[0]) // batch_size)
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, steps)))
    model.fit(*data, batch_size=batch_size, epochs=epochs, verbose=0)
    return model


def error(model):
    """The squared error a pixel of what the model makes of the test images."""
    return np.mean((model.predict(x_test, verbose=0) - x_test) ** 2)


# %% [markdown]
# ## Sparse, k-sparse, contractive
#
# A code may be wide if something else keeps it from being a copy. A **sparse** autoencoder pays for active units, a **k-sparse** one
# keeps the $k$ largest and drops the others, a **contractive** one pays for every direction in which a small change of $x$ changes its
# code:
#
# $$-\log p(x \mid g(x)) + \lambda \lVert g(x) \rVert_1, \qquad z = \mathrm{top}_k\, g(x), \qquad -\log p(x \mid g(x)) + \lambda
# \left\lVert \frac{\partial g(x)}{\partial x} \right\rVert_F^2 .$$

# %%
WIDE = dict(latent_dim=64, widths=(64,))
models = {
    "AE": keras_ae.AE(SHAPE, **WIDE),
    "sparse (L1)": keras_ae.SparseAE(SHAPE, sparsity=keras_ae.sparsity.L1Sparsity(0.05), **WIDE),
    "k-sparse, k = 8": keras_ae.KSparseAE(SHAPE, k=8, **WIDE),
    "contractive": keras_ae.ContractiveAE(SHAPE, weight=0.1, **WIDE),
}
figure, axes = plt.subplots(1, len(models), figsize=(11, 2.2), sharey=True)
for axis, (name, model) in zip(axes, models.items(), strict=True):
    trained(model, x_train)
    z = np.array(model.encode(x_test))
    moved = np.array(
        model.encode(
            np.clip(
                x_test + 0.1 * np.random.default_rng(0).standard_normal(x_test.shape), 0, 1
            ).astype("float32")
        )
    )
    shift = np.linalg.norm(moved - z) / np.linalg.norm(z)
    print(
        f"{name:16} error {error(model):.4f}, units above 0.01: {np.mean(np.abs(z) > 0.01):4.0%}, noise moves the code by {shift:4.0%}"
    )
    axis.bar(np.arange(64), np.abs(z[0]), width=1.0)
    axis.set(title=name, xlabel="unit")
axes[0].set_ylabel("|z| of one digit")
figure.tight_layout()

# %% [markdown]
# ## What a VAE may minimise
#
# The objective is a part, like the prior: `objective="iwae"` trains by the importance-weighted bound of $k$ draws, with gradients that
# stay sharp as $k$ grows (DReG); `"total_correlation"` presses on the dependence between the dimensions alone; `"mmd"` compares all codes
# of a batch with the prior. And `beta` may be a schedule, which moves at every step. Whatever they were trained by, `log_likelihood`
# measures all of them alike.

# %%
binary = {
    "train": keras_ae.datasets.binarize(x_train, seed=1),
    "test": keras_ae.datasets.binarize(x_test, seed=0),
}
SMALL = dict(latent_dim=8, widths=(64,))


def nats(vae):
    """Minus the bound of log p(x) by 500 samples, of the test images."""
    return -float(np.mean(vae.log_likelihood(binary["test"], 500, seed=0)))


variants = {
    "ELBO": dict(),
    "ELBO, beta warmed up": dict(beta=schedules.WarmUp(300)),
    "IWAE, k = 10": dict(objective=objectives.IWAE(10)),
    "InfoVAE (MMD)": dict(objective="mmd"),
    "beta-TCVAE, beta = 4": dict(objective="total_correlation", beta=4.0),
}
for name, options in variants.items():
    keras.utils.set_random_seed(1)
    print(
        f"{name:22} {nats(trained(keras_ae.VAE(SHAPE, **SMALL, **options), binary['train'])):.2f} nats an image"
    )

# %% [markdown]
# ## Priors and posteriors
#
# The best prior for the ELBO is the mean of $q(z \mid x)$ over the data. A **VampPrior** is that mean over inputs that training makes up;
# a
# **flow** bends a Gaussian by invertible functions, $\log p(z) = \log N(u) + \log\left|\det \partial u / \partial z\right|$. The
# posterior may be a flow too: it closes the gap between the bound and the likelihood, at the price of more parameters. With a model as
# small as this, and a training as short, do not expect all of them to gain.

# %%
parts = {
    "N(0, I) and diagonal": dict(),
    "VampPrior": dict(prior=distributions.VampPrior(8, components=50)),
    "RealNVP prior": dict(prior=distributions.RealNVP(8, flows=4, width=32)),
    "full posterior": dict(posterior="full"),
    "planar flow posterior": dict(posterior="planar"),
}
for name, options in parts.items():
    keras.utils.set_random_seed(1)
    print(
        f"{name:22} {nats(trained(keras_ae.VAE(SHAPE, **SMALL, **options), binary['train'])):.2f} nats an image"
    )

# %% [markdown]
# ## Layers of latent variables
#
# $$p(x, z_1, z_2) = p(x \mid z_1, z_2)\, p(z_2 \mid z_1)\, p(z_1), \qquad q(z_1, z_2 \mid x) = q(z_1 \mid x)\, q(z_2 \mid x, z_1) .$$
#
# An `HVAE` is a VAE whose code is all layers side by side, the top one first. To see what a layer holds, keep the one and draw the other:

# %%
hvae = trained(
    keras_ae.HVAE(SHAPE, latent_dim=(4, 8), widths=(64,), width=64, prior="mixture"),
    x_train,
    epochs=60,
)
top, bottom = hvae.split(hvae.encode(x_test[:8], sample=True, seed=0))
others_top, others_bottom = hvae.split(hvae.encode(x_test[20:28], sample=True, seed=0))
rows = [
    hvae.decode(keras.ops.concatenate([top, bottom], axis=1)),
    hvae.decode(keras.ops.concatenate([top, others_bottom], axis=1)),
    hvae.decode(keras.ops.concatenate([others_top, bottom], axis=1)),
]
print(
    "rows: both layers of a digit; its top layer with another digit's bottom; its bottom with another's top"
)
keras_ae.plots.images(np.concatenate([x_test[:8], *rows]), columns=8)

# %% [markdown]
# ## Labels
#
# A `ConditionalVAE` is $p(x \mid y, z)\,p(y)\,p(z)$: what the label $y$ leaves open, such as slant and thickness, is $z$. So one can ask
# for a digit:

# %%
cvae = trained(
    keras_ae.ConditionalVAE(SHAPE, 6, widths=(64,), width=64), x_train, y_train, epochs=60
)
asked = np.tile(np.arange(10), 3)
drawn = cvae.sample(30, seed=0, labels=asked)
print(
    f"{np.mean(np.argmax(cvae.classify(drawn), axis=1) == asked):.0%} of the drawn digits are classified as what was asked for"
)
keras_ae.plots.images(np.array(drawn), columns=10)

# %% [markdown]
# Where a label is missing, -1, all labels are possible, and `unknown="sum"` sums the bound over them, each weighed by the model's own
# classifier $q(y \mid x)$. The classifier so learns from every image which label explains it best: a few labels and many images,
# semi-supervised.

# %%
few = np.concatenate([np.flatnonzero(y_train == digit)[:3] for digit in range(10)])  # 30 labels
images = np.concatenate([x_train, np.tile(x_train[few], (15, 1, 1, 1))])
labels = np.concatenate([np.full(len(x_train), -1), np.tile(y_train[few], 15)])
for name, data in {
    "30 images alone": (images[-450:], labels[-450:]),
    "and all the others": (images, labels),
}.items():
    keras.utils.set_random_seed(0)
    model = keras_ae.ConditionalVAE(SHAPE, 6, widths=(64,), width=64, unknown="sum")
    model = trained(model, *data, epochs=40, batch_size=128)
    print(
        f"{name:18}: {np.mean(np.argmax(model.classify(x_test), axis=1) == y_test):.1%} of the test images right"
    )

# %% [markdown]
# ## Symbols
#
# A `VQVAE` replaces each part of a code by the nearest row of a codebook: the code becomes a few symbols, here a map of 2 x 2. A
# **PixelCNN** then learns which symbols follow which, $p(s) = \prod_i p(s_i \mid s_1, \ldots, s_{i-1})$, and the model can draw.

# %%
network = keras_ae.networks.residual(SHAPE, 16, 16, SHAPE, widths=(16, 32), blocks=1, code="map")
vqvae = trained(keras_ae.VQVAE(SHAPE, 16, network=network, size=32, width=4), x_train, epochs=20)
perplexity = vqvae.evaluate(x_test, verbose=0, return_dict=True)["perplexity"]
print(
    f"4 symbols of 32, that is {4 * 5} bits an image: error {error(vqvae):.4f}, perplexity {perplexity:.1f}"
)
print("symbols of three digits:", np.array(vqvae.symbols(x_test[:3])).tolist())
sampler = keras_ae.samplers.fit(vqvae, x_train, kind="pixelcnn")
print(
    f"log p(symbols), test images: {sampler.log_prob(vqvae.symbols(x_test)).mean():.2f} nats; at random {-4 * np.log(32):.2f}"
)
keras_ae.plots.images(np.array(sampler.sample(24, seed=0)), columns=12)

# %% [markdown]
# ## A density afterwards
#
# An `RAE` is a VAE without noise: codes are kept small and the decoder smooth, and a density is fitted to the codes when training is
# over.

# %%
rae = trained(keras_ae.RAE(SHAPE, 8, widths=(64,)), x_train)
sampler = keras_ae.samplers.fit(rae, x_train)
nothing = rae.decode(np.random.default_rng(0).standard_normal((12, 8)).astype("float32"))
print(
    "above: codes drawn from N(0, I), which the RAE knows nothing of; below: from a mixture fitted to its codes"
)
keras_ae.plots.images(np.concatenate([nothing, sampler.sample(12, seed=0)]), columns=12)

# %% [markdown]
# ## Sequences
#
# A `SequenceAE` reads a sequence step by step and writes it again from one code. Sequences of different lengths are padded, and padding
# never counts: here random walks of 5 to 20 steps that turn slowly.

# %%
rng = np.random.default_rng(0)


def walk():
    """A smooth path of 5 to 20 points from the origin."""
    angle = rng.uniform(0, 2 * np.pi) + np.cumsum(
        np.full(rng.integers(5, 21), rng.uniform(-0.4, 0.4))
    )
    return np.cumsum(0.1 * np.stack([np.cos(angle), np.sin(angle)], axis=1), axis=0).astype(
        "float32"
    )


paths = keras.utils.pad_sequences([walk() for _ in range(1200)], 20, "float32", "post", value=-9.0)
sequence_ae = keras_ae.SequenceAE(
    (20, 2), 4, widths=(48,), likelihood=distributions.Gaussian(0.1), mask_value=-9.0
)
trained(sequence_ae, paths[:1000], rate=1e-2)
again = sequence_ae.predict(paths[1000:], verbose=0)
figure, axes = plt.subplots(1, 6, figsize=(11, 2))
for axis, before, after in zip(axes, paths[1000:], again, strict=False):
    real = before[:, 0] != -9
    axis.plot(*before[real].T, "o", color="#888888", markersize=4)
    axis.plot(*after[real].T, color="#ee7733")
    axis.set(aspect="equal", xticks=[], yticks=[], title=f"{real.sum()} steps")
print("grey: paths of the test set; orange: what the autoencoder made of a code of four numbers")

# %% [markdown]
# ## States of the world
#
# A `TDVAE` watches a sequence and keeps a **belief** $b_t$; from it a state is drawn, and from that one the next, without another look.
# What is shown are digits that move by one pixel a frame, to the left or to the right: no single frame tells the direction.
# With so small a model what is foretold is blurred: it knows where the ink will be better than which digit it is.

# %%
tdvae = keras_ae.TDVAE((8, *SHAPE), latent_dim=(4, 8), widths=(64,), max_jump=3)
trained(
    tdvae,
    keras_ae.datasets.moving(np.tile(x_train, (3, 1, 1, 1)), steps=8, seed=1),
    epochs=12,
    rate=4e-3,
)
video = keras_ae.datasets.moving(x_test, steps=8, seed=2)
ahead = np.array(tdvae.rollout(video[:, :4], 4, seed=0))
print(
    "squared error of frames 5 to 8:",
    np.round(np.mean((ahead - video[:, 4:]) ** 2, axis=(0, 2, 3, 4)), 4),
)
print(
    "of the last frame, copied     :",
    np.round(np.mean((video[:, 3:4] - video[:, 4:]) ** 2, axis=(0, 2, 3, 4)), 4),
)
print(
    "in pairs of rows: four frames that are watched and four that came; the same four and what was foretold"
)
shown = [
    np.concatenate([video[i, :4], frames[i]]) for i in range(3) for frames in (video[:, 4:], ahead)
]
keras_ae.plots.images(np.concatenate(shown), columns=8)

# %% [markdown]
# ## Clusters
#
# A `VaDE` is a VAE whose prior is a mixture of Gaussians, one a cluster: $p(c \mid z)$ sorts the images, and no label was seen. It starts
# from a clustering of the codes of a VAE that is trained already. After a
# training of seconds, on 1,437 images, do not expect it to beat k-means; on all of MNIST, from `vae_mnist`, it sorts 97 % of the test
# images as their digits (the README shows how).

# %%
vade = trained(
    keras_ae.VaDE(SHAPE, 8, widths=(64,), clusters=10, covariance="full"), x_train, epochs=60
)
vade.start_clusters(x_train, keras_ae.representation.spectral(vade.encode(x_train), clusters=10))
trained(vade, x_train, epochs=5, rate=3e-4)
kmeans = sklearn.cluster.KMeans(10, n_init=10, random_state=0).fit(x_train.reshape(-1, 64))
for name, found in {
    "k-means on pixels": kmeans.predict(x_test.reshape(-1, 64)),
    "VaDE": np.array(vade.clusters(x_test)),
}.items():
    counts = np.array(
        [np.bincount(y_test[found == cluster], minlength=10) for cluster in range(10)]
    )
    print(
        f"{name:18}: {counts.max(axis=1).sum() / len(x_test):.1%} of the test images are of the commonest digit of their cluster"
    )
keras_ae.plots.images(
    np.concatenate([vade.sample(10, seed=0, cluster=cluster) for cluster in range(4)]), columns=10
)

# %% [markdown]
# ## Exercises
#
# 1. How few units may a k-sparse code keep before digits become confused? Plot the error against $k$.
# 2. Train the VAE of the second section by `objectives.IWAE(k)` for $k$ = 1, 5 and 50, at equal epochs and at equal time. Which
#    comparison is fair?
# 3. Give the `HVAE` three layers. Which of them does the KL term leave idle?
# 4. A `ConditionalVAE` is made of a posterior and a prior like any VAE: give it `prior="flow"` and `objective="iwae"`.
# 5. Draw symbols from the `VQVAE` independently of each other and compare them with what the PixelCNN draws.
# 6. Let the `TDVAE` jump by three frames at once, `rollout(x, 1, jump=3)`: is that better or worse than three jumps of one?
#
# ## References
#
# * Makhzani and Frey, "k-sparse autoencoders", 2013. Rifai et al., "Contractive auto-encoders", ICML 2011.
# * Burda et al., "Importance weighted autoencoders", ICLR 2016. Chen et al., "Isolating sources of disentanglement in VAEs", NeurIPS
# 2018. Zhao et al., "InfoVAE", AAAI 2019.
# * Tomczak and Welling, "VAE with a VampPrior", AISTATS 2018. Dinh et al., "Density estimation using Real NVP", ICLR 2017. Rezende and
#   Mohamed, "Variational inference with normalizing flows", ICML 2015. Sonderby et al., "Ladder variational autoencoders", NeurIPS 2016.
# * Kingma et al., "Semi-supervised learning with deep generative models", NeurIPS 2014. Sohn et al., "Learning structured output
#   representation using deep conditional generative models", NeurIPS 2015.
# * van den Oord et al., "Neural discrete representation learning", NeurIPS 2017, and "Conditional image generation with PixelCNN
# decoders", NeurIPS 2016. Ghosh et al., "From variational to deterministic autoencoders", ICLR 2020.
# * Sutskever et al., "Sequence to sequence learning with neural networks", NeurIPS 2014. Gregor et al., "Temporal difference variational
#   auto-encoder", ICLR 2019.
# * Jiang et al., "Variational deep embedding", IJCAI 2017. Xie et al., "Unsupervised deep embedding for clustering analysis", ICML 2016.
# * Weng, "From autoencoder to beta-VAE", 2018. Chollet, "Building autoencoders in Keras", 2016.
