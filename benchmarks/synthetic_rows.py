"""`python -m benchmarks.synthetic_rows`: how good the rows are that `keras_ae.TableModel` draws.

Data: UCI Adult, `tables/adult_train.csv.gz` and `adult_test.csv.gz` in the folder that
KERAS_AE_DATA names. An empty cell is a category of its own. A model is trained on the training
rows and draws as many. scikit-learn's HistGradientBoostingClassifier, trained on drawn rows, is
tested on the real test rows. Rows of other models come as CSV files: `--peer TVAE=rows_0.csv`;
`benchmarks/tvae_rows.py` writes those of SDV's TVAE.

Results are written to synthetic_rows.json, .md and .png.
"""

import argparse
import json
import os
import pathlib

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import f1_score

FOLDER = pathlib.Path(__file__).parent
LABEL = "income"
CLASSIFIERS = 5  # seeds of the classifier for each set of rows
COMPARED = 2000  # rows whose distance to the training rows is measured
NEAR = 0.05  # quantile of the distances of real held-out rows
OURS = "keras_ae.TableModel"
REAL = "real rows"


def read(path):
    """A CSV file as a DataFrame, with empty cells as the category "missing"."""
    return pd.read_csv(path).fillna("missing")


def drawn(train, seed, folder, epochs=None):
    """As many rows as in `train`, drawn by our model.

    folder: pathlib.Path, which keeps the rows. What is there is not drawn again.
    """
    file = folder / f"ours_{seed}.csv"
    if not file.exists():
        import keras_ae

        model = keras_ae.TableModel().fit(train, epochs=epochs, seed=seed)
        folder.mkdir(parents=True, exist_ok=True)
        model.sample(len(train), seed=seed).to_csv(file, index=False)
    return read(file)


def macro_f1(rows, test, train, seed):
    """The macro F1, in %, of a classifier that was trained on `rows` and tested on `test`.

    `train`, the real training rows, names the categories.
    """
    text = [not pd.api.types.is_numeric_dtype(train[name]) for name in train if name != LABEL]

    def features(frame):
        x = frame.drop(columns=LABEL).copy()
        for name, is_text in zip(x, text, strict=True):
            if is_text:
                known = sorted(train[name].unique())
                x[name] = pd.Categorical(x[name], categories=known).codes
        return x.to_numpy("float64")

    classifier = HistGradientBoostingClassifier(categorical_features=text, random_state=seed)
    classifier.fit(features(rows), rows[LABEL].astype(str))
    predicted = classifier.predict(features(test))
    return 100 * f1_score(test[LABEL].astype(str), predicted, average="macro")


def shares(rows, train):
    """The share of each category of each column; numbers are cut at the deciles of `train`."""
    found = {}
    for name in train:
        bins, known = _binned(rows[name], train[name])
        found[name] = np.bincount(bins, minlength=known) / len(rows)
    return found


def associations(rows, train):
    """Cramer's V of each pair of columns; numbers are cut as in `shares`: (columns, columns)."""
    binned = [_binned(rows[name], train[name]) for name in train]
    matrix = np.eye(len(binned))
    for i, (a, n) in enumerate(binned):
        for j, (b, m) in enumerate(binned[:i]):
            counts = np.bincount(a * m + b, minlength=n * m).reshape(n, m)
            matrix[i, j] = matrix[j, i] = _cramer(counts)
    return matrix


def _binned(values, known):
    """Values as numbers 0, 1, ..., and how many there are."""
    if pd.api.types.is_numeric_dtype(known):
        edges = np.unique(np.quantile(known, np.linspace(0.1, 0.9, 9)))
        return np.searchsorted(edges, values.to_numpy("float64")), len(edges) + 1
    categories = sorted(known.unique())
    return pd.Categorical(values, categories=categories).codes.astype(int), len(categories)


