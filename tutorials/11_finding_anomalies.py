# %% [markdown]
# # Finding anomalies
#
# **What you will learn**
#
# * two ways to be odd: to lie *far* from the others, and to break a *rule* that they keep;
# * the reconstruction error as an anomaly score, by hand;
# * why an autoencoder learns the odd rows too, if they are among its training rows, and how far
#   noise (a denoising autoencoder) helps;
# * `keras_ae.Detector`: its default, its thresholds, and which column made a row odd;
# * how nearest neighbours and an isolation forest do on the same rows, and where they win;
# * a detector of images, and how to save and load a detector.
#
# You need to know what an autoencoder (tutorial 02) and a denoising autoencoder (tutorial 03) are.
# The data come with scikit-learn. Nothing is downloaded.

# %%
import pathlib

import drawings  # the drawings of these tutorials: drawings.py, beside this notebook
import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

import keras_ae
from keras_ae.corruption import GaussianCorruption

keras.utils.set_random_seed(0)
plt.rcParams.update({"figure.dpi": 80, "axes.spines.top": False, "axes.spines.right": False})
BLUE, ORANGE, GREY = "#0077bb", "#ee7733", "#bbbbbb"


def nearest(known, x, k=5):
    """The distance of each row of x to the k-th nearest of the known rows: (n,)."""
    return NearestNeighbors(n_neighbors=k).fit(known).kneighbors(x)[0][:, -1]


# %% [markdown]
# ## What does odd mean?
#
# Take two columns that follow a rule: the second is the first plus a little noise. Two more rows
# are odd, in two different ways. A lies *far* from all others, but keeps the rule. B lies in the
# middle of the others, column by column, but *breaks the rule*.
#
# We give each point of the plane two scores. The first is the distance to the fifth nearest
# training row. The second is the squared error of an autoencoder with one number as its code,
#
# $$\text{score}(\mathbf{x}) = \frac{1}{d} \sum_{j=1}^d (x_j - x'_j)^2,
# \qquad \mathbf{x}' = f_\theta(g_\phi(\mathbf{x}))$$

# %%
rng = np.random.default_rng(0)
first = rng.normal(size=500)
rows = np.stack([first, first + rng.normal(size=500) * 0.15], axis=1).astype("float32")
odd = np.array([[4.5, 4.5], [0.4, -0.4]], "float32")  # A, B

line = keras_ae.AE((2,), latent_dim=1, widths=())  # no hidden layer: a linear autoencoder
line.compile(keras.optimizers.Adam(1e-2), loss="mse")
line.fit(rows, batch_size=50, epochs=30, verbose=0)


def error(model, x):
    """The mean squared error of the reconstruction of each row: (n,)."""
    x_new = np.asarray(model.reconstruct(x))
    return np.mean((x - x_new) ** 2, axis=tuple(range(1, x.ndim)))


scores = {
    "distance to the 5th neighbour": lambda x: nearest(rows, x),
    "reconstruction error": lambda x: error(line, x),
}
axis = np.linspace(-5, 5, 81, dtype="float32")
plane = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
fig, panels = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
for panel, (name, score) in zip(panels, scores.items(), strict=True):
    levels = np.sqrt(score(plane)).reshape(81, 81)
    panel.contourf(axis, axis, levels, 12, cmap="Oranges")
    panel.scatter(*rows.T, s=4, color=BLUE)
    for letter, place in zip("AB", odd, strict=True):
        panel.scatter(*place, color="black", s=30)
        panel.annotate(letter, place, (5, 5), textcoords="offset points", size=14)
    panel.set(title=f"{name} (square root)", xlabel="first column", ylabel="second column")
plt.show()
for name, score in scores.items():
    above = [np.mean(score(rows) > s) for s in score(odd)]
    print(f"{name:>29}: share of training rows that score higher: ", end="")
    print(f"A {above[0]:.1%}, B {above[1]:.1%}")

# %% [markdown]
# The distance finds A: no training row scores higher. B scores high too, but some training rows at
# the ends of the cloud score higher. The autoencoder finds B: no training row is further from the
# line that it has learned. But A lies near that line, and for the autoencoder it is a row like most
# others. Neither score sees everything, so we will need both.
#
# ## Real rows: the reconstruction error by hand
#
# Breast cancer: 569 rows, 30 measurements of the nuclei of cells. 357 rows are benign, 212
# malignant. We pretend that nobody has told us which. Our training rows are 300 benign ones and 15
# malignant ones among them; new rows are the other 57 and 197. The labels are used only to measure.

