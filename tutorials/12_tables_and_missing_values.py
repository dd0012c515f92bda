# %% [markdown]
# # Tables and missing values
#
# **What you will learn**
#
# * how a table with numbers, counts and categories becomes an array, and why each column needs a
#   likelihood of its own;
# * `keras_ae.TableModel`: draw new rows, reconstruct rows, find the unlikely ones, and check
#   whether drawn rows are like real ones, or copies of them;
# * missing values: which kinds there are, and which can be filled;
# * `VAE(missing=True)` beside the exact answer, and why a mean is not enough;
# * `keras_ae.Imputer` in a pipeline, and multiple imputation;
# * how to ask what is wrong with a model, and how to save it.
#
# You need to know what a VAE and the ELBO are (tutorials 04 and 05). The data come with
# scikit-learn. Nothing is downloaded.

# %%
import pathlib

import keras
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes, load_wine
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import keras_ae

keras.utils.set_random_seed(0)
plt.rcParams.update({"figure.dpi": 80, "axes.spines.top": False, "axes.spines.right": False})
BLUE, ORANGE, GREY = "#0077bb", "#ee7733", "#bbbbbb"

# %% [markdown]
# ## A table is not yet an array
#
# 442 persons with diabetes: age, sex (the data do not say which code is which), body mass index,
# blood pressure, six measurements of the blood, and how far the disease has gone a year later. We
# keep 100 persons for tests.

# %%
table = load_diabetes(as_frame=True, scaled=False).frame
table = table.rename(columns={"target": "progression"})
table["sex"] = table["sex"].map({1.0: "one", 2.0: "two"}).astype("category")
table = table.sample(frac=1, random_state=0, ignore_index=True)
train, test = table[:342], table[342:]
print(train.head(3).to_string())

# %% [markdown]
# A `TableSchema` learns from the training rows what the columns are. There are four kinds. They are
# found, or you say them. We say that age and two others are plain numbers: they are whole numbers,
# but nobody here is 0 years old. And we say that the body mass index is positive.

# %%
kinds = {"age": "numeric", "s1": "numeric", "s6": "numeric", "bmi": "positive"}
schema = keras_ae.tables.TableSchema.of(train, kinds)
x_train, x_test = schema.to_array(train), schema.to_array(test)
for name, block in schema.blocks.items():
    print(f"{name:>12}: {schema.kinds[name]:<12} x[:, {block.start}:{block.stop}]", end="")
    print(f"   first rows {x_train[:2, block].astype('float64').round(2).tolist()}")
back = schema.to_table(x_train)
numbers = [name for name in table if name != "sex"]
print(
    "there and back, largest difference:",
    f"{np.abs(back[numbers] - train[numbers]).max().max():.1e}",
)
print("same sex:", bool((back["sex"] == train["sex"]).all()))

# %% [markdown]
# ## A likelihood per column
#
# What is $p(\mathbf{x}|\mathbf{z})$ of such a row? Given the code, the columns are independent, and
# each has a density of its own kind: Gaussian, log-normal, negative binomial, or probabilities.
#
# $$\log p(\mathbf{x}|\mathbf{z}) = \sum_j \log p_j(x_j|\mathbf{z})$$
#
# Why not the squared error for all? It is a Gaussian with the same scale for all columns. It would
# give weight to impossible counts below 0 and to a sex between the two, and a noisy column would
# count as much as a precise one. Here is the sum, and one of its terms by hand. The likelihood gets
# what a decoder would give it; here, some random numbers.

# %%
likelihood = schema.likelihood()
rng = np.random.default_rng(0)
params = rng.normal(size=(len(x_train), likelihood.params_size(schema.width))).astype("float32")
p = likelihood(params)
terms = np.asarray(p.log_prob_of_values(x_train))  # (rows, width)
print("sum of the columns - log_prob, largest:", end=" ")
print(f"{np.abs(terms.sum(axis=1) - np.asarray(p.log_prob(x_train))).max():.1e}")
probabilities = np.asarray(p.mean())[:, schema.blocks["sex"]]  # (rows, 2)
by_hand = np.log(probabilities[x_train[:, schema.blocks["sex"]] == 1])
difference = np.abs(terms[:, schema.blocks["sex"]].sum(axis=1) - by_hand).max()
print(f"log probability of the sex, against by hand: {difference:.1e}")

