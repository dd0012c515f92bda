"""`python -m benchmarks.imputation`: how well `keras_ae.Imputer` fills holes, beside its peers.

Tables: red wine (its 11 measurements; tables/wine_quality_red.csv in the folder that KERAS_AE_DATA
names) and breast cancer (30 measurements; inside scikit-learn).

Protocol, that of the MIWAE paper (Mattei & Frellsen, ICML 2019): columns are standardised, half of
all values are hidden completely at random, the whole incomplete table is fitted and filled. The
number is the mean squared error over the hidden values, whose truth nothing else sees. Settings
were chosen on other masks, by further values that were hidden among those that are there.

Each result is written to imputation.json as soon as it is measured; a run that is started again
goes on.
"""

import argparse
import json
import os
import pathlib
import time
import warnings

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer

FOLDER = pathlib.Path(__file__).parent
TABLES = ("red wine", "breast cancer")
NEIGHBOURS = (2, 5, 10, 20, 40, 80)


def table(name):
    """A standardised table without holes: float64 array (n, features)."""
    if name == "breast cancer":
        x = load_breast_cancer().data
    else:
        path = pathlib.Path(os.environ["KERAS_AE_DATA"]) / "tables" / "wine_quality_red.csv"
        x = np.genfromtxt(path, delimiter=",", skip_header=1)[:, :11]
    return (x - x.mean(axis=0)) / x.std(axis=0)


def with_holes(x, seed):
    """The table with half of its values missing: NaN."""
    return np.where(np.random.default_rng(seed).random(x.shape) < 0.5, np.nan, x)


def ours(x, seed):
    """The default of keras_ae.Imputer."""
    from keras_ae.estimators import Imputer

    return Imputer(random_state=seed).fit_transform(x)


def miwae(x, seed):
    """A VAE of incomplete rows, trained by the importance-weighted bound."""
    import keras_ae
    from keras_ae.estimators import Imputer

    def vae(shape):
        return keras_ae.VAE(
            shape,
            10,
            widths=(128, 128),
            activation="tanh",
            likelihood=keras_ae.distributions.Gaussian("predicted"),
            objective=keras_ae.objectives.IWAE(20),
            missing=True,
        )

    return Imputer(vae, random_state=seed).fit_transform(x)


def chained(x, seed):
    """scikit-learn's IterativeImputer with its default, Bayesian ridge regression."""
    return IterativeImputer(max_iter=50, random_state=seed).fit_transform(x)


def forest(x, seed):
    """IterativeImputer with extremely randomised trees, as missForest does with random forests."""
    trees = ExtraTreesRegressor(100, random_state=seed)
    return IterativeImputer(trees, max_iter=10, random_state=seed).fit_transform(x)


def neighbours(x, seed):
    """scikit-learn's KNNImputer with its default, 5 neighbours."""
    return KNNImputer().fit_transform(x)


def best_neighbours(x, seed):
    """KNNImputer with the number of neighbours that explains best values hidden for a while."""
    # Not the generator of `with_holes`, which would hide only what is missing already.
    hidden = ~np.isnan(x) & (np.random.default_rng([seed, 1]).random(x.shape) < 0.1)
    seen = np.where(hidden, np.nan, x)
    errors = {
        k: np.mean(np.square(KNNImputer(n_neighbors=k).fit_transform(seen) - x)[hidden])
        for k in NEIGHBOURS
    }
    return KNNImputer(n_neighbors=min(errors, key=errors.get)).fit_transform(x)


def mean(x, seed):
    """The mean of each column."""
    return SimpleImputer().fit_transform(x)


METHODS = {
    "Imputer()": ours,
    "Imputer, a VAE (MIWAE)": miwae,
    "IterativeImputer": chained,
    "IterativeImputer, trees": forest,
    "KNNImputer, k = 5": neighbours,
    "KNNImputer, best k": best_neighbours,
    "mean": mean,
}


def measure(masks, methods, file):
    """Measures what is not in the file yet. Returns all rows, a list of dicts."""
    rows = json.loads(file.read_text()) if file.exists() else []
    keys = ("table", "mask", "method")
    done = {tuple(row[key] for key in keys) for row in rows}
    for method in methods:
        for name in TABLES:
            for mask in range(masks):
                if (name, mask, method) in done:
                    continue
                x = table(name)
                seen, start = with_holes(x, mask), time.perf_counter()
                with warnings.catch_warnings():
                    for kind in (ConvergenceWarning, RuntimeWarning):  # of the peers
                        warnings.simplefilter("ignore", kind)
                    filled = METHODS[method](seen, mask)
                seconds = time.perf_counter() - start
                error = float(np.mean(np.square(filled - x)[np.isnan(seen)]))
                row = dict(zip(keys, (name, mask, method), strict=True))
                rows.append(row | {"mse": error, "seconds": round(seconds, 1)})
                file.write_text(json.dumps(rows, indent=0) + "\n")
    return rows


def report(rows):
    """The means over masks, in Markdown."""
    lines = ["# Filling missing values", ""]
    lines += ["Mean squared error of the values that were hidden, half of each table, completely"]
    lines += ["at random; columns are standardised. Mean and range over the masks.", ""]
    lines += ["| method | " + " | ".join(TABLES) + " |", "|---|" + "---|" * len(TABLES)]
    for method in METHODS:
        cells = []
        for name in TABLES:
            mine = [r["mse"] for r in rows if (r["method"], r["table"]) == (method, name)]
            span = f"{np.mean(mine):.3f} ({min(mine):.3f} to {max(mine):.3f})" if mine else ""
            masks = f", {len(mine)} mask{'s' * (len(mine) > 1)}"
            cells.append(span + masks if mine else "not measured")
        lines.append(f"| {method} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def main():
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--masks", type=int, default=5)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--out", type=pathlib.Path, default=FOLDER / "imputation.json")
    options = parser.parse_args()
    rows = measure(options.masks, options.methods, options.out)
    options.out.with_suffix(".md").write_text(report(rows))


if __name__ == "__main__":
    main()
