# %% [markdown]
# # Your own model
#
# **What you will learn**
#
# * how to give a model networks of your own: any pair of `keras.Model`s;
# * how to write a distribution of your own in twenty lines, and how to check that it *is* one;
# * how to write an objective of your own in twenty lines, and how to check it against a known
#   answer;
# * how to save the result, as a Keras file or as a preset, and how to add it to the zoo with its
#   recipe and its card.
#
# You need to know the variational autoencoder (tutorial 05) and the importance-weighted bound
# (tutorial 06). The data are the small digits of scikit-learn, 8 x 8 pixels, so that every training
# takes seconds and nothing has to be downloaded.

# %%
import pathlib
import subprocess
import sys

import keras
import matplotlib.pyplot as plt
import numpy as np
import scipy.stats
import tensorflow as tf
import tensorflow_probability as tfp
from keras import layers

import keras_ae

tfd = tfp.distributions
keras.utils.set_random_seed(0)
plt.rcParams.update({"figure.dpi": 80, "axes.spines.top": False, "axes.spines.right": False})
BLUE, ORANGE, TEAL, GREY = "#0077bb", "#ee7733", "#009988", "#888888"

(x_train, _), (x_test, _) = keras_ae.datasets.load("digits")
print("training images", x_train.shape, " test images", x_test.shape)
keras_ae.plots.images(x_train[:30], columns=15)

# %% [markdown]
# ## Three parts
#
# A model of this library is made of three parts, and each can be your own:
#
# | part | what it says | how to make your own |
# |---|---|---|
# | network | how numbers become other numbers | any two `keras.Model`s, encoder and decoder |
# | distribution | how values scatter | a layer whose `call(params)` returns a tfp distribution |
# | objective | what training minimises | a subclass with a method `objective(x, target)` |
#
# Training, metrics, saving and several devices come from the base class. They need to know nothing
# about your part.
#
# ## A network of your own
#
# The two models have to fit the distributions. The encoder gives as many numbers as the posterior
# has parameters. The decoder takes a code and gives as many numbers as the likelihood has
# parameters. `params_size` says how many these are. Here is a small residual network:

# %%
LATENT = 8


def residual(h, width):
    """h + f(h): the block learns what to change. The height and width stay the same."""
    change = layers.Conv2D(width, 3, padding="same", activation="gelu")(h)
    change = layers.Conv2D(width, 3, padding="same")(change)
    return layers.Activation("gelu")(layers.Add()([layers.Conv2D(width, 1)(h), change]))


def residual_network(code_size, channels):
    image = keras.Input((8, 8, 1))
    h = layers.MaxPooling2D()(residual(image, 16))  # (batch, 8, 8, 1) -> (batch, 4, 4, 16)
    h = layers.Flatten()(residual(h, 32))  # -> (batch, 512)
    encoder = keras.Model(image, layers.Dense(code_size)(h))

    z = keras.Input((LATENT,))
    h = layers.Reshape((4, 4, 32))(
        layers.Dense(512, activation="gelu")(z)
    )  # (batch, 8) -> (batch, 4, 4, 32)
    h = layers.UpSampling2D()(residual(h, 32))  # -> (batch, 8, 8, 32)
    decoder = keras.Model(
        z, layers.Conv2D(channels, 3, padding="same")(residual(h, 16))
    )  # -> (batch, 8, 8, channels)
    return encoder, decoder


posterior, likelihood = (
    keras_ae.distributions.DiagonalGaussian(),
    keras_ae.distributions.Bernoulli(),
)
print(
    "the encoder has to give",
    posterior.params_size(LATENT),
    "numbers; the decoder",
    likelihood.params_size(1),
    "per pixel",
)
network = residual_network(posterior.params_size(LATENT), likelihood.params_size(1))
residual_vae = keras_ae.VAE(
    (8, 8, 1), LATENT, network=network, posterior=posterior, likelihood=likelihood
)
residual_vae.compile(keras.optimizers.Adam(2e-3))
history = residual_vae.fit(x_train, batch_size=64, epochs=30, validation_data=x_test, verbose=0)
keras_ae.plots.training_curves(history)

