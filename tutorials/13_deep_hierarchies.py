# %% [markdown]
# # Deep hierarchies
#
# **What you will learn**
#
# * how a variational autoencoder can have several layers of latent variables, and why its prior,
#   its posterior and its decoder share one top-down path;
# * how many nats each layer holds, and what each layer decides, seen by drawing the layers below it
#   anew;
# * how to train such a model, so that no layer is given up;
# * what the layers do for the density and for the drawn digits.
#
# You need to know the variational autoencoder (tutorial 05) and the importance-weighted bound
# (tutorial 06). The deep model is pretrained and comes from the zoo. Small ones are trained here on
# the digits of scikit-learn. Without MNIST at hand write `"mnist_5k"` instead of `"mnist"`.

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np
from drawings import grid

import keras_ae

keras.utils.set_random_seed(0)
plt.rcParams.update({"figure.dpi": 80, "axes.spines.top": False, "axes.spines.right": False})
BLUE, ORANGE, GREY = "#0077bb", "#ee7733", "#888888"

_, (x_test, y_test) = keras_ae.datasets.load("mnist")
binary = keras_ae.datasets.binarize(x_test[:1000], seed=0)
one_of_each = binary[[np.flatnonzero(y_test[:1000] == digit)[4] for digit in range(10)]]

# %% [markdown]
# ## From one layer to many
#
# A VAE with one layer explains an image by one code, $p(x, z) = p(x \mid z)\, p(z)$. With the prior
# $N(0, I)$ all numbers of the code are independent: the slant of a digit and the end of its stroke
# as well. A hierarchy draws the code in layers. Each layer knows those above it:
#
# $$p(x, z) = p(x \mid z_1, \ldots, z_L)\; p(z_1)
# \prod_{l=2}^{L} p(z_l \mid z_1, \ldots, z_{l-1}).$$
#
# The posterior goes the same way, from the top down, and looks at the image too:
#
# $$q(z \mid x) = q(z_1 \mid x) \prod_{l=2}^{L} q(z_l \mid x, z_1, \ldots, z_{l-1}).$$
#
# So the KL term of the ELBO is a sum with one part for each layer:
#
# $$\mathrm{KL}(q \,\|\, p) = \mathrm{KL}_1 + \sum_{l=2}^{L} \mathrm{E}_q\big[\mathrm{KL}(
# q(z_l \mid x, z_1, \ldots, z_{l-1}) \,\|\, p(z_l \mid z_1, \ldots, z_{l-1}))\big].$$
#
# Where `latent_dim` holds (height, width, channels), a layer of an `HVAE` is a map. Coarse maps
# come first, fine ones last:

# %%
hvae = keras_ae.load("conv_hvae_mnist")
for number, part in enumerate(hvae.split(hvae.encode(one_of_each)), start=1):
    shape = tuple(part.shape[1:])
    print(f"z_{number}: {' x '.join(map(str, shape)):9} = {np.prod(shape):3} numbers")
print(f"{hvae.count_params():,} weights")

# %% [markdown]
# All parts share one network. It starts with $z_1$, which becomes a 4 x 4 map of features $h$. The
# prior of $z_2$ is computed from $h$, and $z_2$ changes $h$. The prior of $z_3$ is computed from
# the new $h$, and so on, from 4 x 4 to 7 x 7 to the image. To encode an image, an encoder computes
# features of $x$ at each resolution, and the posterior of each layer sees them beside $h$. Below
# the top layer ($l \ge 2$), the posterior is described by its distance from the prior:
#
# $$p(z_l \mid \ldots) = N(m,\, s^2), \qquad
# q(z_l \mid x, \ldots) = N(m + s\,\delta,\; (s\, e^{d})^2), \qquad
# \mathrm{KL} = \sum_j \frac{\delta_j^2 + e^{2 d_j} - 1}{2} - d_j .$$
#
# At the start $\delta = d = 0$: each of these layers starts as its prior and costs nothing, until
# it learns to carry something.
#
# ## How many nats each layer holds

# %%
nats = np.array(hvae.kl_of_layers(binary, n_samples=10, seed=0))  # (1000, 4)
names = ["$z_1$", "$z_2$", "$z_3$", "$z_4$"]
fig, axes = plt.subplots(1, 2, figsize=(10, 3), width_ratios=(1, 2), layout="constrained")
axes[0].bar(names, nats.mean(axis=0), color=BLUE)
axes[0].set(ylabel="nats per image", title="all digits")
bottom = np.zeros(10)
for layer, shade in enumerate((1.0, 0.7, 0.45, 0.25)):
    height = [nats[y_test[:1000] == digit, layer].mean() for digit in range(10)]
    axes[1].bar(range(10), height, bottom=bottom, color=BLUE, alpha=shade, label=names[layer])
    bottom += height
axes[1].set(xticks=range(10), xlabel="digit", title="digit by digit")
axes[1].legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
plt.show()
print("nats of each layer:", nats.mean(axis=0).round(1), "sum:", nats.mean(axis=0).sum().round(1))

