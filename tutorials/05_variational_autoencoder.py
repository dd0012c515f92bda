# %% [markdown]
# # The variational autoencoder
#
# **What you will learn**
#
# * how to write a variational autoencoder (VAE) in twenty lines of Keras, and draw new digits with
#   it;
# * what `keras_ae.VAE` does, which is the same, and what it adds;
# * how to train through a random draw: the *reparameterisation trick*, compared with training
#   without it;
# * what a 2-dimensional latent space looks like: the manifold of digits, and a walk on a circle;
# * what the KL term does, and how $\beta$ trades reconstruction against it.
#
# You need to know the autoencoder (tutorial 02). Tutorial 04 explains where the ELBO comes from;
# here we use it. The data are the digits of MNIST. Without MNIST and without an internet
# connection, write `"mnist_5k"` instead of `"mnist"`.

# %%
import time

import drawings  # the drawings of these tutorials: drawings.py, beside this notebook
import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from IPython.display import Image
from keras import layers

import keras_ae

tfd = tfp.distributions
keras.utils.set_random_seed(0)
plt.rcParams.update({"figure.dpi": 80, "axes.spines.top": False, "axes.spines.right": False})
BLUE, ORANGE, GREY = "#0077bb", "#ee7733", "#888888"

(x_train, y_train), (x_test, y_test) = keras_ae.datasets.load("mnist")
x_train, x_test = x_train / np.float32(255), x_test / np.float32(255)  # grey values from 0 to 1

# %% [markdown]
# ## From the autoencoder to the VAE
#
# An autoencoder gives each image a code, and says nothing about which codes are likely. So it
# cannot draw new images: we do not know which codes to decode. The VAE makes everything a
# probability distribution.

# %%
drawings.vae()

# %% [markdown]
# There are three distributions:
#
# * the **prior** $p(\mathbf{z})$ says which codes there are, before we see any image. Usually it is
#   $\mathcal{N}(\mathbf{0}, I)$: each number of the code is normal with mean 0 and variance 1;
# * the **likelihood** $p_\theta(\mathbf{x}|\mathbf{z})$ is made by the decoder. It says which
#   images a code stands for. Here the decoder gives, for each pixel, the probability that it is
#   black;
# * the **approximate posterior** $q_\phi(\mathbf{z}|\mathbf{x})$ is made by the encoder. It says
#   which codes an image may have come from: a mean $\boldsymbol\mu$ and a standard deviation
#   $\boldsymbol\sigma$ for each number of the code.
#
# To draw an image, draw $\mathbf{z} \sim p(\mathbf{z})$ and decode it. Training *maximises* the
# evidence lower bound, on average over the images:
#
# $$\text{ELBO}(\mathbf{x}) = \underbrace{\mathbb{E}_{\mathbf{z} \sim q_\phi(\mathbf{z}|\mathbf{x})}
# \left[\log p_\theta(\mathbf{x}|\mathbf{z})\right]}_{\text{reconstruction}} -
# \underbrace{\text{KL}\left(q_\phi(\mathbf{z}|\mathbf{x}) \,\|\,
# p(\mathbf{z})\right)}_{\text{stay near the prior}} \; \le \; \log p_\theta(\mathbf{x})$$
#
# In words: draw a code for the image, and see how well the decoder explains the image from it. That
# is the first term, as in an autoencoder. But the distribution of the code must not differ too much
# from the prior. That is the second term, which is 0 only if the two are equal. The ELBO is never
# larger than the log-probability of the image under the model.
#
# ## A VAE in plain Keras
#
# Let's write it down. The encoder and the decoder are dense networks, the distributions come from
# TensorFlow Probability (`tfd`), and the loss is minus the ELBO.