# %%
table, benign = load_breast_cancer(return_X_y=True, as_frame=True)
order = np.random.default_rng(1).permutation(len(table))
is_odd = benign.to_numpy()[order] == 0
normal_rows, odd_rows = order[~is_odd], order[is_odd]
train = np.concatenate([normal_rows[:300], odd_rows[:15]])
new = np.concatenate([normal_rows[300:], odd_rows[15:]])
train_table, new_table = table.iloc[train], table.iloc[new]
train_odd, new_odd = np.arange(315) >= 300, np.arange(len(new)) >= 57

mean, scale = train_table.mean(), train_table.std(ddof=0)
x_train = ((train_table - mean) / scale).to_numpy("float32")
x_new = ((new_table - mean) / scale).to_numpy("float32")
print("training rows:", x_train.shape, " odd among them:", train_odd.sum(), " new:", x_new.shape)

# %% [markdown]
# The columns are standardised: without that, the column with the largest numbers would decide
# alone. How good is a score? We use the *area under the ROC curve*: the chance that a random odd
# row scores higher than a random normal one. 100 % is perfect, 50 % is guessing.

# %%
keras.utils.set_random_seed(0)
ae = keras_ae.AE((30,), latent_dim=5, widths=(64,))
ae.compile(keras.optimizers.Adam(2e-3), loss="mse")
ae.fit(x_train, batch_size=35, epochs=60, verbose=0)
by_hand = error(ae, x_new)
print(f"reconstruction error: benign {by_hand[~new_odd].mean():.2f}", end="")
print(f", malignant {by_hand[new_odd].mean():.2f}")
print(f"area under the ROC curve: {roc_auc_score(new_odd, by_hand):.1%}")

# %% [markdown]
# The detector of this library does the same, if it gets this model. (scikit-learn wants scores
# where *higher is more normal*, hence the minus.)

# %%
detector = keras_ae.Detector(ae, score="reconstruction_error").fit(x_train)
print("largest difference:", np.abs(-detector.score_samples(x_new) - by_hand).max())

# %% [markdown]
# ## Odd rows among the training rows
#
# The autoencoder above is small and was trained briefly. What if it is not? Here are two networks
# without any bottleneck: a code of 128 numbers for 30 columns. One is a plain autoencoder. The
# other is a denoising one: it gets noisy rows and must give the clean ones. We train both for long
# and measure the odd rows *among the training rows* as we go.

# %%
wide = dict(shape=(30,), latent_dim=128, widths=(128,))
models = {
    "plain": keras_ae.AE(**wide),
    "denoising": keras_ae.DAE(**wide, corruption=GaussianCorruption((0.05, 1.0), clip=None)),
}
found, seen, unseen = ({name: [] for name in models} for _ in range(3))
for name, model in models.items():
    rate = keras.optimizers.schedules.CosineDecay(2e-3, decay_steps=300 * 5)
    model.compile(keras.optimizers.Adam(rate), loss="mse")
    for _ in range(12):
        model.fit(x_train, batch_size=63, epochs=25, verbose=0)
        score = error(model, x_train)
        found[name].append(roc_auc_score(train_odd, score))
        seen[name].append(score[train_odd].mean())
        unseen[name].append(error(model, x_new[new_odd]).mean())

fig, panels = plt.subplots(1, 2, figsize=(11, 3.2), layout="constrained")
epochs = 25 * np.arange(1, 13)
for (name, values), colour, marker in zip(found.items(), [ORANGE, BLUE], "so", strict=True):
    panels[0].plot(epochs, values, marker=marker, color=colour, label=name)
    panels[1].semilogy(epochs, seen[name], marker=marker, color=colour, label=f"{name}, trained on")
    panels[1].semilogy(epochs, unseen[name], "--", color=colour, label=f"{name}, new")
panels[0].set(title="odd training rows: area under the ROC curve", xlabel="epoch")
panels[1].set(title="error of malignant rows", xlabel="epoch")
panels[1].legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
plt.show()
for name in models:
    print(f"{name:>9}: area under the ROC curve {found[name][0]:.1%} after 25 epochs", end="")
    print(f", {found[name][-1]:.1%} after 300;", end=" ")
    print(f"their error {seen[name][-1]:.4f}, of new malignant rows {unseen[name][-1]:.4f}")

