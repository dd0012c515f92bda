# %% [markdown]
# # Latent variables and the ELBO
#
# **What you will learn**
#
# * what a latent variable is, by an example: a person's *health*, seen only through measurements;
# * the joint $p_\theta(\mathbf{x}, z)$, and how to get $p_\theta(\mathbf{x})$ from it:
#   marginalisation, exactly and by sampling;
# * maximum likelihood: which parameters $\theta$ explain the data best;
# * variational inference and the evidence lower bound (ELBO), the quantity that a variational
#   autoencoder maximises;
# * that all of it is right: our example is chosen so that every quantity has an exact answer, and
#   each is checked against it.
#
# You need to know what a normal distribution and an expectation are. There is no data to download:
# we make patients ourselves, so that we know the truth.

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

import keras_ae

tfd = tfp.distributions
keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
np.set_printoptions(suppress=True)
plt.rcParams.update({"figure.dpi": 80, "axes.spines.top": False, "axes.spines.right": False})
BLUE, ORANGE, GREY = "#0077bb", "#ee7733", "#888888"

# %% [markdown]
# ## Health is a latent variable
#
# *Latent* means hidden. No instrument measures "health". But blood pressure, cholesterol, weight,
# blood sugar and temperature can be measured, and each gives a clue. Our model of how they come
# about:
#
# 1. A person has a health $z$, drawn from the **prior** $p(z) = \mathcal{N}(0, 1)$. 0 is average,
#    $+1$ good, $-1$ poor.
# 2. Each measurement $x_j$ is drawn from the **conditional likelihood**
#    $p_\theta(x_j | z) = \mathcal{N}(b_j + w_j z, \, s_j^2)$: an average value $b_j$, moved by
#    $w_j$ for each unit of health, and scattered by $s_j$, which stands for everything that has
#    nothing to do with health.
#
# The parameters are $\theta = (\mathbf{b}, \mathbf{w}, \mathbf{s})$. The numbers are invented, but
# of a sensible size:

# %%
names = ["blood pressure", "cholesterol", "weight", "blood sugar", "temperature"]
units = ["mmHg", "mg/dl", "kg", "mg/dl", "°C"]
b = np.array([125.0, 200.0, 78.0, 100.0, 36.8])
w = np.array([-11.0, -25.0, -7.0, -12.0, -0.05])
s = np.array([9.0, 25.0, 11.0, 9.0, 0.3])

n = 2000
z = rng.normal(size=n)  # z ~ p(z)
x = b + w * z[:, None] + s * rng.normal(size=(n, 5))  # x ~ p(x|z): (n, 5)
for i in range(3):
    measured = [f"{name} {value:.1f}" for name, value in zip(names, x[i], strict=True)]
    print(f"health {z[i]:+.2f} (hidden):", ", ".join(measured))

# %%
fig, axes = plt.subplots(1, 3, figsize=(11, 3.2), layout="constrained")
for ax, (i, j) in zip(axes, [(0, 1), (3, 2), (0, 4)], strict=True):
    points = ax.scatter(x[:, i], x[:, j], c=z, s=5, cmap="cividis")
    ax.set(xlabel=f"{names[i]}, {units[i]}", ylabel=f"{names[j]}, {units[j]}")
fig.colorbar(points, label="health z (hidden)")
plt.show()

# %% [markdown]
# The measurements are correlated, though the model draws each on its own *given* $z$. The hidden
# cause makes the correlation. Among people of nearly the same health it should be gone:

# %%
alike = np.abs(z) < 0.1
print("correlation of blood pressure and blood sugar")
print(f"  all {n} people:                     {np.corrcoef(x[:, 0], x[:, 3])[0, 1]:+.2f}")
among_alike = np.corrcoef(x[alike, 0], x[alike, 3])[0, 1]
print(f"  {alike.sum()} people with health of about 0: {among_alike:+.2f}")