# %%
class PlainVAE(keras.Model):
    def __init__(self, latent_dim):
        super().__init__()
        hidden = layers.Dense(128, activation="gelu")
        self.encoder = keras.Sequential([layers.Flatten(), hidden, layers.Dense(2 * latent_dim)])
        hidden, pixels = layers.Dense(128, activation="gelu"), layers.Dense(28 * 28)
        self.decoder = keras.Sequential([hidden, pixels, layers.Reshape((28, 28, 1))])
        self.prior = tfd.MultivariateNormalDiag(tf.zeros(latent_dim), tf.ones(latent_dim))

    def call(self, x):
        mu, s = tf.split(self.encoder(x), 2, axis=-1)  # (batch, 4) -> 2 x (batch, 2)
        sigma = tf.nn.softplus(s)  # positive
        epsilon = tf.random.normal(tf.shape(mu))
        z = mu + sigma * epsilon  # z ~ q(z|x), by the reparameterisation trick
        q = tfd.MultivariateNormalDiag(mu, sigma)
        p = tfd.Independent(tfd.Bernoulli(logits=self.decoder(z)), 3)  # p(x|z), all pixels together
        reconstruction = -p.log_prob(x)
        kl = tfd.kl_divergence(q, self.prior)
        self.add_loss(tf.reduce_mean(reconstruction + kl))  # minus the ELBO, nats per image
        return p.mean()


plain = PlainVAE(latent_dim=2)
plain.compile(keras.optimizers.Adam(2e-3))
start = time.perf_counter()
history = plain.fit(x_train, batch_size=128, epochs=3, verbose=0)
print(f"{time.perf_counter() - start:.0f} seconds; loss in each epoch, nats per image:")
print(np.round(history.history["loss"], 1))

# %% [markdown]
# That is all. The decoder can draw: take codes from the prior, and decode them.

# %%
z = plain.prior.sample(20)
keras_ae.plots.images(tf.sigmoid(plain.decoder(z)), columns=10)

# %% [markdown]
# ## The same with `keras_ae.VAE`
#
# In this library the model above is one line. We give it the weights that the plain model has
# learned. Do the two agree?

# %%
vae = keras_ae.VAE((28, 28, 1), latent_dim=2, widths=(128,))
vae.encoder.set_weights(plain.encoder.get_weights())
vae.decoder.set_weights(plain.decoder.get_weights())
vae.compile(keras.optimizers.Adam(2e-3))

mu, s = tf.split(plain.encoder(x_test), 2, axis=-1)
q = vae.posterior(x_test)
print(f"largest difference of mu:    {np.abs(q.mean() - mu).max():.1e}")
print(f"largest difference of sigma: {np.abs(q.stddev() - tf.nn.softplus(s)).max():.1e}")
z = vae.prior.sample(100, seed=0)
drawn_by_plain = tf.sigmoid(plain.decoder(z))
print(f"largest difference of p(x|z): {np.abs(vae.decode(z) - drawn_by_plain).max():.1e}")
print(f"loss on the test images: plain {plain.evaluate(x_test, verbose=0):.2f}", end="")
print(f", keras_ae {vae.evaluate(x_test, verbose=0, return_dict=True)['loss']:.2f} nats per image")

# %% [markdown]
# They are the same model. (Each loss draws its own noise, so that the two may differ a little.)
# What does `keras_ae.VAE` add?
#
# * It is still a `keras.Model`: `fit`, `evaluate`, `save`, callbacks and your own layers work.
# * It has the methods that you need: `sample`, `encode`, `reconstruct`, `elbo`, `log_likelihood`.
# * Each part can be exchanged by name: `network="conv"`, `likelihood="gaussian"`, `prior="flow"`,
#   `objective="iwae"` (tutorials 07, 08 and 10).
# * It logs both terms of the loss, and it checks its input.
# * It trains faster: `compile` chooses the settings (tutorial 09).

# %%
vae = keras_ae.VAE((28, 28, 1), latent_dim=2, widths=(128,))
vae.compile(keras.optimizers.Adam(2e-3))
start = time.perf_counter()
history = vae.fit(x_train, batch_size=128, epochs=3, verbose=0)
print(f"{time.perf_counter() - start:.0f} seconds, the compilation included")
print({name: np.round(values, 1).tolist() for name, values in history.history.items()})

# %% [markdown]
# The three distributions are objects of TensorFlow Probability. So the loss is a few lines that
# read like the formula:

# %%
x = x_test[:1000]
print("prior      p(z):  ", vae.prior)
print("posterior  q(z|x):", vae.posterior(x))
print("likelihood p(x|z):", vae.likelihood(tf.zeros((5, 2))))


