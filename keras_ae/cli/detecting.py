"""The command that finds odd rows in a CSV file: keras-ae detect."""

import csv
import pathlib

import numpy as np

from keras_ae.cli import checks, console, csv_files
from keras_ae.utils import files

LIMITS = {"contamination": 0.5, "quantile": 1.0, "false_alarms": 1000.0}
ADDED = ("anomaly_score", "odd", "because")  # columns that are added to those of the file
REASONS = 3  # columns that are named for a row


def add_commands(command):
    """Adds the command to the parser. command(name, run, text, example) -> the parser of one."""
    text = "Find the odd rows of a table, and tell which columns make them odd."
    sub = command("detect", _detect, text, "payments.csv --out scores.csv --contamination 0.01")
    sub.add_argument("table", type=pathlib.Path, help="a CSV file with a line of column names")
    sub.add_argument(
        "--out", required=True, help=f"the CSV file to write: the table, and {', '.join(ADDED)}"
    )
    helps = {
        "contamination": "the share of odd rows (default: 0.1)",
        "quantile": "odd is what scores above this quantile of the scores",
        "false_alarms": "how many of a thousand normal rows may be called odd",
    }
    for name, help_text in helps.items():
        option = f"--{name.replace('_', '-')}"
        sub.add_argument(option, type=float, metavar="NUMBER", help=help_text)
    sub.add_argument(
        "--clean",
        action="store_true",
        help="you know that all rows are normal: learn from them all",
    )
    sub.add_argument(
        "--keep",
        nargs="+",
        default=[],
        metavar="COLUMN",
        help="columns to leave out, such as a key",
    )
    csv_files.add_learning(sub)
    sub.add_argument("--picture", help="a picture of the scores, such as scores.png")


def _detect(options):
    out = console.check_out(options.out, (".csv",))
    picture = console.check_out(options.picture) if options.picture else None
    _check(options)
    names, rows = csv_files.read(options.table)
    columns, x = _numbers(options, names, rows)
    packages = ["sklearn", "matplotlib"] if picture else ["sklearn"]
    checks.packages(packages, "find odd rows", "datasets" if len(packages) == 1 else "plots")
    keras_ae = console.quiet_import(f"looking for odd rows in {options.table}")
    columns, x, detector = _fitted(options, columns, x)
    scores, contributions = -detector.score_samples(x), detector.contributions(x)
    odd = scores > detector.threshold_
    if options.save is not None:
        detector.feature_names_in_ = np.array(columns, dtype=object)
        detector.save_to_preset(options.save)
    _write(out, (names, rows), scores, odd, because(columns, contributions))
    oddest = int(np.argmax(scores))
    reason = columns[int(np.argmax(contributions[oddest]))]
    what = f"{console.count(len(rows), 'row')}, {odd.sum():,} of them odd"
    console.saved([out], f"{what}; the oddest is row {oddest + 2}, by {reason}")
    if picture:
        shares = keras_ae.plots.anomaly_scores(
            scores, detector.threshold_, contributions, columns, first_row=2
        )
        console.save(shares, picture, f"the scores of {options.table.name}")


def because(columns, contributions):
    """The columns that make each row odd, with their shares: list of str.

    Args:
        columns: list of str.
        contributions: array (n, columns), at least 0.
    """
    total = np.maximum(contributions.sum(axis=1, keepdims=True), 1e-300)
    texts = []
    for shares in contributions / total:
        places = np.argsort(-shares, kind="stable")[:REASONS]
        named = [f"{columns[i]} {shares[i]:.0%}" for i in places if round(shares[i], 2) > 0]
        texts.append("; ".join(named))
    return texts


def _check(options):
    """Raises ValueError or FileNotFoundError if the options do not fit together."""
    given = [name for name in LIMITS if getattr(options, name) is not None]
    shown = " and ".join(f"--{name.replace('_', '-')}" for name in given)
    if len(given) > 1:
        raise ValueError(
            "Expected one of --contamination, --quantile and --false-alarms at most. "
            f"Received: {shown}"
        )
    for name in given:
        value = getattr(options, name)
        if not 0 < value <= LIMITS[name]:
            raise ValueError(
                f"Expected {shown} in the range (0, {LIMITS[name]:g}]. Received: {value}"
            )
    checks.in_range(options.seed, "--seed", 0, 2**32 - 1)
    if options.model is not None and (given or options.clean):
        learning = shown or "--clean"
        raise ValueError(f"Expected --model to learn nothing. Received: {learning} beside it")
    csv_files.check_model(options, "detector.json")


def _numbers(options, names, rows):
    """The columns that count, and their values: list of str, array (n, columns)."""
    for name in options.keep:
        checks.one_of(name, "each column of --keep", names)
    for name in ADDED:
        if name in names:
            raise ValueError(f"Expected no column {name!r}, which is added. Received: one")
    columns = [name for name in names if name not in options.keep]
    if not columns:
        raise ValueError("Expected a column that is not in --keep. Received: none")
    x = csv_files.numbers(names, rows, columns)
    if options.model is None and len(x) < 2:
        raise ValueError("Expected at least two rows to learn from. Received: 1 row")
    return columns, x


def _fitted(options, columns, x):
    """The columns that count, their values, and the detector: fitted, or loaded."""
    from keras_ae.estimators import Detector

    if options.model is None:
        threshold = {name: getattr(options, name) for name in LIMITS}
        detector = Detector(clean=options.clean, random_state=options.seed, **threshold)
        return columns, x, detector.fit(x)
    detector = Detector.from_preset(options.model)
    learned = [str(name) for name in vars(detector).pop("feature_names_in_", columns)]
    if set(learned) != set(columns) or len(learned) != x.shape[1]:
        lacking = [name for name in learned if name not in columns]
        extra = [name for name in columns if name not in learned]
        raise ValueError(
            f"Expected the columns that --model learned: {', '.join(learned)}. Received: "
            f"{'no ' * bool(lacking)}{', '.join(lacking)}{' but ' * bool(lacking and extra)}"
            f"{', '.join(extra)}"
        )
    return learned, x[:, [columns.index(name) for name in learned]], detector


def _write(out, table, scores, odd, reasons):
    """Writes the table with three more columns, whole or not at all."""
    names, rows = table
    with (
        files.replacing(out, "the table") as part,
        open(part, "w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file)
        writer.writerow([*names, *ADDED])
        for row, score, is_odd, reason in zip(rows, scores, odd, reasons, strict=True):
            writer.writerow([*row, f"{score:.6g}", "yes" if is_odd else "no", reason])