# %% [markdown]
# ## The joint distribution
#
# $$p_\theta(\mathbf{x}, z) = p_\theta(\mathbf{x}|z) \, p(z),
# \qquad p_\theta(\mathbf{x}|z) = \prod_j p_\theta(x_j|z)$$
#
# In words: the density of health $z$ *and* measurements $\mathbf{x}$ together is the density of
# this health, times the density of these measurements for a person with this health. As a logarithm
# the products become sums.

# %%
prior = tfd.Normal(np.float64(0), np.float64(1))


def log_likelihood(x, z):
    """log p(x|z): x (..., 5), z (...) -> (...)."""
    return tf.reduce_sum(
        tfd.Normal(b + w * np.asarray(z)[..., None], s).log_prob(x), axis=-1
    ).numpy()


def log_joint(x, z):
    """log p(x, z) = log p(x|z) + log p(z)."""
    return log_likelihood(x, z) + prior.log_prob(z).numpy()


person = x[0]
for guess in [-2.0, -1.0, 0.0, 1.0, 2.0]:
    value = log_joint(person, guess)
    print(f"the first person with health {guess:+.0f}: log p(x, z) = {value:.2f}")

# %% [markdown]
# The joint of health and *one* measurement can be drawn, at the left: the darker, the more people
# have this health and this blood pressure. How many have a pressure of 140 mmHg, whatever their
# health? Add up the joint along the orange line. The sum is one point of $p(x)$, at the right.
# Doing this for every pressure is called *marginalisation*.

# %%
zs, pressures = np.linspace(-3.5, 3.5, 200), np.linspace(65, 185, 200)
given_z = tfd.Normal(b[0] + w[0] * zs, s[0])
joint = np.exp(given_z.log_prob(pressures[:, None]) + prior.log_prob(zs))  # (200, 200)
marginal = joint.sum(axis=1) * (zs[1] - zs[0])  # (200,)
fig, (left, right) = plt.subplots(
    1, 2, figsize=(9, 3.8), sharey=True, width_ratios=[2, 1], layout="constrained"
)
levels = joint.max() * np.linspace(0.02, 1, 12)  # white where hardly anybody is
left.contourf(zs, pressures, joint, levels=levels, cmap="Blues")
left.plot(zs, b[0] + w[0] * zs, color=GREY, linestyle="--", label="average pressure at health z")
left.axhline(140, color=ORANGE, linewidth=2)
left.text(3.4, 142, "add up along this line", color=ORANGE, ha="right", fontsize=10)
left.set(xlabel="health z", ylabel="blood pressure x, mmHg", title="the joint p(x, z)")
left.legend(frameon=False, loc="lower left")
right.hist(x[:, 0], 40, density=True, orientation="horizontal", color="#cccccc", label="people")
right.plot(marginal, pressures, color=BLUE, label="p(x): the sums")
at_140 = np.interp(140, pressures, marginal)
right.plot([0, at_140], [140, 140], color=ORANGE, linewidth=2)
right.plot(at_140, 140, "o", color=ORANGE, label="the sum at 140 mmHg")
right.set(title="the marginal p(x)", xlabel="density")
right.legend(frameon=False, loc="upper right", fontsize=9)
right.set(ylim=(65, 185))
plt.show()

# %% [markdown]
# ## Marginalisation
#
# What the model says of measurements, whatever the health:
#
# $$p_\theta(\mathbf{x}) = \int p_\theta(\mathbf{x}, z) \, dz
# = \int p_\theta(\mathbf{x}|z) \, p(z) \, dz
# = \mathbb{E}_{z \sim p(z)}\left[p_\theta(\mathbf{x}|z)\right]$$
#
# In words: try every health, see how likely the measurements would be, and average, weighted by how
# common that health is. Here the integral has an exact answer, because everything is normal and
# linear. $\mathbf{x}$ is normal with mean $\mathbf{b}$ and covariance
# $\mathbf{w}\mathbf{w}^\top + \text{diag}(\mathbf{s}^2)$:

# %%
exact = tfd.MultivariateNormalTriL(b, np.linalg.cholesky(np.outer(w, w) + np.diag(s**2)))
print("covariance of the measurements, exact:\n", exact.covariance().numpy().round(1))
print("of the 2,000 people:\n", np.cov(x.T).round(1))

# %% [markdown]
# For most models there is no exact answer. The last form of the integral, an expectation, tells how
# to *estimate* it: draw $z_1, \dots, z_S$ from the prior and average,
#
# $$p_\theta(\mathbf{x}) \approx \frac{1}{S} \sum_{s=1}^S p_\theta(\mathbf{x}|z_s),
# \qquad z_s \sim p(z)$$


# %%
def log_marginal_by_sampling(x, samples):
    """log of the mean of p(x|z_s), z_s ~ p(z); by logsumexp, since the densities are tiny."""
    logs = log_likelihood(x, rng.normal(size=samples))
    return tf.reduce_logsumexp(logs).numpy() - np.log(samples)


unusual = x[np.argmin(z)]  # the person of the poorest health
counts = [1, 10, 100, 1000, 10_000]
fig, axes = plt.subplots(1, 2, figsize=(10, 3.2), layout="constrained")
shown = {"the first person": person, "the person of the poorest health": unusual}
for ax, (title, who) in zip(axes, shown.items(), strict=True):
    for _ in range(20):
        runs = [log_marginal_by_sampling(who, S) for S in counts]
        ax.semilogx(counts, runs, "o-", color=BLUE, alpha=0.3, markersize=3)
    ax.axhline(exact.log_prob(who), color=ORANGE, label="exact")
    ax.set(xlabel="samples S", title=f"{title}: log p(x), 20 runs")
    ax.legend(frameon=False, loc="lower right")
plt.show()

# %% [markdown]
# With many samples the estimates come to the exact value. For the unusual person it takes more of
# them, since few draws from the prior hit a health that explains such measurements. And this is
# only *one* latent variable. Let us take more of them, in the same kind of model, with ten
# measurements for each latent variable:

# %%
print("latent variables, log p(x): exact, and by 10,000 draws from the prior (three runs)")
for latent in [1, 2, 5, 10, 20]:
    W = rng.normal(size=(10 * latent, latent))
    x_many = W @ rng.normal(size=latent) + rng.normal(size=10 * latent)
    factor = np.linalg.cholesky(W @ W.T + np.eye(10 * latent))
    exact_many = tfd.MultivariateNormalTriL(np.zeros(10 * latent), factor).log_prob(x_many)
    runs = []
    for _ in range(3):
        means = rng.normal(size=(10_000, latent)) @ W.T  # of p(x|z_s)
        logs = -0.5 * np.sum((x_many - means) ** 2 + np.log(2 * np.pi), axis=1)
        runs.append(f"{np.logaddexp.reduce(logs) - np.log(10_000):9.1f}")
    print(f"{latent:3} {exact_many:9.1f}   {' '.join(runs)}")

# %% [markdown]
# With 20 latent variables the estimates are hopelessly off: blind draws never come near the right
# $\mathbf{z}$. An image model has as many or more. Remember this; it is the reason for variational
# inference.
#
# ## Maximum likelihood
#
# So far we knew $\theta$. In practice there are data,
# $\mathbf{x}^{(i)} \sim p_\text{data}(\mathbf{x})$, and a model $p_\theta(\mathbf{x})$ with unknown
# parameters. **Maximum likelihood** takes those under which the data are most likely:
#
# $$\hat\theta = \arg\max_\theta \; \frac{1}{n} \sum_{i=1}^n \log p_\theta(\mathbf{x}^{(i)})$$
#
# First a picture with one measurement, blood sugar, of 40 people, and a model that is a normal
# distribution: $\theta$ is its mean and its standard deviation. Since we made the people ourselves,
# we also know $p_\text{data}$, which in practice nobody does. Which $p_\theta$ suits the 40 people?