# %% [markdown]
# Both networks learn the odd rows. At the end these are reconstructed far better than malignant
# rows that were not among the training rows. Then they no longer stand out: the area falls to 50 %
# and below, guessing or worse. Noise makes the learning slower: the denoising network keeps the
# errors higher, and its area stays above 50 % for longer. But it does not prevent it. (The curves
# are jagged, since only 15 rows are odd, and this is one training each.)
#
# So if odd rows may be among the training rows, stop early, or do not trust the error alone. For
# rows that are *new* the error still works, as we will see below.
#
# ## The default detector
#
# `keras_ae.Detector()` standardises the columns and trains four denoising autoencoders; the
# strength of the noise is drawn for each row. Its score looks for both ways to be odd. It joins the
# row and its residual $\mathbf{x} - \mathbf{x}'$, where $\mathbf{x}'$ is the mean of the four
# reconstructions,
#
# $$\mathbf{u}(\mathbf{x}) = [\,\mathbf{x},\ 3\,(\mathbf{x} - \mathbf{x}')\,]$$
#
# and measures the distance from $\mathbf{u}$ to its 20th nearest neighbour among the training rows.
# A row that lies far away has a large distance in the first half, a row that breaks a rule in the
# second. Why the 20th? A few odd rows may lie close together, but hardly more than 20 of them.

# %%
detector = keras_ae.Detector(contamination=0.05, random_state=0).fit(train_table)
score_train, score_new = -detector.score_samples(train_table), -detector.score_samples(new_table)
for name, score, truth in (
    ("training", score_train, train_odd),
    ("new", score_new, new_odd),
):
    print(f"{name:>8} rows: area under the ROC curve {roc_auc_score(truth, score):.1%}")

# %%
keras_ae.plots.anomaly_scores(
    score_train,
    detector.threshold_,
    detector.contributions(train_table),
    list(train_table.columns),
)

# %% [markdown]
# The last 15 rows are the malignant ones. The right panel says which columns made the oddest rows
# odd; we come to that soon.
#
# ## Where to draw the line
#
# A score says which of two rows is odder. To decide, `predict` needs a threshold. Ask yourself
# which of these you know:
#
# * *About 5 % of my rows are odd*: `contamination=0.05`. So many training rows are called odd.
# * *All my rows are normal; let me see what is above 99 % of them*: `quantile=0.99`.
# * *All my rows are normal, and I can look at 50 alarms per thousand rows*: `false_alarms=50`. Rows
#   that a model was trained on look a little too good, so a fifth of them is held out for this.
#
# The first two are the same formula, a quantile of the training scores:

# %%
print(f"threshold_ {detector.threshold_:.4f}, by hand {np.quantile(score_train, 0.95):.4f}")
said = detector.predict(train_table) == -1
print(f"called odd: {said.sum()} of {len(said)} training rows", end="")
print(f", {np.sum(said & train_odd)} of them malignant (of {train_odd.sum()})")

# %% [markdown]
# For the third, all training rows must be normal, so we take the 300 benign ones. `clean=True` says
# that they are; the score then looks at the 2nd neighbour instead of the 20th.

# %%
normal_table = train_table[~train_odd]
careful = keras_ae.Detector(clean=True, false_alarms=50, random_state=0).fit(normal_table)
said = careful.predict(new_table) == -1
print(f"false alarms: {said[~new_odd].sum()} of {np.sum(~new_odd)} new benign rows")
print(f"found: {said[new_odd].sum()} of {new_odd.sum()} new malignant rows")
print(f"area under the ROC curve: {roc_auc_score(new_odd, -careful.score_samples(new_table)):.1%}")

fig, axes = plt.subplots(figsize=(7, 3), layout="constrained")
bins = np.linspace(0, np.quantile(-careful.score_samples(new_table), 0.97), 40)
for chosen, name, colour in ((~new_odd, "benign", BLUE), (new_odd, "malignant", ORANGE)):
    values = -careful.score_samples(new_table[chosen])
    axes.hist(values, bins, density=True, alpha=0.6, color=colour, label=f"new, {name}")
