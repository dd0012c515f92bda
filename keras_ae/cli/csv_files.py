"""Tables in CSV files, read without pandas, and the options of the commands that learn from them.

A table is a line of column names, and rows below it.
"""

import csv
import math
import pathlib

import numpy as np

from keras_ae.cli import console


def add_learning(sub):
    """Adds the options --save, --model and --seed to the parser of a command."""
    sub.add_argument("--save", type=pathlib.Path, help="a folder: save what was learned there")
    sub.add_argument(
        "--model", type=pathlib.Path, help="a folder that --save wrote: use it and learn nothing"
    )
    sub.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")


def check_model(options, mark):
    """Raises an error if --model stands beside --save, or holds no file of the name `mark`."""
    if options.model is None:
        return
    if options.save is not None:
        raise ValueError("Expected --save or --model. Received: both")
    if not (options.model / mark).is_file():
        raise FileNotFoundError(
            f"Expected --model to be a folder that --save wrote. Received: {str(options.model)!r}"
        )


def read(path):
    """The column names and the rows of a CSV file: list of str, list of lists of str.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no such table.
    """
    with open(path, newline="", encoding="utf-8-sig") as file:
        try:
            lines = [row for row in csv.reader(file) if row]
        except (csv.Error, UnicodeDecodeError) as error:
            raise ValueError(
                f"Expected a CSV file in UTF-8. Received: {str(path)!r}, {error}"
            ) from error
    if len(lines) < 2:
        raise ValueError(
            f"Expected a line of column names and rows below it. Received: {str(path)!r} with "
            f"{console.count(len(lines), 'line')}"
        )
    names, *rows = lines
    if len(set(names)) < len(names):
        raise ValueError(f"Expected different column names. Received: {', '.join(names)}")
    for i, row in enumerate(rows, start=2):
        if len(row) != len(names):
            raise ValueError(
                f"Expected {len(names)} values in each row. Received: {len(row)} in row {i} of "
                f"{str(path)!r}"
            )
    return names, rows


def numbers(names, rows, wanted):
    """The values of the wanted columns: float array (n, columns).

    Args:
        names, rows: as `read` returns them.
        wanted: list of str, some of the names.

    Raises:
        ValueError: a cell of these columns holds no finite number.
    """
    cells = {name: [row[names.index(name)] for row in rows] for name in wanted}
    columns = {name: [_number(cell) for cell in column] for name, column in cells.items()}
    _check_numbers(cells, columns)
    return np.array(list(columns.values()), "float64").T


def _check_numbers(cells, columns):
    """ValueError if a number is None. Columns of text come first, then those with empty cells.

    cells, columns: dicts of lists, of str and of what `_number` makes of them.
    """
    wrong = {}  # {name: the row to show, and whether its cell is empty}
    for name, numbers in columns.items():
        rows = [row for row, number in enumerate(numbers) if number is None]
        filled = [row for row in rows if cells[name][row].strip()]
        if rows:
            wrong[name] = (filled or rows)[0], not filled
    if not wrong:
        return
    empty = all(is_empty for _, is_empty in wrong.values())
    named = [name for name in wrong if wrong[name][1] == empty]
    row = wrong[named[0]][0]
    hint = ". keras-ae impute fills missing values" if empty else ""
    leaves = "leaves it out" if len(named) == 1 else "leaves out all columns like it"
    raise ValueError(
        f"Expected only numbers in the column {named[0]!r}; --keep {' '.join(named)} {leaves}. "
        f"Received: {cells[named[0]][row]!r} in row {row + 2}{hint}"
    )


def _number(cell):
    """The finite number in a cell of text, or None."""
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