# %%
some, grid = x[:40, 3], np.linspace(40, 160, 300)
p_data = tfd.Normal(b[3], np.sqrt(w[3] ** 2 + s[3] ** 2))  # health is integrated out
tries = {
    "wrong mean": (75.0, 15.0),
    "too narrow": (some.mean(), 5.0),
    "too wide": (some.mean(), 40.0),
    "maximum likelihood": (some.mean(), some.std()),
}
fig, axes = plt.subplots(1, 4, figsize=(13, 3), sharey=True, layout="constrained")
for ax, (title, (mean, spread)) in zip(axes, tries.items(), strict=True):
    p_theta = tfd.Normal(np.float64(mean), np.float64(spread))
    mean_log = p_theta.log_prob(some).numpy().mean()
    ax.fill_between(grid, p_data.prob(grid), color="#dddddd", label=r"$p_\mathrm{data}$")
    ax.plot(grid, p_theta.prob(grid), color=BLUE, label=r"$p_\theta$")
    ax.plot(some, np.zeros(40), "|", color=ORANGE, markersize=14, label="40 people")
    ax.set(xlabel=f"blood sugar, {units[3]}", title=f"{title}:\nmean log p = {mean_log:.2f}")
axes[0].set_ylabel("density")
axes[0].legend(frameon=False, fontsize=9)
plt.show()

# %% [markdown]
# With a wrong mean, or too narrow, $p_\theta$ finds some people nearly impossible. Too wide, it
# wastes probability where nobody is. The best normal distribution has the mean and the standard
# deviation of the people. With more and more people, maximising the mean log-likelihood becomes
# minimising $\text{KL}(p_\text{data} \,\|\, p_\theta)$: it brings $p_\theta$ to $p_\text{data}$.
#
# Now all five measurements. Let us forget one parameter, how strongly blood sugar depends on
# health, and try values:

# %%
values = np.linspace(-25, 25, 101)
means = []
for value in values:
    w_tried = np.where(np.arange(5) == 3, value, w)
    covariance = np.outer(w_tried, w_tried) + np.diag(s**2)
    tried = tfd.MultivariateNormalTriL(b, np.linalg.cholesky(covariance))
    means.append(tried.log_prob(x).numpy().mean())
fig, axes = plt.subplots(figsize=(6, 3))
axes.plot(values, means, color=BLUE)
axes.axvline(w[3], color=ORANGE, linewidth=1, label="truth")
axes.set(xlabel="tried effect of health on blood sugar", ylabel="mean log p(x), nats")
axes.legend(frameon=False)
plt.show()
print(f"best of the tried values: {values[np.argmax(means)]:.1f}, truth: {w[3]:.1f}")

# %% [markdown]
# Now all parameters at once, by gradient ascent on the exact log-likelihood. The measurements are
# standardised first (mean 0, standard deviation 1), so that all parameters have a similar size. 500
# people are kept for testing.

# %%
center, scale = x[:1500].mean(axis=0), x[:1500].std(axis=0)
standard = ((x - center) / scale).astype("float32")
train, test = standard[:1500], standard[1500:]
start = np.zeros(5), np.full(5, 0.1), np.zeros(5)  # b, w, log s
theta = [tf.Variable(value, dtype=tf.float32) for value in start]


@tf.function
def log_p(x):
    covariance = tf.tensordot(theta[1], theta[1], axes=0) + tf.linalg.diag(tf.exp(2 * theta[2]))
    return tfd.MultivariateNormalTriL(theta[0], tf.linalg.cholesky(covariance)).log_prob(x)


optimizer = keras.optimizers.Adam(0.02)
for _ in range(500):
    with tf.GradientTape() as tape:
        loss = -tf.reduce_mean(log_p(train))
    optimizer.apply_gradients(zip(tape.gradient(loss, theta), theta, strict=True))

w_ml = theta[1].numpy() * scale * np.sign(-theta[1].numpy()[0])
print("effect of health    truth", w.round(2), "\n       maximum likelihood", w_ml.round(2))
s_ml = np.exp(theta[2].numpy()) * scale
print("scatter             truth", s.round(2), "\n       maximum likelihood", s_ml.round(2))