# %%
keras_ae.plots.reconstructions(residual_vae, x_test[:12])

# %% [markdown]
# Everything else works as with the built-in networks. If the sizes do not fit, the constructor says
# so at once:

# %%
try:
    keras_ae.VAE((8, 8, 1), LATENT, network=residual_network(code_size=8, channels=1))
except ValueError as error:
    print(error)

# %% [markdown]
# ## A distribution of your own
#
# Which likelihood fits these images? They were made from scans of $32 \times 32$ black and white
# pixels, by *counting* the black ones in each block of $4 \times 4$. So a pixel is a whole number
# $k$ from 0 to 16, and the natural distributions of such counts are
#
# * the **binomial**: each of the 16 pixels of a block is black with the probability $p$, one by
#   one: $P(k) = \binom{16}{k} p^k (1-p)^{16-k}$;
# * the **beta-binomial**: the probability itself is random. It is drawn from $\text{Beta}(pc,
#   (1-p)c)$, which has the mean $p$ and the *concentration* $c$:
#
# $$P(k) = \binom{16}{k} \frac{B(k + pc, \; 16 - k + (1-p)c)}{B(pc, \; (1-p)c)}$$
#
# In words: neighbouring pixels of a scan are alike, so a block tends to be all black or all white.
# A small $c$ allows for that; for $c \to \infty$ the binomial is back. ($B$ is the beta function.)
# TensorFlow Probability has both. What is left to do is to say that our $x$ is $k / 16$, and where
# the parameters come from:


# %%
class InSixteenths:
    """A count of 16, given as a fraction: 0, 1/16, ..., 1."""

    def _log_prob(self, x):
        return super()._log_prob(tf.round(16 * x))

    def _mean(self):
        return super()._mean() / 16

    def _sample_n(self, n, seed=None):
        return super()._sample_n(n, seed=seed) / 16


class BetaBinomial(InSixteenths, tfd.BetaBinomial):
    pass


class Binomial(InSixteenths, tfd.Binomial):
    pass


@keras.saving.register_keras_serializable("tutorial")
class InkCounts(keras_ae.distributions.Likelihood):
    """p(x|z) = prod_i BetaBinomial(16 x_i; p_i, c_i).

    The decoder gives two numbers per pixel: the logit of p, and c before softplus.
    """

    support = (0.0, 1.0)

    def params_size(self, event_shape):
        return 2 * super().params_size(event_shape)

    def call(self, params):
        logits, raw = keras.ops.split(
            params, 2, axis=-1
        )  # (batch, 8, 8, 2) -> 2 x (batch, 8, 8, 1)
        p, c = (
            0.001 + 0.998 * tf.sigmoid(logits),
            0.001 + tf.nn.softplus(raw + 3),
        )  # away from 0, where B is infinite
        return self.independent(
            BetaBinomial(total_count=16.0, concentration1=p * c, concentration0=(1 - p) * c)
        )


# %% [markdown]
# The last class is the likelihood. If a tfp distribution fits as it is, such as a Poisson, this
# class is all that you write.
#
# **Check it.** Four questions that every new distribution should answer: do the probabilities add
# up to 1? Does `mean` agree with them? Does `log_prob` agree with someone else's (here SciPy's)?
# And do draws have the right frequencies?