# %% [markdown]
# ## A model of the table
#
# `TableModel` does all of this: it learns the columns and trains a VAE. Without a `model` it takes
# the default, a VAE of 16 latent variables with a flow as its prior. Our table is small, so we give
# it a smaller one. Given z, the columns are drawn independently, so they fit together only if z
# holds much information about the row. A small weight of the KL term, `beta=0.1`, allows that.


# %%
def make(shape, likelihood):
    return keras_ae.VAE(shape, 4, widths=(64,), likelihood=likelihood, beta=0.1)


model = keras_ae.TableModel(make, kinds=kinds).fit(train, epochs=150, seed=0)
drawn = model.sample(1000, seed=0)
print(drawn.head(3).round(1).to_string())
print("dtypes as in the training rows:", bool((drawn.dtypes == train.dtypes).all()))

# %%
print(test.head(2).round(1).to_string())
print(model.reconstruct(test.head(2)).round(1).to_string())
likelihoods = model.log_likelihood(test, n_samples=200, seed=0)
print(f"log-likelihood of the test rows: {likelihoods.mean():.2f} nats on average")
print("the least likely test row:")
print(test.iloc[[likelihoods.argmin()]].round(1).to_string())

# %% [markdown]
# ## Are drawn rows like real ones?
#
# Look at single columns first, then at pairs. The test rows show how much two *real* samples
# differ.

# %%
shown = ["age", "bmi", "s5", "progression"]
fig, panels = plt.subplots(1, 5, figsize=(13, 2.6), layout="constrained")
for panel, name in zip(panels, shown, strict=False):
    bins = np.linspace(table[name].min(), table[name].max(), 20)
    panel.hist(train[name], bins, density=True, color=GREY, label="real")
    panel.hist(drawn[name], bins, density=True, histtype="step", color=BLUE, label="drawn", lw=2)
    panel.set(title=name, yticks=[])
panels[0].legend(frameon=False, fontsize=8)
shares = [frame["sex"].value_counts(normalize=True)["one"] for frame in (train, test, drawn)]
panels[4].bar(["train", "test", "drawn"], shares, color=[GREY, GREY, BLUE])
panels[4].set(title="share of sex one", ylim=(0, 1))
plt.show()
print("share of sex one: train {:.1%}, test {:.1%}, drawn {:.1%}".format(*shares))

# %%
frames = {"training rows": train, "test rows": test, "drawn rows": drawn}
correlations = {name: frame[numbers].corr().to_numpy() for name, frame in frames.items()}
fig, panels = plt.subplots(1, 3, figsize=(11, 3.6), layout="constrained")
for panel, (name, values) in zip(panels, correlations.items(), strict=True):
    picture = panel.imshow(values, cmap="RdBu", vmin=-1, vmax=1)
    panel.set_xticks(range(len(numbers)), numbers, rotation=90)
    panel.set_yticks(range(len(numbers)), numbers)
    panel.set_title(f"correlations, {name}")
fig.colorbar(picture)
plt.show()
pairs = np.triu_indices(len(numbers), 1)
for name in ("test rows", "drawn rows"):
    difference = np.abs(correlations[name] - correlations["training rows"])[pairs]
    print(f"{name}: correlations differ by {difference.mean():.3f} on average", end="")
    print(f", {difference.max():.3f} at most")

# %% [markdown]
# A model that copies its training rows would pass these tests too. So measure the distance of each
# drawn row to the closest training row, and compare it with real rows that were not trained on.