# %% [markdown]
# (Turning health around, $z \to -z$ and $\mathbf{w} \to -\mathbf{w}$, changes nothing in
# $p_\theta(\mathbf{x})$. Data alone cannot tell which end of the scale is "good", so we chose the
# sign with which high blood pressure is bad.)
#
# The parameters are found without ever seeing anybody's health. Is the latent variable worth it?
# Compared on the 500 people kept aside with a model without one, five independent normal
# distributions:

# %%
# In standardised units, like the others.
truth_test = exact.log_prob(x[1500:]).numpy().mean() + np.log(scale).sum()
apart = tfd.MultivariateNormalDiag(train.mean(axis=0), train.std(axis=0))
independent = apart.log_prob(test).numpy().mean()
maximum_likelihood = log_p(test).numpy().mean()
print("mean log p(x) of the test people:", end=" ")
print(f"truth {truth_test:.3f}, fitted {maximum_likelihood:.3f}, independent {independent:.3f}")

# %% [markdown]
# ## Inference: how healthy is this person?
#
# Bayes' rule turns the model around. The **posterior** of the health, after seeing the
# measurements:
#
# $$p_\theta(z|\mathbf{x}) = \frac{p_\theta(\mathbf{x}|z) \, p(z)}{p_\theta(\mathbf{x})}$$
#
# Here it is exact: normal, with variance $v = 1 / (1 + \sum_j w_j^2 / s_j^2)$ and mean
# $v \sum_j w_j (x_j - b_j) / s_j^2$. In words: every measurement votes with its distance from the
# average, and its vote counts more if it depends much on health ($w_j$ large) and scatters little
# ($s_j$ small).


# %%
def exact_posterior(x):
    v = 1 / (1 + np.sum(w**2 / s**2))
    return tfd.Normal(v * np.sum(w * (x - b) / s**2, axis=-1), np.sqrt(v))


votes = w**2 / s**2 / np.sum(w**2 / s**2)
shares = [f"{name} {100 * vote:.0f} %" for name, vote in zip(names, votes, strict=True)]
print("share of the vote:", ", ".join(shares))
posterior = exact_posterior(x)
inside = np.abs(z - posterior.mean()) < 1.96 * posterior.stddev()
correlation = np.corrcoef(z, posterior.mean())[0, 1]
print(f"correlation of the posterior mean with the true health: {correlation:.3f}")
print(f"people whose true health lies in their 95 % interval: {100 * inside.numpy().mean():.1f} %")

# %%
fig, axes = plt.subplots(figsize=(6.5, 3.2))
zs = np.linspace(-4, 4, 400)
likelihood = np.exp(log_likelihood(person, zs))
axes.plot(zs, prior.prob(zs), color=GREY, label="prior p(z)")
scaled = likelihood / likelihood.sum() / (zs[1] - zs[0])
axes.plot(zs, scaled, color=BLUE, label="likelihood p(x|z), scaled")
axes.plot(zs, exact_posterior(person).prob(zs), color=ORANGE, label="posterior p(z|x)")
axes.axvline(z[0], color="black", linestyle=":", label="true health")
axes.set(xlabel="health z of the first person")
axes.legend(frameon=False)
plt.show()

