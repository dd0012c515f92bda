"""Tables in CSV files: a line of column names, and rows below it. Read without pandas."""

import csv
import math

import numpy as np

from keras_ae.cli import console


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
    columns = []
    for name in wanted:
        place = names.index(name)
        column = [_number(row[place]) for row in rows]
        if None in column:
            row = column.index(None)
            cell = rows[row][place]
            hint = "keras-ae impute fills missing values" if not cell.strip() else ""
            raise ValueError(
                f"Expected only numbers in the column {name!r}; --keep {name} leaves it out. "
                f"Received: {cell!r} in row {row + 2}{'. ' * bool(hint)}{hint}"
            )
        columns.append(column)
    return np.array(columns, "float64").T


def _number(cell):
    """The finite number in a cell of text, or None."""
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