# %%
scale = x_train.std(axis=0)
search = NearestNeighbors(n_neighbors=2).fit(x_train / scale)
closest = {
    "test rows": search.kneighbors(x_test / scale)[0][:, 0],
    "drawn rows": search.kneighbors(schema.to_array(drawn) / scale)[0][:, 0],
    "training rows, to another": search.kneighbors(x_train / scale)[0][:, 1],
}
fig, axes = plt.subplots(figsize=(7, 2.8), layout="constrained")
bins = np.linspace(0, max(values.max() for values in closest.values()), 30)
for (name, values), colour in zip(closest.items(), [ORANGE, BLUE, GREY], strict=True):
    axes.hist(values, bins, density=True, histtype="step", lw=2, color=colour, label=name)
axes.set(xlabel="distance to the closest training row", yticks=[])
axes.legend(frameon=False)
plt.show()
for name, values in closest.items():
    print(f"{name:>26}: median {np.median(values):.2f}, smallest {values.min():.2f}")

# %% [markdown]
# Nobody is copied: by the median, drawn rows are no closer to the training rows than test rows. But
# the correlations are too weak. They have the right signs where they are strong, yet drawn rows
# differ from the training rows more than the test rows do. We come back to that at the end.
#
# ## Missing values
#
# Why is a value missing? There are three answers.
#
# * *Completely at random*: a glass broke. The chance does not depend on anything.
# * *At random, given what is there*: persons with a high blood pressure are measured less often,
#   and we know the pressure of all.
# * *Not at random*: heavy persons do not want to be weighed. The chance depends on the very value
#   that is missing.
#
# Let us hide half of the body mass indices in each way, and look at the mean of the rest. Then a
# regression on the other columns fills the holes.

# %%
others = table.drop(columns=["bmi", "sex"]).to_numpy()
bmi = table["bmi"].to_numpy()
ways = {
    "completely at random": rng.normal(size=len(bmi)),
    "at random, given bp": table["bp"].to_numpy() + 0.1 * rng.normal(size=len(bmi)),
    "not at random": bmi + 0.1 * rng.normal(size=len(bmi)),
}
print(f"true mean of the body mass index: {bmi.mean():.2f}")
for name, reason in ways.items():
    hidden = reason > np.median(reason)
    fitted = LinearRegression().fit(others[~hidden], bmi[~hidden])
    filled = np.where(hidden, fitted.predict(others), bmi)
    print(f"{name:>21}: mean of what is there {bmi[~hidden].mean():.2f}", end="")
    print(f", filled {filled.mean():.2f}")

# %% [markdown]
# Completely at random, the mean of what is there is nearly right. At random given the blood
# pressure, it is too low, and the regression mends most of it: it knows the pressure of all. Not at
# random, little is mended: the rows that would tell are the ones that are missing. No imputation
# can know that, whatever its model. Which of the three you have, the table does not say; you must
# know how it was made.
#
# ## A VAE of incomplete rows
#
# With `missing=True`, NaN means missing. Only what is there counts in the ELBO, and the encoder
# gets a mask, too:
#
# $$\log p(\mathbf{x}_\text{there}) \ge
# \mathbb{E}_{q(\mathbf{z}|\mathbf{x}_\text{there})}\Big[\sum_{j\ \text{there}}
# \log p(x_j|\mathbf{z})\Big] - \text{KL}(q(\mathbf{z}|\mathbf{x}_\text{there}) \| p(\mathbf{z}))$$
#
# To fill, `impute` draws codes of what is there and weights them by how well they explain it. Is it
# right? Take rows of which all is known: five columns $\mathbf{x} = \mathbf{W}^T\mathbf{z} +
# \text{noise}$, so that they are Gaussian, with covariance
# $\boldsymbol{\Sigma} = \mathbf{W}^T\mathbf{W} + \sigma^2\mathbf{I}$. Then the missing columns $m$,
# given the others $o$, are Gaussian as well:
#
# $$\mathbb{E}[\mathbf{x}_m|\mathbf{x}_o] =
# \boldsymbol{\Sigma}_{mo}\boldsymbol{\Sigma}_{oo}^{-1}\mathbf{x}_o, \qquad
# \text{Cov}[\mathbf{x}_m|\mathbf{x}_o] = \boldsymbol{\Sigma}_{mm} -
# \boldsymbol{\Sigma}_{mo}\boldsymbol{\Sigma}_{oo}^{-1}\boldsymbol{\Sigma}_{om}$$
#
# The VAE has to learn all of this from rows of which 30 % is missing.

