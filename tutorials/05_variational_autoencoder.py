# %% [markdown]
# # The variational autoencoder
#
# **What you will learn**
#
# * what a variational autoencoder (VAE) adds to an autoencoder, so that it can draw new images;
# * how to train through a random draw: the *reparameterisation trick*, compared with doing without it;
# * how to write the VAE's loss in five lines of TensorFlow Probability, and check it;
# * how its 2-dimensional latent space looks: the manifold of digits, and a walk on a circle;
# * what the KL term does, and what $\beta$ trades.
#
# You need to know the autoencoder (tutorial 02). Where the ELBO comes from is the subject of tutorial 04; here it is used. The data are
# MNIST's digits; write `"mnist_5k"` instead of `"mnist"` if you have neither a network nor MNIST.

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from IPython.display import Image

import keras_ae

tfd = tfp.distributions
keras.utils.set_random_seed(0)
plt.rcParams.update({"figure.dpi": 80, "axes.spines.top": False, "axes.spines.right": False})
BLUE, ORANGE = "#0077bb", "#ee7733"

(x_train, y_train), (x_test, y_test) = keras_ae.datasets.load("mnist")
x_train, x_test = x_train / np.float32(255), x_test / np.float32(255)  # grey values from 0 to 1

# %% [markdown]
# ## Three distributions
#
# An autoencoder has a code $\mathbf{z} = g_\phi(\mathbf{x})$ for each image, and does not say which codes are likely. The VAE makes
# everything a probability distribution:
#
# * the **prior** $p(\mathbf{z})$: which codes there are, before any image is seen. Usually $\mathcal{N}(\mathbf{0}, I)$: normal,
#   mean 0,
#   variance 1, all dimensions independent;
# * the **likelihood** $p_\theta(\mathbf{x}|\mathbf{z})$, made by the decoder: which images a code stands for. Here the decoder
#   gives for every
#   pixel the probability that it is black;
# * the **approximate posterior** $q_\phi(\mathbf{z}|\mathbf{x})$, made by the encoder: which codes an image may have come from.
#   The encoder
#   gives a mean $\boldsymbol\mu$ and a standard deviation $\boldsymbol\sigma$ for each dimension.
#
# To draw an image: draw $\mathbf{z} \sim p(\mathbf{z})$, then decode it. Training *maximises*, on average over the images, the evidence
# lower bound
#
# $$\text{ELBO}(\mathbf{x}) = \underbrace{\mathbb{E}_{\mathbf{z} \sim q_\phi(\mathbf{z}|\mathbf{x})}
# \left[\log p_\theta(\mathbf{x}|\mathbf{z})\right]}_{\text{reconstruction}} -
# \underbrace{\text{KL}\left(q_\phi(\mathbf{z}|\mathbf{x}) \,\|\,
# p(\mathbf{z})\right)}_{\text{stay near the prior}} \; \le \; \log p_\theta(\mathbf{x})$$
#
# In words: draw a code for the image, and see how well the decoder explains the image from it (the first term, as in an autoencoder). But
# the distribution of the code must not differ too much from the prior (the second term, a distance that is 0 only if the two are equal).
# The whole can never exceed the log-probability of the image under the model.
#
# ## The problem: a random draw in the middle
#
# To improve the encoder we need the gradient of the first term with respect to $\phi$. But $\phi$ only enters through the *draw*
# $\mathbf{z} \sim q_\phi$. How does a random number change when $\phi$ does? In general we want
#
# $$\nabla_\phi \, \mathbb{E}_{\mathbf{z} \sim q_\phi}[f(\mathbf{z})]$$
#
# and there are two ways to estimate it from draws.
#
# **Without the trick, the score function.** Leave the draws alone and change how likely they are:
#
# $$\nabla_\phi \, \mathbb{E}_{q_\phi}[f(\mathbf{z})] = \mathbb{E}_{q_\phi}\left[f(\mathbf{z}) \, \nabla_\phi \log
# q_\phi(\mathbf{z})\right]$$
#
# In words: make draws with a large $f$ more likely. It needs only the value of $f$, not its slope.
#
# **With the reparameterisation trick, the pathwise gradient.** Write the draw as a function of $\phi$ and of noise that does not
# depend on
# $\phi$:
#
# $$\mathbf{z} = \boldsymbol\mu_\phi + \boldsymbol\sigma_\phi \odot \boldsymbol\epsilon, \quad \boldsymbol\epsilon \sim
# \mathcal{N}(\mathbf{0}, I)
# \qquad\Rightarrow\qquad \nabla_\phi \, \mathbb{E}_{q_\phi}[f(\mathbf{z})] = \mathbb{E}_{\boldsymbol\epsilon}\left[\nabla_\phi
# f(\boldsymbol\mu_\phi + \boldsymbol\sigma_\phi \odot \boldsymbol\epsilon)\right]$$
#
# In words: the noise is fixed first, so $\mathbf{z}$ is an ordinary function of $\phi$, and backpropagation runs through it.
#
# Both are right on average. We test them where the answer is known: $f(\mathbf{z}) = \sum_i (z_i - 1)^2$, $\mathbf{z} \sim
# \mathcal{N}(\boldsymbol\mu, I)$ in $d$ dimensions at $\boldsymbol\mu = \mathbf{0}$. The exact gradient with respect to $\mu_1$ is
# $2(\mu_1 - 1) = -2$.


