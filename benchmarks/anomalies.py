"""`python -m benchmarks.anomalies`: how well `keras_ae.Detector` finds odd rows, beside its peers.

Tables: those of ADBench (Han et al., NeurIPS 2022), as NAME.npz with X and y (1: odd), in the
folder `adbench` of the folder that KERAS_AE_DATA names. Each line of the result is written to
anomalies.jsonl as soon as it is measured; a run that is started again goes on. PyOD needs PyTorch
and may live in an environment of its own: `--groups pyod` measures it there, on the same splits,
and appends to the same file.

Protocols, which must not be mixed:

D        that of Livernoche et al. ("On diffusion modeling for anomaly detection", ICLR 2024).
         Tables under 1,000 rows are drawn with replacement to 1,000, others cut to 10,000 rows.
         "normal": the first half of the normal rows, in file order, trains; the rest is tested.
         "contaminated": as many rows as there are, drawn with replacement, train; all are tested.
random   "normal": a random half of the normal rows trains. "contaminated": all rows train and are
         tested.
"""

import argparse
import itertools
import json
import os
import pathlib
import time
import zlib

import numpy as np
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

FOLDER = pathlib.Path(__file__).parent
# Settings were chosen on these tables; the others were looked at only once.
CHOSEN_ON = ("annthyroid", "breastw", "cardio", "fault", "glass")
CHOSEN_ON += ("Hepatitis", "landsat", "letter", "mammography", "Pima")
PROTOCOLS = ("D", "random")
KINDS = ("normal", "contaminated")
KEYS = ("table", "protocol", "kind", "seed")
NEIGHBOURS = (1, 5, 20, 50, 100)
PUBLISHED = {  # protocol D, mean AUROC of these 21 tables, %, Livernoche et al., 2024
    "normal": {"nearest neighbours, k = 5": 85.8, "the best of 26 methods": 85.9, "VAE": 78.7},
    "contaminated": {"isolation forest": 78.3, "nearest neighbours, k = 5": 76.9, "VAE": 75.0},
}
INTRODUCTION = """\
Mean AUROC over tables of ADBench and over seeds, %, higher is better. All methods get the same
standardised rows. Settings of `Detector` were chosen on ten of the tables (annthyroid, breastw,
cardio, fault, glass, Hepatitis, landsat, letter, mammography, Pima); the others have a column of
their own. The best k of nearest neighbours is not known to a user, who has no labels.
A lead within the range over seeds is a tie. Protocols: see `anomalies.py`."""