# %%
W = rng.normal(size=(2, 5))
covariance = W.T @ W + 0.5**2 * np.eye(5)
complete = rng.multivariate_normal(np.zeros(5), covariance, size=2500).astype("float32")
holes = np.where(rng.random(complete.shape) < 0.3, np.nan, complete).astype("float32")

keras.utils.set_random_seed(0)
gaussian = keras_ae.distributions.Gaussian("trainable")
vae = keras_ae.VAE((5,), 2, widths=(64,), likelihood=gaussian, missing=True)
rate = keras.optimizers.schedules.CosineDecay(5e-3, decay_steps=60 * 20)
vae.compile(keras.optimizers.Adam(rate))
vae.fit(holes[:2000], batch_size=100, epochs=60, verbose=0)


def exact(row):
    """The exact mean and covariance of what is missing in a row."""
    m, o = np.isnan(row), ~np.isnan(row)
    matrix = covariance[np.ix_(m, o)] @ np.linalg.inv(covariance[np.ix_(o, o)])
    return matrix @ row[o], covariance[np.ix_(m, m)] - matrix @ covariance[np.ix_(o, m)]


tested, truth = holes[2000:], complete[2000:]
gone = np.isnan(tested)
known_mean = np.concatenate([exact(row)[0] for row in tested])
known_std = np.concatenate([np.sqrt(np.diag(exact(row)[1])) for row in tested])
means = np.asarray(vae.impute(tested, n_samples=500, seed=0))
draws = np.asarray(vae.impute(tested, draws=50, n_samples=500, seed=0))


def rmse(a, b):
    """Root mean squared difference."""
    return np.sqrt(np.mean((np.asarray(a) - np.asarray(b)) ** 2))


print(
    f"root mean squared error of the missing values: exact {rmse(known_mean, truth[gone]):.3f}",
    end="",
)
print(f", VAE {rmse(means[gone], truth[gone]):.3f}, column mean {rmse(0, truth[gone]):.3f}")
print(f"difference between the VAE and the exact mean: {rmse(means[gone], known_mean):.3f}")
spread = draws.std(axis=0)[gone].mean()
print(f"standard deviation of a missing value: exact {known_std.mean():.3f}, 50 draws {spread:.3f}")

# %%
fig, panels = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
panels[0].scatter(known_mean, means[gone], s=6, color=BLUE)
low, high = known_mean.min(), known_mean.max()
panels[0].plot([low, high], [low, high], color="black", lw=1)
panels[0].set(xlabel="exact mean", ylabel="impute of the VAE", title="missing values of new rows")
row = tested[np.flatnonzero(gone.sum(axis=1) == 2)[0]]
center, spread = exact(row)
many = np.asarray(vae.impute(row[None], draws=400, n_samples=2000, seed=1))[:, 0, np.isnan(row)]
angle = np.linspace(0, 2 * np.pi, 100)
circle = np.stack([np.cos(angle), np.sin(angle)])
panels[1].scatter(*many.T, s=8, color=BLUE, alpha=0.6, label="400 draws")
for radius, label in ((1, "exact, 1 and 2 standard deviations"), (2, None)):
    ellipse = center[:, None] + radius * np.linalg.cholesky(spread) @ circle
    panels[1].plot(*ellipse, color=ORANGE, label=label)