# %%
params = tf.constant([[-1.0, -2.0], [0.5, 1.0], [2.0, -4.0]])[
    :, None, None
]  # three images of one pixel: (3, 1, 1, 2)
ink = InkCounts()(params)
values = np.arange(17, dtype="float32") / 16
p_of_k = np.exp([ink.log_prob(np.full((3, 1, 1, 1), value)) for value in values])  # (17, 3)
logit, raw = params.numpy()[:, 0, 0].T.astype("float64")
p, c = 0.001 + 0.998 * scipy.special.expit(logit), 0.001 + np.logaddexp(0, raw + 3)
by_scipy = scipy.stats.betabinom.pmf(np.arange(17)[:, None], 16, p * c, (1 - p) * c)
print("sum of the probabilities:       ", p_of_k.sum(axis=0))
print(
    "sum of value x probability:     ",
    (values[:, None] * p_of_k).sum(axis=0),
    " mean():",
    ink.mean().numpy().ravel(),
)
print(f"largest difference from SciPy:   {np.abs(p_of_k - by_scipy).max():.1e}")
draws = ink.sample(20_000, seed=0).numpy().reshape(-1, 3)
frequency = np.array([(np.abs(draws - value) < 1e-3).mean(axis=0) for value in values])
print(f"largest difference of frequency: {np.abs(frequency - p_of_k).max():.4f} in 20,000 draws")

fig, axes = plt.subplots(1, 3, figsize=(10, 2.8), sharey=True, layout="constrained")
for i, ax in enumerate(axes):
    ax.bar(range(17), p_of_k[:, i], color=BLUE, label="beta-binomial")
    ax.plot(
        range(17),
        scipy.stats.binom.pmf(range(17), 16, p[i]),
        "o-",
        color=ORANGE,
        markersize=4,
        label="binomial, same p",
    )
    ax.set(xlabel="k", title=f"p = {p[i]:.2f}, c = {c[i]:.2f}")
axes[0].set(ylabel="probability")
axes[0].legend(frameon=False, loc="upper right")
axes[0].set_ylim(0, 1.25 * p_of_k.max())
plt.show()

# %% [markdown]
# **Does it pay?** We train the same VAE with a binomial and with our likelihood. Both are
# probabilities of the same 17 values, so their log-likelihoods can be compared, with each other and
# with two simple models: all values equally likely, and a table of the frequencies of each pixel.


# %%
class BinomialCounts(keras_ae.distributions.Likelihood):
    support = (0.0, 1.0)

    def call(self, logits):
        return self.independent(Binomial(total_count=16.0, logits=logits))


models = {}
for name, own in [("binomial", BinomialCounts()), ("beta-binomial", InkCounts())]:
    keras.utils.set_random_seed(0)
    models[name] = keras_ae.VAE((8, 8, 1), LATENT, widths=(128,), likelihood=own)
    models[name].compile(keras.optimizers.Adam(2e-3))
    models[name].fit(x_train, batch_size=64, epochs=60, verbose=0)

counts, counts_test = (
    (x.reshape(-1, 64) / 255 * 16).round().astype(int) for x in (x_train, x_test)
)
table = np.stack([np.bincount(counts[:, i], minlength=17) + 0.1 for i in range(64)])
table = table / table.sum(axis=1, keepdims=True)  # (64 pixels, 17 values)
scores = {
    "all values equally likely": np.full(len(x_test), 64 * np.log(17)),
    "a table for each pixel": -np.log(table[np.arange(64), counts_test]).sum(axis=1),
    **{
        f"VAE, {name}": -m.log_likelihood(x_test, n_samples=200, seed=0).numpy()
        for name, m in models.items()
    },
}
for name, nats in scores.items():
    print(
        f"{name:>26}: -log p(x) = {nats.mean():6.2f} +- "
        f"{nats.std(ddof=1) / np.sqrt(len(nats)):.2f} nats"
    )

# %% [markdown]
# The VAE with the binomial, which sees whole images, is no better than a table that looks at each
# pixel alone! It is too *certain*: if it expects half of a block to be black, it gives an all-black
# block almost no probability. Both models draw images: how often does each value of a pixel occur?

# %%
fig, axes = plt.subplots(figsize=(8, 3), layout="constrained")
drawn = {"data": counts_test}
for name, model in models.items():
    z = model.prior.sample(500, seed=0)
    drawn[name] = (16 * model.likelihood(z).sample(seed=1).numpy()).round().astype(int)