# %% [markdown]
# ## Variational inference
#
# The exact posterior needs $p_\theta(\mathbf{x})$, the integral that we can rarely do.
# **Variational inference** turns inference into optimisation: choose a simple family of
# distributions $q_\phi(z)$, here normal ones with $\phi = (m, \sigma)$, and look for the one
# closest to the posterior. Closeness is measured by the Kullback-Leibler divergence
#
# $$\text{KL}(q \,\|\, p) = \mathbb{E}_{z \sim q}\left[\log q(z) - \log p(z)\right] \ge 0,$$
#
# which is 0 only if the two are equal. But KL to the posterior contains the posterior, which we do
# not have. Put Bayes' rule into it:
#
# $$\text{KL}(q_\phi(z) \,\|\, p_\theta(z|\mathbf{x}))
# = \underbrace{\log p_\theta(\mathbf{x})}_{\text{does not depend on } \phi} -
# \underbrace{\mathbb{E}_{z \sim q_\phi}\left[\log p_\theta(\mathbf{x}, z)
# - \log q_\phi(z)\right]}_{\text{ELBO}}$$
#
# So minimising the KL is the same as maximising the **evidence lower bound**,
#
# $$\text{ELBO}
# = \mathbb{E}_{z \sim q_\phi}\left[\log p_\theta(\mathbf{x}, z) - \log q_\phi(z)\right]
# = \mathbb{E}_{z \sim q_\phi}\left[\log p_\theta(\mathbf{x}|z)\right]
# - \text{KL}(q_\phi(z) \,\|\, p(z))$$
#
# and it needs only things that we can compute: the joint, and $q$. It is a lower bound of the
# "evidence" $\log p_\theta(\mathbf{x})$, because the KL between them is never negative. First a
# check of the identity $\log p(\mathbf{x}) = \text{ELBO} + \text{KL}$ with a few arbitrary $q$; the
# ELBO by 100,000 draws, the rest exact:


# %%
def elbo_by_sampling(x, m, sigma, samples=100_000):
    q = tfd.Normal(np.float64(m), np.float64(sigma))
    draws = q.sample(samples)  # z ~ q
    return np.mean(log_joint(x, draws) - q.log_prob(draws))


print(f"log p(x) = {exact.log_prob(person):.3f}")
for m, sigma in [(0.0, 1.0), (1.0, 0.3), (-1.0, 0.5), (0.2, 0.2)]:
    elbo = elbo_by_sampling(person, m, sigma)
    q = tfd.Normal(np.float64(m), np.float64(sigma))
    kl = tfd.kl_divergence(q, exact_posterior(person)).numpy()
    print(f"q = N({m:4}, {sigma}^2):  ELBO {elbo:8.3f}  +  KL to the posterior {kl:7.3f}", end="")
    print(f"  =  {elbo + kl:8.3f}")

# %% [markdown]
# The sum is always the same. Now the ELBO of all $q$ at once, as a map, and a climb to its top that
# uses only draws: the gradient runs through $z = m + \sigma \epsilon$ (tutorial 05 is about this
# trick).

# %%
phi = [tf.Variable(value, dtype=tf.float64) for value in (-1.5, np.log(1.2))]  # m, log sigma
path, optimizer = [], keras.optimizers.Adam(0.1)
for _ in range(150):
    path.append([phi[0].numpy(), np.exp(phi[1].numpy())])
    with tf.GradientTape() as tape:
        q = tfd.Normal(phi[0], tf.exp(phi[1]))
        draws = q.sample(20)  # 20 draws per step
        given_z = tfd.Normal(b + w * draws[:, None], s)
        log_p_x_given_z = tf.reduce_sum(given_z.log_prob(person), axis=-1)
        loss = -tf.reduce_mean(log_p_x_given_z) + tfd.kl_divergence(q, prior)  # minus the ELBO
    optimizer.apply_gradients(zip(tape.gradient(loss, phi), phi, strict=True))
path = np.array(path)