axes.axvline(careful.threshold_, color="black", linestyle="--", label="threshold")
axes.set(xlabel="anomaly score", ylabel="share of rows per unit")
axes.legend(frameon=False)
plt.show()

# %% [markdown]
# 50 of a thousand would be about 3 false alarms among these 57 rows. The promise holds *on
# average*: one split of so few rows may give more or less. (The oddest 3 % of the rows lie beyond
# the right end of the picture.) What the held-out rows cannot promise is refused:

# %%
try:
    keras_ae.Detector(false_alarms=1).fit(normal_table)
except ValueError as refusal:
    print(refusal)

# %% [markdown]
# ## Which column did it?
#
# A row called odd raises the question: why? `contributions` splits the squared score into one part
# per column, the squared distance in this column, so the parts add up. Let us test it where we know
# the answer. The area of a nucleus follows from its radius: roughly $\pi r^2$. We take a benign row
# that is new to the detector, and multiply its mean area by 0.6. Both numbers are usual; together
# they are impossible.

# %%
row = new_table.iloc[[np.argsort(careful.score_samples(new_table[~new_odd]))[-1]]]  # most normal
spoiled = row.assign(**{"mean area": row["mean area"] * 0.6})
inside = np.mean(normal_table["mean area"] < spoiled["mean area"].item())
print(f"{inside:.0%} of the training rows have a smaller area than the spoiled row")
known = ((normal_table - mean) / scale).to_numpy()
distance_of = lambda r: nearest(known, ((r - mean) / scale).to_numpy())  # noqa: E731
for name, one in (("row", row), ("spoiled", spoiled)):
    ours = np.mean(careful.score_samples(normal_table) < careful.score_samples(one))
    theirs = np.mean(nearest(known, known, k=6) > distance_of(one))
    print(f"{name:>8}: odder training rows, by the detector {ours:.1%}", end="")
    print(f", by the distance to the 5th neighbour {theirs:.1%}")
parts = careful.contributions(spoiled)[0]
print(f"sum of the contributions {parts.sum():.3f}", end="")
print(f", squared score {careful.score_samples(spoiled)[0] ** 2:.3f}")


# %%
def draw_contributions(panel, one, title):
    """The largest contributions to the score of one row, as bars."""
    parts = pd.Series(careful.contributions(one)[0], index=one.columns)
    largest = (100 * parts / parts.sum()).nlargest(6)[::-1]
    panel.barh(largest.index, largest, color=BLUE)
    panel.set(title=title, xlabel="% of the squared score")


fig, panels = plt.subplots(1, 2, figsize=(10, 2.8), layout="constrained")
draw_contributions(panels[0], spoiled, "spoiled row: mean area is wrong")
malignant = new_table[new_odd]
oddest = malignant.iloc[[np.argmin(careful.score_samples(malignant))]]
draw_contributions(panels[1], oddest, "the oddest malignant row")
plt.show()
oddest_column = careful.contributions(oddest)[0].argmax()
value, usual = oddest.iloc[0, oddest_column], normal_table.iloc[:, oddest_column]
print(f"{oddest.columns[oddest_column]}: {value:.4g};", end=" ")
print(f"the training rows have {usual.min():.4g} to {usual.max():.4g}")

# %% [markdown]
# The spoiled row is not called odd: a fifth of the training rows have a higher score. But before it
# was spoiled, 95 % of them did. By the distance to the 5th neighbour this share changes only from
# 90 % to 75 %. And more than half of the squared score comes from the column that we spoiled. The
# malignant row is odd in another way: its numbers are far outside the training rows. Mind that
# contributions say what the *score* reacted to. They do not say what caused it in the world.
#
# ## Peers
#
# Autoencoders are not the only way. Two strong and simple ones are in scikit-learn: the distance to
# the k-th nearest neighbour, on standardised columns, and the isolation forest, which asks how many
# random cuts it takes to be alone. Here are all of them on the same rows.