for (name, k), colour, offset in zip(
    drawn.items(), ["black", ORANGE, BLUE], (-0.27, 0, 0.27), strict=True
):
    share = np.bincount(k.ravel(), minlength=17) / k.size
    axes.bar(np.arange(17) + offset, share, 0.27, color=colour, label=name)
axes.set(xlabel="value k of a pixel", ylabel="share of the pixels")
axes.set_xticks(range(0, 17, 2))
axes.legend(frameon=False, loc="upper center")
plt.show()
titles = [
    "test images",
    "drawn by the VAE with the binomial",
    "drawn by the VAE with the beta-binomial",
]
keras_ae.plots.images(
    np.concatenate([k.reshape(-1, 8, 8)[:15] / 16 for k in drawn.values()]),
    columns=15,
    titles=titles,
)

# %% [markdown]
# ## An objective of your own
#
# Tutorial 06 *measured* models by the importance-weighted bound. One can also *train* by it (Burda
# et al., 2016), and the model is then called an importance-weighted autoencoder:
#
# $$L_S(\mathbf{x}) = \log \frac{1}{S} \sum_{s=1}^S
# \frac{p_\theta(\mathbf{x}|\mathbf{z}_s) \, p(\mathbf{z}_s)}{q_\phi(\mathbf{z}_s|\mathbf{x})},
# \qquad \mathbf{z}_s \sim q_\phi(\mathbf{z}|\mathbf{x})$$
#
# In words: draw $S$ codes, weigh each by how well it explains the image, and average inside the
# logarithm. One good code among the $S$ is enough, so the encoder is punished less for codes that
# miss. A subclass returns minus that, one number per example:


# %%
@keras.saving.register_keras_serializable("tutorial")
class IWAE(keras_ae.VAE):
    """objective(x) = -log 1/S sum_s p(x|z_s) p(z_s) / q(z_s|x),  z_s ~ q(z|x), nats per example"""

    logged = ()

    def __init__(self, *args, samples=10, **kwargs):
        super().__init__(*args, **kwargs)
        self.samples = samples

    def objective(self, x, target):
        posterior = self.posterior(x)
        z = posterior.sample(self.samples, seed=self.draw_seed())  # (S, batch, latent_dim)
        codes = tf.reshape(
            z, (-1, self.latent_dim)
        )  # (S, batch, latent_dim) -> (S * batch, latent_dim)
        copies = tf.tile(
            target, (self.samples, 1, 1, 1)
        )  # (batch, 8, 8, 1) -> (S * batch, 8, 8, 1)
        log_p = tf.reshape(
            self.likelihood(codes).log_prob(copies), (self.samples, -1)
        )  # (S * batch,) -> (S, batch)
        log_weights = log_p + self.prior.log_prob(z) - posterior.log_prob(z)
        return np.log(self.samples) - tf.reduce_logsumexp(
            log_weights, axis=0
        )  # (S, batch) -> (batch,)

    def get_config(self):
        return {**super().get_config(), "samples": self.samples}


# %% [markdown]
# (`self.draw_seed()` gives the seed of new noise. It follows from `keras.utils.set_random_seed`,
# and it differs between the devices of a distributed training. `get_config` lists the arguments
# that a VAE does not have, so that the model can be saved.)
#
# There is a second way: an objective that works in every VAE is a layer of its own, a subclass of
# `keras_ae.objectives.Objective` with `loss(vae, params, x)`. The library has this one already:
# `VAE(..., objective="iwae")`.
#
# **Check it.** With $S = 1$ the objective is minus the ELBO on average; with any $S$ it is minus
# what `log_likelihood(x, n_samples=S)` estimates, another implementation of the same formula. We
# compare them on a briefly trained VAE, 200 draws each. The images are black and white from here
# on.

# %%
binary_test = keras_ae.datasets.binarize(x_test, seed=0)


def binary_train():
    return keras_ae.datasets.binarize_dynamic(
        x_train, batch_size=64, seed=1
    )  # drawn anew in each epoch