# %% [markdown]
# The top layer holds most, and the two fine maps hold nearly all of the rest. The coarse map $z_2$
# is hardly used: the vector above it already holds what fits into 4 x 4 places. A 1 needs fewer
# nats than the other digits: it has less to tell.
#
# ## What each layer decides
#
# `encode` gives all layers of an image. `redraw` keeps the upper ones and draws the others from the
# prior, given those that stay. What is common to all such images is what the upper layers have
# decided; what differs was left to the layers below.

# %%
codes = hvae.encode(one_of_each, sample=True, seed=0)
rows, labels = [one_of_each], ["image, pixels 0 or 1"]
for kept, label in ((4, "all layers kept"), (3, "z1 to z3"), (2, "z1 and z2"), (1, "only z1")):
    for seed in range(1 if kept == 4 else 2):
        rows.append(hvae.decode(hvae.redraw(codes, kept, seed=seed)))
        labels.append(label if seed == 0 else "once more")
grid(rows, labels)

# %% [markdown]
# Look down a column. With only the top layer kept, the digit is nearly always still there, and its
# place, slant and thickness are much the same. What the lower layers add are the shapes of the
# strokes: where exactly they run and how they end. `keras_ae.plots.layers(hvae, x)` draws such rows
# for any hierarchy.
#
# To see this in one picture, we draw the lower layers of one image 100 times, and show for each
# pixel how much it varies:

# %%
chosen = codes[2:8]
rows, labels = [hvae.decode(chosen)], ["reconstruction"]
for kept, label in ((3, "varies, z1 to z3 kept"), (2, "z1 and z2"), (1, "only z1"), (0, "nothing")):
    many = np.repeat(chosen, 100, axis=0)
    drawn = np.array(hvae.decode(hvae.redraw(many, kept, seed=0))).reshape(6, 100, 28, 28, 1)
    rows.append(2 * drawn.std(axis=1))  # twice, to be well seen
    labels.append(label)
grid(rows, labels)

# %% [markdown]
# Below a kept top layer, most images differ only along the edges of their strokes. An unusual
# digit, such as this 6, is less certain. If nothing is kept, they differ everywhere: these are
# images of all ten digits.
#
# Does the top layer decide the digit? A classifier comes with the library. We ask it how often a
# redrawn image is still read as the digit that the whole code is read as:

# %%
classifier = keras_ae.evaluation.classifier("mnist")
z = hvae.encode(binary[:500], sample=True, seed=1)
found = {}
for kept in range(5):
    images = hvae.decode(hvae.redraw(z, kept, seed=2))
    found[kept] = np.argmax(classifier.predict(images, verbose=0), axis=1)
for kept in range(4):
    same = np.mean(found[kept] == found[4])
    print(f"{kept} layers kept: the same digit in {same:4.0%} of the images")

# %% [markdown]
# ## A walk in the top layer
#
# Walk straight from the $z_1$ of one image to that of another one, and draw the lower layers at
# each step with the same seed. The digit changes over several steps, and the details go along,
# because their priors depend on the top layer:


# %%
def walk(start, end, steps=12):
    """Images on the way from the top layer of one code to that of another one."""
    share = np.linspace(0, 1, steps)[:, None]
    return hvae.decode(hvae.redraw((1 - share) * start + share * end, layers=1, seed=3))


codes = np.array(codes)
pairs = [(4, 9), (1, 7), (3, 8), (0, 6), (5, 2)]
grid([walk(codes[a], codes[b]) for a, b in pairs], [f"{a} to {b}" for a, b in pairs])

# %% [markdown]
# ## Training: no layer may be given up
#
# Early in training a layer costs its KL before the decoder has learned to read it. Then it is
# cheaper to make the posterior equal to the prior, and the layer is lost. Two remedies are usual:
#
# * **warm-up**: the factor beta of the KL term grows from 0 to 1;
# * **free bits**: the first nats of each layer cost nothing for a while.
#
# We train a small hierarchy on 8 x 8 digits three times, and look at its layers:

# %%
SHAPE, EPOCHS = (8, 8, 1), 60
(small, _), (small_test, _) = keras_ae.datasets.load("digits")
data = keras_ae.datasets.binarize_dynamic(small, batch_size=64, seed=1)
small_test = keras_ae.datasets.binarize(small_test, seed=2)
steps = EPOCHS * len(data)
warm_up = keras_ae.schedules.WarmUp(steps // 3)
free = keras_ae.schedules.WarmUp(steps // 2, start=1.0, end=0.0)
ways = {
    "plain": {},
    "warm-up": {"beta": warm_up},
    "warm-up, free bits": {"beta": warm_up, "objective": keras_ae.objectives.FreeBits(free)},
}
held = {}
for name, options in ways.items():
    keras.utils.set_random_seed(1)
    model = keras_ae.HVAE(SHAPE, (6, (2, 2, 2), (4, 4, 1)), widths=(16, 32), **options)
    rate = keras.optimizers.schedules.CosineDecay(3e-3, steps)
    model.compile(keras.optimizers.Adam(rate))
    model.fit(data, epochs=EPOCHS, verbose=0)
    held[name] = np.mean(model.kl_of_layers(small_test, seed=1), axis=0)
    bound = -np.mean(model.elbo(small_test, n_samples=20, seed=1))
    print(f"{name:18} -ELBO {bound:.2f} nats, layers {held[name].round(1)} nats")

fig, ax = plt.subplots(figsize=(7, 2.6), layout="constrained")
for i, (name, values) in enumerate(held.items()):
    ax.bar(np.arange(3) + 0.25 * (i - 1), values, 0.22, color=(GREY, BLUE, ORANGE)[i], label=name)
ax.set(xticks=range(3), xticklabels=names[:3], ylabel="nats per image")
ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
plt.show()

# %% [markdown]
# Without a remedy everything goes into the top layer: the layers below it hold nothing, and the
# model is a VAE with one layer. The warm-up brings the bottom layer into use, and free bits keep a
# little in the middle one. The bounds are nearly the same here: so few pixels need no hierarchy.
#
# ## What it draws
#
# To draw an image, a code is drawn from the top down and decoded. The prior of the top layer is a
# flow, which learns where the codes of digits lie. The priors of the other layers are learned too.
# The cards tell how likely a model finds the test images, `nll`, and how many of 3,000 drawn images
# a classifier is sure about, `recognisable`:

# %%
for name in ("vae_normal_mnist", "conv_vae_mnist", "hvae_mnist", "conv_hvae_mnist"):
    metrics = {metric["name"]: metric["value"] for metric in keras_ae.info(name).metrics}
    print(f"{name:17} nll {metrics['nll']:.2f}, recognisable {metrics['recognisable']:.1f}")

# %%
rows = [*np.split(np.asarray(hvae.sample(36, seed=1)), 3)]
rows += [*np.split(np.asarray(keras_ae.load("vae_normal_mnist").sample(36, seed=1)), 3)]
grid(rows, ["conv_hvae_mnist", "", "", "vae_normal_mnist", "", ""])

# %% [markdown]
# A better likelihood does not mean better digits. The two convolutional models find the test
# images likelier than `hvae_mnist` does, but more of its draws are recognised. The prior makes the
# greatest difference: `vae_normal_mnist` draws from a standard normal distribution, which the codes
# of digits do not fill. The other three learned where the codes lie.
#
# ## Exercises
#
# 1. `hvae.split` the codes of two images, put the top layer of one above the lower layers of the
#    other, and decode. How do the images look beside those of `redraw`? Compare
#    `hvae.prior.log_prob` of the mixed codes and of the codes of images.
# 2. How many nats does each layer hold for images that are no digits, such as
#    `keras_ae.datasets.load("fashion_mnist")`? Which layer tells best that they are none?
# 3. Train the small model with the warm-up, once without the middle layer and once with the shape
#    (4, 4, 1) for it. How do the nats move between the layers?
# 4. Show that the lowest layer can be left out if its KL is 0 for every image: the bound gets no
#    worse.
#
# <details><summary>Solutions</summary>
#
# 1. `top, *_ = hvae.split(a)`, `_, *below = hvae.split(b)`, each layer reshaped to a vector, then
#    `np.concatenate` along the last axis. The images are smudged; most are still the
#    digit of the top layer. The log-density of the prior falls from hundreds to minus tens of
#    thousands: the lower layers of one image are nearly impossible below the top layer of another.
#    `redraw` draws layers that fit.
# 2. `hvae.kl_of_layers(keras_ae.datasets.binarize(clothes, seed=0))`. The top layer holds half
#    as much again as for digits, the third one ten times as much. What the top layer cannot express
#    is left to the lower ones, so their KL tells strange images from digits.
# 3. Without it the two layers hold 3.3 and 2.3 nats. With the other shape the middle layer holds
#    0.9 nats, which the other two give up: 3.1, 0.9 and 2.0. The bound is 23.2 nats both times.
# 4. KL 0 means $q(z_L \mid x, z_{<L}) = p(z_L \mid z_{<L})$. So, given the layers above, $z_L$ is
#    noise that does not depend on $x$. Average the likelihood over this noise: $p'(x \mid z_{<L}) =
#    \mathrm{E}_{p(z_L \mid z_{<L})}[p(x \mid z)]$. By Jensen's inequality $\mathrm{E}_{p(z_L \mid
#    z_{<L})}[\log p(x \mid z)] \le \log p'(x \mid z_{<L})$. The other KL terms do not change, so
#    the new bound is at least as good.
#
# </details>
#
# ## References
#
# * Sonderby et al., "Ladder variational autoencoders", NeurIPS 2016: the top-down path, warm-up.
# * Kingma et al., "Improved variational inference with inverse autoregressive flow", NeurIPS 2016:
#   free bits.
# * Vahdat and Kautz, "NVAE: a deep hierarchical variational autoencoder", NeurIPS 2020: the
#   posterior as a distance from the prior.
# * Child, "Very deep VAEs generalize autoregressive models and can outperform them on images",
#   ICLR 2021.
# * Tomczak and Welling, "VAE with a VampPrior", AISTATS 2018: learned priors.