# %%
forest = IsolationForest(random_state=0).fit(train_table)
peers = {
    "Detector()": (score_train, score_new),
    "5th neighbour": (nearest(x_train, x_train, 6), nearest(x_train, x_new)),
    "20th neighbour": (nearest(x_train, x_train, 21), nearest(x_train, x_new, 20)),
    "isolation forest": (-forest.score_samples(train_table), -forest.score_samples(new_table)),
    "AE, code of 5": (error(ae, x_train), error(ae, x_new)),
    "AE, wide, long": (error(models["plain"], x_train), error(models["plain"], x_new)),
    "DAE, wide, long": (error(models["denoising"], x_train), error(models["denoising"], x_new)),
}
areas = {
    name: (roc_auc_score(train_odd, own), roc_auc_score(new_odd, other))
    for name, (own, other) in peers.items()
}
print("area under the ROC curve, %   training rows   new rows")
for name, (own, other) in areas.items():
    print(f"{name:>27} {100 * own:15.1f} {100 * other:10.1f}")

# %%
fig, axes = plt.subplots(figsize=(8, 3.2), layout="constrained")
places = np.arange(len(areas))
for shift, i, name, colour in ((0.2, 0, "training rows", GREY), (-0.2, 1, "new rows", BLUE)):
    values = [100 * pair[i] for pair in areas.values()]
    axes.barh(places + shift, values, 0.4, color=colour, label=name)
axes.set_yticks(places, areas)
axes.invert_yaxis()
axes.axvline(50, color="black", lw=1, linestyle=":")  # guessing
axes.set(xlim=(30, 100), xlabel="area under the ROC curve, %")
axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()

# %% [markdown]
# (The dotted line is guessing.) The isolation forest wins on this table, in both columns; the
# detector comes next, and the neighbours are close behind. The differences between these four are
# at most about two points, on one split with 15 odd training rows: too small to say which is better
# in general. The reconstruction error alone is below all of them: by little on new rows if the
# network is wide, by much on its own training rows, where it is no better than guessing. More
# tables and seeds are in the library's `benchmarks/anomalies.md`.
#
# When to take which? Nearest neighbours need no training and are hard to beat if the training rows
# are clean. The isolation forest is fast and needs no standardised columns. An autoencoder knows
# rules between columns, and says which column broke one.
#
# ## Images
#
# Any model of this library can be the detector's: a trained one, or a function that makes one.
# Normal is the digit 3 here, in 8 x 8 pixels; all others are odd. We train a denoising autoencoder
# on 100 images of a 3. The detector then uses it as it is, and takes its threshold from 40 threes
# that the model has not seen.

# %%
images, labels = load_digits(return_X_y=True)
images = (images.reshape(-1, 8, 8, 1) / 16).astype("float32")
threes = np.random.default_rng(0).permutation(images[labels == 3])
others = images[labels != 3]

keras.utils.set_random_seed(0)
dae = keras_ae.DAE((8, 8, 1), 16, widths=(256,), corruption=GaussianCorruption(0.3))
dae.compile(keras.optimizers.Adam(1e-3), loss="mse")
dae.fit(threes[:100], batch_size=20, epochs=150, verbose=0)
finder = keras_ae.Detector(dae, score="reconstruction_error", quantile=0.95)
finder.fit(threes[100:140])
tested = np.concatenate([threes[140:], others])
truth = np.arange(len(tested)) >= len(threes) - 140
score = -finder.score_samples(tested)
flat = tested.reshape(len(tested), -1)
by_distance = nearest(threes[:140].reshape(140, -1), flat, k=2)
print(f"area under the ROC curve: detector {roc_auc_score(truth, score):.1%}", end="")
print(f", 2nd neighbour {roc_auc_score(truth, by_distance):.1%}")
said = finder.predict(tested) == -1
print(f"called odd: {said[truth].mean():.1%} of the other digits", end="")
print(f", {said[~truth].mean():.1%} of the new threes")

# %% [markdown]
# On images as small as these the second nearest neighbour does as well. (It has all 140 threes. The
# autoencoder was trained on 100 of them.) But what made an image odd? The contributions of an image
# are an image:

# %%
shown = np.concatenate(
    [threes[140:142], *(images[labels == digit][:1] for digit in (0, 1, 2, 4, 5, 6, 7, 8, 9))]
)
parts = finder.contributions(shown)
reconstructed = finder.models_[0].reconstruct(shown)
drawings.grid(
    [shown, np.asarray(reconstructed), np.clip(parts / np.quantile(parts, 0.99), 0, 1)],
    ["image", "reconstruction", "contributions"],
)

# %% [markdown]
# The reconstruction leans towards a 3, and the contributions show where it had to change the image:
# ink that a 3 does not have, or lacks. Here are the threes that it finds oddest, and the other
# digits that it finds most normal:

# %%
order = np.argsort(-score)
odd_threes = [i for i in order if not truth[i]][:10]
usual_others = [i for i in order[::-1] if truth[i]][:10]
drawings.grid([tested[odd_threes], tested[usual_others]], ["oddest threes", "most normal others"])

# %% [markdown]
# ## Saving
#
# A detector is saved as a folder: its models, its threshold, and what the score keeps of the
# training rows, as JSON and arrays. No pickle, so nothing in it can run code when it is loaded.

# %%
careful.save_to_preset("benign")
again = keras_ae.Detector.from_preset("benign")
print(sorted(path.name for path in pathlib.Path("benign").iterdir()))
difference = again.score_samples(new_table) - careful.score_samples(new_table)
print("largest difference of the scores:", np.abs(difference).max())

# %% [markdown]
# Mind that the score of the default keeps the training rows themselves (standardised, and at most
# 3,000 of them): a folder that you share holds them. Without Python, `keras-ae detect rows.csv
# --out scores.csv --picture scores.png` writes the table with three more columns (the score,
# whether the row is odd, and the columns that contributed most) and draws the scores.
#
# ## What we have seen
#
# * Odd means far from the others, or against a rule. A distance sees the first, a reconstruction
#   error the second. A good score sees both.
# * A flexible autoencoder learns odd training rows by heart. Noise makes that slower.
# * A score ranks; a threshold decides. Say what you know: a share, a quantile, or false alarms.
# * Run nearest neighbours and an isolation forest beside any detector. They take seconds.
#
# ## Exercises
#
# 1. Give the toy example to `keras_ae.Detector()`. Where do A and B stand among its scores?
# 2. Put 60 malignant rows among the 300 benign ones, instead of 15. What does each method lose?
# 3. Which of the ten digits is hardest as the normal one? Compare with the 2nd neighbour.
# 4. Write a score of your own: the largest squared error of a column instead of the mean.
# 5. `Detector(false_alarms=50)` promised something *on average*. Check it: repeat with 20 splits
#    of the benign rows, and draw the share of false alarms.
#
# <details><summary>Solutions</summary>
#
# 1. `toy = keras_ae.Detector(random_state=0).fit(rows)`, then
#    `np.mean(toy.score_samples(rows) < s)` for each `s` in `toy.score_samples(odd)`. Both should be
#    close to 0.
# 2. Write 60 for 15 and `np.arange(360) >= 300` where the rows are split, and run from there. Look
#    at the column "training rows": the odd rows have become neighbours of each other.
# 3. A loop over `digit`, with `images[labels == digit]` for `threes`. Use three values of
#    `random_state`: a difference that is smaller than their spread means nothing.
# 4. A subclass of `keras_ae.estimators.anomaly_scores.AnomalyScore` with
#    `def of(self, x): return self.contributions(x).max(axis=1)`, and
#    `Detector(ae, score=Largest())`. It can be used, but not saved: a preset holds no code.
# 5. Split `normal_rows` anew by `np.random.default_rng(i).permutation`, fit on 300, and count the
#    alarms among the other 57. To save time, give the detector the trained `ae` as its model. The
#    shares scatter widely, since 60 held-out rows and 57 new ones are few; their mean should be
#    near, or below, 0.05.
#
# </details>
#
# ## References
#
# * L. Ruff et al., "A unifying review of deep and shallow anomaly detection", Proceedings of the
#   IEEE 109, 2021.
# * F. T. Liu, K. M. Ting and Z.-H. Zhou, "Isolation forest", ICDM 2008.
# * S. Ramaswamy, R. Rastogi and K. Shim, "Efficient algorithms for mining outliers from large data
#   sets", SIGMOD 2000. (The distance to the k-th neighbour.)
# * P. Vincent et al., "Extracting and composing robust features with denoising autoencoders", ICML
#   2008.
# * V. Vovk, A. Gammerman and G. Shafer, "Algorithmic learning in a random world", Springer 2005.
#   (Promises from held-out rows.)
# * W. N. Street, W. H. Wolberg and O. L. Mangasarian, "Nuclear feature extraction for breast tumor
#   diagnosis", SPIE 1993. (The breast cancer data.)
# * E. Alpaydin and C. Kaynak, "Optical recognition of handwritten digits", UCI Machine Learning
#   Repository, 1998. (The images.)