def split(x, y, protocol, kind, seed):
    """(training rows, test rows, labels of the test rows), columns standardised.

    The mean and standard deviation are those of the training rows; if these are contaminated, of
    all rows before they are drawn, as in the code of protocol D.
    """
    draws = np.random.default_rng(seed)
    if protocol == "D" and len(x) < 1000:
        rows = draws.choice(len(x), 1000, replace=True)
        x, y = x[rows], y[rows]
    if len(x) > 10_000:
        rows = np.sort(draws.choice(len(x), 10_000, replace=False))
        x, y = x[rows], y[rows]
    if kind == "contaminated":
        x = _standardised(x, x)
        rows = draws.choice(len(x), len(x), replace=True) if protocol == "D" else slice(None)
        return x[rows], x, y
    normal = np.flatnonzero(y == 0)
    normal = normal if protocol == "D" else draws.permutation(normal)
    train, rest = np.split(normal, [len(normal) // 2])
    test = np.concatenate([rest, np.flatnonzero(y == 1)])
    return _standardised(x[train], x[train]), _standardised(x[test], x[train]), y[test]


def _standardised(x, train):
    scale = train.std(axis=0)
    varies = scale > 1e-12 * np.abs(train).max(axis=0)  # else it is a rounding error of a constant
    return (x - train.mean(axis=0)) / np.where(varies, scale, 1)


def detectors(train, test, seed):
    """The anomaly scores of the test rows by our defaults, higher is odder: {method: (n,)}.

    Both have the same models. They differ in the score only, so the models are trained once.
    """
    from keras_ae.estimators import Detector, anomaly_scores

    fitted = Detector(random_state=seed).fit(train)
    x, x_test = fitted.scaler_(train), fitted.scaler_(test)
    clean = anomaly_scores.of_tables(clean=True).fit(fitted.models_, x)
    return {
        "Detector()": -fitted.score_samples(test),
        "Detector(clean=True)": clean.of(x_test),
    }


def classics(train, test, seed):
    """Isolation forest, and the distance to the k-th nearest training row."""
    forest = IsolationForest(random_state=seed).fit(train)
    most = min(max(NEIGHBOURS), len(train))
    distances, _ = NearestNeighbors(n_neighbors=most).fit(train).kneighbors(test)
    return {"isolation forest": -forest.score_samples(test)} | {
        f"nearest neighbours, k = {k}": distances[:, min(k, most) - 1] for k in NEIGHBOURS
    }


def pyod(train, test, seed):
    """PyOD's autoencoders with their default settings."""
    import torch
    from pyod.models.auto_encoder import AutoEncoder
    from pyod.models.vae import VAE

    torch.set_num_threads(1)
    scores = {}
    for model in (AutoEncoder, VAE):
        torch.manual_seed(seed)
        fitted = model(random_state=seed, verbose=0)
        fitted.fit(train)
        scores[f"PyOD {model.__name__}"] = fitted.decision_function(test)
    return scores


GROUPS = {"ours": detectors, "classics": classics, "pyod": pyod}


def measure(folder, seeds, protocols, groups, file):
    """Appends what is not in the file yet: one line of JSON per group of methods and split."""
    done = {tuple(row[key] for key in (*KEYS, "group")) for row in read(file)}
    tables = sorted(folder.glob("*.npz"), key=lambda path: (path.stat().st_size, path))
    for seed, protocol in itertools.product(seeds, protocols):
        for path, kind in itertools.product(tables, KINDS):
            for group in groups:
                if (path.stem, protocol, kind, seed, group) in done:
                    continue
                data = np.load(path)
                train, test, y = split(data["X"], data["y"], protocol, kind, seed)
                start = time.process_time()
                scores = GROUPS[group](train, test, seed)
                row = dict(zip(KEYS, (path.stem, protocol, kind, seed), strict=True))
                row |= {"group": group, "seconds": round(time.process_time() - start, 1)}
                row["split"] = zlib.crc32(np.ascontiguousarray(train, "float32"))
                row["auroc"] = {
                    name: round(100 * roc_auc_score(y, score), 2) for name, score in scores.items()
                }
                with file.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps(row) + "\n")


def read(file):
    """The rows of a file of results: a list of dicts, empty if there is no file."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return [json.loads(line) for line in lines]


def report(rows):
    """The tables of means over tables and seeds, in Markdown."""
    lines = ["# Finding odd rows", "", INTRODUCTION]
    for protocol, kind in itertools.product(PROTOCOLS, KINDS):
        some = [row for row in rows if (row["protocol"], row["kind"]) == (protocol, kind)]
        if some:
            lines += ["", f"## Protocol {protocol}, training rows {kind}", ""]
            lines += _section(some, PUBLISHED[kind] if protocol == "D" else {})
    return "\n".join([*lines, *_costs(rows), ""])


def _section(rows, published):
    """The lines of one protocol: a row per method, the mean of all and of two groups of tables."""
    found = {}  # {method: {(table, seed): AUROC}}
    for row in rows:
        for method, auroc in row["auroc"].items():
            found.setdefault(method, {})[row["table"], row["seed"]] = auroc
    lines = ["| method | all | range over seeds | the ten | the others | tables | seeds |"]
    lines += ["|---|---|---|---|---|---|---|"]
    everything = {table for values in found.values() for table, _ in values}
    for method, values in found.items():
        tables, seeds = ({key[place] for key in values} for place in (0, 1))
        whole = [s for s in seeds if all((table, s) in values for table in tables)]
        if tables < everything or not whole:  # a mean of other tables would not compare
            lines.append(f"| {method} | not measured on all tables yet | | | | {len(tables)} | |")
            continue
        means = [np.mean([values[table, s] for table in tables]) for s in whole]
        groups = [tables & set(CHOSEN_ON), tables - set(CHOSEN_ON)]
        split_means = [_mean(values, group, whole) for group in groups]
        lines.append(
            f"| {method} | {np.mean(means):.1f} | {min(means):.1f} to {max(means):.1f} | "
            f"{split_means[0]} | {split_means[1]} | {len(tables)} | {len(whole)} |"
        )
    lines += [
        f"| {name}, published | {value} | | | | 21 | 5 |" for name, value in published.items()
    ]
    return lines


def _mean(values, tables, seeds):
    chosen = [values[table, seed] for table in tables for seed in seeds]
    return f"{np.mean(chosen):.1f}" if chosen else ""


def _costs(rows):
    """Lines on the processor seconds that a table took, training and scoring."""
    lines = [
        "",
        "## Processor seconds for a table",
        "",
        "| methods | median | most |",
        "|---|---|---|",
    ]
    for group in GROUPS:
        # Later seeds may find their programs compiled.
        seconds = [row["seconds"] for row in rows if row["group"] == group and row["seed"] == 0]
        if seconds:
            lines.append(f"| {group} | {np.median(seconds):.1f} | {max(seconds):.1f} |")
    return lines


def check_splits(rows):
    """Raises ValueError if two groups of methods did not see the same training rows."""
    seen = {}
    for row in rows:
        key = tuple(row[key] for key in KEYS)
        if seen.setdefault(key, row["split"]) != row["split"]:
            raise ValueError(f"Expected the same split for all methods. Received: two for {key}")


def main():
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--protocols", nargs="+", choices=PROTOCOLS, default=PROTOCOLS)
    parser.add_argument("--groups", nargs="+", choices=GROUPS, default=list(GROUPS)[:2])
    parser.add_argument("--out", type=pathlib.Path, default=FOLDER / "anomalies.jsonl")
    options = parser.parse_args()
    folder = pathlib.Path(os.environ["KERAS_AE_DATA"]) / "adbench"
    measure(folder, range(options.seeds), options.protocols, options.groups, options.out)
    rows = read(options.out)
    check_splits(rows)
    options.out.with_suffix(".md").write_text(report(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