brief = keras_ae.VAE((8, 8, 1), LATENT, widths=(128,))
brief.compile(keras.optimizers.Adam(2e-3))
brief.fit(binary_train(), epochs=5, verbose=0)
x = tf.constant(binary_test[:100])
print(f"ELBO with 2,000 samples: {brief.elbo(x, n_samples=2000, seed=0).numpy().mean():.3f}")
for S in [1, 5, 25]:
    iwae = IWAE((8, 8, 1), LATENT, widths=(128,), samples=S)
    iwae.set_weights(brief.get_weights())
    once = tf.function(lambda iwae=iwae: tf.reduce_mean(iwae.objective(x, x)))
    ours = -np.array([once() for _ in range(200)])
    known = np.array(
        [brief.log_likelihood(x, n_samples=S, seed=seed).numpy().mean() for seed in range(200)]
    )
    error = np.sqrt((ours.var(ddof=1) + known.var(ddof=1)) / 200)
    print(
        f"S = {S:2}: objective {ours.mean():.3f}   log_likelihood {known.mean():.3f}   "
        "difference in standard errors ",
        end="",
    )
    print(f"{(ours.mean() - known.mean()) / error:+.1f}")

# %% [markdown]
# They agree, within the noise of the draws. Now train by it, beside a VAE of the same network, and
# measure both by the bound with up to 1,000 samples on the test images:

# %%
trained = {}
for name, model in [
    ("VAE", keras_ae.VAE((8, 8, 1), LATENT, widths=(128,))),
    ("IWAE", IWAE((8, 8, 1), LATENT, widths=(128,), samples=20)),
]:
    keras.utils.set_random_seed(0)
    model.compile(keras.optimizers.Adam(2e-3))
    model.fit(binary_train(), epochs=60, verbose=0)
    trained[name] = model

samples = [1, 3, 10, 30, 100, 300, 1000]
bounds = {
    name: [m.log_likelihood(binary_test, n_samples=S, seed=0).numpy() for S in samples]
    for name, m in trained.items()
}
fig, axes = plt.subplots(figsize=(6.5, 3.3), layout="constrained")
for (name, values), colour, marker in zip(bounds.items(), [ORANGE, BLUE], "so", strict=True):
    axes.semilogx(
        samples, [v.mean() for v in values], marker=marker, color=colour, label=f"trained as {name}"
    )
axes.set(
    xlabel="samples S of the measurement",
    ylabel="bound of log p(x), nats",
    title=f"{len(x_test)} test images",
)
axes.legend(frameon=False, loc="lower right")
plt.show()
gain = bounds["IWAE"][-1] - bounds["VAE"][-1]
print(
    f"with {samples[-1]} samples: "
    + ", ".join(f"{name} {values[-1].mean():.2f}" for name, values in bounds.items())
)
print(
    f"IWAE - VAE: {gain.mean():.2f} +- {gain.std(ddof=1) / np.sqrt(len(gain)):.2f} nats per image"
)

# %% [markdown]
# Measured by one sample, the ELBO, the IWAE is worse: its encoder spreads its codes, trusting that
# one of twenty will fit. Measured by many, it is the better *density model*. (One training each;
# another seed gives other numbers.)
#
# ## Saving
#
# `save` and `load_model` of Keras work with classes of your own, if they are registered, as those
# above are:

# %%
trained["IWAE"].save("iwae.keras")
loaded = keras.models.load_model("iwae.keras")
print(
    type(loaded).__name__,
    loaded.samples,
    "largest difference:",
    np.abs(loaded.predict(x) - trained["IWAE"].predict(x)).max(),
)

# %% [markdown]
# A *preset* is stricter. It is a folder that strangers can load, so it is data only: it names
# classes of Keras and of this library, and never brings code along. Networks of Keras layers are
# fine:

# %%
residual_vae.save_to_preset("residual_vae", dataset="digits")
again = keras_ae.load("./residual_vae")
print(sorted(path.name for path in pathlib.Path("residual_vae").iterdir()))
print("largest difference:", np.abs(again.predict(x_test) - residual_vae.predict(x_test)).max())
try:
    trained["IWAE"].save_to_preset("iwae")
except ValueError as error:
    print(f"\n{error}")

# %% [markdown]
# But the class `IWAE` is only needed for *training*. What it has learned is a VAE: the same
# networks, the same weights. So we hand them to a plain VAE, which can be a preset. (A class that
# is needed afterwards too, such as `InkCounts`, becomes a part of the library. A model is one file
# in `keras_ae/models/` and one line in `keras_ae/__init__.py`. A distribution is one class in
# `keras_ae/distributions/` and one line in its table `NAMES`.)
#
# ## Into the zoo
#
# An entry of the zoo is a folder with a **recipe**: a program that trains the model from scratch,
# measures it and saves it. This one trains by our objective and keeps a VAE:

# %%
RECIPE = '''"""iwae_digits: a VAE of 8 x 8 digits, trained by the importance-weighted bound."""

import sys

import keras
import numpy as np
import tensorflow as tf

import keras_ae

EPOCHS, BATCH, SAMPLES = 100, 128, 20
folder = sys.argv[1] if len(sys.argv) > 1 else "iwae_digits"


class IWAE(keras_ae.VAE):
    logged = ()

    def objective(self, x, target):
        posterior = self.posterior(x)
        z = posterior.sample(SAMPLES, seed=self.draw_seed())  # (S, batch, latent_dim)
        likelihood = self.likelihood(tf.reshape(z, (-1, self.latent_dim)))
        copies = tf.tile(target, (SAMPLES, 1, 1, 1))  # (S * batch, 8, 8, 1)
        log_p = tf.reshape(likelihood.log_prob(copies), (SAMPLES, -1))  # (S, batch)
        log_weights = log_p + self.prior.log_prob(z) - posterior.log_prob(z)
        return np.log(SAMPLES) - tf.reduce_logsumexp(log_weights, axis=0)


keras.utils.set_random_seed(1)
(images, _), _ = keras_ae.datasets.load("digits")
train = keras_ae.datasets.binarize_dynamic(images[:1_200], batch_size=BATCH, seed=1)
validation = keras_ae.datasets.binarize(images[1_200:], seed=2)

iwae = IWAE((8, 8, 1), latent_dim=8, widths=(128,))
iwae.compile(keras.optimizers.Adam(2e-3))
log = keras_ae.TrainingLog(f"{folder}.log")
backup = keras_ae.BackupAndRestore(f"{folder}.backup", delete_checkpoint=False)
iwae.fit(train, epochs=EPOCHS, validation_data=validation, callbacks=[log, backup], verbose=0)

vae = keras_ae.VAE((8, 8, 1), latent_dim=8, widths=(128,))
vae.set_weights(iwae.get_weights())
measures = keras_ae.evaluation.nll, keras_ae.evaluation.negative_elbo
metrics = [measure(vae, "digits") for measure in measures]
vae.save_to_preset(folder, dataset="digits", training=log, metrics=metrics)
backup.delete()
'''
folder = pathlib.Path("zoo/iwae_digits")
folder.mkdir(parents=True, exist_ok=True)
(folder / "recipe.py").write_text(RECIPE)


def keras_ae_command(*arguments):
    """What `keras-ae ...` prints in a terminal."""
    done = subprocess.run(
        [sys.executable, "-m", "keras_ae.cli", *map(str, arguments)], capture_output=True, text=True
    )
    print(done.stdout or done.stderr)


keras_ae_command("train", folder / "recipe.py", "--out", folder)
print(sorted(path.name for path in folder.iterdir()))

# %% [markdown]
# The folder is complete: the model, its weights, what was measured, a picture, and a **card** that
# says all this to a reader.

# %%
keras_ae.info(folder)