def _cramer(counts):
    counts = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0]
    smaller = min(counts.shape) - 1
    if smaller == 0:
        return 0.0
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / counts.sum()
    return float(np.sqrt(np.sum((counts - expected) ** 2 / expected) / counts.sum() / smaller))


def distances(rows, train):
    """The distance of each row to the closest training row: (rows,).

    It is the mean over columns of |difference| / range for numbers, and of 0 or 1 for categories.
    """
    total = np.zeros((len(rows), len(train)), "float32")
    for name in train:
        if pd.api.types.is_numeric_dtype(train[name]):
            known = train[name].to_numpy("float32")
            own = rows[name].to_numpy("float32")
            total += np.abs(own[:, np.newaxis] - known) / (np.ptp(known) or 1)
        else:
            codes = pd.Series([*train[name], *rows[name]]).factorize()[0]
            total += codes[len(train) :, np.newaxis] != codes[: len(train)]
    return np.min(total, axis=1) / train.shape[1]


def nearest(rows, train, seed=0):
    """`distances` of a sample of rows, in blocks that fit in memory."""
    sample = rows.sample(min(COMPARED, len(rows)), random_state=seed)
    blocks = [sample.iloc[i : i + 200] for i in range(0, len(sample), 200)]
    return np.concatenate([distances(block, train) for block in blocks])


def measured(rows, train, test, reference):
    """What is said of one set of rows: a dict of numbers.

    reference: the distances of real held-out rows to the training rows.
    """
    real, own = shares(train, train), shares(rows, train)
    difference = np.abs(associations(rows, train) - associations(train, train))
    found = reference if rows is train else nearest(rows, train)
    return {
        "macro_f1": [macro_f1(rows, test, train, seed) for seed in range(CLASSIFIERS)],
        "shares": float(np.mean([np.abs(real[n] - own[n]).sum() / 2 for n in train])),
        "associations": float(difference[~np.eye(len(difference), dtype=bool)].mean()),
        "distance": float(np.median(found)),
        "copies": float(np.mean(found == 0)),
        "near": float(np.mean(found < np.quantile(reference, NEAR))),
    }