def loss(x):
    q = vae.posterior(x)  # q(z|x)
    z = q.sample()  # mu + sigma * epsilon
    reconstruction = -vae.likelihood(z).log_prob(x)  # -log p(x|z)
    kl = tfd.kl_divergence(q, vae.prior)  # KL(q(z|x) || p(z))
    return tf.reduce_mean(reconstruction + kl)


by_evaluate = vae.evaluate(x, return_dict=True, verbose=0)["loss"]
print(f"loss by hand: {loss(x):.1f}   by evaluate: {by_evaluate:.1f} nats per image")

# %% [markdown]
# TensorFlow Probability knows the KL of two normal distributions. By hand it is
#
# $$\text{KL} = \frac{1}{2} \sum_j \left(\mu_j^2 + \sigma_j^2 - 1 - \log \sigma_j^2\right)$$
#
# In words: each number of the code pays if its mean is not 0, and if its standard deviation is not
# 1.

# %%
q = vae.posterior(x)
mu, sigma = q.mean(), q.stddev()
by_hand = 0.5 * tf.reduce_sum(mu**2 + sigma**2 - 1 - tf.math.log(sigma**2), axis=1)
difference = np.abs(by_hand - tfd.kl_divergence(q, vae.prior)).max()
print(f"largest difference over {len(x)} images: {difference:.1e} nats")

# %% [markdown]
# ## The reparameterisation trick
#
# One line of the plain model deserves a closer look: `z = mu + sigma * epsilon`. Why not simply
# "draw $\mathbf{z}$"?
#
# To improve the encoder we need the gradient of the first term with respect to $\phi$. But $\phi$
# enters only through the *draw* $\mathbf{z} \sim q_\phi$. How does a random number change when
# $\phi$ changes? Backpropagation cannot answer that.

# %%
drawings.reparameterisation()

# %% [markdown]
# There are two ways to estimate $\nabla_\phi \, \mathbb{E}_{\mathbf{z} \sim q_\phi}[f(\mathbf{z})]$
# from draws.
#
# **With the trick (right).** Write the draw as a function of $\phi$ and of noise that does not
# depend on $\phi$:
#
# $$\mathbf{z} = \boldsymbol\mu_\phi + \boldsymbol\sigma_\phi \odot \boldsymbol\epsilon, \quad
# \boldsymbol\epsilon \sim \mathcal{N}(\mathbf{0}, I)
# \qquad\Rightarrow\qquad \nabla_\phi \, \mathbb{E}_{q_\phi}[f(\mathbf{z})] =
# \mathbb{E}_{\boldsymbol\epsilon}\left[\nabla_\phi
# f(\boldsymbol\mu_\phi + \boldsymbol\sigma_\phi \odot \boldsymbol\epsilon)\right]$$
#
# In words: draw the noise first. Then $\mathbf{z}$ is an ordinary function of $\phi$, and
# backpropagation runs through it. This is called the *pathwise* gradient.
#
# **Without the trick (left): the score function.** Leave the draws alone, and change how likely
# they are:
#
# $$\nabla_\phi \, \mathbb{E}_{q_\phi}[f(\mathbf{z})] = \mathbb{E}_{q_\phi}\left[f(\mathbf{z}) \,
# \nabla_\phi \log q_\phi(\mathbf{z})\right]$$
#
# In words: make draws with a large $f$ more likely. This needs only the value of $f$, not its
# slope.
#
# Both are right on average. We test them where we know the answer:
# $f(\mathbf{z}) = \sum_i (z_i - 1)^2$ and $\mathbf{z} \sim \mathcal{N}(\boldsymbol\mu, I)$ in $d$
# dimensions, at $\boldsymbol\mu = \mathbf{0}$. The exact gradient with respect to $\mu_1$ is
# $2(\mu_1 - 1) = -2$.


# %%
def f(z):
    return tf.reduce_sum((z - 1) ** 2, axis=-1)


def gradients(d, draws, reparameterised):
    """The gradient with respect to mu_1, once for each draw: (draws,)."""
    mu = tf.zeros((draws, d))  # a copy of mu for each draw, so that each gives its own gradient
    with tf.GradientTape() as tape:
        tape.watch(mu)
        q = tfd.MultivariateNormalDiag(mu, tf.ones(d))
        z = q.sample()  # TFP reparameterises: z = mu + 1 * epsilon
        if reparameterised:
            estimate = f(z)
        else:
            z = tf.stop_gradient(z)  # a plain number: no gradient runs through it
            estimate = f(z) * q.log_prob(z)
    return tape.gradient(estimate, mu)[:, 0].numpy()


