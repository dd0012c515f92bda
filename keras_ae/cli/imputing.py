"""The command that fills missing values in a CSV file: keras-ae impute."""

import csv
import pathlib

import numpy as np

from keras_ae.cli import checks, console, csv_files
from keras_ae.utils import files

MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None")
DRAW = "draw"  # the column that numbers the draws


def add_commands(command):
    """Adds the command to the parser. command(name, run, text, example) -> the parser of one."""
    text = "Fill the missing values of a table, from what the other columns tell."
    sub = command("impute", _impute, text, "patients.csv --out filled.csv")
    sub.add_argument("table", type=pathlib.Path, help="a CSV file with a line of column names")
    sub.add_argument("--out", required=True, help="the CSV file to write, with all values filled")
    sub.add_argument(
        "--draws",
        type=int,
        help=f"write so many tables below each other, numbered by the column {DRAW!r}, in which "
        "missing values are drawn at random (default: one table with their means)",
    )
    sub.add_argument(
        "--keep", nargs="+", default=[], metavar="COLUMN", help="columns to leave as they are"
    )
    csv_files.add_learning(sub)


def _impute(options):
    out = console.check_out(options.out, (".csv",))
    checks.in_range(options.draws, "--draws", 1, 10_000)
    checks.in_range(options.seed, "--seed", 0, 2**32 - 1)
    csv_files.check_model(options, "imputer.json")
    names, rows = csv_files.read(options.table)
    if options.draws is not None and DRAW in names:
        raise ValueError(f"Expected no column {DRAW!r} with --draws. Received: one")
    columns, x = _numbers(names, rows, options.keep)
    if options.model is None:
        _check_columns(columns, x)
    checks.packages(["sklearn"], "fill missing values", "datasets")
    console.quiet_import(f"filling {options.table}")
    columns, x, imputer = _fitted(options, columns, x)
    tables = [imputer.transform(x)] if options.draws is None else imputer.draws(x, options.draws)
    _write(out, (names, rows), columns, tables, numbered=options.draws is not None)
    if options.save is not None:
        imputer.feature_names_in_ = np.array(columns, dtype=object)
        imputer.save_to_preset(options.save)
    kept = [name for name in names if name not in columns]
    note = f"; left as they are: {', '.join(kept)}" if kept else ""
    console.saved([out], f"{console.count(int(np.isnan(x).sum()), 'value')} filled{note}")


def _fitted(options, columns, x):
    """The columns to fill, their values, and the imputer: fitted, or loaded."""
    from keras_ae.estimators import Imputer

    if options.model is None:
        return columns, x, Imputer(random_state=options.seed).fit(x)
    imputer = Imputer.from_preset(options.model)
    learned = [str(name) for name in vars(imputer).pop("feature_names_in_", columns)]
    lacking = [name for name in learned if name not in columns]
    if lacking or len(learned) != imputer.n_features_in_:
        raise ValueError(
            f"Expected the columns of numbers that --model learned: {', '.join(learned)}. "
            f"Received: no {' and no '.join(lacking)}"
        )
    return learned, x[:, [columns.index(name) for name in learned]], imputer


def _check_columns(columns, x):
    """Raises ValueError if a column holds no value to learn from, or there is one row only."""
    empty = [name for name, values in zip(columns, x.T, strict=True) if np.isnan(values).all()]
    if empty:
        raise ValueError(
            f"Expected at least one value in each column, or --keep {' '.join(empty)} to leave "
            f"it as it is. Received: none in {', '.join(empty)}"
        )
    if len(x) < 2:
        raise ValueError("Expected at least two rows to learn from. Received: 1 row")


def _numbers(names, rows, keep):
    """The columns of numbers and their values: list of str, float array (n, columns).

    A column without any number is text, and is left as it is.

    Raises:
        ValueError: a column holds numbers and text; there is no column of numbers.
    """
    for name in keep:
        checks.one_of(name, "each column of --keep", names)
    columns, values = [], []
    for name, cells in zip(names, zip(*rows, strict=True), strict=True):
        numbers = [_number(cell) for cell in cells]
        some = [number for number in numbers if number is not None and not np.isnan(number)]
        empty = all(cell.strip() in MISSING for cell in cells)
        if name in keep or not (some or empty):
            continue
        if None in numbers:
            row = numbers.index(None)
            raise ValueError(
                f"Expected only numbers in the column {name!r}, or --keep {name} to leave it as "
                f"it is. Received: {cells[row]!r} in row {row + 2}"
            )
        columns.append(name)
        values.append(numbers)
    if not columns:
        raise ValueError(f"Expected a column of numbers. Received: {', '.join(names)}")
    return columns, np.array(values).T


def _number(cell):
    """The number in a cell; NaN where it is missing, None for text."""
    if cell.strip() in MISSING:
        return np.nan
    try:
        return float(cell)
    except ValueError:
        return None


def _write(out, table, columns, tables, numbered):
    """Writes the table with the filled values; what was there keeps its own text."""
    names, rows = table
    places = [names.index(column) for column in columns]
    with (
        files.replacing(out, "the table") as part,
        open(part, "w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file)
        writer.writerow([*([DRAW] if numbered else []), *names])
        for k, filled in enumerate(tables, start=1):
            for row, values in zip(rows, filled, strict=True):
                cells = list(row)
                for place, value in zip(places, values, strict=True):
                    if cells[place].strip() in MISSING:
                        cells[place] = f"{value:.7g}"
                writer.writerow([*([k] if numbered else []), *cells])