def report(results, picture="synthetic_rows.png"):
    """The table of results, in Markdown, with a link to a picture."""
    lines = [
        "# Rows drawn by a model of Adult",
        "",
        f"{results['train']:,} training rows, {results['test']:,} test rows. The classifier is "
        "scikit-learn's HistGradientBoostingClassifier, trained on the rows named and tested on "
        f"real test rows, with {CLASSIFIERS} seeds for each set of rows; each drawn set has "
        "a model of its own. SDV's TVAE has its defaults (300 epochs). Target: above it.",
        "",
        "| rows | sets | macro F1, % | error of shares | error of associations "
        "| distance to the closest training row | copies | near |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in dict.fromkeys(row["name"] for row in results["rows"]):
        mine = [row for row in results["rows"] if row["name"] == name]
        scores = [np.mean(row["macro_f1"]) for row in mine]
        span = f"{np.mean(scores):.1f} ({min(scores):.1f} to {max(scores):.1f})"
        rest = [np.mean([row[key] for row in mine]) for key in ("shares", "associations")]
        close = [np.mean([row[key] for row in mine]) for key in ("distance", "copies", "near")]
        lines.append(
            f"| {name} | {len(mine)} | {span} | {rest[0]:.4f} | {rest[1]:.4f} | {close[0]:.4f} "
            f"| {close[1]:.2%} | {close[2]:.1%} |"
        )
    shown = f"![Associations of columns and shares, real and drawn]({picture})"
    return "\n".join([*lines, "", _notes(), "", shown, ""])


def _notes():
    return (
        "The error of shares is half the sum of |share - real share|, the mean over columns; "
        "numbers are cut at the deciles of the real rows. The error of associations is the mean of "
        "|V - real V| over pairs of columns, V being Cramer's V. The distance is the median over "
        f"{COMPARED:,} rows of the mean over columns of 0 or 1 for categories, and of |difference| "
        "/ range for numbers. Copies are rows with distance 0. Near are rows closer than "
        f"{1 - NEAR:.0%} of the real test rows are; a model that copies nobody has about "
        f"{NEAR:.0%}, as real test rows do. In "
        "the line of the real rows these numbers are those of real test rows."
    )


def plot(train, sets):
    """Associations and shares of real and drawn rows, one row of panels for each set of rows."""
    figure = Figure(figsize=(13, 4.2 * len(sets)), layout="constrained")
    real, real_shares = associations(train, train), shares(train, train)
    for axes, (name, rows) in zip(
        figure.subplots(len(sets), 3, squeeze=False), sets.items(), strict=True
    ):
        for ax, matrix, title in (
            (axes[0], real, "associations, real rows"),
            (axes[1], associations(rows, train), f"associations, {name}"),
        ):
            image = ax.imshow(matrix, vmin=0, vmax=1, cmap="viridis")
            ax.set_xticks(range(len(matrix)), train.columns, rotation=90, fontsize=7)
            ax.set_yticks(range(len(matrix)), train.columns, fontsize=7)
            ax.set_title(title, fontsize=10)
        figure.colorbar(image, ax=axes[1], label="Cramer's V")
        own = shares(rows, train)
        for column in train:
            is_number = pd.api.types.is_numeric_dtype(train[column])
            style = {"color": "tab:orange" if is_number else "tab:blue", "s": 14, "alpha": 0.7}
            axes[2].scatter(real_shares[column], own[column], **style)
        axes[2].axline((0.01, 0.01), slope=1, color="grey", linewidth=0.8)
        axes[2].set(xscale="log", yscale="log", xlim=(1e-5, 1.2), ylim=(1e-5, 1.2))
        axes[2].set(xlabel="share in real rows", ylabel=f"share in rows of {name}")
        axes[2].set_title("blue: categories, orange: tenths of numbers", fontsize=10)
    return figure


def run(train, test, peers, out, folder, seeds=3, epochs=None):
    """Measures all sets of rows, and writes the results as they come.

    Args:
        train, test: DataFrames.
        peers: list of (name, DataFrame of drawn rows).
        out: pathlib.Path of the .json file.
        folder: as in `drawn`.
        seeds: int, how many of our models are trained.
        epochs: int, or None for the default.
    """
    reference = nearest(test, train)
    results = {"train": len(train), "test": len(test), "rows": []}
    shown = {}
    for name, get in _contestants(train, peers, folder, seeds, epochs):
        rows = get()
        results["rows"].append({"name": name} | measured(rows, train, test, reference))
        if name != REAL:
            shown.setdefault(name, rows)
        out.write_text(json.dumps(results, indent=1) + "\n")
        picture = out.with_suffix(".png").name
        out.with_suffix(".md").write_text(report(results, picture))
    plot(train, shown).savefig(out.with_suffix(".png"), dpi=70)


def _contestants(train, peers, folder, seeds, epochs):
    """(name, function that returns rows) of each set of rows."""
    yield REAL, lambda: train
    for seed in range(seeds):
        yield OURS, lambda seed=seed: drawn(train, seed, folder, epochs)
    for name, rows in peers:
        yield name, lambda rows=rows: rows


def main(arguments=None):
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=FILE")
    parser.add_argument("--out", type=pathlib.Path, default=FOLDER / "synthetic_rows.json")
    parser.add_argument("--rows", type=pathlib.Path, default=pathlib.Path("synthetic_rows"))
    options = parser.parse_args(arguments)
    folder = pathlib.Path(os.environ["KERAS_AE_DATA"]) / "tables"
    train, test = (read(folder / f"adult_{part}.csv.gz") for part in ("train", "test"))
    peers = [(name, read(file)) for name, file in (peer.split("=") for peer in options.peer)]
    run(train, test, peers, options.out, options.rows, options.seeds, options.epochs)


if __name__ == "__main__":
    main()