print(
    "exact: -2. Each estimate is the mean of 20,000 draws; sd: the standard deviation of one draw"
)
for d in [1, 10, 100]:
    score, path = gradients(d, 20_000, False), gradients(d, 20_000, True)
    print(f"d = {d:3}   score function: {score.mean():6.2f}, sd {score.std():6.1f}", end="")
    print(f"   pathwise: {path.mean():6.2f}, sd {path.std():4.1f}")

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.3), layout="constrained")
bins = np.linspace(-100, 100, 101)
methods = {"score function": (False, ORANGE), "pathwise": (True, BLUE)}
dims = [1, 3, 10, 30, 100, 300]
for name, (reparameterised, colour) in methods.items():
    draws = gradients(10, 20_000, reparameterised)
    left.hist(draws, bins, color=colour, density=True, alpha=0.8, label=name)
    spreads = [gradients(d, 5000, reparameterised).std() for d in dims]
    right.loglog(dims, spreads, "o-", color=colour, label=name)
left.axvline(-2, color="black", linewidth=1, label="exact: -2")
left.set(title="gradients from single draws, d = 10", xlabel="gradient", ylabel="density")
left.set(yscale="log")
left.legend(frameon=False, fontsize=9)
right.set(xlabel="number of dimensions d", title="standard deviation of one gradient")
right.set_xticks(dims, dims)
right.minorticks_off()
right.legend(frameon=False, fontsize=9)
plt.show()

# %% [markdown]
# The score-function gradient is a small signal in large noise, and the noise grows with each
# dimension: the estimate for $\mu_1$ also contains what the *other* numbers did to $f$. The
# pathwise gradient knows the slope of $f$ along $z_1$, and its noise does not grow at all.
#
# What does that mean for a VAE? We train one without the trick. A model of `keras_ae` states its
# loss in one method, `objective`, so that is what we replace: the draw becomes a plain number, and
# we add a term whose value is 0 and whose gradient is the score-function gradient.


# %%
class ScoreFunctionVAE(keras_ae.VAE):
    def objective(self, x, target):
        q = self.posterior(x)
        z = tf.stop_gradient(q.sample(seed=self.draw_seed()))
        reconstruction = -self.likelihood(z).log_prob(target)
        kl = tfd.kl_divergence(q, self.prior)
        log_q = q.log_prob(z)
        score = tf.stop_gradient(reconstruction) * (log_q - tf.stop_gradient(log_q))
        self.log(reconstruction=reconstruction, kl=kl)
        return reconstruction + score + kl


histories, trained = {}, {}
for name, Model in [("with the trick", keras_ae.VAE), ("without it", ScoreFunctionVAE)]:
    keras.utils.set_random_seed(0)
    model = Model((28, 28, 1), latent_dim=2, widths=(128,))
    model.compile(keras.optimizers.Adam(1e-3), jit_compile=False)
    histories[name] = model.fit(x_train[:12_800], batch_size=128, epochs=6, verbose=0).history
    trained[name] = model
    last = {key: round(values[-1], 1) for key, values in histories[name].items()}
    print(f"{name:>14}, nats per image: {last}")

losses = {name: history["loss"] for name, history in histories.items()}
drawings.curves(losses, "nats per image", "loss, with the reparameterisation trick and without it")

# %% [markdown]
# After the same training the loss without the trick is far behind: the noise in its gradients slows
# the encoder down, so its codes help the decoder less. Better score-function estimators exist
# (exercise 2). They are needed where a draw cannot be reparameterised, for example if $\mathbf{z}$
# is a whole number. For a normal distribution the trick is free.
#
# How noisy are the gradients here? We take one batch of 128 images and the weights of the encoder's
# last layer, in the model trained with the trick, and compute their gradient 200 times with each
# method.


# %%
@tf.function
def encoder_gradient(model, x):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(model.objective(x, x))
    return tf.reshape(tape.gradient(loss, model.encoder.get_layer("code").kernel.value), [-1])