panels[1].set(title="one row with two missing values", xlabel="the one", ylabel="the other")
panels[1].legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
plt.show()

# %% [markdown]
# The VAE comes close to the exact answer, in its mean and in its spread, and it was told neither
# the matrix nor that all is linear. The error that is left is mostly what nobody can know: the
# exact mean makes nearly the same.
#
# ### A mean is not enough
#
# The mean is the best *single* guess. But a table filled with means has too little spread, and its
# columns are too strongly correlated. Draws keep spread and correlations.

# %%
tables = {"complete rows": truth, "filled with means": means, "one draw": draws[0]}
for name, filled in tables.items():
    size = np.abs(np.corrcoef(filled.T)[np.triu_indices(5, 1)]).mean()
    spread = filled.var(axis=0).mean()
    print(f"{name:>18}: variance {spread:.2f}, mean absolute correlation {size:.3f}")

# %% [markdown]
# ## An imputer in a pipeline
#
# `keras_ae.Imputer` is a scikit-learn transformer. Its default is no neural network, but an average
# of mixtures of Gaussians that learn from incomplete rows; a VAE of yours can take their place. We
# hide 40 % of the values of 178 wines, completely at random, fill them, and let a classifier tell
# the three kinds of wine.

# %%
wine, kind = load_wine(return_X_y=True)
hidden = np.random.default_rng(0).random(wine.shape) < 0.4
holes_in_wine = np.where(hidden, np.nan, wine)
imputers = {
    "column mean": SimpleImputer(),
    "5 neighbours": make_pipeline(StandardScaler(), KNNImputer()),
    "keras_ae.Imputer": keras_ae.Imputer(random_state=0),
}
half = np.random.default_rng(1).permutation(178)
seen, unseen = half[:120], half[120:]
unit = wine.std(axis=0)
results = {}
for name, imputer in imputers.items():
    steps = [imputer, StandardScaler(), LogisticRegression(max_iter=1000)]
    pipeline = make_pipeline(*steps).fit(holes_in_wine[seen], kind[seen])
    filled = pipeline[0].transform(holes_in_wine[unseen])
    if name == "5 neighbours":
        filled = imputer[0].inverse_transform(filled)
    own = ((filled - wine[unseen]) / unit)[hidden[unseen]]
    results[name] = np.sqrt(np.mean(own**2)), pipeline.score(holes_in_wine[unseen], kind[unseen])
    print(
        f"{name:>18}: error of the hidden values {results[name][0]:.3f} standard deviations", end=""
    )
    print(f", {results[name][1]:.1%} of {len(unseen)} new wines right")

# %%
fig, panels = plt.subplots(1, 2, figsize=(10, 2), layout="constrained", sharey=True)
for i, title in enumerate(["error of the hidden values, less is better", "wines right, %"]):
    values = [pair[i] * (100 if i else 1) for pair in results.values()]
    panels[i].barh(list(results), values, color=[GREY, GREY, BLUE])
    panels[i].set(title=title)
panels[0].invert_yaxis()
plt.show()

# %% [markdown]
# The imputer is closest to the hidden values. The classifier gains little: between the best and the
# worst are two of 58 wines, too few to tell them apart. A good fill is not always a better answer
# to the question that you ask.
#
# ## Multiple imputation
#
# You want a number *about* the table, with an error bar: say, the mean alcohol of a wine. If you
# fill in means and go on as if they had been measured, the error bar is too small. Instead, draw
# $k$ tables, compute the number $\hat\theta_i$ and its squared error bar $v_i$ for each, and join
# them by *Rubin's rules*:
#
# $$\hat\theta = \frac{1}{k} \sum_i \hat\theta_i, \qquad v = \frac{1}{k} \sum_i v_i +
# \Big(1 + \frac{1}{k}\Big) \frac{1}{k - 1} \sum_i (\hat\theta_i - \hat\theta)^2$$
#
# The first term is the squared error bar that a complete table would have. The second is the
# uncertainty about the missing values.