# %%
def f(z):
    return tf.reduce_sum((z - 1) ** 2, axis=-1)


def gradients(d, draws, reparameterised):
    """The gradient with respect to mu_1, once for each draw: (draws,)."""
    mu = tf.zeros((draws, d))  # a copy of mu for each draw, so that each gives a gradient of its own
    with tf.GradientTape() as tape:
        tape.watch(mu)
        q = tfd.MultivariateNormalDiag(mu, tf.ones(d))
        z = q.sample()  # TFP reparameterises: z = mu + 1 * epsilon
        if reparameterised:
            estimate = f(z)
        else:
            z = tf.stop_gradient(z)  # the draw is a plain number now
            estimate = f(z) * q.log_prob(z)
    return tape.gradient(estimate, mu)[:, 0].numpy()


print("exact: -2, each estimate is the mean of 20,000 draws")
for d in [1, 10, 100]:
    score, path = gradients(d, 20_000, False), gradients(d, 20_000, True)
    print(f"d = {d:3}   score function: {score.mean():6.2f}, sd of a draw {score.std():6.1f}", end="")
    print(f"   pathwise: {path.mean():6.2f}, sd of a draw {path.std():4.1f}")

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.3), layout="constrained")
bins = np.linspace(-100, 100, 101)
left.hist(gradients(10, 20_000, False), bins, color=ORANGE, density=True, label="score function")
left.hist(gradients(10, 20_000, True), bins, color=BLUE, density=True, alpha=0.8, label="pathwise")
left.axvline(-2, color="black", linewidth=1)
left.set(title="gradients of single draws, d = 10; line: exact", xlabel="gradient", yscale="log")
left.legend(frameon=False)
dims = [1, 3, 10, 30, 100, 300]
for reparameterised, name, colour in [(False, "score function", ORANGE), (True, "pathwise", BLUE)]:
    right.loglog(dims, [gradients(d, 5000, reparameterised).std() for d in dims], "o-", color=colour, label=name)
right.set(xlabel="number of dimensions d", title="standard deviation of a gradient")
right.legend(frameon=False)
plt.show()

# %% [markdown]
# The score function's gradient is a small signal in large noise, and the more dimensions, the worse: it blames $z_1$ for whatever
# the *other*
# coordinates did to $f$. The pathwise gradient knows the slope of $f$ along $z_1$, and its noise does not grow at all.
#
# ## The VAE in TensorFlow Probability
#
# Now the real thing. `keras_ae.VAE` holds the three distributions as objects of TensorFlow Probability:

# %%
vae = keras_ae.VAE((28, 28, 1), latent_dim=2, widths=(256, 128))
x = x_test[:1000]
print("prior      p(z):  ", vae.prior)
print("posterior  q(z|x):", vae.posterior(x))
print("likelihood p(x|z):", vae.likelihood(tf.zeros((5, 2))))

# %% [markdown]
# so that the loss, minus the ELBO, is a few lines that read like the formula:


# %%
def loss(x):
    posterior = vae.posterior(x)  # q(z|x)
    z = posterior.sample()  # mu + sigma * epsilon
    reconstruction = -vae.likelihood(z).log_prob(x)  # -log p(x|z)
    kl = tfd.kl_divergence(posterior, vae.prior)  # KL(q(z|x) || p(z))
    return tf.reduce_mean(reconstruction + kl)


by_evaluate = vae.evaluate(x, return_dict=True, verbose=0)["loss"]
print(f"by hand: {loss(x):.2f}   by evaluate: {by_evaluate:.2f} nats an image, before any training")

# %% [markdown]
# TensorFlow Probability knows the KL of two normal distributions in closed form. By hand it is
#
# $$\text{KL} = \frac{1}{2} \sum_j \left(\mu_j^2 + \sigma_j^2 - 1 - \log \sigma_j^2\right)$$
#
# In words: each dimension pays for a mean away from 0 and for a standard deviation away from 1.

# %%
posterior = vae.posterior(x)
mu, sigma = posterior.mean(), posterior.stddev()
by_hand = 0.5 * tf.reduce_sum(mu**2 + sigma**2 - 1 - tf.math.log(sigma**2), axis=1)
difference = np.abs(by_hand - tfd.kl_divergence(posterior, vae.prior)).max()
print(f"largest difference of the two over {len(x)} images: {difference:.1e} nats")

# %% [markdown]
# ## Training, with the trick and without
#
# A model of `keras_ae` states its loss in one method, `objective`. To train *without* the trick we change it: the draw becomes a plain
# number, and a term is added whose value is 0 and whose gradient is that of the score function.


# %%
class ScoreFunctionVAE(keras_ae.VAE):
    def objective(self, x, target):
        posterior = self.posterior(x)
        z = tf.stop_gradient(posterior.sample())
        reconstruction = -self.likelihood(z).log_prob(target)
        kl = tfd.kl_divergence(posterior, self.prior)
        log_q = posterior.log_prob(z)
        score = tf.stop_gradient(reconstruction) * (log_q - tf.stop_gradient(log_q))
        self.log(reconstruction=reconstruction, kl=kl)
        return reconstruction + score + kl


histories, trained = {}, {}
for name, Model in [("reparameterised", keras_ae.VAE), ("score function", ScoreFunctionVAE)]:
    keras.utils.set_random_seed(0)
    model = Model((28, 28, 1), latent_dim=2, widths=(128,))
    model.compile(keras.optimizers.Adam(1e-3), jit_compile=False)
    histories[name] = model.fit(x_train[:12_800], batch_size=128, epochs=6, verbose=0).history
    trained[name] = model

fig, axes = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
for name, colour in [("reparameterised", BLUE), ("score function", ORANGE)]:
    for ax, key in zip(axes, ["loss", "kl"], strict=True):
        ax.plot(range(1, 7), histories[name][key], "o-", color=colour, label=name)
        ax.set(xlabel="epoch", title=f"{key}, nats an image")
axes[0].legend(frameon=False)
plt.show()
for name, history in histories.items():
    print(f"{name:>16}: loss {history['loss'][-1]:.1f}, of it KL {history['kl'][-1]:.2f}")

# %% [markdown]
# After the same training the loss without the trick is far behind. The KL shows why: the noise in the gradient drives the codes about,
# far from the prior (a large KL, which the loss pays for), and yet they help the decoder less. Cleverer score-function estimators exist
# (exercise 2), and they are needed where a draw cannot be reparameterised, for example if $\mathbf{z}$ is a whole number. For a normal
# distribution the trick is free.
#
# How noisy are the gradients here? We take one batch of 128 images, and the weights of the encoder's last layer in the model trained with
# the trick, and compute their gradient 200 times with each method, with new draws.