def gradient_draws(Model):
    model = Model((28, 28, 1), latent_dim=2, widths=(128,))
    model.set_weights(trained["with the trick"].get_weights())
    batch = tf.constant(x_test[:128])
    return np.stack([encoder_gradient(model, batch) for _ in range(200)])  # (200, weights)


draws = {"with the trick": gradient_draws(keras_ae.VAE)}
draws["without it"] = gradient_draws(ScoreFunctionVAE)
signal = np.linalg.norm(draws["with the trick"].mean(axis=0))
print(f"length of the mean gradient: {signal:.1f}")
for name, values in draws.items():
    noise = np.sqrt(values.var(axis=0).sum())
    print(f"{name:>14}: noise of one gradient {noise:5.0f}, {noise / signal:4.1f} times the mean")

# %% [markdown]
# With the trick, one draw shows the way. Without it, the way is buried in noise, and thousands of
# draws would have to be averaged to see it.
#
# ## Two latent dimensions
#
# We train a somewhat larger model for longer, and look at its latent space.

# %%
keras.utils.set_random_seed(0)
vae = keras_ae.VAE((28, 28, 1), latent_dim=2, widths=(256, 128))
rate = keras.optimizers.schedules.CosineDecay(2e-3, decay_steps=10 * len(x_train) // 128)
vae.compile(keras.optimizers.Adam(rate))
history = vae.fit(x_train, batch_size=128, epochs=10, validation_data=x_test, verbose=0).history
losses = {"training images": history["loss"], "test images": history["val_loss"]}
drawings.curves(losses, "nats per image", "loss = -ELBO")

# %%
parts = vae.evaluate(x_test, return_dict=True, verbose=0)
print("nats per image:", {name: round(value, 2) for name, value in parts.items()})
keras_ae.plots.latent_scatter(vae, x_test[:4000], y_test[:4000])

# %% [markdown]
# The code of an image is a whole distribution. Here are 400 of them, as ellipses of one standard
# deviation. The dashed circles are the prior, at one and at two standard deviations.

# %%
keras_ae.plots.posterior_overlap(vae, x_test[:400], y_test[:400])

# %% [markdown]
# The KL term pulls all codes to the middle, where they touch and overlap. Does it pull hard enough
# that the codes are distributed like the prior? We draw one code for each test image, and count the
# codes outside the larger circle. Of a 2-dimensional normal distribution a share of $e^{-2}$ lies
# there.

# %%
z = np.asarray(vae.encode(x_test, sample=True, seed=0))
outside = np.linalg.norm(z, axis=1) > 2
print(f"codes outside two standard deviations: {outside.mean():.1%}, of the prior {np.exp(-2):.1%}")
shares = [outside[y_test == digit].mean() for digit in range(10)]
print("by digit:", ", ".join(f"{digit}: {share:.0%}" for digit, share in enumerate(shares)))

# %% [markdown]
# It does not. Twice as many codes lie outside as the prior expects, and nearly all of them belong
# to the digits 0, 1 and 7. The KL is only one of two terms: a digit that is easy to tell from the
# others moves away from them, because that helps the decoder, and pays for it. So the prior is not
# quite the distribution of the codes. Draws from it show the digits of the middle too often, and
# those at the border too rarely. (Tutorial 10 shows priors that are learned.)
#
# ## The manifold
#
# Still, most codes lie where the prior is. So we can decode *any* code that is likely under the
# prior. The grid below is spaced by the prior's quantiles: each image stands for the same share of
# probability.

# %%
keras_ae.plots.manifold(vae, n=20)

# %% [markdown]
# Walking through the plane, digits change into one another smoothly. Here is a walk on a circle
# around the middle: the codes of the test images with the circle, and what the decoder makes of 16
# places on it.

# %%
angles = 2 * np.pi * np.arange(16) / 16
circle = 1.5 * np.stack([np.cos(angles), np.sin(angles)], axis=1).astype("float32")  # (16, 2)
fig, axes = plt.subplots(figsize=(6.5, 6.5), layout="constrained")
axes.scatter(*z[:3000].T, s=3, color="#cccccc", label="codes of test images")
axes.plot(*np.vstack([circle, circle[:1]]).T, "o-", color=ORANGE, markersize=5, label="the walk")
for start, image in zip(circle, np.asarray(vae.decode(circle)), strict=True):
    x, y = place = 2.8 / 1.5 * start
    axes.plot(*np.stack([start, place]).T, color=GREY, linewidth=0.8)
    axes.imshow(
        image[..., 0], cmap="gray_r", extent=(x - 0.45, x + 0.45, y - 0.45, y + 0.45), zorder=3
    )
axes.set(aspect="equal", xlim=(-3.4, 3.4), ylim=(-3.4, 3.4), xlabel="$z_1$", ylabel="$z_2$")
axes.legend(loc="lower left", fontsize=9)
plt.show()

# %% [markdown]
# And the same walk as a film:

# %%
keras_ae.plots.latent_circle(vae, "circle.gif", frames=24, fps=8)
Image(filename="circle.gif")

# %% [markdown]
# Now the thing that the autoencoder of tutorial 02 could not do: draw new digits.
# $\mathbf{z} \sim p(\mathbf{z})$, decoded.

# %%
keras_ae.plots.images(vae.sample(40, seed=0), columns=10)

# %% [markdown]
# Two numbers cannot hold all of a digit, so the drawings are smooth. `vae_normal_mnist`, which
# comes with the package, has codes of 40 numbers, gated layers and a longer training:

# %%
keras_ae.plots.images(keras_ae.load("vae_normal_mnist").sample(40, seed=0), columns=10)

# %% [markdown]
# ## What the KL term does, and beta
#
# Weigh the KL by a number $\beta$, and minimise
#
# $$L_\beta(\theta, \phi) = -\mathbb{E}_{q_\phi}\left[\log p_\theta(\mathbf{x}|\mathbf{z})\right] +
# \beta \, \text{KL}\left(q_\phi(\mathbf{z}|\mathbf{x}) \,\|\, p(\mathbf{z})\right)$$
#
# The KL bounds how much information, in nats, the code carries about the image; $\beta$ is its
# price. With $\beta = 1$ the loss is minus the ELBO. We train the same model, with codes of ten
# numbers, at four prices.

# %%
betas = [0.05, 1.0, 4.0, 30.0]
models, parts = {}, {}
for beta in betas:
    keras.utils.set_random_seed(0)
    model = keras_ae.VAE((28, 28, 1), latent_dim=10, widths=(200,), beta=beta)
    model.compile(keras.optimizers.Adam(2e-3))
    model.fit(x_train[:20_000], batch_size=128, epochs=6, verbose=0)
    models[beta] = model
    parts[beta] = model.evaluate(x_test, return_dict=True, verbose=0)

for beta, p in parts.items():
    active = int(np.sum(np.asarray(models[beta].encode(x_test)).var(axis=0) > 0.01))
    print(
        f"beta {beta:5}: reconstruction {p['reconstruction']:6.1f}   KL {p['kl']:6.2f}   ", end=""
    )
    print(f"ELBO {-p['reconstruction'] - p['kl']:7.1f} nats   active dimensions {active}")

# %%
fig, axes = plt.subplots(figsize=(5.8, 3.6), layout="constrained")
kl = [parts[beta]["kl"] for beta in betas]
reconstruction = [parts[beta]["reconstruction"] for beta in betas]
axes.plot(kl, reconstruction, "o-", color=BLUE)
for beta, *point in zip(betas, kl, reconstruction, strict=True):
    axes.annotate(f"$\\beta$ = {beta:g}", point, xytext=(6, 8), textcoords="offset points")
axes.set(xlabel="KL, nats per image", ylabel="reconstruction, nats per image", xlim=(-2, 68))
axes.set(title="what $\\beta$ trades: information against its price")
plt.show()

# %%
shown = x_test[[np.flatnonzero(y_test == digit)[3] for digit in range(10)]]
rows = [shown, *[np.asarray(models[beta].reconstruct(shown)) for beta in betas]]
titles = ["original", *[f"reconstruction, beta = {beta:g}" for beta in betas]]
keras_ae.plots.images(np.concatenate(rows), columns=10, titles=titles)

# %%
rows = [np.asarray(models[beta].sample(10, seed=3)) for beta in betas]
titles = [f"drawn from the prior, beta = {beta:g}" for beta in betas]
keras_ae.plots.images(np.concatenate(rows), columns=10, titles=titles)

# %% [markdown]
# * A small $\beta$ gives an autoencoder with some noise. The reconstructions are sharp, but the
#   codes do not follow the prior, so few draws from the prior are good digits.
# * With $\beta = 1$ the loss is minus the ELBO, and of the four models this one has the best ELBO.
# * A large $\beta$ makes information so expensive that the model gives up dimensions. At last every
#   image gets the same code and the same reconstruction. This is called *posterior collapse*.
#
# The KL of each dimension shows which dimensions are used:

# %%
keras_ae.plots.kl_per_dimension(models[4.0], x_test[:2000])

# %% [markdown]
# ## What we have seen
#
# * A VAE is an autoencoder whose code is a distribution, with one more term in its loss: the KL to
#   the prior.
# * The reparameterisation trick makes a draw an ordinary function, so that backpropagation works.
# * The codes come near the prior, so that we can draw new images, but they do not match it.
#
# ## Exercises
#
# 1. In the toy problem, estimate the gradient with respect to $\sigma_1$ instead of $\mu_1$, with
#    both methods. What is the exact answer at $\sigma_1 = 1$?
#
#    <details><summary>Solution</summary>
#
#    $\mathbb{E}[(z_1 - 1)^2] = (\mu_1 - 1)^2 + \sigma_1^2$, so the exact gradient is
#    $2 \sigma_1 = 2$. Let `sigma = tf.ones((draws, d))`, watch it, and build `q` with it. Both
#    methods agree with 2 on average, and the score function is again the noisier one.
#
#    </details>
#
# 2. Subtract from `reconstruction` in `score` its mean over the batch, a *baseline*. Why does this
#    leave the gradient right on average, nearly? How much better does `ScoreFunctionVAE` train?
#
#    <details><summary>Solution</summary>
#
#    A number $b$ that does not depend on $\mathbf{z}$ changes nothing on average, because
#    $\mathbb{E}_q[b \nabla \log q] = b \nabla \int q = 0$. The mean of the batch contains the
#    image's own term, so it depends a little on $\mathbf{z}$; the mean of the *other* images would
#    be exactly right. In code: `centred = reconstruction - tf.reduce_mean(reconstruction)`, and
#    `score = tf.stop_gradient(centred) * (log_q - tf.stop_gradient(log_q))`. The noise shrinks a
#    lot, since most of the reconstruction term is the same for all images.
#
#    </details>
#
# 3. Set `beta=0`. What happens to the standard deviations of the posteriors, and why?
#
#    <details><summary>Solution</summary>
#
#    They shrink. Noise in the code only hurts the reconstruction, and without the KL nothing
#    rewards it. The model becomes a plain autoencoder.
#
#    </details>
#
# 4. Warm up: start with $\beta = 0$ and raise it to 1 during the first epochs. Do more dimensions
#    stay active?
#
#    <details><summary>Solution</summary>
#
#    `keras_ae.VAE(..., beta=keras_ae.schedules.WarmUp(1000))` raises $\beta$ over 1,000 steps.
#    Compare the number of active dimensions with a larger code, for example `latent_dim=40`, over a
#    few seeds.
#
#    </details>
#
# 5. Walk on a larger circle, `radius=3`. When do the digits fall apart, and what does the prior say
#    about such codes?
#
#    <details><summary>Solution</summary>
#
#    `keras_ae.plots.latent_circle(vae, "wide.gif", radius=3)`. Only $e^{-4.5}$, about 1 %, of the
#    prior lies outside a circle of radius 3. Where no image has its code, the decoder has learned
#    nothing.
#
#    </details>
#
# ## References
#
# * D. Kingma and M. Welling, "Auto-encoding variational Bayes", ICLR 2014.
# * D. Rezende, S. Mohamed and D. Wierstra, "Stochastic backpropagation and approximate inference in
#   deep generative models", ICML 2014.
# * R. Williams, "Simple statistical gradient-following algorithms for connectionist reinforcement
#   learning", Machine Learning 8, 1992. (The score function.)
# * I. Higgins et al., "beta-VAE: learning basic visual concepts with a constrained variational
#   framework", ICLR 2017.
# * L. Weng, ["From autoencoder to
#   beta-VAE"](https://lilianweng.github.io/lil-log/2018/08/12/from-autoencoder-to-beta-vae.html),
#   2018.