# %% [markdown]
# **Verify** measures the numbers of the card again, from the weights in the folder. A card that
# somebody made up would not pass:

# %%
keras_ae_command("verify", f"./{folder}")

# %%
for name in ["vae_digits", folder]:
    card = keras_ae.info(name)
    print(
        f"{card.name:>11}: "
        + ", ".join(f"{metric['name']} {metric['value']:.2f}" for metric in card.metrics)
    )
keras_ae.plots.samples(keras_ae.load(folder), n=40)

# %% [markdown]
# In a checkout of the library the folder goes into `zoo/`; from then on
# `keras_ae.load("iwae_digits")` finds it, `keras-ae card` writes it into the gallery, and the tests
# load and check it as all others.
#
# ## What we have seen
#
# * Network, distribution and objective are separate: change one and keep the rest.
# * Check every part by itself before you train it: against a sum, a library or another
#   implementation.
# * The class that you train and the class that you share may differ. What you share is data, not
#   code.
#
# ## Exercises
#
# 1. Write a likelihood `StudentT` for vectors, with a trainable number of degrees of freedom.
#    (`Gaussian` with `scale="trainable"` in `keras_ae/distributions/likelihoods.py` shows how a
#    layer owns a weight.) Check it by a numerical integral.
# 2. Combine the parts: train an `IWAE` with `InkCounts`. How many nats does it gain?
# 3. Replace the residual blocks by your own. What is the smallest decoder whose log-likelihood is
#    within 1 nat of this one?
# 4. Write a contractive autoencoder, a subclass of `keras_ae.AE` whose objective adds
#    $\lambda \|\partial \mathbf{z} / \partial \mathbf{x}\|^2$, and check the derivative against
#    finite differences.
# 5. Draw 1,000 times from `IWAE`'s posterior of one image and resample the codes by their weights.
#    How does the cloud change?
#
# <details><summary>Solutions</summary>
#
# 1. `self.raw_df = self.add_weight(shape=(), initializer="ones", autocast=False)` in `__init__`. In
#    `call`: `df = 1 + tf.nn.softplus(tf.convert_to_tensor(self.raw_df))`, then
#    `self.independent(tfd.StudentT(df, params, 1.0))`. Sum `np.exp(log_prob)` times the step over a
#    fine grid of values: it should be 1.
# 2. `IWAE((8, 8, 1), LATENT, widths=(128,), samples=20, likelihood=InkCounts())`, trained and
#    measured on `x_train` and `x_test` like `models["beta-binomial"]`. Compare the two by
#    `log_likelihood`, with the same seed and samples.
# 3. Make `residual` and the number of channels smaller, step by step, and measure `log_likelihood`
#    after the same training. Repeat each training with three seeds: a difference smaller than their
#    spread means nothing.
# 4. Inside `objective`, open a `tf.GradientTape`, watch `x`, compute the code and call
#    `tape.batch_jacobian(z, x)`. Finite differences:
#    `(encode(x + h * e_i) - encode(x - h * e_i)) / (2 * h)`. `keras_ae.ContractiveAE` does this.
# 5. `w = softmax(log_weights)`, then `np.random.default_rng(0).choice(1000, 1000, p=w)`. The cloud
#    shrinks towards the codes that explain the image, and often is no longer a Gaussian.
#
# </details>
#
# ## References
#
# * Y. Burda, R. Grosse and R. Salakhutdinov, "Importance weighted autoencoders", ICLR 2016.
# * J. Skellam, "A probability distribution derived from the binomial distribution by regarding the
#   probability of success as variable between the sets of trials", Journal of the Royal Statistical
#   Society B 10, 1948. (The beta-binomial.)
# * K. He et al., "Deep residual learning for image recognition", CVPR 2016.
# * E. Alpaydin and C. Kaynak, "Optical recognition of handwritten digits", UCI Machine Learning
#   Repository, 1998. (The data.)
# * M. Mitchell et al., "Model cards for model reporting", FAT* 2019.