# %%
@tf.function
def encoder_gradient(model, x):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(model.objective(x, x))
    return tf.reshape(tape.gradient(loss, model.encoder.get_layer("code").kernel.value), [-1])


def gradient_draws(Model):
    model = Model((28, 28, 1), latent_dim=2, widths=(128,))
    model.set_weights(trained["reparameterised"].get_weights())
    return np.stack([encoder_gradient(model, tf.constant(x_test[:128])) for _ in range(200)])  # (200, weights)


for name, Model in [("reparameterised", keras_ae.VAE), ("score function", ScoreFunctionVAE)]:
    draws = gradient_draws(Model)
    noise = np.sqrt(draws.var(axis=0).sum())
    if name == "reparameterised":
        signal = np.linalg.norm(draws.mean(axis=0))
        print(f"length of the mean gradient: {signal:.2f}")
    print(f"{name:>16}: a draw lies {noise:7.2f} from the mean, {noise / signal:6.1f} times the length of the mean gradient")

# %% [markdown]
# With the trick, one draw shows the way; without it, the way is buried in noise, and thousands of draws would have to be averaged
# to see it.
#
# ## Two latent dimensions
#
# We train the model for longer and look at its latent space.

# %%
keras.utils.set_random_seed(0)
vae = keras_ae.VAE((28, 28, 1), latent_dim=2, widths=(256, 128))
rate = keras.optimizers.schedules.CosineDecay(2e-3, decay_steps=10 * len(x_train) // 128)
vae.compile(keras.optimizers.Adam(rate))
history = vae.fit(x_train, batch_size=128, epochs=10, validation_data=x_test, verbose=0)
keras_ae.plots.training_curves(history)

# %%
parts = vae.evaluate(x_test, return_dict=True, verbose=0)
print("nats an image:", {name: round(value, 2) for name, value in parts.items()})
keras_ae.plots.latent_scatter(vae, x_test[:4000], y_test[:4000])

# %% [markdown]
# Each image's code is a whole distribution. Here are 400 of them as ellipses of one standard deviation, with the prior as dashed circles
# of one and two. The KL term pulls them all to the middle, where they touch and overlap; only few lie far outside. It does not do so
# perfectly: some digits stick out, and some places inside the circles are thinly settled.

# %%
keras_ae.plots.posterior_overlap(vae, x_test[:400], y_test[:400])

# %% [markdown]
# ## The manifold
#
# Since the codes lie where the prior is, we can decode *any* code that is likely under it. The grid is spaced by the quantiles of the
# prior: each picture stands for the same share of probability.

# %%
keras_ae.plots.manifold(vae, n=20)

# %% [markdown]
# Walking through the plane, digits change into one another smoothly. The same on a circle around the middle:

# %%
keras_ae.plots.latent_circle(vae, "circle.gif", frames=24, fps=8)
Image(filename="circle.gif")

# %% [markdown]
# And now the drawing of new digits that the autoencoder of tutorial 02 could not do: $\mathbf{z} \sim p(\mathbf{z})$, decoded.

# %%
keras_ae.plots.images(vae.sample(40, seed=0), columns=10)

# %% [markdown]
# Two numbers cannot tell all of a digit, so the drawings are smooth. With 40 of them, gated layers and a longer training, one gets
# `vae_mnist`, which comes with the package:

# %%
keras_ae.plots.images(keras_ae.load("vae_mnist").sample(40, seed=0), columns=10)

# %% [markdown]
# ## What the KL term does, and beta
#
# Weigh the KL by a number $\beta$ and minimise
#
# $$L_\beta(\theta, \phi) = -\mathbb{E}_{q_\phi}\left[\log p_\theta(\mathbf{x}|\mathbf{z})\right] + \beta \,
# \text{KL}\left(q_\phi(\mathbf{z}|\mathbf{x})
# \,\|\, p(\mathbf{z})\right)$$
#
# The KL is the amount of information, in nats, that the code carries about the image; $\beta$ is its price. With
# $\beta = 1$ this is minus the ELBO. We train the same model, now with ten latent dimensions, at four prices.

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
    print(f"beta {beta:5}: reconstruction {p['reconstruction']:6.1f}   KL {p['kl']:6.2f}   ", end="")
    print(f"ELBO {-p['reconstruction'] - p['kl']:7.1f}   active dimensions {active}")

# %%
fig, axes = plt.subplots(figsize=(5.5, 3.6), layout="constrained")
axes.plot([parts[b]["kl"] for b in betas], [parts[b]["reconstruction"] for b in betas], "o-", color=BLUE)
for beta in betas:
    axes.annotate(f"β = {beta:g}", (parts[beta]["kl"], parts[beta]["reconstruction"]), xytext=(8, 6), textcoords="offset points")
axes.set(xlabel="KL: information in the code, nats", ylabel="reconstruction: -log p(x|z), nats", title="what beta trades")
axes.margins(x=0.15, y=0.12)
plt.show()

# %%
digits = x_test[[np.flatnonzero(y_test == digit)[3] for digit in range(10)]]
rows = [digits] + [np.asarray(models[beta].reconstruct(digits)) for beta in betas]
keras_ae.plots.images(
    np.concatenate(rows), columns=10, titles=["original", *[f"reconstruction, beta = {beta:g}" for beta in betas]]
)

# %%
rows = [np.asarray(models[beta].sample(10, seed=3)) for beta in betas]
keras_ae.plots.images(np.concatenate(rows), columns=10, titles=[f"samples, beta = {beta:g}" for beta in betas])

# %% [markdown]
# * A small $\beta$ gives an autoencoder with some noise: sharp reconstructions, but the codes do not follow the prior, so samples
#   from the
#   prior are no digits.
# * $\beta = 1$ is the only one that bounds $\log p_\theta(\mathbf{x})$, and its ELBO is the best.
# * A large $\beta$ makes information so dear that dimensions are given up; at last every image gets the same code and the same
#   reconstruction. This is called *posterior collapse*.
#
# Which dimensions are used shows in the KL of each:

# %%
keras_ae.plots.kl_per_dimension(models[4.0], x_test[:2000])

# %% [markdown]
# ## Exercises
#
# 1. In the toy problem, estimate the gradient with respect to $\sigma_1$ instead of $\mu_1$, with both methods.
# 2. Subtract from `reconstruction` in `score` its mean over the batch, a *baseline*. Why does it leave the gradient right on average
#    (nearly; what would make it exactly right)? How much better does `ScoreFunctionVAE` train?
# 3. Set `beta=0`. What happens to the standard deviations of the posteriors, and why?
# 4. Warm up: start with $\beta = 0$ and raise it to 1 during the first epochs, with a callback that calls `vae.beta.assign(...)`.
#    Do more
#    dimensions stay active?
# 5. Walk on a larger circle, `radius=3`. When do the digits fall apart, and what does the prior say about such codes?
#
# ## References
#
# * D. Kingma and M. Welling, "Auto-encoding variational Bayes", ICLR 2014.
# * D. Rezende, S. Mohamed and D. Wierstra, "Stochastic backpropagation and approximate inference in deep generative models", ICML 2014.
# * R. Williams, "Simple statistical gradient-following algorithms for connectionist reinforcement learning", Machine Learning 8, 1992.
#   (The score function.)
# * I. Higgins et al., "beta-VAE: learning basic visual concepts with a constrained variational framework", ICLR 2017.
# * L. Weng, ["From autoencoder to beta-VAE"](https://lilianweng.github.io/lil-log/2018/08/12/from-autoencoder-to-beta-vae.html), 2018.