ms, sigmas = np.meshgrid(np.linspace(-2, 2, 120), np.linspace(0.1, 1.4, 120))
true_posterior = exact_posterior(person)
gap = tfd.kl_divergence(tfd.Normal(ms, sigmas), true_posterior).numpy()  # log p(x) - ELBO
fig, axes = plt.subplots(figsize=(6.5, 4), layout="constrained")
levels = [0.1, 0.3, 1, 2, 4, 8, 16]
lines = axes.contour(ms, sigmas, gap, levels=levels, colors=GREY, linewidths=1.2)
axes.clabel(lines, fmt="%g", fontsize=9)
axes.plot(*path.T, ".-", color=BLUE, markersize=3, linewidth=0.8, label="gradient ascent")
top = true_posterior.mean(), true_posterior.stddev()
axes.plot(*top, "*", color=ORANGE, markersize=11, label="exact posterior: the ELBO is log p(x)")
axes.set(xlabel="m", ylabel=r"$\sigma$")
axes.set_title(r"$q = N(m, \sigma^2)$: how far the ELBO is below $\log p(x)$, nats", fontsize=11)
axes.legend(loc="lower left", bbox_to_anchor=(0, -0.38), ncols=2, frameon=False)
plt.show()
print(f"variational: m = {phi[0].numpy():.3f}, sigma = {np.exp(phi[1].numpy()):.3f}", end="")
print(f"   exact: m = {true_posterior.mean():.3f}, sigma = {true_posterior.stddev():.3f}")

# %% [markdown]
# ## All together: learning by the ELBO
#
# Two ideas lead from here to the variational autoencoder.
#
# * **Amortisation.** Instead of a climb for each person, let one function, the *encoder*, give $m$
#   and $\sigma$ of anybody: $q_\phi(z|\mathbf{x})$.
# * **Learn $\theta$ by the ELBO too.** $\log p_\theta(\mathbf{x})$ is out of reach, so push up its
#   lower bound, with respect to $\theta$ and $\phi$ together.
#
# That is a VAE. With a linear encoder and a linear decoder it *is* our health model. One thing must
# be added, a likelihood with one $s_j$ for each measurement, which is a few lines:


# %%
class Scatter(keras_ae.distributions.Likelihood):
    """p(x|z) = prod_j N(x_j; loc_j, s_j^2), with learned s_j."""

    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        self.log_s = self.add_weight(
            shape=(size,), initializer="zeros", name="log_s", autocast=False
        )

    def call(self, loc):
        return self.independent(tfd.Normal(loc, tf.exp(keras.ops.convert_to_tensor(self.log_s))))


likelihood = Scatter(5)
vae = keras_ae.VAE((5,), latent_dim=1, widths=(), likelihood=likelihood)  # no hidden layers: linear
rate = keras.optimizers.schedules.CosineDecay(0.02, decay_steps=200 * 15)
vae.compile(keras.optimizers.Adam(rate))
history = vae.fit(train, batch_size=100, epochs=200, verbose=0)

# %%
w_vae = vae.decoder.get_layer("params").get_weights()[0][0]
w_vae = w_vae * scale * np.sign(-w_vae[0])
print("effect of health    truth", w.round(2))
print("       maximum likelihood", w_ml.round(2))
print("                  the VAE", w_vae.round(2))

elbo = vae.elbo(test, n_samples=1000, seed=0).numpy().mean()
bound = vae.log_likelihood(test, n_samples=1000, seed=0).numpy().mean()
# b, w and log s of the VAE, put into the exact log p(x)
theta[0].assign(vae.decoder(np.zeros((1, 1), "float32"))[0])
theta[1].assign(vae.decoder.get_layer("params").get_weights()[0][0])
theta[2].assign(likelihood.get_weights()[0])
print(f"\nthe VAE on the test people: ELBO {elbo:.3f}, ", end="")
print(f"importance-weighted bound {bound:.3f}, exact log p(x) {log_p(test).numpy().mean():.3f}")
print(f"maximum likelihood, exact log p(x): {maximum_likelihood:.3f}")

# %% [markdown]
# The VAE never computed $\log p_\theta(\mathbf{x})$ and yet found the parameters of maximum
# likelihood. Here the bound is tight, since the true posterior is one of the encoder's
# distributions. And its encoder knows everybody's health as well as the exact formula does:

# %%
health = np.asarray(vae.encode(standard))[:, 0]
health = health * np.sign(np.corrcoef(health, z)[0, 1])
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
left.scatter(exact_posterior(x).mean(), health, s=4, color=BLUE)
left.set(xlabel="mean of the exact posterior", ylabel="code of the VAE")
left.set_title("the encoder against Bayes' rule")
right.scatter(z, health, s=4, color=BLUE)
right.set(xlabel="true health (hidden)", ylabel="code of the VAE")
right.set_title("the encoder against the truth")
for ax in (left, right):
    ax.axline((0, 0), slope=1, color=ORANGE, linewidth=1)
plt.show()
with_bayes = np.corrcoef(exact_posterior(x).mean(), health)[0, 1]
print(f"correlation with the exact posterior mean {with_bayes:.4f}, ", end="")
print(f"with the true health {np.corrcoef(z, health)[0, 1]:.3f}")
of_vae = vae.posterior(test).stddev().numpy().mean()
print(f"standard deviation of the posterior: VAE {of_vae:.3f}, ", end="")
print(f"exact {exact_posterior(person).stddev():.3f}")

# %% [markdown]
# Nothing in the method needed the model to be linear. Give encoder and decoder hidden layers, and
# let $\mathbf{x}$ be an image: the exact answers are gone, the ELBO stays. That is tutorial 05.
#
# ## What we have seen
#
# | | formula | how |
# |---|---|---|
# | joint | $p_\theta(\mathbf{x}, z) = p_\theta(\mathbf{x}\vert z) \, p(z)$ | always easy |
# | marginal | $p_\theta(\mathbf{x}) = \int p_\theta(\mathbf{x}, z) \, dz$ | rarely easy |
# | best $\theta$ | $\arg\max_\theta \sum_i \log p_\theta(\mathbf{x}^{(i)})$ | needs the marginal |
# | posterior | $p_\theta(z\vert\mathbf{x})$ | needs the marginal |
# | ELBO | $\mathbb{E}_q[\log p_\theta(\mathbf{x}, z) - \log q(z)]$ | easy; a bound |
#
# ## Exercises
#
# 1. A person refuses the blood test: two of the five measurements are missing. Which formula gives
#    the posterior of their health?
# 2. Estimate $p_\theta(\mathbf{x})$ of the unusual person with draws from the exact posterior
#    instead of the prior: average $p_\theta(\mathbf{x}, z_s) / p_\theta(z_s|\mathbf{x})$. How many
#    samples are enough, and why?
# 3. Hold $\sigma = 0.1$ fixed in the climb. Where does it end, and how large is the gap between the
#    ELBO and $\log p_\theta(\mathbf{x})$?
# 4. Let the effect of health be curved, for example weight $= 78 + 6 z^2$. Which of the exact
#    formulas survive? Train the VAE with `widths=(32,)` on such data.
# 5. Give the VAE `latent_dim=2`. What does the second dimension do, and what is its KL?
#
# <details><summary>Solutions</summary>
#
# 1. The same formula, with the sums over the measurements that are there: a missing one has no
#    vote.
# 2. One. With draws from the exact posterior the fraction is $p_\theta(\mathbf{x})$ for every $z$,
#    by Bayes' rule.
# 3. It ends at the mean of the exact posterior. The gap is the KL divergence of the two normal
#    distributions; read it off the map.
# 4. The joint and Bayes' rule stay. The marginal and the posterior are not normal any more, so
#    their formulas are gone.
# 5. The data have one latent variable. The KL of the second dimension goes to about 0: its
#    posterior becomes the prior.
#
# </details>
#
# ## References
#
# * D. Bartholomew, M. Knott and I. Moustaki, "Latent variable models and factor analysis", Wiley
#   2011. (Our model is factor analysis.)
# * M. Jordan, Z. Ghahramani, T. Jaakkola and L. Saul, "An introduction to variational methods for
#   graphical models", Machine Learning 37, 1999.
# * D. Blei, A. Kucukelbir and J. McAuliffe, "Variational inference: a review for statisticians",
#   JASA 112, 2017.
# * D. Kingma and M. Welling, "An introduction to variational autoencoders", Foundations and Trends
#   in Machine Learning 12, 2019.