# %%
imputer = pipeline[0]
drawn_wines = imputer.draws(holes_in_wine, 20)  # (20, 178, 13)


def mean_and_error(values):
    """A mean and its squared standard error."""
    return values.mean(), values.var(ddof=1) / len(values)


estimates = [mean_and_error(one[:, 0]) for one in drawn_wines]
theta, within = np.mean(estimates, axis=0)
between = np.var([mean for mean, _ in estimates], ddof=1)
answers = {
    "complete table": mean_and_error(wine[:, 0]),
    "filled with means": mean_and_error(imputer.transform(holes_in_wine)[:, 0]),
    "only what is there": mean_and_error(wine[~hidden[:, 0], 0]),
    "20 draws, Rubin": (theta, within + (1 + 1 / 20) * between),
}
for name, (mean, squared) in answers.items():
    print(f"{name:>19}: {mean:.3f} +- {np.sqrt(squared):.3f}")

# %% [markdown]
# Filled with means, the error bar is smaller than that of the complete table, although two fifths
# of the values are gone: it is not honest. Rubin's is larger. It is smaller than the error bar from
# only the wines whose alcohol was measured, since the other columns tell something about the
# missing values.
#
# ## What is wrong with a model?
#
# `keras_ae.diagnose` measures what commonly goes wrong, says what it means, and what to try. First
# the model of the table from above; then one that we break on purpose, by a KL term that weighs 50
# times as much.

# %%
print(keras_ae.diagnose(model.model, x_train, validation=x_test))

# %%
keras.utils.set_random_seed(0)
broken = keras_ae.VAE((schema.width,), 4, likelihood=schema.likelihood(), beta=50.0)
broken.compile(keras.optimizers.Adam(2e-3))
history = broken.fit(x_train, epochs=20, verbose=0)
print(keras_ae.diagnose(broken, x_train, validation=x_test, history=history))

# %% [markdown]
# The broken model has learned nothing but averages. The finding about our model explains the weak
# correlations: z holds much information, but it is drawn from a prior that does not match the codes
# of real rows. We follow the advice and take a prior that learns, a flow.


# %%
def make_better(shape, likelihood):
    options = {"widths": (64,), "likelihood": likelihood, "beta": 0.1}
    return keras_ae.VAE(shape, 4, prior="realnvp", **options)


better = keras_ae.TableModel(make_better, kinds=kinds).fit(train, epochs=150, seed=0)
print(keras_ae.diagnose(better.model, x_train, validation=x_test))
drawn = better.sample(1000, seed=0)
correlations["drawn, better prior"] = drawn[numbers].corr().to_numpy()
fig, panels = plt.subplots(1, 3, figsize=(11, 3.6), layout="constrained")
shown = ["training rows", "drawn rows", "drawn, better prior"]
for panel, name in zip(panels, shown, strict=True):
    picture = panel.imshow(correlations[name], cmap="RdBu", vmin=-1, vmax=1)
    panel.set_xticks(range(len(numbers)), numbers, rotation=90)
    panel.set_yticks(range(len(numbers)), numbers)
    panel.set_title(f"correlations, {name}")
fig.colorbar(picture)
plt.show()
for name in ("test rows", *shown[1:]):
    difference = np.abs(correlations[name] - correlations["training rows"])[pairs]
    print(f"{name:>19}: correlations differ by {difference.mean():.3f} on average")
better_likelihoods = better.log_likelihood(test, n_samples=200, seed=0)
distances = search.kneighbors(better.schema.to_array(drawn) / scale)[0][:, 0]
print(f"log-likelihood of the test rows: {likelihoods.mean():.2f}", end="")
print(f", with the better prior {better_likelihoods.mean():.2f} nats")
print(f"median distance of drawn rows to the closest training row: {np.median(distances):.2f}")

