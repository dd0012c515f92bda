"""Examples in a file of numbers: a .csv, .npy or .npz file, read without pandas."""

import csv
import math
import pathlib
import zipfile

import numpy as np

SUFFIXES = (".csv", ".npy", ".npz")


def read(path, shape, option="--data"):
    """The examples of a file.

    A .csv file has one example per line, its values side by side, and may begin with a line of
    names. An empty cell is a missing value, NaN. A .npz file has the array x, or one array only.

    Args:
        path: pathlib.Path.
        shape: tuple, the shape of one example.
        option: str, what the messages call the path.

    Returns:
        array (n, *shape).

    Raises:
        ValueError: the file ends otherwise, is damaged, or holds something else than numbers; the
            examples have another shape.
        FileNotFoundError: there is no such file.
    """
    path = pathlib.Path(path)
    if path.suffix.lower() not in SUFFIXES:
        known = ", ".join(SUFFIXES)
        raise ValueError(f"Expected {option} to end in one of {known}. Received: {str(path)!r}")
    if not path.is_file():
        raise FileNotFoundError(f"Expected {option} to be a file. Received: {str(path)!r}")
    x = _table(path) if path.suffix.lower() == ".csv" else _array(path)
    if x.shape[1:] != shape and x.ndim == 2 and x.shape[1] == math.prod(shape):
        x = x.reshape(-1, *shape)  # (n, values) -> (n, *shape)
    if x.shape[1:] not in (shape, shape[:-1] if shape[-1] == 1 else shape):
        raise ValueError(
            f"Expected {path} to hold examples of the shape {shape}, or {math.prod(shape)} values "
            f"each. Received: {x.shape[1:]}"
        )
    return x


def _table(path):
    with open(path, encoding="utf-8-sig", newline="") as file:
        lines = [line for line in csv.reader(file) if line]
    if lines and all(_number(cell) is None for cell in lines[0]):
        del lines[0]  # names of the columns
    if not lines:
        raise ValueError(f"Expected {path} to hold at least one line of numbers. Received: none")
    rows = []
    for line in lines:
        row = [_number(cell) for cell in line]
        if None in row or len(row) != len(lines[0]):
            received = f"{len(row)} values" if None not in row else repr(line[row.index(None)])
            raise ValueError(
                f"Expected line {len(rows) + 1} of the numbers in {path} to hold "
                f"{len(lines[0])} numbers. Received: {received}"
            )
        rows.append(row)
    return np.array(rows)


def _number(cell):
    """The number in a cell of text: NaN if it is empty, None if it holds something else."""
    try:
        return float(cell) if cell.strip() else math.nan
    except ValueError:
        return None


def _array(path):
    try:
        with open(path, "rb") as file:
            found = np.load(file, allow_pickle=False)
            if isinstance(found, np.ndarray):
                return np.atleast_2d(found)
            name = "x" if "x" in found.files or len(found.files) != 1 else found.files[0]
            return np.atleast_2d(found[name])
    except (KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"Expected {path} to hold one array of numbers, or an array with the name x. "
            f"Received: {type(error).__name__}: {error}"
        ) from error