# %% [markdown]
# The correlations of the drawn rows are now as close to those of the training rows as one can ask:
# closer than those of 100 test rows, which are few. And the drawn rows are still no copies.
#
# ## Saving
#
# Table models, imputers and their VAEs are saved as folders of JSON and arrays, without pickle.

# %%
better.save_to_preset("diabetes_model")
again = keras_ae.TableModel.from_preset("diabetes_model")
print(sorted(path.name for path in pathlib.Path("diabetes_model").iterdir()))
print("the same rows are drawn:", again.sample(1000, seed=0).equals(drawn))
imputer.save_to_preset("wine_imputer")
loaded = keras_ae.Imputer.from_preset("wine_imputer")
difference = loaded.transform(holes_in_wine) - imputer.transform(holes_in_wine)
print("largest difference of the filled values:", np.abs(difference).max())

# %% [markdown]
# On CSV files, `keras-ae impute` fills holes and `keras-ae diagnose` asks what is wrong with a
# model, without Python.
#
# ## What we have seen
#
# * A table needs a likelihood for each column. `TableSchema` finds it, and says so.
# * Judge drawn rows by real ones that were not trained on: columns, pairs, distance to the closest
#   training row.
# * Ask first *why* values are missing. No method repairs what is not missing at random.
# * A mean is the best guess of a cell. Draws are right for what you compute from a table.
#
# ## Exercises
#
# 1. Train the table model with `beta=1`. What becomes of the correlations of drawn rows, and of the
#    log-likelihood of the test rows?
# 2. `TableModel(missing=True)` learns from a table with empty cells, in the category too. Hide 20 %
#    of the cells of `train`, fill them by `impute`, and count how often the sex is right.
# 3. Fill the body mass indices that are "not at random" by `keras_ae.Imputer`. Does a better model
#    help?
# 4. Use the VAE in the imputer: `keras_ae.Imputer(lambda shape: keras_ae.VAE(shape, 4,
#    objective="iwae", missing=True))`. Does it beat the default on the wines?
# 5. Let 20 % and 60 % of the wines' values be missing. How does Rubin's error bar grow?
#
# <details><summary>Solutions</summary>
#
# 1. `beta=1.0` in `make`, and the cells from there on. Compare the averages that are printed, for
#    three seeds each: a difference smaller than their spread means nothing.
# 2. `hidden = rng.random(train.shape) < 0.2`, `holes = train.mask(hidden)`, then
#    `keras_ae.TableModel(make, kinds=kinds, missing=True).fit(holes, epochs=150, seed=0)`. Compare
#    `impute(holes)["sex"]` with `train["sex"]` where it was hidden, and with always guessing the
#    more common sex.
# 3. Put NaN into `table[numbers]` where the index is above its median. No: nobody among the rows
#    that are there is heavy, so no model can know how heavy the missing ones are.
# 4. Add a fourth entry to `imputers`. Repeat with three seeds of `hidden` before you decide.
# 5. Change 0.4, and run the cells again. The second term of Rubin's formula grows, the first stays
#    nearly the same.
#
# </details>
#
# ## References
#
# * D. B. Rubin, "Multiple imputation for nonresponse in surveys", Wiley 1987.
# * R. J. A. Little and D. B. Rubin, "Statistical analysis with missing data", Wiley 2002.
# * P.-A. Mattei and J. Frellsen, "MIWAE: deep generative modelling and imputation of incomplete
#   data sets", ICML 2019.
# * A. Nazabal et al., "Handling incomplete heterogeneous data using VAEs", Pattern Recognition 107,
#   2020.
# * Z. Ghahramani and M. I. Jordan, "Supervised learning from incomplete data via an EM approach",
#   NeurIPS 1993.
# * L. Xu et al., "Modeling tabular data using conditional GAN", NeurIPS 2019. (Also of the TVAE.)
# * B. Efron et al., "Least angle regression", Annals of Statistics 32, 2004. (The diabetes data.)
# * S. Aeberhard and M. Forina, "Wine", UCI Machine Learning Repository, 1991.
